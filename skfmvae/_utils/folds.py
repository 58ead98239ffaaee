"""Folds in which labels are hidden, so that predictions of them can be judged."""

from __future__ import annotations

import numpy as np

__all__ = ["hidden_label_folds"]


def hidden_label_folds(
    codes: np.ndarray, n_folds: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Assign labels to folds, each of which is hidden in turn.

    The labels of a class take turns, so that each fold hides as few of them as
    possible; a class goes on where the class before it ended, so that folds have equal
    sizes. The only label of a class stays visible, or the class could not be predicted.

    Parameters
    ----------
    codes : int64 ndarray of shape (n_samples, n_properties)
        Encoded labels, -1 where unlabelled.
    n_folds : int
        At least 2.
    random_state : RandomState
        That draws which labels of a class go to which fold.

    Returns
    -------
    folds : int64 ndarray of shape (n_samples, n_properties)
        Number of the fold of every label, -1 for entries that are never hidden.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae._utils.folds import hidden_label_folds
    >>> codes = np.array([[0], [0], [1], [1], [-1], [2]])
    >>> folds = hidden_label_folds(codes, 2, np.random.RandomState(0))
    >>> folds[4:].ravel().tolist()
    [-1, -1]
    >>> sorted(folds[:2].ravel().tolist()), sorted(folds[2:4].ravel().tolist())
    ([0, 1], [0, 1])
    """
    folds = np.full_like(codes, -1)
    for column, fold in zip(codes.T, folds.T, strict=True):
        n_assigned = 0
        for code in np.unique(column[column >= 0]):
            rows = random_state.permutation(np.flatnonzero(column == code))
            if len(rows) > 1:
                fold[rows] = (n_assigned + np.arange(len(rows))) % n_folds
                n_assigned += len(rows)
    return folds
