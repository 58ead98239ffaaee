"""The pool against its formula, and its weights against other minimisers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime, minimize
from sklearn.linear_model import LogisticRegression

from skfmvae.ensemble import fit_weights, floored_log, pool


@pytest.fixture(scope="module")
def predictions():
    """Return predictions of three members, and the classes that they are about."""
    rng = np.random.default_rng(0)
    codes = rng.integers(3, size=60)
    proba = rng.dirichlet(np.ones(3), size=(3, 60))
    proba[0, np.arange(60), codes] += 0.7  # the first knows something, the third errs
    proba[2, np.arange(60), (codes + 1) % 3] += 0.7
    return np.log(proba / proba.sum(axis=2, keepdims=True)), codes


def objective(weights, log_proba, codes, start, shrinkage, sample_weight):
    """Compute the formula of METHODS with products of powers."""
    loss = 0.0
    for i, code in enumerate(codes):
        powers = [np.exp(log_proba[m, i]) ** w for m, w in enumerate(weights)]
        p = np.prod(powers, axis=0)
        loss -= sample_weight[i] * np.log(p[code] / p.sum())
    return loss + shrinkage / 2 * sum((weights - start) ** 2)


# The pool -----------------------------------------------------------------------------


def test_pool_is_the_normalised_product_of_powers(predictions):
    log_proba, _ = predictions
    weights = [0.2, 1.5, 0.4]
    powers = [np.exp(own) ** w for own, w in zip(log_proba, weights, strict=True)]
    product = np.prod(powers, axis=0)
    expected = product / product.sum(axis=1, keepdims=True)
    assert_allclose(pool(log_proba, weights), expected)


def test_identical_members_whose_weights_sum_to_one_are_their_pool(predictions):
    log_proba, _ = predictions
    copies = np.stack([log_proba[0]] * 3)
    assert_allclose(pool(copies, [0.5, 0.2, 0.3]), np.exp(log_proba[0]))


def test_what_members_add_to_a_row_changes_nothing(predictions):
    log_proba, _ = predictions
    shifted = log_proba + np.random.default_rng(1).normal(size=(3, 60, 1))
    weights = [0.2, 0.5, 0.3]
    assert_allclose(pool(shifted, weights), pool(log_proba, weights))


def test_members_without_weight_know_nothing(predictions):
    assert_allclose(pool(predictions[0], [0, 0, 0]), 1 / 3)


def test_no_member_can_veto_a_class():
    """Nor say less of it than Laplace's rule, here one in ten."""
    proba = np.array([[[1.0, 0.0]], [[1e-9, 1.0 - 1e-9]], [[0.2, 0.8]]])
    log_proba = floored_log(proba, n_labels=8)
    expected = [[[1.0, 0.1]], [[0.1, 1.0]], [[0.2, 0.8]]]
    assert_allclose(np.exp(log_proba), expected)
    assert_allclose(pool(log_proba, [0.5, 0.5, 0]), 0.5)
    assert np.isnan(floored_log(np.array([np.nan, np.nan]), 8)).all()


# Its weights --------------------------------------------------------------------------


@pytest.mark.parametrize("shrinkage", [0.1, 10.0, 1000.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_weights_minimise_the_formula(predictions, shrinkage, weighted):
    log_proba, codes = predictions
    start = np.array([0.4, 0.4, 0.2])
    sample_weight = np.random.default_rng(2).exponential(size=60) if weighted else None
    counted = np.ones(60) if sample_weight is None else sample_weight
    args = (log_proba, codes, start, shrinkage, counted)
    found = minimize(
        objective,
        start,
        args,
        method="SLSQP",  # with numerical slopes
        bounds=[(0, None)] * 3,
        options={"ftol": 1e-12},
    )
    weights = fit_weights(log_proba, codes, start, shrinkage, sample_weight)
    assert_allclose(weights, found.x, atol=1e-4)
    slopes = approx_fprime(weights, objective, 1e-6, *args)
    assert (slopes > -1e-2).all()  # no step into what is allowed helps
    assert_allclose(slopes[weights > 0], 0, atol=1e-2)


def test_a_member_that_errs_gets_no_weight(predictions):
    log_proba, codes = predictions
    weights = fit_weights(log_proba, codes, np.full(3, 1 / 3), 1e-3)
    assert weights[2] == 0
    assert weights[0] == weights.max()


def test_without_labels_weights_stay_where_they_start():
    start = [0.7, 0.1]
    no_label = np.zeros((2, 0, 3)), np.zeros(0, dtype=int)
    assert fit_weights(*no_label, start, 10.0).tolist() == start
    one_class = np.zeros((2, 5, 1)), np.zeros(5, dtype=int)
    assert fit_weights(*one_class, start, 10.0).tolist() == start


def test_weights_come_closer_to_their_start_with_shrinkage(predictions):
    start = np.full(3, 1 / 3)
    away = [
        abs(fit_weights(*predictions, start, shrinkage) - start).max()
        for shrinkage in (1, 10, 100, 1e6)
    ]
    assert away == sorted(away, reverse=True)
    assert away[-1] < 1e-4


def test_weights_of_whole_numbers_are_repetitions(predictions):
    log_proba, codes = predictions
    counts = np.arange(60) % 3
    start = np.full(3, 1 / 3)
    repeated = np.repeat(log_proba, counts, axis=1), np.repeat(codes, counts)
    expected = fit_weights(*repeated, start, 1.0)
    assert_allclose(
        fit_weights(log_proba, codes, start, 1.0, counts), expected, atol=1e-7
    )


def test_the_weight_of_one_member_of_two_classes_is_a_regression_coefficient():
    """Of a logistic regression on log odds, without intercept and nearly unshrunk."""
    rng = np.random.default_rng(3)
    odds = rng.normal(size=200)
    codes = (rng.random(200) < 1 / (1 + np.exp(-0.6 * odds))).astype(int)
    log_proba = np.stack([np.zeros(200), odds], axis=1)[None]
    regression = LogisticRegression(C=1e6, fit_intercept=False, tol=1e-8)
    expected = regression.fit(odds[:, None], codes).coef_[0, 0]
    assert_allclose(fit_weights(log_proba, codes, [1.0], 1e-6), expected, rtol=1e-4)
