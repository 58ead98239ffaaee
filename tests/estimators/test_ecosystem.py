"""The estimators among scikit-learn's tools, with partly labelled `y` throughout."""

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score, log_loss
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_val_predict,
    cross_val_score,
    train_test_split,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from skorch.callbacks import Callback

from skfmvae import SemiSupervisedVAE
from skfmvae.nn import MLP

# Of code that all estimators share, for which one of them stands.
one_estimator = pytest.mark.parametrize(
    "Estimator", [SemiSupervisedVAE], indirect=True, ids=["SemiSupervisedVAE"]
)

# Pipelines ----------------------------------------------------------------------------


@pytest.mark.parametrize("scaler", [StandardScaler, MinMaxScaler])
def test_pipeline_ending_in_the_estimator(make_learner, blobs, partial_blobs, scaler):
    X, number = blobs
    _, y = partial_blobs
    pipeline = make_pipeline(scaler(), make_learner()).fit(X, y)
    np.testing.assert_array_equal(pipeline.predict(X), number)
    assert pipeline.score(X, y) == 1.0
    # Rows come back in the units of the data, through every step.
    Z = pipeline.transform(X)
    back = pipeline.inverse_transform(Z)
    residual = ((X - back) ** 2).mean()
    assert residual < 0.25 * ((X - X.mean(axis=0)) ** 2).mean()


def test_representation_feeds_the_next_step(make_learner, blobs):
    X, number = blobs
    pipeline = make_pipeline(
        StandardScaler(), make_learner(), KMeans(3, n_init=10, random_state=0)
    )
    assert adjusted_rand_score(number, pipeline.fit_predict(X)) > 0.9
    # A classifier on top needs all labels, which the estimator then has as well.
    pipeline = make_pipeline(StandardScaler(), make_learner(), LogisticRegression())
    assert pipeline.fit(X, number).score(X, number) == 1.0


def test_features_keep_names_and_index_in_pandas(make_estimator, partial_blobs):
    X, y = partial_blobs
    frame = pd.DataFrame(X, index=np.arange(150) + 1000, columns=list("abcd"))
    estimator = make_estimator().set_output(transform="pandas").fit(frame, y)
    Z = estimator.transform(frame)
    assert Z.columns.tolist() == estimator.get_feature_names_out().tolist()
    assert Z.index.tolist() == frame.index.tolist()
    np.testing.assert_array_equal(Z, make_estimator().fit(X, y).transform(X))
    assert estimator.feature_names_in_.tolist() == list("abcd")


# Model selection ----------------------------------------------------------------------


def test_grid_search_reaches_nested_settings(make_learner, partial_blobs):
    X, y = partial_blobs
    X = X + np.random.default_rng(0).normal(scale=3.0, size=X.shape)
    grid = {"encoder__hidden": [(), (16,)], "objective__kl_warmup": [0.1, 0.9]}
    splits = list(KFold(2, shuffle=True, random_state=0).split(X))
    estimator = make_learner(max_epochs=10)
    search = GridSearchCV(estimator, grid, cv=splits, error_score="raise").fit(X, y)
    # A score is the accuracy over the labelled rows of the fold.
    train, test = splits[0]
    labelled = test[y[test] != -1]
    expected = []
    for params in search.cv_results_["params"]:
        fold = make_learner(
            encoder=MLP(hidden=params["encoder__hidden"]), max_epochs=10
        )
        fold.set_params(objective__kl_warmup=params["objective__kl_warmup"])
        fold.fit(X[train], y[train])
        expected.append(np.mean(fold.predict(X[labelled]) == y[labelled]))
    assert len(set(expected)) > 1
    assert search.cv_results_["split0_test_score"].tolist() == expected
    best = search.best_estimator_
    assert best.encoder.hidden == search.best_params_["encoder__hidden"]
    assert best.objective.kl_warmup == search.best_params_["objective__kl_warmup"]
    np.testing.assert_array_equal(search.predict(X), best.predict(X))


def test_scores_without_labels_are_bounds(make_estimator, blobs):
    X, _ = blobs
    folds = KFold(2)
    scores = cross_val_score(make_estimator(), X, cv=folds, error_score="raise")
    expected = [
        make_estimator().fit(X[train]).score_samples(X[test]).mean()
        for train, test in folds.split(X)
    ]
    np.testing.assert_allclose(scores, expected)


@one_estimator
def test_default_folds_are_stratified_by_what_is_known(make_learner, partial_blobs):
    """-1 is one more class to stratified folds, so every fold has some labels."""
    X, y = partial_blobs
    assert cross_val_score(make_learner(), X, y, cv=3, error_score="raise").min() == 1.0


@one_estimator
def test_cross_val_predict(make_learner, blobs, partial_blobs):
    X, number = blobs
    _, y = partial_blobs
    np.testing.assert_array_equal(cross_val_predict(make_learner(), X, y, cv=3), number)


@one_estimator
def test_several_properties_in_folds(make_learner, two_properties):
    X, numbers, y = two_properties
    folds = KFold(2, shuffle=True, random_state=0)
    predicted = cross_val_predict(make_learner(), X, y, cv=folds)
    np.testing.assert_array_equal(predicted, numbers)
    scores = cross_val_score(make_learner(), X, y, cv=folds, error_score="raise")
    assert scores.tolist() == [1.0, 1.0]


def test_cross_val_predict_of_probabilities_takes_labelled_rows(make_learner, blobs):
    """scikit-learn recodes `y` for it, so that -1 would be a class of its own."""
    X, number = blobs
    proba = cross_val_predict(make_learner(), X, number, cv=3, method="predict_proba")
    assert proba.shape == (150, 3)
    np.testing.assert_array_equal(proba.argmax(axis=1), number)


@one_estimator
def test_words_with_gaps_in_plain_folds(make_learner, blobs):
    X, number = blobs
    words = np.array(["ant", "bee", "cat"], dtype=object)[number]
    y = pd.Series(np.where(np.arange(150) % 3 == 0, words, None), dtype="string")
    predicted = cross_val_predict(make_learner(), X, y, cv=KFold(3))
    assert predicted.tolist() == words.tolist()
    scores = cross_val_score(make_learner(), X, y, cv=KFold(3), error_score="raise")
    assert scores.min() == 1.0


def test_calibration_on_labelled_rows(make_learner):
    """A fit to all rows is kept as it is and calibrated on held-out labelled ones."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 900)
    X = rng.normal(size=(900, 3)) + y[:, None]  # the classes overlap
    known = np.arange(900) < 60
    held_out, test = slice(60, 360), slice(360, None)
    estimator = make_learner().fit(
        X[: held_out.stop], np.where(known, y, -1)[: held_out.stop]
    )
    calibrated = CalibratedClassifierCV(FrozenEstimator(estimator))
    calibrated.fit(X[held_out], y[held_out])
    assert calibrated.classes_.tolist() == [0, 1]
    raw, better = (e.predict_proba(X[test]) for e in (estimator, calibrated))
    np.testing.assert_allclose(better.sum(axis=1), 1.0)
    assert log_loss(y[test], better) < log_loss(y[test], raw)
    assert calibrated.score(X[test], y[test]) > 0.7


def test_calibration_with_folds(make_learner, blobs):
    X, number = blobs
    calibrated = CalibratedClassifierCV(make_learner(), cv=3).fit(X, number)
    np.testing.assert_array_equal(calibrated.predict(X), number)


def test_held_out_rows_are_predicted_as_well(make_learner, blobs, partial_blobs):
    X, number = blobs
    _, y = partial_blobs
    train, test = train_test_split(np.arange(150), random_state=0)
    estimator = make_learner(encoder=MLP((64, 64))).fit(X[train], y[train])
    np.testing.assert_array_equal(estimator.predict(X[test]), number[test])


# Copies -------------------------------------------------------------------------------


def test_clones_share_nothing(make_estimator, partial_blobs):
    estimator = make_estimator().set_params(objective__kl_warmup=0.3)
    twin = clone(estimator.fit(*partial_blobs))
    assert twin.objective.kl_warmup == 0.3
    twin.set_params(objective__kl_warmup=0.9, encoder__hidden=(5,))
    assert estimator.objective.kl_warmup == 0.3
    assert estimator.encoder.hidden == (16,)
    assert not hasattr(twin, "net_")
    fresh = clone(estimator).fit(*partial_blobs)
    np.testing.assert_array_equal(*both(fresh, estimator, partial_blobs[0]))


@pytest.mark.parametrize(
    "duplicate",
    [lambda e: pickle.loads(pickle.dumps(e)), copy.deepcopy],
    ids=["pickle", "deepcopy"],
)
def test_copies_predict_alike(make_estimator, partial_blobs, duplicate):
    X, y = partial_blobs
    estimator = make_estimator(callbacks=[("noop", Callback())]).fit(X, y)
    twin = duplicate(estimator)
    np.testing.assert_array_equal(*both(twin, estimator, X))
    np.testing.assert_array_equal(twin.transform(X), estimator.transform(X))
    np.testing.assert_array_equal(
        twin.sample(5, random_state=0)[0], estimator.sample(5, random_state=0)[0]
    )
    assert twin.net_.history == estimator.net_.history
    # A copy can be fitted anew.
    np.testing.assert_array_equal(*both(twin.fit(X, y), estimator, X))


@one_estimator
def test_fits_run_in_processes(make_estimator, partial_blobs):
    X, y = partial_blobs
    with joblib.parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        fitted = joblib.Parallel()(
            joblib.delayed(make_estimator(random_state=seed).fit)(X, y)
            for seed in range(2)
        )
        scores = cross_val_score(make_estimator(), X, y, cv=2)
    for seed, estimator in enumerate(fitted):
        here = make_estimator(random_state=seed).fit(X, y)
        # Threads may sum in another order.
        np.testing.assert_allclose(*both(estimator, here, X), atol=1e-5)
    np.testing.assert_allclose(scores, cross_val_score(make_estimator(), X, y, cv=2))


def test_sample_weight_is_routed(make_estimator, partial_blobs):
    X, y = partial_blobs
    weight = np.random.default_rng(0).random(len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = Pipeline(
            [
                ("scale", StandardScaler().set_fit_request(sample_weight=False)),
                (
                    "vae",
                    make_estimator()
                    .set_fit_request(sample_weight=True)
                    .set_score_request(sample_weight=True),
                ),
            ]
        )
        pipeline.fit(X, y, sample_weight=weight)
        score = pipeline.score(X, y, sample_weight=weight)
        # scikit-learn before 1.8 asks the pipeline as well as its last step.
        pipeline.set_score_request(sample_weight=True)
        cross_val_score(
            pipeline, X, y, cv=2, params={"sample_weight": weight}, error_score="raise"
        )
        unasked = make_pipeline(StandardScaler(), make_estimator())
        with pytest.raises(ValueError, match="sample_weight"):
            unasked.fit(X, y, sample_weight=weight)
    scaled = StandardScaler().fit_transform(X)
    weighted = make_estimator().fit(scaled, y, sample_weight=weight)
    np.testing.assert_array_equal(*both(pipeline["vae"], weighted, scaled))
    unweighted = make_estimator().fit(scaled, y)
    assert (weighted.predict_proba(scaled) != unweighted.predict_proba(scaled)).any()
    assert score == weighted.score(scaled, y, sample_weight=weight)


def both(one, other, X):
    """Return the probabilities of two estimators."""
    return one.predict_proba(X), other.predict_proba(X)
