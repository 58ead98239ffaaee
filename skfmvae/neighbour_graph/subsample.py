"""A sample of the rows, for what would take too long on all of them."""

from __future__ import annotations

import numpy as np

__all__ = ["labelled_first"]

# With 5,000 and 10,000 of 20,000 sprites another whitening was chosen than with all of
# them, and a worse one: docs/decisions/002-whitening.md. Few rows with all labels are
# another task than many rows with the same labels.
N_ROWS = 20_000


def labelled_first(codes) -> np.ndarray:
    """Return the positions of at most 20,000 rows, labelled ones before others.

    Parameters
    ----------
    codes : int64 ndarray of shape (n, K)
        Classes of every property, -1 for unknown.

    Returns
    -------
    rows : int64 ndarray of shape (min(n, 20,000),)
        In an order that is random, and the same each time.
    """
    rows = np.random.default_rng(0).permutation(len(codes))
    is_unlabelled = (codes[rows] < 0).all(axis=1)
    return rows[np.argsort(is_unlabelled, kind="stable")][:N_ROWS]
