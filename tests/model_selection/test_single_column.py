"""Estimators of several columns, scored one by one."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_blobs
from sklearn.linear_model import (
    LogisticRegression,
    RidgeClassifier,
)
from sklearn.metrics import (
    get_scorer,
)
from sklearn.svm import SVC

from skfmvae import SemiSupervisedVAE
from skfmvae.model_selection import partial_scorer
from skfmvae.model_selection.scorers import OWN
from skfmvae.models import Continuous, Discrete, GraphicalModel


@pytest.mark.parametrize("metric", ["neg_log_loss", "roc_auc_ovr"])
def test_an_estimator_without_probabilities_is_named_as_by_scikit_learn(metric):
    X, y = make_blobs(100, centers=3, random_state=0)
    model = RidgeClassifier().fit(X, y)
    said = []
    for scorer in (get_scorer(metric), partial_scorer(metric)):
        with pytest.raises(AttributeError, match="RidgeClassifier") as error:
            scorer(model, X, y)
        said.append(str(error.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("metric", OWN)
def test_metrics_of_ours_name_an_estimator_without_probabilities(metric):
    X, y = make_blobs(100, centers=3, random_state=0)
    model = RidgeClassifier().fit(X, y)
    with pytest.raises(AttributeError, match="RidgeClassifier.*predict_proba"):
        partial_scorer(metric)(model, X, y)


# Quantities --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kind_and_size():
    """Return rows, a label and a quantity of them, and an estimator of both."""
    X, kind = make_blobs(200, centers=2, n_features=5, random_state=0)
    y = pd.DataFrame({"kind": kind.astype(float), "size": X[:, 0]})
    y = y.where(np.random.default_rng(0).random(y.shape) < 0.5)
    graph = GraphicalModel({"kind": Discrete(2), "size": Continuous()})
    model = SemiSupervisedVAE(graph, max_epochs=5, random_state=0)
    return X, y, model.fit(X, y)


def test_a_quantity_that_is_not_predicted_is_not_scored(kind_and_size):
    X, y, _ = kind_and_size
    known = y["kind"].notna()
    model = LogisticRegression().fit(X[known], y["kind"][known])
    expected = model.score(X[known], y["kind"][known])
    assert partial_scorer()(model, X, y) == expected
    with pytest.raises(ValueError, match="predicts 1 columns, but y has 2, of which 1"):
        partial_scorer("r2", property="size")(model, X, y)


# One column ---------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision", "accuracy"])
@pytest.mark.parametrize("model", [SVC(), LogisticRegression(), RidgeClassifier()])
def test_a_frame_of_one_column_is_scored_as_its_column(metric, model):
    X, y = make_blobs(100, centers=2, cluster_std=6.0, random_state=0)
    model.fit(X, y)
    expected = get_scorer(metric)(model, X, y)
    for form in (y, y[:, None], pd.Series(y), pd.DataFrame({"kind": y})):
        assert partial_scorer(metric)(model, X, form) == expected
