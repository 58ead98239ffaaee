"""Scores of labelled entries alone."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn.datasets import make_blobs
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    RidgeClassifier,
)
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    make_scorer,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.semi_supervised import LabelSpreading

from skfmvae import FactorialMixtureVAE, SemiSupervisedVAE
from skfmvae.metrics import expected_calibration_error
from skfmvae.model_selection import PartialLabelKFold, partial_scorer
from skfmvae.models import Continuous, Discrete, GraphicalModel

METRICS = {
    "accuracy": lambda y, p, c: accuracy_score(y, c[p.argmax(1)]),
    "balanced_accuracy": lambda y, p, c: balanced_accuracy_score(y, c[p.argmax(1)]),
    "f1_macro": lambda y, p, c: f1_score(y, c[p.argmax(1)], average="macro"),
    "neg_log_loss": lambda y, p, c: -log_loss(y, p, labels=c),
    "roc_auc_ovr": lambda y, p, c: roc_auc_score(y, p, multi_class="ovr", labels=c),
    "neg_brier_score": lambda y, p, c: -((p - (y[:, None] == c)) ** 2).sum(1).mean(),
    "neg_expected_calibration_error": lambda y, p, c: (
        -expected_calibration_error(y, p, labels=c)
    ),
}


@pytest.fixture(scope="module")
def rows():
    """Return rows, all labels of two properties of three values, and some of them."""
    rng = np.random.default_rng(0)
    X, shape = make_blobs(300, centers=3, cluster_std=4.0, random_state=0)
    X = np.c_[X, rng.normal(size=300)]
    y = np.stack([shape, np.digitize(X[:, 2] + rng.normal(size=300), [-0.7, 0.7])], 1)
    return X, y, np.where(rng.random(y.shape) < 0.4, y, -1)


@pytest.fixture(scope="module")
def forest(rows):
    X, y, _ = rows
    forest = RandomForestClassifier(20, max_depth=3, random_state=0)
    return forest.fit(X[:200], y[:200])


@pytest.mark.parametrize("metric", METRICS)
def test_labelled_entries_count_alone(rows, forest, metric):
    X, y, partial = (part[200:] for part in rows)
    by_hand = []
    for k, proba in enumerate(forest.predict_proba(X)):
        known = partial[:, k] >= 0
        classes = forest.classes_[k]
        by_hand.append(METRICS[metric](y[known, k], proba[known], classes))
        scorer = partial_scorer(metric, property=k)
        assert scorer(forest, X, partial) == pytest.approx(by_hand[-1])
    assert partial_scorer(metric)(forest, X, partial) == pytest.approx(np.mean(by_hand))


@pytest.mark.parametrize("metric", METRICS)
def test_one_property_without_columns(rows, metric):
    X, y, partial = rows
    model = LogisticRegression().fit(X[:200], y[:200, 0])
    known = partial[200:, 0] >= 0
    expected = METRICS[metric](
        y[200:, 0][known], model.predict_proba(X[200:])[known], model.classes_
    )
    found = partial_scorer(metric)(model, X[200:], partial[200:, 0])
    assert found == pytest.approx(expected)


def test_with_all_labels_it_is_scikit_learns():
    X, y = make_blobs(100, centers=3, random_state=0)
    model = LogisticRegression().fit(X, y)
    assert partial_scorer()(model, X, y) == model.score(X, y)
    scorer = make_scorer(f1_score, average="micro")
    assert partial_scorer(scorer)(model, X, y) == scorer(model, X, y)
    ridge = RidgeClassifier().fit(X, y)  # has no probabilities
    assert partial_scorer()(ridge, X, y) == ridge.score(X, y)


@pytest.mark.parametrize("values", [[0, 1], [3, 5], ["no", "yes"]])
def test_the_brier_score_of_two_classes_is_scikit_learns(values):
    X, y = make_blobs(100, centers=2, cluster_std=6.0, random_state=0)
    y = np.array(values)[y]
    model = LogisticRegression().fit(X, y)
    proba = model.predict_proba(X)[:, 1]
    expected = -brier_score_loss(y, proba, pos_label=values[1])
    assert partial_scorer("neg_brier_score")(model, X, y) == pytest.approx(expected)


def test_the_brier_score_of_rows_that_lack_a_class(rows, forest):
    X, y, _ = rows
    few = y[:, 0] < 2
    proba = forest.predict_proba(X)[0][few]
    expected = METRICS["neg_brier_score"](y[few, 0], proba, forest.classes_[0])
    scorer = partial_scorer("neg_brier_score", property=0)
    assert scorer(forest, X[few], y[few]) == pytest.approx(expected)
    model = LogisticRegression().fit(X[few], y[few, 0])
    with pytest.raises(ValueError, match=r"y holds \[2\].* classes_ are \[0, 1\]"):
        partial_scorer("neg_brier_score")(model, X, y[:, 0])


def test_names_and_strings_of_an_estimator_of_ours(rows):
    X, y, partial = rows
    words = np.array(["round", "square", "star"], dtype=object)
    frame = pd.DataFrame(
        {
            "shape": [words[c] if c >= 0 else None for c in partial[:, 0]],
            "size": np.where(partial[:, 1] >= 0, partial[:, 1], np.nan),
        }
    )
    model = FactorialMixtureVAE(max_epochs=3, random_state=0).fit(X, frame)
    predicted = model.predict(X)
    for k, name in enumerate(frame.columns):
        known = partial[:, k] >= 0
        expected = np.mean(predicted[known, k] == frame[name].to_numpy()[known])
        assert partial_scorer(property=name)(model, X, frame) == pytest.approx(expected)
        # Arrays have no names; the estimator remembers them.
        assert partial_scorer(property=name)(
            model, X, frame.to_numpy()
        ) == pytest.approx(expected)
    assert partial_scorer("neg_log_loss", property="shape")(model, X, frame) < 0
    # The estimator's own score counts each entry alike, whatever its property.
    by_property = [partial_scorer(property=k)(model, X, frame) for k in range(2)]
    n_known = (partial >= 0).sum(axis=0)
    assert np.average(by_property, weights=n_known) == pytest.approx(
        model.score(X, frame)
    )


def test_a_property_without_a_label_is_left_out(rows, forest):
    X, _, partial = rows
    partial = partial.copy()
    partial[:, 1] = -1
    both = partial_scorer()(forest, X, partial)
    assert both == partial_scorer(property=0)(forest, X, partial)
    assert np.isnan(partial_scorer(property=1)(forest, X, partial))


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


def of_known(metric, y, predicted):
    known = y.notna().to_numpy()
    return metric(y[known].astype(float), predicted[known].astype(float))


def test_labels_and_quantities_have_metrics_of_their_own(kind_and_size):
    X, y, model = kind_and_size
    kind, size = model.predict(X).T
    accuracy = of_known(accuracy_score, y["kind"], kind)
    r2 = of_known(r2_score, y["size"], size)
    error = of_known(mean_absolute_error, y["size"], size)
    # Arrays have no names; the estimator knows them.
    for form in (y, y.to_numpy(), y.astype(object).where(y.notna(), None)):
        assert partial_scorer()(model, X, form) == accuracy
        assert partial_scorer(property="kind")(model, X, form) == accuracy
        scorer = partial_scorer("r2", property="size")
        assert scorer(model, X, form) == pytest.approx(r2)
        scorer = partial_scorer("neg_mean_absolute_error", property=1)
        assert scorer(model, X, form) == pytest.approx(-error)
    assert partial_scorer()(model, X, y) == model.score(X, y)
    proba = model.predict_proba(X)[y["kind"].notna()]
    expected = -log_loss(y["kind"].dropna(), proba, labels=model.classes_)
    assert partial_scorer("neg_log_loss")(model, X, y) == pytest.approx(expected)


def test_the_graph_says_what_whole_numbers_are(kind_and_size):
    """Of 3 rows all sizes are whole, or -1: none of them is missing."""
    X, y, model = kind_and_size
    few = pd.DataFrame({"kind": [0, 1, -1], "size": [-1, 5, 2]})
    size = model.predict(X[:3])[:, 1].astype(float)
    scorer = partial_scorer("r2", property="size")
    assert scorer(model, X[:3], few) == pytest.approx(r2_score([-1, 5, 2], size))
    cv = PartialLabelKFold(2)
    search = GridSearchCV(model, {"lr": [1e-3]}, cv=cv, scoring=partial_scorer())
    search.fit(X, y)
    expected = scorer(search.best_estimator_, X[:3], few)
    assert scorer(search, X[:3], few) == pytest.approx(expected)


def test_quantities_alone_are_scored_by_their_mean():
    X, _ = make_blobs(60, centers=2, n_features=3, random_state=0)
    y = np.where(np.random.default_rng(0).random((60, 2)) < 0.5, X[:, :2], np.nan)
    model = LinearRegression().fit(X[:, 1:], X[:, :2])
    predicted = model.predict(X[:, 1:])
    by_column = [
        r2_score(y[known, j], predicted[known, j])
        for j, known in enumerate(~np.isnan(y.T))
    ]
    found = partial_scorer("r2")(model, X[:, 1:], y)
    assert found == pytest.approx(np.mean(by_column))


@pytest.mark.parametrize("metric", [*METRICS, make_scorer(accuracy_score)])
def test_a_metric_of_labels_does_not_score_a_quantity(kind_and_size, metric):
    X, y, model = kind_and_size
    message = "property 'size' is a quantity, which metric=.*such as 'r2'"
    with pytest.raises(ValueError, match=message):
        partial_scorer(metric, property="size")(model, X, y)
    with pytest.raises(ValueError, match=message.replace("'size'", "0")):
        partial_scorer(metric)(LinearRegression().fit(X, X[:, 0]), X, X[:, 0])


def test_what_fails_for_another_reason_says_that_alone(kind_and_size):
    X, y, model = kind_and_size  # with sizes below -1
    scorer = partial_scorer("neg_mean_squared_log_error", property="size")
    with pytest.raises(ValueError, match="^Mean Squared Logarithmic Error cannot"):
        scorer(model, X, y)


# Weights ------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
def test_weights_count_rows_as_often(rows, forest, metric):
    X, _, partial = (part[200:] for part in rows)
    weight = np.random.default_rng(1).integers(4, size=len(X))
    again = np.repeat(np.arange(len(X)), weight)
    scorer = partial_scorer(metric)
    expected = scorer(forest, X[again], partial[again])
    found = scorer(forest, X, partial, sample_weight=weight)
    assert found == pytest.approx(expected)
    assert np.isnan(scorer(forest, X, partial, sample_weight=np.zeros(len(X))))


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0, np.nan], "sample_weight contains NaN"),
        ([1.0, np.inf], "sample_weight contains infinity"),
        ([1.0, -1.0], "values from -1.0; give 2 numbers"),
        ([1.0, 1.0, 1.0], r"sample_weight has shape \(3,\).*give 2 numbers"),
        ([[1.0, 1.0]], r"sample_weight has shape \(1, 2\)"),
    ],
)
def test_weights_that_cannot_be(rows, forest, weight, message):
    X, y, _ = rows
    with pytest.raises(ValueError, match=message):
        partial_scorer()(forest, X[:2], y[:2], sample_weight=weight)


def one(estimator, X, y):
    return 1.0


def share_of_zeros(y, predicted):
    return np.mean(predicted == 0)


@pytest.mark.parametrize("metric", [one, make_scorer(share_of_zeros), "neg_max_error"])
def test_a_metric_without_weights_refuses_them(rows, forest, metric):
    X, y, _ = rows
    scorer = partial_scorer(metric)
    message = "metric=.* takes no sample_weight; leave the weights out, or give"
    with pytest.raises(ValueError, match=message):
        scorer(forest, X, y, sample_weight=np.ones(len(X)))
    assert np.isfinite(scorer(forest, X, y))
    assert not scorer._accept_sample_weight()


def test_a_metric_of_any_keywords_is_given_weights(rows, forest):
    X, y, _ = rows
    weight = np.arange(1.0, 301.0)

    def total(estimator, X, y, **params):
        return params["sample_weight"].sum()

    assert partial_scorer(total)(forest, X, y, sample_weight=weight) == weight.sum()


def test_weights_are_routed_where_asked_for(rows):
    X, _, partial = rows
    y, weight = partial[:, 0], np.random.default_rng(0).random(300)
    model = LabelSpreading(gamma=0.3)
    params = {"sample_weight": weight}

    def scores(scorer):
        return cross_validate(
            model, X, y, cv=PartialLabelKFold(3), scoring=scorer, params=params
        )

    by_hand = []
    for train, test in PartialLabelKFold(3).split(X, y):
        model.fit(X[train], y[train])
        right = model.predict(X[test]) == y[test]
        by_hand.append(np.average(right, weights=weight[test]))
    with pytest.raises(RuntimeError, match="needs metadata routing"):
        partial_scorer().set_score_request(sample_weight=True)
    with sklearn.config_context(enable_metadata_routing=True):
        asks = partial_scorer().set_score_request(sample_weight=True)
        assert_allclose(scores(asks)["test_score"], by_hand)
        plain = partial_scorer().set_score_request(sample_weight=False)
        found = scores({"weighted": asks, "plain": plain})
        assert_allclose(found["test_weighted"], by_hand)
        assert (found["test_plain"] != by_hand).all()
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            scores(partial_scorer())


def test_in_cross_validation(rows):
    X, _, partial = rows
    scoring = {
        "first": partial_scorer(property=0),
        "second": partial_scorer("neg_log_loss", property=1),
    }
    model = FactorialMixtureVAE(max_epochs=2, random_state=0)
    scores = cross_validate(model, X, partial, cv=PartialLabelKFold(3), scoring=scoring)
    for name in scoring:
        assert np.isfinite(scores[f"test_{name}"]).all()


def test_scorers_travel_and_say_what_they_are():
    scorer = pickle.loads(pickle.dumps(partial_scorer("f1_macro", property="shape")))
    assert repr(scorer) == "partial_scorer('f1_macro', property='shape')"


def test_what_cannot_be_scored(rows, forest):
    X, _, partial = rows
    with pytest.raises(ValueError, match="metric='acuracy' is not a scorer"):
        partial_scorer("acuracy")
    for wrong in (2, -1, "shape"):
        with pytest.raises(ValueError, match=r"property=.* none of those of y.*0, 1"):
            partial_scorer(property=wrong)(forest, X, partial)
