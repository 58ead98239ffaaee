"""Imputation in a pipeline."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skfmvae import SemiSupervisedVAE
from skfmvae.estimators import Imputer
from skfmvae.nn import MLP

SMALL = SemiSupervisedVAE(
    encoder=MLP(hidden=(16,)),
    decoder=MLP(hidden=(16,)),
    max_epochs=2,
    neighbours=None,
    adversarial=None,
    calibrate=False,
)


@parametrize_with_checks([Imputer(SMALL)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def with_gaps():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1)) + rng.normal(scale=0.3, size=(60, 4))
    return np.where(rng.random(X.shape) < 0.2, np.nan, X)


def test_it_imputes_as_its_estimator_does(with_gaps):
    imputer = Imputer(clone(SMALL), random_state=3).fit(with_gaps, y=np.arange(60))
    alone = clone(SMALL).set_params(random_state=3).fit(with_gaps)
    np.testing.assert_array_equal(imputer.transform(with_gaps), alone.impute(with_gaps))


def test_frames_come_back(with_gaps):
    frame = pd.DataFrame(with_gaps, columns=list("abcd"))
    filled = Imputer(clone(SMALL), random_state=0).fit_transform(frame)
    assert list(filled.columns) == list("abcd")
    assert not filled.isna().any(axis=None)
    known = frame.notna()
    pd.testing.assert_frame_equal(filled[known], frame[known], check_dtype=False)


def test_a_classifier_that_needs_complete_rows_follows(with_gaps):
    y = np.nanmean(with_gaps, axis=1) > 0
    pipeline = make_pipeline(
        Imputer(clone(SMALL), random_state=0), LogisticRegression()
    )
    assert pipeline.fit(with_gaps, y).score(with_gaps, y) > 0.85


def test_by_default_it_is_a_model_that_needs_no_labels(with_gaps):
    imputer = Imputer(random_state=0).fit(with_gaps)
    assert isinstance(imputer.estimator_, SemiSupervisedVAE)
    assert not imputer.estimator_.calibrate
    usual = SemiSupervisedVAE(calibrate=False, random_state=0).fit(with_gaps)
    assert imputer.estimator_.n_iter_ == 4 * usual.n_iter_
    hidden = np.isnan(with_gaps)
    filled = imputer.transform(with_gaps)
    # Rows vary together: their mean says much of what is missing.
    means = np.broadcast_to(np.nanmean(with_gaps, axis=1)[:, None], filled.shape)
    assert np.corrcoef(filled[hidden], means[hidden])[0, 1] > 0.8


def test_an_estimator_that_cannot_impute_is_refused(with_gaps):
    with pytest.raises(ValueError, match="estimator.*impute"):
        Imputer(LogisticRegression()).fit(with_gaps)
