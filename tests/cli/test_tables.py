"""Tables from files, and their columns as features."""

import shlex

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from skfmvae.cli.arguments import make_parser
from skfmvae.cli.errors import InputError
from skfmvae.cli.features import as_features, on_features
from skfmvae.cli.tables import read_table
from skfmvae.labels import PartialLabelEncoder


def written(tmp_path, table):
    path = tmp_path / "data.csv"
    table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("labels", "codes", "values"),
    [
        ([3, None, -1, 7], [0, -1, -1, 1], [3, 7]),
        ([3, 3, 7, 7], [0, 0, 1, 1], [3, 7]),
        (["u", None, " v", "-1"], [0, -1, 1, -1], ["u", "v"]),
        ([True, None, False, True], [1, -1, 0, 1], [False, True]),
        ([True, True, False, True], [1, 1, 0, 1], [False, True]),
    ],
)
def test_targets_are_partial_labels(tmp_path, labels, codes, values):
    table = pd.DataFrame({"x": [1, 2, 3, 4], "y": pd.Series(labels, dtype=object)})
    X, y = read_table(written(tmp_path, table), ["y"])
    encoder = PartialLabelEncoder().fit(y["y"])
    assert encoder.transform(y["y"]).ravel().tolist() == codes
    # As they are shown, too: 3 is not 3.0.
    assert list(map(str, encoder.classes[0].tolist())) == list(map(str, values))
    assert X.columns.tolist() == ["x"]


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean", "string", "category"])
def test_targets_of_parquet_with_dtypes_of_pandas(tmp_path, dtype):
    pytest.importorskip("pyarrow")
    labels = pd.Series(
        ["a", None, "b"] if dtype in ("string", "category") else [0, None, 1]
    )
    table = pd.DataFrame({"x": [1, 2, 3], "y": labels.astype(dtype)})
    table.to_parquet(tmp_path / "data.parquet")
    _, y = read_table(tmp_path / "data.parquet", ["y"])
    codes = PartialLabelEncoder().fit(y["y"]).transform(y["y"])
    assert codes.ravel().tolist() == [0, -1, 1]


def test_numbers_are_read_to_the_last_bit(tmp_path):
    values = np.random.default_rng(0).normal(size=200)
    path = written(tmp_path, pd.DataFrame({"x": values, "y": np.arange(200) % 2}))
    np.testing.assert_array_equal(read_table(path, ["y"])[0]["x"], values)


def test_names_with_a_comma_can_be_dropped(tmp_path):
    options = "study d --target y --budgets 1 --estimators SVC --out o --drop".split()
    drop = make_parser().parse_args([*options, 'id,"width, in mm"']).drop
    table = pd.DataFrame({"id": [1, 2], "width, in mm": [3, 4], "x": 0, "y": [0, 1]})
    X, _ = read_table(written(tmp_path, table), ["y"], drop)
    assert X.columns.tolist() == ["x"]


def test_arrays_are_flattened_or_dropped(tmp_path):
    image = np.arange(24.0).reshape(2, 3, 4)
    path = tmp_path / "data.npz"
    objects = np.array([{}, None], dtype=object)
    np.savez(path, image=image, size=[5, 6], y=[[0], [1]], why=objects)
    X, y = read_table(path, ["y"], ["why"])
    assert X.columns.tolist() == [*(f"image_{i}" for i in range(12)), "size"]
    np.testing.assert_array_equal(X.iloc[:, :12], image.reshape(2, -1))
    assert y["y"].tolist() == [0, 1]


def test_kinds_of_features():
    table = pd.DataFrame(
        {
            "whole": [1, 2, 2],
            "gaps": pd.array([1, None, 2], dtype="Int64"),
            "yes_or_no": pd.Series([True, None, False], dtype=object),
            "word": ["u", None, "v"],
            "dose": pd.Categorical(["low", "high", None]),
            "level": pd.Categorical([2, 1, None]),
        }
    )
    X = as_features(table, "data.csv")
    assert X.dtypes.map(str).tolist() == ["float64"] * 3 + ["object"] * 3
    assert np.isnan(X["gaps"][1])
    assert X["yes_or_no"].tolist()[::2] == [1, 0]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([np.nan] * 20, "'it' of 'data.csv' is empty; it is left out"),
        (np.arange(5, 25), "'it' of 'data.csv' numbers the rows.*--drop it"),
    ],
)
def test_columns_that_are_suspicious(column, message):
    table = pd.DataFrame({"it": column, "x": np.arange(20) % 3})
    with pytest.warns(UserWarning, match=message):
        X = as_features(table, "data.csv")
    assert ("it" in X) == ("numbers" in message)


@pytest.mark.parametrize(("n_texts", "n_rows"), [(95, 100), (1001, 5000)])
def test_too_many_texts(n_texts, n_rows):
    names = [f"t{i}" for i in np.arange(n_rows) % n_texts]
    fewer = [f"t{i}" for i in np.arange(n_rows) % (n_texts - 10)]
    table = pd.DataFrame({"who": names, "x": 0.0})
    with pytest.raises(InputError, match=f"holds {n_texts} different .* --drop who"):
        as_features(table, "data.csv")
    assert as_features(table.assign(who=fewer), "data.csv").shape[1] == 2


@pytest.mark.parametrize("name", ["a", "a b", "a, b", 'a "b", c', "it's"])
def test_the_remedy_can_be_typed(name):
    with pytest.raises(InputError) as error:
        as_features(pd.DataFrame({name: [1.0, np.inf], "x": 0}), "data.csv")
    typed = shlex.split(str(error.value).partition("leave the column out: ")[2][:-1])
    options = "study d --target y --budgets 1 --estimators SVC --out o".split()
    assert make_parser().parse_args([*options, *typed]).drop == [name]


def test_nothing_leaks_from_rows_not_fitted_to():
    X = pd.DataFrame({"n": [0.0, 2.0, np.nan, 1e6], "word": ["u", "v", np.nan, "w"]})
    X = as_features(X, "data.csv")
    model = on_features(DummyClassifier(), X).fit(X[:3], [0, 1, 0])
    found = model[0].transform(X)
    # By hand: mean 1, also in the gap; standard deviation of 0, 2 and 1 is sqrt(2/3).
    scale = np.sqrt(2 / 3)
    np.testing.assert_allclose(
        found[:, 0], [-1 / scale, 1 / scale, 0, (1e6 - 1) / scale]
    )
    # A word that was not there is none of those that were.
    np.testing.assert_array_equal(found[:, 1:], [*np.eye(3), np.zeros(3)])


def test_columns_that_are_empty_on_the_rows_of_a_fit():
    X = pd.DataFrame({"n": [np.nan, np.nan, 3.0], "word": [np.nan, np.nan, "u"]})
    X = as_features(X, "data.csv")
    model = on_features(LogisticRegression(), X).fit(X[:2], [0, 1])
    assert np.isfinite(model.predict_proba(X)).all()
