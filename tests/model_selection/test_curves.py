import errno
import hashlib
import json
import os
import shutil
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, make_blobs
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.tree import DecisionTreeClassifier

from skfmvae import FactorialMixtureVAE, SemiSupervisedVAE
from skfmvae.model_selection import (
    PartialLabelKFold,
    label_efficiency_curve,
    partial_scorer,
)
from skfmvae.model_selection.cache import ResultCache, _checksum
from skfmvae.model_selection.tables import as_table
from skfmvae.models import Continuous, Discrete, GraphicalModel

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


# Quantities --------------------------------------------------------------------------


class Noted(SemiSupervisedVAE):
    """Keeps what it is fitted to in a list that all clones share."""

    noted: ClassVar[list] = []

    def fit(self, X, y):
        self.noted.append(y)
        return super().fit(X, y)


@pytest.fixture
def kind_and_size():
    """Return rows, a label and a quantity of them, and their graph."""
    X, kind = make_blobs(160, centers=2, n_features=4, random_state=0)
    y = pd.DataFrame({"kind": kind, "size": X[:, 0]})
    y["kind"] = y["kind"].where(np.arange(160) % 4 > 0, -1)
    y["size"] = y["size"].where(np.arange(160) % 5 > 0, np.nan)
    Noted.noted.clear()
    return X, y, GraphicalModel({"kind": Discrete(2), "size": Continuous()})


@pytest.mark.parametrize("as_array", [False, True])
def test_quantities_have_budgets_and_scores_of_their_own(kind_and_size, as_array):
    X, y, graph = kind_and_size
    models = {
        "ours": Noted(graph, max_epochs=20),
        "mixture": FactorialMixtureVAE(max_epochs=20),
        "logistic": LogisticRegression(),
    }
    results = label_efficiency_curve(
        models,
        X,
        y.to_numpy() if as_array else y,
        budgets=[10, {"kind": 20}],
        cv=2,
        scoring={
            "accuracy": "accuracy",
            "named": partial_scorer(property="kind"),
        },
        random_state=0,
    )
    for form, all_sizes in zip(Noted.noted, [False, True] * 2, strict=True):
        form = pd.DataFrame(form, columns=["kind", "size"])
        n_kinds = (form["kind"].notna() & (form["kind"] != -1)).sum()
        assert n_kinds == (20 if all_sizes else 10)
        assert (form["size"].notna().sum() > 10) == all_sizes
    kinds = results[["budget", "n_labels_kind"]].to_numpy()
    assert_array_equal(kinds[:, 0], kinds[:, 1])
    assert (results["n_labels_size"][results["budget"] == 10] == 10).all()
    assert_array_equal(results["test_accuracy"], results["test_named"])
    assert (results["test_accuracy"] > 0.7).all()
    assert not {"test_accuracy_kind", "test_accuracy_size"} & set(results)


def test_the_score_of_a_quantity_is_that_of_a_loop_by_hand(kind_and_size):
    X, y, graph = kind_and_size
    model = SemiSupervisedVAE(graph, max_epochs=5, random_state=0)
    results = label_efficiency_curve(
        {"ours": model},
        X,
        y,
        budgets=[{"kind": 40}],
        cv=[(np.arange(80), np.arange(80, 160))],
        scoring=partial_scorer("r2", property="size"),
        strategy="random",
        random_state=0,
    )
    # All sizes are kept; which kinds are is drawn.
    Noted.noted.clear()
    label_efficiency_curve(
        {"ours": Noted(**model.get_params())},
        X,
        y,
        budgets=[{"kind": 40}],
        cv=[(np.arange(80), np.arange(80, 160))],
        strategy="random",
        random_state=0,
    )
    (partial,) = Noted.noted
    pd.testing.assert_series_equal(partial["size"], y["size"][:80])
    model.fit(X[:80], partial)
    known = np.flatnonzero(y["size"].notna() & (np.arange(160) >= 80))
    size = model.predict(X[known])[:, 1].astype(float)
    assert results["test_score"][0] == pytest.approx(r2_score(y["size"][known], size))


@pytest.mark.parametrize("as_array", [False, True])
def test_whole_numbers_of_a_quantity_are_hidden_by_no_number(as_array):
    """-1 would be one of them; the columns of a quantity are hidden together."""
    rng = np.random.default_rng(0)
    X, kind = make_blobs(80, centers=2, n_features=4, random_state=0)
    place = rng.integers(-2, 3, size=(80, 2))
    y = pd.DataFrame({"kind": kind, "place_0": place[:, 0], "place_1": place[:, 1]})
    graph = GraphicalModel({"kind": Discrete(2), "place": Continuous(2)})
    Noted.noted.clear()
    results = label_efficiency_curve(
        {"ours": Noted(graph, max_epochs=1)},
        X,
        y.to_numpy() if as_array else y,
        budgets=[{"kind": 10, "place": 15}],
        cv=[(np.arange(60), np.arange(60, 80))],
        random_state=0,
    )
    (partial,) = (pd.DataFrame(form, columns=y.columns) for form in Noted.noted)
    known = partial["place_0"].notna().to_numpy()
    assert known.sum() == 15
    assert_array_equal(known, partial["place_1"].notna())
    assert_array_equal(partial.iloc[known, 1:].astype(int), place[:60][known])
    assert (partial["kind"].notna() & (partial["kind"] != -1)).sum() == 10
    assert results["n_labels_place"].tolist() == [15]


def test_quantities_alone(kind_and_size):
    X, y, _ = kind_and_size
    ours = SemiSupervisedVAE(GraphicalModel({"size": Continuous()}), max_epochs=5)
    settings = {"budgets": [20], "cv": 2, "scoring": "r2", "random_state": 0}
    results = label_efficiency_curve({"ours": ours}, X, y["size"], **settings)
    assert results["n_labels"].tolist() == [20, 20]
    assert np.isfinite(results["test_score"]).all()
    with pytest.raises(ValueError, match=r"continuous.*\['size'\].*'nb' does not take"):
        label_efficiency_curve({"nb": GaussianNB()}, X, y["size"], **settings)


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


def rewrite(result):
    """Return a function that puts another result, with a right checksum, in a file."""

    def damage(path):
        checksum = _checksum(path.stem, result)
        path.write_text(json.dumps({"checksum": checksum, "result": result}))

    return damage


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


DAMAGES = {
    "another value": change,
    "cut off": lambda path: path.write_text(path.read_text()[:-9]),
    "not text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "empty": lambda path: path.write_text(""),
    "a list": lambda path: path.write_text("[]"),
    "a number": lambda path: path.write_text("1e999"),
    "null": lambda path: path.write_text("null"),
    "no number": lambda path: path.write_text('{"checksum": NaN, "result": NaN}'),
    "nested too deep": lambda path: path.write_text("[" * 100_000),
    "a number too long": lambda path: path.write_text("1" * 5000),
    "of another task": lambda path: shutil.copy(min(path.parent.iterdir()), path),
    "without checksum": lambda path: path.write_text('{"result": {}}'),
    "result is null": rewrite(None),
    "result is a list": rewrite([1.0]),
    "result is empty": rewrite({}),
    "result of text": rewrite({"n_train": "a", "test_score": "b"}),
    "as it was before the key was checked": lambda path: path.write_text(
        json.dumps(
            json.loads(path.read_text())
            | {"checksum": hashlib.sha256(b"the result alone").hexdigest()}
        )
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
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


def test_a_folder_in_place_of_a_file_is_computed_each_time(study):
    run, fits, cache = study
    first = run()
    fits()
    replace_by_folder(sorted(cache.glob("*.json"))[2])
    with (
        pytest.warns(RuntimeWarning, match="is damaged"),
        pytest.warns(RuntimeWarning, match="cannot be written"),
    ):
        again = run()
    assert fits() == 1
    assert_array_equal(again[SCORES], first[SCORES])
    assert not list(cache.glob("*.tmp"))


@pytest.mark.parametrize("obstacle", ["file", "vanished", "full"])
def test_a_study_whose_cache_cannot_be_written_goes_on(study, monkeypatch, obstacle):
    run, fits, cache = study
    expected = run(cache=None)
    fits()
    if obstacle == "file":  # where the folder should be
        cache.write_text("")
    elif obstacle == "vanished":
        fit = Counted.fit
        monkeypatch.setattr(
            Counted, "fit", lambda *given: (shutil.rmtree(cache, True), fit(*given))[1]
        )
    else:

        def no_space(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "replace", no_space)
    with pytest.warns(RuntimeWarning, match="cannot be written") as caught:
        results = run()
    assert len(caught) == 1
    assert fits() == 6
    assert_array_equal(results[SCORES], expected[SCORES])
    assert not list(cache.parent.rglob("*.tmp"))


def test_threads_may_save_the_same_key(tmp_path):
    cache = ResultCache(tmp_path)
    results = [{"test_score": i / 7, "text": "x" * 10_000} for i in range(16)]

    def save(result):
        for _ in range(20):
            cache.save("key", result)
            assert cache.load("key") in results

    with ThreadPoolExecutor(16) as executor:
        list(executor.map(save, results))
    assert [path.name for path in tmp_path.iterdir()] == ["key.json"]


def test_what_was_left_half_written_is_cleared_away_later(tmp_path):
    left, fresh = (tmp_path / f"key.{digit * 32}.tmp" for digit in "ab")
    others = tmp_path / "notes.tmp"
    for path in (left, fresh, others):
        path.write_text("{")
    for path in (left, others):
        os.utime(path, (0, 0))
    ResultCache(tmp_path)
    assert sorted(tmp_path.iterdir()) == [fresh, others]


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


class Interrupted(DummyClassifier):
    """Fits, and is interrupted while the fourth does, or its scoring.

    Fits that start later wait until the interrupt has ended the study.
    """

    starts: ClassVar[list] = []
    where: ClassVar[str] = "fit"
    over: ClassVar[threading.Event] = threading.Event()

    def fit(self, X, y):
        with LOCK:
            self.starts.append(self)
            self.number_ = len(self.starts)
        super().fit(X, y)
        if self.number_ > 4:
            assert self.over.wait(120)
        self._interrupt_at("fit")
        return self

    def predict(self, X):
        self._interrupt_at("predict")
        return super().predict(X)

    def _interrupt_at(self, place):
        if self.where == place and self.number_ == 4:
            raise KeyboardInterrupt


LOCK = threading.Lock()


@pytest.mark.parametrize("where", ["fit", "predict"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupt_ends_the_study_and_keeps_nothing_half_done(
    study, monkeypatch, n_jobs, where
):
    run, _, cache = study
    monkeypatch.setattr(Interrupted, "where", where)
    monkeypatch.setattr(Interrupted, "over", threading.Event())
    monkeypatch.setattr(Interrupted, "starts", [])
    models = {"dummy": Interrupted(random_state=0)}
    with parallel_config("threading"), pytest.raises(KeyboardInterrupt):
        run(models, n_jobs=n_jobs)
    Interrupted.over.set()
    kept = {path.name: path.read_text() for path in cache.glob("*.json")}
    assert len(kept) <= 3, "not the fourth"
    if n_jobs == 1:
        assert (len(kept), len(Interrupted.starts)) == (3, 4)
    monkeypatch.setattr(Interrupted, "where", "nowhere")
    monkeypatch.setattr(Interrupted, "starts", [])
    results = run(models)
    if n_jobs == 1:  # or else other fits of before may count too
        assert len(Interrupted.starts) == 3
    assert len(list(cache.glob("*.json"))) == 6
    assert_array_equal(results[SCORES], run(models, cache=None)[SCORES])
    for name, text in kept.items():
        assert (cache / name).read_text() == text


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
        ({"scoring": partial_scorer(property="age")}, "property='age' is none of th"),
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
