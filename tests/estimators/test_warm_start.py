"""Fits that go on from the model of the fit before."""

import copy
import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest

from skfmvae.estimators import cross_fitting


@pytest.fixture(scope="module")
def make_estimator(make_estimator):
    """Without virtual adversarial training, which takes most of the time."""
    return partial(make_estimator, adversarial=None)


@pytest.fixture(scope="module")
def first(make_learner, partial_blobs):
    return make_learner(warm_start=True, likelihood="gaussian").fit(*partial_blobs)


@pytest.fixture
def warm(first):
    return copy.deepcopy(first).set_params(max_epochs=2)


def test_the_first_fit_is_an_ordinary_one(first, make_learner, partial_blobs):
    X, y = partial_blobs
    cold = make_learner(likelihood="gaussian").fit(X, y)
    np.testing.assert_array_equal(first.transform(X), cold.transform(X))


def test_without_warm_start_a_fit_begins_anew(first, make_learner, partial_blobs):
    X, y = partial_blobs
    again = copy.deepcopy(first).set_params(warm_start=False).fit(X, y)
    np.testing.assert_array_equal(again.transform(X), first.transform(X))
    assert again.n_iter_ == first.n_iter_


def test_a_warm_start_goes_on(first, warm, make_learner, partial_blobs):
    X, y = partial_blobs
    before = first.transform(X)
    warm.fit(X, y)
    np.testing.assert_array_equal(first.transform(X), before)
    cold = make_learner(likelihood="gaussian", max_epochs=2).fit(X, y)
    assert warm.score(X) > cold.score(X) + 0.5
    assert warm.score(X) > first.score(X) - 0.5
    assert warm.n_iter_ == first.n_iter_ + 2
    assert warm.net_.history[:, "epoch"] == list(range(1, warm.n_iter_ + 1))
    assert warm.net_.history[: first.n_iter_] == first.net_.history


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_copies_go_on(first, partial_blobs, copied):
    X, y = partial_blobs
    twins = [copied(first).set_params(max_epochs=1).fit(X, y) for _ in range(2)]
    np.testing.assert_array_equal(*(twin.transform(X) for twin in twins))
    assert twins[0].n_iter_ == first.n_iter_ + 1


def test_new_labels_are_used(first, make_learner, blobs, partial_blobs):
    """The names of two classes are exchanged."""
    X, y = blobs
    warm = copy.deepcopy(first)
    swapped = np.array([1, 0, 2])[y]
    assert warm.score(X, swapped) < 0.5
    assert warm.fit(X, swapped).score(X, swapped) > 0.95


def test_new_rows_may_be_fewer_or_more(warm, blobs):
    X, y = blobs
    warm.fit(X[:3], y[:3])
    assert warm.n_samples_fit_ == 3
    warm.fit(np.tile(X, (2, 1)), np.tile(y, 2))
    assert warm.n_samples_fit_ == 300


def test_other_columns_and_classes_are_refused(warm, blobs, says):
    X, y = blobs
    before = dict(vars(warm))
    with pytest.raises(ValueError, match="3 features"):
        warm.fit(X[:, :3], y)
    with pytest.raises(ValueError, match=says("[5]", "property_components")):
        warm.fit(X, np.where(y == 2, 5, y))
    with pytest.raises(ValueError, match="y has 2 columns"):
        warm.fit(X, np.column_stack([y, y]))
    assert vars(warm) == before


def test_a_single_row_is_refused(warm, blobs):
    X, y = blobs
    for method in (warm.fit, warm.partial_fit):
        with pytest.raises(ValueError, match="X has 1 row, while a minimum of 2"):
            method(X[:1], y[:1])


def test_other_names_of_properties_are_refused(make_estimator, partial_blobs):
    X, y = partial_blobs
    warm = make_estimator(warm_start=True, max_epochs=1)
    warm.fit(X, pd.Series(y, name="kind"))
    with pytest.raises(ValueError, match="y has the columns"):
        warm.fit(X, pd.Series(y, name="sort"))


def test_values_outside_the_likelihood_are_refused(make_estimator):
    X, y = np.random.default_rng(0).random((40, 4)).round(), np.arange(40) % 2
    warm = make_estimator(warm_start=True, max_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="Bernoulli"):
        warm.fit(X + 3, y)


def test_gaps_may_appear(warm, partial_blobs):
    X, y = partial_blobs
    gaps = np.random.default_rng(0).random(X.shape) < 0.2
    warm.fit(np.where(gaps, np.nan, X), y)
    assert np.isfinite(warm.net_.history[:, "train_loss"]).all()
    np.testing.assert_allclose(warm.missing_rate_, gaps.mean(axis=0))
    warm.fit(X, y)
    assert warm.net_.module_.likelihood.skips_search


def test_refits_for_calibration_are_long_enough(
    warm, partial_blobs, monkeypatch, make_learner
):
    """As if the model had been fitted at once, and no longer than that."""
    lengths = []

    def spied(estimator, *args, **kwargs):
        lengths.append(estimator.max_epochs)
        return train(estimator, *args, **kwargs)

    train = cross_fitting.train
    monkeypatch.setattr(cross_fitting, "train", spied)
    warm.set_params(calibrate=True).fit(*partial_blobs)
    assert lengths == [7, 7]  # half of 12 epochs and two more
    cold = make_learner(calibrate=True, max_epochs=2).fit(*partial_blobs)
    assert cold.n_iter_ == 2
    assert lengths[2:] == [1, 1]
