"""Failures of fits and of metrics."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import make_blobs
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from skfmvae.model_selection import (
    label_efficiency_curve,
)

# Failures ----------------------------------------------------------------------------


class Fails(DecisionTreeClassifier):
    def fit(self, X, y):
        if len(y) > 15:
            raise RuntimeError("too much for me")
        return super().fit(X, y)


def test_failed_fits_leave_a_hole_and_a_warning(study):
    run, _, cache = study
    estimators = {"tree": Fails(), "other": DecisionTreeClassifier()}
    with pytest.warns(FitFailedWarning, match="'tree' failed with 20 labels") as caught:
        results = run(estimators)
    assert len([w for w in caught if "too much for me" in str(w.message)]) == 3
    failed = results["test_score"].isna()
    assert results[failed][["estimator", "budget"]].drop_duplicates().values.tolist()
    assert_array_equal(
        failed, (results["estimator"] == "tree") & (results["budget"] == 20)
    )
    assert (results["n_labels"] == results["budget"]).all()
    assert len(list(cache.glob("*.json"))) == 9, "failures are not kept"
    with pytest.warns(FitFailedWarning):
        zeros = run(estimators, error_score=0.0)
    assert (zeros["test_score"][failed] == 0).all()


def test_failures_are_raised_on_request_or_where_nothing_else_is(study):
    run, _, _ = study
    with pytest.raises(ValueError, match="too much for me"):
        run({"tree": Fails(), "other": GaussianNB()}, error_score="raise")
    with pytest.raises(ValueError, match="too much for me"):
        run({"tree": Fails()}, budgets=[20])


@pytest.fixture
def lacking():
    """Return rows and labels of which one class is in a single fold."""
    X, y = make_blobs(200, centers=2, n_features=5, random_state=0)
    return X, np.r_[2, 2, y[2:]]


MANY = {"accuracy": "accuracy", "log loss": "neg_log_loss", "f1": "f1_macro"}


def test_a_metric_that_fails_leaves_the_others(study, lacking):
    run, _, cache = study
    X, y = lacking
    rows = np.arange(200)
    # The first training part lacks a class, which both test parts have.
    cv = [(rows[50:], rows[:50]), (rows[rows != 1][:150], np.r_[1, rows[151:]])]
    models = {"tree": DecisionTreeClassifier(), "nb": GaussianNB()}
    changed = {"X": X, "y": y, "cv": cv, "budgets": [150]}
    alone = run(models, **changed, scoring={"accuracy": "accuracy"}, cache=None)
    with pytest.raises(ValueError, match="different number of classes") as refused:
        log_loss(y[cv[0][1]], np.full((50, 2), 0.5))
    message = (
        "metric 'log loss' of {0!r} failed after 1 of 2 fits, whose score is nan; "
        "other metrics stand. First {0!r} failed with 150 labels, repeat 0, fold 0: "
        f"ValueError: {refused.value}"
    )
    for _ in range(2):  # computed, then cached
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            results = run(models, **changed, scoring=MANY)
        said = [str(w.message) for w in caught if "metric" in str(w.message)]
        for name, text in zip(models, said, strict=True):  # once for each
            assert text == message.format(name)
        assert_array_equal(results["test_log loss"].isna(), [True, False] * 2)
        assert_array_equal(results["test_accuracy"], alone["test_accuracy"])
        assert results["test_f1"].notna().all()
        assert results["fit_time"].notna().all()
    with pytest.raises(ValueError, match=r"metric 'log loss' of 'tree' (?s:.)*Traceb"):
        run(models, **changed, scoring=MANY, error_score="raise")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zeros = run(models, **changed, scoring=MANY, error_score=0.0)
    assert_array_equal(zeros["test_log loss"] == 0, [True, False] * 2)
    assert_array_equal(zeros["test_accuracy"], alone["test_accuracy"])


def test_a_metric_that_fails_for_one_property_has_no_mean(two_properties):
    X, y = two_properties
    settings = {"budgets": [30], "cv": 2, "random_state": 0}
    with pytest.warns(UserWarning, match="metric 'roc' of 'tree' failed after 2 of 2"):
        results = label_efficiency_curve(
            {"tree": DecisionTreeClassifier()},
            X,
            y,
            scoring={"roc": "roc_auc"},  # not of three shapes
            **settings,
        )
    assert results["test_roc"].isna().all()
    assert results["test_roc_shape"].isna().all()
    assert results["test_roc_colour"].notna().all()
