"""Draws of combinations of factors, and combinations to hold out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from reprlib import repr as short  # of lists that may be long
from typing import Any, TypeAlias

import numpy as np

__all__ = ["Combinations", "draw_combinations"]

Combinations: TypeAlias = Sequence[Mapping[str, Any]]


def draw_combinations(
    n_samples: int | None,
    factors: Mapping[str, Sequence[Any]],
    *,
    only: Combinations | None,
    exclude: Combinations | None,
    random_state: np.random.RandomState,
    hint: str = "",
) -> np.ndarray:
    """Return combinations that are drawn uniformly from those that are allowed.

    Parameters
    ----------
    n_samples : int or None
        Number of rows. None gives each allowed combination once, the last factor
        changing fastest.
    factors : dict of str to sequence
        The values of each factor, encoded from 0; a value that is a string may be
        given by its name.
    only : list of dict or None
        Combinations to allow: those with all values of any of the dicts. None allows
        all combinations.
    exclude : list of dict or None
        Combinations to exclude, in the same form.
    random_state : RandomState instance
        Source of the draws.
    hint : str, default=""
        What to add to the names of the factors in an error.

    Returns
    -------
    codes : int64 ndarray of shape (n_samples, n_factors)
        The encoded value of each factor.

    Raises
    ------
    ValueError
        If `only` or `exclude` names an unknown factor or value, or if they leave no
        combination.
    """
    counts = [len(values) for values in factors.values()]
    is_allowed = np.ones(counts, dtype=bool)
    if only is not None:
        is_allowed &= _matches("only", only, factors, hint)
    if exclude is not None:
        is_allowed &= ~_matches("exclude", exclude, factors, hint)
    allowed = np.flatnonzero(is_allowed)
    if not len(allowed):
        raise ValueError(
            f"only={short(only)} and exclude={short(exclude)} leave no combination; "
            "allow more."
        )
    if n_samples is not None:
        allowed = allowed[random_state.randint(len(allowed), size=n_samples)]
    return np.column_stack(np.unravel_index(allowed, counts)).astype(np.int64)


def _matches(parameter, combinations, factors, hint):
    """Return a grid of all combinations, True where any of the dicts matches."""
    if not isinstance(combinations, Sequence) or not all(
        isinstance(combination, Mapping) for combination in combinations
    ):
        example = {name: values[0] for name, values in list(factors.items())[:2]}
        raise ValueError(
            f"{parameter}={short(combinations)} should be a list of dicts, such as "
            f"{[example]}."
        )
    matches = np.zeros([len(values) for values in factors.values()], dtype=bool)
    for combination in combinations:
        index = dict.fromkeys(factors, slice(None))
        for name, value in combination.items():
            if name not in factors:
                raise ValueError(
                    f"{parameter} names {name!r}; name some of "
                    f"{', '.join(factors)}{hint}."
                )
            index[name] = _code(parameter, name, value, factors[name])
        matches[tuple(index.values())] = True
    return matches


def _code(parameter, name, value, values):
    if isinstance(value, str) and value in values:
        return values.index(value)
    if not isinstance(value, Integral) or not 0 <= int(value) < len(values):
        names = f", or one of {', '.join(values)}" if isinstance(values[0], str) else ""
        raise ValueError(
            f"{parameter} has {name}={value!r}, which should be a whole number from 0 "
            f"to {len(values) - 1}{names}."
        )
    return int(value)
