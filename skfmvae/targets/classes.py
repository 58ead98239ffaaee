"""The classes of a column of labels, and the code of each."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import count, islice
from typing import Any

import numpy as np

from skfmvae._utils.missing import is_unlabelled, unlabelled_entries

from .arrays import narrowed

__all__ = [
    "HINT_CONTINUOUS",
    "codes_by_value",
    "distinct_values",
    "labelled_values",
    "with_placeholders",
]

# The types of each kind; "bool" comes first, since a bool is an int.
KINDS = {
    "bool": (bool, np.bool_),
    "number": (int, float, np.integer, np.floating),
    "str": (str,),
}

HINT_CONTINUOUS = (
    "If it is a quantity, make it a Continuous variable of a SemiSupervisedVAE"
)


def labelled_values(column: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return which entries of a column are labelled, and their values.

    Parameters
    ----------
    column : ndarray of shape (n_samples,)
        Of any dtype.
    name : str
        Name of the property, for errors.

    Returns
    -------
    labelled : bool ndarray of shape (n_samples,)
        Which entries are labelled.
    values : ndarray of shape (n_labelled,)
        Of one kind.

    Raises
    ------
    ValueError
        If labels are of mixed kinds, infinite, fractional, or floats so large that
        neighbouring whole numbers are rounded to one.
    """
    if column.dtype.kind not in "bUiufOT":
        raise _unknown_label_type(column.dtype.name, name)
    if column.dtype.kind == "T":
        column = column.astype(object)
    try:
        labelled = ~unlabelled_entries(column)
    except TypeError:  # an entry that has no hash, such as a list
        raise _unknown_label_type("sequence", name) from None
    values = column[labelled]
    if values.dtype.kind == "O":
        values = _one_kind(values, name)
    if values.dtype.kind == "f":
        _check_floats(values, name)
    return labelled, values


def distinct_values(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct values, sorted, and the position of each value in them.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Of one kind.

    Returns
    -------
    distinct : ndarray of shape (n_distinct,)
        The sorted values.
    positions : int64 ndarray of shape (n,)
        Where each value stands in `distinct`.
    """
    if values.dtype != object:
        distinct, positions = np.unique(values, return_inverse=True)
        return distinct, positions
    distinct = np.array(sorted(set(values)), dtype=object)
    position = {value: i for i, value in enumerate(distinct)}
    return distinct, np.fromiter(map(position.get, values), np.int64, len(values))


def codes_by_value(
    wanted: Sequence[Any],
    values: Sequence[Any],
    what: str,
    unknown: int | None = None,
) -> np.ndarray:
    """Return the position of each wanted value among the values that have codes.

    Parameters
    ----------
    wanted : sequence of object
        The values to encode.
    values : sequence of bool, int, float or str
        The value of each code, all of one kind.
    what : str
        Name of the owner of the values, for errors.
    unknown : int, default=None
        Code of a wanted value that `values` lacks, if both are strings or both are
        not; None refuses it.

    Returns
    -------
    codes : int64 ndarray of shape (n_wanted,)
        The position of each wanted value in `values`.

    Raises
    ------
    ValueError
        If a value is not found, or is a number among strings or the reverse.
    """
    # Equal values have equal hashes: True, 1, 1.0 and np.int8(1) find each other.
    known = {value: code for code, value in enumerate(values)}
    codes = np.empty(len(wanted), dtype=np.int64)
    for i, value in enumerate(wanted):
        code = known.get(value, unknown) if isinstance(value, Hashable) else None
        is_alike = isinstance(value, str) == isinstance(values[0], str)
        if code is None or not is_alike:
            hint = ""
            if is_unlabelled(value):
                hint = " Leave the property out to choose none."
            elif not is_alike:
                hint = " No number equals a string; give values of one kind."
            raise ValueError(
                f"{what} has no value {value!r}; its values are {_shorten(values)}."
                f"{hint}"
            )
        codes[i] = code
    return codes


def with_placeholders(name: str, classes: np.ndarray, size: int) -> np.ndarray:
    """Return the classes of a property, then placeholders for classes without labels.

    Parameters
    ----------
    name : str
        Name of the property, for errors.
    classes : ndarray of shape (n_classes,)
        Sorted; empty for a discovered property.
    size : int
        Number of values to return.

    Returns
    -------
    values : ndarray of shape (size,)
        Placeholders are the next whole numbers, "new_1", "new_2", ... or the other
        truth value.

    Raises
    ------
    ValueError
        If a property of booleans is to have more than two values.
    """
    n_spare = size - len(classes)
    if not len(classes):
        return np.arange(size)
    if not n_spare:
        return classes
    spare: Iterable[Any]
    kind = _kind(type(classes.tolist()[0]))
    if kind == "bool":
        if size > 2:
            raise ValueError(
                f"property_components={size} is too large for property {name!r}: a "
                "bool property has two values."
            )
        spare = [not classes[0]]
    elif kind == "number":
        first = max(int(classes[-1]) + 1, 0)  # -1 would mean unlabelled
        spare = range(first, first + n_spare)
    else:
        taken = set(classes)
        new = (value for i in count(1) if (value := f"new_{i}") not in taken)
        spare = islice(new, n_spare)
    values = np.array([*classes.tolist(), *spare], dtype=object)
    if object in (classes.dtype, (narrow := narrowed(values)).dtype):
        return values
    same = narrow.astype(classes.dtype)
    return same if same.tolist() == narrow.tolist() else narrow


def _one_kind(values: np.ndarray, name: str) -> np.ndarray:
    """Return objects of one kind, in NumPy's dtype for numbers where it keeps them."""
    types = set(map(type, values))
    kinds = {_kind(type_) for type_ in types}
    for kind in kinds - KINDS.keys():
        raise _unknown_label_type(kind, name)
    if len(kinds) > 1:
        raise ValueError(
            f"property {name!r} of y mixes {sorted(t.__name__ for t in types)}; make "
            "its labels all strings, all numbers or all booleans."
        )
    if kinds <= {"str"}:
        return values
    # Python compares its own numbers exactly.
    values = np.array(
        [v.item() if isinstance(v, np.generic) else v for v in values], dtype=object
    )
    floats = [v for v in values if isinstance(v, float)]
    _check_floats(np.array(floats, dtype=float), name)
    array = narrowed(values)
    is_rounded = array.dtype.kind == "f" and abs(array).max() >= _n_exact(array.dtype)
    return values if is_rounded else array


def _check_floats(values: np.ndarray, name: str) -> None:
    if np.isinf(values).any():
        raise ValueError(f"property {name!r} of y holds infinity; remove it.")
    fractions = values[values != np.floor(values)]
    if fractions.size:
        found = f"continuous ({fractions[0]})"
        raise _unknown_label_type(found, name, f" {HINT_CONTINUOUS}.")
    rounded = values[np.abs(values) >= _n_exact(values.dtype)]
    if rounded.size:
        raise ValueError(
            f"property {name!r} of y holds {rounded[0]} as {values.dtype.name}, which "
            "cannot keep whole numbers of this size apart; give integers or strings."
        )


def _n_exact(dtype: Any) -> int:
    """Return the least number to which a larger one may have been rounded."""
    return 2 ** (np.finfo(dtype).nmant + 1)


def _kind(type_: type) -> str:
    for kind, types in KINDS.items():
        if issubclass(type_, types):
            return kind
    return type_.__name__


def _unknown_label_type(found: str, name: str, hint: str = "") -> ValueError:
    # scikit-learn's message begins alike.
    return ValueError(
        f"Unknown label type: {found}. The labels of property {name!r} of y must be "
        f"whole numbers, strings or booleans.{hint}"
    )


def _shorten(values: Sequence[Any], n: int = 20) -> str:
    shown = ", ".join(map(repr, values[:n]))
    return shown if len(values) <= n else f"{shown}, ... ({len(values)} in all)"
