"""Network parts: encoders and decoders, and the likelihoods ``p(x | z)``."""

from .branches import Branches
from .conv import Conv
from .levels import Level, build_levels
from .likelihoods import (
    LIKELIHOODS,
    Bernoulli,
    Categorical,
    CensoredGaussian,
    Columns,
    ContinuousBernoulli,
    Gaussian,
    Likelihood,
    LikelihoodModule,
    LikelihoodWithGaps,
    LogNormal,
    NegativeBinomial,
    Nonparanormal,
    Ordinal,
    Poisson,
    build_given,
    column_origin,
    exposure_columns,
    resolve_likelihood,
)
from .mlp import MLP
from .networks import NETWORKS, build_branches, build_network, build_stages

__all__ = [
    "LIKELIHOODS",
    "MLP",
    "NETWORKS",
    "Bernoulli",
    "Branches",
    "Categorical",
    "CensoredGaussian",
    "Columns",
    "ContinuousBernoulli",
    "Conv",
    "Gaussian",
    "Level",
    "Likelihood",
    "LikelihoodModule",
    "LikelihoodWithGaps",
    "LogNormal",
    "NegativeBinomial",
    "Nonparanormal",
    "Ordinal",
    "Poisson",
    "build_branches",
    "build_given",
    "build_levels",
    "build_network",
    "build_stages",
    "column_origin",
    "exposure_columns",
    "resolve_likelihood",
]
