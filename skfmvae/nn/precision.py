"""Networks that compute in bfloat16 while they are trained."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["PRECISIONS", "Autocast", "has_bfloat16_units", "in_precision"]

PRECISIONS = ("float32", "bfloat16", "auto")


class Autocast(nn.Module):
    """A network with matrix products and convolutions in bfloat16 while it is trained.

    Predictions are computed in the precision of the rows. Inputs, outputs, weights and
    their updates keep their precision.

    Parameters
    ----------
    network : Module
        From rows to rows.
    always : bool, default=True
        Whether products are rounded even on devices that are not faster for it.
    """

    def __init__(self, network: nn.Module, always: bool = True):
        super().__init__()
        self.network = network
        self.always = always

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of the network for some rows."""
        device = x.device.type
        rounds = self.training and (self.always or has_bfloat16_units(device))
        with torch.autocast(device, torch.bfloat16, enabled=rounds):
            return self.network(x).to(x.dtype)


def in_precision(network: nn.Module, precision: str) -> nn.Module:
    """Return a network that is trained in a precision.

    Parameters
    ----------
    network : Module
    precision : {"float32", "bfloat16", "auto"}
        "float32" leaves the network unchanged. "auto" is bfloat16 on devices with units
        for its products, and float32 on others.

    Returns
    -------
    network : Module
    """
    if precision == "float32":
        return network
    return Autocast(network, always=precision == "bfloat16")


@cache
def has_bfloat16_units(device: str) -> bool:
    """Return whether products in bfloat16 are faster, as far as torch knows."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device == "cpu":
        # Without such units, products in bfloat16 take three times as long as in
        # float32, see docs/decisions/034-bfloat16.md.
        ask: Callable[[], dict[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
        found = ask()
        return any(found.get(unit, False) for unit in ("amx_bf16", "avx512_bf16"))
    return False
