import json
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.tree import DecisionTreeClassifier

from skfmvae import FactorialMixtureVAE
from skfmvae.model_selection import (
    PartialLabelKFold,
    label_efficiency_curve,
    partial_scorer,
)
from skfmvae.model_selection.tables import as_table

SCORES = ["estimator", "budget", "repeat", "fold", "test_score"]


class Recorder(ClassifierMixin, BaseEstimator):
    """Predicts the first label, and keeps what it is fitted to in a list."""

    def __init__(self, log=None, random_state=None):
        self.log = log
        self.random_state = random_state

    def __sklearn_clone__(self):
        return Recorder(self.log, self.random_state)  # of the same list

    def fit(self, X, y):
        self.log.append((np.asarray(X)[:, 0].astype(int), np.array(y), vars(self)))
        self.classes_ = np.unique(y)
        self.first_ = y[y >= 0][0]
        return self

    def predict(self, X):
        return np.full(len(X), self.first_)


@pytest.fixture(scope="module")
def numbered():
    """Return rows whose first column is their number, and labels of three kinds."""
    rng = np.random.default_rng(0)
    X, y = make_blobs(150, centers=3, random_state=0)
    return np.c_[np.arange(150), X], np.where(rng.random(150) < 0.8, y, -1)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:400] / 16, y[:400]


def by_key(log, budgets, n_splits):
    """Return what was fitted, as {(split, budget): (rows, labels)}."""
    assert len(log) == n_splits * len(budgets)
    return {
        divmod(i, len(budgets)): (rows, labels)
        for i, (rows, labels, _) in enumerate(log)
    }


# Which labels ------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["random", "stratified", "balanced"])
def test_labels_are_true_nested_of_training_rows_and_as_many_as_said(
    numbered, strategy
):
    X, y = numbered
    log = []
    budgets = [5, 20, 60]
    results = label_efficiency_curve(
        {"recorder": Recorder(log)},
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


def test_all_estimators_get_the_same_labels(numbered):
    X, y = numbered
    logs = {name: [] for name in "ab"}
    label_efficiency_curve(
        {"a": Recorder(logs["a"]), "b": Recorder(logs["b"])},
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


def test_strategies_share_labels_as_they_say():
    y = np.repeat([0, 1, 2], [200, 40, 10])
    X = np.arange(250.0)[:, None]

    def counts(strategy):
        log = []
        label_efficiency_curve(
            {"recorder": Recorder(log)},
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
    # Within four standard errors of the shares.
    assert_allclose(random.mean(axis=0), [20, 4, 1], atol=4 * 2.0 / 10)


def test_semi_supervised_estimators_see_all_training_rows(numbered):
    X, y = numbered
    log = []
    label_efficiency_curve(
        {"recorder": Recorder(log)},
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
    """A splitter of somebody else's making."""


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
def test_scores_are_those_of_a_loop_by_hand(numbered, estimator):
    X, y = numbered
    X = X[:, 1:]
    log = []
    settings = {"budgets": [15, 40], "n_repeats": 2, "cv": 3, "random_state": 0}
    names = np.c_[np.arange(len(X)), X]
    label_efficiency_curve({"r": Recorder(log)}, names, y, **settings)
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


@pytest.fixture(scope="module")
def two_properties():
    X, shape = make_blobs(240, centers=3, random_state=1)
    colour = np.where(X[:, 0] > np.median(X[:, 0]), "red", "blue")
    rng = np.random.default_rng(0)
    y = pd.DataFrame({"shape": shape, "colour": colour})
    y["shape"] = y["shape"].where(rng.random(240) < 0.7, -1)
    y["colour"] = y["colour"].where(rng.random(240) < 0.7, None)
    return X, y


def test_properties_have_labels_on_rows_of_their_own(two_properties):
    X, y = two_properties
    log = []
    numbered = np.c_[np.arange(len(X)), X]
    results = label_efficiency_curve(
        {"recorder": Recorder(log), "tree": DecisionTreeClassifier()},
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


def test_our_estimators_take_all_properties_at_once(two_properties):
    X, y = two_properties
    ours = FactorialMixtureVAE(max_epochs=40, likelihood="gaussian")
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


# Kinds of input ----------------------------------------------------------------------


def as_strings(y):
    return np.array([None if v == -1 else f"kind {v}" for v in y], dtype=object)


@pytest.mark.parametrize(
    "convert",
    [
        list,
        lambda y: np.where(y == -1, np.nan, y),
        as_strings,
        lambda y: as_strings(y).tolist(),
        lambda y: pd.Series(y, name="kind").where(y != -1).astype("Int64"),
        lambda y: pd.Series(as_strings(y), name="kind", index=np.arange(150)[::-1]),
        lambda y: pl.Series("kind", as_strings(y)),
        lambda y: y.astype(np.int8),
    ],
)
def test_kinds_of_labels_make_no_difference(numbered, convert):
    X, y = numbered
    estimators = {
        "tree": DecisionTreeClassifier(max_depth=3),
        "spreading": LabelSpreading(gamma=0.3),
        "ours": FactorialMixtureVAE(max_epochs=1, likelihood="gaussian"),
    }
    settings = {"budgets": [20, 50], "cv": 2, "random_state": 0}
    expected = label_efficiency_curve(estimators, X, y, **settings)
    results = label_efficiency_curve(estimators, X, convert(y), **settings)
    assert_array_equal(results[SCORES], expected[SCORES])


@pytest.mark.parametrize(
    "convert", [pd.DataFrame, scipy.sparse.csr_array, lambda X: X.tolist()]
)
def test_kinds_of_rows_make_no_difference(digits, convert):
    X, y = digits
    estimators = {"nb": LogisticRegression(), "tree": DecisionTreeClassifier()}
    settings = {"budgets": [50], "cv": 2, "random_state": 0}
    expected = label_efficiency_curve(estimators, X, y, **settings)
    results = label_efficiency_curve(estimators, convert(X), y, **settings)
    # Sums of sparse rows round otherwise.
    assert_allclose(results["test_score"], expected["test_score"], atol=0.02)


def test_without_pandas_a_dict_of_arrays(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    table = as_table({"name": ["a", "b"], "score": [0.5, 1.0]})
    assert isinstance(table, dict)
    assert_array_equal(table["name"], ["a", "b"])
    assert_array_equal(table["score"], [0.5, 1.0])


def test_groups_are_never_split(numbered):
    X, y = numbered
    groups = np.arange(150) // 10
    log = []
    label_efficiency_curve(
        {"recorder": Recorder(log)},
        X[y >= 0],
        y[y >= 0],
        budgets=[20],
        cv=GroupKFold(3),
        groups=groups[y >= 0],
        random_state=0,
    )
    splits = GroupKFold(3).split(X[y >= 0], groups=groups[y >= 0])
    for (rows, _, _), (_, test) in zip(log, splits, strict=True):
        assert not set(groups[rows]) & set(groups[y >= 0][test])


# Seeds -------------------------------------------------------------------------------


def test_equal_seeds_give_equal_results_and_others_do_not(digits):
    estimators = {"ours": FactorialMixtureVAE(max_epochs=2)}
    first, again, other = (
        label_efficiency_curve(estimators, *digits, budgets=[30], cv=2, random_state=s)
        for s in (0, 0, 1)
    )
    assert_array_equal(first[SCORES], again[SCORES])
    assert (first["test_score"] != other["test_score"]).any()


def test_seeds_of_estimators_are_set_where_they_have_none(numbered):
    X, y = numbered
    free, fixed = [], []
    label_efficiency_curve(
        {"free": Recorder(free), "fixed": Recorder(fixed, random_state=7)},
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


# Cache -------------------------------------------------------------------------------


class Counted(DecisionTreeClassifier):
    """A tree that counts its fits in a file."""

    def __init__(self, path=None, max_depth=None, random_state=None):
        super().__init__(max_depth=max_depth, random_state=random_state)
        self.path = path

    def fit(self, X, y):
        with open(self.path, "a") as file:
            file.write("x")
        return super().fit(X, y)


@pytest.fixture
def study(numbered, tmp_path):
    """Return a function that runs a study with a cache, and one that counts fits."""
    X, y = numbered
    count = tmp_path / "count"

    def run(estimators=None, X=X, y=y, **changed):
        if estimators is None:
            estimators = {"tree": Counted(str(count))}
        settings = {"budgets": [10, 20], "cv": 3, "random_state": 0}
        settings |= {"cache": tmp_path / "cache"} | changed
        return label_efficiency_curve(estimators, X, y, **settings)

    def fits():
        n = len(count.read_text()) if count.exists() else 0
        count.unlink(missing_ok=True)
        return n

    return run, fits, tmp_path / "cache"


def test_what_is_cached_is_not_computed_again_and_equal_to_the_last_bit(study):
    run, fits, _ = study
    first = run()
    assert fits() == 6
    again = run()
    assert fits() == 0
    pd.testing.assert_frame_equal(first, again, check_exact=True)


@pytest.mark.parametrize(
    ("changed", "n_fits"),
    [
        ({"budgets": [20, 10]}, 0),
        ({"budgets": [10, 20, 30]}, 3),
        ({"n_repeats": 2}, 6),
        ({"cv": 2}, 4),
        ({"random_state": 1}, 6),
        ({"strategy": "random"}, 6),
        ({"scoring": "balanced_accuracy"}, 6),
    ],
)
def test_what_changes_is_computed_and_nothing_else(study, changed, n_fits):
    run, fits, _ = study
    run()
    fits()
    results = run(**changed)
    assert fits() == n_fits
    expected = run(**changed, cache=None)
    assert_array_equal(results[SCORES], expected[SCORES])


def test_other_rows_labels_and_parameters_are_another_study(study, numbered):
    run, fits, cache = study
    X, y = numbered
    run()
    fits()
    run(X=X + 1e-9)
    assert fits() == 6
    other = y.copy()
    other[np.flatnonzero(y >= 0)[0]] = -1
    run(y=other)
    assert fits() == 6
    path = str(cache.parent / "count")
    run({"tree": Counted(path, max_depth=1)})
    assert fits() == 6
    run({"renamed": Counted(path, max_depth=1)})
    assert fits() == 0


def change(path):
    entry = json.loads(path.read_text())
    entry["result"]["test_score"] = 0.123
    path.write_text(json.dumps(entry))


@pytest.mark.parametrize(
    "damage",
    [
        change,
        lambda path: path.write_text(path.read_text()[:-9]),
        lambda path: path.write_bytes(b"\xff\xfe\x00"),
        lambda path: path.write_text(""),
        lambda path: path.write_text("[]"),
    ],
    ids=["another value", "cut off", "not text", "empty", "another shape"],
)
def test_damaged_entries_are_computed_again_with_a_warning(study, damage):
    run, fits, cache = study
    first = run()
    fits()
    damaged = sorted(cache.glob("*.json"))[2]
    damage(damaged)
    with pytest.warns(RuntimeWarning, match="is damaged"):
        again = run()
    assert fits() == 1
    assert_array_equal(again[SCORES], first[SCORES])
    run()
    assert fits() == 0, "the entry is whole again"


def test_an_interrupted_study_goes_on(study, numbered, monkeypatch):
    run, fits, cache = study
    expected = run(cache=None)
    fits()
    stop_at = iter([False] * 4 + [True])
    fit = Counted.fit

    def interrupted(self, X, y):
        if next(stop_at):
            raise KeyboardInterrupt
        return fit(self, X, y)

    monkeypatch.setattr(Counted, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run()
    monkeypatch.undo()
    assert fits() == 4
    assert len(list(cache.glob("*.json"))) == 4
    results = run()
    assert fits() == 2
    assert_array_equal(results[SCORES], expected[SCORES])


def test_a_cache_needs_a_seed(study):
    run, _, _ = study
    with pytest.raises(ValueError, match="random_state=None, but a study with a cache"):
        run(random_state=None)


def test_what_cannot_be_told_apart_is_not_cached(study):
    run, _, _ = study
    with pytest.raises(ValueError, match="'local' cannot be pickled"):
        run({"local": Recorder(lambda: None)})


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


def test_a_class_that_marks_missing_labels_is_noticed(numbered):
    """Once, of all labels, and not of each training part."""
    X, y = numbered
    y = np.where(y > 0, 1, -1)
    with pytest.warns(UserWarning, match="one class only, 1.*recode") as caught:
        label_efficiency_curve({"nb": GaussianNB()}, X, y, budgets=[10, 20], cv=2)
    assert len(caught) == 1


def test_failures_are_raised_on_request_or_where_nothing_else_is(study):
    run, _, _ = study
    with pytest.raises(ValueError, match="too much for me"):
        run({"tree": Fails(), "other": GaussianNB()}, error_score="raise")
    with pytest.raises(ValueError, match="too much for me"):
        run({"tree": Fails()}, budgets=[20])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"budgets": [10, 10]}, "should be one or more, all different"),
        ({"budgets": []}, "should be one or more"),
        ({"budgets": [0]}, "budgets=0 should be a whole number of at least 1"),
        ({"budgets": [10.5]}, "budgets=10.5 should be a whole number"),
        ({"budgets": [10_000]}, "10000 labels of 'property_0', but a training part"),
        ({"budgets": [{"colour": 3}]}, r"names of properties, which are \['prop"),
        ({"budgets": [{}]}, "give numbers of labels"),
        ({"strategy": "all"}, "strategy='all' is unknown"),
        ({"n_repeats": 0}, "n_repeats=0 should be"),
        ({"semi_supervised": ["x"]}, r"semi_supervised names \['x'\]"),
        ({"scoring": "exactness"}, "metric='exactness' is not a scorer"),
        ({"estimators": {}}, "should be a dict of classifiers"),
        ({"estimators": [GaussianNB()]}, "should be a dict of classifiers"),
        ({"estimators": {"s": StandardScaler()}}, "'s' is StandardScaler"),
        ({"estimators": {"nb": GaussianNB}}, "give an unfitted one"),
        ({"y": np.full(150, -1)}, "only 0 rows or groups"),
        ({"cv": 1}, "n_splits=1 should be"),
    ],
)
def test_bad_input(study, changed, message):
    run, _, _ = study
    with pytest.raises(ValueError, match=message):
        run(**changed)


def test_splits_that_test_unlabelled_rows_are_scored_where_labelled(numbered):
    X, y = numbered
    cv = StratifiedKFold(3)  # of -1 as well
    results = label_efficiency_curve(
        {"tree": DecisionTreeClassifier()}, X, y, budgets=[50], cv=cv, random_state=0
    )
    n_known = [(y[test] >= 0).sum() for _, test in cv.split(X, y)]
    right = results["test_score"] * n_known
    assert_allclose(right, right.round())
    assert (results["test_score"] > 0.7).all()


# Progress ----------------------------------------------------------------------------


def test_progress_shows_the_time_left_and_what_was_cached(study, capsys):
    run, _, _ = study
    run()
    assert "fit" not in capsys.readouterr().err
    run(budgets=[10, 20, 30], verbose=1)
    shown = capsys.readouterr().err
    assert "6/9" in shown
    assert "9/9" in shown
    assert "<" in shown, "elapsed < left"
