"""Averaged weights: predict with the mean of the last steps."""

from __future__ import annotations

from numbers import Real

import torch
from sklearn.base import BaseEstimator
from skorch.callbacks import Callback

from skfmvae._compat import Interval

__all__ = ["WeightAveraging"]


class WeightAveraging(BaseEstimator):
    """Exponential moving average of the networks' weights, used for prediction.

    Parameters
    ----------
    decay : float, default=0.99
        Share of the average that a step keeps (Tarvainen and Valpola 2017), less in
        the first steps: at most ``(1 + t) / (10 + t)`` in step ``t``, so that a short
        fit is not held back by its initial weights.

    Examples
    --------
    >>> from skfmvae.training import WeightAveraging
    >>> WeightAveraging(decay=0.999)
    WeightAveraging(decay=0.999)
    """

    _parameter_constraints: dict = {
        "decay": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(self, decay: float = 0.99):
        self.decay = decay

    def callback(self) -> Callback:
        """Return the skorch callback that does it."""
        return _AverageWeights(self.decay)


class _AverageWeights(Callback):
    """Follow the weights after each step and put their average in at the end."""

    def __init__(self, decay):
        self.decay = decay

    @torch.no_grad()
    def on_train_begin(self, net, **kwargs):
        self.average_ = [weight.clone() for weight in _weights(net)]
        self.complete_ = None
        self.step_ = 0

    @torch.no_grad()
    def on_batch_end(self, net, training=False, **kwargs):
        if not training:
            return
        self.step_ += 1
        decay = min(self.decay, (1 + self.step_) / (10 + self.step_))
        torch._foreach_lerp_(self.average_, _weights(net), 1 - decay)

    @torch.no_grad()
    def on_epoch_end(self, net, **kwargs):
        # An interrupted epoch does not count.
        self.complete_ = [average.clone() for average in self.average_]

    @torch.no_grad()
    def on_train_end(self, net, **kwargs):
        if self.complete_ is not None:
            torch._foreach_copy_(_weights(net), self.complete_)
        del self.average_, self.complete_, self.step_


def _weights(net):
    """List the parameters and what batch normalisation keeps of its rows."""
    statistics = [
        buffer
        for module in net.module_.modules()
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)
        for buffer in (module.running_mean, module.running_var)
        if buffer is not None
    ]
    return [*(p.detach() for p in net.module_.parameters()), *statistics]
