"""Columns of text: which are categories, and which are refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

__all__ = ["check_text"]

DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([T ].*)?")
NEARLY_ALL = 0.9  # of the entries
FEW_ROWS = 10  # may all be different by chance
MOST_TEXTS = 1000  # of a column; each is a category of its own


def check_text(name: str, texts: Iterable[str]) -> None:
    """Refuse a column of text whose values are no categories.

    Parameters
    ----------
    name : str
        Of the column.
    texts : iterable of str
        The entries that are not missing.

    Raises
    ------
    ValueError
        If nearly all entries are dates, if nearly every entry is different or if there
        are more than a thousand values.
    """
    counts = Counter(texts)
    n_entries = sum(counts.values())
    dates = sum(n for text, n in counts.items() if DATE.fullmatch(text))
    example = next(iter(counts), None)
    if dates > NEARLY_ALL * n_entries:
        raise ValueError(
            f"{name!r} holds dates as text (such as {example!r}); convert it to dates "
            "first, for instance with pandas.to_datetime, or leave it out."
        )
    if len(counts) > min(MOST_TEXTS, max(FEW_ROWS, NEARLY_ALL * n_entries)):
        raise ValueError(
            f"{name!r} holds {len(counts)} different texts in {n_entries} entries "
            f"(such as {example!r}), which are no categories. Leave the column out or "
            "make numbers of it first, for instance with "
            "sklearn.feature_extraction.text.TfidfVectorizer; if they are categories, "
            "give them a categorical dtype or name the column in categorical_features."
        )
