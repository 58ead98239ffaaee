"""The report of a study: one page that needs nothing else."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING

from .summary import by_budget, labels_in_words, needed_in_words

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Report", "make_html"]

MOST_IN_SENTENCE = 3  # estimators; the table has all
PACKAGES = ("skfmvae", "scikit-learn", "torch")  # whose versions are reported


@dataclass(frozen=True)
class Report:
    """The content of a report; the template ``report.html.jinja`` arranges it.

    Parameters
    ----------
    results : DataFrame
        What `label_efficiency_curve` returned.
    y : DataFrame
        The targets.
    n_features : int
        Number of columns to learn from.
    options : Namespace
        The options of the study.
    command : str
        The command that runs the study.
    warnings : list of str
        A line for each warning.
    failures : list of str
        A line for each error of a fit.
    """

    results: DataFrame
    y: DataFrame
    n_features: int
    options: argparse.Namespace
    command: str
    warnings: list[str]
    failures: list[str]

    @property
    def scores(self) -> dict[str, str]:
        """Names of the columns of scores by the names of the metrics."""
        metrics = self.options.scoring
        if len(metrics) == 1:
            return {metrics[0]: "test_score"}
        return {metric: f"test_{metric}" for metric in metrics}

    @property
    def title(self) -> str:
        """The title of the window."""
        return f"Labels needed: {self.options.data.name}"

    @property
    def heading(self) -> str:
        """The question of the study."""
        return f"How many labels of {_and(self.y.columns)} are needed?"

    @property
    def finding(self) -> str:
        """The answer in a sentence or two."""
        metric, score = next(iter(self.scores.items()))
        means = by_budget(self.results, score)
        most = means.columns[-1]
        known = means[most].dropna()
        if known.empty:
            was_fitted = by_budget(self.results, "fit_time")[most].notna().any()
            what = f"{_plain(metric)} scores" if was_fitted else "fits"
            return f"All {what} with {most} labels failed."
        best = known.idxmax()
        has = "has a mean" if len(means) == 1 else "has the highest mean"
        finding = (
            f"With {most} labels, {best} {has} {_plain(metric)}, {known[best]:.3f}."
        )
        if self.needed is None or len(self.needed) > MOST_IN_SENTENCE:
            return finding
        needed = _and(f"{name} {n}" for name, n in self.needed["labels"].items())
        target = self.options.target_score
        return f"{finding} For {target:g}, the labels needed are: {needed}."

    @property
    def figure_caption(self) -> str:
        """What the figure shows."""
        names = _and(map(_plain, self.scores))
        return f"Mean {names} by number of labels, with intervals of 95 %."

    @property
    def score_tables(self) -> list[tuple[str, DataFrame]]:
        """Captions and tables, of each metric and of each of several targets."""
        several = self.y.shape[1] > 1
        all_targets = ", mean of all targets" if several else ""
        tables = []
        for metric, score in self.scores.items():
            name = _plain(metric)
            caption = f"{name}, mean ± standard deviation over splits{all_targets}"
            tables.append((caption, _mean_and_std(self.results, score)))
            for target in self.y if several else ():
                cells = _mean_and_std(self.results, f"{score}_{target}")
                tables.append((f"{name} of {target}", cells))
        return tables

    @cached_property
    def needed(self) -> DataFrame | None:
        """How many labels each estimator needs; None without a target score."""
        options, score = self.options, next(iter(self.scores.values()))
        if options.target_score is None:
            return None
        return needed_in_words(self.results, options.target_score, score, options.seed)

    @property
    def needed_caption(self) -> str:
        """The score that the labels are needed for."""
        metric = next(iter(self.scores))
        return f"for a mean {_plain(metric)} of {self.options.target_score:g}"

    @property
    def times(self) -> DataFrame:
        """Mean seconds of a fit, as text, by estimator and budget."""
        return by_budget(self.results, "fit_time").map(_seconds)

    @property
    def design(self) -> dict[str, str]:
        """The data, the options and the versions."""
        options, y, results = self.options, self.y, self.results
        budgets = ", ".join(map(str, options.budgets))
        draws = "1 draw" if options.repeats == 1 else f"{options.repeats} draws"
        rows = {
            "data": f"{options.data.name}: {len(y)} rows, {self.n_features} features",
            **{f"labels of {name}": labels_in_words(y[name]) for name in y},
            "budgets": f"{budgets} labels{' of each target' if y.shape[1] > 1 else ''}",
            "estimators": ", ".join(options.estimators),
            "scores": ", ".join(options.scoring),
            "splits": f"{options.cv} folds, {draws} of labels for each, "
            f"{options.strategy}",
            "groups": options.groups,
            "left out": ", ".join(options.drop),
            "rows of a split": f"{_span(results['n_train'])} to train on, "
            f"{_span(results['n_test'])} to score",
            "seed": str(options.seed),
            "versions": _versions(),
        }
        return {name: text for name, text in rows.items() if text}


def make_html(report: Report, figure: str) -> str:
    """Return the page of a report.

    Parameters
    ----------
    report : Report
        The content.
    figure : str
        The figure, as an SVG element.

    Returns
    -------
    html : str
        Everything but the figure is escaped, such as names of files and columns.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("skfmvae.cli"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    page = templates.get_template("report.html.jinja")
    return page.render(report=report, figure=figure)


def _mean_and_std(results: DataFrame, column: str) -> DataFrame:
    mean, std = (by_budget(results, column, name) for name in ("mean", "std"))
    # One split alone has no deviation.
    deviation = std.map(" ± {:.3f}".format).where(std.notna(), "")
    return (mean.map("{:.3f}".format) + deviation).where(mean.notna(), "failed")


def _seconds(time: float) -> str:
    if time != time:
        return "failed"
    return f"{time:.0f}" if time >= 100 else f"{time:.2g}"


def _span(numbers) -> str:
    low, high = numbers.min(), numbers.max()
    return str(low) if low == high else f"{low} to {high}"


def _versions() -> str:
    versions = [f"{name} {version(name)}" for name in PACKAGES]
    return ", ".join([*versions, f"Python {platform.python_version()}"])


def _plain(metric: str) -> str:
    return metric.replace("_", " ")


def _and(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
