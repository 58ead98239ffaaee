"""The figure of a study, and its files."""

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
    """Draw a panel with the curves of each score.

    Parameters
    ----------
    results : DataFrame
        What `label_efficiency_curve` returned.
    scores : dict of str to str
        Names of the columns by the names of the metrics.
    target_score : float or None, default=None
        Of the first metric.

    Returns
    -------
    figure : Figure
        That no window shows.
    """
    from matplotlib.figure import Figure

    width, height = PANEL
    figure = Figure(figsize=(width, height * len(scores)), layout="constrained")
    axes = figure.subplots(len(scores), squeeze=False)[:, 0]
    for ax, (metric, column) in zip(axes, scores.items(), strict=True):
        target = target_score if ax is axes[0] else None
        LabelEfficiencyDisplay(results, score=column).plot(ax, target_score=target)
        ax.set_ylabel(metric.replace("_", " "))
        # One for all panels, below them, for a page may be narrow.
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
    """Return a figure as an element to stand in a page.

    Parameters
    ----------
    figure : Figure
        The figure.

    Returns
    -------
    svg : str
        The same whenever it is drawn, with outlines for letters.
    """
    from matplotlib import rc_context

    buffer = io.StringIO()
    # No creator and no date; and a seed for the names within.
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with rc_context({"svg.hashsalt": "skfmvae", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata=nothing)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    # Comments repeat the texts, and the metadata name places in the web.
    return re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
