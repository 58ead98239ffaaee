"""One fit on several processes: how they meet, and that they fit the same."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import re
from collections.abc import Mapping
from typing import Any

import joblib
import numpy as np
import torch.distributed as dist

from skfmvae._utils.distributed import clear_errors, n_processes, rank

__all__ = ["check_same", "common_random_state", "join_group"]

# What torchrun sets for the processes that it starts.
TORCHRUN = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
# What processes may have in different ways: where they compute and what they show.
OWN_PARAMETERS = {"device", "verbose", "callbacks"}


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


def check_same(estimator, **data: Any) -> None:
    """Check that all processes of the group fit the same.

    Parameters
    ----------
    estimator : BaseVAE
        Whose parameters are compared by what they look like.
    **data : array, matrix or None
        What they fit to, by name.

    Raises
    ------
    ValueError
        On every process, when something differs.
    """
    if n_processes() == 1:
        return
    parameters = estimator.get_params(deep=False)
    found = {
        name: re.sub(" at 0x[0-9a-f]+", "", repr(value))
        for name, value in parameters.items()
        if name not in OWN_PARAMETERS
    }
    found |= {name: joblib.hash(values) for name, values in data.items()}
    of_all: list[Mapping[str, str]] = [{}] * n_processes()
    with clear_errors():
        dist.all_gather_object(of_all, found)
    differing = [name for name in found if len({other[name] for other in of_all}) > 1]
    if differing:
        raise ValueError(
            f"{n_processes()} processes share this fit, but {', '.join(differing)} "
            "differ between them; call fit with the same data and parameters on each. "
            "To fit on each by itself, start them without torchrun, and without "
            "torch.distributed.init_process_group."
        )


def common_random_state(random_state: np.random.RandomState) -> np.random.RandomState:
    """Return a random state that all processes have: that of the first one."""
    if n_processes() == 1:
        return random_state
    state = [random_state.get_state()]
    with clear_errors():
        dist.broadcast_object_list(state, src=0)
    if rank():
        random_state = np.random.RandomState()
        random_state.set_state(state[0])
    return random_state
