"""The figure of a study."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from skfmvae.plotting import LabelEfficiencyDisplay

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

__all__ = ["as_svg", "draw"]

PANEL = 5.6, 3.8  # inches, so that letters can be read on a phone


def draw(
    results: DataFrame, scores: Mapping[str, str], target_score: float | None = None
) -> Figure:
    """Draw the curves of all estimators, a panel for each score.

    Parameters
    ----------
    results : DataFrame
        What `label_efficiency_curve` returned.
    scores : dict of str to str
        Names of the columns by the names of the metrics.
    target_score : float or None, default=None
        A line in the panel of the first metric.

    Returns
    -------
    figure : Figure
        The figure, which no window shows.
    """
    from matplotlib.figure import Figure

    width, height = PANEL
    figure = Figure(figsize=(width, height * len(scores)), layout="constrained")
    axes = figure.subplots(len(scores), squeeze=False)[:, 0]
    for ax, (metric, column) in zip(axes, scores.items(), strict=True):
        target = target_score if ax is axes[0] else None
        LabelEfficiencyDisplay(results, score=column).plot(ax, target_score=target)
        ax.set_ylabel(metric.replace("_", " "))
        # All panels share one below them, because a page may be narrow.
        legend = ax.get_legend()
        legend.remove()
    labels = [text.get_text() for text in legend.texts]
    figure.legend(
        legend.legend_handles,
        labels,
        loc="outside lower center",
        ncols=min(3, len(labels)),
        frameon=False,
        fontsize="small",
    )
    return figure


def as_svg(figure: Figure) -> str:
    """Return a figure as an SVG element for a page.

    Parameters
    ----------
    figure : Figure
        The figure.

    Returns
    -------
    svg : str
        The same each time, with outlines for letters.
    """
    from matplotlib import rc_context

    buffer = io.StringIO()
    # No metadata, such as the date, and a constant seed for the names of elements.
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with rc_context({"svg.hashsalt": "skfmvae", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata=nothing)
    svg = buffer.getvalue()
    # Comments repeat the texts.
    return re.sub(r"<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
