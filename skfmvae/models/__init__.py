"""The probabilistic models, plain torch: one paper, one file."""

from .base import Model, Term
from .factorial_mixture import FactorialMixture

__all__ = ["FactorialMixture", "Model", "Term"]
