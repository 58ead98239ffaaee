"""Likelihoods ``p(x | z)``, one file for each kind of column."""

from .base import Likelihood, LikelihoodModule
from .bernoulli import Bernoulli
from .categorical import Categorical
from .counts import NegativeBinomial, Poisson
from .gaussian import Gaussian, column_origin
from .resolve import LIKELIHOODS, resolve_likelihood

__all__ = [
    "LIKELIHOODS",
    "Bernoulli",
    "Categorical",
    "Gaussian",
    "Likelihood",
    "LikelihoodModule",
    "NegativeBinomial",
    "Poisson",
    "column_origin",
    "resolve_likelihood",
]
