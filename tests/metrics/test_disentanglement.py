"""Disentanglement of latents."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from skfmvae.metrics import (
    dci,
    mutual_information_gap,
    separated_attribute_predictability,
)

MEASURES = [mutual_information_gap, separated_attribute_predictability, dci]
by_measure = pytest.mark.parametrize("measure", MEASURES, ids=lambda m: m.__name__)


def grid(*sizes, repeats=20):
    """Return all combinations of values, as often: columns say nothing of others."""
    return np.indices((*sizes, repeats)).reshape(len(sizes) + 1, -1).T[:, :-1]


def values_of(measure, Z, Y, **settings):
    """Return all that a measure says, as an array."""
    if measure is dci:
        settings = {"random_state": 0, **settings}
        return np.array(dci(Z, Y, **settings)[:3])
    return np.array(measure(Z, Y, **settings))


# Known codes --------------------------------------------------------------------------

Y = grid(4, 3, 2)
RANDOM = np.random.default_rng(0).normal(size=(3000, 5))
RANDOM_Y = np.random.default_rng(1).integers([2, 3, 4], size=(3000, 3))


@pytest.mark.parametrize(
    "Z",
    [Y, Y[:, [2, 0, 1]], Y * [-1e9, 1e-9, 3.0] + 5],
    ids=["same", "moved", "scaled"],
)
def test_perfect_code(Z):
    assert mutual_information_gap(Z, Y) == pytest.approx(1)
    expected = np.mean([1 - 1 / 4, 1 - 1 / 3, 1 - 1 / 2])  # 1 less guessing
    assert separated_attribute_predictability(Z, Y) == pytest.approx(expected)
    assert_allclose(dci(Z, Y, random_state=0)[:3], 1, atol=1e-6)


def test_importances_say_which_latent_holds_which_factor():
    scores = dci(Y[:, [2, 0, 1]], Y, random_state=0)
    assert_allclose(scores.importances, np.eye(3)[[2, 0, 1]], atol=1e-6)


def test_random_code():
    assert 0 <= mutual_information_gap(RANDOM, RANDOM_Y) < 0.01
    assert 0 <= separated_attribute_predictability(RANDOM, RANDOM_Y) < 0.03
    scores = dci(RANDOM, RANDOM_Y, random_state=0)
    assert 0 <= scores.disentanglement < 0.02
    assert 0 <= scores.completeness < 0.02
    assert scores.informativeness == pytest.approx(
        np.mean([1 / 2, 1 / 3, 1 / 4]), abs=0.04
    )


def test_latent_that_mixes_two_factors():
    factors = grid(2, 2, 2)
    Y, other = factors[:, :2], factors[:, 2]
    Z = np.column_stack([2 * Y[:, 0] + Y[:, 1], other])
    # The gap sees factors one at a time: both are known from one latent alone.
    assert mutual_information_gap(Z, Y) == pytest.approx(1)
    # One threshold gets all of the first factor, three quarters of the second.
    expected = np.mean([1 - 0.5, 0.75 - 0.5])
    assert separated_attribute_predictability(Z, Y) == pytest.approx(expected)
    scores = dci(Z, Y, random_state=0)
    assert scores.disentanglement == pytest.approx(0, abs=0.01)
    assert scores.completeness == pytest.approx(1, abs=0.01)
    assert scores.informativeness == 1


def test_factor_spread_over_two_latents():
    bits = grid(2, 2, 3, repeats=100)
    Y = np.column_stack([2 * bits[:, 0] + bits[:, 1], bits[:, 2]])
    # Either bit is half of what there is to know; the other factor is known from one.
    assert mutual_information_gap(bits, Y) == pytest.approx(np.mean([0, 1]))
    expected = np.mean([0, 1 - 1 / 3])
    assert separated_attribute_predictability(bits, Y) == pytest.approx(expected)
    scores = dci(bits, Y, random_state=0)
    expected = np.mean([1 - np.log(2) / np.log(3), 1])
    assert scores.completeness == pytest.approx(expected, abs=0.02)
    assert scores.disentanglement == pytest.approx(1, abs=0.01)


def test_gap_counts_what_the_second_latent_knows():
    Y = grid(4)[:, 0]
    Z = np.column_stack([Y, Y // 2, Y // 3])
    assert mutual_information_gap(Z, Y) == pytest.approx(0.5)  # ln 4 less ln 2
    assert separated_attribute_predictability(Z, Y) == pytest.approx(1 - 0.5)


def brute_force_gap(Z, Y, n_bins):
    gaps = []
    for y in Y.T:
        information = []
        for z in Z.T:
            width = (z.max() - z.min()) / n_bins
            bins = np.minimum((z - z.min()) // width, n_bins - 1)
            total = 0.0
            for a in range(n_bins):
                for b in np.unique(y):
                    joint = np.mean((bins == a) & (y == b))
                    if joint:
                        alone = np.mean(bins == a) * np.mean(y == b)
                        total += joint * np.log(joint / alone)
            information.append(total)
        share = np.array([np.mean(y == b) for b in np.unique(y)])
        largest = sorted(information)
        gaps.append((largest[-1] - largest[-2]) / -np.sum(share * np.log(share)))
    return np.mean(gaps)


@pytest.mark.parametrize("n_bins", [2, 7, 20])
def test_mutual_information_gap_is_that_of_the_counts(n_bins):
    rng = np.random.default_rng(0)
    Y = np.column_stack([rng.binomial(4, 0.3, 500), rng.integers(2, size=500)])
    Z = Y @ rng.normal(size=(2, 4)) + rng.normal(size=(500, 4))
    expected = brute_force_gap(Z, Y, n_bins)
    assert expected > 0.001
    assert mutual_information_gap(Z, Y, n_bins=n_bins) == pytest.approx(expected)
    if n_bins == 20:
        assert mutual_information_gap(Z, Y) == pytest.approx(expected)


def test_predictability_weighs_values_alike():
    rare = np.repeat([0, 1], [900, 100])
    noise = np.tile([0, 1], 500)
    Z = np.column_stack([np.tile(np.arange(10) < 2, 100), noise])
    Z[900:, 0] = np.tile(np.arange(10) < 8, 10)
    # Thresholds get 80 % of either value, though "never" is right on 90 % of the rows.
    assert separated_attribute_predictability(Z, rare) == pytest.approx(0.3)


def test_there_is_one_threshold_between_two_values():
    Z = grid(3, 2)
    between = (Z[:, 0] == 1).astype(int)
    # Two would get all of it; one gets all of the one value and half of the other.
    assert separated_attribute_predictability(Z, between) == pytest.approx(0.75 - 0.5)


@by_measure
def test_order_and_scale_of_latents_do_not_matter(measure):
    Z = RANDOM + 2 * RANDOM_Y @ np.random.default_rng(2).normal(size=(3, 5))
    expected = values_of(measure, Z, RANDOM_Y)
    scaled = Z * [1e-12, 1, 10, -1e3, 1e6]  # by more than trees resolve
    # Forests draw the order in which they try the latents.
    tolerance = 0.02 if measure is dci else 1e-6
    for code in (Z[:, ::-1], scaled):
        assert_allclose(values_of(measure, code, RANDOM_Y), expected, atol=tolerance)


@by_measure
def test_constant_latent_changes_nothing(measure):
    Z = RANDOM[:, :3] + 2 * RANDOM_Y
    dead = np.insert(Z, [0, 2], 0.1, axis=1)
    expected = values_of(measure, Z, RANDOM_Y)
    assert_array_equal(values_of(measure, dead, RANDOM_Y), expected)
    if measure is dci:
        importances = dci(dead, RANDOM_Y, random_state=0).importances
        assert importances.shape == (5, 3)
        assert_array_equal(importances[[0, 3]], 0)
        assert importances[[1, 2, 4]].all()


@by_measure
def test_what_values_are_called_does_not_matter(measure):
    Z = RANDOM[:, :3] + 2 * RANDOM_Y
    expected = values_of(measure, Z, RANDOM_Y)
    names = np.array(["a", "b", "c", "d"])
    for named in (names[RANDOM_Y], RANDOM_Y * 3.0, pd.DataFrame(RANDOM_Y)):
        assert_array_equal(values_of(measure, Z, named), expected)


@by_measure
def test_one_factor_may_have_one_dimension(measure):
    expected = values_of(measure, RANDOM, RANDOM_Y[:, [1]])
    assert_array_equal(values_of(measure, RANDOM, RANDOM_Y[:, 1]), expected)


# The formulas of DCI ------------------------------------------------------------------


class Stub(ClassifierMixin, BaseEstimator):
    """Has given importances for a factor with so many values."""

    def __init__(self, importances):
        self.importances = importances

    def fit(self, X, y):
        self.feature_importances_ = np.array(self.importances[len(np.unique(y))])
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)


def entropy(*weights):
    p = np.array([w for w in weights if w]) / sum(weights)
    return -np.sum(p * np.log(p))


def test_formulas_on_given_importances():
    Y = grid(2, 3)
    Z = np.random.default_rng(0).normal(size=(len(Y), 4))
    stub = Stub({2: [0.5, 0.5, 0, 0], 3: [0.2, 0, 0.8, 0]})
    scores = dci(Z, Y, stub, random_state=0)
    assert_array_equal(scores.importances.T, [[0.5, 0.5, 0, 0], [0.2, 0, 0.8, 0]])
    disentanglement = (0.7 * (1 - entropy(0.5, 0.2) / np.log(2)) + 0.5 + 0.8) / 2
    completeness = [1 - entropy(1, 1) / np.log(4), 1 - entropy(0.2, 0.8) / np.log(4)]
    assert scores.disentanglement == pytest.approx(disentanglement)
    assert scores.completeness == pytest.approx(np.mean(completeness))


def test_importances_below_zero_are_those_of_rounding():
    stub = Stub({2: [1, -1e-17], 3: [0, 1]})
    scores = dci(RANDOM[:, :2], RANDOM_Y[:, :2], stub, random_state=0)
    assert scores[:2] == (1, 1)


def test_without_importance_there_is_no_structure():
    Y = grid(2, 3)
    Z = np.random.default_rng(0).normal(size=(len(Y), 3))
    scores = dci(Z, Y, Stub({2: [0] * 3, 3: [0] * 3}))
    assert scores[:2] == pytest.approx((0, 0))
    scores = dci(Z, Y, Stub({2: [0] * 3, 3: [0, 2, 0]}))
    assert scores[:2] == pytest.approx((1, 0.5))


def test_a_lone_factor_or_latent_is_not_mixed():
    assert dci(RANDOM, RANDOM_Y[:, 0], random_state=0).disentanglement == 1
    assert dci(RANDOM[:, [0]], RANDOM_Y, random_state=0).completeness == 1


def test_informativeness_is_of_held_out_rows():
    # A forest of full depth knows all rows it saw; there is nothing to know of others.
    forest = ExtraTreesClassifier(20, random_state=0)
    scores = dci(RANDOM, RANDOM_Y[:, 0], forest, random_state=0)
    assert scores.informativeness < 0.6


@pytest.mark.parametrize(("settings", "n_rows"), [({}, 750), ({"test_size": 10}, 10)])
def test_number_of_held_out_rows(settings, n_rows):
    Y = np.arange(3000) % 2
    always_zero = Stub({2: [1] * 5})
    share = dci(RANDOM, Y, always_zero, random_state=0, **settings).informativeness
    assert share == pytest.approx(0.5, abs=2 / np.sqrt(n_rows))
    assert share * n_rows == pytest.approx(round(share * n_rows))


def test_other_classifiers_and_seeds():
    boosted = GradientBoostingClassifier(n_estimators=5, random_state=0)
    assert_allclose(dci(Y, Y, boosted, random_state=0)[:3], 1, atol=1e-6)
    Z = RANDOM + RANDOM_Y[:, [0, 1, 2, 0, 1]]
    first, again, other = (
        values_of(dci, Z, RANDOM_Y, random_state=s) for s in (0, 0, 1)
    )
    assert_array_equal(first, again)
    assert (first != other).any()


# Input that cannot be used ------------------------------------------------------------


@by_measure
@pytest.mark.parametrize(
    ("Z", "Y", "message"),
    [
        (RANDOM[:9], RANDOM_Y[:8], "Z has 9 rows and Y 8"),
        (np.where(RANDOM > 3, np.nan, RANDOM), RANDOM_Y, "Z contains NaN"),
        (RANDOM, np.where(RANDOM > 3, -1, 0), "column 0 of Y holds -1 in row"),
        (RANDOM, np.where(RANDOM > 3, np.nan, 0), "column 0 of Y holds nan in row"),
        (RANDOM, np.full(3000, np.nan), "column 0 of Y holds no known values"),
        (RANDOM, np.full(3000, -1), "column 0 of Y holds -1 in row 0"),
        (RANDOM, RANDOM[:, 0], "column 0 of Y .*continuous"),
        (RANDOM, pd.DataFrame({"a": RANDOM_Y[:, 0], "b": 7}), "'b' of Y .* but 7"),
        (RANDOM, np.zeros((3000, 2, 2)), "Y has no columns .*3 dimensions"),
    ],
    ids=range(9),
)
def test_refused(measure, Z, Y, message):
    with pytest.raises(ValueError, match=message):
        measure(Z, Y)


def test_refused_by_some():
    for measure in (mutual_information_gap, separated_attribute_predictability):
        with pytest.raises(ValueError, match="Z has 1 column"):
            measure(RANDOM[:, :1], RANDOM_Y)
    for n_bins in (1, 2.5):
        with pytest.raises(ValueError, match=f"n_bins={n_bins}"):
            mutual_information_gap(RANDOM, RANDOM_Y, n_bins=n_bins)
    with pytest.raises(ValueError, match="all columns of Z are constant"):
        dci(np.ones((3000, 2)), RANDOM_Y)
    with pytest.raises(ValueError, match="no feature_importances_"):
        dci(RANDOM, RANDOM_Y, LogisticRegression())
