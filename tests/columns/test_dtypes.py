import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skfmvae.columns.dtypes import (
    arrow_type,
    dtype_text,
    integer_range,
    pandas_dtype,
    polars_dtype,
)


@pytest.mark.parametrize(
    "dtype",
    [
        "int8",
        "UInt16",
        "float32",
        "Float64",
        "bool",
        "boolean",
        "object",
        "string",
        "string[python]",
        "datetime64[ns]",
        "datetime64[us, Europe/Berlin]",
        "timedelta64[s]",
        "int64[pyarrow]",
        "timestamp[us, tz=UTC][pyarrow]",
        "date32[day][pyarrow]",
        pd.CategoricalDtype([3, 1], ordered=True),
        pd.CategoricalDtype(["b", "a"]),
        pd.CategoricalDtype(pd.Index(["b", "a"], dtype=object)),
        pd.CategoricalDtype(pd.interval_range(0, 2), ordered=True),
        pd.CategoricalDtype([]),
    ],
    ids=str,
)
def test_dtypes_of_pandas_come_back(dtype):
    series = pd.Series([], dtype=dtype)
    categories = np.array(getattr(series.dtype, "categories", []), dtype=object)
    assert pandas_dtype(pd, dtype_text(series), categories) == series.dtype


@pytest.mark.parametrize(
    "dtype",
    [
        pl.Int8,
        pl.Float32,
        pl.String,
        pl.Boolean,
        pl.Null,
        pl.Date,
        pl.Categorical(),
        pl.Enum(["b", "a"]),
        pl.Datetime("ms"),
        pl.Datetime("ns", "Europe/Berlin"),
        pl.Duration("us"),
        pl.Decimal(10, 2),
    ],
    ids=str,
)
def test_dtypes_of_polars_come_back(dtype):
    series = pl.Series([], dtype=dtype)
    categories = np.array(["b", "a"], dtype=object)
    assert polars_dtype(pl, dtype_text(series), categories) == series.dtype


@pytest.mark.parametrize(
    "type_",
    [
        pa.int8(),
        pa.float32(),
        pa.float64(),
        pa.string(),
        pa.large_string(),
        pa.bool_(),
        pa.null(),
        pa.date32(),
        pa.date64(),
        pa.timestamp("us"),
        pa.timestamp("ns", "Europe/Berlin"),
        pa.duration("ms"),
        pa.decimal128(10, 2),
        pa.dictionary(pa.int8(), pa.string()),
        pa.dictionary(pa.uint32(), pa.timestamp("s", "UTC"), ordered=True),
    ],
    ids=str,
)
def test_types_of_pyarrow_come_back(type_):
    array = pa.chunked_array([pa.nulls(0, type_)])
    assert arrow_type(pa, dtype_text(array)) == type_


@pytest.mark.parametrize("size", [8, 16, 32, 64])
def test_range_is_that_of_numpy(size):
    for name in (f"int{size}", f"Int{size}", f"int{size}[pyarrow]"):
        info = np.iinfo(f"int{size}")
        assert integer_range(name) == (info.min, info.max)
        assert integer_range(f"u{name}") == (0, 2**size - 1)


@pytest.mark.parametrize("text", ["float64", "bool", "interval[int64, right]"])
def test_others_have_no_range(text):
    assert integer_range(text) is None
