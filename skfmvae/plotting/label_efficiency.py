"""Pictures of label-efficiency studies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skfmvae.model_selection import label_efficiency_curve
from skfmvae.model_selection.analysis import mean_interval, score_cube, share_tested

from ._pyplot import pyplot

__all__ = ["LabelEfficiencyDisplay"]

# Distinct to the colour-blind (Okabe and Ito 2008), without yellow, faint on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00")
MARKERS = "osD^vP*X<>"
LINES = ("-", "--", ":", "-.")
MOST_BANDS = 3  # more bands would hide each other
DODGE = (
    0.08  # distance of the first bar from the last, as a share of the budgets' width
)


class LabelEfficiencyDisplay:
    """Scores against the number of labels, a curve for each estimator.

    Intervals of the means are bands for up to three estimators, and bars beside each
    other for more. The scores at a budget are of overlapping rows, for which the
    intervals are corrected as in `compare_estimators`. Means are over the splits in
    which all estimators have a score, as in `labels_needed`.

    Parameters
    ----------
    results : DataFrame or dict of str to ndarray
        The result of :func:`~skfmvae.model_selection.label_efficiency_curve`.
    score : str, default="test_score"
        The column to draw.
    confidence : float, default=0.95
        Confidence level of the intervals.

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
            The score at which to draw a horizontal line.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **study : dict
            The other parameters of
            :func:`~skfmvae.model_selection.label_efficiency_curve`, with one metric.

        Returns
        -------
        display : LabelEfficiencyDisplay
            The display, drawn; `results` holds the scores.
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
            The score at which to draw a horizontal line.

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
        if ax is None:
            _, ax = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_ = {
            name: self._draw_curve(budgets, scores, name, i, len(names))
            for i, (name, scores) in enumerate(zip(names, cube, strict=True))
        }
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
        self._draw_legend()
        return self

    def _draw_curve(self, budgets, scores, name, i, n_curves):
        """Draw the curve of estimator number `i` with its intervals."""
        ratio = share_tested(self.results)
        mean, half = np.array(
            [
                mean_interval(at[~np.isnan(at)], ratio, self.confidence)[:2]
                for at in scores
            ]
        ).T
        colour, round_ = COLOURS[i % len(COLOURS)], i // len(COLOURS)
        x = budgets.astype(float)
        if n_curves <= MOST_BANDS:
            self.ax_.fill_between(x, mean - half, mean + half, color=colour, alpha=0.15)
        else:
            width = np.log(budgets[-1] / budgets[0])
            x = x * np.exp(DODGE * width * (i / (n_curves - 1) - 0.5))
            self.ax_.errorbar(x, mean, half, fmt="none", ecolor=colour, elinewidth=1)
        (line,) = self.ax_.plot(
            x,
            mean,
            color=colour,
            marker=MARKERS[i % len(MARKERS)],
            linestyle=LINES[round_ % len(LINES)],
            markersize=5,
            label=name,
        )
        return line

    def _draw_legend(self):
        """Draw the legend beside the curves, in the order of their right ends."""
        lines = sorted(self.lines_.values(), key=lambda line: -line.get_ydata()[-1])
        self.ax_.legend(
            lines,
            [line.get_label() for line in lines],
            loc="center left",
            bbox_to_anchor=(1.01, 0.5),
            frameon=False,
        )
