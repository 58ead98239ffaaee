"""Calibration of probabilities."""

import numpy as np
import pytest

from skfmvae.metrics import (
    expected_calibration_error,
)

# Calibration --------------------------------------------------------------------------


def test_calibration_error_bin_by_bin():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(4), size=500)
    y = rng.integers(4, size=500)
    confidence = proba.max(1)
    expected = 0.0
    for i in range(10):
        rows = (confidence > i / 10) & (confidence <= (i + 1) / 10)
        if rows.any():
            accuracy = np.mean(proba[rows].argmax(1) == y[rows])
            expected += rows.mean() * abs(accuracy - confidence[rows].mean())
    found = expected_calibration_error(y, proba, n_bins=10)
    assert found == pytest.approx(expected)
    names = np.array(list("abcd"))
    assert expected_calibration_error(
        names[y], proba, labels=names, n_bins=10
    ) == pytest.approx(expected)


def test_calibration_error_of_known_values():
    certain = np.eye(2)[[0, 1, 0, 1]]
    assert expected_calibration_error([0, 1, 0, 1], certain) == 0
    assert expected_calibration_error([1, 0, 1, 0], certain) == 1
    # The accuracy equals the confidence in each bin.
    y = np.r_[np.arange(10) < 7, np.arange(10) < 9].astype(int)
    proba = np.repeat([[0.3, 0.7], [0.1, 0.9]], 10, axis=0)
    assert expected_calibration_error(y, proba) == pytest.approx(0, abs=1e-12)


def test_calibration_error_of_equal_labels():
    """A label is right where Python has it equal to the class."""
    proba = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])
    expected = expected_calibration_error([0, 1, 0], proba, labels=[0, 1])
    for y in ([False, True, False], [0.0, 1.0, 0.0], np.uint8([0, 1, 0])):
        for labels in ([0, 1], [False, True], [0.0, 1.0]):
            found = expected_calibration_error(y, proba, labels=labels)
            assert found == pytest.approx(expected)
    merged = [2**53, 2**53 + 1, 1.0]  # as NumPy would have it: two classes
    assert expected_calibration_error(merged, np.eye(3)[[1, 2, 0]]) == 0


@pytest.mark.parametrize(
    ("y", "labels"), [(["0", "1"], [0, 1]), ([0, 1], ["0", "1"])], ids=str
)
def test_calibration_error_of_labels_that_cannot_be_compared(y, labels):
    with pytest.raises(ValueError, match="labels has no value .* No number equals"):
        expected_calibration_error(y, np.eye(2), labels=labels)


def test_calibration_error_of_the_wrong_shape():
    with pytest.raises(ValueError, match=r"shape \(2, 2\).*2 rows.*and 3 columns"):
        expected_calibration_error([0, 1], np.eye(2), labels=[0, 1, 2])
