"""Coordinates of drawings."""

import numpy as np
from numpy.testing import assert_allclose

from skfmvae.datasets._geometry import turned


def test_axes_turn_anticlockwise():
    degrees = np.array([0, 90, 180, 270])
    u, v = turned(1.0, 0.0, degrees)
    assert_allclose(u, [1, 0, -1, 0], atol=1e-12)
    assert_allclose(v, [0, -1, 0, 1], atol=1e-12)


def test_turns_are_those_of_complex_numbers():
    x, y = np.random.default_rng(0).normal(size=(2, 10))
    u, v = turned(x, y, 30.0)
    expected = (x + 1j * y) * np.exp(-1j * np.pi / 6)
    assert_allclose(u + 1j * v, expected)
