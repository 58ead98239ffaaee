"""Whether attributes have the types that their class says they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

__all__ = ["check_attributes", "is_of_type"]


def check_attributes(value: Any) -> None:
    """Check the attributes of an object for which its class has an annotation.

    Parameters
    ----------
    value : object
        Of any class.

    Raises
    ------
    ValueError
        If one of them is of another type.
    """
    for name, hint in get_type_hints(type(value)).items():
        if name in vars(value) and not is_of_type(vars(value)[name], hint):
            kind = type(value).__name__
            raise ValueError(f"{kind} has {name}={vars(value)[name]!r:.80}")


def is_of_type(value: Any, hint: Any) -> bool:
    """Return whether an object, with all that it holds, is of a type.

    Parameters
    ----------
    value : object
        The object.
    hint : type or annotation
        An int is a whole number of any library and no bool, a float any real number,
        and a sequence may be an array. What has no simple meaning counts as fitting.

    Returns
    -------
    bool
        Whether it is.

    Examples
    --------
    >>> from skfmvae._utils.annotations import is_of_type
    >>> is_of_type({"a": [1, 2]}, dict[str, list[int]])
    True
    >>> is_of_type({"a": [1, "2"]}, dict[str, list[int]])
    False
    """
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind is Any:
        return True
    if kind in (Union, UnionType):
        return any(is_of_type(value, one) for one in inner)
    if kind in (None, NoneType):
        return value is None
    if kind in (int, float):
        number = Integral if kind is int else Real
        return isinstance(value, number) and not isinstance(value, bool | np.bool_)
    if kind is Sequence:
        is_sequence = isinstance(value, list | tuple | np.ndarray)
        return is_sequence and _all_of(value, inner)
    if kind is list:
        return isinstance(value, list) and _all_of(value, inner)
    if kind is tuple and inner and inner[-1] is not Ellipsis:
        return (
            isinstance(value, tuple)
            and len(value) == len(inner)
            and all(map(is_of_type, value, inner))
        )
    if kind is tuple:
        return isinstance(value, tuple) and _all_of(value, inner[:1])
    if kind in (dict, Mapping):
        keys, values = (inner[:1], inner[1:])
        return isinstance(value, dict) and (
            _all_of(value.keys(), keys) and _all_of(value.values(), values)
        )
    return not isinstance(kind, type) or isinstance(value, kind)


def _all_of(values: Any, inner: tuple[Any, ...]) -> bool:
    return not inner or all(is_of_type(value, inner[0]) for value in values)
