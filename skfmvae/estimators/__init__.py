"""The estimators and the settings that only one of them takes."""

from .factorial_mixture import FactorialMixtureVAE, Mixture
from .semafo import LabelAutoencoder, Levels, ObjectiveWeights, SemafoVAE
from .semi_supervised import Inference, SemiSupervisedVAE

__all__ = [
    "FactorialMixtureVAE",
    "Inference",
    "LabelAutoencoder",
    "Levels",
    "Mixture",
    "ObjectiveWeights",
    "SemafoVAE",
    "SemiSupervisedVAE",
]
