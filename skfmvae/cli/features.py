"""Columns of a file as features: what CSV files need that frames of Python do not."""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

from skfmvae.columns import ColumnEncoder
from skfmvae.columns.text import FEW_ROWS, why_no_categories

from .errors import InputError
from .fields import NUMBER, missing_marks, read_dates, stripped, without_objects
from .notation import read_numbers

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["as_features", "gaps_in_words", "listed"]

BEGINS_AS_NUMBER = re.compile(r"\W*\d")
MOST_MARKS = 5  # of a column in a warning
MOST_COLUMNS = 10  # in a warning


def as_features(table: DataFrame, source: str) -> DataFrame:
    """Return columns that estimators take, with their missing entries as such.

    A column of text becomes numbers if nearly all its fields are numbers; ``1,200``,
    ``1.200,5``, ``$5`` and ``12%`` are, too. Beside numbers without a percent sign
    ``12%`` is 0.12. It becomes dates if nearly all are dates in ISO 8601, and
    categories if it is neither. Markers such as ``?`` and ``NA`` are missing entries in
    all of them. So are the few other fields in a column of numbers or dates.

    Parameters
    ----------
    table : DataFrame of shape (n_samples, n_columns)
        Columns of any kind.
    source : str
        Name of the file, for messages.

    Returns
    -------
    X : DataFrame of shape (n_samples, n_features)
        Columns that :class:`~skfmvae.columns.ColumnEncoder` takes.

    Raises
    ------
    InputError
        If the encoder refuses a column, such as one of infinity or of text that is no
        category, or if there is no feature.

    Warns
    -----
    UserWarning
        If a column is empty, and left out; if it numbers the rows; if text becomes
        numbers or dates, with examples; if text does not, though most of it begins with
        a number; and with the number of missing entries, by column.

    Examples
    --------
    >>> import pandas as pd
    >>> from skfmvae.cli.features import as_features
    >>> table = pd.DataFrame({"size": [1, 2], "kind": ["a", "b"]})
    >>> as_features(table, "data.csv").dtypes.map(str).to_dict()
    {'size': 'int64', 'kind': 'category'}
    """
    import pandas as pd

    columns: dict[str, Series] = {}
    gaps: dict[str, dict[str, int]] = {}
    for name in table:
        column, gaps[name] = without_objects(table[name]), {}
        if pd.api.types.infer_dtype(column, skipna=True) == "string":
            column, gaps[name] = _read_text(column, source)
        if column.isna().all():
            _warn(f"column {name!r} of {source!r} is empty; it is left out.")
            continue
        gaps[name]["empty"] = column.isna().sum() - sum(gaps[name].values())
        columns[name] = _feature(column, source)
    _warn_of_gaps(gaps, source)
    if not columns:
        raise InputError(
            f"{source!r} has no feature beside what --target, --groups and --drop "
            "name; add columns to learn from."
        )
    return pd.DataFrame(columns)


def _read_text(column: Series, source: str) -> tuple[Series, dict[str, int]]:
    """Return a column of text as what it holds, and the counts of its markers."""
    text = stripped(column)
    counts = text.value_counts().to_dict()
    numbers = read_numbers(counts)
    values = numbers or read_dates(counts)
    marks = counts.keys() - values if values else missing_marks(counts)
    gaps = {repr(field): n for field, n in counts.items() if field in marks}
    where = f"column {column.name!r} of {source!r}"
    if not values:
        return text.mask(text.isin(marks)), gaps
    if not numbers:
        _warn(
            f"{where} is read as dates (such as {next(iter(values))!r}), which become "
            f"numbers of days; if it is no feature, leave it out: {_drop(column)}."
        )
        return text.map(values), gaps
    # The warning of missing entries suffices where all others are plain numbers.
    if not gaps or not all(map(NUMBER.fullmatch, numbers)):
        _warn(f"{where} is read as numbers, such as {_examples(numbers)}.")
    return text.map(numbers).astype(float), gaps


def _examples(numbers: dict[str, float]) -> str:
    """Return a field of each notation and its number, unusual notations first."""
    examples: dict[frozenset[str], str] = {}
    for field in sorted(numbers, key=lambda field: bool(NUMBER.fullmatch(field))):
        # Fields with the same signs, such as a comma and a unit, share a notation.
        signs = frozenset(re.sub(r"[\d+-]", "", field))
        examples.setdefault(signs, f"{field!r} as {numbers[field]:.15g}")
    return " and ".join(list(examples.values())[:MOST_MARKS])


def _warn_of_gaps(gaps: dict[str, dict[str, int]], source: str) -> None:
    """Warn of missing entries, once for all columns."""
    n_fields = sum(sum(counts.values()) for counts in gaps.values())
    if n_fields:
        _warn(
            f"{n_fields} fields of {source!r} are taken for missing, by column: "
            f"{gaps_in_words(gaps)}."
        )


def gaps_in_words(gaps: Mapping[str, Mapping[str, int]]) -> str:
    """Return the first columns with missing entries, and what stands there.

    Parameters
    ----------
    gaps : dict of str to dict of str to int
        Counts of what marks missing entries, by column.

    Returns
    -------
    words : str
        Of many columns or marks only the first, and the number of others.

    Examples
    --------
    >>> from skfmvae.cli.features import gaps_in_words
    >>> gaps_in_words({"size": {"'?'": 2, "empty": 0}, "kind": {"empty": 3}})
    "'size' ('?': 2), 'kind' (empty: 3)"
    """
    columns = []
    for name, counts in gaps.items():
        marks = [f"{mark}: {count}" for mark, count in counts.items() if count]
        if marks:
            columns.append(f"{name!r} ({listed(marks, MOST_MARKS)})")
    return listed(columns, MOST_COLUMNS)


def listed(names: list[str], most: int = MOST_COLUMNS) -> str:
    """Return the first names and the number of others.

    Parameters
    ----------
    names : list of str
        The names.
    most : int, default=10
        How many to list.

    Returns
    -------
    words : str
        With commas between them.
    """
    more = [f"and {len(names) - most} more"] if len(names) > most else []
    return ", ".join([*names[:most], *more])


def _feature(column: Series, source: str) -> Series:
    """Return a column that estimators take, after warnings of what it may be."""
    import pandas as pd

    if pd.api.types.infer_dtype(column, skipna=True) == "string":
        return _categories(column, source)
    try:
        ColumnEncoder().fit(column.to_frame())
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{source!r}: {error} To leave the column out: {_drop(column)}."
        ) from error
    is_bool = pd.api.types.is_bool_dtype(column)
    is_number = pd.api.types.is_numeric_dtype(column) and not is_bool
    steps = column.diff().iloc[1:] if is_number else None
    if steps is not None and len(steps) >= FEW_ROWS and (steps == 1).all():
        _warn(
            f"column {column.name!r} of {source!r} numbers the rows; if it is no "
            f"feature, leave it out: {_drop(column)}."
        )
    return column


def _categories(column: Series, source: str) -> Series:
    """Return text as categories, which are then the same in all folds."""
    known = column.dropna().astype(str)
    why = why_no_categories(known)
    if why is not None:
        dates = (
            "write dates as 2024-05-31, or " if why.startswith("holds dates") else ""
        )
        raise InputError(
            f"column {column.name!r} of {source!r} {why}; {dates}leave it out: "
            f"{_drop(column)}."
        )
    begins = known.map(BEGINS_AS_NUMBER.match).notna()
    if known.nunique() > FEW_ROWS and begins.mean() > 0.5:
        _warn(
            f"column {column.name!r} of {source!r} is taken for text, each of its "
            f"{known.nunique()} values for a kind of its own, though most begin with a "
            f"number (such as {known[begins].iloc[0]!r}); write numbers alone, or "
            f"leave it out: {_drop(column)}."
        )
    return column.astype("category")


def _drop(column):
    """Return the option that leaves a column out, quoted for a shell."""
    name = column.name
    if "," in name or '"' in name:
        name = '"' + name.replace('"', '""') + '"'
    return f"--drop {shlex.quote(name)}"


def _warn(message):
    warnings.warn(message, UserWarning, stacklevel=3)
