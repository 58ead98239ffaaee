import numpy as np
import pandas as pd
import pytest

from skfmvae.columns.choice import chosen_columns
from skfmvae.columns.reading import read, read_array

FRAME = read(pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [True, False]}))
ARRAY = read_array(np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize(
    ("choice", "table", "chosen"),
    [
        ("from_dtype", FRAME, [False, True, False]),
        ("from_dtype", ARRAY, [False, False, False]),
        (None, FRAME, [False, False, False]),
        ([], FRAME, [False, False, False]),
        (["b", "a"], FRAME, [True, True, False]),
        (pd.Index(["c"]), FRAME, [False, False, True]),
        ([0, -1], ARRAY, [True, False, True]),
        ([2], FRAME, [False, False, True]),
        (np.array([True, False, True]), ARRAY, [True, False, True]),
    ],
)
def test_choices(choice, table, chosen):
    assert chosen_columns(choice, table).tolist() == chosen


@pytest.mark.parametrize(
    ("choice", "table", "message"),
    [
        ("auto", FRAME, r"'auto' is not allowed: .*\['auto'\]"),
        (["a", "z"], FRAME, r"'z' is none of the columns \['a', 'b', 'c'\]"),
        (["a"], ARRAY, "no names of columns"),
        ([3], FRAME, "index 3 is none of the 3 columns"),
        ([-4], FRAME, "index -4"),
        ([True], ARRAY, "each of the 3 columns, this one has 1"),
        ([1.5], FRAME, "give names, a mask"),
        (["a", 1], FRAME, "give names, a mask"),
        ([["a"]], FRAME, "one dimension"),
        (1, FRAME, "one dimension"),
    ],
)
def test_wrong_choices(choice, table, message):
    with pytest.raises(ValueError, match=f"categorical_features=.*{message}"):
        chosen_columns(choice, table)
