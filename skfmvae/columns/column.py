"""What is known of a column of X once it has been seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["KINDS", "Column"]

KINDS = ("real", "positive", "count", "binary", "categorical", "ordinal")


@dataclass(frozen=True, eq=False)
class Column:
    """A column of X: what its numbers mean, and what it takes to write it again.

    Parameters
    ----------
    name : str
        Of the column in the frame; "column 3" for the one of index 3 in an array.
    kind : {"real", "positive", "count", "binary", "categorical", "ordinal"}
        What the numbers are.
    categories : ndarray of shape (n_categories,) or None, default=None
        The original values of the codes 0, 1, ...; None for numbers, those of a binary
        column of zeros and ones among them.
    holds : str, default="numbers"
        What the dtype or the objects said: "numbers", "booleans", "text", "categories",
        "dates" or "durations"; "nothing" where nothing was there.
    dtype : str, default="float64"
        The dtype in the words of its library.
    range : tuple of int or None, default=None
        The smallest and the largest value of a dtype of integers; None for others.
    unit : str or None, default=None
        Of dates and durations, which are numbers of days: what all of them are
        multiples of, as NumPy writes it, such as "D" for days or "s" for seconds.
    origin : str or None, default=None
        The date, in ISO 8601 and UTC, that dates are counted from.

    Examples
    --------
    >>> from skfmvae.columns import Column
    >>> Column("age", "real", dtype="int64", range=(-(2**63), 2**63 - 1)).kind
    'real'
    """

    name: str
    kind: str
    categories: np.ndarray | None = None
    holds: str = "numbers"
    dtype: str = "float64"
    range: tuple[int, int] | None = None
    unit: str | None = None
    origin: str | None = None
