"""How a column of text writes its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from skfmvae.columns.text import NEARLY_ALL

from .fields import missing_marks

__all__ = ["Notation", "find_notation", "read_numbers"]

# Separators of thousands and decimal marks: 1200.5, 1,200.5 and 1.200,5. The first wins
# where several read equally many fields.
NOTATIONS = [("", "."), (r"[,'’\s]", "."), (r"[.'’\s]", ",")]
UNITS = "$€£¥%"
MOST_DECIMALS = 7  # digits that single precision holds


@dataclass(frozen=True)
class Notation:
    """A way to write numbers.

    Parameters
    ----------
    thousands : str, default=""
        Regular expression of what separates thousands; empty where nothing does. With
        the decimal mark it is one of `NOTATIONS`.
    decimal : str, default="."
        The decimal mark.
    unit : str, default=""
        A sign that numbers may have, of a currency or of percent.
    hundredths : bool, default=False
        Whether a number with a percent sign stands for hundredths.
    decimals : int or None, default=None
        Most decimal places that a field has; None where fields have exponents, or more
        places than single precision holds.

    Examples
    --------
    >>> from skfmvae.cli.notation import Notation
    >>> notation = Notation(unit="€", decimals=2)
    >>> notation.read(["1200.25 €", "3", "?"])
    {'1200.25 €': 1200.25, '3': 3.0}
    >>> notation.write(1200.257)
    '1200.26'
    """

    thousands: str = ""
    decimal: str = "."
    unit: str = ""
    hundredths: bool = False
    decimals: int | None = None

    def __post_init__(self):
        """Refuse what no column has, such as the content of a damaged file."""
        if (self.thousands, self.decimal) not in NOTATIONS:
            raise ValueError(f"{self.decimal!r} is no decimal mark of a notation")
        if self.unit not in {"", *UNITS}:
            raise ValueError(f"{self.unit!r} is no unit of a notation")
        if self.decimals not in {None, *range(MOST_DECIMALS + 1)}:
            raise ValueError(f"{self.decimals!r} is no number of decimals")

    def read(self, fields: Iterable[str]) -> dict[str, float]:
        """Return numbers by field.

        Parameters
        ----------
        fields : iterable of str
            Fields of a column.

        Returns
        -------
        numbers : dict of str to float
            Fields that are no numbers in this notation are left out.
        """
        texts = self._plain(fields)
        share = {f: 100 if self.hundredths and self.unit in f else 1 for f in texts}
        return {field: float(text) / share[field] for field, text in texts.items()}

    def write(self, number: float) -> str:
        """Return a field that `read` takes for a number, rounded as the column is.

        Parameters
        ----------
        number : float
            Finite.

        Returns
        -------
        field : str
            Without separators of thousands, and with no unit but percent.
        """
        text = f"{number:.{MOST_DECIMALS}g}"
        if self.decimals is not None:
            text = f"{number:z.{self.decimals}f}"  # no minus before zero
        # Without its sign a number beside percentages would be a hundred times more.
        sign = "%" if self.unit == "%" and not self.hundredths else ""
        return text.replace(".", self.decimal) + sign

    def _plain(self, fields):
        """Return numbers as Python writes them, by field, percent signs left out."""
        thousands, mark = self.thousands, re.escape(self.decimal)
        groups = rf"|[1-9][0-9]{{0,2}}({thousands}[0-9]{{3}})+" if thousands else ""
        number = re.compile(
            rf"[+-]?((([0-9]+{groups})({mark}[0-9]*)?|{mark}[0-9]+)(e[+-]?[0-9]+)?"
            "|inf(inity)?)",
            re.I,
        )
        plain = {}
        for field in fields:
            # Typeset tables have another minus.
            text = field.replace("−", "-").replace(self.unit, "", 1).strip()
            if number.fullmatch(text):
                text = re.sub(thousands, "", text)
                plain[field] = text.replace(self.decimal, ".")
        return plain

    def fitted(self, fields: Iterable[str]) -> Notation:
        """Return the notation with what its fields say of percent and of decimals.

        Parameters
        ----------
        fields : iterable of str
            Fields of a column.

        Returns
        -------
        notation : Notation
            A percent sign means hundredths if numbers other than 0 have none.
        """
        plain = self._plain(fields)
        hundredths = self.unit == "%" and any(
            float(text) for field, text in plain.items() if "%" not in field
        )
        places = [len(text.partition(".")[2]) for text in plain.values()]
        has_exponents = any("e" in text.lower() for text in plain.values())
        decimals = None if has_exponents else max(places, default=0)
        if decimals is not None and decimals > MOST_DECIMALS:
            decimals = None
        return replace(self, hundredths=hundredths, decimals=decimals)


def find_notation(counts: Mapping[str, int]) -> Notation | None:
    """Return the most frequent notation of a column of numbers.

    Parameters
    ----------
    counts : dict of str to int
        Fields and how often they occur.

    Returns
    -------
    notation : Notation or None
        None unless nearly all fields are numbers, markers of missing entries aside.
    """
    marks = missing_marks(counts)
    known = {field: count for field, count in counts.items() if field not in marks}
    units = {sign for sign in UNITS if any(sign in field for field in known)}
    # Prices in two currencies are not comparable.
    unit = units.pop() if len(units) == 1 else ""
    choices = [Notation(*separators, unit) for separators in NOTATIONS]
    readings = [choice.read(known) for choice in choices]
    totals = [sum(known[field] for field in reading) for reading in readings]
    best = int(np.argmax(totals))
    if not readings[best] or totals[best] < NEARLY_ALL * sum(known.values()):
        return None
    return choices[best].fitted(known)


def read_numbers(counts: Mapping[str, int]) -> dict[str, float]:
    """Read the numbers of a column, all in the most frequent notation.

    A percent sign means hundredths if numbers other than 0 have none.

    Parameters
    ----------
    counts : dict of str to int
        Fields and how often they occur.

    Returns
    -------
    numbers : dict of str to float
        Numbers by field; other fields are left out. Empty unless nearly all fields are
        numbers, markers of missing entries aside.

    Examples
    --------
    >>> from skfmvae.cli.notation import read_numbers
    >>> read_numbers({"$1,200": 1, "$950.50": 1, "n/a": 3})
    {'$1,200': 1200.0, '$950.50': 950.5}
    >>> read_numbers({"1,5": 1, "1.200,25": 1})
    {'1,5': 1.5, '1.200,25': 1200.25}
    >>> read_numbers({"5%": 1, "0.05": 1})
    {'5%': 0.05, '0.05': 0.05}
    >>> read_numbers({"small": 5, "12": 5})
    {}
    """
    notation, marks = find_notation(counts), missing_marks(counts)
    known = [field for field in counts if field not in marks]
    return {} if notation is None else notation.read(known)
