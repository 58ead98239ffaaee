"""Generate rows with a model, from a file to a file."""

from __future__ import annotations

import argparse
import difflib
from typing import TYPE_CHECKING, Any

from .errors import InputError
from .features import listed
from .installed import check_installed
from .model_file import SavedModel, load_model
from .notes import collected_warnings, print_warnings
from .options import add_model, add_out, add_seed, number, whole
from .readers import PARQUET, kind_of_file
from .writing import TABLES, check_out, write_table

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["add_options", "run", "sampled"]

MOST_ROWS = 2**20 - 1  # of a spreadsheet, below the names of the columns

SAMPLE_DESCRIPTION = """\
Generates rows like those of the table that a model was fitted to, with chosen targets
where wanted.
"""

SAMPLE_DETAILS = """\
The file that is written has the columns of the table, then the targets. Targets that
--set does not name are drawn as often as the model expects them. Rows are draws from
the model, and vary as it says that real ones do.

Numbers are rounded as those of the table are, and no field is empty.

example:
  skfmvae sample model.safetensors --set species=Adelie --set sex=female -n 100 \\
      --out rows.csv
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options and the help of the command.

    Parameters
    ----------
    parser : ArgumentParser
        To add them to.
    """
    parser.description, parser.epilog = SAMPLE_DESCRIPTION, SAMPLE_DETAILS
    add_model(parser)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="TARGET=VALUE",
        help="a target and its value on all rows; may come several times",
    )
    parser.add_argument(
        "-n",
        default=10,
        type=whole(1, MOST_ROWS),
        metavar="N",
        help="number of rows (default: %(default)s)",
    )
    add_out(parser, "the rows, CSV or Parquet")
    add_seed(parser, "the draws")


def run(options: argparse.Namespace) -> None:
    """Generate rows and write them to a file.

    Parameters
    ----------
    options : Namespace
        What `parse` returned.

    Raises
    ------
    InputError
        If an option or the file cannot be used.
    """
    check_installed(files=[options.out])
    check_out(options.out, TABLES, [options.model])
    model = load_model(options.model)
    properties = _properties(options.set, model)
    with collected_warnings() as notes:
        table = sampled(model, options.n, properties, options.seed)
        if kind_of_file(options.out) not in PARQUET:
            for name, form in model.formats.items():
                table[name] = form.write(table[name])
    print_warnings(notes.warnings)
    write_table(table, options.out)
    print(options.out)


def sampled(
    model: SavedModel, n_rows: int, properties: dict[str, Any], seed: int
) -> DataFrame:
    """Return generated rows.

    Parameters
    ----------
    model : SavedModel
        The model.
    n_rows : int
        Number of rows.
    properties : dict of str to object
        Values of targets; others are drawn.
    seed : int
        Of the draws.

    Returns
    -------
    table : DataFrame of shape (n_rows, n_features + n_targets)
        The features, and then the targets.
    """
    X, y = model.sample(n_rows, properties, seed)
    return X.assign(**dict(zip(model.columns_of_y, y.T, strict=True)))


def _properties(choices, model):
    """Return the values that options set, by target."""
    names = [*model.targets, *model.quantities]
    properties = {}
    for choice in choices:
        # Names may have an equals sign.
        fitting = [name for name in names if choice.startswith(f"{name}=")]
        if not fitting:
            name = choice.partition("=")[0]
            raise InputError(
                f"--set: {choice!r} sets no target; write TARGET=VALUE, with a target "
                f"of the model: {listed(names)}."
                if "=" not in choice
                else f"--set: there is no target {name!r}; the model has "
                f"{listed(names)}."
            )
        name = max(fitting, key=len)
        if name in properties:
            raise InputError(f"--set: sets {name!r} twice; once will do.")
        properties[name] = _value(model, name, choice[len(name) + 1 :])
    return properties


def _value(model, name, text):
    if name in model.quantities:
        try:
            return number(text)
        except argparse.ArgumentTypeError as error:
            raise InputError(f"--set: {name!r}: {error}") from error
    by_text = {str(value): value for value in model.targets[name]}
    if text not in by_text:
        near = difflib.get_close_matches(text, by_text, n=3)
        remedy = f"did you mean {' or '.join(map(repr, near))}?"
        known = f"it has {listed(list(map(repr, by_text)))}."
        raise InputError(
            f"--set: {name!r} has no value {text!r}; {remedy if near else known}"
        )
    return by_text[text]
