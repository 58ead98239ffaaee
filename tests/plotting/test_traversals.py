"""Rows as one latent varies."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits

from skfmvae import SemafoVAE
from skfmvae.plotting import (
    TraversalDisplay,
)

# Rows of data -------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("dims", [2, [7, 3, 0]])
def test_traversals_are_the_estimators(
    labels_by_tile, tile, model_with_levels, X, level, dims
):
    display = TraversalDisplay.from_estimator(
        model_with_levels, X[:2], level=level, dims=dims, n_steps=5, width=1.5
    )
    expected, moved = model_with_levels.traverse(
        X[:2], level=level, dims=dims, n_steps=5, width=1.5
    )
    for i in range(len(moved)):
        for start in range(2):
            for step in range(5):
                drawn = tile(display, 2 * i + start, step).ravel()
                assert_array_equal(drawn, expected[start, i, step])
    assert display.ax_.get_ylabel() == f"dimension of z{level}"
    assert display.ax_.get_xlabel() == "standard deviations"
    starts = [text for dim in moved for text in (str(dim), "")]
    assert labels_by_tile(display.ax_.yaxis, 8) == dict(enumerate(starts))
    steps = dict(enumerate(["-1.5", "-0.8", "0.0", "0.8", "1.5"]))
    assert labels_by_tile(display.ax_.xaxis, 8) == steps


def test_traversals_start_from_properties(model_with_levels):
    properties = {"digit": [3, 7]}
    display = TraversalDisplay.from_estimator(
        model_with_levels, properties=properties, dims=[4], random_state=0
    )
    expected, _ = model_with_levels.traverse(
        properties=properties, dims=[4], random_state=0
    )
    assert_array_equal(display.images.reshape(2, 7, 64), expected[:, 0])


def test_traversals_of_a_property_left_open_differ_between_seeds(X):
    digit = load_digits().target[:200]
    labels = pd.DataFrame({"digit": digit, "parity": digit % 2})
    model = SemafoVAE(max_epochs=1, random_state=0).fit(X, labels)

    def images(seed):
        return TraversalDisplay.from_estimator(
            model, properties={"parity": [0] * 5}, random_state=seed
        ).images

    assert_array_equal(images(3), images(3))
    assert not np.allclose(images(3), images(4))


def test_traversals_that_are_none(model, model_with_levels, X):
    with pytest.raises(TypeError, match="a FactorialMixtureVAE, which cannot traverse"):
        TraversalDisplay.from_estimator(model, X[:2])
    for params, message in [
        ({}, "either X or properties"),
        ({"X": X[:2], "properties": {"digit": 3}}, "either X or properties"),
        ({"properties": {"hand": 3}}, "hand"),
        ({"properties": {"digit": 77}}, "77"),
        ({"X": X[:2], "level": 2}, "level=2: there are levels 0 to 1"),
        ({"X": X[:2], "dims": [32]}, "dimensions 0 to 31"),
    ]:
        with pytest.raises(ValueError, match=message):
            TraversalDisplay.from_estimator(model_with_levels, **params)
