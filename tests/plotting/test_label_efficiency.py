"""Curves of studies."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.naive_bayes import GaussianNB

from skfmvae.model_selection import compare_estimators, label_efficiency_curve
from skfmvae.plotting import (
    LabelEfficiencyDisplay,
)

# Label efficiency ---------------------------------------------------------------------


def make_results(n_estimators, n_splits=5, seed=0):
    """Return a table of scores that rise with the budget."""
    rng = np.random.default_rng(seed)
    budgets = np.array([20, 50, 100, 300, 1000])
    rows = [
        (f"estimator {i}", budget, 0, fold, 80, 20, 1 - (i + 2) * budget**-0.5)
        for i in range(n_estimators)
        for budget in budgets
        for fold in range(n_splits)
    ]
    names = ["estimator", "budget", "repeat", "fold", "n_train", "n_test", "test_score"]
    table = pd.DataFrame(rows, columns=names)
    table["test_score"] += 0.02 * rng.normal(size=len(table))
    return table


@pytest.mark.parametrize("n_estimators", [1, 2, 8, 16])
def test_curves_are_mean_scores_with_their_intervals(n_estimators):
    results = make_results(n_estimators)
    display = LabelEfficiencyDisplay(results).plot()
    means = results.groupby(["estimator", "budget"], sort=False)["test_score"].mean()
    assert len(display.lines_) == n_estimators
    for name, line in display.lines_.items():
        assert_allclose(line.get_ydata(), means[name])
        # Beside each other, by less than a third of the least step.
        assert_allclose(line.get_xdata(), means[name].index, rtol=0.35)
    # As compare_estimators has them, against an estimator that always scores zero.
    nothing = results.assign(estimator="nothing", test_score=0.0)
    nothing = nothing.drop_duplicates(["budget", "repeat", "fold"])
    table = pd.concat([results, nothing])
    expected = compare_estimators(table, "estimator 0", "nothing")
    first = display.ax_.collections[0]
    if n_estimators <= 3:
        drawn = first.get_paths()[0].vertices[:, 1]
        low, high = drawn.min(), drawn.max()
        assert_allclose([low, high], [expected["low"].min(), expected["high"].max()])
    else:
        ends = np.array([segment[:, 1] for segment in first.get_segments()])
        assert_allclose(ends, expected[["low", "high"]])


def test_curves_differ_without_colour_and_in_the_legend():
    display = LabelEfficiencyDisplay(make_results(16)).plot()
    lines = display.lines_.values()
    styles = {(line.get_marker(), line.get_linestyle()) for line in lines}
    colours = {(line.get_color(), line.get_linestyle()) for line in lines}
    assert len(styles) == len(colours) == 16
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == [f"estimator {i}" for i in range(16)], "from the best to the worst"


@pytest.mark.parametrize("n_estimators", [2, 8])
def test_the_legend_covers_no_curve_and_all_is_on_the_figure(n_estimators):
    display = LabelEfficiencyDisplay(make_results(n_estimators)).plot(target_score=0.8)
    figure, ax = display.figure_, display.ax_
    figure.canvas.draw()
    legend = ax.get_legend().get_window_extent()
    assert legend.x0 > ax.get_window_extent().x1
    assert legend.x1 <= figure.bbox.x1
    (target,) = [line for line in ax.lines if line not in display.lines_.values()]
    assert set(target.get_ydata()) == {0.8}
    ticks = [tick.get_text() for tick in ax.get_xticklabels()]
    assert ticks == ["20", "50", "100", "300", "1,000"]


def test_one_budget_and_given_axes():
    _, ax = plt.subplots()
    results = make_results(5).query("budget == 20")
    display = LabelEfficiencyDisplay(results, score="test_score").plot(ax)
    assert display.ax_ is ax
    display.figure_.canvas.draw()


def test_a_study_is_run_and_drawn(X):
    y = load_digits().target[:200]
    study = {"budgets": [50, 100], "cv": 2, "random_state": 0}
    estimators = {"nb": GaussianNB()}
    display = LabelEfficiencyDisplay.from_estimators(estimators, X, y, **study)
    expected = label_efficiency_curve(estimators, X, y, **study)
    assert_allclose(display.results["test_score"], expected["test_score"])
    assert display.lines_.keys() == {"nb"}


def test_a_score_that_is_not_there():
    with pytest.raises(ValueError, match="score='test_f1' is no column"):
        LabelEfficiencyDisplay(make_results(1), score="test_f1").plot()


def test_curves_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"skfmvae\[plot\]"):
        LabelEfficiencyDisplay(make_results(1)).plot()
