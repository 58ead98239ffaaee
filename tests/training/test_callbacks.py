from types import SimpleNamespace

import pytest

from skfmvae.training import EarlyStopping


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
