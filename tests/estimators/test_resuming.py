"""Fits that go on from a checkpoint end bit by bit like others."""

import json
import math
import os
import runpy
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from skorch.callbacks import Callback, GradientNormClipping
from torch import nn

import skfmvae
from skfmvae._utils.large import RowView
from skfmvae._utils.threads import one_thread
from skfmvae.estimators.resuming import fit_description, resumable
from skfmvae.nn import MLP
from skfmvae.regularizers import Neighbours
from skfmvae.training import Checkpoint, EarlyStopping, ModelNet

SCRIPT = Path(__file__).with_name("killed_fits.py")
MAKE, DATA = (runpy.run_path(str(SCRIPT))[name] for name in ("make", "data"))


class Killed(BaseException):
    """What stands for a kill within a process: nothing handles it."""


@contextmanager
def killed_after(n_steps, error=Killed):
    """Raise an error after so many steps of trainings, refits among them."""
    step, n_done = ModelNet.train_step, []

    def killed_step(net, batch):
        done = step(net, batch)
        n_done.append(batch)
        if len(n_done) == n_steps:
            raise error
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelNet, "train_step", killed_step)
        with pytest.raises(error):
            yield


@contextmanager
def counted_steps():
    """List the steps of trainings inside the block."""
    step, steps = ModelNet.train_step, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            ModelNet, "train_step", lambda *args: steps.append(1) or step(*args)
        )
        yield steps


def result(estimator, X):
    """Return all that a fit gives, by name, without times."""
    found = {
        name: value.numpy().tobytes()
        for name, value in estimator.net_.module_.state_dict().items()
    }
    for epoch, row in enumerate(estimator.net_.history):
        found[f"epoch {epoch}"] = json.dumps({**row, "dur": None})
    found["judgement"] = repr(estimator.judgement_)
    for method in ("predict_proba", "transform", "score_samples"):
        found[method] = getattr(estimator, method)(X).tobytes()
    found["sample"] = estimator.sample(9, random_state=0)[0].tobytes()
    return found


def assert_same(estimator, other, X):
    one, two = result(estimator, X), result(other, X)
    assert one.keys() == two.keys()
    assert not [name for name in one if one[name] != two[name]]


@pytest.fixture(scope="session")
def killed_folder(tmp_path_factory):
    """Return a folder of fits, one for each estimator, that were killed many times."""
    folder = tmp_path_factory.mktemp("killed")
    for stage, n_kills in enumerate([28, 0]):
        process = subprocess.run(
            [sys.executable, str(SCRIPT), str(folder), str(stage)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        assert process.returncode == -signal.SIGKILL, process.stderr
        assert json.loads(process.stdout) == [signal.SIGKILL] * n_kills
    return folder


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fits are killed in forks")
def test_fits_that_were_killed_at_many_moments(Estimator, killed_folder):
    X, y = DATA()
    name = Estimator.__name__
    with one_thread():
        whole = MAKE(name).fit(X, y)
        with counted_steps() as steps:
            resumed = MAKE(name, killed_folder / name).fit(X, y)
    # That of the first was complete, but for a file of a refit that was removed.
    n_left = {"FactorialMixtureVAE": 3 * 4}.get(name, 4)
    assert len(steps) == n_left
    assert_same(resumed, whole, X)
    assert os.listdir(killed_folder / name) == ["lock"]


@pytest.fixture
def make_kept(tmp_path):
    """Return a function that makes small estimators of one kind with checkpoints."""
    small = {
        "encoder": MLP(hidden=(16,)),
        "decoder": MLP(hidden=(16,)),
        "max_epochs": 5,
        "batch_size": 40,
        "calibrate": False,
        "random_state": 0,
        "checkpoint": tmp_path / "fit",
    }
    return lambda **params: skfmvae.FactorialMixtureVAE(**small | params)


def test_a_complete_fit_starts_anew(make_kept, partial_blobs, tmp_path):
    X, y = partial_blobs
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    estimator = make_kept(checkpoint=str(folder), calibrate=True).fit(X, y)
    assert sorted(os.listdir(folder)) == ["lock", "notes.txt"]
    with counted_steps() as steps:
        again = make_kept(checkpoint=folder, lr=0.02).fit(X, y)  # of other parameters
    assert len(steps) == 5 * 3
    assert again.n_iter_ == estimator.n_iter_ == 5


@pytest.mark.parametrize("every", [1, 2])
def test_an_interrupted_fit_goes_on(make_kept, partial_blobs, tmp_path, every):
    """The interrupt leaves a fit of the last complete epoch, whatever was written."""
    X, y = partial_blobs
    settings = Checkpoint(tmp_path / "fit", every=every)
    estimator = make_kept(checkpoint=settings)
    with killed_after(3 * 3 + 2, KeyboardInterrupt):
        estimator.fit(X, y)
    assert estimator.n_iter_ == len(estimator.net_.history) == 3
    with counted_steps() as steps:
        estimator.fit(X, y)
    assert len(steps) == 3 * (2 if every == 1 else 3)
    assert_same(estimator, make_kept(checkpoint=None).fit(X, y), X)


def test_an_interrupt_of_a_resumed_fit_before_its_first_epoch(make_kept, partial_blobs):
    X, y = partial_blobs
    with killed_after(3 * 2 + 1):
        make_kept().fit(X, y)
    estimator = make_kept()
    with killed_after(1, KeyboardInterrupt):
        estimator.fit(X, y)
    assert estimator.n_iter_ == 2
    assert_same(estimator.fit(X, y), make_kept(checkpoint=None).fit(X, y), X)


def test_early_stopping_goes_on(make_kept, partial_blobs):
    """Its patience and best epoch are kept, and a stopped training is not repeated."""
    X, y = partial_blobs
    settings = {
        "callbacks": [EarlyStopping(patience=2, tol=0.5)],
        "calibrate": True,
        "max_epochs": 12,
    }
    whole = make_kept(checkpoint=None, **settings).fit(X, y)
    n_epochs = len(whole.net_.history)
    assert 2 < n_epochs < 12
    n_batches = 135 // 40
    with killed_after(n_batches * (n_epochs - 1) + 1):  # its best epoch is before
        make_kept(**settings).fit(X, y)
    with killed_after(n_batches + 1):
        make_kept(**settings).fit(X, y)
    with counted_steps() as steps:
        resumed = make_kept(**settings).fit(X, y)
    assert len(steps) == 2 * math.ceil(n_epochs / 2) * n_batches
    assert_same(resumed, whole, X)


@pytest.mark.parametrize("kind", ["instance", "global"])
def test_random_states_are_taken_up(make_kept, partial_blobs, kind):
    X, y = partial_blobs

    def state(seed):
        if kind == "instance":
            return np.random.RandomState(seed)
        np.random.seed(seed)  # noqa: NPY002
        return None

    first = state(7)
    whole = make_kept(checkpoint=None, random_state=first).fit(X, y)
    end = (first or np.random).get_state()
    with killed_after(3 * 2 + 1):
        make_kept(random_state=state(7)).fit(X, y)
    other = state(8)
    resumed = make_kept(random_state=other).fit(X, y)
    assert_same(resumed, whole, X)
    for one, two in zip((other or np.random).get_state(), end, strict=True):
        np.testing.assert_array_equal(one, two)


class Noise(nn.Module):
    """Dropout by a user, from torch's global generator, with a state of its own."""

    def __init__(self):
        super().__init__()
        self.register_buffer("n_calls", torch.tensor(0.0))

    def forward(self, x):
        if self.training:
            self.n_calls += 1
        return x + 0.1 * self.training * torch.randn_like(x) / (1 + self.n_calls)


def noisy(n_inputs, n_outputs):
    return nn.Sequential(
        Noise(), nn.Linear(n_inputs, n_outputs), nn.BatchNorm1d(n_outputs)
    )


class Decay(Callback):
    """A schedule that a user wrote, with a state."""

    def initialize(self):
        self.factor_ = 1.0
        return self

    def on_epoch_end(self, net, **kwargs):
        self.factor_ *= 0.7
        for group in net.optimizer_.param_groups:
            group["lr"] = 0.01 * self.factor_


def test_networks_callbacks_and_optimizers_of_users(partial_blobs, tmp_path):
    X, y = partial_blobs

    def make(folder):
        return skfmvae.FactorialMixtureVAE(
            encoder=noisy,
            decoder=noisy,
            optimizer=torch.optim.RMSprop,
            callbacks=[("lr_schedule", None), Decay(), GradientNormClipping(1.0)],
            neighbours=Neighbours(n_rebuilds=4, features=PCA(2)),
            augmentation=lambda x: x + 0.01 * torch.randn_like(x),
            batch_size=50,
            max_epochs=6,
            random_state=0,
            checkpoint=folder,
        )

    with killed_after(3 * 3 + 1):
        make(tmp_path).fit(X, y)
    assert_same(make(tmp_path).fit(X, y), make(None).fit(X, y), X)


def change_one_value(X, y):
    X = X.copy()
    X[-1, -1] += 0.5
    return X, y, None


@pytest.mark.parametrize(
    ("params", "change", "pieces"),
    [
        ({"lr": 0.02}, None, ["lr=0.01, now lr=0.02"]),
        ({"max_epochs": 6}, None, ["max_epochs=5, now max_epochs=6"]),
        (
            {"encoder": MLP((8,)), "random_state": 1},
            None,
            ["encoder__hidden=[16], now encoder__hidden=[8]", "random_state=0, now"],
        ),
        (
            {"callbacks": [EarlyStopping()]},
            None,
            ["callbacks=None, now", "patience=10"],
        ),
        ({}, change_one_value, ["X=(150, 4)"]),
        ({}, lambda X, y: (X[:140], y[:140], None), ["X=(150, 4)", "X=(140, 4)", "y="]),
        ({}, lambda X, y: (X, np.where(y == 0, -1, y), None), [" y=(150, 1)"]),
        ({}, lambda X, y: (X, y, 1 + (y > 0)), ["sample_weight="]),
    ],
)
def test_other_fits_are_refused(
    make_kept, partial_blobs, tmp_path, says, params, change, pieces
):
    X, y = partial_blobs
    estimator = make_kept()
    with killed_after(3 * 2):
        estimator.fit(X, y)
    other = make_kept(**params)
    before = dict(vars(other))
    with pytest.raises(ValueError, match=says(str(tmp_path / "fit"), *pieces)):
        other.fit(*(change(X, y) if change else (X, y)))
    assert vars(other) == before
    with counted_steps() as steps:  # nothing is lost, and these may change
        estimator.set_params(
            checkpoint=Checkpoint(str(tmp_path / "fit"), every=3), device="cpu"
        ).fit(X.astype(float), y)
    assert len(steps) == 3 * 4


def test_other_versions_are_refused(make_kept, partial_blobs, monkeypatch):
    with killed_after(3 + 1):
        make_kept().fit(*partial_blobs)
    monkeypatch.setattr("skfmvae.estimators.resuming.version", lambda _: "9.9")
    with pytest.raises(ValueError, match="torch=2.*, now torch=9.9; skfmvae=.*"):
        make_kept().fit(*partial_blobs)


def test_a_fit_that_never_trained_keeps_nothing_from_others(make_kept, partial_blobs):
    """An error before the first epoch, as of a parameter, does not bind the folder."""
    with pytest.raises(ValueError, match="validation_fraction"):
        make_kept(callbacks=[EarlyStopping(validation_fraction=0.999)]).fit(
            *partial_blobs
        )
    assert make_kept().fit(*partial_blobs).n_iter_ == 5


def test_fits_at_the_same_time_have_folders_of_their_own(
    make_kept, partial_blobs, tmp_path
):
    X, y = partial_blobs

    class Inside(Callback):
        def on_train_begin(self, net, **kwargs):
            with pytest.raises(ValueError, match="Another fit is running"):
                make_kept().fit(X, y)
            make_kept(checkpoint=tmp_path / "other", max_epochs=1).fit(X, y)

    assert make_kept(callbacks=[Inside()]).fit(X, y).n_iter_ == 5


def test_a_damaged_checkpoint_says_what_to_do(make_kept, partial_blobs, tmp_path, says):
    with killed_after(3 + 1):
        make_kept().fit(*partial_blobs)
    path = tmp_path / "fit" / "main.pt"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=says(str(path), "delete it to fit")):
        make_kept().fit(*partial_blobs)


def test_a_callback_whose_state_no_file_can_hold_is_refused(make_kept, partial_blobs):
    class Odd(Callback):
        def state_dict(self):
            return {"file": Path()}

    with pytest.raises(ValueError, match="'Odd' cannot be kept.*holds a PosixPath"):
        make_kept(callbacks=[Odd()]).fit(*partial_blobs)


@pytest.mark.parametrize(
    "params", [{"checkpoint": 3}, {"checkpoint": Checkpoint("x", every=0)}]
)
def test_what_is_no_checkpoint_is_refused(make_kept, partial_blobs, params):
    with pytest.raises(ValueError, match="'(checkpoint|every)' parameter"):
        make_kept(**params).fit(*partial_blobs)


def test_without_a_checkpoint_nothing_is_described(make_kept):
    """For data may be large."""
    with resumable(make_kept(checkpoint=None), None, None, None, None, None) as folder:
        assert folder is None


def test_rows_on_disk_are_known_by_their_values(tmp_path):
    """As the same rows in memory are, whatever their type on disk."""
    X = np.random.default_rng(0).integers(0, 9, (60, 4)).astype(np.uint8)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    model = skfmvae.SemiSupervisedVAE(max_epochs=1, calibrate=False).fit(X)
    codes = np.full((60, 1), -1)

    def described(rows):
        return fit_description(model, rows, codes, None, None)["X"]

    assert described(RowView(mapped)) == described(X.astype(np.float32))
    assert described(RowView(mapped)) != described(RowView(mapped[::-1]))
