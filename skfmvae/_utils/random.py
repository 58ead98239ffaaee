"""Random draws that are independent of other threads.

torch's global generators belong to the process: a draw of one thread changes the next
draw of another. Blocks that should be reproducible draw from generators of their own,
which a context variable holds for their thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.utils._python_dispatch import TorchDispatchMode

from .distributed import (
    Share,
    current_share,
    n_of_all,
    n_processes,
    own_rows,
    rank,
    shared,
)

__all__ = [
    "draw_normal",
    "draw_states",
    "draws_apart",
    "forked_draws",
    "generator_for",
    "redirect_modules",
    "redirected_draws",
    "repeatable_draws",
    "restart_draws_apart",
    "restore_draws",
    "seeded_draws",
]


class _Generators:
    """Generators of one seed, one for each device."""

    def __init__(self, seed: int):
        self.seed = seed
        self._of_device: dict[torch.device, torch.Generator] = {}
        self._apart: _Generators | None = None

    @property
    def apart(self) -> _Generators:
        """Generators that differ between the processes of a group."""
        if self._apart is None:
            self.restart_apart(0)
        assert self._apart is not None
        return self._apart

    def restart_apart(self, number: int) -> None:
        seed = self.seed + 1 + rank() + n_processes() * number
        self._apart = _Generators(seed)

    def on(self, device: torch.device) -> torch.Generator:
        if device not in self._of_device:
            generator = torch.Generator(device).manual_seed(self.seed)
            self._of_device[device] = generator
        return self._of_device[device]

    def copy(self) -> _Generators:
        twin = _Generators(self.seed)
        twin.restore(self.states())
        twin._apart = self._apart and self._apart.copy()
        return twin

    def states(self) -> dict[str, Tensor]:
        return {str(d): g.get_state() for d, g in self._of_device.items()}

    def restore(self, states: Mapping[str, Tensor]) -> None:
        for device, state in states.items():
            self.on(torch.device(device)).set_state(state)


_OWN: ContextVar[_Generators | None] = ContextVar("_OWN", default=None)


@contextmanager
def seeded_draws(seed: int) -> Iterator[None]:
    """Draw from new generators of this seed inside the block.

    Parameters
    ----------
    seed : int
        Seed of the generator of every device, as for ``torch.manual_seed``.

    Yields
    ------
    None
    """
    token = _OWN.set(_Generators(seed))
    try:
        yield
    finally:
        _OWN.reset(token)


@contextmanager
def forked_draws() -> Iterator[None]:
    """Draw from copies of the generators inside the block, and leave them unchanged.

    Yields
    ------
    None
    """
    own = _OWN.get()
    if own is None:
        copies = _Generators(torch.initial_seed())
        copies.on(torch.device("cpu")).set_state(torch.get_rng_state())
    else:
        copies = own.copy()
    token = _OWN.set(copies)
    try:
        yield
    finally:
        _OWN.reset(token)


def draw_states() -> dict[str, Tensor]:
    """Return the states of the generators of the innermost block of `seeded_draws`.

    Returns
    -------
    states : dict of str to uint8 Tensor
        By the name of the device; empty outside such blocks.
    """
    own = _OWN.get()
    return {} if own is None else own.states()


def restore_draws(states: Mapping[str, Tensor]) -> None:
    """Go on drawing from where `draw_states` found the generators.

    Parameters
    ----------
    states : dict of str to uint8 Tensor
        What it returned inside a block of the same seed.
    """
    own = _OWN.get()
    if own is not None:
        own.restore(states)


def generator_for(device: torch.device) -> torch.Generator | None:
    """Return the generator of the innermost block of `seeded_draws`.

    Parameters
    ----------
    device : torch.device
        The device of the draws.

    Returns
    -------
    generator : Generator or None
        None outside such blocks, which stands for torch's global generator.
    """
    own = _OWN.get()
    return None if own is None else own.on(device)


def restart_draws_apart(number: int) -> None:
    """Begin anew what `draws_apart` draws from, so that it depends on a number alone.

    Parameters
    ----------
    number : int
        Of the epoch, from which a killed fit may go on.
    """
    own = _OWN.get()
    if own is not None:
        own.restart_apart(number)


@contextmanager
def draws_apart() -> Iterator[None]:
    """Draw otherwise than other processes inside the block, on a share of a batch.

    It serves what cannot draw for the rows of all processes, see `own_rows`.

    Yields
    ------
    None
    """
    own = _OWN.get()
    if own is None or current_share() is None:
        yield
        return
    token = _OWN.set(own.apart)
    try:
        yield
    finally:
        _OWN.reset(token)


def draw_normal(distribution: Normal, share: Share | None = None) -> Tensor:
    """Return ``distribution.rsample()``, drawn from the generator of the block.

    Parameters
    ----------
    distribution : Normal
        Its mean has the shape of a draw.
    share : Share or None, default=None
        Where the draws are not for the rows of the batch, see `n_of_all`.

    Returns
    -------
    draw : Tensor
        With the gradients of the mean and of the deviation.
    """
    if _OWN.get() is None:
        return distribution.rsample()
    mean = distribution.mean
    noise = mean.new_empty(n_of_all(len(mean), share), *mean.shape[1:])
    noise = own_rows(noise.normal_(generator=generator_for(mean.device)), share)
    return mean + distribution.stddev * noise


def repeatable_draws() -> dict[str, Any]:
    """Return arguments of torch's `checkpoint` with which it repeats its draws.

    Returns
    -------
    arguments : dict
        Of :func:`torch.utils.checkpoint.checkpoint`, for its next call alone.
    """
    own = _OWN.get()
    if own is None:  # checkpoint restores torch's global generators itself
        return {}
    contexts = nullcontext(), _Again(own.copy())
    return {"context_fn": lambda: contexts, "preserve_rng_state": False}


class _Again:
    """A context that draws from copies of generators, however often it is entered."""

    def __init__(self, generators: _Generators):
        self.generators = generators
        self.share = current_share()  # which a thread of backward does not know
        self.entered: list[ExitStack] = []

    def __enter__(self) -> None:
        stack = ExitStack()
        stack.enter_context(shared(self.share))
        stack.callback(_OWN.reset, _OWN.set(self.generators.copy()))
        self.entered.append(stack)

    def __exit__(self, *error: object) -> None:
        self.entered.pop().close()


def redirected_draws() -> AbstractContextManager[Any]:
    """Redirect draws from torch's global generators to the generators of the block.

    It serves code of users, which has no other generator, and initial weights. Every
    operation inside takes microseconds longer.

    Returns
    -------
    context : context manager
        Without effect outside blocks of `seeded_draws`.
    """
    return nullcontext() if _OWN.get() is None else _Redirected()


# Modules of torch that draw while they are trained; other modules may contain them.
_DRAWING = (
    nn.modules.dropout._DropoutNd,
    nn.FractionalMaxPool2d,
    nn.FractionalMaxPool3d,
    nn.MultiheadAttention,
    nn.RNNBase,
    nn.RReLU,
)


def redirect_modules(model: nn.Module) -> None:
    """Redirect the draws of users' modules while they are trained.

    Parameters
    ----------
    model : Module
        Its parts that may draw from torch's global generators are recognised by their
        class.
    """
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            is_outermost = not isinstance(parent, torch.jit.ScriptModule)
            if is_outermost and isinstance(child, torch.jit.ScriptModule):
                setattr(parent, name, _Scripted(child))
    for module in model.modules():
        if _may_draw(module):
            module.register_forward_pre_hook(_enter)
            module.register_forward_hook(_leave, always_call=True)


class _Scripted(nn.Sequential):
    """A wrapper with hooks around a scripted module, which has none."""


def _may_draw(module: nn.Module) -> bool:
    """Return whether a module may draw from torch's global generators."""
    if isinstance(module, _Scripted):
        return True
    origin = type(module).__module__
    if origin.startswith("torch.nn."):
        return isinstance(module, _DRAWING)
    is_scripted = isinstance(module, torch.jit.ScriptModule)
    return not (is_scripted or origin.startswith("skfmvae."))


_ENTERED = threading.local()


def _enter(module: nn.Module, inputs: Any) -> None:
    context = ExitStack()
    if module.training:
        context.enter_context(draws_apart())
        context.enter_context(redirected_draws())
    vars(_ENTERED).setdefault("contexts", []).append(context)


def _leave(module: nn.Module, inputs: Any, outputs: Any) -> None:
    _ENTERED.contexts.pop().__exit__(None, None, None)


class _Redirected(TorchDispatchMode):
    """Give a generator to each operation that draws without one."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **kwargs)
        own, given = _OWN.get(), (*args, *kwargs.values())
        device = _device_of(given, kwargs.get("device"))
        has_one = any(isinstance(value, torch.Generator) for value in given)
        if own is None or has_one or device.type == "meta":
            return func(*args, **kwargs)
        twin = _taking_a_generator(func)
        if twin is None:
            return _lent_to_torch(own.on(device), lambda: func(*args, **kwargs))
        return twin(*args, **{**kwargs, "generator": own.on(device)})


def _device_of(arguments: tuple[Any, ...], wanted: Any) -> torch.device:
    """Return the device of an operation: the one asked for, or that of its tensors."""
    tensors = (value.device for value in arguments if isinstance(value, Tensor))
    device = torch.device(wanted or next(tensors, "cpu"))
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return device


# The methods that fill a new tensor like operations without a generator in older
# versions of torch.
_FILLING = {"rand_like": "uniform_", "randn_like": "normal_", "randint_like": "random_"}


@cache
def _taking_a_generator(func: Any) -> Any:
    """Return the variant of an operation that takes a generator, or None."""

    def names(overload: Any) -> list[str]:
        return [argument.name for argument in overload._schema.arguments]

    if "generator" in names(func):
        return func
    packet = func.overloadpacket
    for overload in (getattr(packet, name) for name in packet.overloads()):
        others = [name for name in names(overload) if name != "generator"]
        if "generator" in names(overload) and others == names(func):
            return overload
    name = func._schema.name.removeprefix("aten::")
    if name in _FILLING and "out" not in names(func):
        return partial(_filled_like, _FILLING[name])
    return None


def _filled_like(
    fill: str, like: Tensor, *bounds: int, generator: torch.Generator, **kwargs: Any
) -> Tensor:
    """Return a tensor like another, drawn with a generator."""
    return getattr(torch.empty_like(like, **kwargs), fill)(*bounds, generator=generator)


# Held during one operation.
_LENT = threading.Lock()
if hasattr(os, "register_at_fork"):  # a child process must not wait for our threads
    os.register_at_fork(
        before=_LENT.acquire,
        after_in_parent=_LENT.release,
        after_in_child=_LENT.release,
    )


def _lent_to_torch(generator: torch.Generator, draw: Any) -> Any:
    """Draw with a generator in the state of torch's global one, which is restored."""
    device = generator.device
    theirs = (
        torch.cuda.default_generators[device.index]
        if device.type == "cuda"
        else torch.default_generator
    )
    with _LENT:
        before = theirs.get_state()
        theirs.set_state(generator.get_state())
        try:
            return draw()
        finally:
            generator.set_state(theirs.get_state())
            theirs.set_state(before)
