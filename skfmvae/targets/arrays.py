"""Targets in any container as arrays, one for each column."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["Columns", "as_array", "columns_of", "default_names", "narrowed"]


class Columns(NamedTuple):
    """The columns of partial targets.

    Parameters
    ----------
    names : list of str or None
        Names of the columns; None where the container has none.
    columns : list of ndarray of shape (n_samples,)
        The values of each column.
    n_dims : {1, 2}
        Number of dimensions of the container.
    """

    names: list[str] | None
    columns: list[np.ndarray]
    n_dims: int


def columns_of(y: Any) -> Columns:
    """Return the columns of partial targets as arrays.

    Parameters
    ----------
    y : array-like or Columns
        Of one or two dimensions.

    Returns
    -------
    columns : Columns
        Names, arrays and number of dimensions.

    Raises
    ------
    ValueError
        If `y` is empty, has more than two dimensions or two columns of one name.
    """
    if isinstance(y, Columns):
        return y
    names = None
    if hasattr(y, "columns"):  # a pandas or polars frame
        names = [str(name) for name in y.columns]
        if len(set(names)) < len(names):
            raise ValueError(f"y has several columns of one name: {names}.")
        columns = [_series_to_array(y[name]) for name in y.columns]
        n_dims = 2
    elif hasattr(y, "to_list"):  # a pandas or polars series
        if y.name is not None and y.name != "":
            names = [str(y.name)]
        columns = [_series_to_array(y)]
        n_dims = 1
    else:
        array = as_array(y)
        n_dims = array.ndim
        if n_dims not in (1, 2):
            raise ValueError(
                f"y has {n_dims} dimensions; give shape (n_samples,) or (n_samples, "
                "n_properties)."
            )
        columns = [array] if n_dims == 1 else list(array.T)
    if not columns or not len(columns[0]):
        raise ValueError("y is empty; give one row of labels per row of X.")
    return Columns(names, columns, n_dims)


def as_array(y: Any) -> np.ndarray:
    """Return an array-like as an array in which different values stay different.

    Parameters
    ----------
    y : array-like
        Of any dimensions.

    Returns
    -------
    array : ndarray
        An array of strings or objects where `y` is a list, and of objects where an
        entry is masked; a masked entry becomes None.
    """
    if isinstance(y, np.ma.MaskedArray):
        y = y.tolist() if np.ma.is_masked(y) else y.data
    if not isinstance(y, list | tuple):
        return np.asarray(y)
    # By default NumPy converts all values of a list with a string to strings.
    array = np.array(_unmasked(y), dtype=object)
    strings = all(issubclass(type_, str) for type_ in set(map(type, array.flat)))
    return narrowed(array) if array.size and strings else array


def narrowed(values: np.ndarray) -> np.ndarray:
    """Return objects in NumPy's dtype for them, if it changes no value.

    Parameters
    ----------
    values : object ndarray
        Such as strings, of which NumPy strips null characters at the end, or whole
        numbers, which NumPy rounds beside floats.

    Returns
    -------
    values : ndarray
        The argument itself where the dtype would change a value.
    """
    array = np.array(values.tolist())
    return array if array.tolist() == values.tolist() else values


def default_names(n_columns: int) -> list[str]:
    """Return the names of the columns of targets without names.

    Parameters
    ----------
    n_columns : int
        Number of columns.

    Returns
    -------
    names : list of str
        "property_0", "property_1", ...
    """
    return [f"property_{k}" for k in range(n_columns)]


def _unmasked(y: Any) -> Any:
    """Return nested lists with None in place of masked entries."""
    if isinstance(y, np.ma.MaskedArray):
        return y.tolist()
    nested = (list, tuple, np.ma.MaskedArray)
    if isinstance(y, list | tuple) and any(
        issubclass(type_, nested) for type_ in set(map(type, y))
    ):
        return list(map(_unmasked, y))
    return y


def _series_to_array(series: Any) -> np.ndarray:
    if isinstance(series.dtype, np.dtype):
        return np.asarray(series)
    # NumPy can hold the missing values of extension dtypes only as objects.
    return np.fromiter(series.to_list(), dtype=object, count=len(series))
