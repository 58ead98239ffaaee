"""Likelihood of intensities between two limits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributions, nn

from .base import NO_SHAPE, Likelihood, LikelihoodModule, over_columns
from .bernoulli import IntensityModule, checked_scale
from .blocks import column_statistics
from .gaussian import MIN_SCALE, SCALE_RATE

__all__ = ["CensoredGaussian", "CensoredGaussianModule"]


class CensoredGaussian(Likelihood):
    """Intensities in [0, scale]: real values with normal noise, cut off at both ends.

    A value is that of a normal variable where this lies between the limits, else the
    limit that it is beyond (Tobin 1958, https://doi.org/10.2307/1907382). So black and
    white have a probability, and greys have a density. Networks see values divided by
    `scale`. Columns share a unit, the root mean square ``s`` of the standard deviations
    of those that vary: the variable is ``N(mean_j + s h_j, scale_j²)``, where
    ``scale_j = s (exp(5 a_j) + 0.01)``. ``a_j`` is learned, and starts at 0.

    Parameters
    ----------
    scale : float, default=1.0
        The upper limit: 255 for pixels in eight bits, which need no copy in floats.

    Notes
    -----
    The log-likelihood of a row is the sum of log-probabilities of its values at the
    limits and of log-densities of the others, in nats and in the units of the data. Of
    grey values it says more about a row than that of a :class:`Bernoulli`, for which a
    grey value is a matter of chance: styles in images are found by it.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import CensoredGaussian
    >>> likelihood = CensoredGaussian().build(np.array([[0.0, 0.3], [1.0, 0.5]]))
    >>> sorted(name for name, parameter in likelihood.named_parameters())
    ['log_scale']
    """

    def __init__(self, scale: float = 1.0):
        self.scale = scale

    def build(self, X: Any) -> LikelihoodModule:
        """Build the module; see `Likelihood.build`."""
        module = CensoredGaussianModule(X.shape[1], checked_scale(self))
        module.check_support(X)
        mean, std = column_statistics(X, lambda block: block / module.scale)
        module.mean[:] = torch.as_tensor(module.scale * mean)
        varying = std[std < 1]  # between 0 and 1 no deviation is above a half
        if len(varying):
            module.unit.fill_(module.scale * np.sqrt(np.mean(varying**2)))
        return module


class CensoredGaussianModule(IntensityModule):
    """Decoder outputs are locations, in units of the columns' deviation.

    Parameters
    ----------
    n_columns : int
        Number of columns.
    scale : float, default=1.0
        The largest value.
    """

    name = "CensoredGaussian"

    mean: Tensor
    unit: Tensor

    def __init__(self, n_columns: int, scale: float = 1.0):
        super().__init__(n_columns, scale)
        self.register_buffer("mean", torch.zeros(n_columns))
        self.register_buffer("unit", torch.ones(()))
        self.log_scale = nn.Parameter(torch.zeros(n_columns))

    def forward(self, h: Tensor) -> distributions.Distribution:
        location = self.mean + self.unit * h
        noise = self.unit * ((SCALE_RATE * self.log_scale).exp() + MIN_SCALE)
        return over_columns(_CensoredNormal(location, noise, self.scale))


class _CensoredNormal(distributions.Distribution):
    """A normal variable between 0 and `upper`, at the limits where it is beyond."""

    arg_constraints: dict = {}

    def __init__(self, loc: Tensor, scale: Tensor, upper: float):
        super().__init__(loc.shape, validate_args=False)
        self.loc, self.scale, self.upper = loc, scale, upper

    @property
    def mean(self) -> Tensor:
        low, high = -self.loc / self.scale, (self.upper - self.loc) / self.scale
        below, above = torch.special.ndtr(low), torch.special.ndtr(-high)
        inside = self.loc * (1 - below - above)
        drift = self.scale * (_density(low) - _density(high))
        return (inside + drift + self.upper * above).clamp(0, self.upper)

    def sample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        loc = self.loc.detach().expand(*sample_shape, *self.loc.shape)
        return torch.normal(loc, self.scale.detach()).clamp(0, self.upper)

    def log_prob(self, value: Tensor) -> Tensor:
        residual = (value - self.loc) / self.scale
        inside = -residual.square() / 2 - self.scale.log() - math.log(2 * math.pi) / 2
        is_low, is_high = value <= 0, value >= self.upper
        at_limit = torch.special.log_ndtr(torch.where(is_low, residual, -residual))
        return torch.where(is_low | is_high, at_limit, inside)


def _density(x: Tensor) -> Tensor:
    return (-x.square() / 2).exp() / math.sqrt(2 * math.pi)
