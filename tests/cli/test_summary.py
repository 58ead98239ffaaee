"""Short tables of what a study found."""

import numpy as np
import pandas as pd
import pytest

from skfmvae.cli.summary import by_budget, labels_in_words, needed_in_words


def test_means_are_over_splits_that_all_estimators_have():
    results = pd.DataFrame(
        [
            ("a", 5, 0, 0, 1.0),
            ("a", 5, 0, 1, 2.0),
            ("b", 5, 0, 0, np.nan),
            ("b", 5, 0, 1, 4.0),
            # One that has none at a budget takes nothing from the others.
            ("a", 9, 0, 0, 1.0),
            ("a", 9, 0, 1, 3.0),
            ("b", 9, 0, 0, np.nan),
            ("b", 9, 0, 1, np.nan),
        ],
        columns=["estimator", "budget", "repeat", "fold", "test_score"],
    )
    means = by_budget(results, "test_score")
    np.testing.assert_array_equal(means, [[2, 2], [4, np.nan]])


def test_the_deviation_is_over_splits():
    table = pd.DataFrame({"estimator": "a", "budget": 5, "repeat": 0, "fold": range(3)})
    results = table.assign(test_score=[1.0, 2.0, 4.0])
    std = by_budget(results, "test_score", "std")
    # By hand: the mean is 7 / 3, the squares add up to 42 / 9.
    assert std.loc["a", 5] == pytest.approx(np.sqrt(42 / 9 / 2))
    assert (std.index.name, std.columns.name) == ("estimator", "labels")


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ([1, -1, 0, 1], "3 (0: 1, 1: 2)"),
        (["b", None, "a", "b"], "3 (a: 1, b: 2)"),
        ([True, None, True], "2 (True: 2)"),
        (
            list(range(22)) * 2,
            f"44 ({', '.join(f'{i}: 2' for i in range(20))} and 2 more classes)",
        ),
    ],
)
def test_labels_are_counted_by_class(labels, text):
    assert labels_in_words(pd.Series(labels)) == text


@pytest.mark.parametrize(
    ("scores", "needed"),
    [
        ([0.9, 0.95], ("10 or fewer", "10 or fewer")),
        ([0.1, 0.2], ("more than 40", "more than 40")),
        # Halfway on a logarithmic scale from 10 to 40.
        ([0.4, 0.6], ("20", "20")),
        ([np.nan, np.nan], ("unknown", "all scores failed")),
    ],
)
def test_needed_labels_beyond_the_budgets_have_a_side(scores, needed):
    budgets = [10, 40]
    table = pd.DataFrame({"estimator": "a", "budget": budgets * 3, "repeat": 0})
    table["fold"] = np.arange(6) // 2
    results = table.assign(test_score=scores * 3, fit_time=1.0)
    # Another estimator has scores, because a study without any fails.
    other = results.assign(estimator="b", test_score=1.0)
    words = needed_in_words(pd.concat([results, other]), 0.5, "test_score", seed=0)
    assert words.loc["a"].tolist() == list(needed)
    assert words.index.name == "estimator"


def test_failed_fits_need_an_unknown_number_of_labels():
    table = {"budget": [10, 40], "repeat": 0, "fold": 0}
    failed = pd.DataFrame({"estimator": "a", **table}).assign(test_score=np.nan)
    fitted = pd.DataFrame({"estimator": "b", **table}).assign(test_score=1.0)
    results = pd.concat([failed.assign(fit_time=np.nan), fitted.assign(fit_time=1.0)])
    words = needed_in_words(results, 0.5, "test_score", seed=0)
    assert words.loc["a"].tolist() == ["unknown", "all fits failed"]
