"""The estimators, their base, and the settings that only one of them takes."""

from .base import BaseVAE
from .factorial_mixture import FactorialMixtureVAE, Mixture
from .imputer import Imputer
from .semafo import SemafoVAE
from .semafo_settings import LabelAutoencoder, Levels, SemafoObjective
from .semi_supervised import Inference, SemiSupervisedVAE
from .settings import settings_of

__all__ = [
    "BaseVAE",
    "FactorialMixtureVAE",
    "Imputer",
    "Inference",
    "LabelAutoencoder",
    "Levels",
    "Mixture",
    "SemafoObjective",
    "SemafoVAE",
    "SemiSupervisedVAE",
    "settings_of",
]
