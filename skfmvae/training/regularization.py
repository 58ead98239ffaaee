"""The regularizers at work on some rows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skfmvae.models.base import Batch, Model
from skfmvae.neighbour_graph.graph import NeighbourGraph, UnjoinedRows
from skfmvae.regularizers.base import Regularizer, RegularizerLoss

from .rows import Rows

__all__ = ["RegularizerTerms"]

WARMUP = 0.1  # share of training over which the regularizers grow in

# Targets of regularizers are never quite sure. Predictions that match them are not
# either, and a mixture's components then lie so near each other that their samples look
# alike. At this temperature predictions are unsure enough long before components
# overlap.
TEMPERATURE = 3.0

CHUNK = 1024  # rows that are encoded together


class RegularizerTerms:
    """What the regularizers add to the loss of a batch.

    With nothing to infer, because every property is known on all rows, there is no
    regularizer, no graph, and the object is false. There is no graph either where no
    regularizer needs one.

    Parameters
    ----------
    regularizers : sequence of Regularizer
    model : Model
        The model that they help to train.
    rows : Rows
        The training rows.
    """

    def __init__(self, regularizers: Sequence[Regularizer], model: Model, rows: Rows):
        self.model = model
        self.rows = rows
        self.losses: dict[Regularizer, RegularizerLoss] = {}
        self.n_rebuilt = 0
        if not regularizers or rows.all_known:
            return
        settings: dict[str, Any] = {}
        for regularizer in regularizers:
            settings |= regularizer.graph_settings(model.n_components)
        X, codes = rows.values(), rows.codes.cpu().numpy()
        comparable = model.likelihood.comparable(X)
        self.graph: NeighbourGraph | UnjoinedRows
        if any(regularizer.needs_graph for regularizer in regularizers):
            self.graph = NeighbourGraph(
                X,
                codes,
                list(model.n_components.values()),
                comparable=comparable,
                independent=[
                    name in model.independent_properties for name in model.n_components
                ],
                **settings,
            )
            # Seeds of clusters stand for labels in all that follows.
            self.rows = rows.with_codes(torch.from_numpy(self.graph.codes))
        else:
            self.graph = UnjoinedRows(comparable, codes)
        self._begin(regularizers, self.graph)

    def __bool__(self) -> bool:
        return bool(self.losses)

    @property
    def taught(self) -> list[bool]:
        """Of which properties the terms teach unlabelled rows something."""
        if not any(regularizer.weight > 0 for regularizer in self.losses):
            return [False] * self.rows.codes.shape[1]
        return [reach > 0 for reach in self.graph.reach]

    def begin_epoch(self, progress: float) -> None:
        """Join neighbours in the latent space, anew at even distances."""
        if not isinstance(self.graph, NeighbourGraph):
            return
        n_rebuilds = max(
            (regularizer.n_rebuilds for regularizer in self.losses), default=0
        )
        n_due = int(progress * (n_rebuilds + 1))
        if n_due > self.n_rebuilt:
            self.n_rebuilt = n_due
            self._begin(list(self.losses), self.graph.joined(self._latents(self.graph)))

    def __call__(
        self, batch: Batch, log_proba: list[Tensor], progress: float
    ) -> tuple[dict[str, Tensor], Any]:
        """Return every regularizer's loss of a batch, and their weighted sum.

        Parameters
        ----------
        batch : Batch
        log_proba : list of Tensor
            The model's predictions for the batch.
        progress : float
            Share of training that is done.

        Returns
        -------
        losses : dict of str to Tensor
            In nats per row, by the regularizers' names.
        total : Tensor
        """
        log_proba = _tempered(log_proba)
        losses = {
            regularizer: loss(self._predict, batch, log_proba)
            for regularizer, loss in self.losses.items()
        }
        growth = min(1.0, progress / WARMUP)
        total = growth * sum(
            regularizer.weight * loss for regularizer, loss in losses.items()
        )
        return {regularizer.name: loss for regularizer, loss in losses.items()}, total

    def _begin(self, regularizers, graph):
        self.losses = {
            regularizer: regularizer.begin(graph, self.rows.codes)
            for regularizer in regularizers
        }

    def _predict(self, x, step):
        with _unseen(self.model):
            moved = self.model.likelihood.moved(x, step)
            return _tempered(self.model.property_log_proba(moved))

    @torch.no_grad()
    def _latents(self, graph):
        """Return what the model knows of the partly labelled properties, for all rows.

        Style would only bring together rows that differ in these.
        """
        blocks = self.model.property_blocks
        columns = [
            np.arange(self.model.n_latents)[blocks[name]]
            for name, shares in zip(self.model.n_components, graph.shares, strict=True)
            if shares is not None and name in blocks
        ]
        was_training = self.model.training
        self.model.eval()
        chunks = [
            self.model.encode(self.rows[index].x).mean.cpu().numpy()
            for index in torch.arange(len(self.rows)).split(CHUNK)
        ]
        self.model.train(was_training)
        Z = np.concatenate(chunks)
        return Z[:, np.concatenate(columns)] if columns else Z


@contextmanager
def _unseen(model):
    """Keep what batch normalisation remembers of rows free of rows that were moved.

    As in the code of Miyato et al. (2018), ``update_batch_stats=False``.
    """
    layers = [
        m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)
    ]
    tracked = [layer.track_running_stats for layer in layers]
    for layer in layers:
        # Only where it would remember; else it needs what it has to normalise by.
        layer.track_running_stats &= not layer.training
    try:
        yield
    finally:
        for layer, was_tracked in zip(layers, tracked, strict=True):
            layer.track_running_stats = was_tracked


def _tempered(log_proba):
    """Return log-probabilities that are less sure than those given."""
    return [torch.log_softmax(values / TEMPERATURE, dim=1) for values in log_proba]
