"""Pictures of label-efficiency studies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skfmvae.model_selection import label_efficiency_curve
from skfmvae.model_selection.analysis import mean_interval, score_cube, share_tested

from ._pyplot import pyplot

__all__ = ["LabelEfficiencyDisplay"]

# Told apart by the colour-blind (Okabe and Ito 2008), without yellow, faint on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00")
MARKERS = "osD^vP*X<>"
LINES = ("-", "--", ":", "-.")
MOST_BANDS = 3  # more of them would hide each other
DODGE = 0.08  # of the width of the budgets, from the first bar to the last


class LabelEfficiencyDisplay:
    """Scores against the number of labels, a curve for each estimator.

    Around the means stand intervals, as bands where there are few estimators and as
    bars beside each other where there are more. Scores at a budget share rows; the
    intervals allow for it as `compare_estimators` does. Means are over the splits that
    all estimators have, as those of `labels_needed` are.

    Parameters
    ----------
    results : DataFrame or dict of str to ndarray
        What :func:`~skfmvae.model_selection.label_efficiency_curve` returned.
    score : str, default="test_score"
        The column to draw.
    confidence : float, default=0.95
        Of the intervals.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where `plot` drew.
    figure_ : matplotlib Figure
        Its figure.
    lines_ : dict of str to matplotlib Line2D
        The curves, by estimator.

    Examples
    --------
    >>> from skfmvae.plotting import LabelEfficiencyDisplay
    >>> results = {
    ...     "estimator": ["a"] * 4, "budget": [10, 100, 10, 100],
    ...     "repeat": [0] * 4, "fold": [0, 0, 1, 1], "n_train": [80] * 4,
    ...     "n_test": [20] * 4, "test_score": [0.5, 0.8, 0.7, 0.9],
    ... }
    >>> display = LabelEfficiencyDisplay(results).plot(target_score=0.75)
    >>> display.lines_["a"].get_ydata().round(2).tolist()
    [0.6, 0.85]
    """

    def __init__(
        self, results: Any, *, score: str = "test_score", confidence: float = 0.95
    ):
        self.results = results
        self.score = score
        self.confidence = confidence

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, Any],
        X: Any,
        y: Any,
        *,
        target_score: float | None = None,
        ax: Any = None,
        **study: Any,
    ) -> LabelEfficiencyDisplay:
        """Run a study and draw its scores.

        Parameters
        ----------
        estimators : dict of str to classifier
            Unfitted, by name.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_properties)
            Partial labels.
        target_score : float or None, default=None
            Where to draw a line across.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **study : dict
            The other parameters of
            :func:`~skfmvae.model_selection.label_efficiency_curve`, with one metric.

        Returns
        -------
        display : LabelEfficiencyDisplay
            What was drawn; `results` holds the scores.
        """
        pyplot(f"{cls.__name__}.from_estimators")
        results = label_efficiency_curve(estimators, X, y, **study)
        return cls(results).plot(ax, target_score=target_score)

    def plot(
        self, ax: Any = None, *, target_score: float | None = None
    ) -> LabelEfficiencyDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        target_score : float or None, default=None
            Where to draw a line across.

        Returns
        -------
        display : LabelEfficiencyDisplay
            Itself.

        Raises
        ------
        ValueError
            If the results have no such score, or several rows of a fit.

        Warns
        -----
        UserWarning
            If splits are left out.
        """
        plt = pyplot("LabelEfficiencyDisplay.plot")
        names, budgets, cube = score_cube(self.results, self.score)
        ratio = share_tested(self.results)
        if ax is None:
            _, ax = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
        self.ax_, self.figure_, self.lines_ = ax, ax.figure, {}
        width = np.log(budgets[-1] / budgets[0])
        for i, (name, scores) in enumerate(zip(names, cube, strict=True)):
            mean, half = np.array(
                [
                    mean_interval(at[~np.isnan(at)], ratio, self.confidence)[:2]
                    for at in scores
                ]
            ).T
            colour, round_ = COLOURS[i % len(COLOURS)], i // len(COLOURS)
            x = budgets.astype(float)
            if len(names) <= MOST_BANDS:
                ax.fill_between(x, mean - half, mean + half, color=colour, alpha=0.15)
            else:
                x = x * np.exp(DODGE * width * (i / (len(names) - 1) - 0.5))
                ax.errorbar(x, mean, half, fmt="none", ecolor=colour, elinewidth=1)
            (self.lines_[name],) = ax.plot(
                x,
                mean,
                color=colour,
                marker=MARKERS[i % len(MARKERS)],
                linestyle=LINES[round_ % len(LINES)],
                markersize=5,
                label=name,
            )
        if target_score is not None:
            ax.axhline(target_score, color="0.5", linewidth=1, linestyle=(0, (6, 3)))
        ax.set_xscale("log")
        ax.set_xticks(budgets, [f"{budget:,}" for budget in budgets])
        ax.minorticks_off()
        several = any(column.startswith("n_labels_") for column in self.results)
        ax.set(
            xlabel="labels of each property" if several else "labels",
            ylabel=self.score.removeprefix("test_").replace("_", " "),
        )
        ax.grid(axis="y", color="0.9")
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
        # In the order of the right ends, where an eye comes from.
        order = np.argsort([-line.get_ydata()[-1] for line in self.lines_.values()])
        handles = list(self.lines_.values())
        ax.legend(
            [handles[i] for i in order],
            [names[i] for i in order],
            loc="center left",
            bbox_to_anchor=(1.01, 0.5),
            frameon=False,
        )
        return self
