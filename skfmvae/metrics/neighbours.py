"""Whether generated rows are copies of training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.utils import check_random_state

from ._generated import comparable

__all__ = ["neighbour_distance_ratio"]


def neighbour_distance_ratio(
    X_train: Any, X_test: Any, X_generated: Any, *, random_state: Any = None
) -> float:
    """Return the share of generated rows that are nearer to training than to test rows.

    About one half if the estimator learned what both have in common; near 1 if it
    copies training rows. With ``d(x, A)`` the distance from ``x`` to its nearest row
    of ``A`` (the distance to the closest record),

    ``mean_i [d(x_i, train) < d(x_i, test)] + [d(x_i, train) = d(x_i, test)] / 2``

    (Platzer and Reutterer 2021, section 3.3).

    Parameters
    ----------
    X_train : frame, array-like or CSR matrix of shape (n_train, n_features)
        Real rows that the estimator was fitted to.
    X_test : frame, array-like or CSR matrix of shape (n_test, n_features)
        Real rows that it was not fitted to, of the same population.
    X_generated : frame, array-like or CSR matrix of shape (n_generated, n_features)
        Generated rows.
    random_state : int, RandomState instance or None, default=None
        Seed that chooses as many of the more numerous real rows as there are of the
        others.

    Returns
    -------
    share : float
        In [0, 1].

    Raises
    ------
    ValueError
        If columns differ.

    Notes
    -----
    The distance is that of Gower (1971) but for its scale: the sum of absolute
    differences of numbers, in standard deviations of the training rows, and of one for
    each category that differs. Missing numbers count as the mean, and a missing
    category differs by a half.

    References
    ----------
    J. C. Gower, "A general coefficient of similarity and some of its properties",
    Biometrics 27, 1971.

    M. Platzer and T. Reutterer, "Holdout-based empirical assessment of mixed-type
    synthetic data", Frontiers in Big Data 4, 2021, https://arxiv.org/abs/2104.00635.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.metrics import neighbour_distance_ratio
    >>> rng = np.random.default_rng(0)
    >>> X_train, X_test, X_new = rng.normal(size=(3, 500, 3))
    >>> abs(neighbour_distance_ratio(X_train, X_test, X_new) - 0.5) < 0.1
    True
    >>> neighbour_distance_ratio(X_train, X_test, X_train)
    1.0
    """
    X_train, X_test, X_generated = comparable(X_train, X_test, X_generated)
    random_state = check_random_state(random_state)
    n_rows = min(len(X_train), len(X_test))
    to_train, to_test = (
        _distances(X_generated, _some(rows, n_rows, random_state))
        for rows in (X_train, X_test)
    )
    is_tied = np.isclose(to_train, to_test)  # as they are sums, but for rounding
    return float(np.where(is_tied, 0.5, to_train < to_test).mean())


def _some(rows, n_rows, random_state):
    """Return so many of the rows."""
    if len(rows) == n_rows:
        return rows
    return rows[random_state.choice(len(rows), n_rows, replace=False)]


def _distances(X, rows):
    """Return the distance of each row of `X` to the nearest of others."""
    return pairwise_distances_argmin_min(X, rows, metric="manhattan")[1]
