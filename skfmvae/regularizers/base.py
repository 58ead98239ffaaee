"""What a regularizer is: a loss on rows without labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator
from torch import Tensor

from skfmvae._utils.distributed import summed
from skfmvae.models.base import Batch
from skfmvae.neighbour_graph import NeighbourGraph, StepSpace
from skfmvae.neighbour_graph.subsample import MOST_ROWS

__all__ = [
    "Predict",
    "Regularizer",
    "RegularizerLoss",
    "cross_entropy",
    "property_weights",
    "unlabelled_shares",
    "weighted_mean",
]

# Takes rows and steps, and returns the log-probabilities of the moved rows, one tensor
# per property; steps are in the columns of `LikelihoodModule.comparable`.
Predict: TypeAlias = Callable[[Tensor, Tensor], list[Tensor]]


class RegularizerLoss(ABC):
    """The loss of a regularizer on the training rows, in nats per row."""

    @abstractmethod
    def __call__(
        self, predict: Predict, batch: Batch, log_proba: list[Tensor]
    ) -> Tensor:
        """Return the loss of a batch, a scalar.

        Parameters
        ----------
        predict : callable
            Takes rows and steps and returns the log-probabilities of the moved rows.
        batch : Batch
        log_proba : list of Tensor
            The log-probabilities of the rows themselves.
        """

    def begin_epoch(self) -> None:  # noqa: B027
        """Prepare for an epoch, also for the first one."""

    @property
    def memory(self) -> list[Tensor]:
        """The tensors, none by default, that batches change in place.

        Between two epochs they are all that an epoch has left, so that a copy of their
        values is a checkpoint of the loss.
        """
        return []


class Regularizer(BaseEstimator, ABC):
    """Settings of a regularizer, from which `begin` makes its loss for some rows.

    A regularizer depends on a model through predictions and codes alone, so that it
    serves every model. A property without any label or seed adds nothing to its loss.

    Attributes
    ----------
    name : str
        Name of the loss in the history of a fit.
    weight : float
        Weight of the loss, in units of the classification term.
    moves_rows : bool
        Whether the loss takes steps from rows, in a `StepSpace`.
    needs_neighbour_graph : bool
        Whether the loss needs the `NeighbourGraph` of the rows.
    n_rebuilds : int
        How often during training the graph is joined with one of the latents.
    max_rows : int
        The most rows among which neighbours are searched, see `rows_of_graph`.
    """

    name: str
    weight: float
    moves_rows: bool
    needs_neighbour_graph: bool
    n_rebuilds: int = 0
    max_rows: int = MOST_ROWS

    def neighbour_graph_settings(self, n_values: Mapping[str, int]) -> dict[str, Any]:
        """Return keyword arguments for `build_neighbour_graph`.

        Parameters
        ----------
        n_values : dict of str to int
            Number of classes of every property, in order.
        """
        return {}

    @abstractmethod
    def begin(
        self, graph: NeighbourGraph | None, steps: StepSpace | None, codes: Tensor
    ) -> RegularizerLoss:
        """Return the loss for the training rows.

        Parameters
        ----------
        graph : NeighbourGraph or None
            Of the training rows, if any regularizer needs it.
        steps : StepSpace or None
            Of the training rows, if any regularizer moves rows.
        codes : int64 Tensor of shape (n, K)
            Classes of every property on the training rows, -1 for unknown.

        Returns
        -------
        loss : RegularizerLoss
        """


def property_weights(graph: NeighbourGraph | None, codes: Tensor) -> list[float]:
    """Return the weight of every property in a loss on unlabelled rows.

    Parameters
    ----------
    graph : NeighbourGraph or None
    codes : int64 Tensor of shape (n, K)
        Classes of every property, -1 for unknown.

    Returns
    -------
    weights : list of float
        The share of rows without a label of the property, times the reliability of the
        graph for it. Without a graph a property with labels counts as reliable. A
        property without labels weighs nothing.
    """
    if graph is None:
        reliability = [float((column >= 0).any()) for column in codes.T]
    else:
        reliability = [0.0 if k is None else k.reliability for k in graph.labels]
    return np.multiply(reliability, unlabelled_shares(codes)).tolist()


def unlabelled_shares(codes: Tensor) -> list[float]:
    """Return the share of the rows that have no label of each property."""
    return (codes.cpu().numpy() < 0).mean(axis=0).tolist()


def weighted_mean(rows: Tensor, weight: Tensor, values: Tensor) -> Tensor:
    """Return the weighted mean of the values of some rows, zero for no row."""
    weight = weight * rows
    total, of_weights = summed((weight * values).sum(), weight.sum())
    return total / of_weights.clamp_min(1e-12)


def cross_entropy(target: Tensor, log_proba: Tensor) -> Tensor:
    """Return the cross-entropy from target probabilities, one per row, in nats."""
    return -(target * log_proba).sum(1)
