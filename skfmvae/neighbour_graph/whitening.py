"""How far principal components are evened out before neighbours are sought."""

from __future__ import annotations

import numpy as np

from .class_prior import estimate_class_prior
from .edges import (
    has_many_columns,
    nearest_neighbour_graph,
    principal_components,
    whitened,
)
from .propagation import FEWEST, find_hidden_labels, spread_for

__all__ = ["WHITENINGS", "choose_whitening"]

# What is taken unless others are surely better, and those others.
WHITENINGS = (0.125, 0.25, 0.5, 0.75, 1.0)
SURE = 2.0  # standard errors by which another has to find more labels
N_ROWS = 20_000  # that are looked at, those with labels first


def choose_whitening(X, codes, n_classes, n_neighbors: int) -> float:
    """Return how far principal components should be evened out, as labels have it.

    Rows of many columns vary most in what changes most of them at once, such as the
    light on a picture, which need not be what labels are about. Components are divided
    by an eighth power of their standard deviations, or by the one of higher powers by
    which most labels that are hidden in turn are found on the graph of neighbours (see
    `find_hidden_labels`), if it finds surely more (McNemar 1947).

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

    References
    ----------
    Q. McNemar (1947). Note on the sampling error of the difference between correlated
    proportions or percentages. Psychometrika 12, 153-157.
    """
    if not has_many_columns(X):
        return 0.0
    first, *others = WHITENINGS
    if (codes >= 0).sum(axis=0).max() < FEWEST:
        return first
    rows = _labelled_first(codes)[:N_ROWS]
    Z, codes = principal_components(X[rows]), codes[rows]
    found = _found(whitened(Z, first), codes, n_classes, n_neighbors)
    if (~found).sum() <= SURE**2:  # so few more are never sure
        return first
    chosen, most = first, found
    for power in others:
        by_power = _found(whitened(Z, power), codes, n_classes, n_neighbors)
        if by_power.sum() > most.sum():
            chosen, most = power, by_power
    gained, lost = (most & ~found).sum(), (found & ~most).sum()
    return chosen if gained - lost > SURE * np.sqrt(gained + lost) else first


def _labelled_first(codes):
    draw = np.random.default_rng(0).permutation(len(codes))
    return draw[np.argsort((codes[draw] < 0).all(axis=1), kind="stable")]


def _found(Z, codes, n_classes, n_neighbors):
    """Return which hidden labels are found, of one property after another."""
    graph, distances = nearest_neighbour_graph(Z, n_neighbors)
    found = []
    for column, n in zip(codes.T, n_classes, strict=True):
        if (column >= 0).any():
            shares = estimate_class_prior(distances, column, n)
            true, guess = find_hidden_labels(graph, column, spread_for(column), shares)
            found.append(guess == true)
    return np.concatenate(found)
