"""Partial labels, and the integer codes of their values."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import DataConversionWarning

from skfmvae._utils.missing import is_unlabelled, missing_entries

from .arrays import columns_of, default_names
from .classes import (
    codes_by_value,
    distinct_values,
    labelled_values,
    with_placeholders,
)
from .diagnostics import doubtful_classes, doubtful_marks

__all__ = ["PartialLabelEncoder"]

# Components of a property without labels where property_components gives no number.
DISCOVERED_COMPONENTS = 10


class PartialLabelEncoder:
    """Integer codes of the values of several properties, any of which may be missing.

    The *code* of a value is its position among the values of its property, as for
    scikit-learn's ``LabelEncoder``; the code -1 stands for an unlabelled entry.

    An entry is unlabelled where it is None, NaN, ``pd.NA``, masked or the number -1.
    Values are booleans, whole numbers (also as floats) or strings, of one kind per
    column. Values that are equal in Python have one code: True, 1 and 1.0 are the same
    value, and no number equals a string. A column without any label is a *discovered*
    property; its values are the numbers of its components.

    Attributes
    ----------
    property_names : list of str
        Names of the columns, or "property_0", "property_1", ... where there are none.
    classes : list of ndarray
        The labels of each property, sorted; empty for a discovered one.
    values : list of ndarray of shape (property_components,)
        The value of each code of a property: its classes, then placeholders for
        components without a label.
    n_columns : int
        Number of columns of `y`; the properties after them are discovered.
    multi_output : bool
        Whether `y` had several columns.

    Examples
    --------
    >>> from skfmvae.targets import PartialLabelEncoder
    >>> y = ["cat", None, "dog", "cat"]
    >>> encoder = PartialLabelEncoder().fit(y, property_components=3)
    >>> encoder.transform(y).ravel()
    array([ 0, -1,  1,  0])
    >>> encoder.inverse([[1], [2]]).tolist()
    ['dog', 'new_1']
    """

    property_names: list[str]
    classes: list[np.ndarray]
    values: list[np.ndarray]
    n_columns: int
    multi_output: bool

    @property
    def n_outputs(self) -> int:
        """Number of properties to predict: the columns of `y`, or else the first."""
        return self.n_columns or min(1, len(self.property_names))

    def fit(
        self,
        y: Any,
        property_components: int | Mapping[str, int] | None = None,
        *,
        n_discovered: int = 0,
        discovered_names: Sequence[str] | None = None,
        declared: Mapping[str, np.ndarray] | None = None,
    ) -> PartialLabelEncoder:
        """Learn the properties and their values.

        Parameters
        ----------
        y : None or array-like of shape (n_samples,) or (n_samples, n_properties)
            Partial labels: a list, a NumPy array, or a pandas or polars series or
            frame. None stands for no column.
        property_components : int, dict of str to int or None, default=None
            Number of components of every property, or of the properties named; at
            least the number of its classes. None stands for the number of classes, or
            for 10 where a property has no label.
        n_discovered : int, default=0
            Number of discovered properties beside the columns of `y`, named
            "discovered_0", "discovered_1", ... Without `y` there is at least one.
        discovered_names : sequence of str or None, default=None
            Names of the discovered properties in place of `n_discovered`.
        declared : dict of str to ndarray or None, default=None
            The classes of some properties, sorted, in place of the labels of `y`.

        Returns
        -------
        PartialLabelEncoder
            Itself.

        Raises
        ------
        ValueError
            If `y` is empty, has more than two dimensions, has two columns of one name
            or a column of infinite, continuous or mixed values or of floats so large
            that whole numbers are rounded, or if a number of components is too small
            or given for an unknown property.

        Warns
        -----
        DataConversionWarning
            If `y` has two dimensions but one column; it counts as one-dimensional.
        """
        names, columns = _properties_of(y)
        if discovered_names is None:
            n_discovered = max(n_discovered, 1) if y is None else n_discovered
            discovered_names = [f"discovered_{i}" for i in range(n_discovered)]
        names = [*names, *discovered_names]
        _check_names(names, property_components, "property_components")
        declared = declared or {}
        _check_names(names, declared, "classes")
        self.property_names = names
        self.n_columns = len(columns)
        self.multi_output = self.n_columns > 1
        columns = [*columns, *[np.empty(0, dtype=int)] * len(discovered_names)]
        self.classes = []
        self.values = []
        for name, column in zip(names, columns, strict=True):
            classes = declared.get(name)
            if classes is None:
                classes, _ = distinct_values(labelled_values(column, name)[1])
            size = _n_components(name, classes, property_components)
            self.classes.append(classes)
            self.values.append(with_placeholders(name, classes, size))
        return self

    def warn(self, y: Any) -> None:
        """Warn of classes that are rarely meant, once for each column.

        Parameters
        ----------
        y : None or array-like of shape (n_samples,) or (n_samples, n_properties)
            The labels that were passed to `fit`.

        Warns
        -----
        UserWarning
            If a column has labels of one class only, if more than half of more than 20
            labelled rows have a number of their own, as quantities do, or of more than
            50 numbers each is the label of fewer than ten rows, or if -1, which marks
            unlabelled entries, stands beside other negative numbers.
        """
        self._warn(y, doubtful_classes)

    def warn_of_marks(self, y: Any) -> None:
        """Warn where labels to score by may be -1 and 1 for the 0 and 1 of `fit`.

        Parameters
        ----------
        y : None or array-like of shape (n_samples,) or (n_samples, n_properties)
            Partial labels of the properties that were fitted.

        Warns
        -----
        UserWarning
            If a column holds 1 and -1 alone, where the classes are 0 and 1.
        """
        self._warn(y, doubtful_marks)

    def transform(
        self, y: Any, n_samples: int | None = None, *, unknown: int | None = None
    ) -> np.ndarray:
        """Encode partial labels.

        Parameters
        ----------
        y : None or array-like of shape (n_samples,) or (n_samples, n_properties)
            Partial labels of the properties that were fitted; None for no label.
        n_samples : int, default=None
            Number of rows, needed where `y` is None.
        unknown : int, default=None
            Code of values that `values` lacks; a number among strings and a string
            among numbers are refused. None refuses all such values.

        Returns
        -------
        codes : int64 ndarray of shape (n_samples, n_properties)
            The code of each label, -1 where unlabelled.

        Raises
        ------
        ValueError
            If `y` has other columns than at `fit` or a value that `values` lacks.
        """
        n_properties = len(self.property_names)
        if y is None:
            if n_samples is None:
                raise ValueError("y=None has no number of rows; give n_samples too.")
            return np.full((n_samples, n_properties), -1, dtype=np.int64)
        names, columns, _ = columns_of(y)
        self._check_columns(names, len(columns))
        codes = np.full((len(columns[0]), n_properties), -1, dtype=np.int64)
        for k, column in enumerate(columns):
            name = self.property_names[k]
            labelled, values = labelled_values(column, name)
            distinct, positions = distinct_values(values)
            codes[labelled, k] = self._codes(k, distinct.tolist(), unknown)[positions]
        return codes

    def inverse(self, codes: ArrayLike) -> np.ndarray:
        """Return the values of codes.

        Parameters
        ----------
        codes : int array-like of shape (n_samples, n_outputs)
            Positions in `values`; for one property also of shape (n_samples,).

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_properties)
            One-dimensional if `y` was. Columns of different dtypes give an object
            array.

        Raises
        ------
        ValueError
            If a code has no value or the number of columns is wrong.
        """
        codes = np.asarray(codes)
        codes = codes[:, None] if codes.ndim == 1 else codes
        if codes.shape[1] != self.n_outputs:
            raise ValueError(
                f"codes has {codes.shape[1]} columns; expected are {self.n_outputs}."
            )
        columns = []
        for k, column in enumerate(codes.T):
            values = self.values[k]
            wrong = column[(column < 0) | (column >= len(values))]
            if wrong.size:
                raise ValueError(
                    f"property {self.property_names[k]!r} has no code {wrong[0]}; its "
                    f"codes go from 0 to {len(values) - 1}."
                )
            columns.append(values[column])
        if not self.multi_output:
            return columns[0]
        one_dtype = len({column.dtype for column in columns}) == 1
        if one_dtype or all(column.dtype.kind == "U" for column in columns):
            return np.stack(columns, axis=1)
        return np.stack([column.astype(object) for column in columns], axis=1)

    def code_of(self, property_name: str, value: Any) -> int:
        """Return the code of one value.

        Parameters
        ----------
        property_name : str
            One of `property_names`.
        value : bool, int, float or str
            One of the property's `values`, or equal to it.

        Returns
        -------
        int

        Raises
        ------
        ValueError
            If there is no such property or no such value.
        """
        return int(self._codes(self._position(property_name), [value])[0])

    def codes_of(self, properties: Mapping[str, Any], n_samples: int) -> np.ndarray:
        """Return codes for rows with chosen properties.

        Parameters
        ----------
        properties : dict of str to value or array-like of shape (n_samples,)
            One value for all rows, or one for each; an unlabelled entry, such as None,
            chooses nothing for its row.
        n_samples : int
            Number of rows.

        Returns
        -------
        codes : int64 ndarray of shape (n_samples, n_properties)
            -1 where nothing is chosen.

        Raises
        ------
        ValueError
            If a property or a value is unknown, or values are not one per row.
        """
        codes = np.full((n_samples, len(self.property_names)), -1, dtype=np.int64)
        for name, value in properties.items():
            if isinstance(value, str) or np.ndim(value) == 0:
                value = value.item() if hasattr(value, "item") else value
                codes[:, self._position(name)] = self.code_of(name, value)
                continue
            _, columns, _ = columns_of(value)
            if len(columns) > 1:
                raise ValueError(
                    f"property {name!r} has {len(columns)} columns of values; give one "
                    "value, or one for each row."
                )
            wanted = columns[0].tolist()
            if len(wanted) != n_samples:
                raise ValueError(
                    f"property {name!r} has {len(wanted)} values for {n_samples} rows; "
                    "give one value, or one for each row."
                )
            k = self._position(name)
            chosen = [i for i, value in enumerate(wanted) if not is_unlabelled(value)]
            codes[chosen, k] = self._codes(k, [wanted[i] for i in chosen])
        return codes

    def _warn(self, y: Any, doubt: Callable[..., str | None]) -> None:
        columns = [] if y is None else columns_of(y).columns
        # Discovered properties have no column.
        for name, classes, column in zip(
            self.property_names, self.classes, columns, strict=False
        ):
            message = doubt(classes.tolist(), column, name)
            if message:
                warnings.warn(f"property {name!r} of y {message}", stacklevel=3)

    def _position(self, name: str) -> int:
        if name not in self.property_names:
            raise ValueError(
                f"there is no property {name!r}; the properties are "
                f"{self.property_names}."
            )
        return self.property_names.index(name)

    def _codes(
        self, k: int, wanted: Sequence[Any], unknown: int | None = None
    ) -> np.ndarray:
        what = f"property {self.property_names[k]!r}"
        return codes_by_value(wanted, self.values[k].tolist(), what, unknown)

    def _check_columns(self, names: list[str] | None, n_columns: int) -> None:
        expected = self.property_names[: self.n_columns]
        if n_columns != self.n_columns:
            raise ValueError(
                f"y has {n_columns} columns{f' {names}' if names else ''}; expected "
                f"are the {self.n_columns} of fit, {expected}."
            )
        was_named = expected != default_names(n_columns)
        if names is not None and was_named and names != expected:
            raise ValueError(
                f"y has the columns {names}; expected are those of fit, in their "
                f"order: {expected}."
            )


def _properties_of(y: Any) -> tuple[list[str], list[np.ndarray]]:
    """Return the names of the columns of partial labels, and the columns."""
    names, columns, n_dims = ([], [], 1) if y is None else columns_of(y)
    if n_dims == 2 and len(columns) == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please "
            "change the shape of y to (n_samples,), for example using ravel().",
            DataConversionWarning,
            stacklevel=3,
        )
    if columns and all(
        column.dtype.kind == "f" and missing_entries(column).all() for column in columns
    ):
        raise ValueError(
            "y holds nothing but NaN, which is rarely meant; pass y=None, or -1 "
            "everywhere, to fit without labels."
        )
    return names or default_names(len(columns)), columns


def _check_names(names: list[str], by_name: Any, parameter: str) -> None:
    if len(set(names)) < len(names):
        raise ValueError(
            f"y has a column named like a discovered property: {names}; rename it."
        )
    if isinstance(by_name, Mapping):
        unknown = sorted(by_name.keys() - set(names))
        if unknown:
            raise ValueError(
                f"{parameter} names the unknown properties {unknown}; the "
                f"properties are {names}."
            )


def _n_components(
    name: str,
    classes: np.ndarray,
    property_components: int | Mapping[str, int] | None,
) -> int:
    """Return how many components a property has."""
    size = property_components
    if isinstance(property_components, Mapping):
        size = property_components.get(name)
    if size is None:
        return len(classes) or DISCOVERED_COMPONENTS
    if not isinstance(size, Integral) or isinstance(size, bool) or int(size) < 1:
        raise ValueError(
            f"property_components={size!r} is not allowed for property {name!r}; "
            "choose a positive whole number."
        )
    if int(size) < len(classes):
        raise ValueError(
            f"property_components={size} is too small for property {name!r}, which has "
            f"{len(classes)} classes; raise it, or leave it at None."
        )
    return int(size)
