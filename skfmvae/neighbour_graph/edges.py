"""Edges between rows that lie near each other, and their weights."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone

from skfmvae._utils.seeds import unseeded

from .components import principal_components
from .search import EXACT_UP_TO, nearest_candidates, nearest_rows

__all__ = [
    "N_CANDIDATES",
    "feature_rows",
    "neighbour_distances",
    "nearest_neighbour_weights",
    "self_scaled_weights",
]

# Nearest rows by features that a finer distance is computed to. Tuned on MNIST alone,
# where 40 gave fewer errors than 20: docs/decisions/006-image-features.md.
N_CANDIDATES = 40
# Stands for a distance of zero, which a sparse matrix would read as no edge.
TINY = 1e-12


def neighbour_distances(
    comparable,
    n_neighbors: int,
    exact_up_to: int = EXACT_UP_TO,
    features=None,
    distance=None,
    n_candidates: int = N_CANDIDATES,
    X=None,
):
    """Find the neighbours of all rows, which takes most of the time of a graph.

    Parameters
    ----------
    comparable : ndarray or CSR matrix of shape (n, L)
        The rows, with columns on one scale.
    n_neighbors : int
    exact_up_to : int, default=100_000
        See `nearest_rows`.
    features : transformer or None, default=None
        Turns `X` into the rows between which distances are taken. None takes
        `comparable`, or its principal components where there are many columns.
    distance : callable or None, default=None
        A finer distance between rows of `X`; see `nearest_candidates`. None keeps the
        Euclidean distance.
    n_candidates : int, default=40
        Nearest rows among which `distance` finds the neighbours.
    X : ndarray or CSR matrix of shape (n, D) or None, default=None
        The rows that `features` and `distance` take; None stands for `comparable`.

    Returns
    -------
    distances : CSR matrix of shape (n, n)
        From each row to its neighbours, fewer than `n_neighbors` where there are fewer
        rows.
    """
    X = comparable if X is None else X
    if features is None:
        positions = principal_components(comparable)
    else:
        positions = feature_rows(features, X)
    n_found = min(n_neighbors if distance is None else n_candidates, X.shape[0] - 1)
    distances = nearest_rows(positions, n_found, exact_up_to)
    if distance is None:
        return distances
    return nearest_candidates(distance, X, distances, n_neighbors)


def feature_rows(features, X):
    """Return the features of rows, learned from these rows.

    Parameters
    ----------
    features : transformer
        A copy is fitted, in which every `random_state` that is None becomes 0: the same
        rows give the same graph.
    X : ndarray or CSR matrix of shape (n, D)

    Returns
    -------
    rows : ndarray of shape (n, L)
    """
    features = clone(features)
    features.set_params(**dict.fromkeys(unseeded(features), 0))
    return features.fit_transform(X)


def nearest_neighbour_weights(X, n_neighbors: int, exact_up_to: int = EXACT_UP_TO):
    """Return the weights between every row and its nearest neighbours.

    Parameters
    ----------
    X : ndarray of shape (n, D)
        The rows.
    n_neighbors : int
        Neighbours of each row, fewer where there are fewer rows.
    exact_up_to : int, default=100_000
        See `nearest_rows`.

    Returns
    -------
    weights : CSR matrix of shape (n, n)
        See `self_scaled_weights`.
    """
    n_neighbors = min(n_neighbors, X.shape[0] - 1)
    return self_scaled_weights(nearest_rows(X, n_neighbors, exact_up_to))


def self_scaled_weights(distances):
    """Return the weights of edges, which fall with the distance between two rows.

    Parameters
    ----------
    distances : CSR matrix of shape (n, n)
        From each row to its neighbours.

    Returns
    -------
    weights : CSR matrix of shape (n, n)
        ``a + a' - a * a'`` with ``a_ij = exp(-4 d_ij² / (s_i² + s_j²))`` for the
        neighbours ``j`` of ``i`` and ``s_i`` the distance from ``i`` to its last
        neighbour, after Zelnik-Manor and Perona (2004, section 2).

    Notes
    -----
    Zelnik-Manor and Perona take ``exp(-d_ij² / (s_i s_j))``, which gives the last
    neighbour more than a third of the weight of the first; digits are told apart better
    with less. With a factor of 4, a product of scales would cut off rows in sparse
    regions, because their neighbours lie in denser ones; with the sum of squares no
    edge weighs less than ``exp(-4)``. The trials are in
    docs/decisions/005-edge-weights.md.
    """
    a = distances.copy()
    a.data = np.maximum(a.data, TINY)
    scale = a.max(axis=1).toarray().ravel() ** 2
    row, column = a.nonzero()
    a.data = np.exp(-4 * a.data**2 / (scale[row] + scale[column]))
    return (a + a.T - a.multiply(a.T)).tocsr()
