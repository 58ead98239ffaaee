"""Columns of targets in every container, and masked entries."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import DataConversionWarning
from sklearn.preprocessing import LabelEncoder

from skfmvae.targets import PartialLabelEncoder

NAN, NA = float("nan"), pd.NA


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
