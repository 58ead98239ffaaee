"""One clone for each property, against clones fitted by hand."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from skfmvae import SemiSupervisedVAE
from skfmvae.ensemble import PartialLabelStacking
from skfmvae.ensemble.per_property import (
    PerProperty,
    final_estimator,
    is_semi_supervised,
    takes_partial_labels,
    weight_params,
)


@pytest.fixture(scope="module")
def pets():
    """Return rows, and two properties of which each is unknown on some rows."""
    rng = np.random.default_rng(0)
    code = np.stack([np.arange(60) % 2, np.arange(60) // 2 % 3], axis=1)
    X = rng.normal(size=(60, 5))
    X[:, :2] += 4 * np.eye(2)[code[:, 0]]
    X[:, 2:] += 4 * np.eye(3)[code[:, 1]]
    y = np.stack(
        [np.array(["cat", "dog"])[code[:, 0]], np.array(list("SML"))[code[:, 1]]],
        axis=1,
    ).astype(object)
    y[rng.random(y.shape) < 0.5] = None
    return X, y


def test_clones_are_fitted_to_the_labelled_rows_of_their_property(pets):
    X, y = pets
    model = PerProperty(LogisticRegression()).fit(X, y)
    for k, own in enumerate(model.predict_proba(X)):
        known = y[:, k] != None  # noqa: E711
        by_hand = LogisticRegression().fit(X[known], y[known, k].astype(str))
        assert_array_equal(model.classes_[k], by_hand.classes_)
        assert_array_equal(own, by_hand.predict_proba(X))
        assert_array_equal(model.predict(X)[:, k], by_hand.predict(X))


def test_semi_supervised_clones_are_fitted_to_all_rows(pets):
    X, y = pets
    spreading = LabelSpreading("knn")
    model = PerProperty(spreading, semi_supervised=True).fit(X, y)
    known = y[:, 0] != None  # noqa: E711
    codes = np.where(known, y[:, 0] == "dog", -1).astype(int)
    assert_array_equal(
        model.predict_proba(X)[0],
        LabelSpreading("knn").fit(X, codes).predict_proba(X),
    )


@pytest.mark.parametrize("semi_supervised", [False, True])
def test_weights_reach_clones(pets, semi_supervised):
    X, y = pets
    y = y[:, 0]
    classifier = LogisticRegression()
    if semi_supervised:
        classifier = WeighedLabels()
    weight = np.random.default_rng(1).exponential(size=60)
    model = PerProperty(classifier, semi_supervised=semi_supervised)
    model.fit(X, y, sample_weight=weight)
    known = y != None  # noqa: E711
    by_hand = LogisticRegression().fit(
        X[known], y[known].astype(str), sample_weight=weight[known]
    )
    assert_array_equal(model.predict_proba(X), by_hand.predict_proba(X))


class WeighedLabels(LogisticRegression):
    """Sees all rows, and leaves out those without a label."""

    def fit(self, X, y, sample_weight):
        known = y >= 0
        return super().fit(X[known], y[known], sample_weight[known])


def test_where_weights_go():
    weight = np.arange(3.0)
    scaled = make_pipeline(StandardScaler(), LogisticRegression())
    nested = make_pipeline(StandardScaler(), scaled)
    search = GridSearchCV(scaled, {})
    assert weight_params(LogisticRegression(), None) == {}
    assert weight_params(KNeighborsClassifier(), weight) == {}
    for estimator, name in [
        (LogisticRegression(), "sample_weight"),
        (SemiSupervisedVAE(), "sample_weight"),
        (scaled, "logisticregression__sample_weight"),
        (nested, "pipeline__logisticregression__sample_weight"),
        (search, "logisticregression__sample_weight"),
    ]:
        assert weight_params(estimator, weight) == {name: weight}


def test_where_metadata_are_routed_weights_go_to_those_that_request_them():
    weight = np.array([1.0, 1.0, 2.0, 2.0])
    with sklearn.config_context(enable_metadata_routing=True):
        asks = LogisticRegression().set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, asks)
        params = weight_params(pipeline, weight)
        assert params == {"sample_weight": weight}
        pipeline.fit(np.arange(4.0)[:, None], [0, 1, 0, 1], **params)
        assert weight_params(LogisticRegression(), weight) == {}


def test_what_estimators_take():
    ours = SemiSupervisedVAE()
    spreading, logistic = LabelSpreading(), LogisticRegression()
    wrapped = [make_pipeline(StandardScaler(), m) for m in (ours, spreading, logistic)]
    searched = [GridSearchCV(m, {}) for m in wrapped]
    for all_three in [(ours, spreading, logistic), wrapped, searched]:
        assert [takes_partial_labels(m) for m in all_three] == [True, False, False]
        assert [is_semi_supervised(m) for m in all_three] == [False, True, False]
    assert takes_partial_labels(PartialLabelStacking())
    assert is_semi_supervised(SelfTrainingClassifier(logistic))
    assert final_estimator(searched[0]) is ours


def test_a_property_without_label_is_refused():
    with pytest.raises(ValueError, match="'property_1' has no label to learn from"):
        PerProperty(LogisticRegression()).fit([[0], [1]], [["a", None], ["b", None]])
