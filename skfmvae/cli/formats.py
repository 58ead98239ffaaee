"""Columns of another file, read and written as those that a model was fitted to."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skfmvae.columns import Column

from .errors import InputError
from .features import gaps_in_words, listed
from .fields import dates_of, missing_marks, stripped, without_objects
from .notation import Notation, find_notation
from .tables import check_columns

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["Format", "notations_of", "read_rows"]

TRUTH_VALUES = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True)
class Format:
    """What a column holds, and how its fields are written.

    Parameters
    ----------
    column : Column
        What the encoder of a fitted estimator knows of it.
    notation : Notation
        How it writes numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> from skfmvae.cli.formats import Format
    >>> from skfmvae.cli.notation import find_notation
    >>> from skfmvae.columns import Column
    >>> notation = find_notation({"$1,200": 1, "$950": 1})
    >>> price = Format(Column("price", "real"), notation)
    >>> values, unread = price.read(pd.Series(["$1,200", "?", "soon"]))
    >>> values.tolist(), unread
    ([1200.0, nan, nan], {'soon': 1})
    >>> price.write(values)[0]
    '1200'
    """

    column: Column
    notation: Notation

    def read(self, column: Series) -> tuple[Series, dict[str, int]]:
        """Return entries as the estimator takes them.

        Parameters
        ----------
        column : Series of shape (n_samples,)
            Fields of text, or values of any kind.

        Returns
        -------
        entries : Series of shape (n_samples,)
            Markers of missing entries are missing, and so are unread fields.
        unread : dict of str to int
            How often fields occur that are no number, no date, or none of the
            categories.
        """
        import pandas as pd

        if isinstance(column.dtype, pd.CategoricalDtype):
            column = column.astype(object).infer_objects()
        is_text = pd.api.types.infer_dtype(column, skipna=True) == "string"
        if self.column.categories is not None:
            column = column.astype(object).where(column.notna(), None)
            column = column.map(str, na_action="ignore")
        elif not is_text:
            return self._checked(without_objects(column), {})
        text = stripped(column)
        counts = text.value_counts().to_dict()
        values = self._values(counts)
        unread = counts.keys() - values.keys() - missing_marks(counts)
        entries = text.map(values)
        if self.column.holds in {"categories", "text"}:
            # Numbers among them would be taken for such.
            dtype = pd.CategoricalDtype(self.column.categories)
            entries = entries.astype(dtype)
        elif self.column.categories is None:
            dtype = "float64" if self.column.unit is None else "datetime64[ns]"
            entries = entries.astype(dtype)
        fields = {field: counts[field] for field in counts if field in unread}
        return self._checked(entries, fields)

    def _checked(self, entries, unread):
        """Take numbers beside zeros and ones for unread fields."""
        if self.column.kind != "binary" or self.column.categories is not None:
            return entries, unread
        wrong = entries.notna() & ~entries.isin([0, 1])
        counts = entries[wrong].map("{:g}".format).value_counts().to_dict()
        return entries.mask(wrong), unread | counts

    def _values(self, fields: Iterable[str]) -> dict[str, Any]:
        """Return the entries that fields stand for; others are left out."""
        categories = self.column.categories
        if self.column.holds == "dates":
            return dates_of(fields)
        if self.column.holds == "booleans":
            return {
                f: TRUTH_VALUES[f.lower()] for f in fields if f.lower() in TRUTH_VALUES
            }
        if categories is not None:
            known = {
                str(category).strip(): category for category in categories.tolist()
            }
            return {field: known[field] for field in fields if field in known}
        return self.notation.read(fields)

    def write(self, entries: Series) -> Series:
        """Return fields of text that `read` understands.

        Parameters
        ----------
        entries : Series of shape (n_samples,)
            As the estimator gives them.

        Returns
        -------
        fields : Series of str
            Missing where entries are.
        """
        write: Callable[[Any], str] = str
        if self.column.unit == "D":
            write = _day
        elif self.column.unit is None and self.column.categories is None:
            write = self.notation.write
        fields = entries.astype(object).map(write, na_action="ignore")
        return fields.where(entries.notna(), None)


def read_rows(table: DataFrame, formats: Mapping[str, Format], path: Path) -> DataFrame:
    """Return the columns of a table that a model knows, as its estimator takes them.

    Parameters
    ----------
    table : DataFrame of shape (n_samples, n_columns)
        With all columns of the formats, and maybe others.
    formats : dict of str to Format
        By name.
    path : Path
        The file, for messages.

    Returns
    -------
    X : DataFrame of shape (n_samples, n_features)
        In the order of the formats.

    Raises
    ------
    InputError
        If columns are missing.

    Warns
    -----
    UserWarning
        If fields are taken for missing that are no markers of missing entries.
    """
    import pandas as pd

    lacking = [name for name in formats if name not in table]
    if len(lacking) == 1 or len(table.columns) == 1:
        check_columns(table, lacking, "the model needs all its columns", path)
    if lacking:
        raise InputError(
            f"{path.name!r} has no columns {listed(list(map(repr, lacking)))}, which "
            "the model was fitted to; add them, empty where nothing is known."
        )
    columns, unread = {}, {}
    for name, form in formats.items():
        columns[name], fields = form.read(table[name])
        unread[name] = {repr(field): n for field, n in fields.items()}
    n_fields = sum(sum(counts.values()) for counts in unread.values())
    if n_fields:
        warnings.warn(
            f"{n_fields} fields of {path.name!r} are taken for missing: they are no "
            "numbers, dates or categories of the fit, by column: "
            f"{gaps_in_words(unread)}.",
            UserWarning,
            stacklevel=2,
        )
    return pd.DataFrame(columns)


def notations_of(table: DataFrame) -> dict[str, Notation]:
    """Return how the columns of numbers of a table are written.

    Parameters
    ----------
    table : DataFrame of shape (n_samples, n_columns)
        Columns as `read_table` returns them.

    Returns
    -------
    notations : dict of str to Notation
        By name, of the columns of numbers.
    """
    import pandas as pd

    notations = {}
    for name in table:
        known = table[name].dropna().drop_duplicates()
        if pd.api.types.is_bool_dtype(known.dtype):
            continue
        # Floats may stand for whole numbers.
        fields = stripped(known.astype(str).str.removesuffix(".0"))
        notation = find_notation(fields.value_counts().to_dict())
        if notation is not None:
            notations[name] = notation
    return notations


def _day(time):
    return f"{time:%Y-%m-%d}"
