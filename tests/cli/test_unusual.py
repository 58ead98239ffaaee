"""Rows that are unlike those that a model was fitted to."""

import numpy as np
import pandas as pd
import pytest

from skfmvae import FactorialMixtureVAE
from skfmvae.cli.model_file import SavedModel
from skfmvae.cli.unusual import low_score, scores_of_rows


def rows(n, seed):
    """Two groups of rows, with a count of which some are missing."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n)
    X = pd.DataFrame(rng.normal(size=(n, 4)) + 4 * group[:, None], columns=[*"abcd"])
    X["n"] = rng.poisson(2 + 6 * group)
    X["n"] = X["n"].astype("float64").where(rng.random(n) < 0.8)
    return X, pd.Series(group, name="group")


@pytest.fixture(scope="module")
def model():
    X, y = rows(150, 0)
    return SavedModel(
        FactorialMixtureVAE(random_state=0, calibrate=False).fit(X, y), {}
    )


def test_complete_rows_have_the_scores_of_the_estimator(model):
    X = rows(40, 1)[0].dropna()
    scores = scores_of_rows(model, X)
    np.testing.assert_array_equal(scores, model.estimator.score_samples(X))


def test_gaps_count_as_what_is_expected(model):
    assert model.formats["n"].column.kind == "count"
    X = rows(40, 1)[0].dropna()
    gaps = X.assign(n=np.nan)
    filled = model.estimator.impute(gaps)
    expected = model.estimator.score_samples(filled.assign(n=filled["n"].round()))
    np.testing.assert_array_equal(scores_of_rows(model, gaps), expected)


def test_few_other_rows_are_unusual(model):
    X, y = rows(150, 0)
    low = low_score(model, X, y, 0)
    assert low == low_score(model, X, y, 0)
    new = rows(300, 2)[0]
    share = (scores_of_rows(model, new) < low).mean()
    # By the lowest of 30 hidden rows, one in thirty is expected, give or take that.
    assert share < 0.1
    far = new.assign(a=new["a"] + 15)
    assert (scores_of_rows(model, far) < low).mean() > 0.9


def test_too_few_rows_say_nothing(model):
    X, y = rows(49, 0)
    assert low_score(model, X, y, 0) is None
