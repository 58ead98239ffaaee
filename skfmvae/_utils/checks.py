"""Checks of arguments and settings, with errors that name the value and the remedy."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from numbers import Integral
from typing import Any, NoReturn

import numpy as np
from sklearn.base import BaseEstimator

__all__ = [
    "FARTHEST",
    "check_choice",
    "check_size",
    "check_sizes",
    "check_whole",
    "refuse",
]

# Standard deviations from the mean at which values are clipped: no value of fewer than
# 1e12 rows is as far from their mean (Samuelson 1968), and squares stay finite.
FARTHEST = 1e6


def check_whole(name: str, value: Any, low: int, high: float = np.inf) -> None:
    """Refuse an argument that is no whole number in a range.

    Parameters
    ----------
    name : str
        Of the argument.
    value : object
        Its value.
    low : int
        The smallest allowed value.
    high : float, default=inf
        The largest allowed value.

    Raises
    ------
    ValueError
        If the value is no whole number or out of range.
    """
    if not isinstance(value, Integral) or not low <= int(value) <= high:
        span = f"of at least {low}" if high == np.inf else f"from {low} to {high}"
        raise ValueError(f"{name}={value!r} should be a whole number {span}.")


def check_size(settings: BaseEstimator, parameter: str) -> None:
    """Refuse a parameter that is no positive whole number.

    Parameters
    ----------
    settings : BaseEstimator
        The settings or the estimator that has the parameter.
    parameter : str
        Its name.

    Raises
    ------
    ValueError
        If the value is not allowed.
    """
    value = getattr(settings, parameter)
    if not _is_size(value):
        refuse(settings, parameter, value, "choose a positive whole number")


def check_sizes(settings: BaseEstimator, parameter: str, example: str) -> None:
    """Refuse a parameter that is no sequence of positive whole numbers.

    Parameters
    ----------
    settings : BaseEstimator
        The settings or the estimator that has the parameter.
    parameter : str
        Its name.
    example : str
        An allowed value, for the error.

    Raises
    ------
    ValueError
        If the value is not allowed.
    """
    values = getattr(settings, parameter)
    if not isinstance(values, Sequence) or not all(map(_is_size, values)):
        remedy = f"give positive whole numbers, such as {example}"
        refuse(settings, parameter, values, remedy)


def check_choice(
    settings: BaseEstimator, parameter: str, allowed: Collection[Any]
) -> None:
    """Refuse a parameter that is none of the allowed values.

    Parameters
    ----------
    settings : BaseEstimator
        The settings or the estimator that has the parameter.
    parameter : str
        Its name.
    allowed : collection of object
        The allowed values.

    Raises
    ------
    ValueError
        If the value is not allowed.
    """
    value = getattr(settings, parameter)
    if value not in list(allowed):
        refuse(settings, parameter, value, f"choose one of {list(allowed)}")


def refuse(
    settings: BaseEstimator, parameter: str, value: Any, remedy: str
) -> NoReturn:
    """Raise the error that names a parameter, its value and the remedy.

    Parameters
    ----------
    settings : BaseEstimator
        The settings or the estimator that has the parameter.
    parameter : str
        Its name.
    value : object
        Its value.
    remedy : str
        What to give instead.

    Raises
    ------
    ValueError
        Always.
    """
    name = type(settings).__name__
    raise ValueError(f"{name}: {parameter}={value!r} is not allowed; {remedy}.")


def _is_size(value: Any) -> bool:
    return isinstance(value, Integral) and int(value) > 0
