"""How far principal components are whitened before neighbours are searched."""

from __future__ import annotations

import numpy as np

from .class_prior import estimate_class_prior
from .components import has_many_columns, principal_components, whitened
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


def choose_whitening(X, codes, n_classes, n_neighbors: int) -> float:
    """Return how far principal components should be whitened, judged by hidden labels.

    Rows of many columns vary most in what changes most columns at once, such as the
    light on a picture, which need not be what labels are about. Principal components
    are divided by a power of their standard deviations: an eighth, or the one of the
    higher `POWERS` with which most hidden labels are predicted correctly on the
    neighbour graph (see `predict_hidden_labels`), if it is significantly better
    (McNemar 1947).

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, D)
        The rows.
    codes : int64 ndarray of shape (n, K)
        Classes of every property, -1 for unknown.
    n_classes : list of int
        Number of classes of every property.
    n_neighbors : int
        Neighbours of each row.

    Returns
    -------
    power : float
        From 0, no whitening, to 1, full whitening; see `default_whitening` where no
        property has ten labels.

    References
    ----------
    Q. McNemar (1947). Note on the sampling error of the difference between correlated
    proportions or percentages. Psychometrika 12, 153-157.
    """
    default = default_whitening(X)
    if default == 0 or (codes >= 0).sum(axis=0).max() < MIN_LABELS:
        return default
    rows = labelled_first(codes)
    Z, codes = principal_components(X[rows]), codes[rows]
    right = _predicted_right(whitened(Z, default), codes, n_classes, n_neighbors)
    if (~right).sum() <= SIGNIFICANT**2:  # no gain could be significant
        return default
    chosen, most = default, right
    for power in POWERS[1:]:
        by_power = _predicted_right(whitened(Z, power), codes, n_classes, n_neighbors)
        if by_power.sum() > most.sum():
            chosen, most = power, by_power
    gained, lost = (most & ~right).sum(), (right & ~most).sum()
    is_better = gained - lost > SIGNIFICANT * np.sqrt(gained + lost)
    return chosen if is_better else default


def _predicted_right(Z, codes, n_classes, n_neighbors):
    """Return which hidden labels are predicted correctly, property after property."""
    distances = nearest_rows(Z, min(n_neighbors, len(Z) - 1))
    weights = self_scaled_weights(distances)
    right = []
    for column, n in zip(codes.T, n_classes, strict=True):
        if (column >= 0).any():
            class_prior = estimate_class_prior(distances, column, n)
            alpha = default_alpha(column)
            true, found = predict_hidden_labels(weights, column, alpha, class_prior)
            right.append(found == true)
    return np.concatenate(right)
