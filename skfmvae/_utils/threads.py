"""Limits on the number of threads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits
from torch import nn

__all__ = ["one_thread", "one_thread_if_small"]

# Multiply-adds of a forward pass below which a second thread gains little on free
# cores, and makes a step ten times slower on busy ones: the threads then wait for each
# other at the end of every operation. Found on one machine of two cores, see
# docs/decisions/031-threads.md.
SMALL_STEP = 5e7

# The number of threads before each of the fits that run now.
_RUNNING: dict[object, int] = {}
if hasattr(os, "register_at_fork"):  # a child process has none of them
    os.register_at_fork(after_in_child=_RUNNING.clear)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread inside the block, in torch and in NumPy's libraries.

    Parallel processes then do not compete for cores, and sums are added in the same
    order wherever a task runs.

    Yields
    ------
    None
    """
    with _torch_threads(1, torch.get_num_threads()), threadpool_limits(1):
        yield


@contextmanager
def one_thread_if_small(module: nn.Module, batch_size: int) -> Iterator[None]:
    """Use one thread of torch inside the block if the steps of training are small.

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
    # The number of threads may be that which a fit in another thread has set.
    n_threads = next(iter([*_RUNNING.values()]), torch.get_num_threads())
    fit = object()
    _RUNNING[fit] = n_threads
    n_parameters = sum(parameter.numel() for parameter in module.parameters())
    is_small = n_parameters * batch_size < SMALL_STEP
    try:
        with _torch_threads(1 if is_small else n_threads, n_threads):
            yield
    finally:
        _RUNNING.pop(fit, None)


@contextmanager
def _torch_threads(inside: int, afterwards: int) -> Iterator[None]:
    torch.set_num_threads(inside)
    try:
        yield
    finally:
        torch.set_num_threads(afterwards)
