"""Arrays that are too large to copy: read in blocks, and written to disk."""

from __future__ import annotations

import math
import mmap
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

__all__ = ["RowView", "blocks", "columns_of", "empty_rows", "is_large"]

BLOCK_SIZE = 2**20  # values per block
# Values up to which whole arrays are copied: 400 MB in float32.
MOST_COPIED = 100_000_000


def blocks(values: Any) -> Iterator[slice]:
    """Yield slices of rows that hold about `BLOCK_SIZE` values each."""
    n_rows, *rest = values.shape
    if not n_rows:
        return iter(())
    return gen_batches(n_rows, max(BLOCK_SIZE // max(math.prod(rest), 1), 1))


def is_large(X: Any) -> bool:
    """Return whether an array is never copied as a whole.

    Parameters
    ----------
    X : object
        Of any type.

    Returns
    -------
    bool
        True for an ndarray in a memory map, or of more than 100 million values.
    """
    if not isinstance(X, np.ndarray):
        return False
    base: Any = X
    while isinstance(base, np.ndarray):
        base = base.base
    return X.size > MOST_COPIED or isinstance(base, mmap.mmap)


def empty_rows(shape: tuple[int, ...], dtype: Any, *, on_disk: bool) -> np.ndarray:
    """Return an array to be filled.

    Parameters
    ----------
    shape : tuple of int
        Its shape.
    dtype : dtype
        Its type.
    on_disk : bool
        Whether it is a map of a temporary file, which vanishes with the array, in place
        of memory. Fewer values than one block are always in memory.

    Returns
    -------
    array : ndarray
        Of any values.
    """
    if not on_disk or math.prod(shape) <= BLOCK_SIZE:
        return np.empty(shape, dtype=dtype)
    with tempfile.TemporaryFile(prefix="skfmvae-") as file:
        return np.memmap(file, dtype=dtype, mode="w+", shape=shape)


def columns_of(X: Any, columns: Any) -> Any:
    """Return some columns of rows, without a copy where these are large.

    Parameters
    ----------
    X : ndarray, RowView or CSR matrix of shape (n, D)
        The rows; float32 where they are large.
    columns : list of int
        Positions of the columns.

    Returns
    -------
    columns : ndarray, RowView or CSR matrix of shape (n, len(columns))
        A `RowView` of a large ndarray.
    """
    return RowView(X, columns) if is_large(X) else X[:, columns]


class RowView:
    """Rows of a large array, of which those that are asked for come out in float32.

    It is read as an array is: ``view[rows]`` are some of the rows, ``view[:, columns]``
    is a view of some of the columns, and ``view[row, column]`` a value.

    Parameters
    ----------
    array : ndarray of shape (n, D)
        Of a dtype whose values float32 holds.
    columns : array-like of int or None, default=None
        Positions of the columns; None stands for all.
    """

    ndim = 2
    dtype: np.dtype = np.dtype(np.float32)

    def __init__(self, array: np.ndarray, columns: Any = None):
        self.array = array
        self.columns = columns
        n_columns = array.shape[1] if columns is None else len(columns)
        self.shape = (array.shape[0], n_columns)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        rows, columns = index if isinstance(index, tuple) else (index, None)
        if columns is not None:
            if self.columns is not None:
                columns = np.asarray(self.columns)[columns]
            if isinstance(rows, slice) and rows == slice(None):
                return RowView(self.array, columns)
            return self.dtype.type(self.array[rows, columns])
        values = self.array[rows]
        if self.columns is not None:
            values = values[..., self.columns]
        return np.asarray(values, dtype=self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        values = self.array if self.columns is None else self.array[:, self.columns]
        return np.asarray(values, dtype=dtype or self.dtype)
