"""Likelihood of values in [0, 1]."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np
from torch import Tensor, distributions
from torch.nn import functional

from skfmvae._utils.checks import FARTHEST, refuse

from .base import NO_SHAPE, Likelihood, LikelihoodModule, over_columns

__all__ = ["Bernoulli", "BernoulliModule", "IntensityModule", "checked_scale"]


class Bernoulli(Likelihood):
    """Values in [0, 1], each the probability of a one.

    Parameters
    ----------
    scale : float, default=1.0
        What values are divided by: 255 for pixels in eight bits, which need no copy in
        floats. Generated rows are in the units of the data.

    Notes
    -----
    Values strictly between 0 and 1 are allowed: the log-likelihood is then the average
    over rows of zeros and ones that are drawn with these values as probabilities, and
    draws are such rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import Bernoulli
    >>> likelihood = Bernoulli().build(np.zeros((3, 4), dtype=np.float32))
    >>> likelihood.n_outputs
    4
    """

    def __init__(self, scale: float = 1.0):
        self.scale = scale

    def build(self, X: Any) -> LikelihoodModule:
        """Build the module; see `Likelihood.build`."""
        return BernoulliModule(X.shape[1], checked_scale(self)).checked(X)


def checked_scale(likelihood: Any) -> float:
    """Return the scale of a likelihood, if it is a positive number."""
    scale = likelihood.scale
    if not isinstance(scale, Real) or not 0 < float(scale) < math.inf:
        refuse(likelihood, "scale", scale, "give one positive number, such as 255")
    return float(scale)


class IntensityModule(LikelihoodModule):
    """Values between 0 and a largest one, which networks see divided by this.

    Parameters
    ----------
    n_columns : int
        Number of columns.
    scale : float, default=1.0
        The largest value.
    """

    def __init__(self, n_columns: int, scale: float = 1.0):
        super().__init__(n_columns)
        self.scale = scale
        self.support = f"[0, {scale:g}]"
        self.remedy = (
            "scale the columns with MinMaxScaler, give the largest value as scale=, or "
            "use likelihood='gaussian'"
        )

    def checked(self, X: Any) -> LikelihoodModule:
        """Return the module, if all values can occur."""
        self.check_support(X)
        return self

    def features(self, x: Tensor) -> Tensor:
        return (x / self.scale).clamp(-FARTHEST, FARTHEST)

    def comparable(self, X: Any) -> Any:
        return X if self.scale == 1 else X / np.float32(self.scale)

    def moved(self, x: Tensor, step: Tensor) -> Tensor:
        return x + self.scale * step

    def in_support(self, values: np.ndarray) -> np.ndarray:
        return (values >= 0) & (values <= self.scale)


class BernoulliModule(IntensityModule):
    """Decoder outputs are log-odds."""

    name = "Bernoulli"
    is_density = False

    def forward(self, h: Tensor) -> distributions.Distribution:
        units = self.of_units(h)
        if self.scale != 1:
            units = _Scaled(units, self.scale, is_density=self.is_density)
        return over_columns(units)

    def of_units(self, h: Tensor) -> distributions.Distribution:
        """Return the distribution (n, D) of values that are divided by the scale."""
        return _Bernoulli(logits=h, validate_args=False)


class _Scaled(distributions.Distribution):
    """Values that are a number times what has a distribution."""

    arg_constraints: dict = {}

    def __init__(
        self, units: distributions.Distribution, scale: float, *, is_density: bool
    ):
        super().__init__(units.batch_shape, validate_args=False)
        self.units, self.scale = units, scale
        self.log_volume = math.log(scale) if is_density else 0.0

    @property
    def mean(self) -> Tensor:
        return self.units.mean * self.scale

    def sample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        return self.units.sample(sample_shape) * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        return self.units.log_prob(value / self.scale) - self.log_volume


class _Bernoulli(distributions.Bernoulli):
    def log_prob(self, value: Tensor) -> Tensor:
        # A third of the time of torch's, which computes both outcomes' logarithms.
        return value * self.logits - functional.softplus(self.logits)
