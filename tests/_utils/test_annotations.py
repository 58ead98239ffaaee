from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from skfmvae._utils.annotations import check_attributes, is_of_type


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (1, int),
        (np.int8(1), int),
        (1, float),
        (np.float32(1), float),
        (None, None),
        (None, int | None),
        (object(), Any),
        ([], list[int]),
        ([1, 2], Sequence[int]),
        (np.arange(3), Sequence[int]),
        ((1, "a"), tuple[int, str]),
        ((1, 2, 3), tuple[int, ...]),
        ({"a": [None, 1.0]}, Mapping[str, list[float | None]]),
        (len, Callable[..., int]),
        (np.arange(3), np.ndarray),
    ],
)
def test_values_of_a_type(value, hint):
    assert is_of_type(value, hint)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (True, int),
        (np.bool_(True), float),
        (1.0, int),
        ("1", int),
        (None, int),
        (0, bool),
        ("ab", Sequence[str]),
        (["a", 1], list[str]),
        ((1,), list[int]),
        ((1, "a", 2), tuple[int, str]),
        ((1, "a"), tuple[int, ...]),
        ({1: "a"}, dict[str, str]),
        ({"a": 1}, dict[str, str]),
        ([], dict[str, str]),
        ([1], np.ndarray),
    ],
)
def test_values_of_another_type(value, hint):
    assert not is_of_type(value, hint)


@dataclass
class Point:
    x: float
    tags: tuple[str, ...] = ()


def test_attributes_are_those_that_have_an_annotation():
    point = Point(1.0)
    point.note = object()
    check_attributes(point)
    with pytest.raises(ValueError, match=r"Point has tags=\(1,\)"):
        check_attributes(Point(2, (1,)))
