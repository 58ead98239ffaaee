"""Files of Parquet, read as one table."""

import numpy as np
import pandas as pd
import pyarrow
import pytest
from pyarrow.dataset import dataset
from pyarrow.parquet import write_table

from skfmvae.columns import ColumnEncoder


@pytest.fixture
def write(tmp_path):
    """Return a function that writes tables to files, and opens them as a dataset."""

    def files(*tables, **settings):
        for number, columns in enumerate(tables):
            write_table(pyarrow.table(columns), tmp_path / f"{number}.parquet")
        return dataset(tmp_path, **settings)

    return files


def assert_as_one_table(X, **settings):
    """Check that a dataset is encoded as its rows in one table are."""
    found, expected = ColumnEncoder(**settings), ColumnEncoder(**settings)
    values = found.fit(X).transform(X)
    np.testing.assert_array_equal(
        values, expected.fit(X.to_table()).transform(X.to_table()), strict=True
    )
    assert list(map(repr, found.columns)) == list(map(repr, expected.columns))
    assert found.feature_names_in_.tolist() == X.schema.names
    assert found.inverse(values).equals(expected.inverse(values))
    return found, values


def test_categories_may_be_in_the_last_file_alone(write):
    X = write(
        {"city": ["Nice", None], "size": pd.Categorical(["s", "m"])},
        {"city": ["Nice", "Albi"], "size": pd.Categorical(["l", "m"])},
    )
    encoder, values = assert_as_one_table(X)
    assert encoder.columns[0].categories.tolist() == ["Albi", "Nice"]
    assert sorted(encoder.columns[1].categories) == ["l", "m", "s"]
    np.testing.assert_array_equal(values[:, 0], [1, np.nan, 1, 0])


def test_a_file_may_hold_nothing_of_a_column(write):
    X = write(
        {"a": [1.5, 2.5], "b": ["x", "y"]},
        {"a": pyarrow.array([None], "double"), "b": pyarrow.nulls(1)},
    )
    _, values = assert_as_one_table(X)
    assert np.isnan(values[2]).all()


def test_floats_of_single_precision_stay_so(write):
    part = {"a": pyarrow.array([0.25, 0.5], "float")}
    _, values = assert_as_one_table(write(part, part))
    assert values.dtype == np.float32


def test_columns_are_chosen_as_of_a_frame(write):
    X = write({"a": [3, 5, 3], "b": [0.5, 1.5, 2.5]}, {"a": [5], "b": [0.5]})
    encoder, _ = assert_as_one_table(X, categorical_features=["a"])
    assert [column.kind for column in encoder.columns] == ["binary", "positive"]
    with pytest.raises(ValueError, match="'z' is none of the columns"):
        ColumnEncoder(categorical_features=["z"]).fit(X)


def test_categories_that_fit_did_not_see_are_named_once(write, tmp_path):
    encoder = ColumnEncoder().fit(write({"a": ["x", "y"]}))
    later = write({"a": ["x", "new"]}, {"a": ["new", "newer"]})
    with pytest.warns(UserWarning, match=r"3 entries.*'a' \(3: 'new', 'newer'\)"):
        values = encoder.transform(later)
    np.testing.assert_array_equal(values[:, 0], [0, np.nan, np.nan, np.nan])


@pytest.mark.parametrize(
    ("second", "pieces"),
    [
        ({"a": [1], "c": ["x"]}, "'b' is in .*0.parquet' and not in .*1.parquet"),
        ({"a": [1], "b": ["x"], "c": [1]}, "'c' is in .*1.parquet' and not in"),
        ({"a": ["1"], "b": ["x"]}, "'a' is string in .*1.parquet', and int64"),
        ({"a": [1.5], "b": ["x"]}, "'a' is double in .*1.parquet', and int64.*schema="),
    ],
    ids=["lacks", "has_more", "text", "floats"],
)
def test_files_that_differ_are_refused(write, second, pieces):
    X = write({"a": [1, 2], "b": ["x", "y"]}, second)
    with pytest.raises(ValueError, match=pieces):
        ColumnEncoder().fit(X)


def test_a_schema_for_all_files_settles_their_types(write):
    schema = pyarrow.schema({"a": "double"})
    X = write({"a": [1, 2]}, {"a": [1.5]}, schema=schema)
    _, values = assert_as_one_table(X)
    assert values[:, 0].tolist() == [1, 2, 1.5]


def test_nothing_to_read_is_refused(write, tmp_path):
    with pytest.raises(ValueError, match="dataset without columns"):
        ColumnEncoder().fit(dataset(tmp_path))
    empty = write({"a": pyarrow.array([], "double")})
    assert ColumnEncoder().fit(empty).transform(empty).shape == (0, 1)


def test_a_dataset_after_an_array_is_refused(write):
    encoder = ColumnEncoder().fit(np.zeros((3, 1)))
    with pytest.raises(ValueError, match="fit got an array"):
        encoder.transform(write({"a": [0.5]}))
