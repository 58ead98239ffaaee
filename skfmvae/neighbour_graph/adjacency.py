"""Normalised weights of the neighbour graph."""

from __future__ import annotations

import numpy as np

__all__ = [
    "degrees",
    "stay_probability",
    "symmetric_adjacency",
    "transition_matrix",
]

MIN_DEGREE = 1e-12  # of a row without an edge, which is divided by it


def degrees(weights):
    """Return the sum of the weights at each row.

    Parameters
    ----------
    weights : CSR matrix of shape (n, n)

    Returns
    -------
    degrees : ndarray of shape (n,)
        Positive, also for a row without an edge.
    """
    return np.maximum(np.asarray(weights.sum(axis=1)).ravel(), MIN_DEGREE)


def symmetric_adjacency(weights):
    """Return ``D^-1/2 A D^-1/2`` of weights ``A`` and their degrees ``D``.

    Parameters
    ----------
    weights : CSR matrix of shape (n, n)

    Returns
    -------
    adjacency : CSR matrix of shape (n, n)
        No eigenvalue exceeds one.
    """
    root = degrees(weights) ** -0.5
    adjacency = _with_scaled_rows(weights, root)
    adjacency.data *= root[adjacency.indices]
    return adjacency


def transition_matrix(weights):
    """Return ``D^-1 A``, the probabilities of the steps of a random walk.

    Parameters
    ----------
    weights : CSR matrix of shape (n, n)

    Returns
    -------
    transition : CSR matrix of shape (n, n)
        Rows sum to one, so that ``transition @ values`` is the weighted mean of the
        values over the neighbours of each row.
    """
    return _with_scaled_rows(weights, 1 / degrees(weights))


def _with_scaled_rows(weights, scale):
    """Return a copy with every row times a number, without a sparse product."""
    scaled = weights.copy()
    scaled.data = scaled.data * np.repeat(scale, np.diff(scaled.indptr))
    return scaled


def stay_probability(weights, groups):
    """Return how likely a random walk of two steps ends in the group it begins in.

    Parameters
    ----------
    weights : CSR matrix of shape (n, n)
    groups : int64 ndarray of shape (n,)
        The group of each row, from 0.

    Returns
    -------
    probability : ndarray of shape (n,)
    """
    transition = transition_matrix(weights)
    membership = np.eye(groups.max() + 1)[groups]
    ends = transition @ (transition @ membership)
    return ends[np.arange(len(groups)), groups]
