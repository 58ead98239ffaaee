"""Properties, their classes and their codes."""

import re
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import LabelEncoder

from skfmvae.targets import PartialLabelEncoder

NAN, NA = float("nan"), pd.NA


def objects(*values):
    return pd.Series(values, dtype=object).to_numpy()


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


def test_pandas_and_polars_are_not_needed():
    code = (
        "import sys; sys.modules.update(pandas=None, polars=None); "
        "from skfmvae.targets import PartialLabelEncoder; "
        "encoder = PartialLabelEncoder().fit([0, None, 1]); "
        "assert encoder.transform([None, 1]).tolist() == [[-1], [1]]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
