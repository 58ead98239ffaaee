"""From rows of any precision to float32, in which models compute, and back."""

from __future__ import annotations

import warnings

import numpy as np
import scipy.sparse

from skfmvae._utils.large import (
    RowView,
    blocks,
    empty_rows,
    is_large,
    is_mapped,
    release,
)

__all__ = ["is_exact", "to_float32", "warn_of_merged_values"]

N_COMPARED = 1000  # rows whose values are compared before and after
# Share of a column's distinct values that have to stay distinct in float32. Of a
# thousand continuous values it merges a pair by chance now and then, and no more.
# No trial is recorded.
DISTINCT = 0.9


def is_exact(X):
    """Return whether float32 holds every value of the dtype of an array."""
    dtype = getattr(X, "dtype", None)
    return isinstance(dtype, np.dtype) and np.can_cast(dtype, np.float32)


def to_float32(X, origin=None):
    """Return rows in float32, in C order, less an origin in double precision.

    Those that are so already come back themselves. Large rows are cast as they are read
    where float32 holds all values of their dtype, and else written to disk.
    """
    if scipy.sparse.issparse(X):
        return X.astype(np.float32, copy=False)
    if origin is None:
        is_ready = X.dtype == np.float32 and X.flags.c_contiguous
        if is_ready and not is_mapped(X):
            return X
        if is_exact(X) and is_large(X):
            return RowView(X)
        origin = 0.0
    rows = empty_rows(X.shape, np.float32, on_disk=is_large(X))
    for block in blocks(X):
        np.subtract(
            X[block], origin, out=rows[block], dtype=np.float64, casting="same_kind"
        )
        release(rows)
    return rows


def warn_of_merged_values(X, rows, feature_names):
    """Warn once of all columns of `X` whose values are merged in float32 `rows`."""
    some = slice(None, None, 1 + X.shape[0] // N_COMPARED)
    merged = []
    columns = zip(_columns(X[some]), _columns(rows[some]), strict=True)
    for j, (before, after) in enumerate(columns):
        n_before, n_after = len(np.unique(before)), len(np.unique(after))
        if n_after < DISTINCT * n_before:
            name = j if feature_names is None else repr(feature_names[j])
            merged.append(f"{name} ({n_after} of {n_before})")
    if merged:
        more = f" and {len(merged) - 5} more" if len(merged) > 5 else ""
        warnings.warn(
            "Models compute in float32, which merges values of these "
            f"columns of X (distinct ones left): {', '.join(merged[:5])}{more}. "
            "Take logarithms or ranks, or clip what lies far from the rest.",
            UserWarning,
            stacklevel=4,
        )


def _columns(X):
    """Return the values of each column, of a sparse one those that are stored."""
    if not scipy.sparse.issparse(X):
        return list(X.T)
    X = X.tocsc()
    return np.split(X.data, X.indptr[1:-1])
