"""Interrupted fits: the last complete epoch, and who hears of it."""

import signal

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from skfmvae.model_selection import PartialLabelKFold, partial_scorer


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
