"""The losses of the regularizers on the training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.impute import SimpleImputer
from torch import Tensor, nn

from skfmvae._utils.missing import has_missing
from skfmvae._utils.random import redirected_draws
from skfmvae.models.base import Batch, Model
from skfmvae.neighbour_graph import (
    NeighbourGraph,
    StepSpace,
    build_neighbour_graph,
    measure_step_space,
)
from skfmvae.neighbour_graph.subsample import rows_of_graph
from skfmvae.neighbour_graph.whitening import default_whitening
from skfmvae.regularizers.base import Regularizer, RegularizerLoss, property_weights

from .rows import Rows

__all__ = ["RegularizerTerms", "build_regularizer_terms", "graph_part"]

# Share of training over which the weights of regularizers grow from zero: predictions
# of the first steps are no targets. No trial is recorded.
WARMUP = 0.1

CHUNK = 1024  # rows that are encoded together


def build_regularizer_terms(
    regularizers: Sequence[Regularizer], model: Model, rows: Rows
) -> RegularizerTerms:
    """Return the losses of regularizers, with what they need to know of the rows.

    The neighbour graph is built if a regularizer needs it, and the space of steps
    measured if a regularizer moves rows; both among a part of many rows, see
    `rows_of_graph`. If every property is known on all rows there
    is nothing to infer, and no regularizer has a loss.

    Parameters
    ----------
    regularizers : sequence of Regularizer
    model : Model
        The model that is trained.
    rows : Rows
        The training rows.

    Returns
    -------
    terms : RegularizerTerms
    """
    if not regularizers or rows.all_known:
        return RegularizerTerms((), model, rows)
    graph = steps = None
    chosen = graph_part(regularizers, model, rows)
    some = rows if chosen is None else rows.choose(torch.from_numpy(chosen))
    comparable = model.likelihood.comparable(some.values())
    if any(regularizer.needs_neighbour_graph for regularizer in regularizers):
        graph = _neighbour_graph(regularizers, model, some, comparable)
        graph = replace(graph, rows=chosen)
        # Seeds count as labels from here on.
        rows = rows.with_codes(torch.from_numpy(graph.codes), chosen)
    if any(regularizer.moves_rows for regularizer in regularizers):
        steps = _step_space(graph, comparable)
    return RegularizerTerms(regularizers, model, rows, graph, steps)


def graph_part(
    regularizers: Sequence[Regularizer], model: Model, rows: Rows
) -> np.ndarray | None:
    """Return which of many rows are in the neighbour graph, None for all.

    Parameters
    ----------
    regularizers : sequence of Regularizer
    model : Model
    rows : Rows
        The training rows.

    Returns
    -------
    rows : int64 ndarray or None
        See `rows_of_graph`.
    """
    asking = [r for r in regularizers if r.needs_neighbour_graph] or regularizers
    max_rows = max(regularizer.max_rows for regularizer in asking)
    codes = rows.codes.cpu().numpy()
    return rows_of_graph(codes, model.likelihood.n_columns, max_rows)


def _neighbour_graph(regularizers, model, rows, comparable):
    """Return the neighbour graph that the regularizers ask for."""
    settings: dict[str, Any] = {}
    for regularizer in regularizers:
        settings |= regularizer.neighbour_graph_settings(model.n_components)
    independent = model.independent_properties
    # A user's features and distances take the rows themselves.
    of_rows = any(settings.get(name) is not None for name in ("features", "distance"))
    with redirected_draws():  # by features of the user
        return build_neighbour_graph(
            _filled_by_means(rows.values()) if of_rows else comparable,
            rows.codes.cpu().numpy(),
            list(model.n_components.values()),
            comparable=comparable,
            independent=[name in independent for name in model.n_components],
            **settings,
        )


def _filled_by_means(X):
    """Return rows for features and distances of the user, which may know no gaps."""
    if not has_missing(X):
        return X
    # A column of nothing else holds zeros.
    return SimpleImputer(keep_empty_features=True).fit_transform(X)


def _step_space(graph, comparable):
    """Return the space of steps: that of the neighbours, if these were found in it."""
    if graph is None:
        return measure_step_space(comparable, default_whitening(comparable))
    return graph.steps or measure_step_space(comparable, graph.whitening)


class RegularizerTerms:
    """What the regularizers add to the loss of a batch.

    `build_regularizer_terms` makes one. It is false without a regularizer.

    Parameters
    ----------
    regularizers : sequence of Regularizer
    model : Model
        The model that is trained.
    rows : Rows
        The training rows; seeds count as labels.
    graph : NeighbourGraph or None, default=None
        Of the rows.
    steps : StepSpace or None, default=None
        Of the rows.
    """

    def __init__(
        self,
        regularizers: Sequence[Regularizer],
        model: Model,
        rows: Rows,
        graph: NeighbourGraph | None = None,
        steps: StepSpace | None = None,
    ):
        self.model = model
        self.rows = rows
        self.graph = graph
        self.steps = steps
        self.n_rebuilt = 0
        self.latents: np.ndarray | None = None  # of the graph joined last
        self.losses: dict[Regularizer, RegularizerLoss] = {
            regularizer: regularizer.begin(graph, steps, rows.codes)
            for regularizer in regularizers
        }

    def __bool__(self) -> bool:
        return bool(self.losses)

    @property
    def regularized(self) -> list[bool]:
        """Whether the regularizers bear on unlabelled rows, for each property."""
        if not any(regularizer.weight > 0 for regularizer in self.losses):
            return [False] * self.rows.codes.shape[1]
        return [weight > 0 for weight in property_weights(self.graph, self.rows.codes)]

    def without(self, hidden: Tensor, model: Model) -> RegularizerTerms:
        """Return the losses for a model that does not see some labels.

        Parameters
        ----------
        hidden : bool Tensor of shape (n, K + Q)
            What is hidden, as in `Rows.known`.
        model : Model
            Another model, untrained.

        Returns
        -------
        terms : RegularizerTerms
            On the same neighbour graph, which counts as reliable as before.
        """
        graph, n_properties = self.graph, self.rows.codes.shape[1]
        if graph is not None:
            hidden_labels = graph.of_graph(hidden[:, :n_properties].numpy())
            graph = graph.without(hidden_labels)
        rows = self.rows.without(hidden)
        return RegularizerTerms(tuple(self.losses), model, rows, graph, self.steps)

    def begin_epoch(self, progress: float) -> None:
        """Prepare the losses for an epoch.

        At even distances over the training the graph is joined with one of the latents.

        Parameters
        ----------
        progress : float
            Share of training that is done.
        """
        self._rebuild_if_due(progress)
        for loss in self.losses.values():
            loss.begin_epoch()

    def _rebuild_if_due(self, progress: float) -> None:
        if self.graph is None:
            return
        n_rebuilds = max(
            (regularizer.n_rebuilds for regularizer in self.losses), default=0
        )
        n_due = min(n_rebuilds, int(progress * (n_rebuilds + 1)))
        if n_due > self.n_rebuilt:
            self.n_rebuilt = n_due
            self._join(self._latents(self.graph))

    def _join(self, latents):
        """Begin the losses anew, on the graph joined with one of the latents."""
        assert self.graph is not None
        self.latents = latents
        graph = self.graph.joined(latents)
        self.losses = {
            regularizer: regularizer.begin(graph, self.steps, self.rows.codes)
            for regularizer in self.losses
        }

    def state(self) -> dict[str, Any]:
        """Return what epochs have changed, for `load_state`.

        Returns
        -------
        state : dict
            Of numbers, tensors and lists of them. The latents stand for the graph that
            is joined with them.
        """
        return {
            "n_rebuilt": self.n_rebuilt,
            "latents": None if self.latents is None else torch.from_numpy(self.latents),
            "memory": [loss.memory for loss in self.losses.values()],
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take up a state of the same losses on the same rows.

        Parameters
        ----------
        state : dict
            As `state` returned it.
        """
        self.n_rebuilt = state["n_rebuilt"]
        if state["latents"] is not None:
            self._join(state["latents"].numpy())
        for loss, saved in zip(self.losses.values(), state["memory"], strict=True):
            for tensor, values in zip(loss.memory, saved, strict=True):
                tensor.copy_(values)

    def __call__(
        self, batch: Batch, log_proba: list[Tensor], progress: float
    ) -> tuple[dict[str, Tensor], Any]:
        """Return the loss of every regularizer on a batch, and their weighted sum.

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
            In nats per row, by the names of the regularizers.
        total : Tensor
        """
        log_proba = self._tempered(log_proba)
        losses = {
            regularizer: loss(self._predict, batch, log_proba)
            for regularizer, loss in self.losses.items()
        }
        growth = min(1.0, progress / WARMUP)
        total = growth * sum(
            regularizer.weight * loss for regularizer, loss in losses.items()
        )
        return {regularizer.name: loss for regularizer, loss in losses.items()}, total

    def _predict(self, x, step):
        with _frozen_running_statistics(self.model):
            moved = self.model.likelihood.moved(x, step)
            return self._tempered(self.model.property_log_proba(moved))

    def _tempered(self, log_proba):
        """Return log-probabilities at the temperature that the model asks for."""
        temperature = self.model.consistency_temperature
        return [torch.log_softmax(values / temperature, dim=1) for values in log_proba]

    @torch.no_grad()
    def _latents(self, graph):
        """Return the latents of the properties with labels, of the rows of a graph.

        Rows of one style may differ in these properties.
        """
        blocks = self.model.property_blocks
        columns = [
            np.arange(self.model.n_latents)[blocks[name]]
            for name, labels in zip(self.model.n_components, graph.labels, strict=True)
            if labels is not None and name in blocks
        ]
        was_training = self.model.training
        self.model.eval()
        chunks = [
            self.model.encode(self.rows[index].x).mean.cpu().numpy()
            for index in graph.of_graph(torch.arange(len(self.rows))).split(CHUNK)
        ]
        self.model.train(was_training)
        Z = np.concatenate(chunks)
        return Z[:, np.concatenate(columns)] if columns else Z


@contextmanager
def _frozen_running_statistics(model):
    """Keep rows that were moved out of the running means of batch normalisation.

    As in the code of Miyato et al. (2018), ``update_batch_stats=False``.
    """
    layers = [
        m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)
    ]
    tracked = [layer.track_running_stats for layer in layers]
    for layer in layers:
        # In evaluation mode a layer has to track, for it normalises by its means.
        layer.track_running_stats &= not layer.training
    try:
        yield
    finally:
        for layer, was_tracked in zip(layers, tracked, strict=True):
            layer.track_running_stats = was_tracked
