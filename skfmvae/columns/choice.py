"""The columns that users choose as categories."""

from __future__ import annotations

from typing import Any

import numpy as np

from .reading import Table

__all__ = ["chosen_columns", "named_columns"]


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
    names = None
    if table.backend is not None:
        names = [column.name for column in table.columns]
    return named_columns(categorical_features, names, n_columns)


def named_columns(
    choice: Any,
    names: list[str] | None,
    n_columns: int,
    parameter: str = "categorical_features",
) -> np.ndarray:
    """Return which columns a list names.

    Parameters
    ----------
    choice : array-like of str, bool or int
        Names, a mask or indices.
    names : list of str or None
        Those of the columns, if they have any.
    n_columns : int
        Number of columns.
    parameter : str, default="categorical_features"
        For messages.

    Returns
    -------
    chosen : bool ndarray of shape (n_features,)
        True for those that the list names.

    Raises
    ------
    ValueError
        If a name or an index is none of the columns, a mask has another length, or
        names are given for an array.
    """

    def not_allowed(why: str) -> ValueError:
        return _not_allowed(choice, why, parameter)

    given = np.asarray(choice)
    chosen: np.ndarray = np.zeros(n_columns, dtype=bool)
    if given.ndim != 1:
        raise not_allowed("give a list of one dimension")
    if not len(given):
        return chosen
    if given.dtype.kind == "b":
        if len(given) != n_columns:
            raise not_allowed(
                f"a mask has an entry for each of the {n_columns} columns, this one "
                f"has {len(given)}"
            )
        return given.copy()
    if given.dtype.kind in "iu":
        wrong = given[(given < -n_columns) | (given >= n_columns)]
        if len(wrong):
            raise not_allowed(f"index {wrong[0]} is none of the {n_columns} columns")
        chosen[given] = True
        return chosen
    if not all(isinstance(name, str) for name in choice):
        raise not_allowed("give names, a mask of booleans or whole numbers")
    if names is None:
        raise not_allowed("X has no names of columns; give indices or a mask")
    for name in choice:
        if name not in names:
            raise not_allowed(f"{name!r} is none of the columns {names}")
        chosen[names.index(name)] = True
    return chosen


def _not_allowed(value, why, parameter="categorical_features"):
    return ValueError(f"{parameter}={value!r} is not allowed: {why}.")
