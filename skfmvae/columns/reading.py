"""Columns of frames and arrays, whatever library they are of."""

from __future__ import annotations

import datetime
from numbers import Real
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.stable.v2.dependencies import is_into_dataframe

from skfmvae._utils.missing import masked_as_nan, missing_entries

from .dtypes import dtype_text

__all__ = ["RawColumn", "Table", "read", "read_array", "read_frame"]


class RawColumn(NamedTuple):
    """A column as it came.

    Parameters
    ----------
    name : str
        Of the column, for messages.
    holds : {"numbers", "booleans", "text", "categories", "dates", "durations"}
        What its dtype or its objects say that it holds.
    values : ndarray of shape (n_samples,)
        Floats with NaN, datetime64 or timedelta64 with NaT, or objects with None where
        an entry is missing.
    dtype : str
        In the words of the library.
    categories : list or None
        Those that the dtype lists, in its order; None where it lists none.
    is_ordered : bool
        Whether the dtype says that the categories are in order.
    """

    name: str
    holds: str
    values: np.ndarray
    dtype: str
    categories: list[Any] | None = None
    is_ordered: bool = False


class Table(NamedTuple):
    """The columns of a frame or an array.

    Parameters
    ----------
    columns : list of RawColumn
        In their order.
    labels : list of object
        The names as the frame has them, which may be no strings.
    library : str or None
        The library of the frame; None for an array.
    """

    columns: list[RawColumn]
    labels: list[Any]
    library: str | None


def read(X: Any) -> Table | Any:
    """Return the columns of X, or X itself if it is plain numbers.

    Parameters
    ----------
    X : frame, array-like or sparse matrix of shape (n_samples, n_features)
        A frame of pandas, polars, PyArrow or what else narwhals knows.

    Returns
    -------
    X : Table or object
        The argument itself for an array of numbers and for a sparse matrix; an array of
        floats for objects or masked entries that are all numbers.

    Raises
    ------
    TypeError
        If an entry is neither a number nor a string, or if a frame is not in memory.
    ValueError
        If two columns have one name or if numbers and strings share a column.
    """
    if isinstance(X, nw.DataFrame) or is_into_dataframe(X):
        return read_frame(X)
    if hasattr(X, "lazy") or hasattr(X, "collect_schema"):
        raise TypeError("X is a lazy frame; give X.collect().")
    if isinstance(X, list | tuple):
        X = masked_as_nan(X)
        array = X if isinstance(X, np.ndarray) else np.asarray(X)
        if array.dtype.kind in "biufc":
            return X
        X = np.array(X, dtype=object)  # which keeps numbers beside strings
    if not isinstance(X, np.ndarray):
        return X
    X = masked_as_nan(X)
    if X.dtype.kind in "biufc" or X.ndim != 2 or not X.size:
        return X
    table = read_array(X)
    if all(column.holds == "numbers" for column in table.columns):
        return np.column_stack([column.values for column in table.columns])
    return table


def read_array(X: np.ndarray) -> Table:
    """Return the columns of an array of two dimensions."""
    columns = []
    for j, values in enumerate(X.T):
        name = f"column {j}"
        if X.dtype.kind in "biuf":
            holds = "numbers"
            values = values.astype(np.float32 if X.dtype == np.float32 else np.float64)
        else:
            holds, values = _read_objects(name, values.astype(object))
        columns.append(RawColumn(name, holds, values, str(X.dtype)))
    return Table(columns, list(range(X.shape[1])), None)


def read_frame(X: Any) -> Table:
    """Return the columns of a frame."""
    frame = nw.from_native(X, eager_only=True, pass_through=False)
    labels = frame.columns
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if list(labels).count(label) > 1)
        raise ValueError(f"X has several columns of the name {twice!r}; rename them.")
    columns = [_read_series(str(label), frame[label]) for label in labels]
    return Table(columns, list(labels), frame.implementation.value)


def _read_series(name, series):
    dtype = series.dtype
    text = dtype_text(series.to_native())
    if dtype.is_numeric():
        is_single = isinstance(dtype, nw.Float32)
        numbers = series.cast(nw.Float32 if is_single else nw.Float64).to_numpy()
        numbers = numbers.astype(np.float32 if is_single else np.float64, copy=False)
        return RawColumn(name, "numbers", numbers, text)
    if isinstance(dtype, nw.Datetime | nw.Date):
        return RawColumn(name, "dates", _times(series, "datetime64"), text)
    if isinstance(dtype, nw.Duration):
        return RawColumn(name, "durations", _times(series, "timedelta64"), text)
    values = _objects(series)
    if isinstance(dtype, nw.Boolean):
        return RawColumn(name, "booleans", values, text)
    if text.startswith("Categorical"):  # of polars, which lists no categories
        return RawColumn(name, "categories", values, text)
    if text.startswith("dictionary") and series.implementation.is_pandas():
        raise TypeError(
            f"{name!r} is a dictionary of PyArrow in a frame of pandas; make it a "
            "pandas.Categorical."
        )
    if isinstance(dtype, nw.Categorical | nw.Enum):
        categories = series.cat.get_categories().to_list()
        # polars has no dtype but Enum for categories that are listed beforehand, so
        # that it says nothing of an order.
        is_ordered = nw.is_ordered_categorical(series) and not text.startswith("Enum")
        return RawColumn(name, "categories", values, text, categories, is_ordered)
    return RawColumn(name, *_read_objects(name, values), text)


def _objects(series):
    """Return the entries of a series, with None for those that are missing."""
    values = np.empty(len(series), dtype=object)
    values[:] = series.to_list()
    values[missing_entries(values)] = None
    return values


def _times(series, kind):
    values = series.to_numpy()
    if values.dtype.kind == "O":  # dates of PyArrow in pandas
        values = values.astype(f"{kind}[D]")
    return values


def _read_objects(name, values):
    """Return what objects hold, and the entries as `RawColumn` has them."""
    missing = missing_entries(values)
    types = set(map(type, values[~missing]))
    if not types:
        return "numbers", np.full(len(values), np.nan)
    if all(issubclass(type_, bool | np.bool_) for type_ in types):
        holds = "booleans"
    elif all(issubclass(type_, str) for type_ in types):
        holds = "text"
    elif all(issubclass(type_, Real) for type_ in types):
        return "numbers", np.where(missing, np.nan, values).astype(np.float64)
    else:
        raise _mixed(name, values[~missing], types)
    values = values.copy()
    values[missing] = None
    return holds, values


def _mixed(name, values, types):
    """Return the error for objects that are neither all numbers nor all strings."""
    for value in values:
        if not isinstance(value, str | Real):
            remedy = "leave the column out or make numbers of it"
            if isinstance(value, datetime.date | datetime.timedelta):
                remedy = "convert it first, for instance with pandas.to_datetime"
            return TypeError(
                f"{name!r} holds {value!r} of type {type(value).__name__}, but an "
                f"argument must be a string or a number; {remedy}."
            )
    examples = [next(value for value in values if type(value) is t) for t in types]
    return ValueError(
        f"{name!r} holds strings and numbers, such as {sorted(examples, key=str)}; "
        "make all of them strings or all of them numbers."
    )
