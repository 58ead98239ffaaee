"""Fill the blank labels and entries of a table, from a file to a file."""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING

import numpy as np

from .errors import InputError
from .features import gaps_in_words
from .fields import missing_marks, stripped
from .formats import Format, read_rows
from .installed import check_installed
from .model_file import SavedModel, load_model
from .notes import collected_warnings, print_warnings
from .options import add_data, add_model, add_out
from .predict import predictions
from .readers import PARQUET, SEPARATORS, kind_of_file
from .tables import read_columns
from .writing import TABLES, check_out, write_table

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["add_options", "completed", "run"]

COMPLETE_DESCRIPTION = """\
Fills the blank labels and the blank entries of a table, with a model that skfmvae fit
wrote, and marks what it filled.
"""

COMPLETE_DETAILS = """\
The table needs the columns that the model was fitted to, by their names. It comes back
with all its rows and columns, in their order, and what was known stays unchanged, to
the character. Filled are

  labels of the targets that are empty or -1, with the most probable class, and
  entries that are empty, ?, NA and the like, with the expected number, rounded as the
  column is, or the most probable category.

A field that is no number where there were numbers at the fit, or a category that was
not there, stays, with a warning. What is filled is a guess: the column "filled", at the
end, lists the columns that were filled on a row, and species_probability has the
probability of a filled label of the target species.

example:
  skfmvae complete model.safetensors penguins.csv --out completed.csv
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options and the help of the command.

    Parameters
    ----------
    parser : ArgumentParser
        To add them to.
    """
    parser.description, parser.epilog = COMPLETE_DESCRIPTION, COMPLETE_DETAILS
    add_model(parser)
    add_data(parser, "the table, a CSV or Parquet file")
    add_out(parser, "the completed table, CSV or Parquet as the table is")


def run(options: argparse.Namespace) -> None:
    """Fill what is blank in a file and write it to another.

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
    kinds = next((k for k in (SEPARATORS, PARQUET) if kind_of_file(path) in k), None)
    if kinds is None:
        raise InputError(
            f"{path.name!r} ends in none of {', '.join(sorted(TABLES))}; convert it."
        )
    check_out(options.out, kinds, [path, options.model])
    model = load_model(options.model)
    with collected_warnings() as notes:
        table = read_columns(path, model.formats)
        X = read_rows(table, model.formats, path)
        try:
            table = completed(model, table, X)
        except ValueError as error:  # such as infinity, or a negative count
            raise InputError(f"{path.name!r}: {error}") from error
    print_warnings(notes.warnings)
    write_table(table, options.out)
    _print_results(table, model)
    print(options.out)


def completed(model: SavedModel, table: DataFrame, X: DataFrame) -> DataFrame:
    """Return a table with what is blank filled.

    Parameters
    ----------
    model : SavedModel
        The model.
    table : DataFrame of shape (n_samples, n_columns)
        Fields of text, or values of any kind.
    X : DataFrame of shape (n_samples, n_features)
        What `read_rows` returned of it.

    Returns
    -------
    table : DataFrame of shape (n_samples, n_columns + n_targets + 1)
        With probabilities of filled labels, and the names of filled columns.

    Raises
    ------
    InputError
        If the table has such columns already.

    Warns
    -----
    UserWarning
        If fields are filled that are not empty, but markers of missing entries.
    """
    import pandas as pd

    targets = [name for name in model.targets if name in table]
    marks = [f"{name}_probability" for name in targets]
    for name in [*marks, "filled"]:
        if name in table:
            raise InputError(
                f"the table has a column {name!r}, which is for what is filled; rename "
                "it, or leave it out."
            )
    result, probabilities = table.copy(), {}
    marked: dict[str, dict[str, int]] = {}
    lists: list[list[str]] = [[] for _ in range(len(table))]
    found, filled = predictions(model, X), model.filled(X)
    for name, column in table.items():
        if name in targets:
            blank, entries = _unlabelled(column), found[name]
            probability = found[f"{name}_probability"]
            probabilities[f"{name}_probability"] = probability.where(blank)
        elif name in model.formats:
            blank, entries = _blank(column) & X[name].isna(), filled[name]
        else:
            continue
        if _is_text(column):
            entries = _fields(model.formats.get(name), entries, column)
        if name not in targets:
            known = column[blank].dropna().astype(object).map(repr)
            marked[name] = known.value_counts().to_dict()
        result[name] = _replaced(column, blank, entries)
        for row in np.flatnonzero(blank):
            lists[row].append(str(name))
    if any(marked.values()):
        warnings.warn(
            "fields that mark what is missing are filled, by column: "
            f"{gaps_in_words(marked)}; if they are values, write other words for them, "
            "and fit again.",
            UserWarning,
            stacklevel=2,
        )
    result = result.assign(**probabilities)
    result["filled"] = pd.Series(["; ".join(names) for names in lists])
    return result


def _is_text(column):
    import pandas as pd

    return pd.api.types.infer_dtype(column, skipna=True) in {"string", "empty"}


def _blank(column: Series) -> Series:
    """Return which entries are missing or hold a mark of it."""
    if not _is_text(column):
        return column.isna()
    text = stripped(column)
    return text.isna() | text.isin(missing_marks(text.dropna().unique()))


def _unlabelled(column: Series) -> Series:
    """Return which entries are empty or -1."""
    text = stripped(column) if _is_text(column) else column
    return text.isna() | text.isin([-1, "-1"])


def _fields(form: Format | None, entries: Series, column: Series) -> Series:
    """Return entries as a column of text writes them; a target has no format."""
    if form is None or form.column.categories is not None:
        return _spelled(entries, column)
    return form.write(entries)


def _spelled(values: Series, column: Series) -> Series:
    """Return values as the fields of a column of text that stand for them."""
    fields = column.dropna().unique()
    spelling = {
        value: next((f.strip() for f in fields if _means(f, value)), str(value))
        for value in values.dropna().unique().tolist()
    }
    return values.astype(object).map(spelling)


def _means(field, value):
    """Return whether a field is a class, as types of columns are found."""
    text = field.strip()
    if isinstance(value, str):
        return text == value
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    try:
        return float(text) == value
    except ValueError:
        return False


def _replaced(column: Series, blank: Series, entries: Series) -> Series:
    """Return a column with other entries where it is blank."""
    import pandas as pd

    if not blank.any():
        return column
    if isinstance(column.dtype, pd.CategoricalDtype):
        new = set(entries[blank]) - set(column.cat.categories)
        column = column.cat.add_categories(sorted(new))
    if _is_text(column):
        column = column.astype(object)
    values = entries[blank]
    if pd.api.types.is_integer_dtype(column.dtype):
        values = values.round()
    column = column.copy()
    column[blank] = pd.array(values.to_numpy(dtype=object), dtype=column.dtype)
    return column


def _print_results(table, model):
    counts = table["filled"].str.split("; ").explode().value_counts()
    for name in [*model.targets, *model.formats]:
        if name in counts:
            kind = "labels" if name in model.targets else "entries"
            print(f"{name}: {counts[name]} {kind} filled")
    if not (table["filled"] != "").any():
        print("nothing was blank")
