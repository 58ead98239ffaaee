"""The probabilistic models, plain torch: one paper, one file."""

from .base import Evaluation, Model, Term
from .factorial_mixture import FactorialMixture

__all__ = ["Evaluation", "FactorialMixture", "Model", "Term"]
