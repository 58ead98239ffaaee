"""Likelihood of intensities between 0 and 1."""

from __future__ import annotations

from typing import Any

from torch import Tensor, distributions

from .base import Likelihood, LikelihoodModule
from .bernoulli import BernoulliModule, checked_scale

__all__ = ["ContinuousBernoulli", "ContinuousBernoulliModule"]


class ContinuousBernoulli(Likelihood):
    """Intensities in [0, 1], with a density that integrates to one.

    A :class:`Bernoulli` of values between 0 and 1 is no density; this is the one that
    is proportional to it (Loaiza-Ganem and Cunningham 2019,
    https://arxiv.org/abs/1907.06845).

    Parameters
    ----------
    scale : float, default=1.0
        What values are divided by, as for :class:`Bernoulli`; the density is that of
        the values themselves.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import ContinuousBernoulli
    >>> ContinuousBernoulli().build(np.array([[0.2, 1.0]])).n_outputs
    2
    """

    def __init__(self, scale: float = 1.0):
        self.scale = scale

    def build(self, X: Any) -> LikelihoodModule:
        """Build the module; see `Likelihood.build`."""
        return ContinuousBernoulliModule(X.shape[1], checked_scale(self)).checked(X)


class ContinuousBernoulliModule(BernoulliModule):
    """Decoder outputs are the log-odds of the Bernoulli of the same shape."""

    name = "ContinuousBernoulli"
    is_density = True

    def of_units(self, h: Tensor) -> distributions.Distribution:
        return distributions.ContinuousBernoulli(logits=h, validate_args=False)
