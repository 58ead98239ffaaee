"""Fits in several threads and after forks: nothing waits, and no number changes."""

import os
import signal
import threading

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

import skfmvae
from skfmvae.nn import MLP

SOON = 120  # seconds after which what should end is taken to hang


class Do(Callback):
    """Call a function at the end of each epoch."""

    def __init__(self, function):
        self.function = function

    def on_epoch_end(self, net, **kwargs):
        self.function()


def in_threads(*functions):
    """Return what functions return that run in threads at the same time."""
    results = {}

    def run(number, function):
        results[number] = function()

    threads = [
        threading.Thread(target=run, args=item, daemon=True)
        for item in enumerate(functions)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert len(results) == len(functions), "some thread failed, or hangs"
    return [results[number] for number in range(len(functions))]


def assert_same(one, other, X):
    states = (e.net_.module_.state_dict() for e in (one, other))
    for a, b in zip(*(state.values() for state in states), strict=True):
        assert torch.equal(a, b)
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


class Noisy(nn.Module):
    """A network as users write them, which draws in its own way."""

    def __init__(self, n_inputs, n_outputs):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_inputs, 8), nn.Linear(8, n_outputs))

    def forward(self, x):
        return self.layers(nn.functional.dropout(x, 0.1, self.training))


def with_dropout(n_inputs, n_outputs):
    return nn.Sequential(nn.Linear(n_inputs, 8), nn.Dropout(), nn.Linear(8, n_outputs))


def jitter(x):
    return x + 0.1 * torch.randn_like(x)


class Shake(Callback):
    """Add noise to gradients."""

    def on_grad_computed(self, net, named_parameters=None, **kwargs):
        for _, parameter in named_parameters:
            if parameter.grad is not None:
                parameter.grad += 0.01 * torch.randn_like(parameter.grad)


DRAWING = {
    "dropout": {"encoder": MLP((16, 8), dropout=0.3)},
    "network": {"encoder": Noisy, "decoder": with_dropout},
    "augmentation": {"augmentation": jitter},
    "callback": {"callbacks": [Shake()]},
}
# What users add draws in code that all estimators share, for which one of them stands.
every_kind = pytest.mark.parametrize(
    ("Estimator", "params"),
    [(getattr(skfmvae, name), {}) for name in skfmvae.__all__]
    + [(skfmvae.SemiSupervisedVAE, params) for params in DRAWING.values()],
    ids=[*skfmvae.__all__, *DRAWING],
    indirect=["Estimator"],
)


@every_kind
def test_draws_of_other_threads_change_no_fit(make_estimator, partial_blobs, params):
    X, y = partial_blobs
    alone = make_estimator(**params).fit(X, y)
    over, drawn = threading.Event(), threading.Event()

    def draw():
        while not over.is_set():
            torch.rand(1)
            drawn.set()

    def wait_for_a_draw(*args):
        drawn.clear()
        assert drawn.wait(SOON)

    def fit(seed):
        callbacks = [*params.get("callbacks", []), Do(wait_for_a_draw)]
        estimator = make_estimator(
            **params | {"callbacks": callbacks, "random_state": seed}
        )
        return estimator.fit(X, y)

    stranger = threading.Thread(target=draw)
    stranger.start()
    try:
        beside, other = in_threads(lambda: fit(0), lambda: fit(1))
    finally:
        over.set()
        stranger.join()
    assert_same(beside, alone, X)
    assert (other.transform(X) != alone.transform(X)).any()


def test_initial_weights_are_the_fits_own(make_estimator, partial_blobs):
    """A draw between those of two layers, as another thread may make it."""
    X, y = partial_blobs

    def disturbed(n_inputs, n_outputs):
        first = nn.Linear(n_inputs, 8)
        in_threads(lambda: torch.rand(1))
        return nn.Sequential(first, nn.Linear(8, n_outputs))

    def undisturbed(n_inputs, n_outputs):
        return nn.Sequential(nn.Linear(n_inputs, 8), nn.Linear(8, n_outputs))

    assert_same(
        *(make_estimator(encoder=f).fit(X, y) for f in (disturbed, undisturbed)), X
    )


def test_fits_overlap(make_estimator, partial_blobs):
    X, y = partial_blobs
    both = threading.Barrier(2)

    def fit():
        return make_estimator(callbacks=[Do(lambda: both.wait(SOON))]).fit(X, y)

    alone = make_estimator().fit(X, y)
    for estimator in in_threads(fit, fit):
        assert_same(estimator, alone, X)


@pytest.fixture
def waiting_fit(make_estimator, partial_blobs):
    """Yield while a fit in another thread waits in a callback."""
    X, y = partial_blobs
    waits, may_end = threading.Event(), threading.Event()

    def wait():
        waits.set()
        assert may_end.wait(SOON)

    estimator = make_estimator(callbacks=[Do(wait)])
    thread = threading.Thread(target=estimator.fit, args=(X, y), daemon=True)
    thread.start()
    assert waits.wait(SOON)
    yield
    may_end.set()
    thread.join(SOON)
    assert not thread.is_alive()


@pytest.fixture
def fitted(make_estimator, partial_blobs):
    return make_estimator().fit(*partial_blobs)


def test_sample_does_not_wait_for_a_fit(fitted, request):
    request.getfixturevalue("waiting_fit")
    (rows,) = in_threads(lambda: fitted.sample(3, random_state=0)[0])
    np.testing.assert_array_equal(rows, fitted.sample(3, random_state=0)[0])


def ends_in_a_child(function):
    """Return whether a function ends without an error in a forked process."""
    child = os.fork()
    if child == 0:
        signal.alarm(SOON)  # which ends the child if it hangs
        try:
            function()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
may_fork = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


@forks
@may_fork
def test_a_fork_beside_a_fit_can_fit(make_estimator, partial_blobs, fitted, request):
    X, y = partial_blobs
    request.getfixturevalue("waiting_fit")

    def work():
        assert_same(make_estimator().fit(X, y), fitted, X)
        fitted.sample(3)
        fitted.score_samples(X[:3])

    assert ends_in_a_child(work)


@forks
@may_fork
def test_a_fork_within_a_fit_can_fit(make_estimator, partial_blobs, fitted):
    X, y = partial_blobs
    ended = []

    def work():
        assert_same(make_estimator().fit(X, y), fitted, X)
        fitted.sample(3)

    def fork():
        ended.append(ends_in_a_child(work))

    estimator = make_estimator(callbacks=[Do(fork)], max_epochs=3)
    (after,) = in_threads(lambda: estimator.fit(X, y))
    assert ended == [True] * 3
    assert_same(after, fitted, X)


@every_kind
def test_no_draw_is_from_the_global_generators(make_estimator, partial_blobs, params):
    X, y = partial_blobs
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    seen = []
    callbacks = [*params.get("callbacks", []), Do(lambda: seen.append(same()))]

    def same():
        return torch.equal(before[1], torch.get_rng_state())

    estimator = make_estimator(**params | {"callbacks": callbacks}).fit(X, y)
    estimator.sample(5, random_state=0)
    assert seen == [True] * 3, "changed while fitting"
    assert same(), "changed after it"
    np.testing.assert_array_equal(
        np.random.get_state()[1],  # noqa: NPY002
        before[0],
    )


@every_kind
def test_seeds_decide_what_users_code_draws(make_estimator, partial_blobs, params):
    X, y = partial_blobs
    torch.manual_seed(0)
    first = make_estimator(**params).fit(X, y)
    torch.manual_seed(1)
    assert_same(make_estimator(**params).fit(X, y), first, X)
