"""The state of a skorch net between two epochs, in plain values."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from torch import Tensor

from skfmvae._utils.random import draw_states, restore_draws

__all__ = ["load_net_state", "net_state", "plain"]


def net_state(net) -> dict[str, Any]:
    """Return all that training changes in a net, and the generators that it draws from.

    Parameters
    ----------
    net : skorch.NeuralNet
        Between two epochs.

    Returns
    -------
    state : dict
        Of values that are `plain`.

    Raises
    ------
    ValueError
        When the state of a callback is not.
    """
    return {
        "module": plain(net.module_.state_dict()),
        "requires_grad": [p.requires_grad for p in net.module_.parameters()],
        "optimizer": plain(net.optimizer_.state_dict()),
        "callbacks": {name: _callback_state(name, c) for name, c in net.callbacks_},
        "history": plain(net.history),
        "draws": draw_states(),
    }


def load_net_state(net, state: Mapping[str, Any]) -> None:
    """Bring a net to the state that `net_state` has returned of one like it.

    Parameters
    ----------
    net : skorch.NeuralNet
        About to begin its first epoch.
    state : dict
    """
    net.module_.load_state_dict(state["module"])
    parameters = net.module_.parameters()
    for parameter, wanted in zip(parameters, state["requires_grad"], strict=True):
        parameter.requires_grad_(wanted)
    net.optimizer_.load_state_dict(state["optimizer"])
    for name, callback in net.callbacks_:
        # Of processes that share a fit, the first alone may show its progress.
        if name in state["callbacks"]:
            _load_callback_state(callback, state["callbacks"][name])
    net.history.extend(state["history"])
    restore_draws(state["draws"])


def _callback_state(name, callback):
    """Return the state that a callback states, else its fitted attributes."""
    if hasattr(callback, "state_dict"):
        return _plain_state(name, callback)
    state = {}
    for attribute, value in vars(callback).items():
        if not attribute.endswith("_") or isinstance(value, type):
            continue
        if hasattr(value, "state_dict"):  # such as a schedule of torch
            state[attribute] = _plain_state(name, value)
        else:
            with suppress(TypeError):  # such as a file or a progress bar
                state[attribute] = plain(value)
    return state


def _plain_state(name, owner):
    state = owner.state_dict()
    try:
        return plain(state)
    except TypeError as error:
        raise ValueError(
            f"callbacks: the state of {name!r} cannot be kept, for state_dict() of "
            f"{type(owner).__name__} holds {error}, and a checkpoint holds numbers, "
            "strings, tensors, and lists and dicts of them."
        ) from error


def _load_callback_state(callback, state):
    if hasattr(callback, "load_state_dict"):
        callback.load_state_dict(state)
        return
    for attribute, value in state.items():
        now: Any = getattr(callback, attribute, None)
        if hasattr(now, "load_state_dict"):
            now.load_state_dict(value)
        else:
            setattr(callback, attribute, value)


def plain(value: Any) -> Any:
    """Return a value in types that are read from a file without running code.

    Parameters
    ----------
    value : object

    Returns
    -------
    value : object
        Numbers of NumPy become Python's, and other derived types what they derive from.

    Raises
    ------
    TypeError
        When it holds anything but numbers, strings, bytes, tensors, None and such
        containers of them; the message names the type.
    """
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, Tensor):
        return value
    kinds: tuple[Any, ...] = (bool, int, float, complex, str, bytes)
    for kind in kinds:
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [plain(item) for item in value]
        return items if isinstance(value, list) else tuple(items)
    raise TypeError(f"a {type(value).__name__}")
