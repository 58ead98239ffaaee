"""Training on rows and labels that come in parts."""

import copy
import pickle
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from skfmvae import FactorialMixtureVAE, SemiSupervisedVAE
from skfmvae.datasets import mask_labels
from skfmvae.estimators import streaming
from skfmvae.estimators.reservoir import StreamedRows
from skfmvae.estimators.streaming import _test_then_train
from skfmvae.models import Continuous, Discrete, GraphicalModel, Latent
from skfmvae.nn import MLP
from skfmvae.targets import PartialLabelEncoder, TargetEncoder


def in_parts(estimator, X, y, n_parts, **more):
    for rows in np.array_split(np.arange(len(y)), n_parts):
        estimator.partial_fit(X[rows], y[rows], **more)
    return estimator


@pytest.fixture(scope="module")
def make_estimator(make_estimator):
    """Without regularizers, which take time and have tests of their own."""
    return partial(make_estimator, neighbours=None, adversarial=None)


@pytest.fixture
def small_reservoir(monkeypatch):
    """Keep 40 rows, so that most of a stream is dropped."""
    monkeypatch.setattr(streaming, "CAPACITY", 40)


# Accuracy -----------------------------------------------------------------------------


def test_a_stream_of_digits_ends_near_one_fit():
    """50 parts of 22 rows, with two labels each: within a point, on rows not seen."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(y))
    train, test = order[:1077], order[1077:]
    y_train = mask_labels(y[train], 100, random_state=0)
    settings = {"neighbours": None, "adversarial": None, "calibrate": False}
    settings |= {"random_state": 0}
    settings |= {"encoder": MLP(hidden=(64,)), "decoder": MLP(hidden=(64,))}
    once = FactorialMixtureVAE(**settings).fit(X[train], y_train)
    stream = in_parts(
        FactorialMixtureVAE(**settings), X[train], y_train, 50, classes=np.arange(10)
    )
    assert stream.n_samples_fit_ == 1077
    assert stream.score(X[test], y[test]) > once.score(X[test], y[test]) - 0.01


def test_the_first_call_is_a_fit(make_estimator, partial_blobs):
    X, y = partial_blobs
    regularizers = {"neighbours": "graph", "adversarial": "virtual"}
    once = make_estimator(**regularizers).fit(X, y)
    first = make_estimator(**regularizers).partial_fit(X, y)
    np.testing.assert_array_equal(first.transform(X), once.transform(X))
    assert first.net_.history[:, "train_loss"] == once.net_.history[:, "train_loss"]


def test_the_model_goes_on_after_rows_were_dropped(
    make_learner, small_reservoir, blobs
):
    X, y = blobs
    estimator = in_parts(make_learner(), X, y, 10, classes=[0, 1, 2])
    assert len(estimator.reservoir_) == 40
    assert estimator.reservoir_.n_seen == (0, 150)
    assert estimator.n_samples_fit_ == 150
    assert estimator.score(X, y) > 0.95
    epochs = estimator.net_.history[:, "epoch"]
    assert epochs == list(range(1, estimator.n_iter_ + 1))
    module = estimator.net_.module_
    estimator.partial_fit(X[:5], y[:5])
    assert estimator.net_.module_ is not module
    assert estimator.n_iter_ > len(epochs), "the history goes on"


def test_labels_that_come_late_are_learned(make_learner, blobs):
    X, y = blobs
    estimator = make_learner().partial_fit(X[:60], None, classes=[0, 1, 2])
    in_parts(estimator, X[60:], y[60:], 3)
    assert estimator.property_names_ == ["property_0"]
    assert estimator.score(X, y) > 0.95


def test_a_part_may_be_a_single_row(make_learner, small_reservoir, partial_blobs):
    X, y = partial_blobs
    estimator = make_learner().partial_fit(X[:60], y[:60])
    for row in range(60, 64):
        estimator.partial_fit(X[row : row + 1], y[row : row + 1])
    assert estimator.n_samples_fit_ == 64


def test_a_drift_of_rows_does_not_forget(make_learner, small_reservoir, blobs):
    """Parts of one class each, one class after the other."""
    X, y = blobs
    estimator = make_learner().partial_fit(X[:30], y[:30])
    order = 30 + np.argsort(y[30:], kind="stable")
    in_parts(estimator, X[order], y[order], 6)
    assert estimator.score(X, y) > 0.9


# Beginning anew -----------------------------------------------------------------------


@pytest.fixture
def begun(monkeypatch, make_estimator):
    """Return a function that tells from how many rows models begin in a stream."""

    def sizes(parts, **params):
        found, estimator = [], make_estimator(max_epochs=1, **params)
        for X, y in parts:
            estimator.partial_fit(X, y, classes=[0, 1, 2])
            found.append(estimator.reservoir_.n_begun)
        return found, estimator

    return sizes


def test_models_begin_anew_once_rows_are_half_as_many_again(begun, blobs, monkeypatch):
    X, y = blobs
    parts = [(X[i : i + 10], y[i : i + 10]) for i in range(0, 80, 10)]
    assert begun(parts)[0] == [10, 20, 30, 30, 50, 50, 50, 80]
    monkeypatch.setattr(streaming, "CAPACITY", 30)
    found, estimator = begun(parts)
    assert found == [10, 20, *[30] * 6], "of 40 rows some are dropped"
    assert not estimator.reservoir_.has_all


def test_what_was_learned_of_columns_does_not_last(make_estimator):
    """A first part of zeros and ones, and of one category."""
    frames = [
        pd.DataFrame({"a": [0.0, 1.0, 0.0], "b": ["x"] * 3, "c": [5.0, 5.0, 5.0]}),
        pd.DataFrame({"a": [2.5, 7.0, 1.0], "b": ["y", "x", None], "c": [9, 8, 7.0]}),
        pd.DataFrame({"a": [3.5], "b": ["y"], "c": [np.nan]}),
    ]
    estimator = make_estimator()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for frame in frames:
            estimator.partial_fit(frame, [0, 1, -1][: len(frame)], classes=[0, 1])
    a, b, _ = estimator.columns_.columns
    assert a.kind != "binary"
    assert b.categories.tolist() == ["x", "y"]
    assert estimator.net_.module_.likelihood.has_gaps
    assert list(estimator.sample(2, random_state=0)[0].columns) == ["a", "b", "c"]


def test_rows_outside_the_likelihood_begin_a_model(begun, partial_blobs):
    rng = np.random.default_rng(0)
    unit, y = rng.random((20, 4)).round(), np.arange(20) % 3
    found, estimator = begun([(unit, y), (unit[:2] + 5, y[:2])])
    assert found == [20, 22]
    assert type(estimator.likelihood_).__name__ == "Gaussian"


def test_rows_outside_the_likelihood_are_refused_later(make_estimator, small_reservoir):
    rng = np.random.default_rng(0)
    X, y = rng.random((60, 4)).round(), np.arange(60) % 3
    estimator = make_estimator().partial_fit(X, y)
    before = dict(vars(estimator))
    with pytest.raises(ValueError, match="Bernoulli"):
        estimator.partial_fit(X[:2] + 5, y[:2])
    assert vars(estimator) == before


def test_quantities_take_the_scale_of_all_that_are_known():
    rng = np.random.default_rng(0)
    kind, size = np.arange(120) % 2, rng.normal(1000, 100, 120)
    X = np.column_stack([4.0 * kind, size / 100, rng.normal(size=(120, 2))])
    X = (X + rng.normal(scale=0.1, size=X.shape)).astype(np.float32)
    y = pd.DataFrame({"kind": kind, "size": size})
    graph = GraphicalModel(
        {"kind": Discrete(), "size": Continuous(), "style": Latent(2)}
    )
    estimator = SemiSupervisedVAE(
        graphical_model=graph,
        encoder=MLP((32,)),
        decoder=MLP((32,)),
        neighbours=None,
        adversarial=None,
        random_state=0,
    )
    for rows in np.split(np.arange(120), [4, 30, 60]):
        estimator.partial_fit(X[rows], y.iloc[rows], classes={"kind": [0, 1]})
    encoder = estimator.targets_.quantities
    # The model began with 4, 30, 60 and 120 rows, all of them the last time.
    np.testing.assert_allclose(
        [encoder.mean[0], encoder.scale[0]], [size.mean(), size.std()]
    )
    assert len(estimator.judgement_.residuals[0]) > 10
    mean = estimator.property_distribution(X)["size"][0][:, 0]
    assert np.abs(mean - size).mean() < size.std()


# Gaps ---------------------------------------------------------------------------------


def test_gaps_in_columns_that_had_none_count_as_zeros(
    make_estimator, small_reservoir, partial_blobs
):
    X, y = partial_blobs
    estimator = make_estimator(likelihood="gaussian").partial_fit(X[:100], y[:100])
    with_gaps = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
    estimator.partial_fit(with_gaps[100:], y[100:])
    assert not estimator.net_.module_.likelihood.has_gaps
    assert np.isfinite(estimator.net_.history[:, "train_loss"]).all()
    assert not np.isnan(estimator.impute(with_gaps)).any()


# Weights ------------------------------------------------------------------------------


def test_each_call_trains_on_the_average_over_all_rows_seen(
    make_estimator, small_reservoir, monkeypatch, partial_blobs
):
    X, y = partial_blobs
    trained = []

    def spied(self, rows, codes, quantities, weight, **kwargs):
        trained.append((codes, weight, kwargs.get("n_samples")))
        return learn(self, rows, codes, quantities, weight, **kwargs)

    learn = FactorialMixtureVAE.__mro__[1]._learn
    monkeypatch.setattr(FactorialMixtureVAE.__mro__[1], "_learn", spied)
    estimator = make_estimator(max_epochs=1, batch_size=4)
    in_parts(estimator, X, y, 3)
    (_, first, _), _, (codes, weight, n_samples) = trained
    np.testing.assert_array_equal(first, 1)
    assert n_samples == 150
    assert len(codes) < 150
    total = weight * 150 / weight.sum()
    # The part has 50 rows without a label; the 100 before had 45 labels.
    np.testing.assert_allclose(total[:50], 1)
    labelled = codes[50:, 0] >= 0
    np.testing.assert_allclose(total[50:][labelled].sum(), 45)
    np.testing.assert_allclose(total[50:][~labelled].sum(), 55)


def test_weights_are_relative_to_those_of_all_parts(make_estimator, partial_blobs):
    X, y = partial_blobs
    estimator = make_estimator(max_epochs=1)
    estimator.partial_fit(X[:50], y[:50], sample_weight=np.full(50, 2.0))
    estimator.partial_fit(X[50:60], y[50:60], sample_weight=np.full(10, 6.0))
    estimator.partial_fit(X[60:70], y[60:70])
    weight = estimator.reservoir_.rows.weight
    np.testing.assert_allclose(weight, [2] * 50 + [6] * 10 + [1] * 10)


# Classes ------------------------------------------------------------------------------


def test_classes_are_declared_at_the_first_call(make_estimator, partial_blobs, says):
    X, y = partial_blobs
    estimator = make_estimator(max_epochs=1)
    estimator.partial_fit(X[:4], [0, 1, -1, 1], classes=[0, 1, 2])
    assert estimator.classes_.tolist() == [0, 1, 2]
    estimator.partial_fit(X[4:8], [2, -1, -1, 2])
    before = dict(vars(estimator))
    with pytest.raises(ValueError, match=says("[7]", "partial_fit(..., classes=...)")):
        estimator.partial_fit(X[8:12], [7, -1, -1, 2])
    with pytest.raises(ValueError, match="no value 9"):
        estimator.partial_fit(X[8:12], y[8:12], classes=[0, 1, 2, 9])
    assert vars(estimator) == before


def test_labels_that_were_not_declared_are_refused_at_once(make_estimator, blobs):
    X, _ = blobs
    estimator = make_estimator()
    with pytest.raises(ValueError, match=r"new classes \[2\]"):
        estimator.partial_fit(X[:3], [0, 1, 2], classes=[0, 1])
    with pytest.raises(NotFittedError):
        estimator.predict(X)


def test_new_classes_take_over_spare_components(make_learner, blobs):
    X, y = blobs
    estimator = make_learner(property_components=3)
    early = np.where(y < 2, y, -1)
    estimator.partial_fit(X[:50], early[:50])
    in_parts(estimator, X[50:], np.where(y < 2, y, 7)[50:], 4)
    assert estimator.classes_.tolist() == [0, 1, 7]
    assert estimator.score(X, np.where(y < 2, y, 7)) > 0.95


def test_several_properties(make_learner, two_properties):
    X, y, y_partial = two_properties
    frame = pd.DataFrame(y_partial, columns=["shape", "colour"])
    frame["colour"] = frame["colour"].map({0: "r", 1: "g", 2: "b"})
    estimator = make_learner()
    for rows in np.split(np.arange(200), [10, 60, 100, 150]):
        estimator.partial_fit(
            X[rows], frame.iloc[rows], classes=[[0, 1], ["r", "g", "b"]]
        )
    assert estimator.property_names_ == ["shape", "colour"]
    assert estimator.classes_[1].tolist() == ["b", "g", "r"]
    found = estimator.predict(X)
    assert (found[:, 0] == y[:, 0]).mean() > 0.9
    assert (found[:, 1] == np.array(["r", "g", "b"])[y[:, 1]]).mean() > 0.9
    declared = {"shape": [0, 1], "colour": ["r", "g", "b"]}
    first = make_learner().partial_fit(X[:9], None, classes=declared)
    assert first.n_components_ == {"shape": 2, "colour": 3}


# Forms of X ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form", [csr_matrix, pd.DataFrame, np.ndarray.tolist, np.asfortranarray]
)
def test_all_forms_of_rows_can_come_in_parts(make_estimator, partial_blobs, form):
    X, y = partial_blobs
    estimator = make_estimator(max_epochs=1)
    wanted = make_estimator(max_epochs=1)
    for rows in np.split(np.arange(60), [20, 50]):
        part = form(X[rows])
        if names := isinstance(part, pd.DataFrame):
            part.columns = list("abcd")
        estimator.partial_fit(part, y[rows])
        wanted.partial_fit(X[rows], y[rows])
    assert len(estimator.reservoir_) == 60
    if form is np.asfortranarray:
        np.testing.assert_array_equal(estimator.transform(X), wanted.transform(X))
    with pytest.raises(ValueError, match="3 features|feature names"):
        estimator.partial_fit(part[:5].iloc[:, :3] if names else form(X[:5, :3]), y[:5])


def test_an_array_that_is_filled_anew_is_no_trap(make_estimator, partial_blobs):
    X, y = partial_blobs
    buffer, estimator = np.empty((20, 4), dtype=np.float32), make_estimator()
    wanted = make_estimator()
    for rows in np.split(np.arange(60), 3):
        buffer[:] = X[rows]
        estimator.partial_fit(buffer, y[rows])
        buffer[:] = -100
        wanted.partial_fit(X[rows], y[rows])
    np.testing.assert_array_equal(estimator.transform(X), wanted.transform(X))


# State --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_copies_go_on_alike(make_estimator, small_reservoir, partial_blobs, duplicate):
    X, y = partial_blobs
    estimator = in_parts(make_estimator(), X[:100], y[:100], 4)
    twin = duplicate(estimator)
    for either in (estimator, twin):
        in_parts(either, X[100:], y[100:], 2)
    np.testing.assert_array_equal(twin.transform(X), estimator.transform(X))
    assert twin.n_iter_ == estimator.n_iter_


@pytest.mark.parametrize("random_state", [0, np.random.RandomState(0), None])
def test_parts_are_not_drawn_alike(make_estimator, partial_blobs, random_state):
    X, y = partial_blobs
    estimator = make_estimator(max_epochs=1, random_state=random_state)
    in_parts(estimator, X, y, 3)
    assert len(np.unique(estimator.reservoir_.keys)) == 150
    other = make_estimator(max_epochs=1, random_state=random_state)
    in_parts(other, X, y, 3)
    is_same = (other.reservoir_.keys == estimator.reservoir_.keys).all()
    assert is_same == (random_state == 0)


def test_a_call_that_fails_leaves_no_trace(
    make_estimator, small_reservoir, partial_blobs, monkeypatch
):
    X, y = partial_blobs
    estimator = in_parts(make_estimator(), X[:100], y[:100], 2)
    before, latents = dict(vars(estimator)), estimator.transform(X)
    history = list(estimator.net_.history)

    def fail(self):
        raise FloatingPointError("too late")

    monkeypatch.setattr(type(estimator.net_), "check_parameters", fail)
    with pytest.raises(FloatingPointError, match="too late"):
        estimator.partial_fit(X[100:], y[100:])
    assert vars(estimator) == before
    assert list(estimator.net_.history) == history
    np.testing.assert_array_equal(estimator.transform(X), latents)


def test_after_a_fit_the_model_goes_on(make_learner, blobs):
    X, y = blobs
    estimator = make_learner().fit(X[:100], y[:100])
    n_epochs = estimator.n_iter_
    estimator.partial_fit(X[100:], y[100:])
    assert estimator.n_iter_ > n_epochs
    assert estimator.n_samples_fit_ == 150
    assert len(estimator.reservoir_) == 50
    assert not estimator.reservoir_.has_all
    assert estimator.score(X, y) > 0.95
    estimator.fit(X, y)
    assert not hasattr(estimator, "reservoir_")


# Calibration --------------------------------------------------------------------------


def test_labels_calibrate_before_they_are_learned(make_learner, partial_blobs):
    X, y = partial_blobs
    estimator = make_learner(calibrate=True, max_epochs=2)
    estimator.partial_fit(X[:20], y[:20], classes=[0, 1, 2])
    assert np.isnan(estimator.reservoir_.rows.predicted).all()
    said = np.log(estimator.property_proba(X[20:30])["property_0"])
    tempered = estimator.judgement_.temperature["property_0"]
    estimator.partial_fit(X[20:30], y[20:30])
    predicted = estimator.reservoir_.rows.predicted[20:]
    expected = predicted / tempered
    expected -= np.log(np.exp(expected).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(expected, said, atol=1e-4)
    assert estimator.reservoir_.rows.n_taught.tolist() == [0] * 20 + [20] * 10
    assert np.isnan(np.concatenate(estimator.hidden_proba_)).all()


@pytest.mark.parametrize("labels", [[0, 0], [0, 1], [0, -1], [1, 1]])
def test_few_labels_can_calibrate(make_learner, partial_blobs, labels):
    """The first that come after a fit, of which some classes may have one or none."""
    X, y = partial_blobs
    estimator = make_learner(calibrate=True, max_epochs=2).fit(X, y)
    estimator.partial_fit(X[:9], [*labels, *[-1] * 7])
    estimator.partial_fit(X[9:18], [*labels[::-1], *[-1] * 7])
    assert 0 < estimator.judgement_.temperature["property_0"] < np.inf


def test_labels_that_come_one_by_one_can_calibrate(make_estimator, blobs):
    """Folds of the linear classifier may hide none of them."""
    X, y = blobs
    y = np.where(np.arange(len(y)) % 4 == 0, y, -1)[:100]
    estimator = make_estimator(calibrate=True, max_epochs=1)
    in_parts(estimator, X[:100], y, 25, classes=[0, 1, 2])
    assert "model" in estimator.judgement_.scores["property_0"]


def test_only_late_predictions_count(blobs):
    """Those of models that had seen at least half of the labelled rows."""
    n = 8
    known = StreamedRows(
        np.zeros((n, 1)),
        np.array([0, 1, 0, 1, -1, 0, 1, 0])[:, None],
        np.empty((n, 0)),
        np.ones(n),
        predicted=np.log(np.full((n, 2), 0.5)),
        n_taught=np.array([0, 2, 4, 5, 6, 7, 8, 8]),
    )
    known.predicted[6] = np.nan
    targets = TargetEncoder(PartialLabelEncoder().fit([0, 1]))

    class Preparation:
        class labelled:
            chosen = None

    hidden = _test_then_train(known, targets, Preparation, np.random.RandomState(0))
    is_hidden = hidden.folds[:, 0] >= 0
    assert np.flatnonzero(is_hidden).tolist() == [2, 3, 5, 7]
    assert set(hidden.folds[is_hidden, 0]) <= {0, 1}
    np.testing.assert_array_equal(hidden.log_proba[0], known.predicted[is_hidden])
