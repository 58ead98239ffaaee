import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.sparse import csc_matrix, csr_matrix, issparse

from skfmvae.columns import chosen_rows, stacked_rows

VALUES = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, np.nan]])
FRAMES = {
    "pandas": lambda: pd.DataFrame(VALUES, columns=["a", "b"], index=[7, 8, 9]),
    "polars": lambda: pl.DataFrame({"a": VALUES[:, 0], "b": VALUES[:, 1]}),
    "pyarrow": lambda: pa.table({"a": VALUES[:, 0], "b": VALUES[:, 1]}),
}
MAKE = FRAMES | {
    "array": VALUES.copy,
    "list": VALUES.tolist,
    "csr": lambda: csr_matrix(VALUES),
    "csc": lambda: csc_matrix(VALUES),
}


def numbers(X):
    if issparse(X):
        return X.toarray()
    return X.to_pandas().to_numpy() if hasattr(X, "to_pandas") else np.asarray(X)


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_rows_are_chosen_and_stacked(make):
    X = make()
    chosen = chosen_rows(X, np.array([2, 0]))
    np.testing.assert_array_equal(numbers(chosen), VALUES[[2, 0]])
    if not isinstance(X, list) and not issparse(X):
        assert type(chosen) is type(X)
    stacked = stacked_rows(chosen, X)
    assert type(stacked) is type(chosen)
    np.testing.assert_array_equal(numbers(stacked), VALUES[[2, 0, 0, 1, 2]])


def test_masked_entries_are_nan():
    X = np.ma.array(VALUES, mask=[[True, False]] * 3)
    assert np.isnan(chosen_rows(X, np.array([0]))[0, 0])


def test_lists_keep_strings_and_numbers_apart():
    chosen = chosen_rows([["a", 1], ["b", 2]], np.array([1]))
    assert chosen.tolist() == [["b", 2]]


def test_columns_of_frames_go_by_name():
    first, second = FRAMES["pandas"](), FRAMES["pandas"]()[["b", "a"]]
    np.testing.assert_array_equal(stacked_rows(first, second)["a"], [0, 2, 4] * 2)


def test_forms_do_not_mix():
    with pytest.raises(TypeError, match=r"comes as an array, but .* a frame of pandas"):
        stacked_rows(FRAMES["pandas"](), VALUES)


def test_dtypes_of_strict_libraries_do_not_mix():
    other = pl.DataFrame({"a": ["x"], "b": [1.0]})
    with pytest.raises(TypeError, match="give every part the same dtypes"):
        stacked_rows(FRAMES["polars"](), other)
