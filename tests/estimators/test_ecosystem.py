"""The estimators among scikit-learn's tools, with partly labelled `y` throughout."""

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import sklearn
import torch
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

from skfmvae.nn import MLP, Gaussian
from skfmvae.regularizers import Neighbours, VirtualAdversarial
from skfmvae.training import KL, EarlyStopping

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
    grid = {"encoder__hidden": [(), (16,)], "kl__warmup": [0.1, 0.9]}
    splits = list(KFold(2, shuffle=True, random_state=0).split(X))
    estimator = make_learner(kl=KL(), max_epochs=10)
    search = GridSearchCV(estimator, grid, cv=splits, error_score="raise").fit(X, y)
    # A score is the accuracy over the labelled rows of the fold.
    train, test = splits[0]
    labelled = test[y[test] != -1]
    expected = []
    for params in search.cv_results_["params"]:
        fold = make_learner(
            encoder=MLP(hidden=params["encoder__hidden"]),
            kl=KL(warmup=params["kl__warmup"]),
            max_epochs=10,
        ).fit(X[train], y[train])
        expected.append(np.mean(fold.predict(X[labelled]) == y[labelled]))
    assert len(set(expected)) > 1
    assert search.cv_results_["split0_test_score"].tolist() == expected
    best = search.best_estimator_
    assert best.encoder.hidden == search.best_params_["encoder__hidden"]
    assert best.kl.warmup == search.best_params_["kl__warmup"]
    np.testing.assert_array_equal(search.predict(X), best.predict(X))


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"neighbours__n_neighbors": 7}, {"neighbours": Neighbours(n_neighbors=7)}),
        ({"kl__warmup": 0.1}, {"kl": KL(warmup=0.1)}),
        ({"encoder__hidden": (5,)}, {"encoder": MLP(hidden=(5,))}),
        (
            {"likelihood": "gaussian", "likelihood__min_scale": 0.1},
            {"likelihood": Gaussian(min_scale=0.1)},
        ),
        (
            {"early_stopping": True, "early_stopping__patience": 3},
            {"early_stopping": EarlyStopping(patience=3)},
        ),
        (
            {"adversarial": VirtualAdversarial(2.0), "adversarial__radius": 0.9},
            {"adversarial": VirtualAdversarial(2.0, radius=0.9)},
        ),
    ],
)
def test_settings_are_reached_through_the_words_for_them(Estimator, params, expected):
    estimator = clone(Estimator()).set_params(**params)
    for name, settings in expected.items():
        assert repr(getattr(estimator, name)) == repr(settings)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"likelihood__min_scale": 0.1}, r"likelihood='auto' has no .*=Gaussian\(\)"),
        ({"neighbours": None, "neighbours__alpha": 0.5}, r"neighbours=Neighbours\(\)"),
        ({"early_stopping__patience": 3}, r"early_stopping=EarlyStopping\(\)"),
        ({"early_stopping": False, "early_stopping__tol": 0}, "early_stopping=False"),
        ({"max_epochs__x": 3}, "max_epochs=None has no parameters"),
        ({"neighbors__x": 3}, "Invalid parameter 'neighbors'"),
    ],
)
def test_settings_that_are_off_cannot_be_changed(Estimator, params, message):
    estimator = Estimator()
    with pytest.raises(ValueError, match=message):
        estimator.set_params(**params)
    assert repr(estimator) == repr(Estimator())
    with pytest.raises(ValueError, match="Invalid parameter 'x'"):
        estimator.set_params(neighbours__x=3)
    with pytest.raises(ValueError, match="'NoneType' object .* an object first"):
        estimator.set_params(neighbours__features__n_components=3)


@pytest.mark.parametrize("early_stopping", [True, False])
def test_early_stopping_by_a_truth_value(make_estimator, partial_blobs, early_stopping):
    X, y = partial_blobs
    settings = EarlyStopping() if early_stopping else None
    by_word, by_object = (
        make_estimator(early_stopping=value).fit(X, y)
        for value in (early_stopping, settings)
    )
    np.testing.assert_array_equal(by_word.predict_proba(X), by_object.predict_proba(X))
    assert ("valid_loss" in by_word.net_.history[-1]) == early_stopping


def test_scores_without_labels_are_bounds(make_estimator, blobs):
    X, _ = blobs
    folds = KFold(2)
    scores = cross_val_score(make_estimator(), X, cv=folds, error_score="raise")
    expected = [
        make_estimator().fit(X[train]).score_samples(X[test]).mean()
        for train, test in folds.split(X)
    ]
    np.testing.assert_allclose(scores, expected)


def test_default_folds_are_stratified_by_what_is_known(make_learner, partial_blobs):
    """-1 is one more class to stratified folds, so every fold has its share."""
    X, y = partial_blobs
    assert cross_val_score(make_learner(), X, y, cv=3, error_score="raise").min() == 1.0


def test_cross_val_predict(make_learner, blobs, partial_blobs):
    X, number = blobs
    _, y = partial_blobs
    np.testing.assert_array_equal(cross_val_predict(make_learner(), X, y, cv=3), number)


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


# Copies -------------------------------------------------------------------------------


def test_clones_share_nothing(make_estimator, partial_blobs):
    estimator = make_estimator(kl=KL(warmup=0.3)).fit(*partial_blobs)
    twin = clone(estimator)
    assert twin.kl.warmup == 0.3
    twin.set_params(kl__warmup=0.9, encoder__hidden=(5,))
    assert estimator.kl.warmup == 0.3
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


def test_weights_count_in_the_score(make_estimator, blobs):
    X, number = blobs
    estimator = make_estimator().fit(X, number)
    weight = np.random.default_rng(0).random(150)
    y = np.where(np.arange(150) % 2, number, -1)
    # A value that fit never saw is an error of the prediction.
    y[1] = 99
    right, labelled = estimator.predict(X) == y, y != -1
    expected = weight[right & labelled].sum() / weight[labelled].sum()
    assert estimator.score(X, y, sample_weight=weight) == pytest.approx(expected)
    bound = np.average(estimator.score_samples(X), weights=weight)
    assert estimator.score(X, sample_weight=weight) == pytest.approx(bound)


# Randomness ---------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, np.random.RandomState(7)], ids=["int", "instance"])
def test_refits_are_bit_identical(make_estimator, partial_blobs, seed):
    X, y = partial_blobs
    first, second = (
        make_estimator(random_state=copy.deepcopy(seed)).fit(X, y) for _ in range(2)
    )
    states = (e.net_.module_.state_dict() for e in (first, second))
    for one, other in zip(*(state.values() for state in states), strict=True):
        assert torch.equal(one, other)
    np.testing.assert_array_equal(*both(first, second, X))
    for one, other in zip(
        *(e.sample(9, random_state=copy.deepcopy(seed)) for e in (first, second)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    # score_samples draws, but the same each time.
    np.testing.assert_array_equal(first.score_samples(X), second.score_samples(X))


def test_seeds_matter(make_estimator, partial_blobs):
    X, y = partial_blobs
    first, second = (make_estimator(random_state=s).fit(X, y) for s in (0, 1))
    assert (first.transform(X) != second.transform(X)).any()
    draws = [first.sample(9, random_state=s)[0] for s in (0, 1)]
    assert (draws[0] != draws[1]).any()


def test_the_callers_random_state_is_left_alone(make_estimator, partial_blobs):
    X, y = partial_blobs
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    estimator = make_estimator(random_state=0).fit(X, y)
    estimator.sample(5, random_state=0)
    estimator.intervene(X, {"property_0": 1})
    estimator.score_samples(X)
    estimator.predict(X)
    after = np.random.get_state()[1], torch.get_rng_state()  # noqa: NPY002
    np.testing.assert_array_equal(before[0], after[0])
    assert torch.equal(before[1], after[1])


# Kinds of input -----------------------------------------------------------------------

WHOLE = np.random.default_rng(0).integers(0, 9, size=(60, 4))
WHOLE_Y = np.where(np.arange(60) < 20, WHOLE[:, 0] % 2, -1)


@pytest.fixture(scope="module")
def fitted_to_an_array(make_estimator):
    X = WHOLE.astype(np.float32)
    return X, make_estimator().fit(X, WHOLE_Y)


@pytest.mark.parametrize(
    "convert",
    [
        lambda X: X.astype(np.float64),
        lambda X: X.astype(np.float16),
        lambda X: X.astype(np.int64),
        lambda X: X.astype(np.uint8),
        lambda X: np.asfortranarray(X),
        lambda X: np.repeat(X, 2, axis=0)[::2],
        lambda X: X.tolist(),
        lambda X: scipy.sparse.csr_matrix(X),
        lambda X: scipy.sparse.csr_array(X),
        lambda X: scipy.sparse.coo_array(X),
        lambda X: pd.DataFrame(X, columns=list("abcd")),
        lambda X: pl.DataFrame(X, schema=list("abcd")),
    ],
    ids=[
        *("float64", "float16", "int64", "uint8", "fortran", "strided", "list"),
        *("csr_matrix", "csr_array", "coo_array", "pandas", "polars"),
    ],
)
def test_rows_may_come_in_any_form(make_estimator, fitted_to_an_array, convert):
    X, expected = fitted_to_an_array
    same = convert(X)
    estimator = make_estimator().fit(same, WHOLE_Y)
    # Column statistics of sparse rows are summed in another order.
    for method in ("predict_proba", "transform", "score_samples", "reconstruct"):
        np.testing.assert_allclose(
            getattr(estimator, method)(same),
            getattr(expected, method)(X),
            rtol=1e-4,
            atol=1e-5,
        )
    np.testing.assert_allclose(
        estimator.intervene(same, {"property_0": 1}),
        expected.intervene(X, {"property_0": 1}),
        rtol=1e-4,
        atol=1e-4,
    )


def test_names_of_columns_are_kept(make_estimator):
    frame = pd.DataFrame(WHOLE, columns=list("abcd"))
    estimator = make_estimator().fit(frame, WHOLE_Y)
    assert estimator.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.predict(frame[list("dcba")])
    assert not hasattr(make_estimator().fit(WHOLE, WHOLE_Y), "feature_names_in_")


class SeeRows(Callback):
    """Note where the rows lie that the training sees."""

    def on_train_begin(self, net, X=None, **kwargs):
        self.address = X.x.data_ptr()


@pytest.mark.skipif(torch.cuda.is_available(), reason="the rows move to the device")
def test_float32_rows_are_not_copied(make_estimator, partial_blobs, tmp_path):
    X, y = partial_blobs
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    see = SeeRows()
    estimator = make_estimator(callbacks=[see]).fit(mapped, y)
    assert see.address == mapped.ctypes.data
    np.testing.assert_array_equal(*both(estimator, make_estimator().fit(X, y), X))
    np.testing.assert_array_equal(
        estimator.predict_proba(mapped), estimator.predict_proba(X)
    )


def test_a_row_does_not_depend_on_its_neighbours(make_estimator, partial_blobs):
    X, y = partial_blobs
    estimator = make_estimator().fit(X, y)
    order = np.random.default_rng(0).permutation(150)
    for method in ("predict_proba", "transform", "score_samples", "reconstruct"):
        call = getattr(estimator, method)
        np.testing.assert_allclose(call(X[order]), call(X)[order], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(call(X[:1]), call(X)[:1], rtol=1e-5, atol=1e-6)


def test_many_rows_go_through_in_chunks(make_estimator, partial_blobs):
    """More rows than are computed at once, whose results are joined in order."""
    X, y = partial_blobs
    estimator = make_estimator().fit(X, y)
    many = np.tile(X, (9, 1))
    np.testing.assert_allclose(
        estimator.predict_proba(many),
        np.tile(estimator.predict_proba(X), (9, 1)),
        atol=1e-6,
    )
    wanted = np.resize([0, 1, 2], len(many))
    single = [estimator.intervene(X, {"property_0": value}) for value in range(3)]
    changed = estimator.intervene(many, {"property_0": wanted})
    for value in range(3):
        rows = np.flatnonzero(wanted == value)
        np.testing.assert_allclose(
            changed[rows], single[value][rows % 150], rtol=1e-4, atol=1e-4
        )


def test_held_out_rows_are_predicted_as_well(make_learner, blobs, partial_blobs):
    X, number = blobs
    _, y = partial_blobs
    train, test = train_test_split(np.arange(150), random_state=0)
    estimator = make_learner(encoder=MLP((64, 64))).fit(X[train], y[train])
    np.testing.assert_array_equal(estimator.predict(X[test]), number[test])


def both(one, other, X):
    """Return the probabilities of two estimators."""
    return one.predict_proba(X), other.predict_proba(X)


def test_frames_pass_every_method_without_a_warning(make_estimator, partial_blobs):
    X, y = partial_blobs
    X = pd.DataFrame(X, columns=list("abcd"))
    estimator = make_estimator().fit(X, y)
    # pytest turns a warning about feature names into an error.
    estimator.score(X, y)
    estimator.score(X)
    estimator.score_samples(X)
    estimator.reconstruct(X)
    estimator.property_proba(X)
    estimator.intervene(X, {"property_0": 0})
    Z = estimator.transform(X)
    assert estimator.inverse_transform(Z).shape == X.shape
