"""Bad input: an error that says what, where and the remedy, and nothing half done."""

import re
import signal

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from skfmvae.images import ImageAugmentation
from skfmvae.model_selection import PartialLabelKFold, partial_scorer
from skfmvae.nn import MLP, Bernoulli, Categorical, Gaussian
from skfmvae.training import KL, EarlyStopping


def says(*pieces):
    """Return a pattern of messages that hold all the pieces, in any order."""
    return "(?s)" + "".join(f"(?=.*{re.escape(piece)})" for piece in pieces)


# What fit refuses ---------------------------------------------------------------------


def with_value(X, value, row=3, column=2):
    X = X.copy()
    X[row, column] = value
    return X


def as_frame(X):
    return pd.DataFrame(X, columns=["height", "width", "depth", "weight"])


class NotAModule:
    def __init__(self, n_inputs, n_outputs):
        pass


def one_column_more(n_inputs, n_outputs):
    return torch.nn.Linear(n_inputs, n_outputs + 1)


def one_input_more(n_inputs, n_outputs):
    return torch.nn.Linear(n_inputs + 1, n_outputs)


# name: (parameters, what becomes of (X, y), what the message says)
REFUSED_BY_FIT = {
    # X
    "nan": (
        {},
        lambda X, y: (with_value(X, np.nan), y),
        ["X", "NaN", "row 3", "column 2", "impute"],
    ),
    "infinity": (
        {},
        lambda X, y: (with_value(X, -np.inf), y),
        ["X", "infinity", "row 3", "column 2", "Drop"],
    ),
    "beyond_float32": (
        {},
        lambda X, y: (with_value(X.astype(float), 1e300), y),
        ["X", "too large for float32", "row 3", "column 2"],
    ),
    "nan_in_a_frame": (
        {},
        lambda X, y: (as_frame(with_value(X, np.nan)), y),
        ["X", "NaN", "row 3", "column 2", "'depth'", "impute"],
    ),
    "nan_in_csr": (
        {},
        lambda X, y: (scipy.sparse.csr_array(with_value(X, np.nan)), y),
        ["X", "NaN", "row 3", "column 2", "impute"],
    ),
    "one_row": ({}, lambda X, y: (X[:1], y[:1]), ["1 sample", "minimum of 2"]),
    "no_columns": ({}, lambda X, y: (X[:, :0], y), ["0 feature", "minimum of 1"]),
    "one_dimension": ({}, lambda X, y: (X[0], y), ["2D array", "reshape"]),
    # y
    "short_y": ({}, lambda X, y: (X, y[:-1]), ["inconsistent", "149", "150"]),
    "long_y": ({}, lambda X, y: (X, [*y, 0]), ["inconsistent", "151", "150"]),
    "cubic_y": (
        {},
        lambda X, y: (X, y[:, None, None]),
        ["y has 3 dimensions", "(n_samples,)"],
    ),
    "continuous_y": (
        {},
        lambda X, y: (X, y + 0.5),
        ["continuous", "'property_0'", "Continuous", "SemiSupervisedVAE"],
    ),
    "rounded_y": (
        {},
        lambda X, y: (X, y + 1e17),
        ["'property_0'", "1e+17", "float64", "integers or strings"],
    ),
    "mixed_y": (
        {},
        lambda X, y: (X, ["a", *y[1:]]),
        ["'property_0'", "mixes", "int", "str", "all strings"],
    ),
    # values outside the likelihood's support
    "bernoulli": (
        {"likelihood": "bernoulli"},
        lambda X, y: (with_value(X.clip(0, 1), 1.5), y),
        ["Bernoulli", "1.5", "row 3", "column 2", "[0, 1]", "MinMaxScaler"],
    ),
    "categorical": (
        {"likelihood": "categorical"},
        lambda X, y: (with_value(X.clip(0).round(), 0.5), y),
        ["Categorical", "0.5", "row 3", "column 2", "0, 1, 2", "OrdinalEncoder"],
    ),
    "too_few_categories": (
        {"likelihood": Categorical(n_categories=3)},
        lambda X, y: (with_value(X.clip(0, 2).round(), 3), y),
        ["Categorical", "3.0", "row 3", "column 2", "n_categories"],
    ),
    "poisson": (
        {"likelihood": "poisson"},
        lambda X, y: (with_value(X.clip(0).round(), -1), y),
        ["Poisson", "-1.0", "row 3", "column 2", "counts", "gaussian"],
    ),
    "negative_binomial": (
        {"likelihood": "negative_binomial"},
        lambda X, y: (with_value(X.clip(0).round(), 2.5), y),
        ["NegativeBinomial", "2.5", "row 3", "column 2", "counts", "gaussian"],
    ),
    # networks
    "encoder_of_wrong_width": (
        {"encoder": one_column_more},
        None,
        ["encoder", "(2, 4)", "is expected", "columns"],
    ),
    "decoder_of_wrong_width": (
        {"decoder": one_column_more},
        None,
        ["decoder", "(2, 5)", "(2, 4)", "is expected", "end it with 4 columns"],
    ),
    "encoder_of_wrong_input": (
        {"encoder": one_input_more},
        None,
        ["encoder", "(2, 4)", "must take 4 columns"],
    ),
    "no_module": (
        {"encoder": NotAModule},
        None,
        ["encoder", "NotAModule", "torch.nn.Module"],
    ),
    "conv_without_an_image": (
        {"encoder": "conv"},
        lambda X, y: (X[:, :2], y),
        ["Conv", "2 columns", "image_shape=(channels, height, width)"],
    ),
    # devices
    "unknown_device": (
        {"device": "nonsense"},
        None,
        ["device='nonsense'", "cannot be used", "'cpu'", "'auto'"],
    ),
    # settings inside settings
    "a_class_of_settings": (
        {"augmentation": ImageAugmentation},
        None,
        ["augmentation=ImageAugmentation is a class", "ImageAugmentation()"],
    ),
    "negative_warmup": ({"kl": KL(warmup=-1)}, None, ["KL", "warmup", "-1"]),
    "warmup_above_one": ({"kl": KL(warmup=2.0)}, None, ["KL", "warmup", "2.0"]),
    "warmup_of_words": ({"kl": KL(warmup="long")}, None, ["KL", "warmup", "'long'"]),
    "negative_free_bits": (
        {"kl": KL(free_bits=-0.1)},
        None,
        ["KL", "free_bits", "-0.1"],
    ),
    "fraction_above_one": (
        {"early_stopping": EarlyStopping(validation_fraction=2.0)},
        None,
        ["EarlyStopping", "validation_fraction", "2.0"],
    ),
    "no_fraction": (
        {"early_stopping": EarlyStopping(validation_fraction=0.0)},
        None,
        ["EarlyStopping", "validation_fraction", "0.0"],
    ),
    "no_patience": (
        {"early_stopping": EarlyStopping(patience=0)},
        None,
        ["EarlyStopping", "patience", "0"],
    ),
    "negative_tol": (
        {"early_stopping": EarlyStopping(tol=-1.0)},
        None,
        ["EarlyStopping", "tol", "-1.0"],
    ),
    "no_such_activation": (
        {"encoder": MLP(activation="step")},
        None,
        ["MLP", "activation", "'step'", "'relu'"],
    ),
    "negative_scale": (
        {"likelihood": Gaussian(scale=-1.0)},
        None,
        ["Gaussian", "scale=-1.0", "positive"],
    ),
}


@pytest.mark.parametrize("case", REFUSED_BY_FIT)
@pytest.mark.parametrize("is_fitted", [False, True], ids=["unfitted", "fitted"])
def test_fit_refuses(make_estimator, partial_blobs, case, is_fitted):
    """And leaves the estimator as it was: without a fit, or with the one before."""
    params, spoil, pieces = REFUSED_BY_FIT[case]
    X, y = partial_blobs
    estimator = make_estimator(max_epochs=1)
    if is_fitted:
        estimator.fit(X, y)
    before = dict(vars(estimator.set_params(**params)))
    with pytest.raises(ValueError, match=says(*pieces)):
        estimator.fit(*(spoil(X, y) if spoil else (X, y)))
    assert vars(estimator) == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:3", torch.device("cuda")])
def test_absent_gpu(make_estimator, blobs, device):
    with pytest.raises(
        ValueError, match=says("device", "cuda", "cannot be used", "'cpu'", "'auto'")
    ):
        make_estimator(device=device).fit(*blobs)


@pytest.mark.parametrize(
    ("weight", "pieces"),
    [
        (np.zeros(150), ["zero"]),
        (np.arange(150) - 3.0, ["egative"]),
        (np.full(150, np.nan), ["NaN"]),
        (np.ones(149), ["(149,)", "(150,)"]),
        (np.ones((150, 2)), ["1D array", "2D array"]),
    ],
    ids=["zero", "negative", "nan", "short", "two_dimensional"],
)
def test_bad_weights(make_estimator, partial_blobs, weight, pieces):
    estimator = make_estimator()
    # scikit-learn writes both "Sample weights" and "sample_weight".
    with pytest.raises(ValueError, match=says("ample", "weight", *pieces)):
        estimator.fit(*partial_blobs, sample_weight=weight)
    assert not hasattr(estimator, "net_")


@pytest.mark.parametrize("likelihood", [Gaussian(), Bernoulli()], ids=str)
def test_constant_columns_are_fine(make_estimator, blobs, likelihood):
    X, number = blobs
    X = (X - X.min(axis=0)) / np.ptp(X, axis=0)
    X[:, 1], X[:, 2] = 0.0, 1.0
    estimator = make_estimator(likelihood=likelihood).fit(X, number)
    for method in ("predict_proba", "transform", "reconstruct", "score_samples"):
        assert np.isfinite(getattr(estimator, method)(X)).all()
    X_new, _ = estimator.sample(20, random_state=0)
    assert np.isfinite(X_new).all()


def test_constant_rows_are_fine(make_estimator):
    X = np.full((20, 3), 7.0)
    estimator = make_estimator(property_components=2).fit(X)
    assert np.isfinite(estimator.score_samples(X)).all()
    assert np.isfinite(estimator.predict_proba(X)).all()


# What a fitted estimator refuses ------------------------------------------------------


@pytest.fixture(scope="module")
def fitted(make_estimator, partial_blobs):
    X, y = partial_blobs
    return make_estimator(likelihood="gaussian").fit(X, pd.Series(y, name="kind"))


@pytest.fixture(scope="module")
def counting(make_estimator, partial_blobs):
    X, y = partial_blobs
    return make_estimator(likelihood="poisson").fit(X.clip(0).round(), y)


@pytest.mark.parametrize(
    "method",
    [
        *("predict", "predict_proba", "property_proba", "score_samples"),
        *("transform", "reconstruct", "score"),
    ],
)
def test_every_method_checks_its_rows(fitted, blobs, method):
    X, _ = blobs
    with pytest.raises(ValueError, match=says("X has 3 features", "expecting 4")):
        getattr(fitted, method)(X[:, :3])
    with pytest.raises(
        ValueError, match=says("X", "NaN", "row 3", "column 2", "impute")
    ):
        getattr(fitted, method)(with_value(X, np.nan))


# name: (call, what the message says)
REFUSED_WHEN_FITTED = {
    "score_y_of_other_length": (
        lambda e, X: e.score(X, np.zeros(149, dtype=int)),
        ["inconsistent", "149", "150"],
    ),
    "score_more_columns": (
        lambda e, X: e.score(X, np.zeros((150, 2), dtype=int)),
        ["y has 2 columns", "1 of fit", "'kind'"],
    ),
    "score_another_property": (
        lambda e, X: e.score(X, pd.Series(np.zeros(150, dtype=int), name="size")),
        ["'size'", "those of fit", "'kind'"],
    ),
    "score_unlabelled": (
        lambda e, X: e.score(X, np.full(150, -1)),
        ["y has no labelled entry", "y=None"],
    ),
    "score_unlabelled_where_weights_are": (
        lambda e, X: e.score(
            X, np.where(np.arange(150) < 9, 0, -1), np.arange(150) >= 9
        ),
        ["sample_weight is zero on every labelled row", "give"],
    ),
    "score_strings": (
        lambda e, X: e.score(X, ["0"] * 150),
        ["'kind' has no value '0'", "0, 1, 2", "No number equals a string"],
    ),
    "score_weights_of_other_length": (
        lambda e, X: e.score(X, np.zeros(150, dtype=int), sample_weight=np.ones(9)),
        ["sample_weight", "150", "9"],
    ),
    "inverse_transform_wrong_columns": (
        lambda e, X: e.inverse_transform(X[:, :3]),
        ["Z has 3 columns", "transform"],
    ),
    "inverse_transform_nan": (
        lambda e, X: e.inverse_transform(with_value(e.transform(X), np.nan)),
        ["Z", "NaN"],
    ),
    "sample_nothing": (
        lambda e, X: e.sample(0),
        ["n_samples=0", "at least 1"],
    ),
    "sample_in_words": (
        lambda e, X: e.sample("many"),
        ["n_samples='many'", "whole number"],
    ),
    "sample_unknown_property": (
        lambda e, X: e.sample(2, {"size": 1}),
        ["no property 'size'", "['kind']"],
    ),
    "sample_unknown_value": (
        lambda e, X: e.sample(2, {"kind": 9}),
        ["'kind' has no value 9", "0, 1, 2"],
    ),
    "sample_unlabelled_value": (
        lambda e, X: e.sample(2, {"kind": -1}),
        ["'kind' has no value -1", "0, 1, 2"],
    ),
    "sample_value_of_another_kind": (
        lambda e, X: e.sample(2, {"kind": "0"}),
        ["'kind' has no value '0'", "0, 1, 2"],
    ),
    "sample_no_value": (
        lambda e, X: e.sample(2, {"kind": None}),
        ["'kind' has no value None", "Leave the property out"],
    ),
    "sample_values_in_columns": (
        lambda e, X: e.sample(2, {"kind": [[0, 1], [1, 0]]}),
        ["'kind' has 2 columns of values", "one for each row"],
    ),
    "sample_values_for_other_rows": (
        lambda e, X: e.sample(2, {"kind": [0, 1, 2]}),
        ["'kind' has 3 values for 2 rows", "one value, or one for each row"],
    ),
    "intervene_unknown_property": (
        lambda e, X: e.intervene(X, {"size": 1}),
        ["no property 'size'", "['kind']"],
    ),
    "intervene_unknown_value": (
        lambda e, X: e.intervene(X, {"kind": 9}),
        ["'kind' has no value 9", "0, 1, 2"],
    ),
    "intervene_values_for_other_rows": (
        lambda e, X: e.intervene(X, {"kind": [0, 1, 2]}),
        ["'kind' has 3 values for 150 rows", "one value, or one for each row"],
    ),
    "intervene_unknown_value_in_an_array": (
        lambda e, X: e.intervene(X, {"kind": np.full(150, 9)}),
        ["'kind' has no value 9", "0, 1, 2"],
    ),
    "no_draws": (
        lambda e, X: e.score_samples(X, n_draws=0),
        ["n_draws=0", "at least 1"],
    ),
    "half_a_draw": (
        lambda e, X: e.score_samples(X, n_draws=2.5),
        ["n_draws=2.5", "whole number"],
    ),
}


@pytest.mark.parametrize("case", REFUSED_WHEN_FITTED)
def test_a_fitted_estimator_refuses(fitted, blobs, case):
    call, pieces = REFUSED_WHEN_FITTED[case]
    X, _ = blobs
    with pytest.raises(ValueError, match=says(*pieces)):
        call(fitted, X)


BAD_WEIGHTS = {
    "nan": (lambda w: np.where(w > 1, np.nan, w), ["sample_weight", "NaN"]),
    "infinite": (lambda w: np.where(w > 1, np.inf, w), ["sample_weight", "infinity"]),
    "negative": (lambda w: -w, ["egative", "sample_weight"]),
    "zero": (lambda w: 0 * w, ["ample", "weight", "zero"]),
    "two_dimensional": (lambda w: np.stack([w, w], 1), ["1D array", "2D array"]),
}


@pytest.mark.parametrize("case", BAD_WEIGHTS)
@pytest.mark.parametrize("with_y", [True, False], ids=["y", "no_y"])
def test_score_refuses_weights_that_fit_refuses(fitted, partial_blobs, case, with_y):
    X, y = partial_blobs
    spoil, pieces = BAD_WEIGHTS[case]
    weight = spoil(1.0 + np.arange(150) % 2)
    with pytest.raises(ValueError, match=says(*pieces)):
        fitted.score(X, y if with_y else None, sample_weight=weight)


@pytest.mark.parametrize("with_y", [True, False], ids=["y", "no_y"])
def test_score_refuses_weights_for_other_rows(fitted, partial_blobs, with_y):
    X, y = partial_blobs
    with pytest.raises(ValueError, match=says("150", "2")):
        fitted.score(X, y if with_y else None, sample_weight=[1, 2])


@pytest.mark.parametrize("with_y", [True, False], ids=["y", "no_y"])
def test_rows_of_weight_zero_are_not_scored(fitted, partial_blobs, with_y):
    X, y = partial_blobs
    weight = np.arange(150) % 3
    some = weight > 0
    found = fitted.score(X, y if with_y else None, sample_weight=weight)
    alone = fitted.score(X[some], y[some] if with_y else None, weight[some])
    assert found == pytest.approx(alone, rel=1e-6)
    in_copies = np.repeat(np.arange(150), weight)
    repeated = fitted.score(X[in_copies], y[in_copies] if with_y else None)
    assert found == pytest.approx(repeated, rel=1e-6)


@pytest.mark.parametrize(
    "method",
    [
        *("predict", "predict_proba", "property_proba", "score_samples"),
        *("transform", "reconstruct", "inverse_transform", "score"),
    ],
)
def test_an_unfitted_estimator_refuses(make_estimator, blobs, method):
    with pytest.raises(NotFittedError):
        getattr(make_estimator(), method)(blobs[0])


@pytest.mark.parametrize(
    "call",
    [
        lambda e, X: e.sample(),
        lambda e, X: e.intervene(X, {"property_0": 1}),
        lambda e, X: e.get_feature_names_out(),
    ],
    ids=["sample", "intervene", "get_feature_names_out"],
)
def test_an_unfitted_estimator_generates_nothing(make_estimator, blobs, call):
    with pytest.raises(NotFittedError):
        call(make_estimator(), blobs[0])


def test_values_outside_the_support_have_no_density(counting, blobs):
    X, _ = blobs
    with pytest.raises(
        ValueError, match=says("Poisson", "0.5", "row 3", "column 2", "counts")
    ):
        counting.score_samples(with_value(X.clip(0).round(), 0.5))


# Fits that stop -----------------------------------------------------------------------


class Break(Callback):
    """Raise in one batch of one epoch, and note the model at the end of each."""

    def __init__(self, epoch, batch=1, error=KeyboardInterrupt):
        self.epoch = epoch
        self.batch = batch
        self.error = error

    def initialize(self):
        self.states = []
        return self

    def on_epoch_begin(self, net, **kwargs):
        self.n_batches = 0

    def on_batch_end(self, net, training=False, **kwargs):
        self.n_batches += training
        if (len(net.history), self.n_batches) == (self.epoch, self.batch):
            raise self.error

    def on_epoch_end(self, net, **kwargs):
        state = net.module_.state_dict()
        self.states.append({name: value.clone() for name, value in state.items()})


@pytest.mark.parametrize("epoch", [2, 4])
def test_an_interrupted_fit_is_that_of_the_last_complete_epoch(
    make_estimator, partial_blobs, epoch
):
    X, y = partial_blobs
    breaker = Break(epoch, batch=2)
    estimator = make_estimator(callbacks=[breaker], max_epochs=5, batch_size=40)
    with pytest.raises(KeyboardInterrupt, match=f"that of epoch {epoch - 1}"):
        estimator.fit(X, y)
    assert estimator.n_iter_ == epoch - 1
    assert len(estimator.net_.history) == epoch - 1
    assert len(breaker.states) == epoch - 1
    state = estimator.net_.module_.state_dict()
    assert state.keys() == breaker.states[-1].keys()
    for name, value in breaker.states[-1].items():
        assert torch.equal(state[name], value), name
    assert not estimator.net_.module_.training
    # It is a fit like any other.
    np.testing.assert_allclose(estimator.predict_proba(X).sum(axis=1), 1.0)
    estimator.set_params(callbacks=None).fit(X, y)
    assert estimator.n_iter_ == 5


class At(Callback):
    """Do something at one point of the second epoch."""

    def __init__(self, point, action):
        self.point = point
        self.action = action

    def act(self, net, point):
        if point == self.point and len(net.history) == 2:
            self.action()

    def on_epoch_begin(self, net, **kwargs):
        self.act(net, "on_epoch_begin")

    def on_batch_end(self, net, **kwargs):
        self.act(net, "on_batch_end")

    def on_epoch_end(self, net, **kwargs):
        self.act(net, "on_epoch_end")


def stop():
    raise KeyboardInterrupt


def press_ctrl_c():
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("point", "n_epochs"), [("on_epoch_begin", 1), ("on_epoch_end", 2)]
)
def test_a_callback_may_stop_between_epochs(
    make_estimator, partial_blobs, point, n_epochs
):
    """As those of skorch do; the fit is then as long as was asked for."""
    X, y = partial_blobs
    stopped = make_estimator(callbacks=[At(point, stop)], batch_size=20).fit(X, y)
    assert stopped.n_iter_ == len(stopped.net_.history) == n_epochs


@pytest.mark.parametrize(
    ("point", "n_epochs"),
    [("on_epoch_begin", 1), ("on_batch_end", 1), ("on_epoch_end", 2)],
)
def test_ctrl_c_always_reaches_the_caller(
    make_estimator, partial_blobs, point, n_epochs
):
    handler = signal.getsignal(signal.SIGINT)
    estimator = make_estimator(callbacks=[At(point, press_ctrl_c)], batch_size=20)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(*partial_blobs)
    assert estimator.n_iter_ == len(estimator.net_.history) == n_epochs
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_signal_that_asks_to_stop_between_epochs_is_no_interrupt(
    make_estimator, partial_blobs
):
    """The caller's handler notes it, and a callback stops when the epoch is done."""
    asked = []

    class Graceful(Callback):
        def on_batch_end(self, net, **kwargs):
            if len(net.history) == 2 and not asked:
                press_ctrl_c()

        def on_epoch_end(self, net, **kwargs):
            if asked:
                raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, lambda *_: asked.append(True))
    try:
        stopped = make_estimator(callbacks=[Graceful()]).fit(*partial_blobs)
    finally:
        signal.signal(signal.SIGINT, before)
    assert stopped.n_iter_ == 2


def test_any_signal_that_interrupts_reaches_the_caller(make_estimator, partial_blobs):
    def terminate():
        signal.raise_signal(signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            make_estimator(callbacks=[At("on_epoch_end", terminate)]).fit(
                *partial_blobs
            )
    finally:
        signal.signal(signal.SIGTERM, before)


def test_ctrl_c_while_neighbours_are_sought(make_estimator, partial_blobs, monkeypatch):
    X, y = partial_blobs
    estimator = make_estimator().fit(X, y)
    before = dict(vars(estimator))
    monkeypatch.setattr(
        "skfmvae.neighbour_graph.graph.seed_clusters", lambda *_: press_ctrl_c()
    )
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, y)
    assert vars(estimator) == before


def test_an_interrupted_search_scores_nothing(make_estimator, partial_blobs):
    X, y = partial_blobs
    search = GridSearchCV(
        make_estimator(callbacks=[At("on_batch_end", press_ctrl_c)]),
        {"lr": [1e-3, 1e-2]},
        cv=PartialLabelKFold(2),
        scoring=partial_scorer(),
    )
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert not hasattr(search, "cv_results_")


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_without_a_complete_epoch_there_is_no_fit(make_estimator, partial_blobs, error):
    X, y = partial_blobs
    estimator = make_estimator(callbacks=[Break(1, error=error)])
    before = dict(vars(estimator))
    with pytest.raises(error):
        estimator.fit(X, y)
    assert vars(estimator) == before


@pytest.mark.parametrize(
    ("epoch", "error"), [(1, KeyboardInterrupt), (1, RuntimeError), (3, RuntimeError)]
)
def test_a_broken_refit_leaves_the_fit_before(
    make_estimator, partial_blobs, epoch, error
):
    X, y = partial_blobs
    estimator = make_estimator().fit(X, y)
    before = dict(vars(estimator))
    expected = estimator.predict_proba(X)
    estimator.set_params(callbacks=[Break(epoch, error=error)], random_state=1)
    with pytest.raises(error):
        estimator.fit(X[:, :3], pd.Series(y, name="kind"))
    assert estimator.net_ is before["net_"]
    assert estimator.property_names_ == ["property_0"]
    np.testing.assert_array_equal(estimator.predict_proba(X), expected)


class Poison(Callback):
    """Make a parameter infinite when an epoch begins."""

    def __init__(self, part, epoch=2):
        self.part = part
        self.epoch = epoch

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == self.epoch:
            parameter = next(getattr(net.module_, self.part).parameters())
            parameter.data.fill_(np.inf)


def test_a_loss_that_is_not_finite_stops_the_fit(make_estimator, partial_blobs):
    """The decoder has a part in the log-likelihood alone."""
    estimator = make_estimator(callbacks=[Poison("decoder")])
    with pytest.raises(
        FloatingPointError,
        match=says(
            "not finite", "epoch 2", "log_likelihood", "lr", "0.003", "scaling", "clip"
        ),
    ) as error:
        estimator.fit(*partial_blobs)
    assert "kl" not in str(error.value)
    assert not hasattr(estimator, "net_")


class PoisonTheLastStep(Callback):
    """Make a parameter NaN when no loss will be computed any more."""

    def on_train_end(self, net, **kwargs):
        next(net.module_.decoder.parameters()).data[0] = np.nan


def test_a_last_step_that_breaks_the_model_is_no_fit(make_estimator, partial_blobs):
    estimator = make_estimator(callbacks=[PoisonTheLastStep()])
    with pytest.raises(
        FloatingPointError, match=says("model", "not finite", "epoch 3", "decoder")
    ):
        estimator.fit(*partial_blobs)
    assert not hasattr(estimator, "net_")


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli", "poisson"])
def test_rows_as_far_away_as_can_be_have_probabilities(
    make_estimator, blobs, likelihood
):
    X, number = blobs
    X = X - X.min(axis=0)
    X = X / X.max(axis=0) if likelihood == "bernoulli" else X.round()
    estimator = make_estimator(likelihood=likelihood).fit(X, number)
    largest = np.finfo(np.float32).max
    far = np.array([1e20, 9.96921e36, largest], dtype=np.float32)
    rows = np.concatenate(
        [sign * size * np.eye(4) for sign in (1, -1) for size in far]
        + [np.full((1, 4), size) for size in (*far, *-far)]
    ).astype(np.float32)
    proba = estimator.predict_proba(rows)
    assert np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    assert np.isfinite(estimator.transform(rows)).all()


def test_a_learning_rate_far_too_high_is_named(make_estimator, blobs):
    X, number = blobs
    estimator = make_estimator(optimizer="sgd", lr=1e30, max_epochs=20)
    with pytest.raises(
        FloatingPointError, match=says("not finite", "epoch", "Try a lower lr", "1e+30")
    ):
        estimator.fit(X, number)
    assert not hasattr(estimator, "net_")
