"""What a regularizer is: something to learn from rows that nobody labelled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sklearn.base import BaseEstimator
from torch import Tensor

from skfmvae.models.base import Batch

__all__ = ["Regularizer", "RegularizerLoss", "Alignment", "Predict"]

# From rows and steps to log-probabilities of the rows moved, one tensor per property;
# steps are in the columns of `LikelihoodModule.comparable`.
Predict: TypeAlias = Callable[[Tensor, Tensor], list[Tensor]]
# From a predictor, a batch and its predictions to nats per row.
RegularizerLoss: TypeAlias = Callable[[Predict, Batch, list[Tensor]], Tensor]


class Regularizer(BaseEstimator, ABC):
    """Settings of a regularizer, from which `begin` makes its loss for some data.

    A regularizer speaks to a model through predictions and codes alone, so that every
    model can have it. Properties without any label or seed leave it silent.
    """

    name: str
    moves_rows: bool
    needs_graph: bool
    weight: float
    # How often while training the graph is joined with one of latents.
    n_rebuilds: int = 0

    def graph_settings(self, n_values: Mapping[str, int]) -> dict[str, Any]:
        """Return keyword arguments of `NeighbourGraph` that the regularizer asks for.

        Parameters
        ----------
        n_values : dict of str to int
            Number of values of every property, in order.
        """
        return {}

    @abstractmethod
    def begin(self, graph: Any, codes: Tensor) -> RegularizerLoss:
        """Return the regularizer's loss for the training rows.

        Parameters
        ----------
        graph : NeighbourGraph or UnjoinedRows
            Of the training rows; a graph if any regularizer `needs_graph`.
        codes : int64 Tensor of shape (n, K)
            Their property values, -1 for unknown.

        Returns
        -------
        loss : callable
            From a function that predicts log-probabilities, a batch and those of its
            rows to a scalar, in nats per row.
        """


class Alignment:
    """Move predictions so that their mean over batches becomes the class shares.

    As in ReMixMatch (Berthelot et al. 2020, section 3.1): ``p`` becomes ``p share /
    mean(p)``, normalised, with a running mean.

    Parameters
    ----------
    shares : Tensor of shape (n_classes,)
    decay : float, default=0.99
        Of the running mean, which starts at the shares.
    """

    def __init__(self, shares: Tensor, decay: float = 0.99):
        self.shares = shares
        self.mean = shares.clone()
        self.decay = decay

    def __call__(self, proba: Tensor, weight: Tensor) -> Tensor:
        """Return aligned probabilities, and learn from these on the way."""
        batch_mean = (weight[:, None] * proba).sum(0) / weight.sum()
        self.mean.lerp_(batch_mean, 1 - self.decay)
        aligned = proba * (self.shares / self.mean.clamp_min(1e-6))
        return aligned / aligned.sum(1, keepdim=True).clamp_min(1e-12)


def mean_over(rows: Tensor, weight: Tensor, values: Tensor) -> Tensor:
    """Return the weighted mean of the values in some rows, zero for none."""
    weight = weight * rows
    return (weight * values).sum() / weight.sum().clamp_min(1e-12)


def cross_entropy(target: Tensor, log_proba: Tensor) -> Tensor:
    """Return the cross-entropy from target probabilities, one per row, in nats."""
    return -(target * log_proba).sum(1)
