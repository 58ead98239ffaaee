import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs
from sklearn.semi_supervised import LabelSpreading

from skfmvae.neighbour_graph.class_prior import match_class_prior
from skfmvae.neighbour_graph.edges import nearest_neighbour_weights
from skfmvae.neighbour_graph.propagation import default_alpha, threshold_dynamics
from skfmvae.neighbour_graph.reliability import (
    hidden_label_kappa,
    predict_hidden_labels,
    reliability,
)


@pytest.mark.parametrize(
    ("kappa", "expected"),
    [(-0.2, 0), (0.6, 0), (0.65, 0.25), (0.7, 0.5), (0.8, 1), (1.0, 1)],
)
def test_the_graph_counts_from_a_kappa_of_0_6_and_in_full_from_0_8(kappa, expected):
    assert reliability(kappa) == pytest.approx(expected)


def test_kappa_is_that_of_labels_hidden_in_turn():
    """As by stratified folds in order and scikit-learn's label spreading."""
    X, y = make_blobs(60, centers=3, cluster_std=4.0, random_state=0)
    codes = np.where(np.arange(60) % 2 == 0, y, -1)
    weights = nearest_neighbour_weights(X, 5)
    labelled = np.flatnonzero(codes >= 0)
    found = np.empty(60, dtype=int)
    for fold in range(5):
        hidden = np.concatenate(
            [labelled[codes[labelled] == c][fold::5] for c in range(3)]
        )
        rest = codes.copy()
        rest[hidden] = -1
        spread = LabelSpreading(
            kernel=lambda a, b: weights.toarray(), alpha=0.9, max_iter=2000, tol=1e-10
        ).fit(X, rest)
        sharp = spread.label_distributions_**4
        proba = threshold_dynamics(
            weights, rest, match_class_prior(sharp, np.full(3, 1 / 3))
        )
        found[hidden] = proba[hidden].argmax(1)
    right = np.mean(found[labelled] == codes[labelled])
    by_chance = sum(
        np.mean(found[labelled] == c) * np.mean(codes[labelled] == c) for c in range(3)
    )
    kappa = hidden_label_kappa(weights, codes, 0.9, np.full(3, 1 / 3))
    assert kappa == pytest.approx((right - by_chance) / (1 - by_chance))
    assert 0.1 < kappa < 0.9


def test_kappa_tells_what_rows_show_from_what_they_do_not():
    X, y = load_digits(return_X_y=True)
    weights = nearest_neighbour_weights(X / 16, 5)
    rng = np.random.default_rng(0)
    labelled = rng.permutation(len(y)) < 60

    def kappa(classes, n_classes):
        codes = np.where(labelled, classes, -1)
        class_prior = np.full(n_classes, 1 / n_classes)
        return hidden_label_kappa(weights, codes, default_alpha(codes), class_prior)

    assert kappa(y, 10) > 0.8
    assert abs(kappa(rng.integers(2, size=len(y)), 2)) < 0.3


def test_labels_that_are_the_only_one_of_their_class_are_not_predicted():
    X = np.random.default_rng(0).normal(size=(40, 3))
    codes = np.full(40, -1)
    codes[:7] = [2, 0, 1, 0, 0, 2, 3]
    weights, class_prior = nearest_neighbour_weights(X, 4), np.full(4, 1 / 4)
    true, predicted = predict_hidden_labels(weights, codes, 0.9, class_prior)
    np.testing.assert_array_equal(true, [0, 0, 0, 2, 2])
    assert predicted.shape == true.shape


@pytest.mark.parametrize(
    "codes",
    [
        [0, 0, 0, 1, 1, 1, 0, 1, 1],  # nine labels
        [*range(12)],  # each the only one of its class
        [1] * 12,  # one class
        [1] * 12 + [0],  # one class that can be hidden in turn
    ],
)
def test_too_few_labels_say_nothing_of_the_graph(codes):
    column = np.full(40, -1)
    column[: len(codes)] = codes
    weights = nearest_neighbour_weights(
        np.random.default_rng(0).normal(size=(40, 3)), 4
    )
    assert hidden_label_kappa(weights, column, 0.9, np.full(12, 1 / 12)) == 1.0
