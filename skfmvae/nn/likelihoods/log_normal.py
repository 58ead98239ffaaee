"""Likelihood of positive values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor, distributions

from .base import NO_SHAPE, Likelihood, LikelihoodModule, over_columns
from .blocks import column_statistics
from .gaussian import MIN_SCALE, GaussianModule

__all__ = ["LogNormal", "LogNormalModule"]

LARGEST_LOG = 80.0  # of an expectation or a draw; float32 ends at 88
SMALLEST = 1e-35  # value that networks see


class LogNormal(Likelihood):
    """Positive values whose logarithms have normal noise.

    On the logarithms it is a :class:`Gaussian` with learned scales; the density is that
    of the values, in their own units. The expectation is the mean, not the median.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import LogNormal
    >>> LogNormal().build(np.array([[0.1, 2.0], [1.0, 1e6]])).n_outputs
    2
    """

    def build(self, X: Any) -> LikelihoodModule:
        """Build the module; see `Likelihood.build`."""
        module = LogNormalModule(X.shape[1])
        module.check_support(X)
        mean, std = column_statistics(X, _log)
        module.mean[:], module.std[:] = torch.as_tensor(mean), torch.as_tensor(std)
        module.unit[:] = module.std
        return module


class LogNormalModule(GaussianModule):
    """Decoder outputs are locations in standardised columns of logarithms."""

    name = "LogNormal"
    support = "the positive numbers"
    remedy = "use likelihood='gaussian' for columns with values of 0 or less"

    def __init__(self, n_columns: int):
        super().__init__(n_columns, learn_scale=True, min_scale=MIN_SCALE)
        self.placeholder[:] = 1.0

    def features(self, x: Tensor) -> Tensor:
        # Rows to come may hold what training rows could not.
        return super().features(x.clamp_min(SMALLEST).log())

    def comparable(self, X: Any) -> Any:
        return super().comparable(_log(X))

    def moved(self, x: Tensor, step: Tensor) -> Tensor:
        return x * (self.unit * step).exp()

    def forward(self, h: Tensor) -> distributions.Distribution:
        location = self.mean + self.std * h
        return over_columns(_LogNormal(location, self.scale, validate_args=False))

    def expectation(self, distribution: distributions.Distribution) -> Tensor:
        logs = distribution.base_dist  # type: ignore[attr-defined]
        mean = logs.loc + logs.scale.square() / 2
        return mean.clamp_max(LARGEST_LOG).exp()

    def in_support(self, values: np.ndarray) -> np.ndarray:
        return np.isfinite(values) & (values > 0)

    def check_support(self, X: Any) -> None:
        # Zeros that a sparse matrix does not store count, too.
        super().check_support(X.toarray() if issparse(X) else X)


class _LogNormal(distributions.LogNormal):
    def sample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        # Values that float32 would round to zero or to infinity cannot occur.
        drawn = super().sample(sample_shape)
        return drawn.clamp(SMALLEST, math.exp(LARGEST_LOG))


def _log(X: Any) -> np.ndarray:
    return np.log(X.toarray() if issparse(X) else X)
