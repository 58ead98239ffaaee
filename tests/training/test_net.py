"""The skorch net: when it calls the model, what it records and what it keeps."""

import copy
import pickle
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from skorch.exceptions import SkorchTrainingImpossibleError
from skorch.helper import predefined_split
from torch import nn

from skfmvae.models import Evaluation, Term
from skfmvae.nn import Gaussian
from skfmvae.training import Loss, ModelNet, Rows, net

N, N_EPOCHS = 12, 3


class Location(nn.Module):
    """What the net knows of a model, of rows around a location; it notes its calls."""

    n_inputs = 2
    has_started = True

    def __init__(self):
        super().__init__()
        self.location = nn.Parameter(torch.zeros(2))
        self.likelihood = Gaussian(learn_scale=False).build(np.eye(2))
        self.register_buffer("n_updates", torch.zeros(()))
        self.calls = []

    def terms(self, x, labels):
        distance = (x - self.location).square().sum(1)
        known = labels.codes[:, 0] >= 0
        terms = {
            "log_likelihood": Term(-distance),
            "kl": Term(distance.sqrt(), -0.1, is_kl=True),
            "label": Term(labels.codes[:, 0] - self.location[0], rows=known),
        }
        return Evaluation(terms, [], x.detach())

    def begin_training(self, regularized):
        self.calls.append(("begin_training", regularized))

    def begin_epoch(self, progress, n_samples, subsample, is_last=False):
        self.calls.append(("begin_epoch", progress, n_samples, is_last))
        self.subsample = subsample()

    def update_globals(self, latents, sample_weight, n_samples):
        self.n_updates += 1
        self.calls.append(("update_globals", len(latents), len(sample_weight)))

    def global_kl(self):
        return 6.0 * self.n_updates.item()


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(1.0, 1.0, (N, 2)).astype(np.float32)
    codes = np.where(np.arange(N) < 5, np.arange(N) % 2, -1)[:, None]
    return Rows(X, codes, rng.random(N) + 0.5)


def make_net(lr=0.1, callbacks=(), **settings):
    return ModelNet(
        Location(),
        lr=lr,
        batch_size=4,
        max_epochs=N_EPOCHS,
        verbose=0,
        callbacks=list(callbacks),
        **settings,
    )


class At(Callback):
    """Call a function at a point of the training, by epoch and batch."""

    def __init__(self, point, epoch, function, batch=1):
        self.point = point
        self.when = epoch, batch
        self.function = function
        self.n_batches = 0

    def act(self, net, point):
        if point == self.point and (len(net.history), self.n_batches) == self.when:
            self.function(net)

    def on_epoch_begin(self, net, **kwargs):
        self.n_batches = 0

    def on_batch_end(self, net, training=False, **kwargs):
        self.n_batches += training
        self.act(net, "batch")

    def on_epoch_end(self, net, **kwargs):
        self.n_batches = 0
        self.act(net, "epoch")


def stop(net):
    raise KeyboardInterrupt


# What the model is asked for ----------------------------------------------------------


def test_entries_are_hidden_in_steps_and_not_in_validation(rows, monkeypatch):
    net, hidden, seen = make_net(train_split=predefined_split(rows)), [], []

    @contextmanager
    def hiding(x):
        hidden.append(x)
        yield
        hidden.pop()

    def terms(self, x, labels, plain=Location.terms):
        is_hidden = [values.equal(x) for values in hidden] == [True]
        seen.append((self.training, is_hidden))
        return plain(self, x, labels)

    monkeypatch.setattr(net.module.likelihood, "hiding", hiding)
    monkeypatch.setattr(Location, "terms", terms)
    net.fit(rows)
    assert set(seen) == {(True, True), (False, False)}


def test_the_model_is_prepared_and_learns_after_each_step(rows):
    fitted = make_net().fit(rows)
    steps = [("update_globals", 4, 4)] * 3
    assert fitted.module_.calls == [
        ("begin_training", [False]),
        ("begin_epoch", 0.0, N, False),
        *steps,
        ("begin_epoch", pytest.approx(1 / 3), N, False),
        *steps,
        ("begin_epoch", pytest.approx(2 / 3), N, True),
        *steps,
    ]
    assert make_net().initialize().n_steps(rows) == 9


def test_a_sample_of_the_rows_holds_the_labelled_ones_first(rows, monkeypatch):
    everything = make_net().fit(rows).module_.subsample
    assert sorted(everything[0][:, 0].tolist()) == sorted(rows.x[:, 0].tolist())
    monkeypatch.setattr(net, "SUBSAMPLE", 7)
    x, codes, weight = make_net().fit(rows).module_.subsample
    assert (codes[:, 0] >= 0).tolist() == [True] * 5 + [False] * 2
    for row, of_row in zip(x, weight, strict=True):
        (number,) = (rows.x == row).all(1).nonzero()[0]
        assert of_row == rows.weight[number]


# What is recorded ---------------------------------------------------------------------


def test_the_history_holds_the_mean_of_every_term(rows):
    """Of a model that does not move, in batches of one size."""
    fitted = make_net(lr=0.0).fit(rows)
    weight = rows.weight / N
    distance = rows.x.square().sum(1)
    for number, epoch in enumerate(fitted.history, start=1):
        assert epoch["train_log_likelihood"] == pytest.approx(
            -(weight * distance).sum().item(), rel=1e-5
        )
        assert epoch["train_kl"] == pytest.approx(
            (weight * distance.sqrt()).sum().item(), rel=1e-5
        )
        # 3 steps an epoch, each of 6 nats, spread over 12 rows.
        assert epoch["kl_globals"] == 3 * number * 6.0 / N


def test_held_out_rows_have_no_terms_of_labels(rows):
    held_out = rows.choose(torch.arange(5, N))
    assert not held_out.known().any()
    split = predefined_split(held_out)
    epoch = make_net(train_split=split).fit(rows).history[-1]
    recorded = {name for name in epoch if name.startswith("valid_")}
    assert {"valid_log_likelihood", "valid_kl", "valid_loss"} <= recorded
    assert "valid_label" not in recorded
    # Their divergences have full weight.
    total = epoch["valid_log_likelihood"] - 0.1 * epoch["valid_kl"]
    assert epoch["valid_loss"] == pytest.approx(-total / 2, rel=1e-5)


def test_regularizers_add_to_the_loss_and_are_recorded(rows):
    class Pull:
        """Pull the location to (3, 3) from the start."""

        regularized = [True]
        begun = []

        def begin_epoch(self, progress):
            self.begun.append(progress)

        def __call__(self, batch, log_proba, progress):
            loss = (fitted.module_.location - 3).square().sum()
            return {"pull": loss}, 1e3 * loss

    fitted = make_net(lr=4e-4)
    fitted.fit(rows, regularization=Pull())
    assert fitted.module_.calls[0] == ("begin_training", [True])
    assert Pull.begun == pytest.approx([0, 1 / 3, 2 / 3])
    assert fitted.history[0, "train_pull"] > 10 * fitted.history[-1, "train_pull"]
    torch.testing.assert_close(
        fitted.module_.location.detach(), torch.full((2,), 3.0), atol=0.1, rtol=0
    )


# Fits that stop -----------------------------------------------------------------------


@pytest.mark.parametrize("epoch", [2, 3])
def test_an_interrupted_fit_goes_back_to_the_last_complete_epoch(rows, epoch):
    states = []

    def note(net):
        states.append(copy.deepcopy(net.module_.state_dict()))

    interrupted = make_net(
        callbacks=[At("epoch", epoch - 1, note, batch=0), At("batch", epoch, stop, 2)]
    ).fit(rows)
    assert interrupted.interrupted_
    assert interrupted.n_complete_epochs_ == len(interrupted.history) == epoch - 1
    (expected,) = states
    state = interrupted.module_.state_dict()
    assert state.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(state[name], value), name
    assert state["n_updates"] == 3 * (epoch - 1)


def test_without_a_complete_epoch_there_is_none_to_go_back_to(rows):
    interrupted = make_net(callbacks=[At("batch", 1, stop)]).fit(rows)
    assert interrupted.interrupted_
    assert interrupted.n_complete_epochs_ == 0


def test_a_callback_that_stops_between_epochs_interrupts_nothing(rows):
    stopped = make_net(callbacks=[At("epoch", 2, stop, batch=0)]).fit(rows)
    assert not stopped.interrupted_
    assert stopped.n_complete_epochs_ == 2
    complete = make_net().fit(rows)
    assert not complete.interrupted_
    assert complete.n_complete_epochs_ == N_EPOCHS


def test_terms_that_are_not_finite_are_named(rows):
    def spoil(net):
        net.module_.location.data[1] = torch.inf  # the label depends on the first

    with pytest.raises(FloatingPointError, match=r"loss .* epoch 2: log_like\w+, kl o"):
        make_net(callbacks=[At("epoch", 1, spoil, batch=0)]).fit(rows)


def test_parameters_that_are_not_finite_are_named(rows):
    fitted = make_net().fit(rows)
    fitted.check_parameters()
    fitted.module_.location.data[1] = torch.nan
    with pytest.raises(FloatingPointError, match="model is not .*: location over"):
        fitted.check_parameters()


# Copies -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "duplicate",
    [lambda net: pickle.loads(pickle.dumps(net)), copy.deepcopy],
    ids=["pickle", "deepcopy"],
)
def test_copies_hold_the_model_and_the_history_alone(rows, duplicate):
    fitted = make_net(optimizer=torch.optim.Adam, lr=0.1).fit(rows)
    assert fitted.optimizer_.state
    twin = duplicate(fitted)
    assert twin.optimizer_ is None
    assert twin.module is twin.module_
    assert twin.module_ is not fitted.module_
    assert torch.equal(twin.module_.location, fitted.module_.location)
    assert twin.history == fitted.history
    assert twin.n_complete_epochs_ == N_EPOCHS
    with pytest.raises(SkorchTrainingImpossibleError, match="cannot be used for train"):
        twin.partial_fit(rows)
    assert fitted.optimizer_.state, "the net itself goes on"


# Training that goes on ----------------------------------------------------------------


def test_a_trained_model_is_trained_as_at_the_end(rows):
    """Whatever changes over a training is over, and the rows may be a sample."""
    progress = []

    class Watched(Loss):
        def forward(self, terms, weight, n_inputs, done=1.0):
            progress.append(done)
            return super().forward(terms, weight, n_inputs, done)

    fitted = make_net(criterion=Watched).fit(rows, is_trained=True, n_samples=100)
    calls = [call for call in fitted.module_.calls if call[0] == "begin_epoch"]
    assert calls == [("begin_epoch", 1.0, 100, last) for last in (False, False, True)]
    assert progress == [1.0] * 9
    divergence = fitted.history[-1, "kl_globals"]
    assert divergence == pytest.approx(fitted.module_.global_kl() / 100)


def test_a_history_goes_on(rows):
    first, second = make_net().fit(rows), make_net().fit(rows)
    own, earlier = list(second.history), list(first.history)
    second.continue_history(first.history)
    assert second.history[:, "epoch"] == [1, 2, 3, 4, 5, 6]
    assert second.history[:3] == earlier
    assert second.history[3:, "train_loss"] == [epoch["train_loss"] for epoch in own]
    assert second.n_complete_epochs_ == 3
    assert second.history[0] is not first.history[0]
