"""Normalised weights of the neighbour graph."""

from __future__ import annotations

import numpy as np
import scipy.sparse

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
    root = scipy.sparse.diags_array(degrees(weights) ** -0.5)
    return (root @ weights @ root).tocsr()


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
    return (scipy.sparse.diags_array(1 / degrees(weights)) @ weights).tocsr()


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
