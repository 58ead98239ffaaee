"""Blocks around a fit that leave no trace, and that nothing outside reaches into."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import numpy as np
import torch

from skfmvae._utils.random import seeded_draws

__all__ = ["all_or_nothing", "plain_torch", "seeded"]


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


def seeded(random_state) -> AbstractContextManager[None]:
    """Return a block whose draws come from generators of its own.

    Their seed is drawn from `random_state`, a RandomState.
    """
    return seeded_draws(int(random_state.randint(np.iinfo(np.int32).max)))


@contextmanager
def plain_torch(device) -> Iterator[None]:
    """Compute by torch's own defaults, and give the settings back.

    Inside, tensors are float32 on the CPU by default and have gradients, and nothing
    is cast to lower precision, whatever modes and defaults the caller has set.

    Parameters
    ----------
    device : torch.device
        Where the block computes.

    Yields
    ------
    None
    """
    with ExitStack() as stack:
        stack.enter_context(FLOAT32_BY_DEFAULT.inside())
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in filter(torch.is_autocast_enabled, {"cpu", device.type}):
            # Until the outermost such block ends, torch would keep rounded weights.
            off = torch.autocast(kind, enabled=False, cache_enabled=False)
            stack.enter_context(off)
        if torch.empty(0).device.type != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield


class _Float32ByDefault:
    """Makes float32 torch's default for as long as some thread is inside.

    The default belongs to the process, and networks of users and torch's own layers
    ask for it, so that data types in our code would not do. The first thread to come
    sets it, and the last to go gives the caller's back. Nothing changes where it is
    float32 anyway.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.inside_now: list[int] = []  # threads, once for each of their blocks
        self.callers = torch.float32

    @contextmanager
    def inside(self):
        thread = threading.get_ident()
        with self.lock:
            if not self.inside_now:
                self.callers = torch.get_default_dtype()
                torch.set_default_dtype(torch.float32)
            self.inside_now.append(thread)
        try:
            yield
        finally:
            with self.lock:
                self.inside_now.remove(thread)
                self._restore_if_empty()

    def _restore_if_empty(self):
        if not self.inside_now:
            torch.set_default_dtype(self.callers)

    def after_fork(self):
        """Forget the threads that a child process does not have."""
        was_used, here = bool(self.inside_now), threading.get_ident()
        self.inside_now = [thread for thread in self.inside_now if thread == here]
        if was_used:
            self._restore_if_empty()
        self.lock.release()


FLOAT32_BY_DEFAULT = _Float32ByDefault()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=FLOAT32_BY_DEFAULT.lock.acquire,
        after_in_parent=FLOAT32_BY_DEFAULT.lock.release,
        after_in_child=FLOAT32_BY_DEFAULT.after_fork,
    )
