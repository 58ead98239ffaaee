"""Predict the targets of new rows, from a file to a file."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from typing import TYPE_CHECKING

from .errors import InputError
from .features import listed
from .formats import read_rows
from .installed import check_installed
from .model_file import SavedModel, load_model
from .notes import collected_warnings, print_warnings
from .options import add_data, add_model, add_out, names
from .tables import check_columns, read_columns
from .unusual import scores_of_rows
from .writing import TABLES, check_out, write_table

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["add_options", "predictions", "run"]

COVERAGE = 0.9  # of the intervals of quantities
MOST_CLASSES_SHOWN = 10
PROBABILITY_DECIMALS = 6

PREDICT_DESCRIPTION = """\
Predicts the targets of the rows of a file, with a model that skfmvae fit wrote.
"""

PREDICT_DETAILS = """\
The file needs the columns that the model was fitted to, by their names, in any order.
Fields may be empty. Other columns are not used, and neither are the targets. Columns
are read as at the fit: a field that is no number where there were numbers, or a
category that was not there, counts as missing, with a warning.

The file that is written has a row for each row of the file: its number in the column
"row", the columns of --keep, and for each target, such as species,

  species              the most probable class,
  species_probability  its probability,
  species=Adelie       the probability of each class.

A quantity has its expected value, and in mass_low and mass_high an interval that holds
it with a probability of 90 %.

The column "unusual" is True for rows that are unlike those that the model was fitted
to: they are less probable than all but one in a hundred of these. Do not trust what is
predicted for them.

example:
  skfmvae predict model.safetensors new.csv --keep id --out predictions.csv
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options and the help of the command.

    Parameters
    ----------
    parser : ArgumentParser
        To add them to.
    """
    parser.description, parser.epilog = PREDICT_DESCRIPTION, PREDICT_DETAILS
    add_model(parser)
    add_data(parser)
    add_out(parser, "the predictions, CSV or Parquet")
    parser.add_argument(
        "--keep",
        default=[],
        type=names,
        metavar="NAME[,NAME...]",
        help="columns of the file to write beside the predictions, such as an id",
    )


def run(options: argparse.Namespace) -> None:
    """Predict the targets of rows and write them to a file.

    Parameters
    ----------
    options : Namespace
        What `parse` returned.

    Raises
    ------
    InputError
        If an option or a file cannot be used.
    """
    path = options.data
    check_installed(files=[path, options.out])
    check_out(options.out, TABLES, [path, options.model])
    model = load_model(options.model)
    formats = model.formats
    with collected_warnings() as notes:
        table = read_columns(path, {*formats, *options.keep})
        check_columns(table, options.keep, "--keep", path)
        X = read_rows(table, formats, path)
        found = _predict(model, X, path.name)
    print_warnings(notes.warnings)
    used = {*formats, *model.targets, *model.quantities, *options.keep}
    unused = [repr(name) for name in table if name not in used]
    if unused:
        print(f"not used: {listed(unused)}", file=sys.stderr)
    both = sorted({"row", *found} & set(options.keep))
    if both:
        raise InputError(
            f"--keep: {both[0]!r} is also a column of the predictions; rename it in "
            f"{path.name!r}."
        )
    found = table[options.keep].join(found)
    found.insert(0, "row", range(1, len(found) + 1))
    write_table(found, options.out)
    _print_results(model, found)
    print(options.out)


def predictions(model: SavedModel, X: DataFrame) -> DataFrame:
    """Return what a model says of the targets of rows.

    Parameters
    ----------
    model : SavedModel
        The model.
    X : DataFrame of shape (n_samples, n_features)
        What `read_rows` returned.

    Returns
    -------
    predictions : DataFrame of shape (n_samples, n_columns)
        For each target the most probable class, its probability and that of every
        class; for each quantity the mean and an interval.
    """
    import pandas as pd

    estimator, columns = model.estimator, {}
    proba = estimator.property_proba(X) if model.targets else {}
    for name, classes in model.targets.items():
        best = proba[name].argmax(axis=1)
        rounded = proba[name].round(PROBABILITY_DECIMALS)
        columns[name] = [classes[code] for code in best]
        columns[f"{name}_probability"] = rounded.max(axis=1)
        for code, value in enumerate(classes):
            columns[f"{name}={value}"] = rounded[:, code]
    if model.quantities:
        means = estimator.property_distribution(X)
        intervals = estimator.property_interval(X, COVERAGE)
        for name in model.quantities:
            parts = (means[name][0], *intervals[name])
            for end, values in zip(("", "_low", "_high"), parts, strict=True):
                for j, value in enumerate(values.T):
                    column = name if len(values.T) == 1 else f"{name}_{j}"
                    columns[f"{column}{end}"] = value
    return pd.DataFrame(columns)


def _predict(model, X, source):
    try:
        found = predictions(model, X)
        if model.low_score is not None:
            found["unusual"] = scores_of_rows(model, X) < model.low_score
    except ValueError as error:  # such as infinity, or a negative count
        raise InputError(f"{source!r}: {error}") from error
    return found


def _print_results(model, found):
    for name in model.targets:
        counts = Counter(found[name]).most_common()
        shown = [f"{value}: {n}" for value, n in counts[:MOST_CLASSES_SHOWN]]
        more = len(counts) - len(shown)
        shown += [f"and {more} more classes"] if more else []
        print(f"{name}: {', '.join(shown)}")
    if "unusual" in found:
        n_unusual = found["unusual"].sum()
        print(f"rows unlike those of the fit: {n_unusual} of {len(found)}")
