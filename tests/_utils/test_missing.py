"""The rule for missing entries."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array, csr_matrix

from skfmvae._utils.missing import (
    has_missing,
    is_missing,
    is_unlabelled,
    masked_as_nan,
    missing_entries,
    missing_rate,
    unlabelled_entries,
)

NAN = float("nan")
MISSING = [None, NAN, np.float32("nan"), pd.NA, pd.NaT]
MARKS = [-1, -1.0, np.int8(-1), np.float16(-1)]
PRESENT = [0, 1.5, True, "", "-1", "nan", Fraction(1, 2), float("inf"), [None], (NAN,)]


@pytest.mark.parametrize("value", MISSING, ids=repr)
def test_missing_values(value):
    assert is_missing(value)
    assert is_unlabelled(value)


@pytest.mark.parametrize("value", MARKS, ids=repr)
def test_minus_one_is_a_number_but_no_label(value):
    assert not is_missing(value)
    assert is_unlabelled(value)


@pytest.mark.parametrize("value", PRESENT, ids=repr)
def test_present_values(value):
    assert not is_missing(value)
    assert not is_unlabelled(value)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, object])
def test_entries_of_a_column(dtype):
    column = np.array([2, NAN, -1, 0], dtype=dtype)
    assert_array_equal(missing_entries(column), [False, True, False, False])
    assert_array_equal(unlabelled_entries(column), [False, True, True, False])


def test_entries_of_columns_that_hold_no_nan():
    whole = np.array([2, -1], dtype=np.int8)
    assert not missing_entries(whole).any()
    assert_array_equal(unlabelled_entries(whole), [False, True])
    for column in (np.array([True, False]), np.array(["-1", "nan"])):
        assert not missing_entries(column).any()
        assert not unlabelled_entries(column).any()


def test_entries_without_a_hash_are_refused_as_labels():
    column = pd.Series([[1], None]).to_numpy()
    assert_array_equal(missing_entries(column), [False, True])
    with pytest.raises(TypeError, match="hash"):
        unlabelled_entries(column)


def test_masked_entries_become_nan():
    whole = np.ma.array([[1, 2], [3, 4]], mask=[[0, 1], [0, 0]])
    assert_array_equal(masked_as_nan(whole), [[1, NAN], [3, 4]])
    assert_array_equal(masked_as_nan(list(whole)), [[1, NAN], [3, 4]])
    words = masked_as_nan(np.ma.array(["a", "b"], mask=[0, 1]))
    assert words.dtype == object
    assert words[0] == "a"
    assert np.isnan(words[1])


def test_an_array_without_masked_entries_is_not_copied():
    plain = np.arange(3)
    assert masked_as_nan(plain) is plain
    unmasked = masked_as_nan(np.ma.array(plain, copy=False))
    assert type(unmasked) is np.ndarray
    assert np.shares_memory(unmasked, plain)


@pytest.mark.parametrize("hold", [np.asarray, csr_matrix, csr_array])
def test_shares_of_missing_entries(hold):
    X = np.array([[NAN, 0.0, 1.0], [NAN, 2.0, NAN], [NAN, 0.0, 3.0], [NAN, 0.0, 0.0]])
    assert has_missing(hold(X))
    assert_array_equal(missing_rate(hold(X)), [1, 0, 0.25])
    assert not has_missing(hold(X[:, 1:2]))
    assert_array_equal(missing_rate(hold(X[:, 1:2])), [0])
