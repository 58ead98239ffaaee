"""Latent blocks: their posteriors, their columns and their names."""

from __future__ import annotations

from collections.abc import Container, Mapping

import torch
from torch import Tensor
from torch.distributions import Normal

__all__ = ["diagonal_normal", "free_name", "side_by_side"]

# Standard deviations lie between 0.02 and 4.5, on both sides of those of a standard
# normal prior, so that no density overflows early in training. No trial is recorded.
LOG_VARIANCE_RANGE = (-8.0, 3.0)


def diagonal_normal(output: Tensor) -> Normal:
    """Return the normal whose means and log-variances a network gives, side by side."""
    mean, log_variance = output.chunk(2, dim=1)
    scale = torch.exp(0.5 * log_variance.clamp(*LOG_VARIANCE_RANGE))
    return Normal(mean, scale, validate_args=False)


def side_by_side(sizes: Mapping[str, int]) -> dict[str, slice]:
    """Return the columns of blocks of these sizes, one after the other."""
    blocks, start = {}, 0
    for name, size in sizes.items():
        blocks[name] = slice(start, start + size)
        start += size
    return blocks


def free_name(name: str, taken: Container[str]) -> str:
    """Return the name, with underscores after it where it is taken."""
    while name in taken:
        name += "_"
    return name
