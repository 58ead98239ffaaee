"""Fit a model to a table, from a file to a file."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import skfmvae
from skfmvae._utils.missing import missing_rate
from skfmvae.columns import ColumnEncoder
from skfmvae.nn import resolve_likelihood
from skfmvae.training import EpochBar

from .describe import columns_in_words, hidden_scores, in_lines
from .errors import InputError
from .features import as_features
from .formats import notations_of
from .installed import check_installed
from .model_file import MODEL, SavedModel, save_model
from .notes import collected_warnings, print_warnings
from .options import (
    add_data,
    add_drop,
    add_out,
    add_quiet,
    add_seed,
    add_target,
    whole,
)
from .readers import kind_of_file
from .summary import print_size
from .tables import read_table
from .unusual import low_score
from .writing import TABLES, check_out

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["add_options", "run"]

FIT_DESCRIPTION = """\
Fits a model to a table, some rows of which have labels, and writes it to a file. With
the file, skfmvae predicts the targets of other rows, fills what is blank, and generates
rows.
"""

FIT_DETAILS = """\
The file is CSV (.csv, .tsv, also compressed), Parquet or NPZ. Rows whose target is
empty or -1 have no label; the model learns from them, too. All columns but targets and
dropped ones are features: numbers, text with few values, and dates such as 2024-05-31.
Fields that are empty, ?, NA and the like are missing, which needs no preparation.

It prints what it takes each column for, and how well it predicts labels that were
hidden: the model is fitted twice more, without one half of the labels and without the
other, and predicts them. The accuracy is the share that is right. Compare it with that
of always naming the most frequent class. The log loss says how good the probabilities
are: 0 is perfect. The model that is written has seen all labels and should be better.

Names with a comma are written in double quotes: --drop '"width, in mm",id'.

example:
  skfmvae fit penguins.csv --target species,sex --drop id --out model.safetensors
"""

WHAT_IT_DOES = """\
Training, then again without half of the labels, the other half, and a few rows."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options and the help of the command.

    Parameters
    ----------
    parser : ArgumentParser
        To add them to.
    """
    parser.description, parser.epilog = FIT_DESCRIPTION, FIT_DETAILS
    add_data(parser)
    add_target(parser)
    add_drop(parser)
    add_out(parser, f"the model; its name ends in {MODEL}")
    parser.add_argument(
        "--estimator",
        default=skfmvae.__all__[0],
        choices=skfmvae.__all__,
        help="kind of model (default: %(default)s)",
    )
    parser.add_argument(
        "--epochs",
        type=whole(1),
        metavar="N",
        help="passes over the rows (default: as many as the number of rows needs)",
    )
    add_seed(parser, "the training")
    add_quiet(parser)


def run(options: argparse.Namespace) -> None:
    """Fit a model, write it and print how well it predicts.

    Parameters
    ----------
    options : Namespace
        What `parse` returned.

    Raises
    ------
    InputError
        If an option or the file cannot be used.
    """
    path = options.data
    check_installed(files=[path])
    check_out(options.out, [MODEL], [path])
    with collected_warnings() as of_data:
        table, y = read_table(path, options.target, options.drop)
        X = as_features(table, path.name)
    print_warnings(of_data.warnings)
    if not options.quiet:
        print_size(path, X, y)
        print(f"\n{_columns(X)}\n\n{WHAT_IT_DOES}", file=sys.stderr)
    with collected_warnings() as of_fit:
        labels = y if y.shape[1] > 1 else y.iloc[:, 0]
        estimator = _fit(options, X, labels)
        model = SavedModel(estimator, notations_of(table[[*X]]))
        model = replace(model, low_score=low_score(model, X, labels, options.seed))
    print_warnings(of_fit.warnings)
    save_model(model, options.out)
    _print_results(options, estimator, y)


def _columns(X: DataFrame) -> str:
    """Return what columns hold and how they will be modelled."""
    encoder = ColumnEncoder().fit(X)
    rows = encoder.transform(X)
    likelihood = resolve_likelihood("auto", rows, encoder.columns)
    return columns_in_words(encoder.columns or (), likelihood, missing_rate(rows))


def _fit(options, X, y) -> Any:
    estimator = getattr(skfmvae, options.estimator)(
        max_epochs=options.epochs,
        callbacks=None if options.quiet else [("progress", EpochBar())],
        random_state=options.seed,
    )
    try:
        estimator.fit(X, y)
    except (ValueError, FloatingPointError) as error:
        raise InputError(f"{options.data.name!r}: {error}") from error
    return estimator.set_params(callbacks=None)


def _print_results(options, estimator, y):
    codes, _ = estimator.targets_.transform(y, len(y))
    labels = dict(zip(y, codes.T, strict=True))
    scores = hidden_scores(estimator, labels)
    if len(scores):
        print("\nlabels that were hidden, predicted by fits to the other half of them")
        print(in_lines(scores))
    for name in y.columns.difference(scores.get("target", []), sort=False):
        print(f"\n{name}: there are too few labels to hide some and predict them")
    model, data = (shlex.quote(str(path)) for path in (options.out, options.data))
    ending = kind_of_file(options.data)
    print(f"\nThe model is in {options.out}. What next:")
    print(f"  skfmvae predict {model} NEW{ending} --out predictions.csv")
    if ending in TABLES:
        print(f"  skfmvae complete {model} {data} --out completed{ending}")
    print(f"  skfmvae sample {model} -n 10 --out rows.csv")
