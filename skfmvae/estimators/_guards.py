"""Blocks around a fit that leave no trace: of a failure, or in torch's random state."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ["all_or_nothing", "seeded"]

# torch's random state belongs to the process: fits in several threads take turns, or
# each would draw from what another has seeded.
ONE_AT_A_TIME = threading.RLock()


@contextmanager
def all_or_nothing(estimator) -> Iterator[None]:
    """Leave the estimator as it was when the block raises.

    Yields
    ------
    None
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


@contextmanager
def seeded(random_state, device) -> Iterator[None]:
    """Seed torch from a NumPy generator, and give the caller its own state back.

    Other threads wait at their own such block meanwhile.

    Yields
    ------
    None
    """
    devices = [device] if device.type == "cuda" else []
    with ONE_AT_A_TIME, torch.random.fork_rng(devices):
        torch.manual_seed(int(random_state.randint(np.iinfo(np.int32).max)))
        yield
