"""Label-efficiency curves of every kind of input."""

from typing import ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading
from sklearn.tree import DecisionTreeClassifier

from skfmvae import FactorialMixtureVAE, SemiSupervisedVAE
from skfmvae.model_selection import (
    label_efficiency_curve,
    partial_scorer,
)
from skfmvae.models import Continuous, Discrete, GraphicalModel

SCORES = ["estimator", "budget", "repeat", "fold", "test_score"]


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
        "ours": Noted(graph, max_epochs=20, calibrate=False),
        "mixture": FactorialMixtureVAE(max_epochs=20, calibrate=False),
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
    model = SemiSupervisedVAE(graph, max_epochs=5, calibrate=False, random_state=0)
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
        {"ours": Noted(graph, max_epochs=1, calibrate=False)},
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
    ours = SemiSupervisedVAE(
        GraphicalModel({"size": Continuous()}), max_epochs=5, calibrate=False
    )
    settings = {"budgets": [20], "cv": 2, "scoring": "r2", "random_state": 0}
    results = label_efficiency_curve({"ours": ours}, X, y["size"], **settings)
    assert results["n_labels"].tolist() == [20, 20]
    assert np.isfinite(results["test_score"]).all()
    with pytest.raises(ValueError, match=r"continuous.*\['size'\].*'nb' does not take"):
        label_efficiency_curve({"nb": GaussianNB()}, X, y["size"], **settings)


# Kinds of input ----------------------------------------------------------------------


def as_strings(y):
    return np.array([None if v == -1 else f"kind {v}" for v in y], dtype=object)


def with_kinds_of_labels(X, y):
    """Return the results of classifiers that scikit-learn has, and of one of ours."""
    estimators = {
        "tree": DecisionTreeClassifier(max_depth=3),
        "spreading": LabelSpreading(gamma=0.3),
        "ours": FactorialMixtureVAE(
            max_epochs=1, calibrate=False, likelihood="gaussian"
        ),
    }
    return label_efficiency_curve(
        estimators, X, y, budgets=[20, 50], cv=2, random_state=0
    )


@pytest.fixture(scope="module")
def with_whole_numbers(numbered):
    return with_kinds_of_labels(*numbered)


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
def test_kinds_of_labels_make_no_difference(numbered, with_whole_numbers, convert):
    X, y = numbered
    results = with_kinds_of_labels(X, convert(y))
    assert_array_equal(results[SCORES], with_whole_numbers[SCORES])


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


def test_groups_are_never_split(recorder, numbered):
    X, y = numbered
    groups = np.arange(150) // 10
    log = []
    label_efficiency_curve(
        {"recorder": recorder(log)},
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
    estimators = {"ours": FactorialMixtureVAE(max_epochs=2, calibrate=False)}
    first, again, other = (
        label_efficiency_curve(estimators, *digits, budgets=[30], cv=2, random_state=s)
        for s in (0, 0, 1)
    )
    assert_array_equal(first[SCORES], again[SCORES])
    assert (first["test_score"] != other["test_score"]).any()


# Failures ----------------------------------------------------------------------------


def test_a_class_that_marks_missing_labels_is_noticed(numbered):
    """Once, of all labels, and not of each training part."""
    X, y = numbered
    y = np.where(y > 0, 1, -1)
    with pytest.warns(UserWarning, match="one class only, 1.*recode") as caught:
        label_efficiency_curve({"nb": GaussianNB()}, X, y, budgets=[10, 20], cv=2)
    assert len(caught) == 1


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
