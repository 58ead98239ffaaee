"""Complete numbers, against a ColumnTransformer of scikit-learn's."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skfmvae.columns import ColumnVectorizer


@parametrize_with_checks([ColumnVectorizer(), ColumnVectorizer(standardize=False)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def mixed():
    """Return numbers and text with gaps."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "town": rng.choice(["Lyon", "Metz", "Nice"], 80),
            "size": rng.lognormal(size=80),
            "kind": rng.choice(["new", "old"], 80),
            "rooms": rng.poisson(3.0, 80).astype(float),
        }
    )
    return frame.mask(rng.random(frame.shape) < 0.2)


def by_scikit_learn(numbers):
    texts = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    texts.set_params(categories=[["Lyon", "Metz", "Nice"], ["new", "old"]])
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (texts, make_column_selector(dtype_exclude="number")),
        verbose_feature_names_out=False,
    )


@pytest.mark.parametrize("standardize", [True, False])
def test_a_frame_becomes_what_scikit_learn_makes_of_it(mixed, standardize):
    vectorizer = ColumnVectorizer(standardize=standardize).fit(mixed[:50])
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    theirs = by_scikit_learn(numbers if standardize else "passthrough").fit(mixed[:50])
    assert_allclose(vectorizer.transform(mixed), theirs.transform(mixed), atol=1e-12)
    names = vectorizer.get_feature_names_out()
    assert_array_equal(names, theirs.get_feature_names_out())
    as_frame = vectorizer.set_output(transform="pandas").transform(mixed)
    assert as_frame.columns.tolist() == names.tolist()
    assert as_frame.index.equals(mixed.index)


def test_other_libraries_give_the_same(mixed):
    expected = ColumnVectorizer().fit_transform(mixed)
    found = ColumnVectorizer().fit_transform(pl.from_pandas(mixed))
    assert_array_equal(found, expected)
    objects = ColumnVectorizer().fit(mixed.to_numpy())
    assert_array_equal(objects.transform(mixed.to_numpy()), expected)
    assert objects.get_feature_names_out()[:3].tolist() == ["x1", "x3", "x0_Lyon"]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_complete_numbers_are_standardised_to_the_last_bit(dtype):
    X = np.random.default_rng(0).normal(5, 3, size=(60, 4)).astype(dtype)
    found = ColumnVectorizer().fit_transform(X)
    expected = StandardScaler().fit_transform(X)
    assert found.dtype == expected.dtype
    assert_array_equal(found, expected)
    assert ColumnVectorizer(standardize=False).fit_transform(X) is X


def test_sparse_matrices_stay_sparse():
    X = scipy.sparse.random_array((50, 6), density=0.3, rng=0, format="csr")
    X.data[0] = np.nan
    found = ColumnVectorizer().fit_transform(X)
    assert scipy.sparse.issparse(found)
    filled = SimpleImputer().fit_transform(X.toarray())
    assert_allclose(found.toarray(), filled / filled.std(axis=0))


def test_what_else_counts_as_numbers():
    X = pd.DataFrame(
        {
            "is_new": pd.array([True, None, False, True], "boolean"),
            "grade": pd.Categorical(
                ["low", "high", None, "mid"], ["low", "mid", "high"], ordered=True
            ),
            "day": pd.to_datetime(["2024-03-02", None, "2024-02-28", "2024-02-29"]),
            "code": [7, 7, 3, 5],
        }
    )
    by_hand = np.array([[1, 0, 3], [np.nan, 2, np.nan], [0, np.nan, 0], [1, 1, 1]])
    expected = make_pipeline(SimpleImputer(), StandardScaler()).fit_transform(by_hand)
    vectorizer = ColumnVectorizer(["grade", "code"])
    found = vectorizer.fit_transform(X.assign(grade=X["grade"].astype(object)))
    assert_allclose(found[:, :2], expected[:, ::2])
    names = "is_new day grade_high grade_low grade_mid code_3 code_5 code_7"
    assert vectorizer.get_feature_names_out().tolist() == names.split()
    assert_array_equal(found[:, -3:], np.eye(3)[[2, 2, 0, 1]])
    assert_allclose(ColumnVectorizer().fit_transform(X)[:, :3], expected)


def test_columns_may_be_empty_where_rows_are_few(mixed):
    few = mixed[:4].assign(size=np.nan, town=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vectorizer = ColumnVectorizer().fit(few)
        values = vectorizer.transform(mixed)
    names = vectorizer.get_feature_names_out().tolist()
    assert "town" in names
    assert np.isfinite(values).all()


def test_few_rows_of_a_table_may_all_differ():
    towns = [f"town {i % 30}" for i in range(90)]
    X = pd.DataFrame({"town": towns, "size": np.arange(90) % 7})
    assert ColumnVectorizer().fit_transform(X[:30]).shape == (30, 31)
    for texts in ([f"{i}" for i in range(1001)], ["2024-05-01"] * 20):
        with pytest.raises(ValueError, match="'it' holds .* text"):
            ColumnVectorizer().fit(pd.DataFrame({"it": texts}))


def test_zeros_and_ones_of_few_rows_may_be_other_numbers():
    X = pd.DataFrame({"visits": [0, 1, 0, 1, 5, 2], "town": list("abcdef")})
    found = ColumnVectorizer().fit(X[:4]).transform(X)[:, 0]
    assert_allclose(found, [-1, 1, -1, 1, 9, 3])


def test_other_columns_than_at_fit_are_refused(mixed):
    vectorizer = ColumnVectorizer().fit(mixed)
    with pytest.raises(ValueError, match="feature names"):
        vectorizer.transform(mixed.rename(columns={"town": "city"}))
    vectorizer.fit(mixed.to_numpy())
    with pytest.raises(ValueError, match="ColumnVectorizer is expecting 4 features"):
        vectorizer.transform(mixed.to_numpy()[:, :3])


@pytest.mark.parametrize("standardize", [True, False])
def test_classifiers_follow_in_a_pipeline(mixed, standardize):
    y = mixed["town"].isin(["Lyon", "Nice"]) & (mixed["rooms"] != 0)
    forest = RandomForestClassifier(30, random_state=0)
    pipeline = make_pipeline(
        ColumnVectorizer(standardize=standardize),
        LogisticRegression() if standardize else forest,
    )
    scores = cross_val_score(pipeline, mixed, y, cv=3, error_score="raise")
    assert scores.mean() > 0.9
