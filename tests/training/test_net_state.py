"""The state of nets of skorch, of networks and callbacks of all kinds."""

import json
import pickle
from collections import Counter, OrderedDict
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from skorch import NeuralNetRegressor
from skorch.callbacks import Callback, EarlyStopping, EpochScoring, Freezer, LRScheduler
from torch import nn
from torch.optim.lr_scheduler import (
    CosineAnnealingWarmRestarts,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)

from skfmvae._utils.random import generator_for, seeded_draws
from skfmvae.training.net_state import load_net_state, net_state, plain

N_EPOCHS, N_BATCHES = 6, 4


class Shuffled:
    """Batches of rows in an order of this package's generators."""

    def __init__(self, dataset, batch_size, **kwargs):
        self.dataset = dataset

    def __iter__(self):
        generator = generator_for(torch.device("cpu"))
        order = torch.randperm(len(self.dataset), generator=generator)
        for index in order.tensor_split(N_BATCHES):
            rows = [self.dataset[i] for i in index.tolist()]
            X, y = (np.stack(column) for column in zip(*rows, strict=True))
            yield torch.from_numpy(X), torch.from_numpy(y)


class Kept(Callback):
    """Keep the state at the end of an epoch in a file, as it was."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epoch:
            file = BytesIO()
            torch.save(net_state(net), file)
            net.kept = file.getvalue()


SCHEDULES = {
    "cycle": lambda: LRScheduler(
        OneCycleLR, max_lr=0.1, total_steps=N_EPOCHS * N_BATCHES, step_every="batch"
    ),
    "step": lambda: LRScheduler(StepLR, step_size=2),
    "plateau": lambda: LRScheduler(ReduceLROnPlateau, patience=0, threshold=0.5),
    "restarts": lambda: LRScheduler(CosineAnnealingWarmRestarts, T_0=2),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, torch.optim.SGD])
def test_a_net_goes_on_from_its_state(schedule, optimizer):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3)).astype(np.float32)
    y = X.sum(1, keepdims=True)

    def make():
        torch.manual_seed(0)
        layers = nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)
        return NeuralNetRegressor(
            nn.Sequential(*layers),
            optimizer=optimizer,
            lr=0.05,
            iterator_train=Shuffled,
            train_split=None,
            verbose=0,
            callbacks=[
                ("schedule", SCHEDULES[schedule]()),
                ("score", EpochScoring("r2", lower_is_better=False, on_train=True)),
                ("freeze", Freezer("0.*", at=2)),
                ("stopping", EarlyStopping(monitor="train_loss", load_best=True)),
                ("kept", Kept(epoch=3)),
            ],
        ).initialize()

    with seeded_draws(0):
        whole = make()
        whole.partial_fit(X, y, epochs=N_EPOCHS)
    with seeded_draws(0):
        resumed = make()
        resumed.notify("on_train_begin", X=X, y=y)
        state = torch.load(BytesIO(whole.kept), weights_only=True)
        load_net_state(resumed, state)
        resumed.fit_loop(X, y, epochs=N_EPOCHS - 3)
        resumed.notify("on_train_end", X=X, y=y)
    for name, value in whole.module_.state_dict().items():
        assert torch.equal(resumed.module_.state_dict()[name], value), name
    one, two = (
        [json.dumps({**row, "dur": None}) for row in net.history]
        for net in (whole, resumed)
    )
    assert one == two


class Counting(Callback):
    """With what users' callbacks have: counts, files, and names for other things."""

    def initialize(self):
        self.count_, self.best_ = 0, {"score": np.float32(0.5), "seen": [1, (2, None)]}
        self.file_, self.kind_ = Path("x"), StepLR
        self.other = 0
        return self


class Stating(Counting):
    def state_dict(self):
        return {"other": self.other}

    def load_state_dict(self, state):
        self.other = state["other"]


@pytest.fixture
def make_net():
    """Return a function that makes a net with a callback, about to be trained."""

    def make(callback):
        net = NeuralNetRegressor(nn.Linear(1, 1), callbacks=[("mine", callback)])
        return net.initialize()

    return make


def test_fitted_attributes_of_a_callback_are_its_state(make_net):
    callback, other = Counting(), Counting()
    net = make_net(callback)
    callback.count_, callback.other, callback.file_ = 3, 4, Path("y")
    state = net_state(net)
    assert state["callbacks"]["mine"] == {
        "count_": 3,
        "best_": {"score": 0.5, "seen": [1, (2, None)]},
    }
    load_net_state(make_net(other), state)
    assert (other.count_, other.other, other.file_) == (3, 0, Path("x"))


def test_a_callback_may_state_its_state_itself(make_net):
    callback, other = Stating(), Stating()
    net = make_net(callback)
    callback.count_, callback.other = 3, 4
    load_net_state(make_net(other), net_state(net))
    assert (other.count_, other.other) == (0, 4)
    callback.other = Path("y")
    with pytest.raises(ValueError, match="'mine' cannot be kept.*Stating.*PosixPath"):
        net_state(net)


def test_plain_values_are_read_without_running_code():
    class Name(str):
        pass

    value = OrderedDict(
        a=np.float64(0.1),
        b=[np.int64(3), np.bool_(True), Name("x"), b"y", 1j, None],
        c=Counter([2, 2]),
        d=(torch.arange(3), True),
    )
    found = plain(value)
    file = BytesIO()
    torch.save(found, file)
    file.seek(0)
    read = torch.load(file, weights_only=True)
    tensor = read["d"][0]
    assert torch.equal(tensor, torch.arange(3))
    found["d"] = read["d"] = None
    assert found == read
    assert read == {
        "a": 0.1,
        "b": [3, True, "x", b"y", 1j, None],
        "c": {2: 2},
        "d": None,
    }
    assert pickle.dumps(read).find(b"numpy") < 0
    for bad in (np.zeros(2), {1}, [{"a": object()}], print):
        with pytest.raises(TypeError, match=r"^an? (ndarray|set|object|builtin)"):
            plain(bad)
