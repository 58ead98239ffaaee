"""Layers that the networks are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from torch import nn

__all__ = ["ACTIVATIONS", "IMAGE_NORMS", "NORMS", "dense", "joined"]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "leaky_relu": nn.LeakyReLU,
    "softplus": nn.Softplus,
}

NORMS: dict[str | None, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
    None: lambda n_features: nn.Identity(),
}

IMAGE_NORMS: dict[str | None, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "layer": lambda n_channels: nn.GroupNorm(1, n_channels),
    None: lambda n_channels: nn.Identity(),
}


def dense(n_from: int, n_to: int, activation: str, norm: str | None) -> list[nn.Module]:
    """Return a hidden layer: linear, normalised, activated."""
    # batch normalisation subtracts a bias again, so there is none before it
    return [
        nn.Linear(n_from, n_to, bias=norm != "batch"),
        NORMS[norm](n_to),
        ACTIVATIONS[activation](),
    ]


def joined(stages: Sequence[Sequence[nn.Module]]) -> nn.Sequential:
    """Return the layers of all stages, one after the other."""
    return nn.Sequential(*chain.from_iterable(stages))
