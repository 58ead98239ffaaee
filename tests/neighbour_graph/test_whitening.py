import numpy as np
import pytest

from skfmvae.neighbour_graph import subsample, whitening
from skfmvae.neighbour_graph.components import principal_space
from skfmvae.neighbour_graph.search import nearest_rows
from skfmvae.neighbour_graph.whitening import (
    POWERS,
    choose_whitening,
    default_whitening,
)

N = 400


def under_lights(n_lights, seed=0):
    """Return rows of four objects under strong lights, and which object it is."""
    rng = np.random.default_rng(seed)
    y = np.arange(N) % 4
    X = rng.normal(scale=0.05, size=(N, 60))
    X[:, :n_lights] += rng.normal(scale=5, size=(N, n_lights))
    X[:, -4:] += np.eye(4)[y]
    turn = np.linalg.qr(rng.normal(size=(60, 60)))[0]
    return (X @ turn).astype(np.float32), y


def choose_power(X, codes, n_classes, n_neighbors):
    """Return the whitening, once what was found with it is checked."""
    space = principal_space(X)
    power, distances = choose_whitening(
        space, codes, n_classes, n_neighbors, lambda rows: nearest_rows(rows, 5)
    )
    expected = nearest_rows(space.whitened(power), 5)
    np.testing.assert_array_equal(distances.toarray(), expected.toarray())
    return power


def label_some(y, n=40):
    return np.where(np.arange(len(y)) < n, y, -1)[:, None]


@pytest.mark.parametrize("n_unlabelled", [0, 1])
def test_hidden_labels_see_through_what_changes_rows_most(n_unlabelled):
    """Also beside a property without labels."""
    X, y = under_lights(n_lights=3)
    codes = np.hstack([*n_unlabelled * [label_some(y, 0)], label_some(y)])
    assert choose_power(X, codes, [2] * n_unlabelled + [4], 5) == 0.75


def test_without_anything_to_see_through_the_default_stays():
    X, y = under_lights(n_lights=0)
    assert choose_power(X, label_some(y), [4], 5) == POWERS[0]


def test_differences_by_chance_do_not_decide():
    """Labels without meaning are predicted best with one power or another by chance."""
    X, _ = under_lights(n_lights=3)
    chosen = [
        choose_power(
            X, label_some(np.random.default_rng(i).integers(4, size=N)), [4], 5
        )
        for i in range(10)
    ]
    assert chosen.count(POWERS[0]) >= 9


@pytest.fixture
def choose(monkeypatch):
    """Return a function that chooses by which of 20 labels are predicted wrongly."""

    def choose(*wrong):
        predicted = iter([np.isin(np.arange(20), list(some)) for some in wrong])
        monkeypatch.setattr(
            whitening,
            "predict_hidden_labels",
            lambda *_: (np.zeros(20), next(predicted)),
        )
        X, y = under_lights(n_lights=3)
        return choose_power(X, label_some(y), [4], 5)

    return choose


@pytest.mark.parametrize(
    ("n_wrong", "expected"),
    [
        ((6, 6, 1, 6, 6), 0.5),  # five gained of five
        ((6, 6, 2, 6, 6), POWERS[0]),  # four gained of four
        ((6, 1, 0, 0, 6), 0.5),  # the first of the best
        ((4,), POWERS[0]),  # no other power is tried
        ((5, 0, 0, 0, 0), 0.25),
    ],
)
def test_more_right_predictions_have_to_be_significantly_more(
    choose, n_wrong, expected
):
    """Five labels gained and none lost are, by McNemar's test, and four are not."""
    assert choose(*map(range, n_wrong)) == expected


def test_labels_lost_make_those_gained_less_significant(choose):
    ten, other_four = range(10, 20), range(4)
    assert choose(ten, *4 * [other_four]) == POWERS[0]
    assert choose(ten, *4 * [range(10, 14)]) == 0.25


def test_with_too_few_labels_the_default_stays():
    X, y = under_lights(n_lights=3)
    assert choose_power(X, label_some(y, 8), [4], 5) == POWERS[0]
    assert choose_power(X, label_some(y, 0), [4], 5) == POWERS[0]


def test_of_many_rows_those_with_labels_are_used(monkeypatch):
    monkeypatch.setattr(subsample, "N_ROWS", 150)
    X, y = under_lights(n_lights=3)
    codes = np.where(np.arange(N) >= N - 40, y, -1)[:, None]
    assert choose_power(X, codes, [4], 5) == 0.75


def test_few_columns_are_not_whitened():
    X = np.random.default_rng(0).normal(size=(N, 50)).astype(np.float32) * [10] + 1
    y = (X[:, 0] > 1).astype(int)
    assert choose_power(X, label_some(y), [2], 5) == default_whitening(X) == 0.0
