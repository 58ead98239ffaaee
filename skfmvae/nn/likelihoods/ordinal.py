"""Likelihood of categories with an order."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from scipy.special import logit
from torch import Tensor, distributions, nn
from torch.nn.functional import logsigmoid, softplus

from skfmvae._utils.checks import FARTHEST
from skfmvae._utils.large import blocks

from .base import Likelihood, LikelihoodModule, over_columns
from .blocks import column_statistics
from .categorical import CodesModule, numbers_of_codes

__all__ = ["Ordinal", "OrdinalModule"]

LEAST_STEP = 1e-3  # between thresholds, in logits, so that no category vanishes


class Ordinal(Likelihood):
    """Ordered categories, encoded as 0, 1, 2, ..., by cumulative logits.

    ``p(x_j <= c) = sigmoid(t_jc - h_j)`` with one decoder output a column and
    thresholds ``t_j1 < t_j2 < ...`` that are learned, starting at those of the training
    rows (McCullagh 1980, https://doi.org/10.1111/j.2517-6161.1980.tb01109.x).

    Parameters
    ----------
    n_categories : int, array-like of shape (n_columns,) or None, default=None
        Number of categories of all columns, or of each. None takes the largest value of
        each column in the training rows plus one.

    Notes
    -----
    Networks see the standardised code. The expectation is the median, which is never
    further from a value, on average, than any other code.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import Ordinal
    >>> Ordinal().build(np.array([[0.0, 2.0], [1.0, 1.0]])).n_outputs
    2
    """

    allows_steps = False

    def __init__(self, n_categories: Any = None):
        self.n_categories = n_categories

    def build(self, X: Any) -> LikelihoodModule:
        """Build the module; see `Likelihood.build`."""
        module = OrdinalModule(numbers_of_codes(self, X))
        module.check_support(X)
        mean, std = column_statistics(X)
        module.mean[:], module.std[:] = torch.as_tensor(mean), torch.as_tensor(std)
        module.start_at(_cumulative(X, module.sizes))
        return module


class OrdinalModule(CodesModule):
    """Decoder outputs shift all thresholds of a column.

    Parameters
    ----------
    sizes : int ndarray of shape (n_columns,)
        Number of categories of each column.
    """

    name = "Ordinal"
    remedy = "encode the columns in their order with OrdinalEncoder"

    mean: Tensor
    std: Tensor
    is_threshold: Tensor

    def __init__(self, sizes: np.ndarray):
        super().__init__(sizes)
        self.support = "0, 1, ..., n_categories - 1"
        most = int(sizes.max(initial=2)) - 1
        is_threshold = torch.arange(most) < torch.as_tensor(sizes)[:, None] - 1
        self.register_buffer("mean", torch.zeros(len(sizes)))
        self.register_buffer("std", torch.ones(len(sizes)))
        self.register_buffer("is_threshold", is_threshold, persistent=False)
        self.first = nn.Parameter(torch.zeros(len(sizes), 1))
        self.raw_steps = nn.Parameter(torch.zeros(len(sizes), most - 1))

    def start_at(self, cumulative: np.ndarray) -> None:
        """Set thresholds at which ``h = 0`` has the cumulative probabilities given."""
        thresholds = torch.as_tensor(logit(cumulative), dtype=torch.float32)
        steps = thresholds.diff(dim=1).clamp_min(2 * LEAST_STEP) - LEAST_STEP
        with torch.no_grad():
            self.first[:] = thresholds[:, :1]
            self.raw_steps[:] = steps + (-(-steps).expm1()).log()  # softplus, inverted

    @property
    def thresholds(self) -> Tensor:
        """Thresholds (D, C - 1) in logits; infinity past those that a column has."""
        later = self.first + self._steps.cumsum(1)
        thresholds = torch.cat([self.first, later], dim=1)
        return thresholds.masked_fill(~self.is_threshold, torch.inf)

    @property
    def _steps(self) -> Tensor:
        return softplus(self.raw_steps) + LEAST_STEP

    def features(self, x: Tensor) -> Tensor:
        return ((x - self.mean) / self.std).clamp(-FARTHEST, FARTHEST)

    def comparable(self, X: Any) -> Any:
        X = X.toarray() if issparse(X) else X
        return (X - self.mean.cpu().numpy()) / self.std.cpu().numpy()

    def forward(self, h: Tensor) -> distributions.Distribution:
        below = self.thresholds - h[:, :, None]  # the logits of x <= c
        log_below, log_above = logsigmoid(below), logsigmoid(-below)
        # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a))
        log_step = (-(-self._steps).expm1()).log()
        log_step = log_step.masked_fill(~self.is_threshold[:, 1:], 0)
        between = log_below[:, :, 1:] + log_above[:, :, :-1] + log_step
        log_proba = torch.cat([log_below[:, :, :1], between, log_above[:, :, -1:]], 2)
        return over_columns(
            distributions.Categorical(logits=log_proba, validate_args=False)
        )

    def expectation(self, distribution: distributions.Distribution) -> Tensor:
        return _median(distribution.base_dist.probs)  # type: ignore[attr-defined]

    def weighted_expectation(
        self, distribution: distributions.Distribution, weight: Tensor
    ) -> Tensor:
        proba = distribution.base_dist.probs  # type: ignore[attr-defined]
        proba = proba.view(*weight.shape, *proba.shape[1:])
        return _median(torch.einsum("ns,nsdc->ndc", weight, proba))


def _median(proba: Tensor) -> Tensor:
    """Return the first code (n, D) up to which lies half of the probability."""
    return (proba.cumsum(-1) < 0.5).sum(-1).to(proba)


def _cumulative(X: Any, sizes: np.ndarray) -> np.ndarray:
    """Return the smoothed share of values up to each code but the last."""
    codes: np.ndarray = np.arange(max(int(sizes.max(initial=2)) - 1, 1))
    # As if each code had been seen once more, so that no threshold is infinite.
    below = np.minimum(codes + 1, sizes[:, None]).astype(float)
    n = sizes.astype(float)
    for rows in blocks(X):
        block = X[rows].toarray() if issparse(X) else np.asarray(X[rows])
        n += (~np.isnan(block)).sum(axis=0)
        below += (block[:, :, None] <= codes).sum(axis=0)
    # Past its last code a column has no thresholds, and any probability will do.
    return np.minimum(below / n[:, None], 1 - 1e-6)
