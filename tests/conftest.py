"""Fixtures of all tests."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch.distributed as dist

N = 2


class Threads:
    """Threads that a function takes for the processes of a group."""

    def __init__(self, monkeypatch):
        self.local = threading.local()
        self.barrier = threading.Barrier(N, timeout=60)
        self.values = [None] * N
        here = monkeypatch.setattr
        here(dist, "is_initialized", lambda: hasattr(self.local, "rank"))
        here(dist, "get_world_size", lambda: N)
        here(dist, "get_rank", lambda: self.local.rank)
        here(dist, "all_reduce", self.all_reduce)
        here(dist, "all_gather", self.all_gather)
        here(dist, "broadcast", self.broadcast)

    def run(self, function):
        """Return what a function of no argument gives in each of them."""

        def run_as(rank):
            self.local.rank = rank
            return function()

        with ThreadPoolExecutor(N) as pool:
            return list(pool.map(run_as, range(N)))

    def exchanged(self, tensor):
        """Return what all threads bring here."""
        self.values[self.local.rank] = tensor.clone()
        self.barrier.wait()
        values = list(self.values)
        self.barrier.wait()
        return values

    def all_reduce(self, tensor):
        """As `dist.all_reduce`."""
        tensor.copy_(sum(self.exchanged(tensor)))

    def all_gather(self, tensors, tensor):
        """As `dist.all_gather`."""
        for target, value in zip(tensors, self.exchanged(tensor), strict=True):
            target.copy_(value)

    def broadcast(self, tensor, src):
        """As `dist.broadcast`."""
        tensor.copy_(self.exchanged(tensor)[src])


@pytest.fixture
def on_two_processes(monkeypatch):
    """A function that runs another one on what it takes for two processes."""
    return Threads(monkeypatch).run
