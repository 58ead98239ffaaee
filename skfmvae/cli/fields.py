"""Fields of text as numbers, truth values and missing entries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from skfmvae.columns.text import NEARLY_ALL

if TYPE_CHECKING:
    from pandas import Series, Timestamp

__all__ = [
    "NUMBER",
    "dates_of",
    "missing_marks",
    "one_line",
    "read_dates",
    "stripped",
    "typed",
    "without_objects",
]

# Markers of missing entries that people and programs write, in lower case.
MARKS = frozenset(
    "na n/a n.a. nan -nan null none nil <na> missing unknown ? - -- --- – — . .. "
    "nd n/d n.d. tbd tba tbc unavailable undetermined unrecorded unspecified "
    "#n/a #na #div/0! #value! #ref! #num! #name? #null!".split()
) | {
    f"{no} {word}"
    for no, words in {
        "not": "applicable assessed available determined done given known measured "
        "provided recorded reported specified tested",
        "no": "data record value",
    }.items()
    for word in words.split()
}

# No leading zeros: as a number the code 007 would lose them. No more digits than int64
# can hold.
WHOLE = re.compile(r"[+-]?(0|[1-9][0-9]{0,17})")
NUMBER = re.compile(rf"({WHOLE.pattern}(\.[0-9]*)?|[+-]?\.[0-9]+)(e[+-]?[0-9]+)?", re.I)
TRUTH = re.compile("true|false", re.I)
# A pattern of all fields, their conversion, and types with missing entries and without.
COLUMN_TYPES: list[tuple[re.Pattern[str], Callable, str, str]] = [
    (WHOLE, int, "Int64", "int64"),
    (NUMBER, float, "Float64", "float64"),
    (TRUTH, lambda field: field.lower() == "true", "boolean", "bool"),
]

# Kinds of objects that a dtype of numbers or of dates can hold.
NUMBERS = {"integer", "floating", "mixed-integer-float", "decimal"}
DATES = {"date", "datetime"}

# In other notations the day and the month are a guess.
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")


def one_line(name: str) -> str:
    """Return a name with its blanks and line ends made visible or removed.

    Parameters
    ----------
    name : str
        Name of a column.

    Returns
    -------
    name : str
        One space replaces blanks within the name; those at its ends are removed.
    """
    return " ".join(name.split())


def stripped(column: Series) -> Series:
    """Return a column of text without blanks around its fields.

    Parameters
    ----------
    column : Series of str
        Empty fields are missing.

    Returns
    -------
    text : Series of objects
        Fields of blanks are missing, too.
    """
    text = column.astype(object).str.strip()
    return text.where(text.notna() & (text != ""), np.nan)


def typed(column: Series) -> Series:
    """Return a column of text in the type that all its fields have.

    Numbers with leading zeros, or with more digits than int64 can hold, stay text. So
    does a column of numbers with one other field.

    Parameters
    ----------
    column : Series of str
        Empty fields are missing.

    Returns
    -------
    column : Series
        Whole numbers, floats, truth values, or text as `stripped` returns it.

    Examples
    --------
    >>> import pandas as pd
    >>> from skfmvae.cli.fields import typed
    >>> typed(pd.Series(["1", None, " 2 "])).dtype
    Int64Dtype()
    >>> typed(pd.Series(["007", "12"])).tolist()
    ['007', '12']
    """
    import pandas as pd

    # Each text is converted once, because most occur often. Missing entries have the
    # code -1, which is the index of the last field.
    codes, texts = pd.factorize(column)
    fields = [*map(str.strip, texts.tolist()), ""]
    known = list(filter(None, fields))
    for pattern, convert, with_gaps, plain in COLUMN_TYPES:
        if all(map(pattern.fullmatch, known)):
            values = [convert(field) if field else None for field in fields]
            array = pd.array(values, dtype=with_gaps).take(codes)
            column = pd.Series(array, column.index, name=column.name)
            return column if column.hasnans else column.astype(plain)
    return stripped(column)


def missing_marks(fields: Iterable[str]) -> set[str]:
    """Return the fields that mark a missing entry, such as ``?`` and ``N/A``.

    Parameters
    ----------
    fields : iterable of str
        Fields of a column.

    Returns
    -------
    marks : set of str
        The markers. A minus is no marker in a column with a plus.
    """
    fields = set(fields)
    signs = {"-"} if "+" in fields else set()
    return {field for field in fields - signs if one_line(field).lower() in MARKS}


def read_dates(counts: Mapping[str, int]) -> dict[str, Timestamp]:
    """Read the dates of a column, in ISO 8601.

    Parameters
    ----------
    counts : dict of str to int
        Fields and how often they occur.

    Returns
    -------
    dates : dict of str to Timestamp
        Dates by field, in UTC where fields have a time zone; other fields are left out.
        Empty unless nearly all fields are dates, markers of missing entries aside.

    Examples
    --------
    >>> from skfmvae.cli.fields import read_dates
    >>> read_dates({"2024-05-31": 1, "2024-05-31 10:30": 2, "?": 3})
    {'2024-05-31': Timestamp('2024-05-31 00:00:00'),
     '2024-05-31 10:30': Timestamp('2024-05-31 10:30:00')}
    >>> read_dates({"5/6/24": 1})
    {}
    """
    known = {field: counts[field] for field in counts.keys() - missing_marks(counts)}
    dates = dates_of(known)
    n_dates = sum(known[field] for field in dates)
    return dates if dates and n_dates >= NEARLY_ALL * sum(known.values()) else {}


def dates_of(fields: Iterable[str]) -> dict[str, Timestamp]:
    """Return dates by field.

    Parameters
    ----------
    fields : iterable of str
        Fields of a column.

    Returns
    -------
    dates : dict of str to Timestamp
        In UTC where fields have a time zone; fields that are no dates in ISO 8601 are
        left out.
    """
    import pandas as pd

    known = sorted(filter(ISO_DATE.fullmatch, fields))
    times = pd.to_datetime(known, format="ISO8601", errors="coerce", utc=True)
    times = times.tz_localize(None)
    return {field: t for field, t in zip(known, times, strict=True) if t == t}


def without_objects(column: Series) -> Series:
    """Return a column of objects in the dtype of its numbers or dates.

    Parameters
    ----------
    column : Series of shape (n_samples,)
        Of any dtype.

    Returns
    -------
    column : Series of shape (n_samples,)
        The same where it holds no such objects.
    """
    import pandas as pd

    kind = pd.api.types.infer_dtype(column, skipna=True)
    if column.dtype == object and kind in NUMBERS:
        return column.astype(float)
    if column.dtype == object and kind in DATES:
        return pd.to_datetime(column)
    return column
