"""A study from its options to its files."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from sklearn.exceptions import FitFailedWarning

from skfmvae.model_selection import label_efficiency_curve

from .errors import InputError
from .estimators import make_estimators
from .features import as_features, on_features
from .report import Report, write_report
from .summary import by_budget, labels_in_words
from .tables import PARQUET, check_columns, read_table

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["run_study"]

# What the study calls them.
OPTIONS = {
    "budgets": "--budgets",
    "cache": "--cache",
    "metric": "--scoring",
    "n_splits": "--cv",
    "property": "--target: column",
}


def run_study(options: argparse.Namespace, argv: Sequence[str]) -> None:
    """Run a study, write its files and print what it says.

    Parameters
    ----------
    options : Namespace
        What `make_parser` makes of the arguments.
    argv : sequence of str
        The arguments.

    Raises
    ------
    InputError
        If an option or the file cannot be used.
    """
    _check_extras(options.data)
    estimators = make_estimators(options.estimators)
    notes: list[str] = []
    failures: list[str] = []
    with _collected(notes, failures):
        X, y, groups = _read(options)
    _tell(notes)
    _make_folder(options.out, "--out")
    if not options.quiet:
        _describe(options.data, X, y)
    n_told = len(notes)
    with _collected(notes, failures):
        results = _fit(options, estimators, X, y, groups)
    report = Report(
        results=results,
        y=y,
        n_features=X.shape[1],
        options=options,
        command=shlex.join(["python", "-m", "skfmvae", *argv]),
        notes=notes,
        failures=failures,
    )
    _tell([*notes[n_told:], *failures])
    n_told = len(notes)
    try:
        # Means may leave splits out, and a font may lack letters.
        with _collected(notes, failures):
            paths = write_report(report, options.out)
    except OSError as error:
        raise InputError(f"--out: {error}") from error
    _tell(notes[n_told:])
    _print(report, paths)


def _check_extras(path):
    needed = ["pandas", "matplotlib"]
    if path.suffix.lower() in PARQUET:
        needed.append("pyarrow")
    for name in needed:
        if not _is_installed(name):
            raise InputError(
                f'{name} is not installed; pip install "skfmvae[study]" brings it.'
            )


def _is_installed(name):
    try:
        return find_spec(name) is not None
    except ValueError:  # it is there, as None
        return False


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
    # Of null characters, and others that no path has, Python raises ValueError.
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
                {name: on_features(each, X) for name, each in estimators.items()},
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
    """Return a message of the study in the words of the command line."""
    if "\nTraceback" in message:
        return f"every fit failed; the first was {_shorten(message)}"
    words = "|".join(OPTIONS)
    return re.sub(rf"^({words})\b", lambda found: OPTIONS[found.group()], message)


@contextmanager
def _collected(notes: list[str], failures: list[str]) -> Iterator[None]:
    """Collect what is warned of, and why fits failed, each once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # For those who write estimators, not for those who use them here.
        for category in (DeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        yield
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for warning in caught:
        text, kind = str(warning.message), warning.category
        is_failure = issubclass(kind, FitFailedWarning)
        if is_failure:
            text = re.sub(
                r" with \d+ labels, repeat \d+, fold \d+:", ":", text, count=1
            )
            text = _shorten(text)
        elif kind is not UserWarning:
            text = f"{kind.__name__}: {text}"
        counts[is_failure][text.partition("\n")[0]] += 1
    for is_failure, texts in ((True, failures), (False, notes)):
        for text, count in counts[is_failure].items():
            texts.append(text if count == 1 else f"{text} ({count} times)")


@contextmanager
def _silent_workers() -> Iterator[None]:
    """Let other processes warn of nothing, which would run into the progress bar."""
    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = "ignore"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = before


def _shorten(failure: str) -> str:
    """Return the first line and the error of a message that ends in a traceback."""
    first, *_ = failure.splitlines()
    errors = re.findall(r"^\w[\w.]*(?:Error|Exception|Interrupt)\b.*", failure, re.M)
    return f"{first} {errors[-1] if errors else ''}".strip()


def _tell(notes):
    for note in notes:
        print(f"skfmvae: warning: {note}", file=sys.stderr)


def _describe(path, X, y):
    """Say what was read, before the first fit, which may take long."""
    n_rows, n_features = X.shape
    print(f"{path.name}: {n_rows} rows, {n_features} features", file=sys.stderr)
    for name, labels in y.items():
        print(f"labels of {name}: {labels_in_words(labels)}", file=sys.stderr)


def _print(report, paths):
    options, results = report.options, report.results
    for metric, score in report.scores.items():
        print(f"\nmean {metric}, by number of labels")
        table = by_budget(results, score).rename_axis(index=None, columns=None)
        print(table.to_string(float_format="{:.3f}".format, na_rep="failed"))
    if options.target_score is not None:
        metric = next(iter(report.scores))
        print(f"\nlabels for {metric} {options.target_score:g}, with 95 % interval")
        needed = report.needed
        width = max(map(len, needed))
        for name, (number, interval) in needed.items():
            print(f"{name:{width}}  {number} ({interval})")
    print()
    for path in paths:
        print(path)
