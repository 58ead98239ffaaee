"""The graph of nearest neighbours over the training rows, and labels spread on it."""

from __future__ import annotations

import copy
from pickle import PicklingError

import numpy as np
from sklearn.utils.validation import check_memory

from .class_prior import estimate_class_prior
from .clusters import seed_clusters
from .discovery import seed_discovered
from .edges import (
    N_CANDIDATES,
    has_many_columns,
    nearest_neighbour_graph,
    neighbour_distances,
    principal_components,
    self_scaled_weights,
    step_space,
    typical_distance,
)
from .propagation import agreement, label_probabilities, spread_for
from .search import EXACT_UP_TO
from .whitening import WHITENINGS, choose_whitening

__all__ = ["NeighbourGraph", "UnjoinedRows"]

# Agreement of the graph with labels up to which it counts for nothing, and from which
# it counts in full.
TRUSTED = 0.6, 0.8


class NeighbourGraph:
    """What the regularizers know of the training rows: neighbours and labels.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, D)
        The rows, of which `features` and `distance` are functions.
    codes : int64 ndarray of shape (n, K)
        Property values, -1 for unknown.
    n_classes : list of int
        Number of values of every property.
    comparable : ndarray or CSR matrix of shape (n, L) or None, default=None
        The rows with columns on one scale, for distances; None stands for `X`.
    n_neighbors : int, default=5
    alpha : float or None, default=None
        How far labels spread; None leaves it to `spread_for`.
    exact_up_to : int, default=100_000
        See `nearest_rows`.
    features : transformer or None, default=None
        What neighbours are found by. None takes the rows themselves, or principal
        components where there are many columns, see `choose_whitening`.
    distance : callable or None, default=None
        By which the neighbours of a row are the nearest of candidates; see
        `nearest_candidates`. None is the Euclidean distance of the features.
    n_candidates : int, default=40
        Rows nearest by features that are looked at by `distance`.
    class_prior : list of (ndarray of shape (C_k,) or None) or None, default=None
        Those of the properties of which they are known.
    independent : list of bool or None, default=None
        Which properties should depend on no other: these are looked for where nobody
        labelled them, see `seed_discovered`. None stands for all.
    memory : str, joblib.Memory or None, default=None
        Where what does not depend on labels is kept, for the next graph of these rows.

    Attributes
    ----------
    codes : int64 ndarray of shape (n, K)
        Property values, those of the seeds of unnamed components among them; see
        `seed_clusters`.
    weights : CSR matrix of shape (n, n)
        See `nearest_neighbour_graph`.
    unit : float
        The unit of length for adversarial steps, see `neighbour_distances`.
    axes : ndarray of shape (L, D) or None
        What these steps are made of; None for the columns of the rows.
    propagated : list of (ndarray of shape (n, C_k) or None)
        Class probabilities by label propagation; None for a property without labels.
    shares : list of (ndarray of shape (C_k,) or None)
        Shares of the classes among the rows, as given or estimated; likewise.
    agreement : list of (float or None)
        How well hidden labels are found among the rows, see `agreement`; likewise.
    """

    def __init__(
        self,
        X,
        codes,
        n_classes,
        comparable=None,
        n_neighbors=5,
        alpha=None,
        exact_up_to=EXACT_UP_TO,
        features=None,
        distance=None,
        n_candidates=N_CANDIDATES,
        class_prior=None,
        independent=None,
        memory=None,
    ):
        self.n_classes = n_classes
        self.n_neighbors, self.alpha = n_neighbors, alpha
        self.exact_up_to = exact_up_to
        comparable = X if comparable is None else comparable
        whitening = 0.0
        if features is None and distance is None:
            X = comparable
            whitening = choose_whitening(X, codes, n_classes, n_neighbors)
        search = check_memory(memory).cache(neighbour_distances)
        try:
            distances, self.unit, self.axes = search(
                comparable,
                n_neighbors,
                exact_up_to,
                features,
                distance,
                n_candidates,
                whitening,
                X,
            )
        except PicklingError:
            raise ValueError(
                f"Neighbours: memory={memory!r} tells what it keeps by pickling, which "
                f"features={features!r} or distance={distance!r} does not bear: define "
                "what they are made of in a module, or use memory=None."
            ) from None
        self.weights = self_scaled_weights(distances)
        # Which cluster is which component of a property without labels is open.
        given = [
            shares if labelled else None
            for shares, labelled in zip(
                class_prior or [None] * len(n_classes),
                (codes >= 0).any(axis=0),
                strict=True,
            )
        ]
        self.codes = seed_clusters(self.weights, codes, n_classes)
        self.shares = given
        self.propagated: list[np.ndarray | None] = [None] * len(n_classes)
        self.agreement: list[float | None] = [None] * len(n_classes)
        self._learn(distances)
        told = [
            proba if trust == 1.0 else None
            for proba, trust in zip(self.propagated, self.trust, strict=True)
        ]
        self.codes = seed_discovered(
            comparable,
            self.codes,
            n_classes,
            told,
            features,
            n_neighbors,
            independent,
            X,
        )
        self._learn(distances)

    def _learn(self, distances):
        """Find what neighbours tell of the properties that have labels since."""
        for k, (codes, n) in enumerate(zip(self.codes.T, self.n_classes, strict=True)):
            if self.propagated[k] is None and (codes >= 0).any():
                if self.shares[k] is None:
                    self.shares[k] = estimate_class_prior(distances, codes, n)
                self.propagated[k] = self._propagate(k)
                self.agreement[k] = agreement(
                    self.weights, codes, self._alpha(codes), self.shares[k]
                )

    def joined(self, Z) -> NeighbourGraph:
        """Return the graph with the edges of nearest neighbours elsewhere added.

        Parameters
        ----------
        Z : ndarray of shape (n, L)
            Other positions of the rows, such as latents.

        Returns
        -------
        graph : NeighbourGraph
            Labels are propagated over both kinds of edges; unit, shares and agreement
            stay, the last because latents of rows with labels lie where these are.
        """
        graph = copy.copy(self)
        elsewhere, _ = nearest_neighbour_graph(
            principal_components(Z), self.n_neighbors, self.exact_up_to
        )
        graph.weights = self.weights + elsewhere
        graph.propagated = [
            None if known is None else graph._propagate(k)
            for k, known in enumerate(self.propagated)
        ]
        return graph

    @property
    def unlabelled(self) -> list[float]:
        """The share of rows without a label of each property."""
        return _unlabelled(self.codes)

    @property
    def reach(self) -> list[float]:
        """How far labels of each property reach others: trust times `unlabelled`."""
        return np.multiply(self.trust, self.unlabelled).tolist()

    @property
    def trust(self) -> list[float]:
        """How far rows that lie near each other are alike in each property, 0 to 1."""
        none, full = TRUSTED
        return [
            0.0 if kappa is None else min(max((kappa - none) / (full - none), 0.0), 1.0)
            for kappa in self.agreement
        ]

    def _propagate(self, k) -> np.ndarray:
        codes = self.codes[:, k]
        alpha = self._alpha(codes)
        return label_probabilities(self.weights, codes, alpha, self.shares[k])

    def _alpha(self, codes) -> float:
        return spread_for(codes) if self.alpha is None else self.alpha


class UnjoinedRows:
    """What regularizers know of training rows that no graph joins.

    Parameters
    ----------
    comparable : ndarray or CSR matrix of shape (n, L)
        The rows, with columns on one scale.
    codes : int64 ndarray of shape (n, K)
        Property values, -1 for unknown.

    Attributes
    ----------
    unit, axes
        As those of a `NeighbourGraph` of which labels choose no whitening.
    reach : list of float
        The share of rows without a label of each property; 0 for one without labels.
    """

    def __init__(self, comparable, codes):
        whitening = WHITENINGS[0] if has_many_columns(comparable) else 0.0
        rows, self.axes = step_space(comparable, whitening)
        self.unit = typical_distance(rows)
        has_labels = (codes >= 0).any(axis=0)
        self.reach = np.multiply(has_labels, _unlabelled(codes)).tolist()


def _unlabelled(codes):
    return (codes < 0).mean(axis=0).tolist()
