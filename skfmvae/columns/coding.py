"""One column at a time: what it holds, its entries as numbers, and back."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .column import Column
from .dates import coarsest_unit, days_since, from_days
from .dtypes import integer_range
from .kinds import kind_of_amounts, kind_of_numbers
from .reading import RawColumn

__all__ = ["another_content", "decoded", "encoded", "fitted", "warn_of_unseen"]

MOST_VALUES = 3  # of a column in a warning
# Contents that may stand for each other, as dtypes change from file to file.
ALIKE = {"booleans": "numbers", "categories": "text"}


def fitted(raw: RawColumn, *, is_category: bool) -> Column:
    """Return what is known of a column.

    Parameters
    ----------
    raw : RawColumn
        The column as it came.
    is_category : bool
        Whether its values are categories.

    Returns
    -------
    column : Column
        Its kind, and what it takes to write it again.

    Raises
    ------
    ValueError
        If the column holds infinity, if it holds text and is said to hold no category,
        or holds dates and is said to hold categories.
    """
    if raw.holds == "booleans":
        categories = np.array([False, True])
        return Column(raw.name, "binary", categories, raw.holds, raw.dtype)
    if raw.holds == "nothing":
        return Column(raw.name, "real", None, raw.holds, raw.dtype)
    if raw.holds in {"dates", "durations"}:
        if is_category:
            raise ValueError(
                f"categorical_features names {raw.name!r}, which holds {raw.holds}; "
                "make text of it first."
            )
        return _of_times(raw)
    if raw.holds == "numbers":
        _check_finite(raw)
    elif not is_category:
        raise ValueError(
            f"{raw.name!r} holds {raw.holds}, but categorical_features does not name "
            'it; name it there, give categorical_features="from_dtype", or leave the '
            "column out."
        )
    if is_category:
        return _of_categories(raw)
    kind = kind_of_numbers(raw.values)
    return Column(raw.name, kind, dtype=raw.dtype, range=integer_range(raw.dtype))


def _of_categories(raw):
    values = raw.categories
    if values is None:
        values = sorted(set(raw.known.tolist()))
    if not values:
        return Column(raw.name, "real", None, "nothing", raw.dtype)
    if raw.holds == "numbers":
        categories = np.array(values, np.int64 if integer_range(raw.dtype) else None)
    else:
        categories = np.empty(len(values), dtype=object)
        categories[:] = values
    kind = "ordinal" if raw.is_ordered else "categorical"
    kind = "binary" if len(values) == 2 else kind
    return Column(raw.name, kind, categories, raw.holds, raw.dtype)


def _of_times(raw):
    known, origin = raw.known, None
    if raw.holds == "dates":
        origin = str(known.min() if len(known) else np.array(0, raw.values.dtype))
    unit = coarsest_unit(known, origin)
    # Dates have no zero, and days of a duration are no counts.
    kind = "real" if raw.holds == "dates" else kind_of_amounts(days_since(known, None))
    return Column(raw.name, kind, None, raw.holds, raw.dtype, unit=unit, origin=origin)


def encoded(column: Column, raw: RawColumn, unseen: dict[str, list[Any]]) -> np.ndarray:
    """Return the entries of a column as numbers.

    Parameters
    ----------
    column : Column
        As it was at `fit`.
    raw : RawColumn
        As it came now.
    unseen : dict of str to list
        To which entries that are none of the categories are added, by column.

    Returns
    -------
    values : float ndarray of shape (n_samples,)
        Numbers, codes or days, with NaN for missing entries.

    Raises
    ------
    ValueError
        If the column holds something else than at `fit`, or infinity.
    """
    nothing = np.full(len(raw.values), np.nan)
    if raw.missing.all():
        return nothing
    if column.holds == "nothing":
        unseen.setdefault(column.name, []).extend(raw.known.tolist())
        return nothing
    if ALIKE.get(raw.holds, raw.holds) != ALIKE.get(column.holds, column.holds):
        raise another_content(column.name, column.holds, raw)
    if column.unit is not None:
        return days_since(raw.values, column.origin)
    if column.categories is None and column.kind != "binary":
        values = raw.values
        if raw.holds == "booleans":
            values = np.where(raw.missing, np.nan, values).astype(np.float64)
        _check_finite(raw)
        return values
    categories = [0, 1] if column.categories is None else column.categories.tolist()
    code_of = {category: float(code) for code, category in enumerate(categories)}
    codes = np.array([code_of.get(entry, np.nan) for entry in raw.values.tolist()])
    is_unseen = np.isnan(codes) & ~raw.missing
    if is_unseen.any():
        unseen.setdefault(column.name, []).extend(raw.values[is_unseen].tolist())
    is_single = column.categories is None and raw.values.dtype == np.float32
    return codes.astype(np.float32) if is_single else codes


def decoded(column: Column, numbers: np.ndarray) -> np.ndarray:
    """Return numbers as what a column can hold.

    Parameters
    ----------
    column : Column
        As it was at `fit`.
    numbers : float64 ndarray of shape (n_samples,)
        With NaN for missing entries.

    Returns
    -------
    values : ndarray of shape (n_samples,)
        The nearest codes of categories, -1 where missing; datetime64 or timedelta64
        with NaT; or the nearest numbers that the kind and the dtype allow, with NaN.
    """
    if column.holds == "nothing":
        return np.full(len(numbers), np.nan)
    if column.unit is not None:
        is_nanoseconds = "ns" in column.dtype
        return from_days(
            numbers, column.unit, column.origin, is_nanoseconds=is_nanoseconds
        )
    if column.categories is not None:
        codes = np.clip(np.rint(numbers), 0, len(column.categories) - 1)
        return np.where(np.isnan(codes), -1, codes).astype(np.int64)
    if column.kind == "binary":
        return np.clip(np.rint(numbers), 0, 1)
    if column.kind == "count":
        numbers = np.maximum(numbers, 0)
    if column.range is None:
        return numbers
    low, high = map(float, column.range)
    if high > column.range[1]:  # of 64 bits, whose largest value is no float
        high = np.nextafter(high, 0)
    if column.kind == "positive":
        low = 1.0
    return np.clip(np.rint(numbers), low, high)


def another_content(name: str, held: str, raw: RawColumn) -> ValueError:
    """Return the error for a column that holds something else than at `fit`."""
    return ValueError(
        f"{name!r} holds {raw.holds} (such as {raw.known[0]!r}), but held {held} at "
        "fit; give it as at fit."
    )


def _check_finite(raw):
    if raw.holds == "numbers" and np.isinf(raw.values).any():
        raise ValueError(
            f"Input X contains infinity: row {np.argmax(np.isinf(raw.values))}, column "
            f"{raw.name!r}. Make the entry missing, NaN, or drop the row."
        )


def warn_of_unseen(unseen):
    """Warn of entries that are no category of their column, once for all columns."""
    if not unseen:
        return
    columns = []
    for name, entries in unseen.items():
        values = list(dict.fromkeys(entries))
        examples = ", ".join(map(repr, values[:MOST_VALUES]))
        more = ", ..." if len(values) > MOST_VALUES else ""
        columns.append(f"{name!r} ({len(entries)}: {examples}{more})")
    warnings.warn(
        f"{sum(map(len, unseen.values()))} entries of X are categories that fit did "
        f"not see and count as missing, by column: {', '.join(columns)}.",
        UserWarning,
        stacklevel=3,
    )
