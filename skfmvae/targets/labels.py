"""Partial labels to integer codes and back."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import count, islice
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import DataConversionWarning

__all__ = [
    "Columns",
    "PartialLabelEncoder",
    "as_array",
    "columns_of",
    "narrowed",
    "positions_of",
]

# Components of a property without labels, unless somebody says otherwise.
DISCOVERED_COMPONENTS = 10

KINDS = {
    "bool": (bool, np.bool_),
    "number": (int, float, np.integer, np.floating),
    "str": (str,),
}

# Numbers are more classes than are meant, as a rule, from so many on with so few labels
# each. scikit-learn warns of fewer than two labels a class.
MANY_CLASSES, FEW_LABELS = 50, 10

RECODE = (
    "-1 marks unlabelled entries; if it is a class, recode the column, for instance to "
    "0 and 1 or to strings."
)

IF_QUANTITY = (
    "If it is a quantity, make it a Continuous variable in the graph of a "
    "SemiSupervisedVAE"
)


class Columns(NamedTuple):
    """The columns of partial targets, their names if any, and their dimensions."""

    names: list[str] | None
    columns: list[np.ndarray]
    n_dims: int


class PartialLabelEncoder:
    """Codes for the values of several properties, any of which may be missing.

    An entry is unlabelled where it is None, NaN, ``pd.NA`` or masked, and where it is
    the number -1. Values are booleans, whole numbers (also as floats) or strings, of
    one kind per column. After `fit`, values are the same where Python has them equal:
    True, 1 and 1.0 are one value, and no number equals a string. A column without any
    label is a *discovered* property, whose values are the numbers of its components.

    Attributes
    ----------
    property_names : list of str
        Names of the columns, or "property_0", "property_1", ... where there are none.
    classes : list of ndarray
        The values of each property that occur, sorted; empty for a discovered one.
    values : list of ndarray of shape (property_components,)
        The value that each code of a property stands for: its classes, then
        placeholders for classes that nobody labelled.
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
    ) -> PartialLabelEncoder:
        """Learn the properties and their values.

        Parameters
        ----------
        y : None or array-like of shape (n_samples,) or (n_samples, n_properties)
            Partial labels: a list, a NumPy array, or a pandas or polars series or
            frame. None is no column at all.
        property_components : int, dict of str to int or None, default=None
            Number of components of every property, or of the properties named; at
            least the number of its classes, which is what None stands for, or 10 where
            a property has no label.
        n_discovered : int, default=0
            Number of discovered properties beside the columns of `y`, named
            "discovered_0", "discovered_1", ... Without `y` there is at least one.
        discovered_names : sequence of str or None, default=None
            Names of the discovered properties in place of `n_discovered`.

        Returns
        -------
        PartialLabelEncoder
            Itself.

        Raises
        ------
        ValueError
            If `y` is empty, has more than two dimensions, has two columns of one name
            or a column of infinite, continuous or mixed values or of floats too large
            to tell whole numbers apart, or if a number of components is too small or
            given for an unknown property.

        Warns
        -----
        DataConversionWarning
            If `y` has two dimensions but one column; it counts as one-dimensional.
        """
        names, columns, n_dims = ([], [], 1) if y is None else columns_of(y)
        if n_dims == 2 and len(columns) == 1:
            warnings.warn(
                "A column-vector y was passed when a 1d array was expected. Please "
                "change the shape of y to (n_samples,), for example using ravel().",
                DataConversionWarning,
                stacklevel=2,
            )
        if columns and all(map(_is_nan, columns)):
            raise ValueError(
                "y holds nothing but NaN, which is rarely meant; pass y=None, or -1 "
                "everywhere, to fit without labels."
            )
        names = names or _default_names(len(columns))
        if discovered_names is None:
            n_discovered = max(n_discovered, 1) if y is None else n_discovered
            discovered_names = [f"discovered_{i}" for i in range(n_discovered)]
        names = [*names, *discovered_names]
        columns = [*columns, *[np.empty(0, dtype=int)] * len(discovered_names)]
        if len(set(names)) < len(names):
            raise ValueError(
                f"y has a column named like a discovered property: {names}; rename it."
            )
        if isinstance(property_components, Mapping):
            unknown = sorted(property_components.keys() - set(names))
            if unknown:
                raise ValueError(
                    f"property_components names the unknown properties {unknown}; the "
                    f"properties are {names}."
                )
        self.property_names = names
        self.n_columns = len(columns) - len(discovered_names)
        self.multi_output = self.n_columns > 1
        self.classes = []
        self.values = []
        for name, column in zip(names, columns, strict=True):
            classes, _ = _distinct(_labelled(column, name)[1])
            size = _n_components(name, classes, property_components)
            self.classes.append(classes)
            self.values.append(_with_placeholders(name, classes, size))
        return self

    def warn(self, y: Any) -> None:
        """Warn of classes that are rarely meant, once for each column.

        Parameters
        ----------
        y : None or array-like of shape (n_samples,) or (n_samples, n_properties)
            What `fit` got.

        Warns
        -----
        UserWarning
            If a column has labels of one class only, if more than half of more than 20
            labelled rows have a number of their own, as quantities do, or of more than
            50 numbers each is the label of fewer than ten rows, or if -1, which marks
            unlabelled entries, is found beside other negative numbers.
        """
        columns = [] if y is None else columns_of(y).columns
        # of discovered properties there is no column
        for name, classes, column in zip(
            self.property_names, self.classes, columns, strict=False
        ):
            message = _doubt(classes.tolist(), column, name)
            if message:
                warnings.warn(f"property {name!r} of y {message}", stacklevel=2)

    def warn_of_marks(self, y: Any) -> None:
        """Warn where labels that are scored may be -1 and 1 for the 0 and 1 of `fit`.

        Parameters
        ----------
        y : None or array-like of shape (n_samples,) or (n_samples, n_properties)
            Partial labels of the properties that were fitted.

        Warns
        -----
        UserWarning
            If 1 and -1 are all that a column holds, where the classes are 0 and 1.
        """
        columns = [] if y is None else columns_of(y).columns
        for name, known, column in zip(
            self.property_names, self.classes, columns, strict=False
        ):
            seen = _distinct(_labelled(column, name)[1])[0].tolist()
            if seen == [1] and known.tolist() == [0, 1] and _has_marks(column):
                message = f"property {name!r} of y has {seen[0]!r} and -1. {RECODE}"
                warnings.warn(message, stacklevel=2)

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
            Code of values that `values` lacks, but might have: no number is a string.
            None refuses them all.

        Returns
        -------
        codes : int64 ndarray of shape (n_samples, n_properties)
            Positions in `values`, -1 where unlabelled.

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
            labelled, values = _labelled(column, name)
            distinct, positions = _distinct(values)
            codes[labelled, k] = self._codes(k, distinct.tolist(), unknown)[positions]
        return codes

    def inverse(self, codes: ArrayLike) -> np.ndarray:
        """Return the values that codes stand for.

        Parameters
        ----------
        codes : int array-like of shape (n_samples, n_outputs)
            Positions in `values`; for one property (n_samples,) will do.

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
        """Return the codes of rows with chosen properties.

        Parameters
        ----------
        properties : dict of str to value or array-like of shape (n_samples,)
            One value for all rows, or one for each; entries that are unlabelled, such
            as None, choose nothing for their row.
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
            chosen = [i for i, value in enumerate(wanted) if not _is_unlabelled(value)]
            codes[chosen, k] = self._codes(k, [wanted[i] for i in chosen])
        return codes

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
        return positions_of(wanted, self.values[k].tolist(), what, unknown)

    def _check_columns(self, names: list[str] | None, n_columns: int) -> None:
        expected = self.property_names[: self.n_columns]
        if n_columns != self.n_columns:
            raise ValueError(
                f"y has {n_columns} columns{f' {names}' if names else ''}; expected "
                f"are the {self.n_columns} of fit, {expected}."
            )
        was_named = expected != _default_names(n_columns)
        if names is not None and was_named and names != expected:
            raise ValueError(
                f"y has the columns {names}; expected are those of fit, in their "
                f"order: {expected}."
            )


def columns_of(y: Any) -> Columns:
    """Return the columns of partial targets, which are checked.

    Parameters
    ----------
    y : array-like or Columns
        Of one or two dimensions.

    Returns
    -------
    Columns

    Raises
    ------
    ValueError
        If `y` is empty, has more than two dimensions or two columns of one name.
    """
    if isinstance(y, Columns):
        return y
    names = None
    if hasattr(y, "columns"):  # a pandas or polars frame
        names = [str(name) for name in y.columns]
        if len(set(names)) < len(names):
            raise ValueError(f"y has several columns of one name: {names}.")
        columns = [_series_to_array(y[name]) for name in y.columns]
        n_dims = 2
    elif hasattr(y, "to_list"):  # a pandas or polars series
        if y.name is not None and y.name != "":
            names = [str(y.name)]
        columns = [_series_to_array(y)]
        n_dims = 1
    else:
        array = as_array(y)
        n_dims = array.ndim
        if n_dims not in (1, 2):
            raise ValueError(
                f"y has {n_dims} dimensions; give shape (n_samples,) or (n_samples, "
                "n_properties)."
            )
        columns = [array] if n_dims == 1 else list(array.T)
    if not columns or not len(columns[0]):
        raise ValueError("y is empty; give one row of labels per row of X.")
    return Columns(names, columns, n_dims)


def positions_of(
    wanted: Sequence[Any],
    values: Sequence[Any],
    what: str,
    unknown: int | None = None,
) -> np.ndarray:
    """Return the positions of values among others, which are found by equality.

    Parameters
    ----------
    wanted : sequence of object
        What to look for.
    values : sequence of bool, int, float or str
        Where to look, of one kind.
    what : str
        Whose values they are, for errors.
    unknown : int, default=None
        Code of what is not found, if it is of a kind that might be; None refuses it.

    Returns
    -------
    codes : int64 ndarray of shape (n_wanted,)

    Raises
    ------
    ValueError
        If a value is not found, or is a number among strings or the reverse.
    """
    # What is equal hashes alike: True, 1, 1.0 and np.int8(1) find each other.
    known = {value: code for code, value in enumerate(values)}
    codes = np.empty(len(wanted), dtype=np.int64)
    for i, value in enumerate(wanted):
        code = known.get(value, unknown) if isinstance(value, Hashable) else None
        is_alike = isinstance(value, str) == isinstance(values[0], str)
        if code is None or not is_alike:
            hint = ""
            if _is_unlabelled(value):
                hint = " Leave the property out to choose none."
            elif not is_alike:
                hint = " No number equals a string; give values of one kind."
            raise ValueError(
                f"{what} has no value {value!r}; its values are {_shorten(values)}."
                f"{hint}"
            )
        codes[i] = code
    return codes


def as_array(y: Any) -> np.ndarray:
    """Return an array-like as an array that keeps all of its values apart.

    Parameters
    ----------
    y : array-like
        Of any dimensions.

    Returns
    -------
    array : ndarray
        Of strings or objects where `y` is a list, and of objects where an entry is
        masked, which is None then.
    """
    if isinstance(y, np.ma.MaskedArray):
        y = y.tolist() if np.ma.is_masked(y) else y.data
    if not isinstance(y, list | tuple):
        return np.asarray(y)
    # left to itself, NumPy makes strings of everything beside a string
    array = np.array(_unmasked(y), dtype=object)
    strings = all(issubclass(type_, str) for type_ in set(map(type, array.flat)))
    return narrowed(array) if array.size and strings else array


def narrowed(values: np.ndarray) -> np.ndarray:
    """Return objects in the dtype that NumPy has for them, if it keeps every value.

    Parameters
    ----------
    values : object ndarray
        Such as strings, of which NumPy strips null characters at the end, or whole
        numbers, which it rounds beside floats.

    Returns
    -------
    values : ndarray
        The same array where a value would be another.
    """
    array = np.array(values.tolist())
    return array if array.tolist() == values.tolist() else values


def _unmasked(y: Any) -> Any:
    """Return nested lists with None for what is masked in them."""
    if isinstance(y, np.ma.MaskedArray):
        return y.tolist()
    nested = (list, tuple, np.ma.MaskedArray)
    if isinstance(y, list | tuple) and any(
        issubclass(type_, nested) for type_ in set(map(type, y))
    ):
        return list(map(_unmasked, y))
    return y


def _is_nan(column: np.ndarray) -> bool:
    return column.dtype.kind == "f" and bool(np.isnan(column).all())


def _series_to_array(series: Any) -> np.ndarray:
    if isinstance(series.dtype, np.dtype):
        return np.asarray(series)
    # a dtype of its own, whose missing values NumPy could only hold as objects
    return np.fromiter(series.to_list(), dtype=object, count=len(series))


def _labelled(column: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a mask of the labelled entries, and their values."""
    kind = column.dtype.kind
    if kind in "OT":
        labelled, values = _labelled_objects(column.astype(object), name)
    elif kind in "bU":
        labelled, values = np.ones(len(column), dtype=bool), column
    elif kind in "iuf":
        labelled = (column != -1) & ~np.isnan(column)
        values = column[labelled]
    else:
        raise _unknown_label_type(column.dtype.name, name)
    if values.dtype.kind == "f":
        _check_floats(values, name)
    return labelled, values


def _check_floats(values: np.ndarray, name: str) -> None:
    if np.isinf(values).any():
        raise ValueError(f"property {name!r} of y holds infinity; remove it.")
    fractions = values[values != np.floor(values)]
    if fractions.size:
        found = f"continuous ({fractions[0]})"
        raise _unknown_label_type(found, name, f" {IF_QUANTITY}.")
    rounded = values[np.abs(values) >= _n_exact(values.dtype)]
    if rounded.size:
        raise ValueError(
            f"property {name!r} of y holds {rounded[0]} as {values.dtype.name}, which "
            "cannot keep whole numbers of this size apart; give integers or strings."
        )


def _n_exact(dtype: Any) -> int:
    """Return the least number that a larger one may have been rounded to."""
    return 2 ** (np.finfo(dtype).nmant + 1)


def _labelled_objects(column: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        unlabelled = {value for value in set(column) if _is_unlabelled(value)}
    except TypeError:  # a list, say: it has no hash
        raise _unknown_label_type("sequence", name) from None
    # sets and types rather than arrays: NumPy cannot compare with ``pd.NA``
    labelled = ~np.fromiter(map(unlabelled.__contains__, column), bool, len(column))
    values = column[labelled]
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
        return labelled, values
    # as Python's own numbers, which are compared exactly
    values = np.array(
        [v.item() if isinstance(v, np.generic) else v for v in values], dtype=object
    )
    types_of_floats = (float, np.floating)
    floats = [v for v in values if isinstance(v, types_of_floats)]
    _check_floats(np.array(floats, dtype=float), name)
    array = narrowed(values)
    is_rounded = array.dtype.kind == "f" and abs(array).max() >= _n_exact(array.dtype)
    return labelled, values if is_rounded else array


def _is_unlabelled(value: Any) -> bool:
    if isinstance(value, KINDS["number"]):
        return bool(value == -1 or value != value)
    # by name, so that pandas need not be there
    return value is None or type(value).__name__ in {"NAType", "NaTType"}


def _kind(type_: type) -> str:
    for kind, types in KINDS.items():  # "bool" first, for bool is an int
        if issubclass(type_, types):
            return kind
    return type_.__name__


def _unknown_label_type(found: str, name: str, hint: str = "") -> ValueError:
    # begins as scikit-learn's message does
    return ValueError(
        f"Unknown label type: {found}. The labels of property {name!r} of y must be "
        f"whole numbers, strings or booleans.{hint}"
    )


def _doubt(classes: list[Any], column: np.ndarray, name: str) -> str | None:
    """Return what is rarely meant about the classes of a column."""
    if not classes:
        return None
    is_number = _kind(type(classes[0])) == "number"
    n_labelled = int(_labelled(column, name)[0].sum())
    n_classes = len(classes)
    if n_classes == 1:
        remedy = RECODE if _has_marks(column) else "Label rows of other classes too."
        return f"has labels of one class only, {classes[0]!r}. {remedy}"
    # the first as scikit-learn's check_classification_targets has it
    is_many = n_labelled > 20 and n_classes > round(0.5 * n_labelled)
    is_many |= n_classes > MANY_CLASSES and n_labelled < FEW_LABELS * n_classes
    if is_number and is_many:
        return (
            f"has {n_classes} classes on {n_labelled} labelled rows. {IF_QUANTITY}; "
            "if these are classes, write them as strings."
        )
    if is_number and _has_marks(column) and classes[0] < 0:
        return f"has the class {classes[0]!r} beside -1. {RECODE}"
    return None


def _has_marks(column: np.ndarray) -> bool:
    """Return whether the number -1 is in a column."""
    return any(
        isinstance(value, KINDS["number"]) and value == -1 for value in set(column)
    )


def _distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct values, sorted, and the position of each value in them."""
    if values.dtype != object:
        distinct, positions = np.unique(values, return_inverse=True)
        return distinct, positions
    distinct = np.array(sorted(set(values)), dtype=object)
    position = {value: i for i, value in enumerate(distinct)}
    return distinct, np.fromiter(map(position.get, values), np.int64, len(values))


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


def _with_placeholders(name: str, classes: np.ndarray, size: int) -> np.ndarray:
    """Return the classes and, up to `size`, values for classes not yet seen."""
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
        first = max(int(classes[-1]) + 1, 0)  # -1 would say unlabelled
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


def _default_names(n_columns: int) -> list[str]:
    return [f"property_{k}" for k in range(n_columns)]


def _shorten(values: Sequence[Any], n: int = 20) -> str:
    shown = ", ".join(map(repr, values[:n]))
    return shown if len(values) <= n else f"{shown}, ... ({len(values)} in all)"
