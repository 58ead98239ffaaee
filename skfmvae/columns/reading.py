"""Columns of frames and arrays, whatever library they are of."""

from __future__ import annotations

import datetime
from numbers import Real
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
import scipy.sparse

from skfmvae._utils.missing import masked_as_nan, missing_entries

from .dtypes import dtype_text

__all__ = [
    "RawColumn",
    "Table",
    "columns_of_numbers",
    "read",
    "read_array",
    "read_frame",
]


class RawColumn(NamedTuple):
    """A column as it came.

    Parameters
    ----------
    name : str
        Of the column, for messages.
    holds : str
        What its dtype or its objects say that it holds: "numbers", "booleans", "text",
        "categories", "dates" or "durations"; "nothing" where all objects are missing.
    values : ndarray of shape (n_samples,)
        Floats with NaN, datetime64 or timedelta64 with NaT, or objects with None where
        an entry is missing.
    dtype : str
        In the words of the library.
    categories : list or None, default=None
        Those that the dtype lists, in its order; None where it lists none.
    is_ordered : bool, default=False
        Whether the dtype says that the categories are in order.
    """

    name: str
    holds: str
    values: np.ndarray
    dtype: str
    categories: list[Any] | None = None
    is_ordered: bool = False

    @property
    def missing(self) -> np.ndarray:
        """Return which entries are missing, as a bool ndarray of shape (n_samples,)."""
        if self.values.dtype == object:
            return np.asarray(self.values == None)  # noqa: E711
        return np.isnan(self.values)

    @property
    def known(self) -> np.ndarray:
        """Return the entries that are not missing."""
        return self.values[~self.missing]


class Table(NamedTuple):
    """The columns of a frame or an array.

    Parameters
    ----------
    columns : list of RawColumn
        In their order.
    labels : list of object
        The names as the frame has them, which may be no strings.
    backend : str or None
        The library of the frame; None for an array.
    """

    columns: list[RawColumn]
    labels: list[Any]
    backend: str | None


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
    if hasattr(X, "sparse"):  # a pandas frame whose columns all are sparse
        return X
    frame = nw.from_native(X, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        raise TypeError("X is a lazy frame; collect it first.")
    if isinstance(frame, nw.DataFrame) and frame.columns:
        return read_frame(frame)
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
    if not {column.holds for column in table.columns} - {"numbers", "nothing"}:
        return np.column_stack([c.values for c in table.columns]).astype(np.float64)
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
            values = values.astype(object)
            values[missing_entries(values)] = None
            holds, values = _read_objects(name, values)
        columns.append(RawColumn(name, holds, values, str(X.dtype)))
    return Table(columns, list(range(X.shape[1])), None)


def read_frame(frame: nw.DataFrame[Any]) -> Table:
    """Return the columns of a frame of narwhals."""
    labels = list(frame.columns)
    columns = [
        _read_series(str(label), series)
        for label, series in zip(labels, frame.iter_columns(), strict=True)
    ]
    return Table(columns, labels, frame.implementation.value)


def _read_series(name, series):
    dtype = series.dtype
    text = dtype_text(series.to_native())
    if text.startswith("Sparse["):
        raise TypeError(
            f"{name!r} is sparse and other columns are not; make it dense with "
            "X[name].sparse.to_dense()."
        )
    if dtype.is_numeric():
        if isinstance(dtype, nw.Decimal):
            series = series.cast(nw.Float64)
        precision = np.float32 if isinstance(dtype, nw.Float32) else np.float64
        numbers = series.to_numpy().astype(precision, copy=False)
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
    holds, values = _read_objects(name, values)
    return RawColumn(name, holds, values, text)


def _objects(series):
    """Return the entries of a series, with None for those that are missing."""
    values = np.empty(len(series), dtype=object)
    values[:] = series.to_list()
    values[series.is_null().to_numpy().astype(bool)] = None
    return values


def _times(series, kind):
    values = series.to_numpy()
    # pandas gives dates of PyArrow as objects.
    return _objects(series).astype(f"{kind}[D]") if values.dtype == object else values


def _read_objects(name, values):
    """Return what objects hold, None aside, and entries as `RawColumn` has them."""
    types = set(map(type, values)) - {type(None)}
    if not types:
        holds = "nothing"
    elif all(issubclass(type_, bool | np.bool_) for type_ in types):
        holds = "booleans"
    elif all(issubclass(type_, str) for type_ in types):
        holds = "text"
    elif all(issubclass(type_, Real) for type_ in types):
        return "numbers", values.astype(np.float64)  # None becomes NaN
    else:
        raise _mixed(name, values[values != None], types)  # noqa: E711
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


def columns_of_numbers(X):
    """Return the columns of an array of numbers."""
    if scipy.sparse.issparse(X):
        raise TypeError(
            "X is a sparse matrix, which cannot have columns of categories; give "
            "X.toarray()."
        )
    X = np.asarray(X)
    if X.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {X.ndim}D array instead; X has shape (n_samples, "
            "n_features)."
        )
    return read_array(X)
