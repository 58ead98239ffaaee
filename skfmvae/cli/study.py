"""A study, from its options to its files."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from skfmvae.model_selection import label_efficiency_curve

from .errors import InputError
from .estimators import make_estimators
from .features import as_features
from .files import write_report
from .installed import check_installed
from .notes import collected_warnings, print_warnings, shorten_traceback
from .report import Report
from .study_options import add_options
from .summary import by_budget, print_size
from .tables import check_columns, read_table

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["add_options", "run"]

# Options by their names in messages of the study.
OPTIONS = {
    "budgets": "--budgets",
    "cache": "--cache",
    "metric": "--scoring",
    "n_splits": "--cv",
    "property": "--target: column",
}


def run(options: argparse.Namespace) -> None:
    """Run a study, write its files and print its results.

    Parameters
    ----------
    options : Namespace
        What `parse` returned.

    Raises
    ------
    InputError
        If an option or the file cannot be used.
    """
    check_installed("matplotlib", "jinja2", files=[options.data])
    estimators = make_estimators(options.estimators)
    with collected_warnings() as of_data:
        X, y, groups = _read(options)
    print_warnings(of_data.warnings)
    _make_folder(options.out, "--out")
    if not options.quiet:
        print_size(options.data, X, y)
    with collected_warnings() as of_fits:
        results = _fit(options, estimators, X, y, groups)
    report = Report(
        results=results,
        y=y,
        n_features=X.shape[1],
        options=options,
        command=shlex.join(["python", "-m", "skfmvae", *options.arguments]),
        warnings=[*of_data.warnings, *of_fits.warnings],
        failures=of_fits.failures,
    )
    print_warnings([*of_fits.warnings, *of_fits.failures])
    try:
        # Means may leave splits out, and a font may lack letters.
        with collected_warnings() as of_files:
            paths = write_report(report, options.out)
    except OSError as error:
        raise InputError(f"--out: {error}") from error
    print_warnings(of_files.warnings)
    _print_results(report, paths)


def _read(options):
    """Return features, targets and groups."""
    path, name = options.data, options.groups
    if name in [*options.target, *options.drop]:
        raise InputError(f"--groups names {name!r}, as --target or --drop does.")
    table, y = read_table(path, options.target, options.drop)
    groups = None
    if name is not None:
        check_columns(table, [name], "--groups", path)
        groups = table.pop(name)
        if groups.isna().any():
            raise InputError(
                f"--groups: column {name!r} of {path.name!r} is blank on "
                f"{groups.isna().sum()} rows; give each row its group."
            )
    return as_features(table, path.name), y, groups


def _make_folder(path, option):
    try:
        path.mkdir(parents=True, exist_ok=True)
    # A path with characters such as null is a ValueError.
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", error)
        raise InputError(
            f"{option}: {str(path)!r}: {reason}; name a folder to write to."
        ) from error


def _fit(options, estimators, X: DataFrame, y: DataFrame, groups: Series | None):
    cache = options.cache or options.out / "cache"
    _make_folder(cache, "--cache")
    metrics = options.scoring
    try:
        with _silent_workers():
            return label_efficiency_curve(
                estimators,
                X,
                y if y.shape[1] > 1 else y.iloc[:, 0],
                budgets=options.budgets,
                cv=options.cv,
                n_repeats=options.repeats,
                scoring=metrics[0] if len(metrics) == 1 else metrics,
                strategy=options.strategy,
                groups=groups,
                n_jobs=options.jobs,
                random_state=options.seed,
                cache=cache,
                verbose=not options.quiet,
            )
    except ValueError as error:
        raise InputError(_in_options(str(error))) from error


def _in_options(message: str) -> str:
    """Return a message of the study with the options in place of its parameters."""
    if "\nTraceback" in message:
        return f"every fit failed; the first was {shorten_traceback(message)}"
    words = "|".join(OPTIONS)
    return re.sub(rf"^({words})\b", lambda found: OPTIONS[found.group()], message)


@contextmanager
def _silent_workers() -> Iterator[None]:
    """Keep warnings of other processes out of the progress bar."""
    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = "ignore"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = before


def _print_results(report, paths):
    options, results = report.options, report.results
    for metric, score in report.scores.items():
        print(f"\nmean {metric}, by number of labels")
        table = by_budget(results, score).rename_axis(index=None, columns=None)
        print(table.to_string(float_format="{:.3f}".format, na_rep="failed"))
    if report.needed is not None:
        metric = next(iter(report.scores))
        print(f"\nlabels for {metric} {options.target_score:g}, with 95 % interval")
        width = max(map(len, report.needed.index))
        for name, number, interval in report.needed.itertuples():
            print(f"{name:{width}}  {number} ({interval})")
    print()
    for path in paths:
        print(path)
