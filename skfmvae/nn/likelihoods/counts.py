"""Likelihoods of counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor, distributions, nn
from torch.nn import functional

from .base import Likelihood, LikelihoodModule, over_columns
from .blocks import column_statistics

__all__ = [
    "NegativeBinomial",
    "NegativeBinomialModule",
    "Poisson",
    "PoissonModule",
    "is_count",
]

LARGEST_COUNT = 1e38  # above it older versions of torch have an infinite log1p
SMALLEST_RATE = 1e-6  # of a count, relative to the mean of its column
SMALLEST_DISPERSION = 1e-4  # below it differences of lgamma are lost in float32


class Poisson(Likelihood):
    """Counts whose variance is their mean.

    The rate is ``mean_j (softplus(h_j + c) + 1e-6)``, where ``mean_j`` is the mean of
    the column in the training rows and ``c`` makes it the rate at ``h_j = 0``. It
    falls like an exponential and rises like a line, so it cannot overflow.

    Parameters
    ----------
    exposure : "auto", str, int or None, default=None
        What the rate is multiplied by, such as the time of observation or the length of
        a text: the sum of a row's counts, a column of `X` by its name or number, which
        is then not modelled, or nothing. Its unit is its median over training rows;
        generated rows have an exposure of one unit.

    See Also
    --------
    NegativeBinomial : Counts that vary more.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import Poisson
    >>> likelihood = Poisson().build(np.array([[0.0, 2.0], [1.0, 40.0]]))
    >>> likelihood.n_outputs
    2
    """

    def __init__(self, exposure: Any = None):
        self.exposure = exposure

    def build(self, X: Any) -> LikelihoodModule:
        """Build the module; see `Likelihood.build`."""
        module = PoissonModule(X.shape[1], self.exposure is not None)
        return module.fit_columns(X)


class NegativeBinomial(Likelihood):
    """Counts with variance ``mean + dispersion mean²``.

    The mean is that of :class:`Poisson`. The dispersion ``exp(a_j) + 1e-4``, the
    inverse of the number of successes in the usual form, is learned for each column
    and starts with ``a_j = 0``.

    Parameters
    ----------
    exposure : "auto", str, int or None, default=None
        As for :class:`Poisson`.

    See Also
    --------
    Poisson : The limit of no dispersion.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import NegativeBinomial
    >>> likelihood = NegativeBinomial().build(np.array([[0.0, 2.0], [1.0, 40.0]]))
    >>> sorted(name for name, parameter in likelihood.named_parameters())
    ['log_dispersion']
    """

    def __init__(self, exposure: Any = None):
        self.exposure = exposure

    def build(self, X: Any) -> LikelihoodModule:
        """Build the module; see `Likelihood.build`."""
        module = NegativeBinomialModule(X.shape[1], self.exposure is not None)
        return module.fit_columns(X)


class CountModule(LikelihoodModule):
    """Module of counts, with log1p features and an expected count."""

    support = "the counts 0, 1, 2, ..."
    remedy = "use likelihood='gaussian' for values that are no counts"

    mean: Tensor
    log1p_mean: Tensor

    def __init__(self, n_columns: int, takes_exposure: bool = False):
        super().__init__(n_columns)
        self.takes_exposure = takes_exposure
        self.register_buffer("mean", torch.ones(n_columns))
        self.register_buffer("log1p_mean", torch.zeros(n_columns))

    def fit_columns(self, X: Any) -> CountModule:
        """Check `X` and store the means of its columns."""
        self.check_support(X)
        # A column of zeros has the mean of a single count.
        mean = np.maximum(column_statistics(X)[0], 1 / X.shape[0])
        self.mean[:] = torch.as_tensor(mean)
        self.log1p_mean[:] = torch.as_tensor(column_statistics(X, _log1p)[0])
        return self

    def features(self, x: Tensor) -> Tensor:
        # Not divided by the standard deviation, which would inflate rare counts.
        return self._log1p(x) - self.log1p_mean

    def comparable(self, X: Any) -> Any:
        return _log1p(X)

    def moved(self, x: Tensor, step: Tensor) -> Tensor:
        return (self._log1p(x) + step).expm1().clamp_min(0)

    def in_support(self, values: np.ndarray) -> np.ndarray:
        return is_count(values)

    def _log1p(self, x: Tensor) -> Tensor:
        return x.clamp(0, LARGEST_COUNT).log1p()

    def _expected_count(self, h: Tensor, exposure: Tensor | None) -> Tensor:
        one_at_zero = functional.softplus(h + math.log(math.e - 1))
        expected = self.mean * (one_at_zero + SMALLEST_RATE)
        return expected if exposure is None else expected * exposure


class PoissonModule(CountModule):
    """Decoder outputs become rates, see :class:`Poisson`."""

    name = "Poisson"

    def forward(
        self, h: Tensor, exposure: Tensor | None = None
    ) -> distributions.Distribution:
        rate = self._expected_count(h, exposure)
        return over_columns(distributions.Poisson(rate, validate_args=False))


class NegativeBinomialModule(CountModule):
    """Decoder outputs become means, see :class:`NegativeBinomial`."""

    name = "NegativeBinomial"

    def __init__(self, n_columns: int, takes_exposure: bool = False):
        super().__init__(n_columns, takes_exposure)
        self.log_dispersion = nn.Parameter(torch.zeros(n_columns))

    @property
    def dispersion(self) -> Tensor:
        """Excess of the variance over the mean, as a share of mean², shape (D,)."""
        return self.log_dispersion.exp() + SMALLEST_DISPERSION

    def forward(
        self, h: Tensor, exposure: Tensor | None = None
    ) -> distributions.Distribution:
        logits = (self.dispersion * self._expected_count(h, exposure)).log()
        return over_columns(
            distributions.NegativeBinomial(
                1 / self.dispersion, logits=logits, validate_args=False
            )
        )


def is_count(values: np.ndarray) -> np.ndarray:
    """Return which values are counts 0, 1, 2, ..."""
    return np.isfinite(values) & (values >= 0) & (values == np.floor(values))


def _log1p(X: Any) -> Any:
    return X.log1p() if issparse(X) else np.log1p(X)
