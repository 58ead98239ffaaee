"""The nearest rows of each row, found exactly, or approximately among many rows."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import scipy.sparse
from sklearn.exceptions import EfficiencyWarning
from sklearn.neighbors import NearestNeighbors

__all__ = ["EXACT_UP_TO", "can_approximate", "nearest_candidates", "nearest_rows"]

# With more rows even the first approximate search, which is compiled before it runs,
# is the faster one on one thread: docs/decisions/003-neighbour-search.md.
EXACT_UP_TO = 100_000
# Rows that the approximate search finds beyond those asked for, the row itself among
# them. Of five neighbours on MNIST 99 % are right with ten, and 98 % with one.
N_EXTRA = 10
# Columns up to which a tree saves comparisons. With the ten of latents it takes 0.7 to
# 2.6 times as long as comparing all rows: docs/decisions/003-neighbour-search.md.
MOST_TREE_COLUMNS = 8
# Few enough that a user's distance which compares all rows with all, by mistake, ends.
PAIRS_AT_ONCE = 1000


def nearest_rows(X, n_neighbors: int, exact_up_to: int = EXACT_UP_TO):
    """Return the distances from every row to its nearest others.

    Parameters
    ----------
    X : ndarray of shape (n, D)
        The rows.
    n_neighbors : int
        Number of others, fewer than there are rows.
    exact_up_to : int, default=100_000
        Up to this number of rows the search is exact, in time that grows with its
        square unless there are few columns. With more rows it is that of Dong et al.
        (2011) if pynndescent is installed, else exact, with one warning.

    Returns
    -------
    distances : CSR matrix of shape (n, n)
        `n_neighbors` in each row, the nearest first; zeros are stored. The number of
        threads does not change them.

    References
    ----------
    W. Dong, C. Moses and K. Li (2011). Efficient K-Nearest Neighbor Graph Construction
    for Generic Similarity Measures.
    """
    if len(X) > exact_up_to and can_approximate(exact_up_to):
        return _approximately_nearest(X, n_neighbors)
    algorithm = "brute" if X.shape[1] > MOST_TREE_COLUMNS else "auto"
    search = NearestNeighbors(n_neighbors=n_neighbors, algorithm=algorithm).fit(X)
    return search.kneighbors_graph(mode="distance")


def _approximately_nearest(X, n_neighbors):
    """Return the distances to neighbours that nearest neighbour descent finds."""
    from pynndescent import NNDescent

    n = len(X)
    n_found = min(n_neighbors + N_EXTRA, n)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Failed to correctly find n_neighbors")
        # The rows that it finds depend on the number of threads.
        found = NNDescent(X, n_neighbors=n_found, random_state=0, n_jobs=1)
    indices, distances = found.neighbor_graph
    lacking = (indices < 0).any(axis=1)
    if lacking.any():
        exact = NearestNeighbors(n_neighbors=n_found).fit(X)
        distances[lacking], indices[lacking] = exact.kneighbors(X[lacking])
    # The row itself goes last, where it is cut off.
    itself = indices == np.arange(n)[:, None]
    order = itself.argsort(axis=1, kind="stable")[:, :n_neighbors]
    return _select(distances, indices, order)


def nearest_candidates(distance, X, candidates, n_neighbors: int):
    """Return the distances from every row to the nearest of its candidates.

    Parameters
    ----------
    distance : callable
        Takes two arrays of equal shape and returns the distance of each pair of rows.
    X : ndarray or CSR matrix of shape (n, D)
        The rows.
    candidates : CSR matrix of shape (n, n)
        Equally many for each row, at least `n_neighbors`; see `nearest_rows`.
    n_neighbors : int

    Returns
    -------
    distances : CSR matrix of shape (n, n)
        As those of `nearest_rows`.

    Raises
    ------
    ValueError
        If what `distance` returns is not a distance of each pair.
    """
    n = candidates.shape[0]
    row, other = np.repeat(np.arange(n), candidates.nnz // n), candidates.indices
    found: np.ndarray = np.empty(len(row))
    for start in range(0, len(row), PAIRS_AT_ONCE):
        pairs = slice(start, start + PAIRS_AT_ONCE)
        rows = (X[index[pairs]] for index in (row, other))
        found[pairs] = _checked(
            distance(*(r.toarray() if scipy.sparse.issparse(r) else r for r in rows)),
            len(row[pairs]),
        )
    found, other = found.reshape(n, -1), other.reshape(n, -1)
    order = found.argsort(axis=1, kind="stable")[:, :n_neighbors]
    return _select(found, other, order)


def _checked(distances, n_pairs):
    """Return what a user's distance returned, if it is a distance of each pair."""
    found = np.asarray(distances)
    if found.shape != (n_pairs,) or found.dtype.kind not in "fiu":
        raise ValueError(
            "Neighbours: distance should take two arrays of equal shape and return a "
            f"number for each of the {n_pairs} pairs of rows; it returned "
            f"{type(distances).__name__} of shape {found.shape}."
        )
    wrong = found[~(np.isfinite(found) & (found >= 0))]
    if len(wrong):
        raise ValueError(
            f"Neighbours: distance returned {wrong[0]}; it should return finite "
            "distances, none of them negative."
        )
    return found


def _select(distances, indices, order):
    """Return a CSR matrix of some of the distances of each row."""
    n, n_neighbors = order.shape
    return scipy.sparse.csr_matrix(
        (
            np.take_along_axis(distances, order, axis=1).ravel().astype(float),
            np.take_along_axis(indices, order, axis=1).ravel(),
            np.arange(0, n * n_neighbors + 1, n_neighbors),
        ),
        shape=(n, n),
    )


@functools.cache  # every graph asks: one warning is enough
def can_approximate(exact_up_to: int) -> bool:
    """Return whether pynndescent is installed, with a warning where it is not.

    Parameters
    ----------
    exact_up_to : int
        Number of rows that the warning names.

    Returns
    -------
    can : bool
    """
    try:
        import pynndescent  # noqa: F401
    except ImportError as error:
        warnings.warn(
            f"There are more than exact_up_to={exact_up_to} rows, but pynndescent, "
            f"which finds their neighbours faster, cannot be imported ({error}). The "
            "search is exact, in time that grows with the square of the rows. "
            'pip install "skfmvae[neighbours]" installs pynndescent.',
            EfficiencyWarning,
            stacklevel=3,
        )
        return False
    return True
