"""Likelihood of real values."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor, distributions, nn

from skfmvae._utils.checks import FARTHEST, refuse
from skfmvae._utils.large import blocks

from .base import Likelihood, LikelihoodModule, over_columns
from .blocks import column_statistics

__all__ = ["Gaussian", "GaussianModule", "column_origin"]

# Learning rate of the scales, in units of that of the networks: scales have further to
# go, from the deviation of a column to that of the noise on it.
# docs/decisions/035-scale-rate.md.
SCALE_RATE = 5.0
# The least scale, as a share of a column's deviation: noise cannot vanish.
MIN_SCALE = 0.01
# Standard deviations between a column's mean and zero that cost ten of float32's 24
# bits.
FAR = 1000.0


class Gaussian(Likelihood):
    """Real values with independent normal noise on every column.

    The density is in the data's own units; networks work on standardised columns:
    ``x_j ~ N(mean_j + std_j h_j, scale_j²)``, where ``mean_j`` and ``std_j`` are those
    of the training rows (``std_j = 1`` for a constant column). Distances between rows
    are taken between standardised columns, too. Columns that share a unit are divided
    by one standard deviation, the root mean square of theirs. The columns of a sparse
    matrix share a unit; so do, where most columns have one range, as pixels and
    indicators have, all columns within this range.

    Parameters
    ----------
    learn_scale : bool, default=True
        Whether each column's ``scale_j = std_j (exp(5 s_j) + min_scale)`` is learned,
        starting with ``s_j = 0``. The factor makes scales learn faster than networks.
    scale : float or array-like of shape (n_columns,), default=1.0
        The fixed scale in the data's own units, where it is not learned.
    min_scale : float, default=0.01
        The smallest scale that can be learned, as a share of ``std_j``.

    Notes
    -----
    With a learned scale the bound itself balances reconstruction against the
    divergences of the latents (Rybkin et al. 2021, https://arxiv.org/abs/2006.13202).

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import Gaussian
    >>> likelihood = Gaussian().build(np.eye(3, dtype=np.float32))
    >>> sorted(name for name, parameter in likelihood.named_parameters())
    ['log_scale']
    """

    allows_shifts = True

    def __init__(
        self, learn_scale: bool = True, scale: Any = 1.0, min_scale: float = MIN_SCALE
    ):
        self.learn_scale = learn_scale
        self.scale = scale
        self.min_scale = min_scale

    def build(self, X: Any) -> LikelihoodModule:
        """Build the module; see `Likelihood.build`."""
        n_columns = X.shape[1]
        if not isinstance(self.min_scale, Real) or not 0 < float(self.min_scale) < 1:
            remedy = "choose a number between 0 and 1"
            refuse(self, "min_scale", self.min_scale, remedy)
        scale = np.asarray(self.scale, dtype=np.float32)
        positive = np.isfinite(scale).all() and (scale > 0).all()
        if not positive or scale.shape not in {(), (n_columns,)}:
            remedy = (
                f"give one positive number, or one for each of the {n_columns} columns"
            )
            refuse(self, "scale", self.scale, remedy)
        module = GaussianModule(n_columns, self.learn_scale, float(self.min_scale))
        module.check_support(X)
        module.fit_columns(X)
        module.fixed_scale[:] = torch.as_tensor(scale)
        return module


class GaussianModule(LikelihoodModule):
    """Decoder outputs are locations in standardised columns."""

    name = "Gaussian"
    support = "the finite numbers"
    remedy = "remove or impute the value"

    mean: Tensor
    std: Tensor
    unit: Tensor  # of distance, in each column
    fixed_scale: Tensor
    log_scale: Tensor | None

    def __init__(self, n_columns: int, learn_scale: bool, min_scale: float):
        super().__init__(n_columns)
        self.min_scale = min_scale
        self.register_buffer("mean", torch.zeros(n_columns))
        self.register_buffer("std", torch.ones(n_columns))
        self.register_buffer("unit", torch.ones(n_columns))
        self.register_buffer("fixed_scale", torch.ones(n_columns))
        log_scale = nn.Parameter(torch.zeros(n_columns)) if learn_scale else None
        self.register_parameter("log_scale", log_scale)

    def fit_columns(self, X: Any) -> None:
        """Set means, deviations and units of distance to those of the columns."""
        mean, std = column_statistics(X)
        self.mean[:] = torch.as_tensor(mean)
        self.std[:] = torch.as_tensor(std)
        self.unit[:] = torch.as_tensor(_units(X, std))

    @property
    def scale(self) -> Tensor:
        """Standard deviation of the noise on every column, shape (D,)."""
        if self.log_scale is None:
            return self.fixed_scale
        return self.std * ((SCALE_RATE * self.log_scale).exp() + self.min_scale)

    def features(self, x: Tensor) -> Tensor:
        return ((x - self.mean) / self.std).clamp(-FARTHEST, FARTHEST)

    def comparable(self, X: Any) -> Any:
        mean, unit = self.mean.cpu().numpy(), self.unit.cpu().numpy()
        return X.multiply(1 / unit).tocsr() if issparse(X) else (X - mean) / unit

    def moved(self, x: Tensor, step: Tensor) -> Tensor:
        return x + self.unit * step

    def forward(self, h: Tensor) -> distributions.Distribution:
        location = self.mean + self.std * h
        return over_columns(_Normal(location, self.scale, validate_args=False))

    def in_support(self, values: np.ndarray) -> np.ndarray:
        return np.isfinite(values)


class _Normal(distributions.Normal):
    def log_prob(self, value: Tensor) -> Tensor:
        # torch's squares the scale first, which float32 rounds to zero below 1e-19.
        residual = (value - self.loc) / self.scale
        return -residual.square() / 2 - self.scale.log() - math.log(2 * math.pi) / 2


def column_origin(likelihood: Likelihood, X: Any) -> np.ndarray | None:
    """Return what to subtract from columns before they are rounded to float32.

    Parameters
    ----------
    likelihood : Likelihood
        Only columns that it allows to be shifted are.
    X : ndarray or CSR matrix of shape (n_samples, n_columns)
        The training rows, before they are rounded to float32.

    Returns
    -------
    origin : float64 ndarray of shape (n_columns,) or None
        The means of columns that are far from zero for their spread, 0 for others; None
        where there is no such column, or where `X` is in float32 already.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import Gaussian, column_origin
    >>> column_origin(Gaussian(), np.array([[1e9, 0.0], [1e9 + 2, 1.0]])).tolist()
    [1000000001.0, 0.0]
    """
    may_shift = np.asarray(getattr(likelihood, "allows_shifts", False))
    if not may_shift.any() or issparse(X) or X.dtype == np.float32:
        return None
    mean, std = column_statistics(X)
    far = may_shift & (np.abs(mean) > FAR * std)
    return np.where(far, mean, 0.0) if far.any() else None


def _units(X: Any, std: np.ndarray) -> np.ndarray:
    """Return the unit of distance in each column, see :class:`Gaussian`.

    docs/decisions/001-column-scale.md compares it with other units.
    """
    if issparse(X):
        is_shared, varies = np.full(len(std), True), np.full(len(std), False)
        for some in blocks(X.data):
            columns, values = X.indices[some], X.data[some]
            varies[columns[(values != 0) & ~np.isnan(values)]] = True
    else:
        low = high = np.full(len(std), np.nan)
        for rows in blocks(X):
            low = np.fmin(low, np.fmin.reduce(X[rows], axis=0))
            high = np.fmax(high, np.fmax.reduce(X[rows], axis=0))
        varies = low < high
        ranges, counts = np.unique(
            np.stack([low, high])[:, varies], axis=1, return_counts=True
        )
        if not varies.any() or counts.max() <= varies.sum() / 2:
            return std
        lowest, highest = ranges[:, counts.argmax()]
        is_shared = (low >= lowest) & (high <= highest)
    if not (is_shared & varies).any():
        return std
    common = np.sqrt(np.mean(std[is_shared & varies] ** 2))
    return np.where(is_shared, common, std)
