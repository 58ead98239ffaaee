"""The training history."""

import matplotlib.pyplot as plt
import pytest
from numpy.testing import assert_array_equal

from skfmvae.plotting import (
    HistoryDisplay,
)

# History ------------------------------------------------------------------------------


def test_history_draws_every_term_of_every_epoch(model):
    display = HistoryDisplay.from_estimator(model)
    history = model.net_.history
    titles = [ax.get_title() for ax in display.axes_]
    assert titles[:2] == ["loss", "log_likelihood"]
    assert {"kl_style", "kl_digit", "kl_parity", "kl_discovered_0"} < set(titles)
    assert {"label_digit", "label_parity"} < set(titles)
    assert not any("best" in title or "count" in title for title in titles)
    for ax in display.axes_:
        (line,) = ax.lines
        assert_array_equal(line.get_xdata(), [1, 2, 3, 4, 5, 6])
        assert_array_equal(line.get_ydata(), history[:, f"train_{ax.get_title()}"])
    assert display.axes_[0].get_legend() is None


def test_history_of_held_out_rows(model_with_held_out_rows):
    history = model_with_held_out_rows.net_.history
    display = HistoryDisplay.from_estimator(model_with_held_out_rows)
    for ax in display.axes_:
        lines = {line.get_label(): line.get_ydata() for line in ax.lines}
        assert_array_equal(
            lines["training rows"], history[:, f"train_{ax.get_title()}"]
        )
        if ax.get_title().startswith("label_"):  # which are hidden
            assert set(lines) == {"training rows"}
            continue
        assert_array_equal(
            lines["held-out rows"], history[:, f"valid_{ax.get_title()}"]
        )
    legend = display.axes_[0].get_legend().get_texts()
    assert [text.get_text() for text in legend] == ["training rows", "held-out rows"]


def test_history_of_chosen_terms_in_given_axes(model):
    figure, axes = plt.subplots(2, 1)
    terms = ["kl_style", "loss"]
    display = HistoryDisplay.from_estimator(model, terms, ax=axes)
    assert display.figure_ is figure
    assert [ax.get_title() for ax in axes] == terms
    assert [ax.get_ylabel() for ax in axes] == ["nats per row", "nats per value"]
    assert display.plot() is display
    assert display.figure_ is not figure
    with pytest.raises(ValueError, match="1 axes for 2 terms"):
        display.plot(axes[0])


def test_history_of_one_term_in_one_axes(model):
    _, ax = plt.subplots()
    display = HistoryDisplay.from_estimator(model, ["loss"], ax=ax)
    assert_array_equal(
        display.axes_[0].lines[0].get_ydata(), model.net_.history[:, "train_loss"]
    )


def test_history_of_an_unknown_term(model):
    with pytest.raises(ValueError, match="'klstyle'.*'loss', 'log_likelihood'"):
        HistoryDisplay.from_estimator(model, ["klstyle"])
