import importlib.util
import re
import sys
import time
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import DataConversionWarning
from sklearn.preprocessing import LabelEncoder

from skfmvae.targets import PartialLabelEncoder, labels

NAN, NA = float("nan"), pd.NA


def objects(*values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


# Four labels, the second of them missing: the container, the labelled values, and the
# kind of dtype that they keep.
ONE_PROPERTY = {
    "list of int": ([7, -1, 3, 7], [7, 3, 7], "i"),
    "list of int and None": ([7, None, 3, 7], [7, 3, 7], "i"),
    "list of int and NaN": ([7, NAN, 3, 7], [7, 3, 7], "i"),
    "list of NumPy int": ([np.int8(7), -1, np.int64(3), 7], [7, 3, 7], "i"),
    "tuple": ((7, -1, 3, 7), [7, 3, 7], "i"),
    "list of float": ([7.0, None, 3.0, 7.0], [7.0, 3.0, 7.0], "f"),
    "list of str": (["b", None, "-1", "b"], ["b", "-1", "b"], "O"),
    "list of str and NaN": (["b", NAN, "a", "b"], ["b", "a", "b"], "O"),
    "list of bool": ([True, None, False, True], [True, False, True], "b"),
    "list of bool and -1": ([True, -1, False, True], [True, False, True], "b"),
    "int array": (np.array([7, -1, -3, 7]), [7, -3, 7], "i"),
    "int8 array": (np.array([7, -1, 3, 7], dtype=np.int8), [7, 3, 7], "i"),
    "float array": (np.array([1.0, NAN, 0.0, 1.0]), [1.0, 0.0, 1.0], "f"),
    "float array, -1": (np.array([1.0, -1.0, 0.0, 1.0]), [1.0, 0.0, 1.0], "f"),
    "float32 array": (np.float32([1, NAN, 0, 1]), [1.0, 0.0, 1.0], "f"),
    "object array, -1": (objects("b", -1, "a", "b"), ["b", "a", "b"], "O"),
    "object array, -1.0": (objects("b", -1.0, "a", "b"), ["b", "a", "b"], "O"),
    "object array, NaN": (objects("b", NAN, "a", "b"), ["b", "a", "b"], "O"),
    "object array, NA": (objects("b", NA, "a", "b"), ["b", "a", "b"], "O"),
    "object array, NaT": (objects("b", pd.NaT, "a", "b"), ["b", "a", "b"], "O"),
    "object array of int": (objects(7, None, 3, 7), [7, 3, 7], "i"),
    "object array of int and -1": (objects(7, -1, 3, 7), [7, 3, 7], "i"),
    "object array of mixed numbers": (objects(7, NA, 3.0, 7), [7.0, 3.0, 7.0], "f"),
    "object array of bool": (
        objects(True, None, False, True),
        [True, False, True],
        "b",
    ),
    "series of float": (pd.Series([7, None, 3, 7]), [7.0, 3.0, 7.0], "f"),
    "series of int": (pd.Series([7, -1, 3, 7]), [7, 3, 7], "i"),
    "series of Int64": (pd.Series([7, NA, 3, 7], dtype="Int64"), [7, 3, 7], "i"),
    "series of boolean": (
        pd.Series([True, NA, False, True], dtype="boolean"),
        [True, False, True],
        "b",
    ),
    "series of string": (
        pd.Series(["b", NA, "a", "b"], dtype="string"),
        ["b", "a", "b"],
        "O",
    ),
    "series of str": (pd.Series(["b", None, "a", "b"]), ["b", "a", "b"], "O"),
    "series of object": (
        pd.Series(["b", None, "a", "b"], dtype=object),
        ["b", "a", "b"],
        "O",
    ),
    "series of category": (
        pd.Series(
            pd.Categorical(["b", None, "a", "b"], categories=["b", "never seen", "a"])
        ),
        ["b", "a", "b"],
        "O",
    ),
    "series of int category": (
        pd.Series([7, None, 3, 7], dtype=pd.CategoricalDtype([9, 7, 3])),
        [7, 3, 7],
        "i",
    ),
    "polars int": (pl.Series([7, None, 3, 7]), [7, 3, 7], "i"),
    "polars uint8": (pl.Series([7, None, 3, 7], dtype=pl.UInt8), [7, 3, 7], "i"),
    "polars float": (pl.Series([7.0, None, 3.0, 7.0]), [7.0, 3.0, 7.0], "f"),
    "polars float, NaN": (pl.Series([7.0, NAN, 3.0, 7.0]), [7.0, 3.0, 7.0], "f"),
    "polars bool": (pl.Series([True, None, False, True]), [True, False, True], "b"),
    "polars str": (pl.Series(["b", None, "a", "b"]), ["b", "a", "b"], "O"),
    "polars category": (
        pl.Series(["b", None, "a", "b"], dtype=pl.Categorical),
        ["b", "a", "b"],
        "O",
    ),
    "polars enum": (
        pl.Series(["b", None, "a", "b"], dtype=pl.Enum(["c", "b", "a"])),
        ["b", "a", "b"],
        "O",
    ),
}


@pytest.mark.parametrize(
    ("y", "labelled", "kind"), ONE_PROPERTY.values(), ids=ONE_PROPERTY
)
def test_one_property_agrees_with_label_encoder(y, labelled, kind):
    reference = LabelEncoder().fit(labelled)
    encoder = PartialLabelEncoder().fit(y)
    (classes,) = encoder.classes
    assert not encoder.multi_output
    assert encoder.property_names == ["property_0"]
    assert classes.dtype.kind == kind
    assert classes.tolist() == reference.classes_.tolist()
    assert set(map(type, classes.tolist())) == set(map(type, labelled))
    first, *others = reference.transform(labelled)
    codes = encoder.transform(y)
    assert codes.dtype == np.int64
    assert codes.tolist() == [[first], [-1], *([code] for code in others)]
    back = encoder.inverse(codes[[0, 2, 3]])
    assert back.dtype == classes.dtype
    assert back.tolist() == labelled


@pytest.mark.parametrize(
    ("y", "dtype"),
    [
        (np.array([3, 1, 3, -1], dtype=np.int8), np.int8),
        (np.array([3, 1, 3], dtype=np.uint8), np.uint8),
        (np.float32([3, 1, NAN]), np.float32),
        (np.array([True, False]), np.bool_),
        (np.array(["b", "-1", "nan"]), np.dtype("<U3")),
        (["b", "-1", "nan"], np.dtype("<U3")),
        (pd.Series([3, 1], dtype="int32"), np.int32),
    ],
)
def test_dtypes_that_numpy_has_are_kept(y, dtype):
    encoder = PartialLabelEncoder().fit(y)
    labelled = [value for value in np.asarray(y).tolist() if value not in (-1,)]
    labelled = [value for value in labelled if value == value]
    reference = LabelEncoder().fit(labelled)
    assert encoder.classes[0].dtype == dtype
    assert encoder.values[0].dtype == dtype
    assert encoder.classes[0].tolist() == reference.classes_.tolist()
    found = encoder.transform(y).ravel()
    assert found[found >= 0].tolist() == reference.transform(labelled).tolist()


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="needs NumPy 2")
def test_numpys_variable_width_strings():
    y = np.array(["b", None, "-1"], dtype=np.dtypes.StringDType(na_object=None))
    assert PartialLabelEncoder().fit(y).transform(y).tolist() == [[1], [-1], [0]]


TWO_PROPERTIES = {
    "list of lists": [[7, "b"], [-1, None], [3, "a"]],
    "list of tuples": [(7, "b"), (None, NAN), (3, "a")],
    "object array": np.array([[7, "b"], [NA, -1], [3, "a"]], dtype=object),
    "pandas": pd.DataFrame(
        {"digit": pd.Series([7, NA, 3], dtype="Int64"), "hand": ["b", None, "a"]}
    ),
    "polars": pl.DataFrame({"digit": [7, None, 3], "hand": ["b", None, "a"]}),
}


@pytest.mark.parametrize("y", TWO_PROPERTIES.values(), ids=TWO_PROPERTIES)
def test_two_properties(y):
    encoder = PartialLabelEncoder().fit(y)
    named = hasattr(y, "columns")
    expected = ["digit", "hand"] if named else ["property_0", "property_1"]
    assert encoder.property_names == expected
    assert encoder.multi_output
    assert [classes.tolist() for classes in encoder.classes] == [[3, 7], ["a", "b"]]
    assert encoder.classes[0].dtype.kind == "i"
    assert encoder.transform(y).tolist() == [[1, 1], [-1, -1], [0, 0]]
    back = encoder.inverse([[0, 1], [1, 1]])
    assert back.dtype == object
    assert back.tolist() == [[3, "b"], [7, "b"]]


def test_properties_of_one_dtype_stay_that_dtype():
    y = np.array([[1.0, 5.0], [NAN, 6.0], [0.0, NAN]])
    encoder = PartialLabelEncoder().fit(y)
    assert encoder.transform(y).tolist() == [[1, 0], [-1, 1], [0, -1]]
    back = encoder.inverse([[0, 1], [1, 0]])
    assert back.dtype == np.float64
    assert back.tolist() == [[0.0, 6.0], [1.0, 5.0]]


def test_strings_of_different_width_share_a_dtype():
    encoder = PartialLabelEncoder().fit(np.array([["a", "long"], ["b", "longer"]]))
    encoder.values[0] = encoder.values[0].astype("<U1")
    back = encoder.inverse([[1, 1]])
    assert back.dtype == "<U6"
    assert back.tolist() == [["b", "longer"]]


@pytest.mark.parametrize(
    "y",
    [
        np.array([[1], [-1], [0]]),
        [[1], [None], [0]],
        pd.DataFrame({"digit": [1, -1, 0]}),
        pl.DataFrame({"digit": [1, None, 0]}),
    ],
    ids=lambda y: type(y).__module__ + "." + type(y).__name__,
)
def test_one_column_counts_as_one_dimension(y):
    with pytest.warns(DataConversionWarning, match="column-vector"):
        encoder = PartialLabelEncoder().fit(y)
    assert not encoder.multi_output
    assert encoder.property_names == [
        "digit" if hasattr(y, "columns") else "property_0"
    ]
    assert encoder.transform(y).tolist() == [[1], [-1], [0]]
    assert encoder.inverse([[1], [0]]).tolist() == [1, 0]
    assert encoder.inverse([1, 0]).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("y", "name"),
    [
        (pd.Series([0, 1], name="digit"), "digit"),
        (pd.Series([0, 1], name=3), "3"),
        (pd.Series([0, 1]), "property_0"),
        (pl.Series("digit", [0, 1]), "digit"),
        (pl.Series([0, 1]), "property_0"),
    ],
)
def test_a_series_gives_its_name(y, name):
    assert PartialLabelEncoder().fit(y).property_names == [name]


@pytest.mark.parametrize(
    "y",
    [
        [-1, -1],
        [None, None],
        pd.Series([NA, NA], dtype="boolean"),
        pl.Series([None, None]),
    ],
    ids=repr,
)
def test_a_column_without_labels_is_discovered(y):
    encoder = PartialLabelEncoder().fit(y, 4)
    assert encoder.property_names == ["property_0"]
    assert encoder.classes[0].size == 0
    assert encoder.values[0].tolist() == [0, 1, 2, 3]
    assert encoder.transform(y).tolist() == [[-1], [-1]]
    assert encoder.inverse([[3], [0]]).tolist() == [3, 0]
    assert encoder.code_of("property_0", 2) == 2


def test_nothing_but_nan_is_taken_for_a_mistake():
    with pytest.raises(ValueError, match="nothing but NaN"):
        PartialLabelEncoder().fit(np.array([NAN, NAN]))


def test_without_y_one_property_is_discovered():
    encoder = PartialLabelEncoder().fit(None, 3)
    assert encoder.property_names == ["discovered_0"]
    assert encoder.transform(None, n_samples=2).tolist() == [[-1], [-1]]
    assert encoder.inverse([2, 0]).tolist() == [2, 0]


def test_discovered_properties_beside_the_columns_of_y():
    encoder = PartialLabelEncoder().fit(["a", None], n_discovered=2)
    assert encoder.property_names == ["property_0", "discovered_0", "discovered_1"]
    assert encoder.transform(["a", None]).tolist() == [[0, -1, -1], [-1, -1, -1]]
    assert encoder.inverse([0]).tolist() == ["a"]


def test_codes_of_chosen_properties():
    y = pd.DataFrame({"digit": [5, 6], "hand": ["left", "right"]})
    encoder = PartialLabelEncoder().fit(y)
    assert encoder.codes_of({"hand": "right"}, 2).tolist() == [[-1, 1], [-1, 1]]
    wanted = {"digit": [6, 5, 6], "hand": np.array(["left", "left", "right"])}
    assert encoder.codes_of(wanted, 3).tolist() == [[1, 0], [0, 0], [1, 1]]
    with pytest.raises(ValueError, match="'digit' has 2 values for 3 rows"):
        encoder.codes_of({"digit": [6, 5]}, 3)


def test_unknown_values_get_a_code_on_request():
    encoder = PartialLabelEncoder().fit([3, 4, -1])
    assert encoder.transform([4, 9, -1], unknown=-2).tolist() == [[1], [-2], [-1]]


def test_labelled_and_discovered_columns_side_by_side():
    y = pd.DataFrame({"digit": [5, None, 6], "style": [None, None, None]})
    encoder = PartialLabelEncoder().fit(y, {"digit": 4, "style": 2})
    assert [values.tolist() for values in encoder.values] == [[5, 6, 7, 8], [0, 1]]
    encoder.fit(y, {"style": 3})
    assert [values.tolist() for values in encoder.values] == [[5, 6], [0, 1, 2]]


def test_without_y_there_is_one_discovered_property():
    encoder = PartialLabelEncoder().fit(None, 4)
    assert encoder.property_names == ["discovered_0"]
    assert encoder.values[0].tolist() == [0, 1, 2, 3]
    assert (encoder.n_columns, encoder.n_outputs, encoder.multi_output) == (0, 1, False)
    assert encoder.transform(None, n_samples=2).tolist() == [[-1], [-1]]
    assert encoder.inverse([[3], [0]]).tolist() == [3, 0]
    with pytest.raises(ValueError, match="y has 1 columns; expected are the 0 of fit"):
        encoder.transform([0, 1])
    names = PartialLabelEncoder().fit(None, n_discovered=2).property_names
    assert names == ["discovered_0", "discovered_1"]


def test_discovered_properties_come_after_the_columns_of_y():
    encoder = PartialLabelEncoder().fit(["a", "b"], {"discovered_1": 3}, n_discovered=2)
    assert encoder.property_names == ["property_0", "discovered_0", "discovered_1"]
    assert [len(values) for values in encoder.values] == [2, 10, 3]
    assert [len(classes) for classes in encoder.classes] == [2, 0, 0]
    assert (encoder.n_columns, encoder.n_outputs, encoder.multi_output) == (1, 1, False)
    assert encoder.transform(["b", None]).tolist() == [[1, -1, -1], [-1, -1, -1]]
    assert encoder.inverse([[1], [0]]).tolist() == ["b", "a"]
    with pytest.raises(ValueError, match="like a discovered property"):
        encoder.fit(pd.Series([0, 1], name="discovered_0"), n_discovered=1)


def test_no_labels_for_known_properties():
    encoder = PartialLabelEncoder().fit(np.array([[0, 1], [1, 0]]))
    assert encoder.transform(None, n_samples=3).tolist() == [[-1, -1]] * 3
    with pytest.raises(ValueError, match="n_samples"):
        encoder.transform(None)


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
    ("y", "property_components", "message"),
    [
        (
            [1, 2, 3],
            2,
            "property_components=2 is too small .*'property_0'.* 3 classes; raise",
        ),
        (
            [1, 2, 3],
            {"property_0": 1},
            "property_components=1 is too small .*'property_0'",
        ),
        (
            [1, 2],
            {"digit": 3},
            r"names the unknown properties .*digit.*\['property_0'\]",
        ),
        (
            [1, 2],
            2.5,
            "property_components=2.5 .*'property_0'; choose a positive whole",
        ),
        ([1, None], {"property_0": True}, "property_components=True .*'property_0'"),
        ([None], {"property_0": 0}, "property_components=0 .*'property_0'"),
        (
            [True, False],
            3,
            "property_components=3 .*'property_0': a bool property has two",
        ),
    ],
)
def test_bad_numbers_of_components(y, property_components, message):
    with pytest.raises(ValueError, match=message):
        PartialLabelEncoder().fit(y, property_components)


def test_bad_number_of_discovered_components():
    with pytest.raises(ValueError, match="property_components=0 .*'discovered_0'"):
        PartialLabelEncoder().fit(None, 0)


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


@pytest.mark.parametrize(
    ("fitted", "y", "message"),
    [
        ([1, 2], [1, 5], "'property_0' has no value 5; its values are 1, 2."),
        (["a", "b"], objects("c", None), "has no value 'c'; its values are 'a', 'b'."),
        (["1", "2"], [1, 2], "has no value 1; its values are '1', '2'."),
        ([1, 2], ["1", "2"], "has no value '1'; its values are 1, 2."),
        ([0, 2], [True, False], "has no value True; its values are 0, 2."),
        ([True, False], [0, 2], "has no value 2; its values are False, True."),
        (range(50), [50], "18, 19, ... (50 in all)."),
        (
            [1, 2],
            [[1, 2]],
            "y has 2 columns; expected are the 1 of fit, ['property_0']",
        ),
        (
            pd.DataFrame({"a": [0, 1], "b": [0, 1]}),
            pd.DataFrame({"a": [0, 1]}),
            "y has 1 columns ['a']; expected are the 2 of fit, ['a', 'b']",
        ),
        (
            pd.DataFrame({"a": [0, 1], "b": [0, 1]}),
            pd.DataFrame({"b": [0, 1], "a": [0, 1]}),
            "y has the columns ['b', 'a']; expected are those of fit, in their order: "
            "['a', 'b']",
        ),
        (pl.Series("a", [0, 1]), pl.Series("b", [0, 1]), "y has the columns ['b']"),
    ],
)
def test_what_fit_has_not_seen_is_refused(fitted, y, message):
    fitted = list(fitted) if isinstance(fitted, range) else fitted
    encoder = PartialLabelEncoder().fit(fitted)
    with pytest.raises(ValueError, match=re.escape(message)):
        encoder.transform(y)


def test_containers_may_change_after_fit():
    frame = pd.DataFrame({"a": ["x", "y"], "b": [0, 1]})
    encoder = PartialLabelEncoder().fit(frame)
    expected = encoder.transform(frame)
    others = [
        frame.to_numpy(),
        frame.to_numpy().tolist(),
        pl.DataFrame(frame.to_dict("list")),
    ]
    for other in others:
        np.testing.assert_array_equal(encoder.transform(other), expected)
    unnamed = PartialLabelEncoder().fit(frame.to_numpy())
    np.testing.assert_array_equal(unnamed.transform(frame), expected)
    assert PartialLabelEncoder().fit([3, 4]).transform([4.0, NAN]).tolist() == [
        [1],
        [-1],
    ]


def test_code_of():
    y = pd.DataFrame({"digit": [3, 5], "on": [False, True], "name": ["x", "y"]})
    encoder = PartialLabelEncoder().fit(y)
    for three in (3, 3.0, np.int64(3), np.uint8(3), np.float32(3), Fraction(3)):
        assert encoder.code_of("digit", three) == 0
    for true in (True, np.True_, 1, 1.0, np.int8(1)):
        assert encoder.code_of("on", true) == 1
    assert encoder.code_of("name", "y") == encoder.code_of("name", np.str_("y")) == 1
    assert type(encoder.code_of("digit", 5)) is int


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("letter", 3, "no property 'letter'; the properties are ['digit', 'on']"),
        ("digit", 2, "property 'digit' has no value 2; its values are 0, 1."),
        ("digit", -1, "property 'digit' has no value -1"),
        ("digit", None, "property 'digit' has no value None"),
        ("digit", [0], "property 'digit' has no value [0]"),
        ("digit", NAN, "property 'digit' has no value nan"),
        ("digit", "0", "property 'digit' has no value '0'"),
        ("digit", "0", "No number equals a string; give values of one kind."),
        ("digit", None, "Leave the property out to choose none."),
        ("on", 2, "property 'on' has no value 2; its values are False, True."),
    ],
)
def test_code_of_names_what_there_is(name, value, message):
    encoder = PartialLabelEncoder()
    encoder.fit(pd.DataFrame({"digit": [0, 1], "on": [False, True]}))
    with pytest.raises(ValueError, match=re.escape(message)):
        encoder.code_of(name, value)


@pytest.mark.parametrize(
    "digits", [[7, 3, 7], np.array([7.0, 3.0, 7.0]), pd.Series([7, 3, 7]), (7, 3, 7)]
)
def test_codes_of_rows_with_chosen_properties(digits):
    y = pd.DataFrame({"digit": [3, 7], "hand": ["x", "y"]})
    encoder = PartialLabelEncoder().fit(y, n_discovered=1)
    codes = encoder.codes_of({"digit": digits, "hand": "y"}, n_samples=3)
    assert codes.dtype == np.int64
    assert codes.tolist() == [[1, 1, -1], [0, 1, -1], [1, 1, -1]]
    assert encoder.codes_of({"discovered_0": 4}, 2).tolist() == [[-1, -1, 4]] * 2
    assert encoder.codes_of({}, 2).tolist() == [[-1, -1, -1]] * 2
    with pytest.raises(ValueError, match="'digit' has 3 values for 4 rows"):
        encoder.codes_of({"digit": digits}, 4)
    with pytest.raises(ValueError, match="'digit' has no value 4"):
        encoder.codes_of({"digit": [3, 4]}, 2)
    with pytest.raises(ValueError, match="no property 'letter'"):
        encoder.codes_of({"letter": ["a", "b"]}, 2)


@pytest.mark.parametrize("missing", [None, NAN, -1, NA, np.float32(NAN)])
def test_rows_that_choose_nothing(missing):
    encoder = PartialLabelEncoder().fit([3, 7, 3])
    assert encoder.codes_of({"property_0": [7, missing]}, 2).tolist() == [[1], [-1]]
    encoder = PartialLabelEncoder().fit(["a", "b"])
    assert encoder.codes_of({"property_0": ["b", missing]}, 2).tolist() == [[1], [-1]]
    with pytest.raises(ValueError, match=r"has no value .*Leave the property out"):
        encoder.codes_of({"property_0": missing}, 2)


def test_masked_rows_choose_nothing():
    encoder = PartialLabelEncoder().fit([3, 7, 3])
    wanted = np.ma.array([7, 3, 7], mask=[0, 1, 0])
    assert encoder.codes_of({"property_0": wanted}, 3).tolist() == [[1], [-1], [1]]


def test_chosen_values_of_several_columns():
    encoder = PartialLabelEncoder().fit([3, 7, 3])
    with pytest.raises(ValueError, match="'property_0' has 2 columns of values; give"):
        encoder.codes_of({"property_0": [[3, 7], [7, 3]]}, 2)


@pytest.mark.parametrize("code", [-1, 2])
def test_codes_without_a_value_are_refused(code):
    encoder = PartialLabelEncoder().fit(["a", "b"])
    with pytest.raises(ValueError, match=f"'property_0' has no code {code}.* 0 to 1"):
        encoder.inverse([[0], [code]])
    with pytest.raises(ValueError, match="2 columns"):
        encoder.inverse([[0, 1]])


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(0, 5), st.just(-1), st.just(NAN)),
            st.one_of(st.none(), st.text(max_size=3), st.just(NA)),
            st.one_of(st.none(), st.booleans(), st.just(-1)),
        ),
        min_size=1,
    )
)
def test_decoding_gives_back_every_label(rows):
    encoder = PartialLabelEncoder().fit(rows)
    codes = encoder.transform(rows)
    back = encoder.inverse(np.maximum(codes, 0))
    assert codes.shape == (len(rows), 3)
    for row, row_codes, row_back in zip(rows, codes, back, strict=True):
        for value, code, value_back in zip(row, row_codes, row_back, strict=True):
            missing = value is None or value is NA or value is NAN or value == -1
            assert (code == -1) == missing
            assert missing or value_back == value


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


# Masked arrays ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([7, -1, 3, 7], np.int64),
        ([7, 0, 3, 7], np.uint8),
        ([7.0, 0.0, 3.0, 7.0], np.float64),
        (["b", "z", "a", "b"], "<U1"),
        (["b", "z", "a", "b"], object),
        ([True, True, False, True], bool),
    ],
)
@pytest.mark.parametrize("fill_value", [None, "other"])
def test_what_is_masked_is_unlabelled(values, dtype, fill_value):
    y = np.ma.array(np.array(values, dtype=dtype), mask=[0, 1, 0, 0])
    if fill_value:
        y.fill_value = values[0]
    encoder = PartialLabelEncoder().fit(y)
    assert encoder.classes[0].tolist() == sorted({values[0], values[2]})
    assert encoder.transform(y).ravel().tolist() == [1, -1, 0, 1]
    # as a list it is the same
    assert encoder.transform(list(y)).ravel().tolist() == [1, -1, 0, 1]


def test_a_mask_of_several_columns():
    values, mask = [[7, 0], [5, 1], [3, 0]], [[0, 0], [1, 0], [0, 1]]
    y = np.ma.array(values, mask=mask)
    encoder = PartialLabelEncoder().fit(y)
    assert [classes.tolist() for classes in encoder.classes] == [[3, 7], [0, 1]]
    expected = [[1, 0], [-1, 1], [0, -1]]
    assert encoder.transform(y).tolist() == expected
    for rows in (list(y), [list(row) for row in y], y.tolist()):
        assert encoder.transform(rows).tolist() == expected
    column = PartialLabelEncoder().fit(y[:, 1])
    assert column.transform(y[:, 1]).ravel().tolist() == [0, 1, -1]


def test_masks_that_hide_nothing_or_everything():
    y = np.ma.array(np.array([7, 3], dtype=np.int8))
    assert PartialLabelEncoder().fit(y).classes[0].dtype == np.int8
    nothing = np.ma.masked_all(2, dtype=int)
    assert PartialLabelEncoder().fit(nothing, 4).values[0].tolist() == [0, 1, 2, 3]


# Classes that are rarely meant --------------------------------------------------------

LEFT = "class only, 1. -1 marks unlabelled entries; if it is a class, recode"
DOUBTFUL = {
    "-1 and 1": ([-1, 1, 1, -1], f"'property_0' of y has labels of one {LEFT}"),
    "array": (np.array([-1, 1]), LEFT),
    "float": (np.array([-1.0, 1.0]), "class only, 1.0. -1 marks unlabelled"),
    "objects": (objects(-1, 1, None), LEFT),
    "nullable": (pd.Series([-1, 1, NA], dtype="Int64", name="side"), f"'side'.*{LEFT}"),
    "polars": (pl.Series("side", [-1, 1]), f"'side'.*{LEFT}"),
    "a frame": (
        pd.DataFrame({"kind": [0, 1, 2], "side": [-1, 1, 1]}),
        f"property 'side'.*{LEFT}",
    ),
    "-2 and -1": ([-2, -1], "class only, -2. -1 marks unlabelled"),
    "other negative numbers": ([-2, -1, 1, 2], "has the class -2 beside -1. -1 marks"),
    "negative floats": ([-3.0, -1.0, 0.0], "has the class -3.0 beside -1. -1 marks"),
    "negative nullable": (
        pd.Series([-2, -1, 1], dtype="Int64"),
        "has the class -2 beside -1.",
    ),
    "one number": ([3, 3, 3], "class only, 3. Label rows of other classes too"),
    "one word": (["a", None, "a"], "class only, 'a'. Label rows"),
    "one truth": ([True, True, None], "class only, True. Label rows"),
    "a column of one class": ([[1, 0], [1, 1]], "'property_0'.* class only, 1"),
    "quantities": (np.arange(21), "has 21 classes on 21 labelled rows. .* Continuous"),
    "ages": ([*range(60)] * 9, "has 60 classes on 540 labelled rows"),
    "half": ([*range(16), *[0] * 14], "has 16 classes on 30 labelled rows"),
    "quantities with gaps": (
        [*range(0, 300, 10), *[-1] * 500],
        "has 30 classes on 30 labelled rows.*strings",
    ),
    "float quantities": (np.arange(100.0), "has 100 classes on 100 labelled"),
    "big quantities": ([2**70 + i for i in range(30)], "has 30 classes on 30"),
}


@pytest.mark.parametrize(("y", "message"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_classes_that_are_rarely_meant(y, message):
    encoder = PartialLabelEncoder().fit(y)
    with pytest.warns(UserWarning, match=message.replace(". -1", r"\. -1")) as caught:
        encoder.warn(y)
    assert len(caught) == 1


@pytest.mark.parametrize(
    "y",
    [
        None,
        [-1, -1],
        [None, None],
        [-1, 0, 1],
        [-3, -2, 5],
        [True, -1, False],
        ["-1", "-2", "a"],
        ["a", "b", -1],
        range(20),
        [*range(15), *[0] * 15],
        [*range(60)] * 10,
        [*range(50)] * 9,
        [str(i) for i in range(100)],
        np.array([[0, 1], [1, 0], [-1, -1]]),
    ],
    ids=str,
)
def test_classes_that_are_often_meant(y):
    y = list(y) if isinstance(y, range) else y
    PartialLabelEncoder().fit(y).warn(y)  # a warning would be an error here


@pytest.mark.parametrize(
    ("y", "is_doubtful"),
    [
        ([1, -1, 1], True),
        (np.array([1.0, -1.0]), True),
        ([1, None, 1], False),
        ([0, -1, 1], False),
        ([1, 1], False),
        ([-1, -1], False),
    ],
)
def test_marks_beside_a_single_scored_class(y, is_doubtful):
    encoder = PartialLabelEncoder().fit([0, 1])
    if is_doubtful:
        with pytest.warns(UserWarning, match="has 1.* and -1. -1 marks"):
            encoder.warn_of_marks(y)
    else:
        encoder.warn_of_marks(y)  # a warning would be an error here


def test_every_doubtful_column_is_named():
    y = pd.DataFrame({"a": [-1, 1, 1], "b": [0, 1, 0], "c": [2, 2, 2]})
    encoder = PartialLabelEncoder().fit(y, n_discovered=1)
    with pytest.warns(UserWarning, match="one class only") as caught:
        encoder.warn(y)
    found = [re.search("property '(.)'", str(w.message))[1] for w in caught]
    assert found == ["a", "c"]


@pytest.mark.parametrize("y", [[0.5, 1.0], objects(0.5, None), np.float32([2.5, 1])])
def test_fractions_are_sent_to_quantities(y):
    with pytest.raises(ValueError, match="continuous.*Continuous.*SemiSupervisedVAE"):
        PartialLabelEncoder().fit(y)


def test_pandas_and_polars_are_not_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "polars", None)
    spec = importlib.util.spec_from_file_location("fresh", labels.__file__)
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    encoder = fresh.PartialLabelEncoder().fit([0, None, 1])
    assert encoder.transform([None, 1]).tolist() == [[-1], [1]]
