"""The figure of a study."""

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from skfmvae.cli.figure import as_svg, draw

SCORES = {"accuracy": "test_accuracy", "f1_macro": "test_f1_macro"}


@pytest.fixture
def results():
    """Two scores of two estimators, at two budgets on three folds."""
    levels = [["<b>--SVC", "GaussianNB"], [10, 20], [0], range(3)]
    names = ["estimator", "budget", "repeat", "fold"]
    table = pd.MultiIndex.from_product(levels, names=names).to_frame(index=False)
    scores = np.random.default_rng(0).uniform(size=(len(table), 2))
    sizes = {"n_train": 80, "n_test": 40}
    return table.assign(**sizes, **dict(zip(SCORES.values(), scores.T, strict=True)))


def test_each_score_has_a_panel_and_all_share_one_legend(results):
    figure = draw(results, SCORES, target_score=0.5)
    first, second = figure.axes
    assert [ax.get_ylabel() for ax in figure.axes] == ["accuracy", "f1 macro"]
    assert first.get_legend() is second.get_legend() is None
    (legend,) = figure.legends
    entries = [text.get_text() for text in legend.get_texts()]
    assert entries == ["<b>--SVC", "GaussianNB"]
    means = results.groupby(["estimator", "budget"])["test_f1_macro"].mean()
    drawn = {tuple(line.get_ydata()) for line in second.lines}
    assert {tuple(means[name]) for name in entries} <= drawn
    # Only the first panel has the line of the target.
    is_target = [
        any(set(line.get_ydata()) == {0.5} for line in ax.lines) for ax in figure.axes
    ]
    assert is_target == [True, False]


def test_the_element_is_reproducible_and_has_no_text(results):
    svg = as_svg(draw(results, SCORES))
    assert svg == as_svg(draw(results, SCORES))
    assert svg.startswith("<svg")
    assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert not any(word in svg for word in ("<!--", "SVC", "metadata", "<text"))
