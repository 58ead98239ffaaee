"""The rule for missing entries: None, NaN, NaT, ``pd.NA``, masks, and -1 for labels."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from .large import blocks

__all__ = [
    "has_missing",
    "is_missing",
    "is_unlabelled",
    "masked_as_nan",
    "missing_entries",
    "missing_rate",
    "unlabelled_entries",
]


def is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, NaT or ``pd.NA``.

    Parameters
    ----------
    value : object
        Of any type.

    Returns
    -------
    bool
        False for -1, which is a number like any other.
    """
    # By name, so that pandas may be absent; and first, since NA has no truth value.
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(value, Real) and value != value


def is_unlabelled(value: Any) -> bool:
    """Return whether a label is missing or the number -1.

    Parameters
    ----------
    value : object
        Of any type.

    Returns
    -------
    bool
        False for the string "-1".
    """
    return is_missing(value) or (isinstance(value, Real) and value == -1)


def missing_entries(column: np.ndarray) -> np.ndarray:
    """Return where a column has no value.

    Parameters
    ----------
    column : ndarray of shape (n_samples,)
        Of any dtype.

    Returns
    -------
    missing : bool ndarray of shape (n_samples,)
        True for the entries of which `is_missing` is true.
    """
    if column.dtype.kind == "f":
        return np.isnan(column)
    if column.dtype.kind != "O":
        return np.zeros(len(column), dtype=bool)
    return np.fromiter(map(is_missing, column), bool, len(column))


def unlabelled_entries(column: np.ndarray) -> np.ndarray:
    """Return where a column of labels has none.

    Parameters
    ----------
    column : ndarray of shape (n_samples,)
        Of any dtype.

    Returns
    -------
    unlabelled : bool ndarray of shape (n_samples,)
        True for the entries of which `is_unlabelled` is true.

    Raises
    ------
    TypeError
        If an entry has no hash, as a list has none.
    """
    if column.dtype.kind in "iuf":
        return missing_entries(column) | (column == -1)
    if column.dtype.kind != "O":
        return np.zeros(len(column), dtype=bool)
    # Once per distinct value, since there are few of them.
    unlabelled = set(filter(is_unlabelled, set(column)))
    return np.fromiter(map(unlabelled.__contains__, column), bool, len(column))


def has_missing(X: Any) -> bool:
    """Return whether some entry of a matrix is NaN.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_columns)
        Of floats.

    Returns
    -------
    bool
        Whether it is.
    """
    values = X.data if hasattr(X, "indptr") else X
    return any(np.isnan(values[some].min(initial=0.0)) for some in blocks(values))


def missing_rate(X: Any) -> np.ndarray:
    """Return the share of missing entries in each column.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_columns)
        Of floats.

    Returns
    -------
    rate : float64 ndarray of shape (n_columns,)
        Between 0 and 1.
    """
    n_rows, n_columns = X.shape
    if not has_missing(X):
        return np.zeros(n_columns)
    if not hasattr(X, "indptr"):
        return sum(np.isnan(X[rows]).sum(axis=0) for rows in blocks(X)) / n_rows
    return np.bincount(X.indices[np.isnan(X.data)], minlength=n_columns) / n_rows


def masked_as_nan(values: Any) -> Any:
    """Return an array with NaN in place of masked entries, whose mask NumPy would drop.

    Parameters
    ----------
    values : object
        An array, a list of rows that are arrays, or anything else.

    Returns
    -------
    values : object
        An array of floats or objects where entries are masked; the argument itself
        where it is no masked array.
    """
    if isinstance(values, list | tuple) and any(
        isinstance(row, np.ma.MaskedArray) for row in values
    ):
        values = np.ma.array(values)
    if not isinstance(values, np.ma.MaskedArray):
        return values
    if not np.ma.is_masked(values):
        return values.data
    dtype = np.float64 if values.dtype.kind in "biuf" else object
    return np.ma.filled(values.astype(dtype), np.nan)
