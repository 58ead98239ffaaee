"""A fit leaves no trace but itself, and no setting of torch changes a number."""

import copy
import os
import signal
import threading
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.callbacks import Callback

from skfmvae.estimators.guards import FLOAT32_BY_DEFAULT
from skfmvae.nn import MLP

# All or nothing -----------------------------------------------------------------------


class Raise(Callback):
    """Raise an error in the first batch of an epoch."""

    def __init__(self, error, epoch=1):
        self.error = error
        self.epoch = epoch

    def on_batch_end(self, net, **kwargs):
        if len(net.history) == self.epoch:
            raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_without_a_complete_epoch_there_is_no_fit(make_estimator, partial_blobs, error):
    X, y = partial_blobs
    estimator = make_estimator(callbacks=[Raise(error)])
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
    estimator.set_params(callbacks=[Raise(error, epoch)], random_state=1)
    with pytest.raises(error):
        estimator.fit(X[:, :3], pd.Series(y, name="kind"))
    assert estimator.net_ is before["net_"]
    assert estimator.property_names_ == ["property_0"]
    np.testing.assert_array_equal(estimator.predict_proba(X), expected)


def test_ctrl_c_while_neighbours_are_sought(make_estimator, partial_blobs, monkeypatch):
    X, y = partial_blobs
    estimator = make_estimator().fit(X, y)
    before = dict(vars(estimator))
    monkeypatch.setattr(
        "skfmvae.neighbour_graph.graph.seed_clusters",
        lambda *_: signal.raise_signal(signal.SIGINT),
    )
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, y)
    assert vars(estimator) == before


# Random states ------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, np.random.RandomState(7)], ids=["int", "instance"])
def test_refits_are_bit_identical(make_estimator, partial_blobs, seed):
    X, y = partial_blobs
    first, second = (
        make_estimator(random_state=copy.deepcopy(seed)).fit(X, y) for _ in range(2)
    )
    states = (e.net_.module_.state_dict() for e in (first, second))
    for one, other in zip(*(state.values() for state in states), strict=True):
        assert torch.equal(one, other)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
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


# Modes and defaults of torch that a caller has set ------------------------------------


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def default_device(device):
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


SETTINGS = {
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "inference_mode": torch.inference_mode,
    "no_grad": torch.no_grad,
    "default_device": lambda: default_device("meta"),
    "device_block": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
}


def ambient():
    """Return the settings that a caller may have changed."""
    return (
        torch.get_default_dtype(),
        torch.is_inference_mode_enabled(),
        torch.is_grad_enabled(),
        torch.empty(0).device,
        torch.is_autocast_enabled("cpu"),
        torch.is_autocast_cache_enabled(),
    )


def results(estimator, X):
    X = X[:33]
    rows, codes = estimator.sample(5, random_state=0)
    found = {
        "predict": estimator.predict(X),
        "predict_proba": estimator.predict_proba(X),
        "property_proba": estimator.property_proba(X)["property_0"],
        "transform": estimator.transform(X),
        "inverse_transform": estimator.inverse_transform(estimator.transform(X)),
        "reconstruct": estimator.reconstruct(X),
        "intervene": estimator.intervene(X, {"property_0": 1}),
        "sample": rows,
        "sampled labels": codes,
        "sample given": estimator.sample(5, {"property_0": 1}, random_state=0)[0],
        "score_samples": estimator.score_samples(X, n_draws=2),
        "score": estimator.score(X, np.ones(33, int)),
    }
    if hasattr(estimator, "traverse"):
        found["traverse"] = estimator.traverse(X, dims=2, n_steps=2)[0]
        start = {"properties": {"property_0": 1}, "random_state": 0}
        found["traverse given"] = estimator.traverse(dims=2, n_steps=2, **start)[0]
    return found


def own_network(n_inputs, n_outputs):
    """A network whose layers torch makes by its default type and device."""
    return torch.nn.Sequential(
        torch.nn.Linear(n_inputs, 8),
        torch.nn.BatchNorm1d(8),
        torch.nn.Dropout(0.1),
        torch.nn.Linear(8, n_outputs),
    )


NETWORKS = {
    "own": {"encoder": own_network, "decoder": own_network},
    "rounded": {
        "encoder": MLP((16,), dropout=0.1, precision="bfloat16"),
        "decoder": MLP((16,), precision="bfloat16"),
    },
}


@pytest.fixture(scope="module", params=NETWORKS.values(), ids=NETWORKS)
def params(request):
    return request.param


@pytest.fixture(scope="module")
def expected(make_estimator, partial_blobs, params):
    X, y = partial_blobs
    estimator = make_estimator(**params).fit(X, y)
    return estimator, results(estimator, X)


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_settings_change_no_number(
    make_estimator, partial_blobs, params, expected, setting
):
    X, y = partial_blobs
    before = ambient()
    with setting():
        inside = ambient()
        assert inside != before
        fitted_inside = make_estimator(**params).fit(X, y)
        assert_equal(results(fitted_inside, X), expected[1])
        assert_equal(results(expected[0], X), expected[1])
        assert ambient() == inside
        # And where an error comes out of it.
        with pytest.raises(ValueError, match="n_samples"):
            expected[0].sample(0)
        with pytest.raises(ValueError, match="encoder"):
            make_estimator(encoder=lambda *sizes: None).fit(X, y)
        assert ambient() == inside
    assert ambient() == before
    assert_equal(results(fitted_inside, X), expected[1])


class Meet(Callback):
    """Wait for another fit at the end of the first epochs."""

    def __init__(self, barrier, n_epochs):
        self.barrier = barrier
        self.n_epochs = n_epochs

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) <= self.n_epochs:
            self.barrier.wait(60)


def test_the_last_of_several_threads_restores_the_type(make_estimator, partial_blobs):
    """The second fit goes on when the first, with which it began, is over."""
    X, y = partial_blobs
    alone = make_estimator(max_epochs=4).fit(X, y)
    callbacks, fitted = [Meet(threading.Barrier(2), 2)], []
    over = threading.Event()

    def fit_briefly():
        make_estimator(callbacks=callbacks, max_epochs=2).fit(X, y)
        over.set()

    def fit():
        class Wait(Callback):
            def on_epoch_begin(self, net, **kwargs):
                assert len(net.history) < 3 or over.wait(60)

        estimator = make_estimator(callbacks=[*callbacks, Wait()], max_epochs=4)
        fitted.append(estimator.fit(X, y))

    with default_dtype(torch.float64):
        threads = [threading.Thread(target=f) for f in (fit_briefly, fit)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert torch.get_default_dtype() == torch.float64
    np.testing.assert_array_equal(fitted[0].predict_proba(X), alone.predict_proba(X))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_child_process_has_the_type_of_its_own_blocks():
    """Not that of a thread which it does not have."""
    entered, may_end = threading.Event(), threading.Event()

    def stay():
        with FLOAT32_BY_DEFAULT.inside():
            entered.set()
            may_end.wait(60)

    def type_in_child():
        child = os.fork()
        if child == 0:
            os._exit(int(torch.get_default_dtype() == torch.float64))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    with default_dtype(torch.float64):
        thread = threading.Thread(target=stay)
        thread.start()
        entered.wait(60)
        assert torch.get_default_dtype() == torch.float32
        assert type_in_child() == 1
        with FLOAT32_BY_DEFAULT.inside():
            assert type_in_child() == 0
        may_end.set()
        thread.join(60)
        assert torch.get_default_dtype() == torch.float64
