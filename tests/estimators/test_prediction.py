"""Predictions and scores: what they mean, and what they refuse."""

import numpy as np
import pandas as pd
import pytest

# Scores -------------------------------------------------------------------------------


# name: (call, what the message says)
REFUSED = {
    "score_y_of_other_length": (
        lambda e, X: e.score(X, np.zeros(149, dtype=int)),
        ["inconsistent", "149", "150"],
    ),
    "score_more_columns": (
        lambda e, X: e.score(X, np.zeros((150, 2), dtype=int)),
        ["y has 2 columns", "1 of fit", "'kind'"],
    ),
    "score_another_property": (
        lambda e, X: e.score(X, pd.Series(np.zeros(150, dtype=int), name="size")),
        ["'size'", "those of fit", "'kind'"],
    ),
    "score_unlabelled": (
        lambda e, X: e.score(X, np.full(150, -1)),
        ["y has no labelled entry", "y=None"],
    ),
    "score_unlabelled_where_weights_are": (
        lambda e, X: e.score(
            X, np.where(np.arange(150) < 9, 0, -1), np.arange(150) >= 9
        ),
        ["sample_weight is zero on every labelled row", "give"],
    ),
    "score_strings": (
        lambda e, X: e.score(X, ["0"] * 150),
        ["'kind' has no value '0'", "0, 1, 2", "No number equals a string"],
    ),
    "score_weights_of_other_length": (
        lambda e, X: e.score(X, np.zeros(150, dtype=int), sample_weight=np.ones(9)),
        ["sample_weight", "150", "9"],
    ),
    "no_draws": (
        lambda e, X: e.score_samples(X, n_draws=0),
        ["n_draws=0", "at least 1"],
    ),
    "half_a_draw": (
        lambda e, X: e.score_samples(X, n_draws=2.5),
        ["n_draws=2.5", "whole number"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_fitted_estimator_refuses(fitted, blobs, says, case):
    call, pieces = REFUSED[case]
    X, _ = blobs
    with pytest.raises(ValueError, match=says(*pieces)):
        call(fitted, X)


BAD_WEIGHTS = {
    "nan": (lambda w: np.where(w > 1, np.nan, w), ["sample_weight", "NaN"]),
    "infinite": (lambda w: np.where(w > 1, np.inf, w), ["sample_weight", "infinity"]),
    "negative": (lambda w: -w, ["egative", "sample_weight"]),
    "zero": (lambda w: 0 * w, ["ample", "weight", "zero"]),
    "two_dimensional": (lambda w: np.stack([w, w], 1), ["1D array", "2D array"]),
}


@pytest.mark.parametrize("case", BAD_WEIGHTS)
@pytest.mark.parametrize("with_y", [True, False], ids=["y", "no_y"])
def test_score_refuses_weights_that_fit_refuses(
    says, fitted, partial_blobs, case, with_y
):
    X, y = partial_blobs
    spoil, pieces = BAD_WEIGHTS[case]
    weight = spoil(1.0 + np.arange(150) % 2)
    with pytest.raises(ValueError, match=says(*pieces)):
        fitted.score(X, y if with_y else None, sample_weight=weight)


@pytest.mark.parametrize("with_y", [True, False], ids=["y", "no_y"])
def test_score_refuses_weights_for_other_rows(says, fitted, partial_blobs, with_y):
    X, y = partial_blobs
    with pytest.raises(ValueError, match=says("150", "2")):
        fitted.score(X, y if with_y else None, sample_weight=[1, 2])


@pytest.mark.parametrize("with_y", [True, False], ids=["y", "no_y"])
def test_rows_of_weight_zero_are_not_scored(fitted, partial_blobs, with_y):
    X, y = partial_blobs
    weight = np.arange(150) % 3
    some = weight > 0
    found = fitted.score(X, y if with_y else None, sample_weight=weight)
    alone = fitted.score(X[some], y[some] if with_y else None, weight[some])
    assert found == pytest.approx(alone, rel=1e-6)
    in_copies = np.repeat(np.arange(150), weight)
    repeated = fitted.score(X[in_copies], y[in_copies] if with_y else None)
    assert found == pytest.approx(repeated, rel=1e-6)


def test_weights_count_in_the_score(make_estimator, blobs):
    X, number = blobs
    estimator = make_estimator().fit(X, number)
    weight = np.random.default_rng(0).random(150)
    y = np.where(np.arange(150) % 2, number, -1)
    # A value that fit never saw is an error of the prediction.
    y[1] = 99
    right, labelled = estimator.predict(X) == y, y != -1
    expected = weight[right & labelled].sum() / weight[labelled].sum()
    assert estimator.score(X, y, sample_weight=weight) == pytest.approx(expected)
    bound = np.average(estimator.score_samples(X), weights=weight)
    assert estimator.score(X, sample_weight=weight) == pytest.approx(bound)


# Densities and probabilities ----------------------------------------------------------


@pytest.fixture(scope="module")
def counting(make_estimator, partial_blobs):
    X, y = partial_blobs
    return make_estimator(likelihood="poisson").fit(X.clip(0).round(), y)


def test_values_outside_the_support_have_no_density(says, with_value, counting, blobs):
    X, _ = blobs
    with pytest.raises(
        ValueError, match=says("Poisson", "0.5", "row 3", "column 2", "counts")
    ):
        counting.score_samples(with_value(X.clip(0).round(), 0.5))


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli", "poisson"])
def test_rows_as_far_away_as_can_be_have_probabilities(
    make_estimator, blobs, likelihood
):
    X, number = blobs
    X = X - X.min(axis=0)
    X = X / X.max(axis=0) if likelihood == "bernoulli" else X.round()
    estimator = make_estimator(likelihood=likelihood).fit(X, number)
    largest = np.finfo(np.float32).max
    far = np.array([1e20, 9.96921e36, largest], dtype=np.float32)
    rows = np.concatenate(
        [sign * size * np.eye(4) for sign in (1, -1) for size in far]
        + [np.full((1, 4), size) for size in (*far, *-far)]
    ).astype(np.float32)
    proba = estimator.predict_proba(rows)
    assert np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    assert np.isfinite(estimator.transform(rows)).all()


def test_no_quantities_have_no_distribution(make_estimator, partial_blobs):
    X, y = partial_blobs
    assert make_estimator().fit(X, y).property_distribution(X) == {}
