"""Classes that a user declares before they appear, and classes that appear later."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from .arrays import Columns, as_array, columns_of, default_names, narrowed
from .classes import (
    codes_by_value,
    distinct_values,
    labelled_values,
    with_placeholders,
)
from .labels import PartialLabelEncoder

__all__ = ["declared_classes", "unlabelled_columns", "with_new_classes"]


def declared_classes(classes: Any, y: Any) -> dict[str, np.ndarray]:
    """Return the classes that a user declares, by the names of properties.

    Parameters
    ----------
    classes : None, array-like, list of array-like, or dict of str to array-like
        Those of the only property, of each property, or by name.
    y : None or array-like of shape (n_samples,) or (n_samples, n_properties)
        Partial labels, which have the names.

    Returns
    -------
    declared : dict of str to ndarray
        Empty for None.

    Raises
    ------
    ValueError
        If there are more or fewer lists than columns of `y`, or a name is unknown.

    Examples
    --------
    >>> from skfmvae.targets import declared_classes
    >>> declared_classes([0, 1, 2], [1, -1])
    {'property_0': array([0, 1, 2])}
    """
    if classes is None:
        return {}
    if isinstance(classes, Mapping):
        given = {str(name): as_array(values) for name, values in classes.items()}
        names = list(given)
    else:
        several = isinstance(classes, list | tuple) and any(map(_is_list, classes))
        lists = [as_array(c) for c in (classes if several else [classes])]
        names = default_names(len(lists))
        if y is not None:
            names = columns_of(y).names or default_names(len(columns_of(y).columns))
        if len(names) != len(lists):
            raise ValueError(
                f"classes has {len(lists)} lists of classes, but y has the "
                f"{len(names)} columns {names}; give a list for each, or a dict by "
                "name."
            )
        given = dict(zip(names, lists, strict=True))
    for name, values in given.items():
        if values.ndim != 1 or not len(values):
            raise ValueError(
                f"classes of property {name!r} has shape {values.shape}; give a list "
                "of its values."
            )
    return {
        name: distinct_values(labelled_values(values, name)[1])[0]
        for name, values in given.items()
    }


def unlabelled_columns(declared: Mapping[str, np.ndarray], n_samples: int) -> Columns:
    """Return partial labels without a label, of properties whose classes are declared.

    Parameters
    ----------
    declared : dict of str to ndarray
        Classes by the names of the properties.
    n_samples : int
        Number of rows.

    Returns
    -------
    columns : Columns
        As `y` would have them.
    """
    columns = [np.full(n_samples, None, dtype=object) for _ in declared]
    return Columns(list(declared), columns, 1 if len(columns) == 1 else 2)


def with_new_classes(labels: PartialLabelEncoder, y: Any) -> PartialLabelEncoder:
    """Return an encoder that has components for the classes of further labels.

    A class that is new takes over a component without a label; the codes of all others
    stay.

    Parameters
    ----------
    labels : PartialLabelEncoder
        Fitted.
    y : None or array-like of shape (n_samples,) or (n_samples, n_properties)
        Partial labels of the same properties.

    Returns
    -------
    labels : PartialLabelEncoder
        The argument itself where no class is new.

    Raises
    ------
    ValueError
        If `y` has other columns, or more new classes than components without a label.

    Examples
    --------
    >>> from skfmvae.targets import PartialLabelEncoder, with_new_classes
    >>> encoder = PartialLabelEncoder().fit(["cat", None, "dog"], 3)
    >>> with_new_classes(encoder, ["ant"]).values[0].tolist()
    ['cat', 'dog', 'ant']
    """
    if y is None:
        return labels
    names, columns, _ = columns_of(y)
    labels._check_columns(names, len(columns))
    extended = copy.copy(labels)
    extended.classes, extended.values = list(labels.classes), list(labels.values)
    for k, column in enumerate(columns):
        name = labels.property_names[k]
        found, _ = distinct_values(labelled_values(column, name)[1])
        if len(found):
            extended.classes[k], extended.values[k] = _extended(
                name, labels.classes[k], labels.values[k], found
            )
    return extended


def _extended(name, classes, values, found):
    """Return the classes and the values of a property that has further labels."""
    known = set(classes.tolist())
    if set(found.tolist()) <= known:
        return classes, values
    if not known and _is_text(found) != _is_text(values):
        values = np.full(len(values), None)  # no number stands for a string
        codes = np.full(len(found), -2)
    else:
        what = f"property {name!r}"
        codes = codes_by_value(found.tolist(), values.tolist(), what, unknown=-2)
    new = [value for value, code in zip(found.tolist(), codes, strict=True) if code < 0]
    spare = [
        code
        for code, value in enumerate(values.tolist())
        if value not in known and code not in codes
    ]
    if len(new) > len(spare):
        raise ValueError(
            f"property {name!r} of y has the new classes {new}, but {len(spare)} "
            f"components without a label; its classes are {classes.tolist()}. Declare "
            "all classes at the first call, partial_fit(..., classes=...), or leave "
            "room for them with property_components."
        )
    filled = values.tolist()
    for code, value in zip(spare, new, strict=False):
        filled[code] = value
    if None in filled:
        return found, with_placeholders(name, found, len(values))
    is_class = known | set(found.tolist())
    classes = np.array([v for v in filled if v in is_class], dtype=object)
    return narrowed(classes), narrowed(np.array(filled, dtype=object))


def _is_text(values):
    return isinstance(values.tolist()[0], str)


def _is_list(values):
    return not isinstance(values, str) and np.ndim(values) == 1
