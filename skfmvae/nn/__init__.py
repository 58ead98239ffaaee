"""Network parts: encoders and decoders, and the likelihoods ``p(x | z)``."""

from .likelihoods import (
    Bernoulli,
    Categorical,
    Gaussian,
    Likelihood,
    LikelihoodModule,
    NegativeBinomial,
    Poisson,
    resolve_likelihood,
)
from .networks import MLP, Branches, Conv, build_branches, build_network

__all__ = [
    "MLP",
    "Bernoulli",
    "Branches",
    "Categorical",
    "Conv",
    "Gaussian",
    "Likelihood",
    "LikelihoodModule",
    "NegativeBinomial",
    "Poisson",
    "build_branches",
    "build_network",
    "resolve_likelihood",
]
