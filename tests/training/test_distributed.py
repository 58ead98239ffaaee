"""One fit on two processes, by gloo; `two_processes.py` runs them all at once."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from skfmvae.training.distributed import equal_weights, sum_gradients

SCRIPT = Path(__file__).with_name("two_processes.py")
FITS = ("mixture", "semi-supervised", "semafo", "gaps", "images", "adamw")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("found")
    # One thread, so that the interpreter may fork.
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), str(folder)]
    subprocess.run(command, check=True, env=environment, timeout=300)
    paths = folder.glob("*.pickle")
    return {path.stem: pickle.loads(path.read_bytes()) for path in paths}


@pytest.mark.parametrize("name", FITS)
def test_two_processes_find_what_one_finds(found, name):
    """The bound and its parts, early stopping's too, predictions and temperatures.

    Ten steps, two with AdamW; calibration has two fits of five more.
    """
    near = 1e-4 if name == "adamw" else 1e-5
    history, proba, temperature, n_iter = found["one"][name]
    shared, *others = found["rank_0"][name]
    for epoch, same in zip(history, shared, strict=True):
        assert epoch.keys() == same.keys()
        for term, value in epoch.items():
            assert same[term] == pytest.approx(value, rel=near, abs=near), term
    np.testing.assert_allclose(others[0], proba, atol=1e-4)
    assert others[1] == pytest.approx(temperature, abs=1e-4)
    assert others[2] == n_iter


@pytest.mark.parametrize("name", [*FITS, "bfloat16", "seedless", "dropout"])
def test_both_processes_find_the_same(found, name):
    for ours, theirs in zip(found["rank_0"][name], found["rank_1"][name], strict=True):
        np.testing.assert_equal(ours, theirs)


@pytest.mark.parametrize(
    ("name", "differing"),
    [("other data", "X"), ("other labels", "y"), ("other parameters", "lr")],
)
def test_processes_that_fit_something_else_are_refused(found, name, differing):
    for rank in range(2):
        kind, message, is_fitted = found[f"rank_{rank}"][name]
        assert kind == "ValueError"
        assert f"share this fit, but {differing} differ" in message
        assert not is_fitted


def test_the_first_process_alone_shows_progress(found):
    assert "2/2" in found["rank_0"]["shown"]
    assert not found["rank_1"]["shown"]


def test_the_death_of_a_process_ends_the_fit_of_the_other(found):
    kind, message, is_fitted = found["survivor"]
    assert kind == "RuntimeError"
    assert message.startswith("Process 0 of 2 lost the others")
    assert "start all of them again" in message
    assert not is_fitted


@pytest.mark.parametrize("rank", range(2))
def test_a_fit_in_which_a_process_died_goes_on_from_its_checkpoint(found, rank):
    """Bit by bit as if none had, though dropout differs between the processes."""
    results, first_epoch = found[f"again_{rank}"]
    assert first_epoch == 2
    for again, whole in zip(results, found["rank_0"]["dropout"], strict=True):
        np.testing.assert_equal(again, whole)


def test_without_a_group_nothing_is_summed():
    model = nn.Linear(2, 1)
    before = [parameter.clone() for parameter in model.parameters()]
    model(torch.ones(3, 2)).sum().backward()
    gradient = model.weight.grad
    equal_weights(model)
    sum_gradients(model)
    assert model.weight.grad is gradient
    for parameter, value in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter, value)
