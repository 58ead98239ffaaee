"""Layers of the networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

import torch
from torch import Tensor, nn

from skfmvae._utils.random import draws_apart, generator_for

__all__ = ["ACTIVATIONS", "IMAGE_NORMS", "NORMS", "Dropout", "dense", "joined"]

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


class Dropout(nn.Dropout):
    """Dropout that draws from the generator of the enclosing `seeded_draws`."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the rows, a share of their values set to zero while training."""
        if not self.training or not self.p:
            return x
        kept = torch.empty_like(x)
        with draws_apart():
            kept.bernoulli_(1 - self.p, generator=generator_for(x.device))
        return x * kept.div_(1 - self.p)


def dense(n_from: int, n_to: int, activation: str, norm: str | None) -> list[nn.Module]:
    """Return a hidden layer: linear, normalised, activated."""
    # Batch normalisation subtracts a bias, so there is none before it.
    return [
        nn.Linear(n_from, n_to, bias=norm != "batch"),
        NORMS[norm](n_to),
        ACTIVATIONS[activation](),
    ]


def joined(stages: Sequence[Sequence[nn.Module]]) -> nn.Sequential:
    """Return the layers of all stages, one after the other."""
    return nn.Sequential(*chain.from_iterable(stages))
