import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_blobs
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    make_scorer,
    roc_auc_score,
)
from sklearn.model_selection import cross_validate

from skfmvae import FactorialMixtureVAE
from skfmvae.metrics import expected_calibration_error
from skfmvae.model_selection import PartialLabelKFold, partial_scorer

METRICS = {
    "accuracy": lambda y, p, c: accuracy_score(y, c[p.argmax(1)]),
    "balanced_accuracy": lambda y, p, c: balanced_accuracy_score(y, c[p.argmax(1)]),
    "f1_macro": lambda y, p, c: f1_score(y, c[p.argmax(1)], average="macro"),
    "neg_log_loss": lambda y, p, c: -log_loss(y, p, labels=c),
    "roc_auc_ovr": lambda y, p, c: roc_auc_score(y, p, multi_class="ovr", labels=c),
    "neg_brier_score": lambda y, p, c: -brier_score_loss(y, p, labels=c),
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
