"""Classes and their codes: equal values, large numbers, placeholders."""

import re
import time

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skfmvae.targets import PartialLabelEncoder

NAN, NA = float("nan"), pd.NA


def objects(*values):
    return pd.Series(values, dtype=object).to_numpy()


@pytest.mark.parametrize(
    ("y", "property_components", "values"),
    [
        ([3, 5, -1], 4, [3, 5, 6, 7]),
        ([3, 5, -1], {"property_0": 3}, [3, 5, 6]),
        ([3, 5, -1], {}, [3, 5]),
        ([3, 5, -1], 2, [3, 5]),
        (np.array([-4, -2]), 4, [-4, -2, 0, 1]),
        (np.array([0, 255], dtype=np.uint8), 3, [0, 255, 256]),
        ([0.0, 1.0, NAN], 4, [0.0, 1.0, 2.0, 3.0]),
        (["a", "b"], 4, ["a", "b", "new_1", "new_2"]),
        (["new_1", None, "new_3"], 4, ["new_1", "new_3", "new_2", "new_4"]),
        ([True, None], 2, [True, False]),
        ([True, False], 2, [False, True]),
    ],
)
def test_spare_components_get_placeholders(y, property_components, values):
    encoder = PartialLabelEncoder().fit(y, property_components)
    (found,) = encoder.values
    assert found.tolist() == values
    assert list(map(type, found.tolist())) == list(map(type, values))
    assert found[: len(encoder.classes[0])].tolist() == encoder.classes[0].tolist()
    # whatever a code is called, the name leads back to the code
    codes = np.arange(len(values))
    assert encoder.transform(encoder.inverse(codes)).ravel().tolist() == codes.tolist()
    assert [encoder.code_of("property_0", value) for value in values] == codes.tolist()


def test_placeholders_keep_the_dtype_where_they_fit():
    y = np.array([0, 1, 2], dtype=np.int8)
    assert PartialLabelEncoder().fit(y, 5).values[0].dtype == np.int8


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1, "a"], r"'property_0' of y mixes \['int', 'str'\]; make"),
        (objects("a", 1.5, None), r"'property_0' of y mixes \['float', 'str'\]"),
        ([True, 2], r"'property_0' of y mixes \['bool', 'int'\]"),
        ([[0, 1], [0, "a"]], r"'property_1' of y mixes \['int', 'str'\]"),
        ([0.5, 1.0], "^Unknown label type: continuous .*'property_0'"),
        (objects(0.5, None), "^Unknown label type: continuous .*'property_0'"),
        (pl.Series("s", [0.5, 1.0]), "^Unknown label type: continuous .*'s'"),
        (np.array([NAN, NAN]), "y holds nothing but NaN, .* pass y=None, or -1"),
        (np.full((2, 2), NAN), "y holds nothing but NaN"),
        ([1.0, np.inf], "'property_0' of y holds infinity"),
        (np.array([-np.inf, 1]), "'property_0' of y holds infinity"),
        (np.array([1j]), "^Unknown label type: complex128"),
        (np.array(["2020-01-01"], dtype="M8[D]"), "^Unknown label type: datetime64"),
        ([b"a", b"b"], "^Unknown label type: bytes"),
        (objects((1, 2), (3,)), "^Unknown label type: tuple"),
        ([[1, 2], [3]], "^Unknown label type: sequence"),
        ([], "y is empty"),
        (np.empty((0, 2)), "y is empty"),
        (np.empty((2, 0)), "y is empty"),
        (pd.DataFrame(), "y is empty"),
        (np.zeros((2, 2, 2)), "y has 3 dimensions"),
        (3, "y has 0 dimensions"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), r"one name: \['a', 'a'\]"),
        (pd.DataFrame([[1, 2]], columns=[0, "0"]), r"one name: \['0', '0'\]"),
    ],
)
def test_what_is_no_label_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        PartialLabelEncoder().fit(y)


def shuffled(values):
    return np.random.default_rng(0).permutation(np.resize(values, 60_000))


@pytest.mark.parametrize(
    "y",
    [
        shuffled(np.arange(-1, 1000)),
        shuffled(np.arange(-1.0, 1000.0)),
        shuffled(np.arange(1000).astype(str)),
        shuffled(np.array([None, *map(str, range(1000))], dtype=object)),
        pd.Series(shuffled(np.arange(1000)), dtype="Int64"),
        pl.Series(shuffled(np.arange(1000)).astype(str)),
    ],
    ids=["int", "float", "str", "object", "pandas", "polars"],
)
def test_many_labels_are_fast(y):
    durations = []
    for _ in range(3):
        start = time.process_time()
        PartialLabelEncoder().fit(y).transform(y)
        durations.append(time.process_time() - start)
    assert min(durations) < 0.2


# Values that are equal ----------------------------------------------------------------

# Labels at fit, and later ones that Python has equal to them.
EQUAL = {
    "bool for int": ([0, 1, 1], np.array([False, True, True])),
    "int for bool": ([False, True, True], [0, 1, 1]),
    "float for bool": (np.array([False, True, True]), np.array([0.0, 1.0, 1.0])),
    "bool for float": ([0.0, 1.0, 1.0], pd.Series([False, True, True])),
    "int for float": ([0.0, 5.0, 5.0], np.array([0, 5, 5], dtype=np.uint8)),
    "float for int": ([0, 5, 5], pl.Series([0.0, 5.0, 5.0])),
    "nullable bool for int": (
        [0, 1, 1],
        pd.Series([False, True, True], dtype="boolean"),
    ),
    "str_ for str": (["a", "b", "b"], objects(*map(np.str_, "abb"))),
    "category for str": (["a", "b", "b"], pd.Series(["a", "b", "b"], dtype="category")),
}


@pytest.mark.parametrize(("fitted", "later"), EQUAL.values(), ids=EQUAL)
def test_equal_values_are_one_value(fitted, later):
    encoder = PartialLabelEncoder().fit(fitted)
    expected = encoder.transform(fitted)
    np.testing.assert_array_equal(encoder.transform(later), expected)
    np.testing.assert_array_equal(encoder.transform(later, unknown=-2), expected)
    wanted = {"property_0": later}
    np.testing.assert_array_equal(encoder.codes_of(wanted, 3), expected)


@pytest.mark.parametrize(
    ("fitted", "later"),
    [
        ([0, 1], ["0", "1"]),
        ([0, 1], objects("0", None)),
        (["0", "1"], np.array([0, 1])),
        (["True", "False"], [True, False]),
        ([True, False], pd.Series(["True", "False"])),
        ([0.0, 1.0], pl.Series(["0", "1"])),
        ([None, None], ["a", "b"]),
    ],
    ids=str,
)
def test_numbers_and_strings_are_not_compared(fitted, later):
    """Not even where unknown values are allowed, for they would all be wrong."""
    encoder = PartialLabelEncoder().fit(fitted)
    for unknown in (None, -2):
        with pytest.raises(ValueError, match="'property_0' has no value .* No number"):
            encoder.transform(later, unknown=unknown)


# Values that NumPy would merge --------------------------------------------------------

BIG = 2**53
KEPT_APART = {
    "nul": ["a", "a\0", "b\0"],
    "nul and none": ["a", None, "a\0"],
    "big ints": [BIG, BIG + 1],
    "big ints and none": [BIG, None, BIG + 1],
    "big ints and nan": [BIG, NAN, BIG + 1],
    "big ints and floats": [BIG, 1.0, BIG + 1],
    "a big int and a float": [BIG, 1.0],
    "object array": objects(BIG, BIG + 1, 3.0, NAN),
    "signed and unsigned": [np.uint64(2**63), np.int64(-2), np.uint64(2**63 + 1)],
    "beyond 64 bits": [2**70, 2**70 + 1, -3],
    "uint64 array": np.array([2**64 - 1, 2**64 - 2], dtype=np.uint64),
    "nullable": pd.Series([BIG, NA, BIG + 1], dtype="Int64"),
    "polars": pl.Series([BIG, None, BIG + 1]),
    "masked": np.ma.array([BIG, 5, BIG + 1], mask=[0, 1, 0]),
}


@pytest.mark.parametrize("y", KEPT_APART.values(), ids=KEPT_APART)
@pytest.mark.parametrize("n_spare", [0, 2])
def test_values_that_numpy_would_merge_stay_apart(y, n_spare):
    given = y.tolist() if hasattr(y, "tolist") else y
    labelled = [v for v in given if v is not None and v is not NA and v == v]
    encoder = PartialLabelEncoder().fit(y, len(set(labelled)) + n_spare)
    assert encoder.classes[0].tolist() == sorted(set(labelled))
    codes = encoder.transform(y).ravel()
    found = encoder.inverse(codes[codes >= 0])
    assert found.tolist() == labelled
    every = np.arange(len(encoder.values[0]))
    assert encoder.transform(encoder.inverse(every)).ravel().tolist() == every.tolist()
    assert [
        encoder.code_of("property_0", v) for v in encoder.values[0]
    ] == every.tolist()


def test_big_numbers_of_two_dtypes_stay_apart_side_by_side():
    y = pd.DataFrame(
        {
            "a": np.array([BIG, BIG + 1]),
            "b": np.array([2**63, 2**63 + 1], dtype=np.uint64),
        }
    )
    encoder = PartialLabelEncoder().fit(y)
    back = encoder.inverse(encoder.transform(y))
    assert back.tolist() == [[BIG, 2**63], [BIG + 1, 2**63 + 1]]


@pytest.mark.parametrize(
    ("y", "found"),
    [
        (np.array([BIG, BIG + 1, NAN]), "9007199254740992.0 as float64"),
        (pd.Series([BIG + 1, None]), "9007199254740992.0 as float64"),
        ([float(BIG), None], "9007199254740992.0 as float64"),
        (pd.Series([1.0, -1e17], dtype="Float64"), "-1e+17 as float64"),
        (np.float32([2**24, 3]), "16777216.0 as float32"),
        (np.float16([4096, 3]), "4096.0 as float16"),
    ],
    ids=str,
)
def test_floats_that_may_be_rounded_are_refused(y, found):
    with pytest.raises(ValueError, match=re.escape(f"holds {found}") + ".*integers or"):
        PartialLabelEncoder().fit(y)


def test_the_largest_floats_that_are_exact():
    y = np.array([BIG - 1, 1.0, 1 - BIG])
    assert PartialLabelEncoder().fit(y).classes[0].tolist() == sorted(y)
    y = np.float32([2**24 - 1, 0])
    assert PartialLabelEncoder().fit(y).classes[0].tolist() == [0, 2**24 - 1]


@pytest.mark.parametrize("value", [0.5, np.inf])
def test_floats_beside_numbers_of_more_than_64_bits(value):
    with pytest.raises(ValueError, match="continuous|infinity"):
        PartialLabelEncoder().fit([2**70 + 1, value])


LABELS = st.one_of(
    st.lists(st.booleans(), min_size=1),
    st.lists(st.text(alphabet="a\0é-1", max_size=3), min_size=1),
    st.lists(st.integers().filter(lambda v: v != -1), min_size=1),
    st.lists(
        st.one_of(
            st.integers(-(2**70), 2**70).filter(lambda v: v != -1),
            st.sampled_from([BIG - 1, BIG, BIG + 1, 2**63 - 1, 2**63, 2**64]),
            st.integers(0, BIG - 1).map(float),
        ),
        min_size=1,
    ),
)
HOLD = {
    "list": list,
    "objects": lambda y: objects(*y),
    "with None": lambda y: [*y, None],
    "with NaN": lambda y: [*y, NAN],
    "masked": lambda y: np.ma.array(objects(*y, y[0]), mask=[0] * len(y) + [1]),
    "series": lambda y: pd.Series(y, dtype=object),
}


@pytest.mark.parametrize("hold", HOLD.values(), ids=HOLD)
@settings(deadline=None, max_examples=50)
@given(labels=LABELS)
def test_a_round_trip_changes_no_label(hold, labels):
    y = hold(labels)
    encoder = PartialLabelEncoder().fit(y)
    assert encoder.classes[0].tolist() == sorted(set(labels))
    codes = encoder.transform(y)[: len(labels)]
    assert encoder.inverse(codes).tolist() == labels
    reference = {value: code for code, value in enumerate(sorted(set(labels)))}
    assert codes.ravel().tolist() == [reference[value] for value in labels]


# Classes that are rarely meant --------------------------------------------------------


@pytest.mark.parametrize("y", [[0.5, 1.0], objects(0.5, None), np.float32([2.5, 1])])
def test_fractions_are_sent_to_quantities(y):
    with pytest.raises(ValueError, match="continuous.*Continuous.*SemiSupervisedVAE"):
        PartialLabelEncoder().fit(y)
