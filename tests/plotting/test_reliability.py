"""Reliability diagrams."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, make_blobs
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multioutput import MultiOutputClassifier

from skfmvae import FactorialMixtureVAE
from skfmvae.metrics import expected_calibration_error
from skfmvae.plotting import ReliabilityDisplay


@pytest.fixture(scope="module")
def rows():
    """Return rows, names of their three classes, and a classifier of the first 50."""
    X, y = make_blobs(400, centers=3, cluster_std=4.0, random_state=0)
    y = np.array(["a", "b", "c"])[y]
    return X, y, LogisticRegression().fit(X[:50], y[:50])


@pytest.mark.parametrize("n_bins", [1, 7, 15])
def test_bins_are_those_of_a_loop(rows, n_bins):
    X, y, model = rows
    proba = model.predict_proba(X)
    display = ReliabilityDisplay.from_predictions(y, proba, n_bins=n_bins)
    for i in range(n_bins):
        found = [
            (p.max(), "abc"[p.argmax()] == value)
            for p, value in zip(proba, y, strict=True)
            if i / n_bins < p.max() <= (i + 1) / n_bins
        ]
        assert display.bins.weight[i] == pytest.approx(len(found) / len(y))
        expected = np.mean(found, axis=0) if found else [np.nan, np.nan]
        assert_allclose(
            [display.bins.confidence[i], display.bins.accuracy[i]], expected
        )
    assert display.bins.error == pytest.approx(
        expected_calibration_error(y, proba, n_bins=n_bins)
    )


def test_what_is_drawn(rows):
    X, y, model = rows
    display = ReliabilityDisplay.from_estimator(model, X, y, n_bins=10)
    bins = display.bins
    has_rows = bins.weight > 0
    assert 0 < has_rows.sum() < 10
    assert_array_equal(display.line_.get_xdata(), bins.confidence[has_rows])
    assert_array_equal(display.line_.get_ydata(), bins.accuracy[has_rows])
    assert_allclose([bar.get_height() for bar in display.bars_], bins.weight)
    edges = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in display.bars_]
    inside = [edges[i] for i in np.flatnonzero(has_rows)]
    for (low, high), confidence in zip(inside, bins.confidence[has_rows], strict=True):
        assert low < confidence <= high
    error = expected_calibration_error(y, model.predict_proba(X), n_bins=10)
    assert display.line_.get_label() == f"LogisticRegression, ECE {error:.1%}"
    diagonal = display.ax_.lines[0]
    assert_array_equal(diagonal.get_xdata(), diagonal.get_ydata())


def test_two_displays_in_one_axes(rows):
    X, y, model = rows
    figure, ax = plt.subplots()
    first = ReliabilityDisplay.from_estimator(model, X, y, name="first", ax=ax)
    second = ReliabilityDisplay.from_predictions(y, model.predict_proba(X), ax=ax)
    assert first.figure_ is second.figure_ is figure
    assert len(ax.lines) == 3
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[1].startswith("first, ECE")
    assert labels[2].startswith("ECE")
    assert second.plot() is second
    assert second.figure_ is not figure


@pytest.mark.parametrize("unlabelled", [None, np.nan], ids=str)
def test_unlabelled_rows_do_not_count(rows, unlabelled):
    X, y, model = rows
    is_labelled = np.arange(len(y)) % 3 == 0
    partial = np.where(is_labelled, y.astype(object), unlabelled)
    expected = ReliabilityDisplay.from_estimator(model, X[is_labelled], y[is_labelled])
    proba = np.where(is_labelled[:, None], model.predict_proba(X), np.nan)
    for display in (
        ReliabilityDisplay.from_estimator(model, X, partial),
        ReliabilityDisplay.from_estimator(model, pd.DataFrame(X), pd.Series(partial)),
        ReliabilityDisplay.from_predictions(partial, proba),
    ):
        assert_array_equal(np.array(display.bins), np.array(expected.bins))


def test_hidden_probabilities_of_partly_labelled_rows(X):
    y = np.where(np.arange(200) < 60, load_digits().target[:200], -1)
    model = FactorialMixtureVAE(max_epochs=2, random_state=0).fit(X, y)
    hidden = model.hidden_proba_[0]
    display = ReliabilityDisplay.from_predictions(y, hidden, labels=model.classes_)
    assert display.bins.error == pytest.approx(
        expected_calibration_error(y[:60], hidden[:60], labels=model.classes_)
    )


@pytest.mark.parametrize("chosen", ["parity", 1])
def test_one_of_several_properties(model, X, chosen):
    digit = load_digits().target[:200]
    parity = np.array(["even", "odd"])[digit % 2]
    y = pd.DataFrame({"digit": digit, "parity": parity})
    y.loc[::2, "parity"] = None
    display = ReliabilityDisplay.from_estimator(model, X, y, property=chosen)
    proba = model.property_proba(X[1::2])["parity"]
    assert display.bins.error == pytest.approx(
        expected_calibration_error(parity[1::2], proba, labels=["even", "odd"])
    )


def test_several_properties_of_another_package():
    X, y = make_blobs(200, centers=4, cluster_std=3.0, random_state=0)
    both = np.stack([y, y % 2], axis=1)
    model = MultiOutputClassifier(LogisticRegression()).fit(X, both)
    display = ReliabilityDisplay.from_estimator(model, X, both, property=1)
    assert display.bins.error == pytest.approx(
        expected_calibration_error(both[:, 1], model.predict_proba(X)[1])
    )
    with pytest.raises(ValueError, match=r"\[0, 1\]; draw one at a time"):
        ReliabilityDisplay.from_estimator(model, X, both)
    with pytest.raises(ValueError, match="property=2 is none of those of y"):
        ReliabilityDisplay.from_estimator(model, X, both, property=2)


def test_what_cannot_be_drawn(rows):
    X, y, model = rows
    draw, of = ReliabilityDisplay.from_estimator, ReliabilityDisplay.from_predictions
    proba = model.predict_proba(X)
    with pytest.raises(ValueError, match="0 has no label to compare"):
        draw(model, X, np.full(len(X), -1))
    with pytest.raises(ValueError, match="0 is a quantity"):
        draw(model, X, X[:, 0])
    with pytest.raises(AttributeError, match="RidgeClassifier.*predict_proba"):
        draw(RidgeClassifier().fit(X, y), X, y)
    with pytest.raises(ValueError, match="-1 among its classes_"):
        draw(LogisticRegression().fit(X, np.where(y == "a", -1, 1)), X, y == "a")
    with pytest.raises(ValueError, match="399 rows, but y_true has 400"):
        of(y, proba[1:])
    with pytest.raises(ValueError, match="2 columns, one for each"):
        of(y, proba, labels=["a", "b"])
    with pytest.raises(ValueError, match="y_proba contains NaN"):
        of(y, np.full_like(proba, np.nan))
    with pytest.raises(ValueError, match="n_bins=0 should be a whole number"):
        of(y, proba, n_bins=0)
