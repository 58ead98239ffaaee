"""Columns of text: which are categories, and which are refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

__all__ = ["FEW_ROWS", "NEARLY_ALL", "check_text", "why_no_categories"]

DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([T ].*)?")
NEARLY_ALL = 0.9  # of the entries
FEW_ROWS = 10  # may all be different by chance
MOST_TEXTS = 1000  # of a column; each is a category of its own


def why_no_categories(texts: Iterable[str], *, few_rows: bool = False) -> str | None:
    """Return why the values of a column of text are no categories.

    Parameters
    ----------
    texts : iterable of str
        The entries that are not missing.
    few_rows : bool, default=False
        Whether these may be few of the rows of a table, which may all differ.

    Returns
    -------
    why : str or None
        What the column holds: dates, text that differs on nearly every row, or more
        than a thousand values. None for categories.

    Examples
    --------
    >>> from skfmvae.columns.text import why_no_categories
    >>> why_no_categories(["2024-05-01"] * 3)
    "holds dates as text (such as '2024-05-01')"
    """
    counts = Counter(texts)
    n_entries = sum(counts.values())
    dates = sum(n for text, n in counts.items() if DATE.fullmatch(text))
    example = next(iter(counts), None)
    if dates > NEARLY_ALL * n_entries:
        return f"holds dates as text (such as {example!r})"
    most = n_entries if few_rows else max(FEW_ROWS, NEARLY_ALL * n_entries)
    if len(counts) > min(MOST_TEXTS, most):
        return (
            f"holds {len(counts)} different texts in {n_entries} entries (such as "
            f"{example!r}), which are no categories"
        )
    return None


def check_text(name: str, texts: Iterable[str], *, few_rows: bool = False) -> None:
    """Refuse a column of text whose values are no categories.

    Parameters
    ----------
    name : str
        Of the column.
    texts : iterable of str
        The entries that are not missing.
    few_rows : bool, default=False
        Whether these may be few of the rows of a table, which may all differ.

    Raises
    ------
    ValueError
        If `why_no_categories` has a reason.
    """
    why = why_no_categories(texts, few_rows=few_rows)
    if why is None:
        return
    if why.startswith("holds dates"):
        remedy = (
            "convert it to dates first, for instance with pandas.to_datetime, or leave "
            "it out."
        )
    else:
        remedy = (
            "leave the column out, or make numbers of it first, for instance with "
            "sklearn.feature_extraction.text.TfidfVectorizer; if they are categories, "
            "give them a categorical dtype or name the column in categorical_features."
        )
    raise ValueError(f"{name!r} {why}; {remedy}")
