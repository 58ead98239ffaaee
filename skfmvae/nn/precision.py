"""Networks that compute in bfloat16 while they are trained."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["PRECISIONS", "Autocast", "in_precision"]

PRECISIONS = ("float32", "bfloat16")


class Autocast(nn.Module):
    """A network whose matrix products and convolutions are taken in bfloat16.

    Only while it is trained: predictions are taken in the precision of the rows. What
    goes in and comes out, the weights and their updates keep their precision too.

    Parameters
    ----------
    network : Module
        From rows to rows.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Return what the network gives for some rows."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.training):
            return self.network(x).to(x.dtype)


def in_precision(network: nn.Module, precision: str) -> nn.Module:
    """Return a network that is trained in a precision.

    Parameters
    ----------
    network : Module
    precision : {"float32", "bfloat16"}
        Float32 leaves the network as it is.

    Returns
    -------
    network : Module
    """
    return Autocast(network) if precision == "bfloat16" else network
