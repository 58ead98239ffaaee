"""How many threads a step of training is worth."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

__all__ = ["threads_worth_their_wait"]

# Multiply-adds of a forward pass below which a second thread gains little on free
# cores, and makes a step ten times slower where something else runs beside it: the
# threads then wait for each other at the end of every operation.
SMALL_STEP = 5e7

# The number of threads before each of the fits that run now.
_RUNNING: dict[object, int] = {}
if hasattr(os, "register_at_fork"):  # a child process has none of them
    os.register_at_fork(after_in_child=_RUNNING.clear)


@contextmanager
def threads_worth_their_wait(module: nn.Module, batch_size: int) -> Iterator[None]:
    """Use one thread inside the block when the steps are small.

    Parameters
    ----------
    module : Module
        The model that is trained.
    batch_size : int
        Rows per batch.

    Yields
    ------
    None
    """
    # A new thread finds the number that a fit elsewhere has set for its own time.
    n_threads = next(iter([*_RUNNING.values()]), torch.get_num_threads())
    fit = object()
    _RUNNING[fit] = n_threads
    n_parameters = sum(parameter.numel() for parameter in module.parameters())
    is_small = n_parameters * batch_size < SMALL_STEP
    torch.set_num_threads(1 if is_small else n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
        _RUNNING.pop(fit, None)
