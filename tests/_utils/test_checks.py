"""Checks name the argument, its value and the remedy."""

import re

import numpy as np
import pytest

from skfmvae._utils.checks import (
    check_choice,
    check_size,
    check_sizes,
    check_whole,
    refuse,
)
from skfmvae.nn import MLP


@pytest.mark.parametrize("value", [2, np.int8(3), 5])
def test_whole_numbers_in_the_range(value):
    check_whole("n", value, 2, 5)


@pytest.mark.parametrize("value", [1, 6, 2.0, "2", None])
def test_what_is_no_whole_number_in_the_range(value):
    message = re.escape(f"n={value!r} should be a whole number from 2 to 5.")
    with pytest.raises(ValueError, match=message):
        check_whole("n", value, 2, 5)


def test_whole_numbers_without_an_upper_end():
    check_whole("n", 10**30, 1)
    with pytest.raises(ValueError, match="n=0 should be a whole number of at least 1"):
        check_whole("n", 0, 1)


@pytest.mark.parametrize("value", [0, -1, 1.0, "1", None])
def test_sizes_are_positive_whole_numbers(value):
    check_size(MLP(hidden=np.int64(3)), "hidden")
    check_sizes(MLP(hidden=(1, np.int64(3))), "hidden", example="(4,)")
    with pytest.raises(ValueError, match="MLP: hidden=.* positive whole number"):
        check_size(MLP(hidden=value), "hidden")
    with pytest.raises(ValueError, match=r"MLP: hidden=.* such as \(4,\)"):
        check_sizes(MLP(hidden=(1, value)), "hidden", example="(4,)")


def test_choices_are_listed():
    check_choice(MLP(norm=None), "norm", {"batch": 1, None: 2})
    message = r"MLP: norm='none' is not allowed; choose one of \['batch', None\]"
    with pytest.raises(ValueError, match=message):
        check_choice(MLP(norm="none"), "norm", {"batch": 1, None: 2})


def test_refuse_names_the_class():
    with pytest.raises(ValueError, match="MLP: hidden=3 is not allowed; go away"):
        refuse(MLP(), "hidden", 3, "go away")
