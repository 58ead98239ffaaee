import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs

from skfmvae.neighbour_graph.class_prior import estimate_class_prior, match_class_prior
from skfmvae.neighbour_graph.search import nearest_rows


def test_the_prior_does_not_depend_on_how_many_rows_have_labels(label_evenly):
    """Even labels say nothing of proportions of 10 to 1; the rows around them do."""
    X, y = make_blobs([300, 100, 30], n_features=2, random_state=3, cluster_std=0.5)
    distances = nearest_rows(X, 5)
    class_prior = estimate_class_prior(distances, label_evenly(y, 5), 3)
    np.testing.assert_allclose(class_prior, [300 / 430, 100 / 430, 30 / 430], atol=0.05)


def test_equal_proportions_are_estimated_as_equal(label_evenly):
    X, y = load_digits(return_X_y=True)
    distances = nearest_rows(X / 16, 5)
    class_prior = estimate_class_prior(distances, label_evenly(y, 10), 10)
    np.testing.assert_allclose(class_prior, 0.1, atol=0.01)


def test_a_class_without_labels_has_a_prior_of_zero():
    X = np.random.default_rng(0).normal(size=(40, 3))
    distances = nearest_rows(X, 4)
    codes = np.full(40, -1)
    codes[:4] = [0, 0, 2, 2]
    class_prior = estimate_class_prior(distances, codes, 3)
    assert class_prior[1] == 0
    assert class_prior.sum() == pytest.approx(1)


def test_proportions_are_shrunk_as_far_as_chance_explains_them():
    """By the formula of James and Stein, on classes of 30 and 10 rows in a line.

    Two labels each: the spread of the relative proportions 1.5 and 0.5 is 0.5, and of
    two classes with four labels chance explains 2 / 40.
    """
    X = np.concatenate([np.arange(30), 1000 + np.arange(10)])[:, None]
    codes = np.full(40, -1)
    codes[[0, 29, 30, 39]] = [0, 0, 1, 1]
    found = estimate_class_prior(nearest_rows(X, 2), codes, 2)
    kept = 1 - (2 / 40) / 0.5
    np.testing.assert_allclose(found, [0.5 + kept * 0.25, 0.5 - kept * 0.25])


@pytest.mark.parametrize("true", [(0.7, 0.2, 0.1), (0.15, 0.25, 0.6)])
@pytest.mark.parametrize(("distance", "share"), [(5.0, 0.1), (3.0, 0.45)])
def test_a_shift_of_priors_is_recovered(label_evenly, true, distance, share):
    """Against those most likely to who knows the densities, of all on a grid.

    Where classes overlap, the nearest labels recover most of the shift, not all.
    """
    centers = distance * np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    y = np.repeat([0, 1, 2], np.multiply(true, 1000).round().astype(int))
    X = np.random.default_rng(0).normal(centers[y])
    density = np.exp(-((X[:, None] - centers) ** 2).sum(axis=2) / 2)
    steps = np.arange(0, 1.001, 0.02)
    grid = np.array([(a, b, 1 - a - b) for a in steps for b in steps if a + b <= 1])
    log_likelihood = np.log((density @ grid.T).clip(1e-300)).sum(axis=0)
    most_likely = grid[log_likelihood.argmax()]
    np.testing.assert_allclose(most_likely, true, atol=0.03)

    distances = nearest_rows(X, 5)
    found = [
        estimate_class_prior(distances, label_evenly(y, 10, seed), 3)
        for seed in range(10)
    ]
    shift = np.abs(1 / 3 - most_likely).sum()
    assert np.abs(found - most_likely).sum(axis=1).mean() < share * shift


def test_matched_columns_have_the_mean_of_the_prior():
    scores = np.random.default_rng(0).random((500, 3)) * [5, 1, 1]
    class_prior = np.array([0.2, 0.3, 0.5])
    proba = match_class_prior(scores, class_prior, n_iter=200)
    np.testing.assert_allclose(proba.sum(1), 1)
    np.testing.assert_allclose(proba.mean(0), class_prior, atol=1e-6)


def test_a_class_with_a_prior_of_zero_stays_empty():
    proba = match_class_prior(np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([1.0, 0.0]))
    np.testing.assert_array_equal(proba, [[1, 0], [1, 0]])


def test_rounds_scale_columns_and_rows_in_turn():
    proba = scores = np.random.default_rng(1).random((50, 4)) ** 8
    class_prior = np.array([0.4, 0.3, 0.2, 0.1])
    for _ in range(3):
        proba = proba * (class_prior / proba.mean(axis=0))
        proba = proba / proba.sum(axis=1, keepdims=True)
    found = match_class_prior(scores, class_prior, n_iter=3)
    np.testing.assert_allclose(found, proba, rtol=1e-10)
