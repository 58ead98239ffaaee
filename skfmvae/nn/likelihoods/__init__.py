"""Likelihoods ``p(x | z)``, one file for each kind of column."""

from .base import Likelihood, LikelihoodModule
from .bernoulli import Bernoulli
from .categorical import Categorical
from .censored_gaussian import CensoredGaussian
from .columns import Columns
from .continuous_bernoulli import ContinuousBernoulli
from .counts import NegativeBinomial, Poisson
from .gaps import LikelihoodWithGaps
from .gaussian import Gaussian, column_origin
from .given import build_given, exposure_columns
from .log_normal import LogNormal
from .nonparanormal import Nonparanormal
from .ordinal import Ordinal
from .resolve import LIKELIHOODS, resolve_likelihood

__all__ = [
    "LIKELIHOODS",
    "Bernoulli",
    "Categorical",
    "CensoredGaussian",
    "Columns",
    "ContinuousBernoulli",
    "Gaussian",
    "Likelihood",
    "LikelihoodModule",
    "LikelihoodWithGaps",
    "LogNormal",
    "NegativeBinomial",
    "Nonparanormal",
    "Ordinal",
    "Poisson",
    "build_given",
    "column_origin",
    "exposure_columns",
    "resolve_likelihood",
]
