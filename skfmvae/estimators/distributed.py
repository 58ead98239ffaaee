"""One fit on several processes: how they meet, and that they fit the same."""

from __future__ import annotations

import atexit
import multiprocessing
import os

import numpy as np
import torch.distributed as dist

from skfmvae._utils.distributed import clear_errors, from_first, n_processes

from .resuming import fit_description

__all__ = ["check_same", "common_random_state", "join_group"]

# What torchrun sets for the processes that it starts.
TORCHRUN = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def join_group() -> None:
    """Join the process group that torchrun asks for, unless there is one.

    Processes that were started from here, such as joblib's, inherit the variables of
    torchrun, but are no part of the group.
    """
    if not dist.is_available() or dist.is_initialized():
        return
    if multiprocessing.current_process().name != "MainProcess":
        return
    if all(name in os.environ for name in TORCHRUN) and os.environ["WORLD_SIZE"] != "1":
        dist.init_process_group()  # gloo for the CPU, NCCL for GPUs
        atexit.register(dist.destroy_process_group)


def check_same(estimator, X, codes, quantities, sample_weight) -> None:
    """Check that all processes of the group fit the same.

    Parameters are those of `fit_description`.

    Raises
    ------
    ValueError
        On every process, when something differs.
    """
    if n_processes() == 1:
        return
    found = fit_description(estimator, X, codes, quantities, sample_weight)
    of_all: list[dict[str, str]] = [{}] * n_processes()
    with clear_errors():
        dist.all_gather_object(of_all, found)
    differing = [
        name
        for name in found
        if name != "callbacks" and len({other.get(name) for other in of_all}) > 1
    ]
    if differing:
        raise ValueError(
            f"{n_processes()} processes share this fit, but {', '.join(differing)} "
            "differ between them; call fit with the same data and parameters on each. "
            "To fit on each by itself, start them without torchrun, and without "
            "torch.distributed.init_process_group."
        )


def common_random_state(random_state: np.random.RandomState) -> np.random.RandomState:
    """Return the random state, after it has taken up that of the first process."""
    if n_processes() > 1:
        random_state.set_state(from_first(random_state.get_state()))
    return random_state
