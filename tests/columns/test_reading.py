import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal

from skfmvae.columns.reading import Table, read


@pytest.mark.parametrize(
    "X",
    [
        np.eye(2),
        np.eye(2, dtype=int),
        np.eye(2, dtype=bool),
        np.array([[1j]]),
        np.ones(3),
        np.empty((0, 3)),
        scipy.sparse.eye(3).tocsr(),
        pd.DataFrame.sparse.from_spmatrix(scipy.sparse.eye(3)),
        pd.DataFrame(index=range(3)),
        [[1.0, 2.0]],
        "text",
    ],
    ids=lambda X: f"{type(X).__name__}",
)
def test_plain_numbers_pass_untouched(X):
    assert read(X) is X


@pytest.mark.parametrize(
    "X",
    [
        np.array([[1, None], [np.nan, 2.5]], dtype=object),
        [[1, None], [pd.NA, 2.5]],
        np.ma.array([[1, 7], [8, 2.5]], mask=[[0, 1], [1, 0]]),
        np.ma.array([[1, 7], [8, 2.5]], mask=[[0, 1], [1, 0]], dtype=object),
        [np.ma.array([1, 7], mask=[0, 1]), np.ma.array([8, 2.5], mask=[1, 0])],
    ],
)
def test_objects_that_are_numbers_become_numbers(X):
    found = read(X)
    assert found.dtype == np.float64
    assert_array_equal(found, [[1, np.nan], [np.nan, 2.5]])


def test_a_column_of_missing_objects_is_one_of_numbers_beside_numbers():
    found = read(np.array([[None, 1.5], [None, 2]], dtype=object))
    assert_array_equal(found, [[np.nan, 1.5], [np.nan, 2]])


@pytest.mark.parametrize(
    "X",
    [
        np.array([["a", 1], [None, True], [np.nan, 2.5]], dtype=object),
        [["a", 1], [None, True], [pd.NA, 2.5]],
        np.ma.array(
            [["a", 1], ["z", 1], ["z", 2.5]],
            dtype=object,
            mask=[[0, 0], [1, 0], [1, 0]],
        ),
    ],
)
def test_columns_of_objects(X):
    text, numbers = read(X).columns
    assert (text.holds, numbers.holds) == ("text", "numbers")
    assert text.name == "column 0"
    assert text.values.tolist() == ["a", None, None]
    assert numbers.values.tolist() == [1, 1, 2.5]


def test_masked_strings_are_missing():
    X = np.ma.array([["a"], ["b"]], mask=[[0], [1]])
    assert read(X).columns[0].values.tolist() == ["a", None]


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame([["a", 1]], columns=["u", "u"]),
        pa.table([[1], [2]], names=["u", "u"]),
    ],
)
def test_names_are_there_once(X):
    with pytest.raises(ValueError, match="(?s)unique.*'u'"):
        read(X)


DAY = datetime.date(2024, 2, 29)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([{"foo": "bar"}, 1], r"\{'foo': 'bar'\} of type dict.*leave the column out"),
        ([[1, 2], [3]], r"\[1, 2\] of type list"),
        ([b"a", b"b"], "b'a' of type bytes"),
        ([1.5, 1j], "1j of type complex"),
        (["a", DAY], "of type date.*to_datetime"),
        ([DAY, None], "of type date.*to_datetime"),
        ([Decimal("1.5"), None], "of type Decimal"),
    ],
)
def test_other_objects_are_refused(values, message):
    column = np.empty(len(values), dtype=object)
    column[:] = values
    # scikit-learn's check_dtype_object looks for these words.
    words = "argument must be .* string.* number"
    for X, name in [
        (column[:, None], "column 0"),
        (pd.DataFrame({"u": column}), "u"),
    ]:
        with pytest.raises(TypeError, match=rf"'{name}' holds .*{message}"):
            read(X)
        with pytest.raises(TypeError, match=words):
            read(X)


@pytest.mark.parametrize(
    "series",
    [
        pl.Series("u", [[1], [2]]),
        pl.Series("u", [b"a"]),
        pl.Series("u", [datetime.time(3)]),
        pl.Series("u", [{"a": 1}]),
        pl.Series("u", [object()]),
    ],
    ids=lambda series: str(series.dtype),
)
def test_other_dtypes_are_refused(series):
    with pytest.raises(TypeError, match="'u' holds .*a string or a number"):
        read(series.to_frame())


def test_pandas_dtypes_that_are_refused():
    period = pd.DataFrame({"u": pd.period_range("2024", periods=2, freq="D")})
    with pytest.raises(TypeError, match="'u' holds Period.*a string or a number"):
        read(period)
    sparse = pd.DataFrame({"u": pd.arrays.SparseArray([0.0, 1.0]), "v": [1, 2]})
    with pytest.raises(TypeError, match="'u' is sparse.*to_dense"):
        read(sparse)


def test_strings_beside_numbers_are_refused():
    for X in ([[1], ["a"]], pd.DataFrame({"column 0": [1, "a"]})):
        with pytest.raises(ValueError, match=r"'column 0' .* such as \[1, 'a'\]"):
            read(X)


def test_lazy_frames_are_refused():
    with pytest.raises(TypeError, match="collect"):
        read(pl.LazyFrame({"u": [1]}))


def test_columns_with_names_that_are_numbers():
    found = read(pd.DataFrame([[1.5, "a"]], columns=[1, 0]))
    assert isinstance(found, Table)
    assert found.labels == [1, 0]
    assert [column.name for column in found.columns] == ["1", "0"]
    assert [column.holds for column in found.columns] == ["numbers", "text"]
    # pandas 3 has a dtype of its own for strings
    assert found.columns[0].dtype == "float64"


def test_categories_of_polars_have_no_order():
    levels = ["c", "a", "unused", "b"]
    enum = pl.Series("u", ["a", "b"], dtype=pl.Enum(levels))
    categorical = pl.Series("v", ["b", "a"], dtype=pl.Categorical)
    listed, found = read(pl.DataFrame([enum, categorical])).columns
    assert (listed.categories, listed.is_ordered) == (levels, False)
    assert (found.categories, found.is_ordered) == (None, False)


def test_missing_entries_of_dictionaries_are_missing():
    chunks = [
        pa.array(["a", None]).dictionary_encode(),
        pa.array([None, "b", "a"]).dictionary_encode(),
    ]
    [column] = read(pa.table({"u": pa.chunked_array(chunks)})).columns
    assert column.values.tolist() == ["a", None, None, "b", "a"]
    assert sorted(column.categories) == ["a", "b"]
