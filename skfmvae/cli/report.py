"""The report of a study: one page that needs nothing else."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from importlib.metadata import version
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from .figure import as_svg, draw
from .summary import by_budget, labels_in_words, needed_in_words

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Report", "make_html", "write_report"]

FILES = ("results.csv", "curve.png", "curve.svg", "report.html")
DOTS_PER_INCH = 200
MOST_TOLD = 3  # estimators in a sentence; the table has all

PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<!-- An empty icon, for else browsers ask for one. -->
<link rel="icon" href="data:,">
<title>$title</title>
<style>
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 50rem;
  font: 1rem/1.5 system-ui, sans-serif; color: #1c1c1c; background: #fff; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .5rem; }
h1, h2, p, li, dd, figcaption { overflow-wrap: anywhere; }
p, ul { margin: .5rem 0; }
.lead { font-size: 1.1rem; }
figure { margin: 1rem 0; }
figure svg { display: block; width: 100%; max-width: 42rem; height: auto; }
figcaption, caption { color: #555; font-size: .9rem; text-align: left; }
.scroll { overflow-x: auto; margin: .5rem 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { padding-bottom: .3rem; }
th, td { padding: .3rem 0 .3rem 1.2rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid #ddd; }
tr > :first-child { text-align: left; padding-left: 0; }
thead th { border-bottom: 2px solid #888; font-weight: 600; }
tbody th { font-weight: 400; }
dl { display: grid; grid-template-columns: minmax(6rem, auto) 1fr; gap: .2rem 1rem;
  margin: .5rem 0; }
dt { color: #555; }
dd { margin: 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: .7rem;
  background: #f4f4f4; border-radius: 4px; font-size: .85rem; }
pre, code { font-family: ui-monospace, monospace; }
@media print { body { padding: 0; } }
</style>
</head>
<body>
<main>
$body
</main>
</body>
</html>
""")

HOW_TO_READ = """\
In each fold, as many training rows keep their label as the budget says; a larger budget
has all the labels of a smaller one, and all estimators have the same. The other labels
are hidden; estimators that learn from rows without a label see those rows too. Scores
are of the labelled rows of the fold held out, and means are over the folds on which all
estimators have one, but for those that have none. In the figure, points are means, and
bands or bars their intervals of 95 %, wide enough to allow for folds that share rows.
Where they overlap widely, estimators may well be alike; compare_estimators, of
skfmvae.model_selection, compares two in pairs."""

HOW_TO_READ_NEEDED = """\
The number of labels at which the mean first reaches the target, on straight lines
between budgets on a logarithmic scale, and its interval when the splits are drawn again
with replacement. Beyond the smallest and the largest budget, only the side is known."""


@dataclass(frozen=True)
class Report:
    """What a report tells.

    Parameters
    ----------
    results : DataFrame
        What `label_efficiency_curve` returned.
    y : DataFrame
        The targets.
    n_features : int
        Number of columns to learn from.
    options : Namespace
        What was asked for.
    command : str
        That asks for it.
    notes : list of str
        What was warned of.
    failures : list of str
        What failed, a line for each error.
    """

    results: DataFrame
    y: DataFrame
    n_features: int
    options: argparse.Namespace
    command: str
    notes: list[str]
    failures: list[str]

    @property
    def scores(self) -> dict[str, str]:
        """Names of the columns of scores by the names of the metrics."""
        metrics = self.options.scoring
        if len(metrics) == 1:
            return {metrics[0]: "test_score"}
        return {metric: f"test_{metric}" for metric in metrics}

    @cached_property
    def needed(self) -> dict[str, tuple[str, str]]:
        """How many labels each estimator needs; empty without a target score."""
        options, score = self.options, next(iter(self.scores.values()))
        if options.target_score is None:
            return {}
        target = options.target_score
        return needed_in_words(self.results, target, score, options.seed)


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write the table, the figure and the page.

    The folder holds the files of one study alone at every moment, and those of the
    study before until all new ones are written. Other files in it stay.

    Parameters
    ----------
    report : Report
        What to tell.
    folder : Path
        Where to; files of these names are replaced.

    Returns
    -------
    paths : list of Path
        The files.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    paths = [folder / name for name in FILES]
    # Within the folder, for moving files to another disk takes time and may fail.
    with TemporaryDirectory(prefix=".report-", dir=folder) as unfinished:
        written = [Path(unfinished, name) for name in FILES]
        _write_files(report, *written)
        # The page goes first and comes last: where it is, all files are.
        for path in reversed(paths):
            path.unlink(missing_ok=True)
        for new, path in zip(written, paths, strict=True):
            new.replace(path)
    return paths


def _write_files(report, table, png, svg, page):
    report.results.to_csv(table, index=False)
    figure = draw(report.results, report.scores, report.options.target_score)
    figure.savefig(png, dpi=DOTS_PER_INCH)
    drawn = as_svg(figure)
    svg.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n{drawn}', encoding="utf-8")
    page.write_text(make_html(report, drawn), encoding="utf-8")


def make_html(report: Report, svg: str) -> str:
    """Return the page.

    Parameters
    ----------
    report : Report
        What to tell.
    svg : str
        The figure, as an element.

    Returns
    -------
    html : str
        All that comes from the data, the names of files and columns too, is escaped.
    """
    sections = [
        _opening(report),
        _figure(report, svg),
        _scores(report),
        _needed(report),
        _section("How to read this", f"<p>{HOW_TO_READ}</p>"),
        _list("Failed fits", report.failures),
        _list("Warnings", report.notes),
        _times(report),
        _design(report),
    ]
    body = "\n".join(section for section in sections if section)
    title = f"Labels needed: {report.options.data.name}"
    return PAGE.substitute(title=escape(title), body=body)


# Sections -----------------------------------------------------------------------------


def _opening(report):
    targets = _and(report.y.columns)
    heading = f"How many labels of {targets} are needed?"
    return f'<h1>{escape(heading)}</h1>\n<p class="lead">{escape(_finding(report))}</p>'


def _finding(report):
    """Say in a sentence or two what has been found."""
    metric, score = next(iter(report.scores.items()))
    means = by_budget(report.results, score)
    most = means.columns[-1]
    known = means[most].dropna()
    if known.empty:
        was_fitted = by_budget(report.results, "fit_time")[most].notna().any()
        what = f"{_plain(metric)} scores" if was_fitted else "fits"
        return f"All {what} with {most} labels failed."
    best = known.idxmax()
    first = "has a mean" if len(means) == 1 else "has the highest mean"
    finding = f"With {most} labels, {best} {first} {_plain(metric)}, {known[best]:.3f}."
    if not report.needed or len(report.needed) > MOST_TOLD:
        return finding
    target = report.options.target_score
    needed = _and(f"{name} {number}" for name, (number, _) in report.needed.items())
    return f"{finding} For {target:g}, the labels needed are: {needed}."


def _figure(report, svg):
    names = _and(report.scores, _plain)
    caption = f"Mean {names} by number of labels, with intervals of 95 %."
    # The name of the element that readers of screens say.
    labelled = svg.replace("<svg", f'<svg role="img" aria-label="{escape(caption)}"', 1)
    return (
        f"<figure>\n{labelled}\n<figcaption>{escape(caption)}</figcaption>\n</figure>"
    )


def _scores(report):
    tables = []
    for metric, score in report.scores.items():
        captions = {score: f"{_plain(metric)}, mean ± standard deviation over splits"}
        if report.y.shape[1] > 1:
            captions[score] += ", mean of all targets"
            captions |= {
                f"{score}_{name}": f"{_plain(metric)} of {name}" for name in report.y
            }
        for column, caption in captions.items():
            mean = by_budget(report.results, column)
            std = by_budget(report.results, column, "std")
            cells = {
                name: [
                    _mean_and_std(mean.loc[name, budget], std.loc[name, budget])
                    for budget in mean
                ]
                for name in mean.index
            }
            head = ["labels", *mean.columns]
            tables.append(_table(head, cells, caption))
    return _section("Scores", "\n".join(tables))


def _needed(report):
    if not report.needed:
        return ""
    metric, target = next(iter(report.scores)), report.options.target_score
    cells = {name: list(needed) for name, needed in report.needed.items()}
    table = _table(
        ["estimator", "labels", "95 % interval"],
        cells,
        f"for a mean {_plain(metric)} of {target:g}",
    )
    return _section("Labels needed", f"{table}\n<p>{HOW_TO_READ_NEEDED}</p>")


def _times(report):
    mean = by_budget(report.results, "fit_time")
    cells = {name: [_seconds(time) for time in mean.loc[name]] for name in mean.index}
    table = _table(
        ["labels", *mean.columns], cells, "mean seconds, each fit on one core"
    )
    return _section("Time to fit", table)


def _design(report):
    options, y, results = report.options, report.y, report.results
    rows = {
        "data": f"{options.data.name}: {len(y)} rows, {report.n_features} features",
        **{f"labels of {name}": labels_in_words(y[name]) for name in y},
        "budgets": ", ".join(map(str, options.budgets))
        + (" labels of each target" if y.shape[1] > 1 else " labels"),
        "estimators": ", ".join(options.estimators),
        "scores": ", ".join(options.scoring),
        "splits": f"{options.cv} folds, {_draws(options.repeats)} of labels for each, "
        f"{options.strategy}",
        "groups": options.groups,
        "left out": ", ".join(options.drop),
        "rows of a split": f"{_span(results['n_train'])} to train on, "
        f"{_span(results['n_test'])} to score",
        "seed": options.seed,
        "versions": _versions(),
    }
    items = "\n".join(
        f"<dt>{escape(name)}</dt><dd>{escape(str(text))}</dd>"
        for name, text in rows.items()
        if text not in (None, "")
    )
    command = f"<pre><code>{escape(report.command)}</code></pre>"
    return _section("What was asked", f"<dl>\n{items}\n</dl>\n{command}")


# Parts --------------------------------------------------------------------------------


def _section(heading, content):
    return f"<section>\n<h2>{escape(heading)}</h2>\n{content}\n</section>"


def _list(heading, lines):
    if not lines:
        return ""
    items = "\n".join(f"<li>{escape(line)}</li>" for line in lines)
    return _section(heading, f"<ul>\n{items}\n</ul>")


def _table(head: Sequence, rows: dict[str, list[str]], caption: str) -> str:
    columns = "".join(f'<th scope="col">{escape(str(name))}</th>' for name in head)
    body = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, cells in rows.items()
    )
    # Within reach of the keyboard, for it may scroll.
    return f"""\
<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">
<table>
<caption>{escape(caption)}</caption>
<thead><tr>{columns}</tr></thead>
<tbody>
{body}
</tbody>
</table>
</div>"""


def _mean_and_std(mean: float, std: float) -> str:
    if mean != mean:
        return "failed"
    return f"{mean:.3f}" if std != std else f"{mean:.3f} ± {std:.3f}"


def _seconds(time: float) -> str:
    if time != time:
        return "failed"
    return f"{time:.0f}" if time >= 100 else f"{time:.2g}"


def _draws(n_repeats: int) -> str:
    return "1 draw" if n_repeats == 1 else f"{n_repeats} draws"


def _span(numbers) -> str:
    low, high = numbers.min(), numbers.max()
    return str(low) if low == high else f"{low} to {high}"


def _versions() -> str:
    names = ("skfmvae", "scikit-learn", "torch")
    versions = [f"{name} {version(name)}" for name in names]
    return ", ".join([*versions, f"Python {platform.python_version()}"])


def _plain(metric: str) -> str:
    return metric.replace("_", " ")


def _and(words: Iterable, convert=str) -> str:
    *most, last = map(convert, words)
    return f"{', '.join(most)} and {last}" if most else last
