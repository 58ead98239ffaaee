import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skfmvae.columns import Column
from skfmvae.columns.writing import write_array, write_frame

GAP = np.array([1.0, np.nan])


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("int8", "Int8"),
        ("uint16", "UInt16"),
        ("Int64", "Int64"),
        ("int32[pyarrow]", "int32[pyarrow]"),
        ("float32", "float32"),
        ("float64", "float64"),
    ],
)
def test_integers_of_pandas_become_nullable_for_a_gap(dtype, expected):
    column = Column("u", "real", dtype=dtype)
    frame = write_frame([column], [GAP], ["u"], "pandas")
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"u": [1, None]}, dtype=expected))
    frame = write_frame([column], [GAP[:1]], ["u"], "pandas")
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"u": [1]}, dtype=dtype))


def test_booleans_of_pandas_become_nullable_for_a_gap():
    column = Column("u", "binary", np.array([False, True]), "booleans", "bool")
    frame = write_frame([column], [np.array([1, -1])], ["u"], "pandas")
    expected = pd.DataFrame({"u": pd.array([True, None], "boolean")})
    pd.testing.assert_frame_equal(frame, expected)


def test_missing_objects_of_pandas_are_nan():
    column = Column("u", "binary", np.array(["a", "b"]), "text", "object")
    frame = write_frame([column], [np.array([1, -1])], ["u"], "pandas")
    expected = pd.DataFrame({"u": ["b", np.nan]}, dtype=object)
    pd.testing.assert_frame_equal(frame, expected)


def test_integers_of_64_bits():
    largest = np.nextafter(2.0**63, 0)
    for library, dtype in [
        ("pandas", "int64"),
        ("pandas", "Int64"),
        ("polars", "Int64"),
        ("pyarrow", "int64"),
    ]:
        column = Column("u", "real", dtype=dtype)
        frame = write_frame([column], [np.array([largest])], ["u"], library)
        assert int(
            frame["u"][0].as_py() if library == "pyarrow" else frame["u"][0]
        ) == int(largest)


def test_columns_that_held_nothing_hold_nothing():
    column = Column("u", "real", None, "nothing", "Null")
    frame = write_frame([column], [GAP], ["u"], "polars")
    assert frame.equals(pl.DataFrame({"u": [None, None]}))
    column = Column("u", "real", None, "nothing", "string")
    frame = write_frame([column], [GAP], ["u"], "pyarrow")
    assert frame.equals(pa.table({"u": pa.nulls(2, pa.string())}))


@pytest.mark.parametrize(
    ("dtype", "with_gap"),
    [("int64", "float64"), ("float32", "float32"), ("bool", "float64")],
)
def test_arrays_of_numbers(dtype, with_gap):
    columns = [
        Column("column 0", "real", dtype=dtype),
        Column("column 1", "categorical", np.array([0, 1]), dtype=dtype),
    ]
    array = write_array(columns, [np.ones(2), np.array([0, 1])])
    assert array.dtype == dtype
    assert array.tolist() == [[1, 0], [1, 1]]
    array = write_array(columns, [GAP, np.array([-1, 1])])
    assert array.dtype == with_gap
    np.testing.assert_array_equal(array, [[1, np.nan], [np.nan, 1]])


def test_arrays_of_strings():
    columns = [Column("column 0", "categorical", np.array(["a", "bc"]), "text", "<U3")]
    array = write_array(columns, [np.array([1, 0])])
    assert array.dtype == "<U3"
    assert array.tolist() == [["bc"], ["a"]]
    array = write_array(columns, [np.array([1, -1])])
    assert array.dtype == object
    assert array[0, 0] == "bc"
    assert np.isnan(array[1, 0])
