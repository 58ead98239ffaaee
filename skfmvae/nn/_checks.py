"""Clear errors for settings of networks that are not allowed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from numbers import Integral
from typing import Any

from sklearn.base import BaseEstimator

__all__ = ["check_choice", "check_size", "check_sizes", "refuse"]


def check_size(settings: BaseEstimator, parameter: str) -> None:
    """Refuse a parameter that is no positive whole number."""
    value = getattr(settings, parameter)
    if not _is_size(value):
        refuse(settings, parameter, value, "choose a positive whole number")


def check_sizes(settings: BaseEstimator, parameter: str, example: str) -> None:
    """Refuse a parameter that is no sequence of positive whole numbers."""
    values = getattr(settings, parameter)
    if not isinstance(values, Sequence) or not all(map(_is_size, values)):
        remedy = f"give positive whole numbers, such as {example}"
        refuse(settings, parameter, values, remedy)


def check_choice(
    settings: BaseEstimator, parameter: str, allowed: Collection[Any]
) -> None:
    """Refuse a parameter that is none of the allowed values."""
    value = getattr(settings, parameter)
    if value not in list(allowed):
        refuse(settings, parameter, value, f"choose one of {list(allowed)}")


def refuse(settings: BaseEstimator, parameter: str, value: Any, remedy: str) -> None:
    """Raise the error that names the parameter, its value and the remedy."""
    name = type(settings).__name__
    raise ValueError(f"{name}: {parameter}={value!r} is not allowed; {remedy}.")


def _is_size(value: Any) -> bool:
    return isinstance(value, Integral) and int(value) > 0
