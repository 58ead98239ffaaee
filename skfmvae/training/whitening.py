"""How far principal components are evened out before neighbours are sought."""

from __future__ import annotations

import numpy as np

from .edges import (
    has_many_columns,
    nearest_neighbour_graph,
    principal_components,
    whitened,
)
from .propagation import FEWEST, agreement, spread_for
from .shares import estimate_shares

__all__ = ["choose_whitening"]

# What is tried, in turn, as long as it helps.
WHITENINGS = (0.125, 0.25, 0.5, 0.75, 1.0)
MARGIN = 1.5  # labels more that each has to find than the one before
N_ROWS = 5000  # that are looked at, those with labels first


def choose_whitening(X, codes, n_classes, n_neighbors: int) -> float:
    """Return how far principal components should be evened out, as labels have it.

    Rows of many columns vary most in what changes most of them at once, such as the
    light on a picture, which need not be what labels are about. Components are divided
    by higher and higher powers of their standard deviations, as long as labels that are
    hidden in turn are the better found on the graph of neighbours (see `agreement`).

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, D)
        The rows.
    codes : int64 ndarray of shape (n, K)
        Property values, -1 for unknown.
    n_classes : list of int
        Number of values of every property.
    n_neighbors : int
        Neighbours of each row.

    Returns
    -------
    whitening : float
        From 0, components as they are, to 1, all of one scale; an eighth where labels
        are too few to tell. Zero where rows are taken as they are, see
        `has_many_columns`.
    """
    if not has_many_columns(X):
        return 0.0
    if (codes >= 0).sum(axis=0).max() < FEWEST:
        return WHITENINGS[0]
    rows = _labelled_first(codes)[:N_ROWS]
    Z, codes = principal_components(X[rows]), codes[rows]
    margin = MARGIN / (codes >= 0).sum()
    chosen, best = 0.0, -np.inf
    for power in WHITENINGS:
        if best + margin > 1:  # all there are to find, but for one
            break
        found = _found(whitened(Z, power), codes, n_classes, n_neighbors)
        if found < best + margin:
            break
        chosen, best = power, found
    return chosen


def _labelled_first(codes):
    draw = np.random.default_rng(0).permutation(len(codes))
    return draw[np.argsort((codes[draw] < 0).all(axis=1), kind="stable")]


def _found(Z, codes, n_classes, n_neighbors):
    """Return the agreement of hidden labels, over all properties' labels."""
    graph, distances = nearest_neighbour_graph(Z, n_neighbors)
    kappas, counts = [], (codes >= 0).sum(axis=0)
    for column, n, count in zip(codes.T, n_classes, counts, strict=True):
        if count:
            shares = estimate_shares(distances, column, n)
            kappas.append(agreement(graph, column, n, spread_for(column), shares))
    return np.average(kappas, weights=counts[counts > 0])
