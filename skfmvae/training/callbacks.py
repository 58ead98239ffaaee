"""Callbacks that every estimator may use beside skorch's own."""

from __future__ import annotations

from numbers import Integral, Real

import skorch.callbacks
import torch
from sklearn.base import BaseEstimator
from skorch.callbacks import Callback
from tqdm.auto import tqdm

from skfmvae._utils.compat import Interval

from .objective import bound

__all__ = ["EarlyStopping", "EpochBar"]


class EarlyStopping(BaseEstimator):
    """Stop when held-out rows become no more probable, and keep the best epoch.

    The rows are scored as if they had no label, by the objective of unlabelled rows. A
    cross-entropy of few labels would stop too soon: a single wrong row, whose
    probability goes to 0, outweighs all others while predictions still get better.

    The defaults were tuned on digits alone (`docs/decisions/024-early-stopping.md`).

    Parameters
    ----------
    validation_fraction : float, default=0.1
        Share of the rows that are held out of training: drawn at random from those
        without a label, as far as there are so many.
    patience : int, default=10
        Epochs to wait for an improvement.
    tol : float, default=1e-4
        Fall of the objective, relative to its size, that counts as an improvement.

    Examples
    --------
    >>> from skfmvae.training import EarlyStopping
    >>> EarlyStopping(patience=5)
    EarlyStopping(patience=5)
    """

    _parameter_constraints: dict = {
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        validation_fraction: float = 0.1,
        patience: int = 10,
        tol: float = 1e-4,
    ):
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.tol = tol

    def callback(self) -> Callback:
        """Return the skorch callback that does it."""
        return _OnceStarted(
            monitor="valid_loss",
            patience=self.patience,
            threshold=self.tol,
            load_best=True,
            sink=_silent,
        )


class _OnceStarted(skorch.callbacks.EarlyStopping):
    """skorch's, from when the model has started on all that it learns."""

    def on_epoch_end(self, net, **kwargs):
        if net.module_.has_started:
            super().on_epoch_end(net, **kwargs)

    def _calc_new_threshold(self, score):
        # skorch's is above a negative score, so that a rise would be an improvement.
        return score - self.threshold * abs(score)


class EpochBar(Callback):
    """Show one progress bar over the epochs, with the bound.

    The bound is that on the mean of ``ln p(x, known labels)``, in nats per row, at full
    weight of the divergences, whatever else the loss holds. Early on it falls where
    divergences are annealed.
    """

    def on_train_begin(self, net, X=None, **kwargs):
        """Open the bar."""
        self.bar_ = tqdm(total=net.max_epochs, unit="epoch")

    def on_epoch_begin(self, net, **kwargs):
        """Restart the mean of the bound, after the epochs that are there."""
        self.bar_.update(len(net.history) - 1 - self.bar_.n)
        self.bounds_ = []

    def on_batch_end(self, net, batch=None, training=False, evaluation=None, **kwargs):
        """Note the bound of the batch."""
        if training:
            self.bounds_.append(bound(evaluation.terms, batch.weight).detach())

    def on_epoch_end(self, net, **kwargs):
        """Move it by one epoch."""
        mean = torch.stack(self.bounds_).mean().item()
        mean -= net.history[-1, "kl_globals"]
        self.bar_.set_postfix(bound=f"{mean:.2f} nats")
        self.bar_.update()

    def on_train_end(self, net, **kwargs):
        """Close it."""
        self.bar_.close()
        del self.bar_


def _silent(*args):
    """Take skorch's messages and drop them."""
