"""Which labels a study gives to classifiers of any package, and to ours."""

import numpy as np
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfmvae import FactorialMixtureVAE
from skfmvae.model_selection import (
    PartialLabelKFold,
    label_efficiency_curve,
)

# Which labels ------------------------------------------------------------------------


def test_semi_supervised_estimators_see_all_training_rows(recorder, numbered):
    X, y = numbered
    log = []
    label_efficiency_curve(
        {"recorder": recorder(log)},
        X,
        y,
        budgets=[20],
        cv=StratifiedKFoldOfLabelled(),
        semi_supervised=["recorder"],
        random_state=0,
    )
    splits = StratifiedKFoldOfLabelled().split(X, y)
    for (rows, labels, _), (train, _) in zip(log, splits, strict=True):
        assert_array_equal(rows, train)
        assert (labels >= 0).sum() == 20
        assert_array_equal(labels[labels >= 0], y[rows[labels >= 0]])


class StratifiedKFoldOfLabelled(PartialLabelKFold):
    """A splitter of another package."""


# Several properties ------------------------------------------------------------------


def test_our_estimators_take_all_properties_at_once(two_properties):
    X, y = two_properties
    ours = FactorialMixtureVAE(max_epochs=40, likelihood="gaussian", calibrate=False)
    results = label_efficiency_curve(
        {"ours": make_pipeline(StandardScaler(), ours)},
        X,
        y,
        budgets=[30],
        cv=2,
        scoring=["accuracy", "neg_log_loss"],
        random_state=0,
    )
    for name in ("shape", "colour"):
        assert (results[f"test_accuracy_{name}"] > 0.7).all()
    assert (results["test_neg_log_loss"] < 0).all()


def test_a_property_of_which_one_value_is_labelled_is_predicted_to_have_it():
    y = np.repeat([0, 1], [95, 5])
    results = label_efficiency_curve(
        {"logistic": LogisticRegression()},
        np.arange(100.0)[:, None],
        y,
        budgets=[1],
        cv=5,
        random_state=0,
    )
    assert set(results["test_score"]) <= {0.95, 0.05}
    assert (results["test_score"] == 0.95).any()
