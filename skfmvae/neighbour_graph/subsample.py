"""A sample of the rows, for what would take too long on all of them."""

from __future__ import annotations

import numpy as np

from skfmvae._utils.large import MOST_COPIED

__all__ = ["MOST_ROWS", "labelled_first", "rows_of_graph"]

# With 5,000 and 10,000 of 20,000 sprites another whitening was chosen than with all of
# them, and a worse one: docs/decisions/002-whitening.md. Few rows with all labels are
# another task than many rows with the same labels.
N_ROWS = 20_000
# Rows of a neighbour graph: up to here exact search is the faster one
# (docs/decisions/003-neighbour-search.md), and more rows do not help:
# docs/decisions/039-large-data.md.
MOST_ROWS = 100_000
# Values of these rows where all rows have too many to be copied (80 MB in float32), and
# the number of rows that is taken even so.
MOST_VALUES, LEAST_ROWS = 20_000_000, 10_000


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


def rows_of_graph(codes, n_columns: int, max_rows: int = MOST_ROWS):
    """Return the positions of the rows among which neighbours are searched.

    Parameters
    ----------
    codes : int64 ndarray of shape (n, K)
        Classes of every property, -1 for unknown.
    n_columns : int
        Number of columns of the rows.
    max_rows : int, default=100_000
        The largest number of rows. Rows of more than 100 million values in all have
        fewer: as many as hold 20 million values, but at least 10,000.

    Returns
    -------
    rows : int64 ndarray or None
        In ascending order: the labelled rows, but at most half of all where others are
        left, and a random part of the others, the same each time. None for all rows.
    """
    n = len(codes)
    if n * n_columns > MOST_COPIED:
        max_rows = min(max_rows, max(MOST_VALUES // n_columns, LEAST_ROWS))
    if n <= max_rows:
        return None
    rows = np.random.default_rng(0).permutation(n)
    is_labelled = (codes[rows] >= 0).any(axis=1)
    labelled, others = rows[is_labelled], rows[~is_labelled]
    n_labelled = min(len(labelled), max(max_rows // 2, max_rows - len(others)))
    chosen = [labelled[:n_labelled], others[: max_rows - n_labelled]]
    return np.sort(np.concatenate(chosen))
