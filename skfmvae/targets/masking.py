"""Full labels with some entries hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np
from sklearn.utils import check_random_state

from skfmvae._utils.checks import check_whole
from skfmvae._utils.missing import missing_entries, unlabelled_entries

from .arrays import as_array, narrowed
from .quantities import is_quantity

__all__ = ["keep_entries", "label_order", "mask_labels"]

# Names or positions of columns that are masked together.
Group: TypeAlias = Sequence[Any]


def mask_labels(
    y: Any,
    n_labelled: int | None = None,
    *,
    fraction: float | None = None,
    stratify: str | None = "balanced",
    per_property: bool | Sequence[Group] | Mapping[str, Group] = True,
    random_state: Any = None,
) -> Any:
    """Return `y` with all but some of its labels missing.

    With the same `random_state` the labels of a smaller number are a subset of those of
    a larger one, so that the points of a learning curve are comparable.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_columns)
        Full labels: whole numbers, booleans, strings, or floats. A float column with
        any value that is not whole holds a quantity.
    n_labelled : int or None, default=None
        Number of rows on which each property keeps its label.
    fraction : float or None, default=None
        The share of such rows in place of their number, in (0, 1]; at least one row.
    stratify : {"balanced", "proportional"} or None, default="balanced"
        "balanced" keeps equally many labels of each class as far as it has so many,
        "proportional" keeps the same share of each class, and None draws rows whatever
        their class. Columns that are masked together are stratified by the first that
        is no quantity; quantities are never stratified.
    per_property : bool, list or dict of column groups, default=True
        True keeps labels of each column on rows of its own, False those of all columns
        on the same rows. The columns of a group, such as ``{"light": [1, 2, 3]}`` or
        ``[[1, 2, 3]]``, are masked together, and each column in no group by itself.
        Columns are positions, or names where `y` is a data frame.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws.

    Returns
    -------
    y_partial : ndarray, Series or DataFrame of the shape of `y`
        A copy, of pandas type if `y` was. Missing entries are -1 in whole numbers (an
        unsigned dtype becomes a signed one), NaN in floats, None in other arrays, which
        become arrays of objects, and pandas' own mark in its other dtypes.

    Raises
    ------
    ValueError
        If not exactly one of `n_labelled` and `fraction` is given or it is out of
        range, if `stratify` or a column is unknown, if a column is in two groups, or
        if `y` holds the mark of a missing label.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.datasets import mask_labels
    >>> y = np.repeat([0, 1], 3)
    >>> y_partial = mask_labels(y, 2, random_state=0)
    >>> sorted(y_partial.tolist())
    [-1, -1, -1, -1, 0, 1]
    """
    if stratify not in ("balanced", "proportional", None):
        raise ValueError(
            f"stratify={stratify!r} is unknown; choose 'balanced', 'proportional' or "
            "None."
        )
    if not hasattr(y, "iloc"):
        y = _as_labels(y)
    names, columns = _full_columns(y)
    n_labelled = _number_of_labels(n_labelled, fraction, len(y))
    random_state = check_random_state(random_state)
    is_kept = np.zeros((len(y), len(columns)), dtype=bool)
    for group in _groups(per_property, names):
        categories = [columns[j] for j in group if not is_quantity(columns[j])]
        order = label_order(
            categories[0] if categories else columns[group[0]],
            stratify if categories else None,
            random_state,
        )
        is_kept[np.ix_(order[:n_labelled], group)] = True
    return keep_entries(y, is_kept.reshape(np.shape(y)))


def keep_entries(y: Any, is_kept: np.ndarray) -> Any:
    """Return `y` with a missing label in each entry that is not kept.

    Parameters
    ----------
    y : ndarray, Series or DataFrame of shape (n_samples,) or (n_samples, n_columns)
        Labels, some of which may be missing already.
    is_kept : bool ndarray of the shape of `y`
        Where the label is kept.

    Returns
    -------
    y_partial : ndarray, Series or DataFrame of the shape of `y`
        A copy, with missing entries marked as by `mask_labels`.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.targets import keep_entries
    >>> keep_entries(np.array([2, 0, 1]), np.array([True, False, True]))
    array([ 2, -1,  1])
    """
    if hasattr(y, "iloc"):
        if y.ndim == 1:
            return _masked_series(y, is_kept)
        partial = y.copy()
        for j in range(y.shape[1]):
            partial.isetitem(j, _masked_series(y.iloc[:, j], is_kept[:, j]))
        return partial
    y = as_array(y)
    dtype, missing = _marker(y)
    partial = y.astype(dtype)
    partial[~is_kept] = missing
    return partial


def label_order(
    values: np.ndarray, stratify: str | None, random_state: np.random.RandomState
) -> np.ndarray:
    """Return rows in an order whose every beginning is stratified.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        The label of each row.
    stratify : {"balanced", "proportional"} or None
        As for `mask_labels`.
    random_state : RandomState
        Source of the order.

    Returns
    -------
    order : int64 ndarray of shape (n_samples,)
        Positions of the rows.
    """
    order = random_state.permutation(len(values))
    if stratify is None:
        return order
    position: dict[Any, int] = {}
    code = np.array(
        [position.setdefault(value, len(position)) for value in values[order]]
    )
    count = np.bincount(code)
    by_value = np.argsort(code, kind="stable")
    rank = np.empty(len(order))  # of a row among those of its value
    rank[by_value] = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
    if stratify == "proportional":
        rank = (rank + 0.5) / count[code]
    return order[np.argsort(rank, kind="stable")]


def _full_columns(y):
    """Return the names or positions of the columns of full labels, and the columns."""
    if hasattr(y, "iloc"):
        frame = y.to_frame() if y.ndim == 1 else y
        names = list(frame.columns)
        columns = [np.asarray(frame.iloc[:, j]) for j in range(len(names))]
    else:
        columns = list(y.reshape(len(y), -1).T)
        names = list(range(len(columns)))
    for name, column in zip(names, columns, strict=True):
        _check_full(column, name)
    return names, columns


def _as_labels(y):
    array = as_array(y)
    if isinstance(y, list | tuple) and narrowed(array).dtype.kind in "iuf":
        array = narrowed(array)
    elif array.dtype.kind not in "iuf":
        array = array.astype(object)
    if array.ndim not in (1, 2) or not array.size:
        raise ValueError(
            f"y has shape {array.shape}; give (n_samples,) or (n_samples, n_columns), "
            "neither of them 0."
        )
    return array


def _check_full(column, name):
    # -1 is a value of a quantity, which is fractional somewhere.
    known = column[~missing_entries(column)]
    marks = (missing_entries if is_quantity(known) else unlabelled_entries)(column)
    if marks.any():
        raise ValueError(
            f"column {name!r} of y holds {column[marks.argmax()]}, the mark of a "
            "missing label; give full labels, and other values than -1."
        )


def _number_of_labels(n_labelled, fraction, n_samples):
    if (n_labelled is None) == (fraction is None):
        raise ValueError(
            f"n_labelled={n_labelled!r} and fraction={fraction!r}: give one of them."
        )
    if fraction is None:
        check_whole("n_labelled", n_labelled, 1, n_samples)
        return int(n_labelled)
    if not isinstance(fraction, Real) or not 0 < float(fraction) <= 1:
        raise ValueError(f"fraction={fraction!r} should be in (0, 1].")
    return max(1, round(fraction * n_samples))


def _groups(per_property, names):
    """Return the positions of the columns that are masked together, in lists."""
    if isinstance(per_property, bool | np.bool_):
        return [[j] for j in range(len(names))] if per_property else [range(len(names))]
    if isinstance(per_property, Mapping):
        per_property = per_property.values()
    groups = []
    free = list(range(len(names)))
    for group in per_property:
        positions = []
        for name in [group] if isinstance(group, str | Integral) else group:
            if name not in names:
                raise ValueError(
                    f"per_property names column {name!r}; the columns of y are {names}."
                )
            if names.index(name) not in free:
                raise ValueError(
                    f"per_property names column {name!r} twice; name it in one group."
                )
            free.remove(names.index(name))
            positions.append(names.index(name))
        groups.append(positions)
    return groups + [[j] for j in free]


def _marker(values):
    """Return the dtype of partial labels and the mark of a missing one."""
    kind = values.dtype.kind
    if kind == "f":
        return values.dtype, np.nan
    if kind not in "iu":
        return object, None
    if values.dtype != np.uint64:
        return np.promote_types(values.dtype, np.int8), -1
    if values.max() > np.iinfo(np.int64).max:
        raise ValueError(
            f"y holds {values.max()}, too large beside -1 for a missing label; "
            "encode the values by smaller numbers."
        )
    return np.dtype(np.int64), -1


def _masked_series(series, is_kept):
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iu":
        dtype, missing = _marker(series)
        return series.astype(dtype).where(is_kept, missing)
    return series.where(is_kept, None)
