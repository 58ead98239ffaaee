"""Dense networks that read labels and the latents of labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["GroupedNetworks", "dense"]


class GroupedNetworks(nn.Module):
    """Dense networks side by side, each on a group of columns.

    Parameters
    ----------
    groups : sequence of int
        Number of columns of each group, in their order.
    hidden : sequence of int
        Hidden layers of each network.
    n_parts : int
        How many times each network gives as many columns as it reads, such as two for
        means and log-variances.
    """

    def __init__(self, groups: Sequence[int], hidden: Sequence[int], n_parts: int):
        super().__init__()
        self.groups, self.n_parts = list(groups), n_parts
        self.networks = nn.ModuleList(
            [dense(size, hidden, n_parts * size) for size in groups]
        )

    def forward(self, columns: Tensor) -> Tensor:
        """Return what the networks give, part by part.

        Parameters
        ----------
        columns : Tensor of shape (..., n_columns)
            The groups, one after the other.

        Returns
        -------
        output : Tensor of shape (..., n_parts * n_columns)
            The first parts of all groups come before the second ones.
        """
        parts = [
            network(group).unflatten(-1, (self.n_parts, -1))
            for network, group in zip(
                self.networks, columns.split(self.groups, dim=-1), strict=True
            )
        ]
        return torch.cat(parts, dim=-1).flatten(-2)


def dense(n_inputs: int, hidden: Sequence[int], n_outputs: int) -> nn.Sequential:
    """Return linear layers with ELU between them.

    Parameters
    ----------
    n_inputs : int
        Number of columns that the network reads.
    hidden : sequence of int
        Widths of the hidden layers.
    n_outputs : int
        Number of columns that it gives.

    Returns
    -------
    network : Sequential
        From (..., n_inputs) to (..., n_outputs).
    """
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(n_inputs, width), nn.ELU()]
        n_inputs = width
    return nn.Sequential(*layers, nn.Linear(n_inputs, n_outputs))
