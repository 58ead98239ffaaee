"""What processes agree on; `tests/training/test_distributed.py` has their fits."""

import multiprocessing

import numpy as np
import pytest
import torch.distributed as dist

from skfmvae import FactorialMixtureVAE
from skfmvae.estimators.distributed import (
    TORCHRUN,
    check_same,
    common_random_state,
    join_group,
)


@pytest.fixture
def joined(monkeypatch):
    """Variables of torchrun, and a list that is filled when a group is joined."""
    calls = []
    monkeypatch.setattr(dist, "init_process_group", lambda: calls.append(True))
    monkeypatch.setattr("atexit.register", lambda function: None)
    for name in TORCHRUN:
        monkeypatch.setenv(name, "2")
    return calls


def test_the_variables_of_torchrun_make_a_fit_join_its_group(joined):
    join_group()
    assert joined


@pytest.mark.parametrize("missing", TORCHRUN)
def test_without_torchrun_there_is_no_group(joined, missing, monkeypatch):
    monkeypatch.delenv(missing)
    join_group()
    assert not joined


def test_a_single_process_joins_no_group(joined, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "1")
    join_group()
    assert not joined


def test_children_of_a_process_join_no_group(joined, monkeypatch):
    monkeypatch.setattr(multiprocessing.current_process(), "_name", "LokyProcess-1")
    join_group()
    assert not joined


def test_a_group_that_is_there_is_taken(joined, monkeypatch):
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    join_group()
    assert not joined


def test_without_a_group_nothing_is_compared_and_the_random_state_is_kept():
    random_state = np.random.RandomState(0)
    check_same(FactorialMixtureVAE(), object(), None, None, None)  # which has no digest
    assert common_random_state(random_state) is random_state
