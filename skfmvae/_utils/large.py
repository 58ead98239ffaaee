"""Arrays that are too large to copy: read in blocks, and written to disk."""

from __future__ import annotations

import math
import mmap
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

__all__ = [
    "RowView",
    "blocks",
    "columns_of",
    "empty_rows",
    "is_large",
    "is_mapped",
    "release",
]

BLOCK_SIZE = 2**20  # values per block
# Values up to which whole arrays are copied: 400 MB in float32.
MOST_COPIED = 100_000_000
# Rows that are read at once, and after how many pages of a memory map are given back:
# Linux maps 64 kB around a row that it has in its cache.
READ_AT_ONCE, RELEASED_AFTER = 256, 2048
FILE_MODES = {"r", "r+", "w+"}


def blocks(values: Any) -> Iterator[slice]:
    """Yield slices of rows that hold about `BLOCK_SIZE` values each.

    Pages of a memory map do not stay in the process once a block is done with.

    Parameters
    ----------
    values : ndarray, RowView or CSR matrix of shape (n, ...)
        The rows.

    Yields
    ------
    rows : slice
        All rows in turn; none where there are none.
    """
    n_rows, *rest = values.shape
    if n_rows:
        for rows in gen_batches(n_rows, max(BLOCK_SIZE // max(math.prod(rest), 1), 1)):
            yield rows
            release(values)


def is_mapped(X: np.ndarray) -> bool:
    """Return whether an array is a memory map, or a part of one.

    Parameters
    ----------
    X : ndarray
        Of any shape.

    Returns
    -------
    bool
        Whether it is.
    """
    return any(isinstance(owner, mmap.mmap) for owner in _owners(X))


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
    return isinstance(X, np.ndarray) and (X.size > MOST_COPIED or is_mapped(X))


def _owners(X: Any) -> Iterator[Any]:
    """Yield an array and what it is a view of, one after the other."""
    while X is not None:
        yield X
        X = X.base if isinstance(X, np.ndarray) else None


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

    Raises
    ------
    OSError
        If the disk has no room for the file.
    """
    if not on_disk or math.prod(shape) <= BLOCK_SIZE:
        return np.empty(shape, dtype=dtype)
    with tempfile.TemporaryFile(prefix="skfmvae-") as file:
        _reserve(file, math.prod(shape) * np.dtype(dtype).itemsize)
        return np.memmap(file, dtype=dtype, mode="w+", shape=shape)


def _reserve(file: Any, n_bytes: int) -> None:
    """Take room for a file: a map of one that has none would end the process."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), 0, n_bytes)
    except OSError as error:
        raise OSError(
            error.errno,
            f"X needs a temporary file of {n_bytes / 1e9:.2g} GB in "
            f"{tempfile.gettempdir()!r}, but {error.strerror}; name another folder in "
            "the environment variable TMPDIR",
        ) from error


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
    is a view of some of the columns, and ``view[row, column]`` a value. Pages of a
    memory map do not stay in the process once they are read.

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
        self.n_read = 0

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
        if isinstance(rows, slice):
            return self._cast(self.array[rows])
        rows = np.asarray(rows)
        if rows.dtype == bool:
            rows = np.flatnonzero(rows)
        values = np.empty((len(rows), self.shape[1]), dtype=self.dtype)
        for start in range(0, len(rows), READ_AT_ONCE):
            some = slice(start, start + READ_AT_ONCE)
            _ask_for(self.array, rows[some])
            values[some] = self._cast(self.array[rows[some]])
            self.n_read += READ_AT_ONCE
            if self.n_read >= RELEASED_AFTER:
                self.n_read = 0
                release(self)
        return values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[np.arange(len(self))], dtype=dtype)

    def _cast(self, values: np.ndarray) -> np.ndarray:
        if self.columns is not None:
            values = values[:, self.columns]
        return values.astype(self.dtype, copy=False)


def release(X: Any) -> None:
    """Take pages of a large map from the process; the cache of the system keeps them.

    Parameters
    ----------
    X : ndarray or RowView
        Other arrays stay as they are.
    """
    array = X.array if isinstance(X, RowView) else X
    file = _map_of_file(array) if isinstance(array, np.ndarray) else None
    if file is not None:
        file.madvise(mmap.MADV_DONTNEED)


def _ask_for(X: np.ndarray, rows: np.ndarray) -> None:
    """Let the system read rows of a memory map side by side, before they are needed.

    From a cold disk they come one after the other otherwise, which takes ten times as
    long: docs/decisions/039-large-data.md.
    """
    file = _map_of_file(X)
    if file is None or not X.flags.c_contiguous:
        return
    start = _address(X) - _address(np.frombuffer(file, dtype=np.uint8))
    for row in rows.tolist():
        first = start + row % len(X) * X.strides[0]
        page = first - first % mmap.PAGESIZE
        file.madvise(mmap.MADV_WILLNEED, page, first + X.strides[0] - page)


def _address(X: np.ndarray) -> int:
    return X.__array_interface__["data"][0]


def _map_of_file(X: Any) -> mmap.mmap | None:
    """Return the map of more than 400 MB that an array is of, if a file has it all.

    Smaller ones may stay in the process, and advice takes time.
    """
    is_small = X.nbytes <= 4 * MOST_COPIED
    if is_small or sys.platform != "linux":  # elsewhere advice is another, or none
        return None
    *owners, last = _owners(X)
    # A map of another mode holds changes that no file has.
    is_of_file = any(getattr(owner, "mode", "c") in FILE_MODES for owner in owners)
    return last if is_of_file and isinstance(last, mmap.mmap) else None
