"""Columns of what metrics are given."""

import numpy as np
import pandas as pd
import pytest

from skfmvae.metrics._columns import named_columns


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([[1, "a"], [2, "b"]], None),
        (np.array([[1, "a"], [2, "b"]], dtype=object), None),
        (pd.DataFrame({"size": [1, 2], "kind": ["a", "b"]}), ["size", "kind"]),
    ],
    ids=lambda values: type(values).__name__,
)
def test_columns_and_their_names(values, names):
    found, columns = named_columns(values, "Y")
    assert found == names
    assert [column.tolist() for column in columns] == [[1, 2], ["a", "b"]]


def test_what_has_no_columns_is_named():
    with pytest.raises(ValueError, match="Y has no columns that can be read .*empty"):
        named_columns([], "Y")
