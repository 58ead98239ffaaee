"""Edges between rows that lie near each other."""

from __future__ import annotations

import numpy as np
import scipy.sparse
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from skfmvae._utils.random import redirected_draws
from skfmvae._utils.seeds import unseeded

from .search import EXACT_UP_TO, nearest_candidates, nearest_rows

__all__ = [
    "N_CANDIDATES",
    "feature_rows",
    "has_many_columns",
    "nearest_neighbour_graph",
    "neighbour_distances",
    "principal_components",
    "self_scaled_weights",
    "step_space",
    "typical_distance",
    "whitened",
]

# Distances in more dimensions than these are taken after principal components: faster,
# and on MNIST a better graph.
N_DIMENSIONS = 50
N_CANDIDATES = 40  # rows near by that a finer distance is taken to
TWINS = 1e-12  # distance of rows that are equal
FLAT = 1e-5  # standard deviation of a component that is rounding, of the largest one's
SAME = 1e-5  # distance of rows that rounding tells apart, of all rows' spread
N_MEASURED = 10_000  # rows that tell how far rows lie apart


def neighbour_distances(
    comparable,
    n_neighbors: int,
    exact_up_to: int = EXACT_UP_TO,
    features=None,
    distance=None,
    n_candidates: int = N_CANDIDATES,
    whitening: float = 0.0,
    X=None,
):
    """Find the neighbours of rows, which takes most of the time of a graph.

    Parameters
    ----------
    comparable : ndarray or CSR matrix of shape (n, D)
        The rows, with columns on one scale.
    n_neighbors : int
    exact_up_to : int, default=100_000
        See `nearest_rows`.
    features : transformer or None, default=None
        What neighbours are found by, see `NeighbourGraph`.
    distance : callable or None, default=None
        By which neighbours are the nearest of candidates; see `nearest_candidates`.
    n_candidates : int, default=40
        Rows nearest by features that are looked at by `distance`.
    whitening : float, default=0.0
        Without `features`: how far principal components, if these are taken, are
        `whitened`.
    X : ndarray or CSR matrix of shape (n, D) or None, default=None
        What `features` and `distance` take; None stands for `comparable`.

    Returns
    -------
    distances : CSR matrix of shape (n, n)
        From each row to its neighbours, fewer than `n_neighbors` where there are fewer
        rows.
    unit : float
        The `typical_distance` of the rows of `step_space`.
    axes : ndarray of shape (L, D) or None
        See `step_space`.
    """
    X = comparable if X is None else X
    rows, axes = step_space(comparable, whitening if features is None else 0.0)
    places = rows if features is None else feature_rows(features, X)
    n_found = min(n_neighbors if distance is None else n_candidates, X.shape[0] - 1)
    distances = nearest_rows(places, n_found, exact_up_to)
    if distance is not None:
        distances = nearest_candidates(distance, X, distances, n_neighbors)
    nearest = None
    if places is rows and distance is None:
        nearest = distances.data.reshape(X.shape[0], -1).min(axis=1)
    return distances, typical_distance(rows, nearest), axes


def step_space(comparable, whitening: float):
    """Return rows as distances are taken between them, and what a step there means.

    Parameters
    ----------
    comparable : ndarray or CSR matrix of shape (n, D)
        The rows, with columns on one scale.
    whitening : float
        How far principal components, if these are taken, are `whitened`.

    Returns
    -------
    rows : ndarray of shape (n, L)
        See `principal_components`.
    axes : ndarray of shape (L, D) or None
        What a step of length one along each whitened component adds to a row; None
        where steps are taken along the columns.
    """
    rows, components = _components(comparable)
    if not whitening or components is None:
        return rows, None
    # No step leads to where no row is.
    return whitened(rows, whitening), components * _scale(rows)[:, None] ** whitening


def typical_distance(rows, nearest=None) -> float:
    """Return the median distance from a row without a twin to its nearest neighbour.

    Parameters
    ----------
    rows : ndarray of shape (n, L)
    nearest : ndarray of shape (n,) or None, default=None
        Distances to nearest neighbours, if known; else those of at most 10,000 rows
        are found.

    Returns
    -------
    distance : float
        One where all rows have twins.
    """
    if nearest is None:
        search = NearestNeighbors(n_neighbors=2).fit(rows)
        some = rows[:: 1 + len(rows) // N_MEASURED]
        nearest = search.kneighbors(some)[0][:, 1]
    nearest = nearest[nearest > SAME * np.linalg.norm(rows.std(axis=0))]
    return float(np.median(nearest)) if len(nearest) else 1.0


def feature_rows(features, X):
    """Return rows by features that are learned from them.

    Parameters
    ----------
    features : transformer
        A copy is fitted, in which every `random_state` that is None is 0: the graph of
        rows is the same each time, and nobody else's draws are.
    X : ndarray or CSR matrix of shape (n, D)

    Returns
    -------
    rows : ndarray of shape (n, L)
    """
    features = clone(features)
    features.set_params(**dict.fromkeys(unseeded(features), 0))
    with redirected_draws():
        return features.fit_transform(X)


def nearest_neighbour_graph(X, n_neighbors: int, exact_up_to: int = EXACT_UP_TO):
    """Join every row to its nearest neighbours, by self-scaled weights.

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
    graph : CSR matrix of shape (n, n)
        See `self_scaled_weights`.
    distances : CSR matrix of shape (n, n)
        From each row to its neighbours.
    """
    n_neighbors = min(n_neighbors, X.shape[0] - 1)
    distances = nearest_rows(X, n_neighbors, exact_up_to)
    return self_scaled_weights(distances), distances


def self_scaled_weights(distances):
    """Return how strongly rows are joined, by how far they are from their neighbours.

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
    There it is ``exp(-d_ij² / (s_i s_j))``, which leaves the furthest neighbour more
    than a third of the weight of the nearest; digits are told apart better with less.
    With the 4 a product would cut rows in sparse places off, as the rows near them lie
    in denser ones; as it is, no edge weighs less than ``exp(-4)``.
    """
    a = distances.copy()
    # Twins are neighbours too: a stored zero would read as no edge.
    a.data = np.maximum(a.data, TWINS)
    scale = a.max(axis=1).toarray().ravel() ** 2
    row, column = a.nonzero()
    a.data = np.exp(-4 * a.data**2 / (scale[row] + scale[column]))
    return (a + a.T - a.multiply(a.T)).tocsr()


def has_many_columns(X) -> bool:
    """Return whether distances are taken after principal components, 50 of them.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, D)

    Returns
    -------
    has_many : bool
    """
    return min(X.shape) > N_DIMENSIONS


def principal_components(X):
    """Return rows as an array, of the first principal components where they are many.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, D)

    Returns
    -------
    rows : ndarray of shape (n, min(D, 50))
    """
    return _components(X)[0]


def whitened(Z, power: float):
    """Divide principal components by a power of their standard deviations.

    Parameters
    ----------
    Z : ndarray of shape (n, L)
    power : float in [0, 1]
        Of which 1 leaves all of one scale.

    Returns
    -------
    Z : ndarray of shape (n, L)
        Components that do not vary stay as they are.
    """
    scale = _scale(Z)
    return Z / np.where(scale > 0, scale, 1.0) ** power


def _components(X):
    """Return rows, and in rows of the data their axes; None for those of the data."""
    if has_many_columns(X):
        pca = PCA(N_DIMENSIONS, random_state=0)
        return pca.fit_transform(X), pca.components_
    return X.toarray() if scipy.sparse.issparse(X) else X, None


def _scale(Z):
    """Return standard deviations, zero for what is rounding."""
    scale = Z.std(axis=0)
    return np.where(scale > FLAT * scale.max(), scale, 0.0)
