"""Fields of text as what they stand for: numbers, truth values, missing entries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pandas import Series

__all__ = [
    "NEARLY_ALL",
    "NUMBER",
    "missing_marks",
    "one_line",
    "read_numbers",
    "stripped",
    "typed",
]

# Of the fields of a column: a few odd ones do not make it another kind.
NEARLY_ALL = 0.9

# What people and programs write where they have no value, in lower case.
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

# No leading zeros: 007 is a code, which a number would lose. No more digits than int64
# has room for.
WHOLE = re.compile(r"[+-]?(0|[1-9][0-9]{0,17})")
NUMBER = re.compile(rf"({WHOLE.pattern}(\.[0-9]*)?|[+-]?\.[0-9]+)(e[+-]?[0-9]+)?", re.I)
TRUTH = re.compile("true|false", re.I)
# What all fields match, what makes values of them, and types with gaps and without.
TYPES: list[tuple[re.Pattern[str], Callable, str, str]] = [
    (WHOLE, int, "Int64", "int64"),
    (NUMBER, float, "Float64", "float64"),
    (TRUTH, lambda field: field.lower() == "true", "boolean", "bool"),
]

# What separates thousands, and the decimal mark: 1200.5, 1,200.5 and 1.200,5. Where
# several read as many fields, the first is taken.
NOTATIONS = [("", "."), (r"[,'’\s]", "."), (r"[.'’\s]", ",")]
UNITS = "$€£¥%"


def one_line(name: str) -> str:
    """Return a name without blanks and line ends that are seen nowhere.

    Parameters
    ----------
    name : str
        Of a column.

    Returns
    -------
    name : str
        With one space wherever it had blanks, and none at its ends.
    """
    return " ".join(name.split())


def stripped(column: Series) -> Series:
    """Return a column of text without blanks around its fields.

    Parameters
    ----------
    column : Series of str
        Missing where a field is empty.

    Returns
    -------
    text : Series of objects
        Missing also where a field holds nothing but blanks.
    """
    text = column.astype(object).str.strip()
    return text.where(text.notna() & (text != ""), np.nan)


def typed(column: Series) -> Series:
    """Return a column of text in the type that all its fields have.

    Numbers with leading zeros or more digits than int64 has room for stay text, and so
    does a column with a single field that is no number.

    Parameters
    ----------
    column : Series of str
        Missing where a field is empty.

    Returns
    -------
    column : Series
        Of whole numbers, floats, truth values, or text as `stripped` returns it.

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

    # Each text once, for most occur often. What is missing has the code -1, which is
    # the last one here.
    codes, texts = pd.factorize(column)
    fields = [*map(str.strip, texts.tolist()), ""]
    known = list(filter(None, fields))
    for pattern, convert, with_gaps, plain in TYPES:
        if all(map(pattern.fullmatch, known)):
            values = [convert(field) if field else None for field in fields]
            array = pd.array(values, dtype=with_gaps).take(codes)
            column = pd.Series(array, column.index, name=column.name)
            return column if column.hasnans else column.astype(plain)
    return stripped(column)


def missing_marks(fields: Iterable[str]) -> set[str]:
    """Return which fields mark a missing entry, such as ``?`` and ``N/A``.

    Parameters
    ----------
    fields : iterable of str
        Those of a column.

    Returns
    -------
    marks : set of str
        A minus is none beside a plus.
    """
    fields = set(fields)
    signs = {"-"} if "+" in fields else set()
    return {field for field in fields - signs if one_line(field).lower() in MARKS}


def read_numbers(counts: Mapping[str, int]) -> dict[str, float]:
    """Read the numbers of a column, all in the notation that most fields have.

    A percent sign means hundredths where other numbers than 0 have none.

    Parameters
    ----------
    counts : dict of str to int
        How often each field occurs.

    Returns
    -------
    numbers : dict of str to float
        By field; fields that are no number are left out. Empty unless nearly all that
        do not mark a missing entry are numbers.

    Examples
    --------
    >>> from skfmvae.cli.fields import read_numbers
    >>> read_numbers({"$1,200": 1, "$950.50": 1, "n/a": 3})
    {'$1,200': 1200.0, '$950.50': 950.5}
    >>> read_numbers({"1,5": 1, "1.200,25": 1})
    {'1,5': 1.5, '1.200,25': 1200.25}
    >>> read_numbers({"5%": 1, "0.05": 1})
    {'5%': 0.05, '0.05': 0.05}
    >>> read_numbers({"small": 5, "12": 5})
    {}
    """
    marks = missing_marks(counts)
    known = {field: count for field, count in counts.items() if field not in marks}
    readings = [_read(known, *notation) for notation in NOTATIONS]
    totals = [sum(known[field] for field in reading) for reading in readings]
    best = int(np.argmax(totals))
    is_number = totals[best] >= NEARLY_ALL * sum(known.values())
    return readings[best] if is_number else {}


def _read(fields, thousands, decimal):
    """Return the numbers that fields are in a notation."""
    units = {sign for sign in UNITS if any(sign in field for field in fields)}
    # Prices in two currencies cannot be compared.
    unit = units.pop() if len(units) == 1 else ""
    groups = rf"|[1-9][0-9]{{0,2}}({thousands}[0-9]{{3}})+" if thousands else ""
    mark = re.escape(decimal)
    number = re.compile(
        rf"[+-]?((([0-9]+{groups})({mark}[0-9]*)?|{mark}[0-9]+)(e[+-]?[0-9]+)?"
        "|inf(inity)?)",
        re.I,
    )
    numbers = {}
    for field in fields:
        # The minus of typeset tables, too.
        text = field.replace("−", "-").replace(unit, "", 1).strip()
        if number.fullmatch(text):
            text = re.sub(thousands, "", text)
            numbers[field] = float(text.replace(decimal, "."))
    if unit == "%" and any(n for field, n in numbers.items() if unit not in field):
        return {f: n / 100 if unit in f else n for f, n in numbers.items()}
    return numbers
