"""Canvases show the digits that their labels name."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from skfmvae.datasets import MULTI_DIGITS_COLUMNS, make_multi_digits


def test_multi_digits_have_the_documented_form():
    X, y = make_multi_digits(2000, random_state=0)
    assert X.shape == (2000, 1024)
    assert X.dtype == np.float32
    assert X.min() == 0
    assert X.max() == 1
    assert y.shape == (2000, len(MULTI_DIGITS_COLUMNS))
    assert y.dtype == np.int64
    assert_allclose(np.bincount(y[:, 0]) / 2000, 1 / 4, atol=0.04)
    single = y[y[:, 0] == 1, 1:]
    assert_array_equal(single.sum(axis=1), 1)
    assert_allclose(single.mean(axis=0), 0.1, atol=0.055)  # four standard deviations


@pytest.mark.parametrize("max_digits", [1, 3, 6])
def test_rows_are_made_of_the_digits_they_name(max_digits):
    """Look every square of a canvas up among the digits."""
    digits = load_digits()
    label = {
        image.tobytes(): target
        for image, target in zip(
            (digits.images / 16).astype(np.float32), digits.target, strict=True
        )
    }
    X, y = make_multi_digits(60, max_digits=max_digits, random_state=0)
    assert y[:, 0].max() == max_digits
    for canvas, (count, *has) in zip(X.reshape(-1, 32, 32), y, strict=True):
        squares = np.lib.stride_tricks.sliding_window_view(canvas, (8, 8))
        found = {
            corner: label[squares[corner].tobytes()]
            for corner in np.ndindex(25, 25)
            if squares[corner].tobytes() in label
        }
        assert len(found) == count
        assert_array_equal(np.flatnonzero(has), sorted(set(found.values())))
        explained = np.zeros((32, 32), dtype=np.float32)
        for row, column in found:
            square = explained[row : row + 8, column : column + 8]
            assert not square.any()  # no overlap
            square += squares[row, column]
        assert_array_equal(explained, canvas)


def test_digits_stand_anywhere():
    X, y = make_multi_digits(2000, random_state=0)
    for count in (1, 3):
        shown = X[y[:, 0] == count].reshape(-1, 32, 32).mean(axis=0)
        assert (
            shown.reshape(4, 8, 4, 8).sum(axis=(1, 3)) > 0.3 * shown.sum() / 16
        ).all()
        half = shown[:16].sum() / shown.sum()
        assert half == pytest.approx(0.5, abs=0.05)


def test_seeds_of_multi_digits():
    first, again, other = (make_multi_digits(50, random_state=s) for s in (0, 0, 1))
    assert_array_equal(first[0], again[0])
    assert_array_equal(first[1], again[1])
    assert (first[0] != other[0]).any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_samples": 0}, "n_samples=0 "),
        ({"max_digits": 0}, "max_digits=0 .* from 1 to 6"),
        ({"max_digits": 7}, "max_digits=7 "),
        ({"max_digits": 1.5}, r"max_digits=1\.5"),
    ],
)
def test_bad_multi_digits(settings, message):
    with pytest.raises(ValueError, match=message):
        make_multi_digits(**settings)
