"""The options of a study."""

from __future__ import annotations

import argparse
from pathlib import Path

from skfmvae.model_selection import partial_scorer

from .estimators import OURS
from .fields import one_line
from .options import (
    add_data,
    add_drop,
    add_quiet,
    add_seed,
    add_target,
    list_of,
    names,
    number,
    whole,
)

__all__ = ["add_options"]

STUDY_DESCRIPTION = """\
How many labels do I need? Fits classifiers to ever more labels of the same rows,
scores them by cross-validation, and writes a table, a figure and a report of one page.
"""

STUDY_DETAILS = """\
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
  skfmvae study data.csv --target digit --budgets 50,100,200 \\
      --estimators FactorialMixtureVAE,LabelSpreading --target-score 0.9 --out report/
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options and the help of a study.

    Parameters
    ----------
    parser : ArgumentParser
        To add them to.
    """
    parser.description = STUDY_DESCRIPTION
    parser.epilog = STUDY_DETAILS.format(ours=", ".join(OURS))
    _add_data(parser)
    _add_design(parser)
    _add_running(parser)


def _add_data(parser):
    group = parser.add_argument_group("the data")
    add_data(group)
    add_target(group)
    add_drop(group)
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
        type=list_of(whole(1)),
        metavar="N[,N...]",
        help="numbers of labels, the same for every target",
    )
    group.add_argument(
        "--estimators",
        default=",".join(OURS),
        type=names,
        metavar="NAME[,NAME...]",
        help="classifiers to compare, by the names of their classes "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--scoring",
        default="accuracy",
        type=list_of(_metric),
        metavar="NAME[,NAME...]",
        help="names of scorers of scikit-learn, such as balanced_accuracy, f1_macro or "
        "neg_log_loss (default: %(default)s)",
    )
    group.add_argument(
        "--target-score",
        type=number,
        metavar="SCORE",
        help="estimate how many labels reach it, by the first of --scoring",
    )
    group.add_argument(
        "--cv",
        default=5,
        type=whole(2),
        metavar="N",
        help="folds of the labelled rows (default: %(default)s)",
    )
    group.add_argument(
        "--repeats",
        default=1,
        type=whole(1),
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
    add_seed(group, "folds, labels and estimators")


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
    add_quiet(group)


def _jobs(text: str) -> int:
    number = None if text == "0" else whole(-(2**31))(text)
    if not number:
        raise argparse.ArgumentTypeError(
            "'0' fits at a time is none; give 1 or more, or -1 for all cores."
        )
    return number


def _metric(text: str) -> str:
    try:
        partial_scorer(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text
