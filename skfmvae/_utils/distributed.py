"""One fit on several processes: which rows each has, and sums over those of all.

Every process of a group runs the same fit on the same data. Each batch is parted, and
what depends on its rows together, such as means, is summed over the processes. Draws
for the rows are made for the whole batch, by every process alike, and each takes those
of its own rows. Without a group, or outside a shared batch, nothing here has an effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = [
    "Share",
    "all_gathered",
    "all_reduced",
    "clear_errors",
    "current_share",
    "from_first",
    "gathered",
    "n_of_all",
    "n_processes",
    "own_rows",
    "rank",
    "shared",
    "summed",
]


def n_processes() -> int:
    """Return the number of processes of the group, 1 without one."""
    is_in_group = dist.is_available() and dist.is_initialized()
    return dist.get_world_size() if is_in_group else 1


def rank() -> int:
    """Return the number of this process in the group, 0 without one."""
    return dist.get_rank() if n_processes() > 1 else 0


@contextmanager
def clear_errors() -> Iterator[None]:
    """Say what to do when another process does not answer.

    Yields
    ------
    None

    Raises
    ------
    RuntimeError
        Instead of that of the process group.
    """
    try:
        yield
    except RuntimeError as error:
        raise RuntimeError(
            f"Process {rank()} of {n_processes()} lost the others in a fit that they "
            "share: one has ended, or has not answered within the time limit of the "
            f"process group ({error}). See what it said, and start all of them again; "
            "with checkpoint=, they go on from where they were."
        ) from error


@clear_errors()
def all_reduced(tensor: Tensor) -> Tensor:
    """Return the sum of a tensor over the processes, the same on each of them."""
    total = tensor.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total


@clear_errors()
def all_gathered(tensor: Tensor, lengths: Sequence[int]) -> list[Tensor]:
    """Return the tensors of all processes.

    Parameters
    ----------
    tensor : Tensor of shape (n, ...)
        Of this process.
    lengths : sequence of int
        The length of each process's.

    Returns
    -------
    tensors : list of Tensor
    """
    padded = tensor.new_zeros(max(lengths), *tensor.shape[1:])
    padded[: len(tensor)] = tensor.detach()
    tensors = [torch.empty_like(padded) for _ in lengths]
    dist.all_gather(tensors, padded)
    return [part[:n] for part, n in zip(tensors, lengths, strict=True)]


@clear_errors()
def from_first(value: Any) -> Any:
    """Return what the first process has here, on each of them."""
    if n_processes() == 1:
        return value
    values = [value]
    dist.broadcast_object_list(values, src=0)
    return values[0]


@dataclass(frozen=True, eq=False)
class Share:
    """Which rows of a whole batch a process has, or which of what is made of them.

    Attributes
    ----------
    total : int
        Number of those that all processes have.
    position : int64 Tensor of shape (n,)
        Where its own are among them, in ascending order.
    """

    total: int
    position: Tensor

    @classmethod
    def of_batch(cls, total: int) -> Share:
        """Return the share of this process in a batch: every so-manieth row.

        Labelled rows, which stand at the end, take less time than others.
        """
        return cls(total, torch.arange(rank(), total, n_processes()))

    def of(self, whole: Tensor) -> Tensor:
        """Return what is this process's of a tensor (total, ...)."""
        return whole[self.position.to(whole.device)]

    def repeated(self, n: int) -> Share:
        """Return the share in `n` of each, side by side."""
        position = n * self.position[:, None] + torch.arange(n).to(self.position)
        return Share(n * self.total, position.flatten())

    def chosen(self, index: Tensor, kind: Tensor, n_kinds: int) -> Share:
        """Return the share in some kinds of each, as a loop over all would list them.

        Parameters
        ----------
        index, kind : int64 Tensor of shape (m,)
            Which of its own, and which kind of it, in ascending order.
        n_kinds : int
        """
        key = n_kinds * self.position.to(index)[index] + kind
        counts = all_gathered(key.new_tensor([len(key)]), [1] * n_processes())
        of_all = all_gathered(key, torch.cat(counts).tolist())
        in_order = torch.cat(of_all).sort().values
        return Share(len(in_order), torch.searchsorted(in_order, key))

    def with_first(self, n: int) -> tuple[int, Share]:
        """Return how many of the first `n` are its own, and the share with a copy.

        The copies stand at the end.
        """
        copied = self.position[self.position < n] + self.total
        return len(copied), Share(self.total + n, torch.cat([self.position, copied]))


_SHARE: ContextVar[Share | None] = ContextVar("_SHARE", default=None)


def current_share() -> Share | None:
    """Return the share of the batch that is at work, None for all of it."""
    return _SHARE.get()


def shared(share: Share | None) -> AbstractContextManager[Any]:
    """Return a block that works on a share of a batch; None stands for all of it."""
    return nullcontext() if share is None else _shared(share)


@contextmanager
def _shared(share: Share) -> Iterator[None]:
    token = _SHARE.set(share)
    try:
        yield
    finally:
        _SHARE.reset(token)


def n_of_all(n: int, share: Share | None = None) -> int:
    """Return the number of rows that all processes have where this one has `n`.

    Parameters
    ----------
    n : int
    share : Share or None, default=None
        Of something else than the rows of the batch.
    """
    share = share or _SHARE.get()
    return n if share is None else share.total


def own_rows(whole: Tensor, share: Share | None = None) -> Tensor:
    """Return the rows of this process, of a tensor for those of all of them.

    Parameters
    ----------
    whole : Tensor of shape (`n_of_all`, ...)
    share : Share or None, default=None
        Of something else than the rows of the batch.
    """
    share = share or _SHARE.get()
    return whole if share is None else share.of(whole)


@torch.no_grad()
def gathered(own: Tensor) -> Tensor:
    """Return the rows of all processes, in the order of the whole batch.

    Parameters
    ----------
    own : Tensor of shape (n, ...)
        A row for each row of the batch that this process has.
    """
    share = _SHARE.get()
    if share is None:
        return own
    n = n_processes()
    whole = own.new_empty(share.total, *own.shape[1:])
    parts = [whole[process::n] for process in range(n)]
    of_all = all_gathered(own, [len(part) for part in parts])
    for part, rows in zip(parts, of_all, strict=True):
        part.copy_(rows)
    return whole


def summed(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return sums over the rows of this process, summed over all processes.

    Every process has to go on alike with the result, up to the loss: the gradient of a
    sum is then that of each of its parts, and those of the parameters add up over the
    processes.
    """
    if _SHARE.get() is None:
        return tensors
    flat = _Summed.apply(torch.cat([tensor.flatten() for tensor in tensors]))
    parts = flat.split([tensor.numel() for tensor in tensors])
    return tuple(p.view_as(t) for p, t in zip(parts, tensors, strict=True))


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return all_reduced(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient
