"""How far principal components are whitened before neighbours are searched."""

from __future__ import annotations

import functools

import numpy as np

from .class_prior import estimate_class_prior
from .components import PrincipalSpace, has_many_columns, whitened
from .edges import self_scaled_weights
from .propagation import default_alpha
from .reliability import MIN_LABELS, predict_hidden_labels
from .search import nearest_rows
from .subsample import labelled_first

__all__ = ["POWERS", "choose_whitening", "default_whitening"]

# The default power of the standard deviations, and those that replace it where they are
# significantly better: docs/decisions/002-whitening.md. An eighth gains a little on
# digits and lit objects, and costs 3 points on 20,000 sprites.
POWERS = (0.125, 0.25, 0.5, 0.75, 1.0)
SIGNIFICANT = 2.0  # standard errors: a level of about 5 %


def default_whitening(X) -> float:
    """Return the whitening of principal components where labels do not choose it.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, D)
        The rows.

    Returns
    -------
    power : float
        An eighth; zero for rows of few columns, see `has_many_columns`.
    """
    return POWERS[0] if has_many_columns(X) else 0.0


def choose_whitening(space: PrincipalSpace, codes, n_classes, n_neighbors, find):
    """Return how far principal components should be whitened, judged by hidden labels.

    Rows of many columns vary most in what changes most columns at once, such as the
    light on a picture, which need not be what labels are about. Principal components
    are divided by a power of their standard deviations: an eighth, or the one of the
    higher `POWERS` with which most hidden labels are predicted correctly on the
    neighbour graph (see `predict_hidden_labels`), if it is significantly better
    (McNemar 1947).

    Parameters
    ----------
    space : PrincipalSpace
        Of the rows.
    codes : int64 ndarray of shape (n, K)
        Classes of every property, -1 for unknown.
    n_classes : list of int
        Number of classes of every property.
    n_neighbors : int
        Neighbours of each row.
    find : callable
        Takes all rows, whitened, and returns the distances to their neighbours, see
        `nearest_rows`. Many rows are judged by a sample of them, for which it is not
        called.

    Returns
    -------
    power : float
        From 0, no whitening, to 1, full whitening; see `default_whitening` where no
        property has ten labels.
    distances : CSR matrix of shape (n, n)
        Those that `find` returns for all rows with this whitening.

    References
    ----------
    Q. McNemar (1947). Note on the sampling error of the difference between correlated
    proportions or percentages. Psychometrika 12, 153-157.
    """
    default = 0.0 if space.directions is None else POWERS[0]

    @functools.cache
    def among_all(power):
        return find(space.whitened(power))

    if default == 0 or (codes >= 0).sum(axis=0).max() < MIN_LABELS:
        return default, among_all(default)
    rows = labelled_first(codes)
    codes, is_sample = codes[rows], len(rows) < len(codes)

    def judged(power):
        """Return which hidden labels are predicted correctly with a power."""
        if is_sample:
            distances = nearest_rows(whitened(space.rows[rows], power), n_neighbors)
        else:
            distances = among_all(power)[rows][:, rows]
        return _predicted_right(distances, codes, n_classes)

    return (power := _significantly_best(judged, default)), among_all(power)


def _significantly_best(judged, default):
    """Return the power that predicts most labels, if significantly more than one."""
    right = judged(default)
    if (~right).sum() <= SIGNIFICANT**2:  # no gain could be significant
        return default
    chosen, most = default, right
    for power in POWERS[1:]:
        by_power = judged(power)
        if by_power.sum() > most.sum():
            chosen, most = power, by_power
    gained, lost = (most & ~right).sum(), (right & ~most).sum()
    is_better = gained - lost > SIGNIFICANT * np.sqrt(gained + lost)
    return chosen if is_better else default


def _predicted_right(distances, codes, n_classes):
    """Return which hidden labels are predicted correctly, property after property."""
    weights = self_scaled_weights(distances)
    right = []
    for column, n in zip(codes.T, n_classes, strict=True):
        if (column >= 0).any():
            class_prior = estimate_class_prior(distances, column, n)
            alpha = default_alpha(column)
            true, found = predict_hidden_labels(weights, column, alpha, class_prior)
            right.append(found == true)
    return np.concatenate(right)
