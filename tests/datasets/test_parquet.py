"""Tables that stay on disk."""

import pyarrow
import pytest
from pyarrow.dataset import dataset
from pyarrow.parquet import write_table

from skfmvae.datasets import open_parquet


@pytest.fixture
def folder(tmp_path):
    for part in range(3):
        columns = {"size": [part, part + 0.5], "kind": ["a", None], "age": [3, part]}
        write_table(pyarrow.table(columns), tmp_path / f"{part}.parquet")
    return tmp_path


def test_targets_are_columns_of_the_files(folder):
    X, y = open_parquet(folder, target="kind")
    assert X.schema.names == ["size", "age"]
    assert (y.name, y.to_list()) == ("kind", 3 * ["a", None])
    X, y = open_parquet(str(folder), target=["age", "kind"])
    assert X.to_table().to_pydict() == {"size": [0, 0.5, 1, 1.5, 2, 2.5]}
    assert (y.columns, y["age"].to_list()) == (["age", "kind"], [3, 0, 3, 1, 3, 2])


def test_a_dataset_may_be_open_already(folder):
    X, y = open_parquet(dataset(folder / "1.parquet"))
    assert y is None
    assert X.count_rows() == 2


def test_unknown_targets_are_named(folder):
    with pytest.raises(ValueError, match=r"'colour' is none of the columns \['size'"):
        open_parquet(folder, target=["kind", "colour"])
