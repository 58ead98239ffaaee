import datetime
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from polars.testing import assert_frame_equal

from skfmvae.columns import KINDS, ColumnEncoder

START = datetime.datetime(2024, 2, 28, 23, 30)
FRAME = pd.DataFrame(
    {
        "city": ["Lyon", "Nice", np.nan, "Metz"],
        "size": pd.Categorical(
            ["big", "small", None, "big"], ["small", "medium", "big"], ordered=True
        ),
        "price": [1.5, np.nan, 3.0, 100.0],
        "is_new": pd.array([True, None, False, True], "boolean"),
        "visits": pd.array([0, 1, None, 30], "Int16"),
        "day": pd.to_datetime(["2024-03-02", None, "2024-02-28", "2024-02-29"]),
    }
)
VALUES = [
    [0, 2, 1.5, 1, 0, 3],
    [2, 0, np.nan, np.nan, 1, np.nan],
    [np.nan, np.nan, 3, 0, np.nan, 0],
    [1, 2, 100, 1, 30, 1],
]


def test_a_frame_becomes_numbers_and_comes_back():
    encoder = ColumnEncoder().fit(FRAME)
    values = encoder.transform(FRAME)
    assert encoder.is_frame
    assert values.dtype == np.float64
    assert_array_equal(values, VALUES)
    kinds = ["categorical", "ordinal", "positive", "binary", "count", "real"]
    assert [column.kind for column in encoder.columns] == kinds
    assert encoder.columns[1].categories.tolist() == ["small", "medium", "big"]
    assert encoder.columns[3].categories.tolist() == [False, True]
    assert encoder.columns[4].range == (-(2**15), 2**15 - 1)
    assert (encoder.columns[5].unit, encoder.columns[5].origin[:10]) == (
        "D",
        "2024-02-28",
    )
    pd.testing.assert_frame_equal(encoder.inverse(values), FRAME)


def test_the_index_is_fresh():
    frame = FRAME.set_index(np.array([5, 5, 6, 7]))
    encoder = ColumnEncoder().fit(frame)
    found = encoder.inverse(encoder.transform(frame))
    pd.testing.assert_frame_equal(found, FRAME)


def test_other_rows_come_back_as_the_frame_was():
    encoder = ColumnEncoder().fit(FRAME)
    found = encoder.inverse([[0.6, 1.2, -7.25, 0.7, -3.2, 1.4]])
    expected = pd.DataFrame(
        {
            "city": pd.Series(["Metz"], dtype=FRAME["city"].dtype),
            "size": pd.Categorical(["medium"], dtype=FRAME["size"].dtype),
            "price": [-7.25],
            "is_new": pd.array([True], "boolean"),
            "visits": pd.array([0], "Int16"),
            "day": pd.to_datetime(["2024-02-29"]).astype(FRAME["day"].dtype),
        }
    )
    pd.testing.assert_frame_equal(found, expected)


# Frames of every dtype ----------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "longer name", "é", "Name", "0", ""])
TEXT = [["x", "y"], ["x", "y", "z"], ["a b", "", "é"], ["only"]]


def integers(low, high):
    return st.lists(st.integers(low, high), min_size=1, max_size=12)


def amounts(width):
    finite = st.floats(allow_nan=False, allow_infinity=False, width=width)
    return st.lists(finite, min_size=1, max_size=12)


def few(values):
    return st.lists(st.sampled_from(values), min_size=1, max_size=12)


def moments(seconds):
    """Return dates that are whole numbers of seconds apart, in half a century."""
    most = 50 * 365 * 86400 // seconds
    return integers(0, most).map(
        lambda counts: [START + datetime.timedelta(seconds=n * seconds) for n in counts]
    )


def spans(seconds):
    return integers(-(10**5), 10**5).map(
        lambda counts: [datetime.timedelta(seconds=n * seconds) for n in counts]
    )


def days():
    return moments(86400).map(lambda times: [time.date() for time in times])


INTEGERS = [
    (
        f"{u}int{size}",
        integers(0 if u else -(2 ** (size - 1)), 2 ** (size - bool(not u)) - 1),
    )
    for u in ("", "u")
    for size in (8, 16, 32)
] + [("int64", integers(-(2**53), 2**53)), ("uint64", integers(0, 2**53))]
# polars and PyArrow: how a dtype is made, and values of it
POLARS = [
    *[(getattr(pl, n.title().replace("Ui", "UI")), v) for n, v in INTEGERS],
    (pl.Float64, amounts(64)),
    (pl.Float32, amounts(32)),
    (pl.Boolean, few([True, False])),
    *[(pl.String, few(values)) for values in TEXT],
    (pl.Categorical, few(["z", "x", "y"])),
    (pl.Enum(["z", "x", "unused"]), few(["x", "z"])),
    (pl.Date, days()),
    (pl.Datetime("us"), moments(1)),
    (pl.Datetime("ms", "Europe/Berlin"), moments(3600)),
    (pl.Datetime("ns"), moments(60)),
    (pl.Duration("us"), spans(1)),
    (pl.Duration("ns"), spans(86400)),
    (pl.Null, few([None])),
]
ARROW = [
    *[(getattr(pa, name)(), values) for name, values in INTEGERS],
    (pa.float64(), amounts(64)),
    (pa.float32(), amounts(32)),
    (pa.bool_(), few([True, False])),
    *[(pa.string(), few(values)) for values in TEXT],
    (pa.large_string(), few(["x", "y"])),
    (pa.dictionary(pa.int8(), pa.string()), few(["z", "x", "y"])),
    (pa.dictionary(pa.int32(), pa.int64(), ordered=True), few([3, 1, 2])),
    (pa.date32(), days()),
    (pa.timestamp("s"), moments(1)),
    (pa.timestamp("us", "Europe/Berlin"), moments(3600)),
    (pa.duration("ms"), spans(1)),
    (pa.null(), few([None])),
]
# without a missing value, unless the name begins with a capital or says how
PANDAS = [
    *[(name, values) for name, values in INTEGERS],
    *[(name.title().replace("Ui", "UI"), values) for name, values in INTEGERS],
    *[(f"{name}[pyarrow]", values) for name, values in INTEGERS],
    ("float64", amounts(64)),
    ("float32", amounts(32)),
    ("Float64", amounts(64)),
    ("bool", few([True, False])),
    ("boolean", few([True, False])),
    ("object", few([True, False])),
    *[("object", few(values)) for values in TEXT],
    *[("string", few(values)) for values in TEXT],
    ("string[python]", few(["x", "y"])),
    (pd.CategoricalDtype(["z", "x", "unused"]), few(["x", "z"])),
    (pd.CategoricalDtype([3, 1, 2], ordered=True), few([1, 3])),
    (pd.CategoricalDtype([0.5, 0.25]), few([0.5, 0.25])),
    ("datetime64[ns]", moments(60)),
    ("datetime64[us]", moments(1)),
    ("datetime64[s]", moments(86400)),
    ("datetime64[us, Europe/Berlin]", moments(3600)),
    ("timestamp[us, tz=UTC][pyarrow]", moments(3600)),
    ("date32[day][pyarrow]", days()),
    ("timedelta64[ns]", spans(3600)),
    ("duration[ms][pyarrow]", spans(1)),
]


def pandas_series(dtype, values):
    no_gaps = str(dtype).startswith(("int", "uint", "bool")) and "[" not in dtype
    if no_gaps and dtype != "boolean":
        values = [values[0] or 0 if value is None else value for value in values]
    if "datetime64" in str(dtype) and "," in dtype:
        return pd.Series(pd.to_datetime(values, utc=True)).astype(dtype)
    if dtype == "object":
        values = [np.nan if value is None else value for value in values]
    return pd.Series(values, dtype=dtype)


def arrow_array(type_, values):
    if not pa.types.is_dictionary(type_):
        return pa.array(values, type_)
    levels = sorted({value for value in values if value is not None}, reverse=True)
    codes = [None if value is None else levels.index(value) for value in values]
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, type_.index_type),
        pa.array(levels, type_.value_type),
        ordered=type_.ordered,
    )


def polars_series(dtype, values):
    if getattr(dtype, "time_zone", None):
        naive = pl.Series(values, dtype=pl.Datetime("ms"))
        zoned = naive.dt.replace_time_zone("UTC")
        return zoned.dt.convert_time_zone(dtype.time_zone)
    return pl.Series(values, dtype=dtype)


def pandas_frame(columns):
    return pd.DataFrame({name: pandas_series(*column) for name, column in columns})


def polars_frame(columns):
    return pl.DataFrame({name: polars_series(*column) for name, column in columns})


def arrow_frame(columns):
    names, arrays = zip(
        *[(name, arrow_array(*column)) for name, column in columns], strict=True
    )
    return pa.table(arrays, names)


def assert_tables_equal(found, expected):
    assert found.schema == expected.schema
    assert found.to_pylist() == expected.to_pylist()
    for name in found.column_names:
        if pa.types.is_dictionary(found.schema.field(name).type):
            levels = [table[name].chunk(0).dictionary for table in (found, expected)]
            assert levels[0] == levels[1]


LIBRARIES = [
    (PANDAS, pandas_frame, pd.testing.assert_frame_equal),
    (POLARS, polars_frame, assert_frame_equal),
    (ARROW, arrow_frame, assert_tables_equal),
]


@st.composite
def entries(draw, strategy, n_rows):
    """Draw entries of a column, of which some may be missing."""
    values = (draw(strategy) * n_rows)[:n_rows]
    known = draw(st.lists(st.booleans(), min_size=n_rows, max_size=n_rows))
    if draw(st.booleans()):
        return values
    return [values[i] if is_known else None for i, is_known in enumerate(known)]


@st.composite
def frames(draw):
    """Draw a frame of any library, whose columns may have gaps, and its comparison."""
    dtypes, make, assert_equal = draw(st.sampled_from(LIBRARIES))
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    n_rows = draw(st.integers(1, 12))
    columns = []
    for name in names:
        dtype, strategy = draw(st.sampled_from(dtypes))
        columns.append((name, (dtype, draw(entries(strategy, n_rows)))))
    return make(columns), assert_equal


def assert_comes_back(frame, assert_equal):
    encoder = ColumnEncoder().fit(frame)
    values = encoder.transform(frame)
    assert values.shape == frame.shape
    assert_equal(encoder.inverse(values), frame)
    return encoder, values


@pytest.mark.parametrize(
    ("dtype", "strategy", "make", "assert_equal"),
    [
        pytest.param(*column, *library, id=f"{library[0].__name__} {column[0]}")
        for dtypes, *library in LIBRARIES
        for column in dtypes
    ],
)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_every_dtype_comes_back(dtype, strategy, make, assert_equal, data):
    n_rows = data.draw(st.integers(1, 12))
    columns = [
        ("full", (dtype, (data.draw(strategy) * n_rows)[:n_rows])),
        ("gaps", (dtype, data.draw(entries(strategy, n_rows)))),
    ]
    assert_comes_back(make(columns), assert_equal)


@settings(max_examples=200, deadline=None)
@given(frames())
def test_every_frame_comes_back(drawn):
    frame, assert_equal = drawn
    encoder, values = assert_comes_back(frame, assert_equal)
    kinds = [column.kind for column in encoder.columns]
    assert set(kinds) <= set(KINDS)
    for column, numbers in zip(encoder.columns, values.T, strict=True):
        known = numbers[~np.isnan(numbers)]
        assert column.kind not in {"count", "binary"} or (known >= 0).all()
        assert column.kind != "positive" or (known > 0).all()
        if column.categories is not None:
            assert np.isin(known, np.arange(len(column.categories))).all()

    # Whatever numbers a model returns, they make a frame that can be read again.
    for scale in (1.0, 1e3, 1e30):
        noise = np.random.default_rng(0).normal(scale=scale, size=values.shape)
        made = encoder.inverse(noise)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            again = encoder.transform(made)
        assert_equal(encoder.inverse(again), made)


# Dtypes of NumPy without missing values -----------------------------------------------


def test_gaps_of_other_rows_make_integers_nullable():
    frame = pd.DataFrame({"n": np.array([5, 7, 9], "int16"), "b": [True, False, True]})
    encoder = ColumnEncoder().fit(frame)
    gaps = pd.DataFrame({"n": [7.0, None], "b": pd.array([None, True], "boolean")})
    found = encoder.inverse(encoder.transform(gaps))
    pd.testing.assert_frame_equal(found, gaps.astype({"n": "Int16"}))


def test_single_precision_stays():
    frame = pd.DataFrame({"a": [0.1, 0.7, 2.5], "b": [0, 1, 0]}, dtype=np.float32)
    encoder = ColumnEncoder().fit(frame)
    assert encoder.transform(frame).dtype == np.float32
    frame["c"] = [0.1, 0.2, 0.3]
    encoder = ColumnEncoder().fit(frame)
    assert encoder.transform(frame).dtype == np.float64


# Arrays -------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", ["from_dtype", None, [], [False, False]])
def test_plain_numbers_pass_untouched(choice):
    for X in (np.eye(2), np.eye(2, dtype=np.uint8), [[1, 2], [3, 4]]):
        encoder = ColumnEncoder(choice).fit(X)
        assert encoder.columns is None
        assert not encoder.is_frame
        assert encoder.transform(X) is X
        assert encoder.inverse(X) is X
    X = scipy.sparse.eye(2).tocsr()
    assert ColumnEncoder().fit(X).transform(X) is X


def test_objects_that_are_numbers_are_plain():
    X = np.array([[1, None], [2.5, 3]], dtype=object)
    encoder = ColumnEncoder().fit(X)
    assert encoder.columns is None
    assert_array_equal(encoder.transform(X), [[1, np.nan], [2.5, 3]])


def test_text_after_plain_numbers_is_refused():
    encoder = ColumnEncoder().fit(np.eye(2))
    with pytest.raises(ValueError, match="'column 1' holds text .*'a'.* held numbers"):
        encoder.transform(np.array([[1, "a"]], dtype=object))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_arrays_of_strings_and_numbers(missing):
    X = np.array([["b", 1, 0], ["a", missing, 1], [missing, 9, 1]], dtype=object)
    encoder = ColumnEncoder().fit(X)
    names = [(column.name, column.kind) for column in encoder.columns]
    assert names == [
        ("column 0", "binary"),
        ("column 1", "real"),
        ("column 2", "binary"),
    ]
    values = encoder.transform(X)
    assert_array_equal(values, [[1, 1, 0], [0, np.nan, 1], [np.nan, 9, 1]])
    back = encoder.inverse(values)
    assert back.dtype == object
    assert back[0].tolist() == ["b", 1, 0]
    assert np.isnan([back[1, 1], back[2, 0]]).all()


@pytest.mark.parametrize("choice", [[1], [False, True], np.array([-1])])
@pytest.mark.parametrize("dtype", [int, float, np.float32])
def test_numbers_of_arrays_as_categories(choice, dtype):
    X = np.array([[2, 30], [3, -1], [5, 30], [9, 7]], dtype=dtype)
    encoder = ColumnEncoder(choice).fit(X)
    assert [column.kind for column in encoder.columns] == ["positive", "categorical"]
    assert encoder.columns[1].categories.tolist() == [-1, 7, 30]
    values = encoder.transform(X)
    assert_array_equal(values, [[2, 2], [3, 0], [5, 2], [9, 1]])
    back = encoder.inverse(values)
    assert back.dtype == X.dtype
    assert_array_equal(back, X)


def test_wrong_choices_for_arrays():
    with pytest.raises(ValueError, match="no names of columns"):
        ColumnEncoder(["a"]).fit(np.eye(2))
    with pytest.raises(TypeError, match="sparse.*toarray"):
        ColumnEncoder([0]).fit(scipy.sparse.eye(2).tocsr())
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        ColumnEncoder([0]).fit(np.ones(2))


# Columns that users choose ------------------------------------------------------------


def test_chosen_columns_of_a_frame():
    frame = pd.DataFrame({"zip": [69001, 6000, 69001], "size": [1.5, 2.0, 4.0]})
    encoder = ColumnEncoder(["zip"]).fit(frame)
    assert encoder.columns[0].kind == "binary"
    assert encoder.columns[0].categories.tolist() == [6000, 69001]
    values = encoder.transform(frame)
    assert_array_equal(values[:, 0], [1, 0, 1])
    pd.testing.assert_frame_equal(encoder.inverse(values), frame)


@pytest.mark.parametrize("choice", [None, ["price"]])
def test_text_has_to_be_chosen_where_columns_are(choice):
    with pytest.raises(ValueError, match="'city' holds text, .* does not name it"):
        ColumnEncoder(choice).fit(FRAME[["city", "price"]])


def test_chosen_text_may_have_many_values():
    frame = pd.DataFrame({"id": [f"row {i}" for i in range(50)]})
    with pytest.raises(ValueError, match="'id' holds 50 different texts in 50 entries"):
        ColumnEncoder().fit(frame)
    assert len(ColumnEncoder(["id"]).fit(frame).columns[0].categories) == 50
    assert (
        len(ColumnEncoder().fit(frame.astype("category")).columns[0].categories) == 50
    )


# Rows of another time -----------------------------------------------------------------


def test_unseen_categories_are_missing_with_one_warning():
    encoder = ColumnEncoder().fit(FRAME)
    rows = FRAME.copy()
    rows["city"] = ["Brest", "Nice", "Brest", "Paris"]
    rows["size"] = pd.Categorical(["tiny", None, "big", "small"])
    with pytest.warns(UserWarning, match="by column") as caught:
        values = encoder.transform(rows)
    [warning] = caught
    assert str(warning.message) == (
        "4 entries of X are categories that fit did not see and count as missing, by "
        "column: 'city' (3: 'Brest', 'Paris'), 'size' (1: 'tiny')."
    )
    assert warning.filename == __file__
    assert_array_equal(values[:, 0], [np.nan, 2, np.nan, np.nan])
    assert_array_equal(values[:, 1], [np.nan, np.nan, 2, 0])


def test_examples_of_a_warning_are_few():
    encoder = ColumnEncoder().fit(pd.DataFrame({"flag": [0, 1]}))
    with pytest.warns(UserWarning, match=r"^5 .*'flag' \(5: 2.0, 3.0, 4.0, ...\)."):
        values = encoder.transform(pd.DataFrame({"flag": [2, 3, 4, 5, 1, 6]}))
    assert_array_equal(values[:, 0], [np.nan] * 4 + [1, np.nan])


def test_names_are_matched_as_scikit_learn_does():
    encoder = ColumnEncoder().fit(FRAME)
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        encoder.transform(FRAME[FRAME.columns[::-1]])
    with pytest.raises(ValueError, match="(?s)yet now missing:\n- price"):
        encoder.transform(FRAME.drop(columns="price"))
    with pytest.raises(ValueError, match="(?s)unseen at fit time:\n- other"):
        encoder.transform(FRAME.rename(columns={"price": "other"}))
    with pytest.raises(ValueError, match="X has 2 features.*expecting 6 features"):
        encoder.transform(np.ones((3, 2)))


def test_frames_and_arrays_stand_for_each_other():
    encoder = ColumnEncoder().fit(FRAME)
    columns = ["city", "size", "price"]
    encoder = ColumnEncoder().fit(FRAME[columns])
    assert_array_equal(
        encoder.transform(FRAME[columns].to_numpy(dtype=object)),
        encoder.transform(FRAME[columns]),
    )
    assert_array_equal(
        encoder.transform(pl.from_pandas(FRAME[columns])),
        encoder.transform(FRAME[columns]),
    )


def test_names_that_are_no_strings_come_back():
    frame = pd.DataFrame([[1.5, "a"], [2.0, "b"]], columns=[7, 3])
    encoder = ColumnEncoder().fit(frame)
    pd.testing.assert_frame_equal(encoder.inverse(encoder.transform(frame)), frame)


def test_what_fit_never_saw_is_missing():
    nothing = pd.Series([np.nan, np.nan], dtype=object)
    frame = pd.DataFrame({"a": nothing, "b": nothing.astype("category")})
    encoder = ColumnEncoder().fit(frame)
    with pytest.warns(UserWarning, match="'a' .1: 'x'., 'b' .1: 'y'"):
        values = encoder.transform(pd.DataFrame({"a": ["x", None], "b": ["y", None]}))
    assert np.isnan(values).all()
    pd.testing.assert_frame_equal(encoder.inverse(np.ones((2, 2))), frame)


def test_empty_frames_have_no_rows():
    frame = FRAME.iloc[:0]
    assert ColumnEncoder().fit(FRAME).transform(frame).shape == (0, 6)
    assert ColumnEncoder().fit(frame).transform(frame).shape == (0, 6)


def test_a_fitted_encoder_can_be_pickled():
    encoder = pickle.loads(pickle.dumps(ColumnEncoder().fit(FRAME)))
    pd.testing.assert_frame_equal(encoder.inverse(encoder.transform(FRAME)), FRAME)


def test_a_frame_of_one_library_needs_no_other():
    code = (
        "import without, polars as pl; from polars.testing import assert_frame_equal; "
        "from skfmvae.columns import ColumnEncoder; "
        "X = pl.DataFrame({'a': ['x', None, 'y'], 'b': [1, None, 2], 'c': [True, None, "
        "False], 'd': [1.5, None, 2.5]}); encoder = ColumnEncoder().fit(X); "
        "assert_frame_equal(encoder.inverse(encoder.transform(X)), X)"
    )
    tests = Path(__file__).parents[1]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tests.parent), str(tests)]),
        "WITHOUT": "pandas,pyarrow,torch",
    }
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
