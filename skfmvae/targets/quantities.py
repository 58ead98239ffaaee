"""Columns of `y` that hold quantities: taken out, standardised, and put back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.preprocessing import StandardScaler

from skfmvae._utils.checks import FARTHEST
from skfmvae._utils.missing import is_missing, missing_entries

from .arrays import Columns, as_array, columns_of

__all__ = ["QuantityEncoder", "is_quantity"]


class QuantityEncoder:
    """Standardised values of continuous properties, any of which may be missing.

    An entry is missing where it is NaN, None, ``pd.NA`` or masked; -1 is a number like
    any other. On each row all columns of a property are known, or none is.

    Parameters
    ----------
    columns : dict of str to sequence of str
        The names of the columns of every continuous property.
    names : sequence of str, default=()
        Names of all columns that `y` may have, in the order of a `y` without names.
        Empty stands for the columns of the properties; without properties `y` may have
        any columns.

    Attributes
    ----------
    blocks : dict of str to slice
        The columns of each property in the encoded values.
    mean, scale : ndarray of shape (n_quantities,)
        Mean and standard deviation of the known values of each column at `fit`; 0 and 1
        where there is none.

    Examples
    --------
    >>> from skfmvae.targets import QuantityEncoder
    >>> y = [["cat", 1.0], ["dog", None], [None, 5.0]]
    >>> encoder = QuantityEncoder({"size": ["size"]}, ["animal", "size"]).fit(y)
    >>> encoder.transform(y, n_samples=3).ravel()
    array([-1., nan,  1.], dtype=float32)
    >>> encoder.rest(y).columns[0].tolist()
    ['cat', 'dog', None]
    """

    def __init__(self, columns: Mapping[str, Sequence[str]], names: Sequence[str] = ()):
        self.columns = columns
        self.names = list(names) or self._own_columns()
        self.blocks: dict[str, slice] = {}
        for name, own in columns.items():
            start = sum(block.stop - block.start for block in self.blocks.values())
            self.blocks[name] = slice(start, start + len(own))

    @property
    def n_quantities(self) -> int:
        """Number of columns of all properties."""
        return sum(map(len, self.columns.values()))

    def fit(self, y: Any) -> QuantityEncoder:
        """Learn the order of the columns of `y`, and their means and scales.

        Parameters
        ----------
        y : None or array-like of shape (n_samples, n_columns)
            Partial targets.

        Returns
        -------
        QuantityEncoder
            Itself.

        Raises
        ------
        ValueError
            If values are infinite or no numbers, a property is known in part, or `y`
            has other columns or names than the properties.
        """
        self.mean, self.scale = np.zeros(self.n_quantities), np.ones(self.n_quantities)
        self.order: list[str] = []  # of a y without names
        self.order = [] if y is None else self._named(y).names or []
        if y is None or not self.columns:
            return self
        return self.rescaled(self._values(y))

    def rescaled(self, values: np.ndarray) -> QuantityEncoder:
        """Learn means and scales from values in the units of `y`.

        Parameters
        ----------
        values : float64 ndarray of shape (n_samples, n_quantities)
            NaN where missing.

        Returns
        -------
        QuantityEncoder
            Itself.
        """
        self.mean, self.scale = np.zeros(self.n_quantities), np.ones(self.n_quantities)
        for j, column in enumerate(values.T):
            known = column[~np.isnan(column)]
            if known.size:
                # It recognises a constant column whose deviation is rounding alone.
                scaler = StandardScaler().fit(known[:, None])
                self.mean[j], self.scale[j] = scaler.mean_[0], scaler.scale_[0]
        return self

    def transform(self, y: Any, n_samples: int) -> np.ndarray:
        """Return standardised values.

        Parameters
        ----------
        y : None or array-like of shape (n_samples, n_columns)
            Partial targets.
        n_samples : int
            Number of rows.

        Returns
        -------
        quantities : float32 ndarray of shape (n_samples, n_quantities)
            NaN where missing.
        """
        if y is None or not self.columns:
            return np.full((n_samples, self.n_quantities), np.nan, dtype=np.float32)
        return self.standardised(self._values(y))

    def standardised(self, values: np.ndarray) -> np.ndarray:
        """Return values in units of their scales, counted from their means.

        Parameters
        ----------
        values : float64 ndarray of shape (n_samples, n_quantities)
            In the units of `y`.

        Returns
        -------
        quantities : float32 ndarray of shape (n_samples, n_quantities)
            NaN where missing.
        """
        return ((values - self.mean) / self.scale).astype(np.float32)

    def inverse(self, quantities: np.ndarray) -> np.ndarray:
        """Return values in their own units.

        Parameters
        ----------
        quantities : ndarray of shape (n_samples, n_quantities)
            Standardised values.

        Returns
        -------
        values : float64 ndarray of shape (n_samples, n_quantities)
            In the units of `y`.
        """
        return quantities.astype(np.float64) * self.scale + self.mean

    def rest(self, y: Any) -> Any:
        """Return the columns of `y` that belong to no continuous property.

        Parameters
        ----------
        y : None or array-like of shape (n_samples, n_columns)
            Partial targets.

        Returns
        -------
        rest : Columns, array-like or None
            For a :class:`~skfmvae.targets.PartialLabelEncoder`; None if there is none.
        """
        if y is None or not self.names:
            return y
        names, columns, n_dims = self._named(y)
        if not self.columns:
            return Columns(names, columns, n_dims)
        own = self._own_columns()
        left = [i for i, name in enumerate(names or []) if name not in own]
        if not left:
            return None
        kept = [(names or [])[i] for i in left]
        return Columns(kept, [columns[i] for i in left], 1 if len(left) == 1 else 2)

    def join(self, labels: np.ndarray | None, quantities: np.ndarray) -> np.ndarray:
        """Return labels and quantities in the order of the columns of `y` at `fit`.

        Parameters
        ----------
        labels : ndarray of shape (n_samples,) or (n_samples, n_labels), or None
            Values of the discrete properties of `y`.
        quantities : ndarray of shape (n_samples, n_quantities)
            Standardised values.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_columns)
            An object array if labels are no numbers, or too large to be exact floats.
        """
        if labels is not None and not (self.columns and self.order):
            return labels
        own = self._own_columns()
        values = dict(zip(own, self.inverse(quantities).T, strict=True))
        order = self.order or own
        others = [name for name in order if name not in values]
        if labels is not None:
            labels = labels.reshape(len(quantities), -1)
            values |= dict(zip(others, labels.T, strict=False))
        columns = [values[name] for name in order if name in values]
        if not all(map(_is_exact_as_float, columns)):
            columns = [column.astype(object) for column in columns]
        return columns[0] if len(columns) == 1 else np.stack(columns, axis=1)

    def values_of(self, properties: Mapping[str, Any], n_samples: int) -> np.ndarray:
        """Return the standardised values of rows with chosen properties.

        Parameters
        ----------
        properties : dict of str to array-like
            One value (a number, or one number per column) for all rows, or one for
            each row, where NaN or None chooses nothing; other names are ignored.
        n_samples : int
            Number of rows.

        Returns
        -------
        quantities : float32 ndarray of shape (n_samples, n_quantities)
            NaN where nothing is chosen.

        Raises
        ------
        ValueError
            If values have another shape, are no finite numbers or choose some columns
            of a property alone.
        """
        quantities = np.full((n_samples, self.n_quantities), np.nan)
        for name, block in self.blocks.items():
            if name in properties:
                n_columns = block.stop - block.start
                values = _chosen_values(properties[name], name, n_samples, n_columns)
                quantities[:, block] = (values - self.mean[block]) / self.scale[block]
                _check_chosen(name, values, quantities[:, block])
        return quantities.astype(np.float32)

    def _own_columns(self) -> list[str]:
        return [column for own in self.columns.values() for column in own]

    def _named(self, y: Any) -> Columns:
        """Return the columns of `y` with their names."""
        found, columns, n_dims = columns_of(y)
        if not self.names:
            return Columns(found, columns, n_dims)
        expected = self.order or self.names
        names = list(expected) if found is None else found
        if len(names) != len(columns) or not set(names) <= set(self.names):
            raise ValueError(
                f"y has {len(columns)} columns{f' {found}' if found else ''}; expected "
                f"are {expected}, the columns of the properties in graphical_model. "
                "Add missing ones there, or drop them from y; rename a column whose "
                "name differs, or give y as an array without names."
            )
        return Columns(names, columns, n_dims)

    def _values(self, y: Any) -> np.ndarray:
        names, columns, _ = self._named(y)
        by_name = dict(zip(names or [], columns, strict=True))
        values = np.full((len(columns[0]), self.n_quantities), np.nan)
        for j, name in enumerate(self._own_columns()):
            if name in by_name:
                values[:, j] = _numbers(by_name[name], name)
        for name, block in self.blocks.items():
            missing = np.isnan(values[:, block])
            partly = missing.any(axis=1) & ~missing.all(axis=1)
            if partly.any():
                raise ValueError(
                    f"property {name!r} of y is known in part in row "
                    f"{np.flatnonzero(partly)[0]}; give all of its columns "
                    f"{list(self.columns[name])}, or NaN in all of them."
                )
        return values


def is_quantity(column: np.ndarray) -> bool:
    """Return whether a column of `y` holds a quantity, by its values alone.

    Parameters
    ----------
    column : ndarray of shape (n_samples,)
        Of any dtype.

    Returns
    -------
    bool
        Whether its known entries are all numbers, and any of them is fractional.
    """
    if column.dtype.kind == "O":
        known = column[~missing_entries(column)]
        types = set(map(type, known))
        if not all(issubclass(t, Real) and not issubclass(t, bool) for t in types):
            return False
        if all(issubclass(t, Integral) for t in types):  # of any size
            return False
        column = known.astype(np.float64)
    if column.dtype.kind != "f":
        return False
    with np.errstate(invalid="ignore"):  # infinity is not fractional
        return bool((column % 1 > 0).any())


def _is_exact_as_float(column: np.ndarray) -> bool:
    """Return whether a column of numbers has none that a float would round."""
    if column.dtype.kind not in "iu":
        return column.dtype.kind == "f"
    return bool(np.abs(column.astype(np.float64)).max(initial=0) < 2**53)


def _floats(values: np.ndarray) -> np.ndarray:
    """Return values as floats, NaN where entries of an object array are missing."""
    if values.dtype.kind == "O" and values.ndim:
        missing = np.frompyfunc(is_missing, 1, 1)(values).astype(bool)
        values = np.where(missing, np.nan, values)
    if values.dtype.kind in "cmM":  # which NumPy would convert to floats
        raise TypeError(values.dtype.name)
    return values.astype(np.float64)


def _chosen_values(
    wanted: Any, name: str, n_samples: int, n_columns: int
) -> np.ndarray:
    """Return the chosen values of a property as floats, for all rows or for each."""
    try:
        values = _floats(as_array(wanted))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"property {name!r} is continuous and asked to be something else "
            f"({error}); give numbers."
        ) from error
    if n_columns == 1 and values.shape == (n_samples,):
        values = values[:, None]
    if values.shape not in {(), (n_columns,), (n_samples, n_columns)} or (
        values.ndim == 0 and n_columns > 1
    ):
        raise ValueError(
            f"property {name!r} has values of shape {values.shape}; give shape "
            f"({n_columns},) for all rows or ({n_samples}, {n_columns}), one "
            "for each."
        )
    return values


def _check_chosen(name: str, values: np.ndarray, standardised: np.ndarray) -> None:
    """Refuse values that are too far from the mean, infinite, or known in part."""
    is_far = np.abs(standardised) > FARTHEST
    far = np.extract(is_far, np.broadcast_to(values, standardised.shape))
    if far.size and np.isfinite(far).all():
        raise ValueError(
            f"property {name!r} is asked to be {far[0]}, more than "
            f"{FARTHEST:g} standard deviations from its mean; no row shows the effect "
            "of such a value."
        )
    missing = np.isnan(values)
    if values.ndim == 2:  # a row may choose nothing, but no part of a property
        missing &= ~missing.all(axis=1, keepdims=True)
    if np.isinf(values).any() or missing.any():
        raise ValueError(
            f"property {name!r} is asked to be NaN or infinite; give finite "
            "numbers, or leave the property out. Where each row has its own, "
            "all of a row may be NaN."
        )


def _numbers(column: np.ndarray, name: str) -> np.ndarray:
    """Return a column as floats, NaN where missing."""
    try:
        values = _floats(column)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"column {name!r} of y is a Continuous variable and holds something "
            f"else ({error}); make it numbers, NaN where unknown."
        ) from error
    too_large = np.flatnonzero(np.abs(values) > np.finfo(np.float32).max)
    if len(too_large):
        row = too_large[0]
        found = "infinity" if np.isinf(values[row]) else f"{values[row]}, too large,"
        raise ValueError(f"column {name!r} of y holds {found} in row {row}; remove it.")
    return values
