"""The labels, the seeds and the scores of single fits."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.tree import DecisionTreeClassifier

from skfmvae.model_selection import (
    PartialLabelKFold,
    label_efficiency_curve,
    partial_scorer,
)

SCORES = ["estimator", "budget", "repeat", "fold", "test_score"]


def by_key(log, budgets, n_splits):
    """Return what was fitted, as {(split, budget): (rows, labels)}."""
    assert len(log) == n_splits * len(budgets)
    return {
        divmod(i, len(budgets)): (rows, labels)
        for i, (rows, labels, _) in enumerate(log)
    }


# Which labels ------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["random", "stratified", "balanced"])
def test_labels_are_true_nested_and_of_training_rows(recorder, numbered, strategy):
    X, y = numbered
    log = []
    budgets = [5, 20, 60]
    results = label_efficiency_curve(
        {"recorder": recorder(log)},
        X,
        y,
        budgets=budgets,
        cv=4,
        n_repeats=2,
        strategy=strategy,
        random_state=0,
    )
    fitted = by_key(log, budgets, 8)
    seen = set()
    for split in range(8):
        smaller = set()
        for i, budget in enumerate(budgets):
            rows, labels = fitted[split, i]
            assert len(set(rows)) == len(rows) == budget
            # It is fitted to codes, which are in the order of the labels that occur.
            _, codes = np.unique(y[rows], return_inverse=True)
            assert_array_equal(labels, codes)
            assert (y[rows] >= 0).all()
            assert smaller < set(rows)
            smaller = set(rows)
        seen.add(frozenset(fitted[split, 0][0]))
    assert len(seen) == 8, "another draw for every repeat and fold"
    assert results["n_labels"].tolist() == sorted(4 * 2 * budgets)


def test_all_estimators_get_the_same_labels(recorder, numbered):
    X, y = numbered
    logs = {name: [] for name in "ab"}
    label_efficiency_curve(
        {"a": recorder(logs["a"]), "b": recorder(logs["b"])},
        X,
        y,
        budgets=[5, 20],
        n_repeats=2,
        random_state=0,
    )
    assert len(logs["a"]) == 20
    for one, other in zip(logs["a"], logs["b"], strict=True):
        assert_array_equal(one[0], other[0])
        assert_array_equal(one[1], other[1])


def test_strategies_share_labels_as_they_say(recorder):
    y = np.repeat([0, 1, 2], [200, 40, 10])
    X = np.arange(250.0)[:, None]

    def counts(strategy):
        log = []
        label_efficiency_curve(
            {"recorder": recorder(log)},
            X,
            y,
            budgets=[25],
            cv=[(np.arange(250), np.arange(3))],
            n_repeats=100,
            strategy=strategy,
            random_state=0,
        )
        return np.array([np.bincount(y[rows], minlength=3) for rows, _, _ in log])

    assert (counts("stratified") == [20, 4, 1]).all()
    assert (np.sort(counts("balanced"), axis=1) == [8, 8, 9]).all()
    random = counts("random")
    assert random.std(axis=0).min() > 0.5
    # Within four standard errors of the proportions.
    assert_allclose(random.mean(axis=0), [20, 4, 1], atol=4 * 2.0 / 10)


@pytest.mark.parametrize(
    "estimator",
    [
        LabelSpreading(gamma=0.3),
        SelfTrainingClassifier(GaussianNB()),
        make_pipeline(StandardScaler(), LabelSpreading(gamma=1)),
        GridSearchCV(
            LabelSpreading(),
            {"gamma": [0.1, 0.3]},
            cv=PartialLabelKFold(2),
            scoring=partial_scorer(),
        ),
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        CalibratedClassifierCV(LogisticRegression(), cv=2),
    ],
    ids=lambda e: type(e).__name__,
)
def test_scores_are_those_of_a_loop_by_hand(recorder, numbered, estimator):
    X, y = numbered
    X = X[:, 1:]
    log = []
    settings = {"budgets": [15, 40], "n_repeats": 2, "cv": 3, "random_state": 0}
    names = np.c_[np.arange(len(X)), X]
    label_efficiency_curve({"r": recorder(log)}, names, y, **settings)
    results = label_efficiency_curve({"e": estimator}, X, y, **settings)

    semi = "Spreading" in repr(estimator) or "SelfTraining" in repr(estimator)
    splits = list(
        PartialLabelKFold(3, shuffle=True, random_state=_seed_of(0)).split(X, y)
    )
    by_hand = []
    for i, (rows, labels, _) in enumerate(log):
        train, test = splits[i // 2 % 3]
        partial = np.full(len(X), -1)
        partial[rows] = labels
        fitted = clone(estimator)
        if semi:
            fitted.fit(X[train], partial[train])
        else:
            fitted.fit(X[rows], labels)
        by_hand.append(accuracy_score(y[test], fitted.predict(X[test])))
    frame = results.sort_values(["repeat", "fold", "budget"])
    assert_array_equal(frame["test_score"], by_hand)


def _seed_of(random_state):
    return np.random.RandomState(random_state).randint(np.iinfo(np.int32).max)


# Several properties ------------------------------------------------------------------


def test_properties_have_labels_on_rows_of_their_own(recorder, two_properties):
    X, y = two_properties
    log = []
    numbered = np.c_[np.arange(len(X)), X]
    results = label_efficiency_curve(
        {"recorder": recorder(log), "tree": DecisionTreeClassifier()},
        numbered,
        y,
        budgets=[12, {"shape": 30, "colour": 20}, {"colour": 40}],
        cv=3,
        random_state=0,
    )
    # One fit for each property.
    sizes = np.array([len(rows) for rows, _, _ in log]).reshape(3, 3, 2)
    assert (sizes[:, 0] == 12).all()
    assert (sizes[:, 1] == [30, 20]).all()
    assert (sizes[:, 2, 1] == 40).all()
    assert (sizes[:, 2, 0] > 100).all(), "all labels of the property that is not named"
    shape, colour = (set(rows) for rows, _, _ in log[:2])
    assert shape != colour
    assert sorted(set(results["budget"])) == [12, 30, 40]
    assert_array_equal(results["n_labels_shape"][:6], [12] * 3 + [30] * 3)
    assert_allclose(
        results["test_score"],
        (results["test_score_shape"] + results["test_score_colour"]) / 2,
    )


def test_scores_by_property_are_those_of_the_property(two_properties):
    X, y = two_properties
    tree = DecisionTreeClassifier(max_depth=2, random_state=0)
    results = label_efficiency_curve(
        {"tree": tree}, X, y, budgets=[{"shape": 40}], cv=3, random_state=0
    )
    # All labels of colour are kept, so that they do not depend on draws.
    splits = PartialLabelKFold(3, shuffle=True, random_state=_seed_of(0)).split(X, y)
    for score, (train, test) in zip(results["test_score_colour"], splits, strict=True):
        known = y["colour"].notna().to_numpy()
        train, test = train[known[train]], test[known[test]]
        fitted = clone(tree).fit(X[train], y["colour"][train])
        assert score == fitted.score(X[test], y["colour"][test])


# Seeds -------------------------------------------------------------------------------


def test_seeds_of_estimators_are_set_where_they_have_none(recorder, numbered):
    X, y = numbered
    free, fixed = [], []
    label_efficiency_curve(
        {"free": recorder(free), "fixed": recorder(fixed, random_state=7)},
        X,
        y,
        budgets=[10, 20],
        cv=2,
        n_repeats=2,
        random_state=0,
    )
    seeds = np.array([values["random_state"] for *_, values in free]).reshape(4, 2)
    assert (seeds[:, 0] == seeds[:, 1]).all(), "the same at all budgets"
    assert len(set(seeds[:, 0])) == 4, "others for other splits and repeats"
    assert {values["random_state"] for *_, values in fixed} == {7}


def test_more_of_a_study_leaves_what_there_was(numbered):
    X, y = numbered
    tree = DecisionTreeClassifier()
    settings = {"cv": 3, "random_state": 0}
    small = label_efficiency_curve({"tree": tree}, X, y, budgets=[20], **settings)
    large = label_efficiency_curve(
        {"other": GaussianNB(), "tree": tree},
        X,
        y,
        budgets=[10, 20, 40],
        n_repeats=2,
        **settings,
    )
    kept = large.query("estimator == 'tree' and budget == 20 and repeat == 0")
    assert_array_equal(kept[SCORES], small[SCORES])
