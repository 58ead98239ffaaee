"""What members may be, and what is read of them."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.cluster import KMeans
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfmvae.ensemble import PartialLabelStacking
from skfmvae.ensemble.members import (
    check_members,
    class_proba,
    fit_member,
    own_hidden_proba,
    predict_hidden,
)
from skfmvae.estimators.judging import UNHELPFUL_ROWS
from skfmvae.targets import PartialLabelEncoder

# What they may be ---------------------------------------------------------------------

LOGISTIC = ("logistic", LogisticRegression())


def test_what_is_no_member_is_refused(says):
    """By an error with the parameter, what was found and what to do."""
    for members, pieces in [
        ([], ["[]", "give pairs"]),
        ({"logistic": LogisticRegression()}, ["give pairs"]),
        ([LogisticRegression()], ["LogisticRegression()", "give pairs"]),
        ([LOGISTIC, LOGISTIC], ["'logistic' names several", "a name of its own"]),
        ([("a__b", LogisticRegression())], ["rename 'a__b'", "set_params"]),
        ([("n_folds", LogisticRegression())], ["rename 'n_folds'"]),
        ([("logistic", "drop")], ["keep one member"]),
        ([("logistic", LogisticRegression)], ["is a class", "LogisticRegression()"]),
        ([("logistic", "yes")], ["'logistic' is no classifier"]),
        ([("clusters", KMeans())], ["'clusters' is no classifier"]),
        ([("ridge", RidgeClassifier())], ["no predict_proba", "Calibrated"]),
    ]:
        message = says("PartialLabelStacking: estimators=", *pieces)
        with pytest.raises(ValueError, match=message):
            check_members(PartialLabelStacking(), members)


def test_dropped_members_are_left_out():
    members = [LOGISTIC, ("forest", "drop")]
    assert check_members(PartialLabelStacking(), members) == [LOGISTIC]


# What they predict --------------------------------------------------------------------


class Says:
    """A fitted classifier of given classes and probabilities."""

    def __init__(self, classes, proba, hidden_proba=None):
        self.classes_ = classes
        self.proba = proba
        if hidden_proba is not None:
            self.hidden_proba_ = hidden_proba

    def predict_proba(self, X):
        return self.proba

    def property_proba(self, X):  # as estimators of partial labels have
        raise NotImplementedError

    fit = None


def test_probabilities_are_in_the_order_of_the_labels():
    labels = PartialLabelEncoder().fit([["a", 1], ["b", 2], ["c", 2]])
    member = Says(
        [np.array(["c", "a", "new_1"]), np.array([2, 1])],
        [np.array([[0.5, 0.2, 0.3]]), np.array([[0.9, 0.1]])],
    )
    first, second = class_proba(member, None, labels)
    assert first.tolist() == [[0.2, 0.0, 0.5]]
    assert second.tolist() == [[0.1, 0.9]]


@pytest.mark.parametrize(
    ("text", "n_warnings"), [(f"{UNHELPFUL_ROWS} here.", 0), ("Something else.", 1)]
)
def test_a_member_need_not_say_that_it_should_be_pooled(text, n_warnings):
    """And of what is wrong with the labels it speaks once, not in each fold."""

    class Warns(LogisticRegression):
        def fit(self, X, y):
            warnings.warn(text, UserWarning, stacklevel=1)
            return super().fit(X[y >= 0], y[y >= 0])

    X, y = np.eye(3), np.array([0, 1, 1])
    labels, hidden = PartialLabelEncoder().fit(y), np.eye(3, dtype=bool)[:, [2]]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit_member(Warns(), X, y, None)
        predict_hidden(Warns(), X, y, None, hidden, labels)
    assert [str(warning.message) for warning in caught] == n_warnings * [text]


def test_hidden_labels_reach_nobody_who_predicts_them(two_properties):
    X, _, y = two_properties
    labels = PartialLabelEncoder().fit(y)
    hidden = np.zeros(y.shape, dtype=bool)
    hidden[:10] = labels.transform(y)[:10] >= 0

    class Records(LogisticRegression):
        def property_proba(self, X):
            raise NotImplementedError

        def __sklearn_clone__(self):
            return self

        def fit(self, X, y):
            self.seen = y.copy()
            return self

        def predict_proba(self, X):
            self.asked = X
            return [np.ones((len(X), 2)), np.ones((len(X), 3))]

        classes_ = labels.classes

    member = Records()
    rows, _ = predict_hidden(member, X, y, None, hidden, labels)
    assert_array_equal(rows, np.flatnonzero(hidden.any(axis=1)))
    assert_array_equal(member.asked, X[rows])
    expected = labels.transform(y)
    expected[hidden] = -1
    assert_array_equal(labels.transform(member.seen), expected)


# What they say of labels that they hid themselves -------------------------------------


def test_own_predictions_of_hidden_labels_are_read():
    labels = PartialLabelEncoder().fit(["a", "b", None])
    hidden_proba = [np.array([[0.3, 0.7], [np.nan, np.nan], [np.nan, np.nan]])]
    member = Says(np.array(["b", "a"]), None, hidden_proba)
    expected = hidden_proba[0][:, ::-1]
    for fitted in (member, make_pipeline(StandardScaler(), "passthrough", member)):
        assert_array_equal(own_hidden_proba(fitted, labels)[0], expected)


def test_they_are_not_where_a_step_before_has_seen_the_labels():
    labels = PartialLabelEncoder().fit(["a", "b"])
    member = Says(np.array(["a", "b"]), None, [np.full((2, 2), 0.5)])
    pipeline = make_pipeline(LinearDiscriminantAnalysis(), member)
    assert own_hidden_proba(pipeline, labels) is None


def test_others_have_none():
    labels = PartialLabelEncoder().fit(["a", "b"])
    for member in (Says(np.array(["a", "b"]), None), StackingClassifier([LOGISTIC])):
        assert own_hidden_proba(member, labels) is None
