"""Columns written as a frame of the library that they came from, or as an array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from .column import Column
from .dtypes import arrow_type, nullable, pandas_dtype, polars_dtype

__all__ = ["write_array", "write_frame"]


def write_frame(
    columns: Sequence[Column],
    values: Sequence[np.ndarray],
    labels: Sequence[Any],
    backend: str,
) -> Any:
    """Return a frame of a library.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    values : sequence of ndarray of shape (n_samples,)
        Of each column: codes of categories, -1 where missing; datetime64 or timedelta64
        with NaT; or floats with NaN.
    labels : sequence of object
        Names of the columns in the frame.
    backend : str
        Its name, as narwhals has it.

    Returns
    -------
    frame : frame
        Of the library, with a fresh index where it has one.
    """
    namespace: Any = nw.Implementation.from_string(backend).to_native_namespace()
    write = {"polars": _polars_series, "pyarrow": _arrow_array}.get(
        backend, _pandas_series
    )
    series = [
        write(namespace, column, entries)
        for column, entries in zip(columns, values, strict=True)
    ]
    if backend == "pyarrow":
        return namespace.table(series, names=list(labels))
    if backend == "polars":
        return namespace.DataFrame(dict(zip(labels, series, strict=True)))
    frame = namespace.concat(series, axis=1)
    frame.columns = labels
    return frame


def write_array(columns: Sequence[Column], values: Sequence[np.ndarray]) -> np.ndarray:
    """Return an array of the dtype of the array that the columns came from.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    values : sequence of ndarray of shape (n_samples,)
        Of each column: codes of categories, -1 where missing, or floats with NaN.

    Returns
    -------
    array : ndarray of shape (n_samples, n_features)
        Of objects or floats, with NaN, where the dtype has no missing value.
    """
    dtype = np.dtype(columns[0].dtype)
    array = np.column_stack(
        [
            entries
            if column.categories is None
            else _originals(column, entries, np.nan)
            for column, entries in zip(columns, values, strict=True)
        ]
    )
    if dtype.kind in "biuf":
        array = array.astype(np.float64)
    if dtype.kind in "biuU" and (array != array).any():  # NaN
        return array
    return array.astype(dtype)


def _originals(column, codes, missing):
    """Return the categories of codes as objects."""
    originals = np.empty(len(column.categories) + 1, dtype=object)
    originals[:-1] = column.categories.tolist()
    originals[-1] = missing
    return originals[codes]


def _pandas_series(pd, column, entries):
    text = column.dtype
    if column.holds == "nothing":
        return pd.Series(entries, dtype=pandas_dtype(pd, text, []))
    if column.categories is not None:
        if text.startswith("category["):
            dtype = pandas_dtype(pd, text, column.categories)
            return pd.Series(pd.Categorical.from_codes(entries, dtype=dtype))
        has_gaps = (entries < 0).any()
        missing = np.nan if text == "object" else None
        entries = _originals(column, entries, missing)
    elif column.unit is None:
        has_gaps = np.isnan(entries).any()
    else:
        if text.startswith("date32"):
            entries = entries.astype("datetime64[D]").astype(object)
        series = pd.Series(entries)
        if text.startswith("datetime64[") and "," in text:
            series = series.dt.tz_localize("UTC")
        return series.astype(text)
    return pd.Series(entries, dtype=nullable(text) if has_gaps else text)


def _polars_series(pl, column, entries):
    dtype = polars_dtype(pl, column.dtype, column.categories)
    if column.holds == "nothing":
        return pl.Series([None] * len(entries), dtype=dtype)
    if column.categories is not None:
        entries = _originals(column, entries, None).tolist()
        return pl.Series(entries, dtype=dtype, strict=False)
    series = pl.Series(entries)
    return (series if column.unit else series.fill_nan(None)).cast(dtype)


def _arrow_array(pa, column, entries):
    type_ = arrow_type(pa, column.dtype)
    if column.holds == "nothing":
        return pa.nulls(len(entries), type_)
    if column.categories is None:
        return pa.array(entries, from_pandas=True).cast(type_, safe=False)
    if not pa.types.is_dictionary(type_):
        return pa.array(_originals(column, entries, None), type_)
    return pa.DictionaryArray.from_arrays(
        pa.array(entries, type_.index_type, mask=entries < 0),
        pa.array(column.categories, type_.value_type),
        ordered=type_.ordered,
    )
