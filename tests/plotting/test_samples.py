"""Samples for each value of a property."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from torch import nn

from skfmvae import FactorialMixtureVAE
from skfmvae.plotting import (
    SamplesDisplay,
)

# Samples ------------------------------------------------------------------------------


def test_samples_are_the_estimators(labels_by_tile, tile, model):
    display = SamplesDisplay.from_estimator(model, n_samples=3, random_state=7)
    for row, value in enumerate(range(10)):
        expected, _ = model.sample(3, {"digit": value}, random_state=7, draw="mean")
        for column in range(3):
            assert_array_equal(tile(display, row, column).ravel(), expected[column])
    assert display.ax_.get_ylabel() == "digit"
    digits = {row: str(row) for row in range(10)}
    assert labels_by_tile(display.ax_.yaxis, 8) == digits


def test_samples_of_chosen_values(labels_by_tile, model):
    display = SamplesDisplay.from_estimator(
        model, "parity", values=["odd"], n_samples=2, random_state=0
    )
    expected, _ = model.sample(2, {"parity": "odd"}, random_state=0, draw="mean")
    assert_array_equal(display.images.reshape(2, 64), expected)
    assert labels_by_tile(display.ax_.yaxis, 8) == {0: "odd"}


def test_samples_of_every_value_of_a_discovered_property(model):
    display = SamplesDisplay.from_estimator(model, "discovered_0", n_samples=1)
    assert display.values.tolist() == [0, 1, 2, 3]
    assert len(display.images) == 4


class StyleOnly(nn.Linear):
    """A decoder that is blind to all but the last latents, the style."""

    def __init__(self, n_inputs, n_outputs):
        super().__init__(5, n_outputs)

    def forward(self, z):
        return super().forward(z[:, -5:])


@pytest.mark.parametrize("random_state", [0, None, np.random.RandomState(0)])
def test_a_column_of_samples_is_one_style(X, random_state):
    model = FactorialMixtureVAE(
        decoder=StyleOnly, style_dim=5, max_epochs=2, random_state=0
    ).fit(X, load_digits().target[:200])
    display = SamplesDisplay.from_estimator(model, random_state=random_state)
    first = display.images[0]
    assert_allclose(display.images, np.broadcast_to(first, display.images.shape))
    assert len(np.unique(first.reshape(10, 64), axis=0)) == 10


def test_samples_differ_between_draws_but_not_between_equal_seeds(model):
    def images(random_state):
        return SamplesDisplay.from_estimator(model, random_state=random_state).images

    assert_array_equal(images(3), images(3))
    assert not np.allclose(images(3), images(4))
    generator = np.random.RandomState(0)
    assert not np.allclose(images(generator), images(generator))
