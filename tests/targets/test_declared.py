import numpy as np
import pandas as pd
import pytest

from skfmvae.targets import (
    PartialLabelEncoder,
    declared_classes,
    unlabelled_columns,
    with_new_classes,
)


def as_lists(declared):
    return {name: values.tolist() for name, values in declared.items()}


TWO = np.array([[0, 1], [-1, 2]])


@pytest.mark.parametrize(
    ("classes", "y", "expected"),
    [
        (None, [0, 1], {}),
        ([2, 0, 1, 0], [0, 1], {"property_0": [0, 1, 2]}),
        (np.array(["b", "a"]), None, {"property_0": ["a", "b"]}),
        (["b", "a"], pd.Series(["a"], name="kind"), {"kind": ["a", "b"]}),
        ([[0, 1], np.arange(3)], TWO, {"property_0": [0, 1], "property_1": [0, 1, 2]}),
        ({"kind": [True, False]}, None, {"kind": [False, True]}),
    ],
    ids=["none", "list", "array", "named", "several", "dict"],
)
def test_declared_classes_by_name(classes, y, expected):
    assert as_lists(declared_classes(classes, y)) == expected


@pytest.mark.parametrize(
    ("classes", "y", "message"),
    [
        ([0, 1], TWO, "classes has 1 lists of classes, but y has the 2 columns"),
        ([[0], [0, 1], [2]], TWO, "classes has 3 lists"),
        ([[[0, 1], [1, 2]]], None, "shape"),
        ({"a": []}, None, "'a' has shape"),
        ([0.5, 1.5], None, "Unknown label type"),
    ],
)
def test_declarations_that_cannot_be(classes, y, message):
    with pytest.raises(ValueError, match=message):
        declared_classes(classes, y)


def test_declared_classes_take_the_place_of_labels():
    declared = {"property_0": np.array([0, 1, 2])}
    encoder = PartialLabelEncoder().fit([2, -1, 2], declared=declared)
    assert encoder.values[0].tolist() == [0, 1, 2]
    assert encoder.transform([2, -1]).ravel().tolist() == [2, -1]
    with pytest.raises(ValueError, match=r"classes names the unknown properties \['a'"):
        PartialLabelEncoder().fit([0, 1], declared={"a": np.array([0])})


def test_columns_without_a_label():
    columns = unlabelled_columns({"a": np.array([0, 1]), "b": np.array(["x"])}, 3)
    encoder = PartialLabelEncoder().fit(columns, declared={"a": np.array([0, 1])})
    assert encoder.property_names == ["a", "b"]
    assert encoder.transform(columns).tolist() == [[-1, -1]] * 3


@pytest.mark.parametrize(
    ("first", "size", "later", "values", "classes"),
    [
        ([0, 1], 4, [1, 0], [0, 1, 2, 3], [0, 1]),
        ([0, 1], 4, [7], [0, 1, 7, 3], [0, 1, 7]),
        ([0, 1], 4, [3], [0, 1, 2, 3], [0, 1, 3]),  # as predictions named it
        ([0, 1], 4, [3, 7], [0, 1, 7, 3], [0, 1, 7, 3]),
        (["b", "c"], 4, ["a"], ["b", "c", "a", "new_2"], ["b", "c", "a"]),
        ([True], 2, [False], [True, False], [True, False]),
        ([-1, -1], 3, [5], [5, 1, 2], [5]),  # no label before
        ([-1, -1], 3, ["b", "a"], ["a", "b", "new_1"], ["a", "b"]),
    ],
)
def test_new_classes_take_over_components(first, size, later, values, classes):
    encoder = PartialLabelEncoder().fit(first, size)
    before = [v.tolist() for v in encoder.values]
    extended = with_new_classes(encoder, later)
    assert extended.values[0].tolist() == values
    assert extended.classes[0].tolist() == classes
    assert [v.tolist() for v in encoder.values] == before
    known = [v for v in first if v != -1]
    if known:
        np.testing.assert_array_equal(
            extended.transform(known), encoder.transform(known)
        )
    codes = extended.transform(later)
    np.testing.assert_array_equal(extended.inverse(codes), later)


def test_new_classes_without_room():
    encoder = PartialLabelEncoder().fit([0, 1], 3)
    with pytest.raises(ValueError, match=r"new classes \[7, 8\].*Declare all classes"):
        with_new_classes(encoder, [8, 7])
    with pytest.raises(ValueError, match="No number equals a string"):
        with_new_classes(encoder, ["a"])
    with pytest.raises(ValueError, match="y has 2 columns"):
        with_new_classes(encoder, [[0, 1]])


def test_without_labels_nothing_changes():
    encoder = PartialLabelEncoder().fit([0, 1])
    assert with_new_classes(encoder, None) is encoder
    assert with_new_classes(encoder, [-1, -1]).values[0].tolist() == [0, 1]
