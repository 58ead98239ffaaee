"""Columns of a table as features: numbers on a common scale, and text."""

from __future__ import annotations

import re
import shlex
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .errors import InputError
from .fields import NEARLY_ALL, NUMBER, missing_marks, read_numbers, stripped

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["as_features", "on_features"]

NUMBERS = {"boolean", "integer", "floating", "mixed-integer-float", "decimal"}
DATES = {"datetime64", "datetime", "date", "timedelta64", "timedelta", "time", "period"}
TEXTS = {"string", "categorical"}
DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([T ].*)?")
BEGINS_AS_NUMBER = re.compile(r"\W*\d")
MOST_MARKS = 5  # of a column in a warning
MOST_COLUMNS = 10  # in a warning
FEW_ROWS = 10  # may all be different by chance
MOST_TEXTS = 1000  # of a column; one-hot encoding makes a column of each


def as_features(table: DataFrame, source: str) -> DataFrame:
    """Return columns of numbers and of text, with NaN for missing entries.

    A column of text becomes numbers if nearly all its fields are numbers; ``1,200``,
    ``1.200,5``, ``$5`` and ``12%`` are, too. Beside numbers without a percent sign
    ``12%`` is 0.12. Markers such as ``?`` and ``NA`` are missing entries in both kinds
    of columns. So are the few other fields in a column of numbers.

    Parameters
    ----------
    table : DataFrame of shape (n_samples, n_columns)
        Columns of any kind.
    source : str
        Name of the file, for messages.

    Returns
    -------
    X : DataFrame of shape (n_samples, n_features)
        Columns of float64 and, for text, of objects.

    Raises
    ------
    InputError
        If a column holds dates, infinity, or text that differs on nearly every row or
        has more than a thousand values, or if there is no feature.

    Warns
    -----
    UserWarning
        If a column is empty, and left out; if it numbers the rows; if text becomes
        numbers, with an example of each notation; if text does not, though most of it
        begins with a number; and with the number of missing entries, by column.

    Examples
    --------
    >>> import pandas as pd
    >>> from skfmvae.cli.features import as_features
    >>> table = pd.DataFrame({"size": [1, 2], "kind": ["a", "b"]})
    >>> as_features(table, "data.csv").dtypes.map(str).to_dict()
    {'size': 'float64', 'kind': 'object'}
    """
    import pandas as pd

    columns: dict[str, Series] = {}
    gaps: dict[str, dict[str, int]] = {}
    for name in table:
        column, gaps[name] = table[name], {}
        kind = pd.api.types.infer_dtype(column, skipna=True)
        if kind == "string":
            column, gaps[name] = _read_text(column, source)
            kind = "floating" if pd.api.types.is_float_dtype(column) else kind
        if column.isna().all():
            _warn(f"column {name!r} of {source!r} is empty; it is left out.")
            continue
        gaps[name]["empty"] = column.isna().sum() - sum(gaps[name].values())
        if kind in NUMBERS:
            columns[name] = _numbers(column, source)
        elif kind in TEXTS:
            columns[name] = _text(column, source)
        else:
            holds = "dates or times" if kind in DATES else f"{kind} values"
            raise _no_feature(column, source, f"holds {holds}")
    _warn_of_gaps(gaps, source)
    if not columns:
        raise InputError(
            f"{source!r} has no feature beside what --target, --groups and --drop "
            "name; add columns to learn from."
        )
    return pd.DataFrame(columns)


def on_features(estimator: Any) -> Pipeline:
    """Return a pipeline of an estimator for what `as_features` returns.

    Parameters
    ----------
    estimator : classifier
        A classifier of rows of numbers.

    Returns
    -------
    pipeline : Pipeline
        Missing numbers are replaced by the mean, numbers are standardised and text is
        one-hot encoded, all fitted to the rows that the pipeline is fitted to.
    """
    # A column may be empty on the rows of one fit.
    numbers = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    texts = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (texts, make_column_selector(dtype_exclude="number")),
    )
    return make_pipeline(columns, estimator)


def _read_text(column: Series, source: str) -> tuple[Series, dict[str, int]]:
    """Return a column of text as numbers or text, and the counts of its markers."""
    text = stripped(column)
    counts = text.value_counts().to_dict()
    numbers = read_numbers(counts)
    marks = counts.keys() - numbers if numbers else missing_marks(counts)
    gaps = {repr(field): n for field, n in counts.items() if field in marks}
    if not numbers:
        return text.mask(text.isin(marks)), gaps
    # The warning of missing entries suffices where all others are plain numbers.
    if not gaps or not all(map(NUMBER.fullmatch, numbers)):
        _warn(
            f"column {column.name!r} of {source!r} is read as numbers, such as "
            f"{_examples(numbers)}."
        )
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
    columns = []
    for name, counts in gaps.items():
        marks = [f"{mark}: {count}" for mark, count in counts.items() if count]
        if marks:
            columns.append(f"{name!r} ({_listed(marks, MOST_MARKS)})")
    if columns:
        n_fields = sum(sum(counts.values()) for counts in gaps.values())
        _warn(
            f"{n_fields} fields of {source!r} are taken for missing, by column: "
            f"{_listed(columns, MOST_COLUMNS)}."
        )


def _listed(names: list[str], most: int) -> str:
    """Return the first names and the number of others."""
    more = [f"and {len(names) - most} more"] if len(names) > most else []
    return ", ".join([*names[:most], *more])


def _numbers(column: Series, source: str) -> Series:
    numbers = column.astype(float)
    if np.isinf(numbers).any():
        raise InputError(
            f"column {column.name!r} of {source!r} holds infinity; leave these fields "
            f"blank, or leave the column out: {_drop(column)}."
        )
    if len(numbers) > FEW_ROWS and (numbers.diff().iloc[1:] == 1).all():
        _warn(
            f"column {column.name!r} of {source!r} numbers the rows; if it is no "
            f"feature, leave it out: {_drop(column)}."
        )
    return numbers


def _text(column: Series, source: str) -> Series:
    text = column.astype(object).where(column.notna(), np.nan)
    known = text.dropna().astype(str)
    if known.map(DATE.fullmatch).notna().mean() > NEARLY_ALL:
        raise _no_feature(column, source, "holds dates or times")
    n_values = known.nunique()
    most = min(MOST_TEXTS, max(FEW_ROWS, NEARLY_ALL * len(known)))
    if n_values > most:
        raise _no_feature(
            column, source, f"holds {n_values} different texts in {len(known)} rows"
        )
    begins = known.map(BEGINS_AS_NUMBER.match).notna()
    if n_values > FEW_ROWS and begins.mean() > 0.5:
        _warn(
            f"column {column.name!r} of {source!r} is taken for text, each of its "
            f"{n_values} values for a kind of its own, though most begin with a number "
            f"(such as {known[begins].iloc[0]!r}); write numbers alone, or leave it "
            f"out: {_drop(column)}."
        )
    return text


def _no_feature(column, source, why):
    return InputError(
        f"column {column.name!r} of {source!r} {why} (such as "
        f"{str(column.dropna().iloc[0])!r}) and cannot be a feature; leave it out: "
        f"{_drop(column)}."
    )


def _drop(column):
    """Return the option that leaves a column out, quoted for a shell."""
    name = column.name
    if "," in name or '"' in name:
        name = '"' + name.replace('"', '""') + '"'
    return f"--drop {shlex.quote(name)}"


def _warn(message):
    warnings.warn(message, UserWarning, stacklevel=3)
