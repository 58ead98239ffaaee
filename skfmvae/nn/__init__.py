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
from .networks import MLP, Conv, build_network

__all__ = [
    "MLP",
    "Bernoulli",
    "Categorical",
    "Conv",
    "Gaussian",
    "Likelihood",
    "LikelihoodModule",
    "NegativeBinomial",
    "Poisson",
    "build_network",
    "resolve_likelihood",
]
