"""Building modules of sizes that somebody else has chosen."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["TooLarge", "bounded"]


class TooLarge(ValueError):
    """Something would take more memory, or operations, than it may.

    Parameters
    ----------
    message : str
        What it was.
    """

    def __init__(self, message: str):
        super().__init__(message)


class bounded(TorchDispatchMode):
    """Refuse operations whose results are larger than what a block may take.

    They are refused before memory is allocated. Sizes are those that an operation is
    given, or that its arguments have together.

    Parameters
    ----------
    n_elements : int
        Of a single result; all that is asked for by size may be eight times as large.
    n_operations : int
        In the block.

    Examples
    --------
    >>> import torch
    >>> from skfmvae._utils.allocation import bounded
    >>> with bounded(n_elements=1000, n_operations=100):
    ...     torch.nn.Linear(10, 10**9)
    Traceback (most recent call last):
    ...
    skfmvae._utils.allocation.TooLarge: a tensor of 10000000000 elements...
    """

    def __init__(self, n_elements: int, n_operations: int):
        super().__init__()
        self.n_elements = n_elements
        self.n_operations = n_operations
        self.left = 8 * n_elements

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        given = [*args, *kwargs.values()]
        self.n_operations -= 1
        if self.n_operations < 0:
            raise TooLarge("more operations than a model of its size takes")
        asked = _asked_for(func.overloadpacket.__name__, given)
        size = max(asked, _together(given))
        self.left -= asked
        if size > self.n_elements or self.left < 0:
            raise TooLarge(f"a tensor of {size} elements, more than it has")
        return func(*args, **kwargs)


def _asked_for(name: str, given: list[Any]) -> int:
    """Return the number of elements that sizes among the arguments stand for."""
    sizes = [
        math.prod(map(abs, value))
        for value in given
        if isinstance(value, list | tuple) and all(type(n) is int for n in value)
    ]
    numbers = [abs(n) for n in given if type(n) is int]
    if name in {"arange", "randperm", "linspace"}:
        sizes += numbers
    elif name in {"eye", "tril_indices", "triu_indices"}:
        sizes.append(max(numbers, default=0) ** 2)
    return max(sizes, default=0)


def _together(given: list[Any]) -> int:
    """Return the number of elements of tensors that are broadcast."""
    shapes = [value.shape for value in given if isinstance(value, Tensor)]
    try:
        return math.prod(torch.broadcast_shapes(*shapes)) if shapes else 0
    except RuntimeError:  # they are not
        return 0
