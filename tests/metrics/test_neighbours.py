"""Whether generated rows are copies of training rows."""

import numpy as np
import pandas as pd
import pytest

from skfmvae.metrics import neighbour_distance_ratio

N = 400


def by_hand(train, test, generated):
    """Return the share by loops, of a column of words and one of numbers."""
    spread = train["age"].std(ddof=0)

    def nearest(row, rows):
        return min(
            round(abs(row.age - other.age) / spread + (row.town != other.town), 9)
            for other in rows.itertuples()
        )

    pairs = [(nearest(r, train), nearest(r, test)) for r in generated.itertuples()]
    return np.mean([0.5 * (a == b) + (a < b) for a, b in pairs])


def test_the_share_is_that_of_loops():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "town": rng.choice(["Lyon", "Nice", "Brest"], 60),
            "age": rng.normal(40, 10, 60).round(),  # so that some are tied
        }
    )
    parts = [frame[:20], frame[20:40], frame[40:]]
    assert neighbour_distance_ratio(*parts) == pytest.approx(by_hand(*parts))


def test_copies_are_found():
    X_train, X_test = np.random.default_rng(0).normal(size=(2, N, 3))
    assert neighbour_distance_ratio(X_train, X_test, X_train) == 1
    assert neighbour_distance_ratio(X_train, X_test, X_test) == 0


@pytest.mark.parametrize("n_test", [N, N // 2])
def test_independent_rows_are_as_near_to_both(n_test):
    X_train, X_test, X_new = np.random.default_rng(0).normal(size=(3, N, 3))
    found = neighbour_distance_ratio(X_train, X_test[:n_test], X_new, random_state=0)
    # Of independent rows the standard error is at most 1 / (2 sqrt(n)); nearest rows
    # are shared, and double it.
    assert abs(found - 0.5) < 4 / np.sqrt(N)


def test_rows_that_are_alike_are_ties():
    X = np.ones((5, 2))
    assert neighbour_distance_ratio(X, X, X) == 0.5
