"""The columns that users choose as categories."""

from __future__ import annotations

from typing import Any

import numpy as np

from .reading import Table

__all__ = ["chosen_columns"]


def chosen_columns(categorical_features: Any, table: Table) -> np.ndarray:
    """Return which columns are categories.

    Parameters
    ----------
    categorical_features : "from_dtype", None, or array-like of str, bool or int
        What the user chose.
    table : Table
        The columns.

    Returns
    -------
    chosen : bool ndarray of shape (n_features,)
        By "from_dtype", those of text and of categories.

    Raises
    ------
    ValueError
        If a name or an index is none of the columns, a mask has another length, or
        names are given for an array.
    """
    n_columns = len(table.columns)
    if categorical_features is None:
        return np.zeros(n_columns, dtype=bool)
    if isinstance(categorical_features, str):
        if categorical_features != "from_dtype":
            raise _not_allowed(
                categorical_features,
                "give 'from_dtype', None or a list of columns, such as "
                f"[{categorical_features!r}]",
            )
        return np.array([c.holds in {"text", "categories"} for c in table.columns])
    choice = np.asarray(categorical_features)
    chosen = np.zeros(n_columns, dtype=bool)
    if choice.ndim != 1:
        raise _not_allowed(categorical_features, "give a list of one dimension")
    if not len(choice):
        return chosen
    if choice.dtype.kind == "b":
        if len(choice) != n_columns:
            raise _not_allowed(
                categorical_features,
                f"a mask has an entry for each of the {n_columns} columns, this one "
                f"has {len(choice)}",
            )
        return choice.copy()
    if choice.dtype.kind in "iu":
        wrong = choice[(choice < -n_columns) | (choice >= n_columns)]
        if len(wrong):
            raise _not_allowed(
                categorical_features,
                f"index {wrong[0]} is none of the {n_columns} columns",
            )
        chosen[choice] = True
        return chosen
    names = list(categorical_features)
    if not all(isinstance(name, str) for name in names):
        raise _not_allowed(
            categorical_features, "give names, a mask of booleans or whole numbers"
        )
    if table.library is None:
        raise _not_allowed(
            categorical_features, "X has no names of columns; give indices or a mask"
        )
    known = [column.name for column in table.columns]
    for name in names:
        if name not in known:
            raise _not_allowed(
                categorical_features, f"{name!r} is none of the columns {known}"
            )
        chosen[known.index(name)] = True
    return chosen


def _not_allowed(value, why):
    return ValueError(f"categorical_features={value!r} is not allowed: {why}.")
