"""The probabilistic models, plain torch: one paper, one file."""

from .base import Evaluation, Labels, Model, Term
from .factorial_mixture import FactorialMixture
from .semafo import Semafo
from .semi_supervised import SemiSupervised

__all__ = [
    "Evaluation",
    "FactorialMixture",
    "Labels",
    "Model",
    "Semafo",
    "SemiSupervised",
    "Term",
]
