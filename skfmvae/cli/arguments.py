"""The options of the command line."""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import skfmvae
from skfmvae.model_selection import partial_scorer

from .errors import InputError
from .estimators import OURS
from .fields import one_line

__all__ = ["make_parser"]

LARGEST_SEED = 2**32 - 1

DESCRIPTION = """\
How many labels do I need? Fits classifiers to ever more labels of the same rows,
scores them by cross-validation, and writes a table, a figure and a report of one page.
"""

DETAILS = """\
The file is CSV (.csv, .tsv, also compressed), Parquet or NPZ. Rows whose target is
empty or -1 have no label. Semi-supervised estimators learn from them; they are never
scored. Other words, None and NA too, are classes. All columns but targets, groups and
dropped ones are features: numbers, text with few values, and dates such as 2024-05-31.
Fields that are empty, ?, NA and the like are missing. Estimators of this package take
features as they are. For those of scikit-learn missing numbers are replaced by the
mean, numbers are standardised and text is one-hot encoded, fitted to the training rows
of each fit alone. In NPZ the target is an array, and all other arrays with as many rows
are features.

Estimators are {ours},
and every classifier of scikit-learn that needs no arguments, by its name.

The same command continues an interrupted study. A study with more budgets, repeats or
estimators fits only what is new.

Names with a comma are written in double quotes: --drop '"width, in mm",id'.

example:
  python -m skfmvae study data.csv --target digit --budgets 50,100,200 \\
      --estimators FactorialMixtureVAE,LabelSpreading --target-score 0.9 --out report/
"""


class _Parser(argparse.ArgumentParser):
    """A parser that raises its errors."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see {self.prog} --help)")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line.

    Returns
    -------
    parser : ArgumentParser
        It raises its errors as `InputError`.
    """
    program = "python -m skfmvae"
    parser = _Parser(prog=program, description=skfmvae.__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    study = commands.add_parser(
        "study",
        help="how many labels are needed",
        description=DESCRIPTION,
        epilog=DETAILS.format(ours=", ".join(OURS)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_data(study)
    _add_design(study)
    _add_running(study)
    return parser


def _add_data(parser):
    group = parser.add_argument_group("the data")
    group.add_argument("data", type=Path, help="a CSV, Parquet or NPZ file")
    group.add_argument(
        "--target",
        required=True,
        type=_names,
        metavar="NAME[,NAME...]",
        help="what to predict: columns with a label on some rows, or arrays",
    )
    group.add_argument(
        "--drop",
        default=[],
        type=_names,
        metavar="NAME[,NAME...]",
        help="columns that are no features, such as an id",
    )
    group.add_argument(
        "--groups",
        type=one_line,
        metavar="NAME",
        help="column of groups: a split never divides the rows of a group",
    )


def _add_design(parser):
    group = parser.add_argument_group("the study")
    group.add_argument(
        "--budgets",
        required=True,
        type=_list_of(_whole(1)),
        metavar="N[,N...]",
        help="numbers of labels, the same for every target",
    )
    group.add_argument(
        "--estimators",
        default=",".join(OURS),
        type=_names,
        metavar="NAME[,NAME...]",
        help="classifiers to compare, by the names of their classes "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--scoring",
        default="accuracy",
        type=_list_of(_metric),
        metavar="NAME[,NAME...]",
        help="names of scorers of scikit-learn, such as balanced_accuracy, f1_macro or "
        "neg_log_loss (default: %(default)s)",
    )
    group.add_argument(
        "--target-score",
        type=_number,
        metavar="SCORE",
        help="estimate how many labels reach it, by the first of --scoring",
    )
    group.add_argument(
        "--cv",
        default=5,
        type=_whole(2),
        metavar="N",
        help="folds of the labelled rows (default: %(default)s)",
    )
    group.add_argument(
        "--repeats",
        default=1,
        type=_whole(1),
        metavar="N",
        help="draws of labels for each fold (default: %(default)s)",
    )
    group.add_argument(
        "--strategy",
        default="stratified",
        choices=["stratified", "random", "balanced"],
        help="draw labels in proportion to the classes, at random, or equally many of "
        "each class (default: %(default)s)",
    )
    group.add_argument(
        "--seed",
        default=0,
        type=_whole(0, LARGEST_SEED),
        metavar="N",
        help="seed of folds, labels and estimators (default: %(default)s)",
    )


def _add_running(parser):
    group = parser.add_argument_group("how it runs")
    group.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="folder for results.csv, curve.png, curve.svg and report.html, which are "
        "replaced; other files stay",
    )
    group.add_argument(
        "--cache",
        type=Path,
        metavar="FOLDER",
        help="folder for the results of finished fits (default: cache in --out)",
    )
    group.add_argument(
        "--jobs",
        default=1,
        type=_jobs,
        metavar="N",
        help="fits at a time; -1 for one on each core (default: %(default)s)",
    )
    group.add_argument("--quiet", action="store_true", help="show no progress")


# Types --------------------------------------------------------------------------------


def _names(text: str) -> list[str]:
    """Split at commas outside quotes."""
    row = next(csv.reader([one_line(text)], skipinitialspace=True), [])
    names = [one_line(name) for name in row]
    if not all(names) or not names:
        raise argparse.ArgumentTypeError(
            f"{text!r} has an empty name; give names with a comma between them."
        )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise argparse.ArgumentTypeError(f"names {repeated[0]!r} twice; once will do.")
    return names


def _list_of(convert: Callable) -> Callable[[str], list]:
    return lambda text: [convert(name) for name in _names(text)]


def _whole(low: int, high: float = math.inf) -> Callable[[str], int]:
    span = f"of at least {low}" if high == math.inf else f"from {low} to {high}"

    def convert(text):
        try:
            number = int(text)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(
                f"{text!r} should be a whole number {span}."
            )
        return number

    return convert


def _jobs(text: str) -> int:
    number = None if text == "0" else _whole(-(2**31))(text)
    if not number:
        raise argparse.ArgumentTypeError(
            "'0' fits at a time is none; give 1 or more, or -1 for all cores."
        )
    return number


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r} should be a number.")
    return number


def _metric(text: str) -> str:
    try:
        partial_scorer(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text
