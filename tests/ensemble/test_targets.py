"""Labels in all containers, and what is refused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import DataConversionWarning

from skfmvae.ensemble.targets import read_labels
from skfmvae.targets import keep_entries

VALUES = ["a", None, "b", "a"]
NUMBERS = [3, -1, 4, 3]


@pytest.mark.parametrize(
    "y",
    [
        VALUES,
        NUMBERS,
        np.array(NUMBERS),
        np.array(VALUES, dtype=object),
        np.array([0.0, np.nan, 1.0, 0.0]),
        np.ma.array([0, 5, 1, 0], mask=[0, 1, 0, 0]),
        pd.Series(VALUES, dtype="category"),
        pd.Series([1, pd.NA, 2, 1], dtype="Int64"),
        pd.Series(VALUES, name="kind").to_frame(),
        pl.Series("kind", VALUES),
    ],
    ids=lambda y: type(y).__name__,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_one_property_in_any_container(y):
    maskable, labels = read_labels(y)
    assert np.shape(maskable) == (4,)
    assert labels.transform(maskable).ravel().tolist() == [0, -1, 1, 0]
    kept = keep_entries(maskable, np.array([True, True, True, False]))
    assert labels.transform(kept).ravel().tolist() == [0, -1, 1, -1]


@pytest.mark.parametrize("container", [list, pd.DataFrame, pl.DataFrame])
def test_properties_of_different_kinds(container):
    y = {"kind": VALUES, "size": NUMBERS}
    y = container(y) if container is not list else list(zip(*y.values(), strict=True))
    maskable, labels = read_labels(y)
    hidden = np.array([[1, 0], [0, 0], [0, 1], [0, 0]], dtype=bool)
    codes = labels.transform(keep_entries(maskable, ~hidden))
    assert codes.tolist() == [[-1, 0], [-1, -1], [1, -1], [0, 0]]
    if container is not list:
        assert labels.property_names == ["kind", "size"]


def test_a_column_vector_is_one_property():
    with pytest.warns(DataConversionWarning):
        maskable, labels = read_labels(np.array([[0], [1]]))
    assert maskable.shape == (2,)
    assert not labels.multi_output


def test_what_is_refused(says):
    for y, pieces in [
        (None, ["requires y to be passed", "Label some rows"]),
        ([-1, -1], ["'property_0'", "no label"]),
        ([["a", None], ["b", None]], ["'property_1'", "leave the column out"]),
        ([0.5, 1.5], ["continuous", "SemiSupervisedVAE"]),
        (pd.DataFrame({"kind": ["a"], "mass": [0.5]}), ["'mass'", "quantity"]),
    ]:
        with pytest.raises(ValueError, match=says(*pieces)):
            read_labels(y)


def test_doubtful_classes_are_warned_of_once():
    with pytest.warns(UserWarning, match="labels of one class only") as caught:
        read_labels([0, 0, -1])
    assert len(caught) == 1
