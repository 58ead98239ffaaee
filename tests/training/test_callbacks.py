"""Early stopping and the progress bar, with a net that does nothing."""

import re
from types import SimpleNamespace

import pytest
import torch
from skorch.history import History

from skfmvae.models import Term
from skfmvae.training import EarlyStopping, EpochBar


class Module:
    """What early stopping knows of a model."""

    def __init__(self, starts):
        self.starts = starts

    def begin(self, epoch):
        self.epoch = epoch
        self.has_started = epoch >= self.starts

    def state_dict(self):
        return {"epoch": self.epoch}

    def load_state_dict(self, state):
        self.epoch = state["epoch"]


def epoch_kept(losses, starts=1, **settings):
    """Return the epoch whose state is kept, and the number that ran."""
    stopping = EarlyStopping(**settings).callback().initialize()
    net = SimpleNamespace(module_=Module(starts), history={}, verbose=0)
    stopping.on_train_begin(net)
    for epoch, loss in enumerate(losses, start=1):
        net.module_.begin(epoch)
        net.history = {(-1, "valid_loss"): loss, (-1, "epoch"): epoch}
        try:
            stopping.on_epoch_end(net)
        except KeyboardInterrupt:
            break
    stopping.on_train_end(net)
    return net.module_.epoch, epoch


def test_early_stopping_waits_for_what_begins_late():
    losses = [1.0, 2.0, 2.0, 5.0, 4.0, 6.0, 6.0, 6.0]
    assert epoch_kept(losses, patience=2) == (1, 3)
    assert epoch_kept(losses, starts=4, patience=2) == (5, 7)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_fall_less_than_the_tolerance_is_no_improvement(sign):
    level = 100.0 * sign
    assert epoch_kept([level, level - 0.5, level - 0.5], tol=0.01, patience=2)[0] == 1
    assert epoch_kept([level, level - 1.5, level + 0.5], tol=0.01)[0] == 2


def test_the_bar_shows_the_mean_bound_of_the_epoch(capsys):
    """Less the divergence of the global parameters; held-out rows do not count.

    The epoch before, of a fit that goes on, is there from the start.
    """
    bar = EpochBar()
    net = SimpleNamespace(max_epochs=3, history=History())
    net.history.new_epoch()
    batch = SimpleNamespace(weight=torch.tensor([1.0, 3.0]))
    bar.on_train_begin(net)
    for values in ([[-8.0, -4.0], [-1.0, -1.0]], [[-2.0, -2.0], [-2.0, 0.0]]):
        net.history.new_epoch()
        net.history.record("kl_globals", 0.5)
        bar.on_epoch_begin(net)
        for value in values:
            terms = {"log_likelihood": Term(torch.tensor(value), in_bound=True)}
            evaluation = SimpleNamespace(terms=terms)
            bar.on_batch_end(net, batch, training=True, evaluation=evaluation)
        bar.on_batch_end(net, batch, training=False, evaluation=evaluation)
        bar.on_epoch_end(net)
    bar.on_train_end(net)
    assert not hasattr(bar, "bar_")
    last = re.split(r"[\r\n]+", capsys.readouterr().err.strip())[-1]
    # Means of -2 and -0.5, less 0.5.
    assert re.search(r"3/3 .*bound=-1\.75 nats", last)
