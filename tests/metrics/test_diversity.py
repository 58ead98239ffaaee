"""How much generated rows of one value vary."""

import numpy as np
import pandas as pd
import pytest

from skfmvae.metrics import diversity

N = 300


def test_the_ratio_is_that_of_mean_deviations():
    rng = np.random.default_rng(0)
    y, y_new = rng.integers(3, size=(2, N))
    X = rng.normal(size=(N, 4)) * [1, 10, 0.1, 0]
    X_new = rng.normal(size=(N, 4)) * [0.5, 20, 0.1, 3]
    found = diversity(X, y, X_new, y_new)
    unit = X[:, :3].std(axis=0)
    for value in range(3):
        real, new = (
            (rows[labels == value, :3].std(axis=0) / unit).mean()
            for rows, labels in ((X, y), (X_new, y_new))
        )
        assert found.by_value[value] == pytest.approx(new / real)
    assert found.mean == pytest.approx(np.mean(list(found.by_value.values())))


def test_one_row_for_each_value_has_no_diversity():
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b"], N)
    X = rng.normal(size=(2 * N, 2))
    alike = np.where(y == "a", 1.0, 2.0)[:, None] * [1, 1]
    found = diversity(X, y, alike, y).by_value
    assert found == {"a": pytest.approx(0, abs=1e-12), "b": pytest.approx(0, abs=1e-12)}
    assert diversity(X, y, X, y) == (1, {"a": 1, "b": 1})


def test_categories_count_by_their_indicators():
    y = np.zeros(4)
    frame = pd.DataFrame({"town": ["Lyon", "Lyon", "Nice", "Nice"]})
    new = pd.DataFrame({"town": ["Lyon", "Lyon", "Lyon", "Nice"]})
    # sqrt(p (1 - p)) of both indicators.
    expected = np.sqrt(3 / 16) / np.sqrt(1 / 4)
    assert diversity(frame, y, new, y).mean == pytest.approx(expected)


def test_a_value_whose_rows_are_alike_is_left_out():
    y = np.array([0, 0, 1, 1])
    X = np.array([[1.0], [1.0], [2.0], [3.0]])
    assert diversity(X, y, X, y).by_value == {1: 1}
    with pytest.raises(ValueError, match="alike"):
        diversity(X[:2], y[:2], X, y)


def test_a_value_that_was_not_generated_is_named():
    y = np.array(["ill", "ill", "well", "well"])
    X = np.arange(4.0)[:, None]
    with pytest.raises(ValueError, match="no row of the value 'well'"):
        diversity(X, y, X[:2], y[:2])
