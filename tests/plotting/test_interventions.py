"""Rows with one property changed."""

import pytest
from numpy.testing import assert_array_equal

from skfmvae.plotting import (
    InterventionDisplay,
)

# Rows of data -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "values"),
    [("parity", ["even", "odd"]), ("digit", [7, 0, 3]), ("discovered_0", [2])],
)
def test_interventions_stand_right_of_the_data(
    labels_by_tile, tile, model, X, name, values
):
    display = InterventionDisplay.from_estimator(model, X[:3], name, values=values)
    for row in range(3):
        assert_array_equal(tile(display, row, 0).ravel(), X[row])
    for column, value in enumerate(values, start=1):
        expected = model.intervene(X[:3], {name: value})
        for row in range(3):
            assert_array_equal(tile(display, row, column).ravel(), expected[row])
    assert display.ax_.get_xlabel() == name
    expected_labels = dict(enumerate(["data", *map(str, values)]))
    assert labels_by_tile(display.ax_.xaxis, 8) == expected_labels


def test_interventions_take_the_first_property_and_all_its_values(model, X):
    display = InterventionDisplay.from_estimator(model, X[:2])
    assert display.property_name == "digit"
    assert display.values.tolist() == list(range(10))
    expected = model.intervene(X[:2], {"digit": 9})
    assert_array_equal(display.images[:, -1].reshape(2, 64), expected)
