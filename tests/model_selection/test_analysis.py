import itertools

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from skfmvae.model_selection import compare_estimators, labels_needed
from skfmvae.plotting import LabelEfficiencyDisplay


def make_results(scores, budgets=(10, 100, 1000), n_train=80, n_test=20):
    """Return the table of {estimator: array of shape (budgets, repeats, folds)}."""
    rows = []
    for name, array in scores.items():
        for (b, repeat, fold), score in np.ndenumerate(np.asarray(array)):
            rows.append((name, budgets[b], repeat, fold, n_train, n_test, score))
    columns = ["estimator", "budget", "repeat", "fold", "n_train", "n_test"]
    return pd.DataFrame(rows, columns=[*columns, "test_score"])


@pytest.fixture(scope="module")
def results():
    rng = np.random.default_rng(0)
    level = np.array([0.6, 0.8, 0.9])[:, None, None]
    a = level + 0.05 * rng.normal(size=(3, 4, 5))
    b = a - 0.03 + 0.02 * rng.normal(size=(3, 4, 5))
    return make_results({"a": a, "b": b})


# Labels needed -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "needed"),
    [
        (0.5, 10),  # the least that was tried, or fewer
        (0.6, 10),
        (0.7, np.sqrt(10 * 100)),
        (0.8, 100),
        (0.85, np.sqrt(100 * 1000)),
        (0.875, 100 * 10**0.75),
        (0.9, 1000),
        (0.91, np.inf),
    ],
)
def test_labels_needed_lie_on_lines_over_the_logarithm(target, needed):
    table = make_results({"a": np.array([0.6, 0.8, 0.9]).reshape(3, 1, 1)})
    found = labels_needed(table, target, random_state=0)
    assert found["estimator"].tolist() == ["a"]
    # One split leaves nothing to draw.
    assert_allclose(found[["labels_needed", "low", "high"]].to_numpy(), needed)


def test_labels_needed_are_those_of_the_mean_where_the_curve_first_gets_there():
    first = np.array([0.5, 0.9, 0.6])[:, None, None]
    second = np.array([0.5, 0.7, 0.6])[:, None, None]
    table = make_results({"a": np.concatenate([first, second], axis=2)})
    found = labels_needed(table, 0.8, random_state=0)
    assert_allclose(found["labels_needed"], 100)


def test_the_interval_is_that_of_all_draws_of_splits():
    """Three splits can be drawn in 27 ways, which many draws come near."""
    scores = np.array([[0.5, 0.55, 0.6], [0.7, 0.8, 0.95], [0.9, 0.9, 0.9]])
    table = make_results({"a": scores[:, None]})
    found = labels_needed(table, 0.75, n_bootstraps=20_000, random_state=0)
    budgets = np.log([10, 100, 1000])
    ends = []
    for draw in itertools.product(range(3), repeat=3):
        means = scores[:, draw].mean(axis=1)  # which rise, so that numpy can invert
        ends.append(np.exp(np.interp(0.75, means, budgets)))
    low, high = np.percentile(ends, [2.5, 97.5], method="inverted_cdf")
    assert_allclose(found[["low", "high"]].to_numpy(), [[low, high]])
    narrow = labels_needed(table, 0.75, confidence=0.5, random_state=0)
    assert low < narrow["low"][0] < narrow["high"][0] < high


def test_failed_fits_are_left_out():
    scores = np.array([[0.5, 0.5], [np.nan, 0.8], [0.9, 0.9]])[:, None]
    found = labels_needed(make_results({"a": scores}), 0.8, random_state=0)
    assert_allclose(found["labels_needed"], 100)


def test_a_dict_of_arrays_will_do(results):
    arrays = {name: results[name].to_numpy() for name in results}
    for function in (
        lambda table: labels_needed(table, 0.8, random_state=0),
        lambda table: compare_estimators(table, "a", "b"),
    ):
        pd.testing.assert_frame_equal(function(arrays), function(results))


# Comparison --------------------------------------------------------------------------


def test_differences_are_tested_as_nadeau_and_bengio_do(results):
    """By hand, with the t-test of SciPy scaled by the correction."""
    found = compare_estimators(results, "a", "b", confidence=0.9)
    assert found["budget"].tolist() == [10, 100, 1000]
    for row in found.itertuples():
        at = results[results["budget"] == row.budget]
        a, b = (
            at.loc[at["estimator"] == name, "test_score"].to_numpy() for name in "ab"
        )
        naive = stats.ttest_rel(a, b)
        n = len(a)
        correction = np.sqrt((1 / n + 20 / 80) / (1 / n))
        assert row.difference == pytest.approx((a - b).mean())
        t = naive.statistic / correction
        assert row.p_value == pytest.approx(2 * stats.t.sf(abs(t), n - 1))
        interval = naive.confidence_interval(0.9)
        half = (interval.high - interval.low) / 2 * correction
        assert row.low == pytest.approx(row.difference - half)
        assert row.high == pytest.approx(row.difference + half)
        assert (row.wins, row.ties, row.losses) == ((a > b).sum(), 0, (a < b).sum())


def test_the_other_way_round_is_the_opposite(results):
    one = compare_estimators(results, "a", "b")
    other = compare_estimators(results, "b", "a")
    assert_allclose(one["difference"], -other["difference"])
    assert_allclose(one["low"], -other["high"])
    assert_allclose(one["p_value"], other["p_value"])
    assert one["wins"].tolist() == other["losses"].tolist()


def test_an_estimator_does_not_differ_from_itself(results):
    found = compare_estimators(results, "a", "a")
    assert (found["difference"] == 0).all()
    assert (found["p_value"] == 1).all()
    assert (found["ties"] == 20).all()


def test_rows_in_any_order_are_paired(results):
    mixed = results.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(
        compare_estimators(mixed, "a", "b"), compare_estimators(results, "a", "b")
    )


# Splits in common --------------------------------------------------------------------


@pytest.fixture
def gaps():
    """Return scores of which `b` lacks the best split of `a` at the second budget."""
    a = np.array([[0.5, 0.5, 0.5], [0.9, 0.6, 0.6], [0.9, 0.9, 0.9]])[:, None]
    b = np.array([[0.5, 0.5, 0.5], [np.nan, 0.7, 0.7], [0.9, 0.9, 0.9]])[:, None]
    return make_results({"a": a, "b": b})


LEFT_OUT = r"leaves out 1 of 3 splits at budget 100, where \['b'\] have none"


@pytest.mark.parametrize("how", ["NaN", "no row"])
def test_means_are_over_the_splits_that_all_estimators_have(gaps, how):
    if how == "no row":
        gaps = gaps.dropna()
    with pytest.warns(UserWarning, match=LEFT_OUT):
        needed = labels_needed(gaps, 0.65, random_state=0)
    by_hand = [100 * 10 ** ((0.65 - 0.6) / (0.9 - 0.6)), 10 * 10 ** (0.15 / 0.2)]
    assert_allclose(needed["labels_needed"], by_hand)
    with pytest.warns(UserWarning, match=LEFT_OUT):
        display = LabelEfficiencyDisplay(gaps).plot()
    assert_allclose(display.lines_["a"].get_ydata(), [0.5, 0.6, 0.9])
    assert_allclose(display.lines_["b"].get_ydata(), [0.5, 0.7, 0.9])
    with pytest.warns(UserWarning, match=LEFT_OUT):
        compared = compare_estimators(gaps, "a", "b")
    assert_allclose(compared["difference"], [0, -0.1, 0])
    assert compared["losses"].tolist() == [0, 2, 0]


def test_other_estimators_do_not_matter_to_a_comparison(gaps):
    third = gaps[gaps["estimator"] == "a"].assign(estimator="c")
    both = pd.concat([gaps, third], ignore_index=True)
    compared = compare_estimators(both, "a", "c")  # without a warning
    assert compared["ties"].tolist() == [3, 3, 3]


def test_an_estimator_without_scores_at_a_budget_takes_none_from_others():
    a = np.array([0.5, 0.7, 0.9])[:, None, None] * np.ones((1, 1, 2))
    results = make_results({"a": a, "b": np.where(a == 0.7, np.nan, a)})
    needed = labels_needed(results, 0.7, random_state=0)  # without a warning
    assert_allclose(needed["labels_needed"], [100, np.sqrt(10 * 1000)])


def test_an_estimator_without_any_score_needs_an_unknown_number():
    a = np.array([0.5, 0.7, 0.9])[:, None, None]
    results = make_results({"a": a, "b": np.full_like(a, np.nan)})
    needed = labels_needed(results, 0.7, random_state=0)
    assert_allclose(needed.iloc[0, 1:].astype(float), 100)
    assert needed.iloc[1, 1:].isna().all()


def test_several_rows_of_a_fit_are_refused(results):
    again = pd.concat([results, results.iloc[[7]]])
    row = results.iloc[7]
    names = ("estimator", "budget", "repeat", "fold")
    fit = ", ".join(f"{name} {row[name]}" for name in names)
    for function in (
        lambda: labels_needed(again, 0.8),
        lambda: compare_estimators(again, "a", "b"),
        lambda: LabelEfficiencyDisplay(again).plot(),
    ):
        with pytest.raises(ValueError, match=f"several rows of {fit}"):
            function()
    with pytest.raises(ValueError, match="results has no row"):
        labels_needed(results.iloc[:0], 0.8)


# Bad input ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda r: labels_needed(r, 0.8, score="test_loss"),
            r"it has \['test_score'\]",
        ),
        (lambda r: labels_needed(r, 0.8, confidence=1.0), "confidence=1.0 should be"),
        (lambda r: labels_needed(r, 0.8, n_bootstraps=0), "n_bootstraps=0 should be"),
        (lambda r: compare_estimators(r, "a", "c"), r"'c' is none .*: \['a', 'b'\]"),
        (lambda r: compare_estimators(r, "a", "b", confidence="x"), "confidence='x'"),
    ],
)
def test_bad_input(results, function, message):
    with pytest.raises(ValueError, match=message):
        function(results)
