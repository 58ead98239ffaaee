"""The neighbour graph of the training rows, and what labels say of all rows on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pickle import PicklingError
from typing import Any

import numpy as np
from sklearn.utils.validation import check_memory

from .class_prior import estimate_class_prior
from .clusters import seed_clusters
from .components import principal_components, principal_space
from .discovery import seed_discovered
from .edges import (
    N_CANDIDATES,
    nearest_neighbour_weights,
    neighbour_distances,
    self_scaled_weights,
)
from .propagation import default_alpha, label_probabilities
from .reliability import HiddenLabels, judge_by_hidden_labels
from .search import EXACT_UP_TO
from .step_space import StepSpace, step_space_in
from .whitening import choose_whitening

# From here on the graph alone tells the classes of a property: the usual level of
# significance.
RELIABLE = 0.95

__all__ = ["NeighbourGraph", "PropagatedLabels", "build_neighbour_graph"]


@dataclass(frozen=True, eq=False)
class PropagatedLabels:
    """What the labels of one property say of all rows.

    Attributes
    ----------
    proba : ndarray of shape (n, C)
        Class probabilities by label propagation, see `label_probabilities`.
    class_prior : ndarray of shape (C,)
        Proportions of the classes, as given or estimated; zero for a class without
        labels.
    alpha : float
        How far labels spread, see `propagate`.
    hidden : HiddenLabels or None
        How well labels are predicted that the graph does not see; None where nothing
        can be judged.
    reliability : float
        How far the graph can be relied on for the property, 0 to 1: as hidden labels
        show. Without any label it is 1, since there is no other way to tell the
        classes. With too few labels to hide it is 0, but 1 for neighbours by features
        or a distance of the user, who vouches for them.
    """

    proba: np.ndarray
    class_prior: np.ndarray
    alpha: float
    hidden: HiddenLabels | None
    reliability: float

    def propagated_over(self, weights, codes) -> PropagatedLabels:
        """Return the same with the labels propagated over other weights.

        Parameters
        ----------
        weights : CSR matrix of shape (n, n)
            Symmetric.
        codes : int64 ndarray of shape (n,)
            Classes, -1 for unknown.

        Returns
        -------
        labels : PropagatedLabels
        """
        proba = label_probabilities(weights, codes, self.alpha, self.class_prior)
        return replace(self, proba=proba)


@dataclass(frozen=True, eq=False)
class NeighbourGraph:
    """A graph of the training rows, with the labels that spread on it.

    `build_neighbour_graph` makes one.

    Attributes
    ----------
    weights : CSR matrix of shape (n, n)
        Weights between rows and their nearest neighbours, see `self_scaled_weights`.
    codes : int64 ndarray of shape (n, K)
        Classes of every property, -1 for unknown. Seeds of clusters and of discovered
        properties count as known.
    labels : tuple of (PropagatedLabels or None)
        What the labels of each property say; None for a property without labels.
    n_neighbors : int
        Neighbours of each row.
    exact_up_to : int
        See `nearest_rows`.
    whitening : float
        Power by which principal components of the rows were whitened, zero where they
        were not.
    steps : StepSpace or None
        The space of steps, which is that of the neighbours; None where these were found
        by features or a distance of the user.
    rows : int64 ndarray of shape (n,) or None, default=None
        Positions of these rows among the training rows, see `rows_of_graph`; None where
        they are all of them.
    """

    weights: Any
    codes: np.ndarray
    labels: tuple[PropagatedLabels | None, ...]
    n_neighbors: int
    exact_up_to: int
    whitening: float
    steps: StepSpace | None
    rows: np.ndarray | None = None

    def of_graph(self, values: Any) -> Any:
        """Return what belongs to the rows of the graph, of values of all rows."""
        return values if self.rows is None else values[self.rows]

    def joined(self, Z) -> NeighbourGraph:
        """Return a graph that also has the edges between nearest neighbours in `Z`.

        Parameters
        ----------
        Z : ndarray of shape (n, L)
            Other positions of the rows, such as latents.

        Returns
        -------
        graph : NeighbourGraph
            With labels propagated over both kinds of edges. Class priors and
            reliability stay: the latents of labelled rows were trained to be where they
            are.
        """
        Z = principal_components(Z)
        added = nearest_neighbour_weights(Z, self.n_neighbors, self.exact_up_to)
        return self._propagated(self.weights + added, self.codes)

    def without(self, hidden) -> NeighbourGraph:
        """Return a graph of the same rows, of which some labels are hidden.

        Parameters
        ----------
        hidden : bool ndarray of shape (n, K)
            Labels that are hidden; every class keeps one.

        Returns
        -------
        graph : NeighbourGraph
            With the other labels propagated. Class priors and reliability stay.
        """
        return self._propagated(self.weights, np.where(hidden, -1, self.codes))

    def _propagated(self, weights, codes):
        labels = tuple(
            None if known is None else known.propagated_over(weights, column)
            for column, known in zip(codes.T, self.labels, strict=True)
        )
        return replace(self, weights=weights, codes=codes, labels=labels)


def build_neighbour_graph(
    X,
    codes,
    n_classes,
    *,
    comparable=None,
    n_neighbors: int = 5,
    alpha: float | None = None,
    exact_up_to: int = EXACT_UP_TO,
    features=None,
    distance=None,
    n_candidates: int = N_CANDIDATES,
    class_prior=None,
    independent=None,
    memory=None,
) -> NeighbourGraph:
    """Build the neighbour graph of rows and propagate their labels on it.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, D)
        The rows, which `features` and `distance` take.
    codes : int64 ndarray of shape (n, K)
        Classes of every property, -1 for unknown.
    n_classes : list of int
        Number of classes of every property.
    comparable : ndarray or CSR matrix of shape (n, L) or None, default=None
        The rows with columns on one scale, for distances; None stands for `X`.
    n_neighbors : int, default=5
        Neighbours of each row.
    alpha : float or None, default=None
        How far labels spread, see `propagate`; None stands for `default_alpha`.
    exact_up_to : int, default=100_000
        See `nearest_rows`.
    features : transformer or None, default=None
        Features by which neighbours are found. None takes the rows themselves, or
        principal components where there are many columns, see `choose_whitening`.
    distance : callable or None, default=None
        A finer distance, see `nearest_candidates`. None is the Euclidean distance.
    n_candidates : int, default=40
        Nearest rows by features among which `distance` finds the neighbours.
    class_prior : list of (ndarray of shape (C_k,) or None) or None, default=None
        Proportions of the classes of each property, None where they are estimated.
    independent : list of bool or None, default=None
        Which properties should depend on no other: these are discovered where they have
        no label, see `seed_discovered`. None stands for all.
    memory : str, joblib.Memory or None, default=None
        Where neighbours are cached for the next graph of the same rows.

    Returns
    -------
    graph : NeighbourGraph

    Raises
    ------
    ValueError
        If `memory` is given and `features` or `distance` cannot be pickled.
    """
    comparable = X if comparable is None else comparable
    is_plain = features is None and distance is None
    find = partial(
        _cached_distances,
        memory,
        n_neighbors=n_neighbors,
        exact_up_to=exact_up_to,
        features=features,
        distance=distance,
        n_candidates=n_candidates,
        X=None if is_plain else X,
    )
    if is_plain:
        space = principal_space(comparable)
        whitening, distances = choose_whitening(
            space, codes, n_classes, n_neighbors, find
        )
        nearest = _smallest_of_rows(distances)
        steps = step_space_in(space, whitening, nearest)
    else:
        whitening, distances, steps = 0.0, find(comparable), None
    weights = self_scaled_weights(distances)
    priors = _priors_of_labelled(class_prior, codes)
    propagate = partial(
        _propagate_new,
        partial(
            _propagated,
            weights,
            distances,
            comparable,
            alpha=alpha,
            unjudged=0.0 if is_plain else 1.0,
        ),
        n_classes,
        priors,
        codes >= 0,
    )
    codes = seed_clusters(weights, codes, n_classes)
    labels = propagate(codes, [None] * len(n_classes))
    codes = seed_discovered(
        comparable,
        codes,
        n_classes,
        [_reliable_proba(known) for known in labels],
        features,
        n_neighbors,
        independent,
        X,
    )
    return NeighbourGraph(
        weights=weights,
        codes=codes,
        labels=propagate(codes, labels),
        n_neighbors=n_neighbors,
        exact_up_to=exact_up_to,
        whitening=whitening,
        steps=steps,
    )


def _cached_distances(memory, comparable, *, features, distance, **settings):
    """Return the `neighbour_distances`, from a cache if they are there."""
    find = check_memory(memory).cache(neighbour_distances)
    try:
        return find(comparable, features=features, distance=distance, **settings)
    except PicklingError:
        raise ValueError(
            f"Neighbours: memory={memory!r} recognises settings by their pickles, but "
            f"features={features!r} or distance={distance!r} cannot be pickled: define "
            "what they are made of in a module, or use memory=None."
        ) from None


def _priors_of_labelled(class_prior, codes):
    """Return the given class priors of labelled properties, None for all others.

    Without labels it is open which cluster is which class.
    """
    given = [None] * codes.shape[1] if class_prior is None else class_prior
    has_labels = (codes >= 0).any(axis=0)
    return [
        prior if labelled else None
        for prior, labelled in zip(given, has_labels, strict=True)
    ]


def _propagate_new(propagated, n_classes, priors, is_label, codes, labels):
    """Return the labels of all properties, propagated where they were not before."""
    return tuple(
        known
        if known is not None or (column < 0).all()
        else propagated(column, is_label[:, k], n_classes[k], priors[k])
        for k, (column, known) in enumerate(zip(codes.T, labels, strict=True))
    )


def _propagated(
    weights,
    distances,
    rows,
    codes,
    is_label,
    n_classes,
    class_prior,
    *,
    alpha,
    unjudged,
):
    """Return what the labels of one property say of all rows."""
    if class_prior is None:
        class_prior = estimate_class_prior(distances, codes, n_classes)
    if alpha is None:
        alpha = default_alpha(codes)
    proba = label_probabilities(weights, codes, alpha, class_prior)
    if not is_label.any():
        return PropagatedLabels(proba, class_prior, alpha, None, 1.0)
    hidden = judge_by_hidden_labels(weights, rows, codes, is_label, alpha, class_prior)
    reliability = unjudged if hidden is None else hidden.reliability
    return PropagatedLabels(proba, class_prior, alpha, hidden, reliability)


def _reliable_proba(labels):
    """Return class probabilities for which the graph is reliable, else None."""
    if labels is None or labels.reliability < RELIABLE:
        return None
    return labels.proba


def _smallest_of_rows(distances):
    """Return the smallest of the stored distances of each row."""
    return distances.data.reshape(distances.shape[0], -1).min(axis=1)
