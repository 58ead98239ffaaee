"""Encoders that read the same rows, and each its own parents beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from .layers import ACTIVATIONS, NORMS, Dropout
from .precision import in_precision

__all__ = ["Branches", "linear_branches", "shared_branches"]


class Branches(nn.Module):
    """Several networks that read the same rows, and each its own parents beside.

    They share a trunk, from which each takes its own columns; there its parents join,
    and a tail makes its output. What the rows say is computed once, for however many
    values of the parents, and normalisation looks at it alone.

    Parameters
    ----------
    trunk : Module
        From rows to the columns of all branches, side by side.
    norms : sequence of Module
        Normalisation of each branch's columns.
    tails : sequence of Module
        From each branch's columns to its output.
    widths : sequence of int
        Number of columns of each branch.
    n_parents : sequence of int
        Number of columns of the parents of each branch; 0 for none.
    """

    def __init__(
        self,
        trunk: nn.Module,
        norms: Sequence[nn.Module],
        tails: Sequence[nn.Module],
        widths: Sequence[int],
        n_parents: Sequence[int],
    ):
        super().__init__()
        self.trunk = trunk
        self.norms = nn.ModuleList(norms)
        self.tails = nn.ModuleList(tails)
        self.widths = list(widths)
        self.joins = nn.ModuleList(
            nn.Linear(n, width, bias=False) if n else nn.Identity()
            for n, width in zip(n_parents, widths, strict=True)
        )

    def read(self, x: Tensor) -> list[Tensor]:
        """Return what each branch takes from the rows."""
        parts = self.trunk(x).split(self.widths, dim=1)
        return [norm(part) for norm, part in zip(self.norms, parts, strict=True)]

    def forward(self, branch: int, features: Tensor, parents: Tensor | None) -> Tensor:
        """Return the output of a branch from what it read and from its parents."""
        if parents is not None:
            features = features + self.joins[branch](parents)
        return self.tails[branch](features)


def shared_branches(
    settings: Any,
    layers: Sequence[nn.Module],
    n_features: int,
    width: int,
    n_parents: Sequence[int],
    n_outputs: Sequence[int],
) -> Branches:
    """Return branches with a last hidden layer each, after layers that they share.

    Parameters
    ----------
    settings : MLP or Conv
        How hidden layers are normalised, activated and computed.
    layers : sequence of Module
        From rows to the features that all branches read.
    n_features, width : int
        Number of those features, and of the hidden units of each branch.
    n_parents, n_outputs : sequence of int
        Number of columns of the parents and of the output of each branch.

    Returns
    -------
    Branches
    """
    bias = settings.norm != "batch"
    hidden = nn.Linear(n_features, width * len(n_outputs), bias=bias)
    activation = ACTIVATIONS[settings.activation]
    dropout = getattr(settings, "dropout", 0.0)
    return Branches(
        in_precision(nn.Sequential(*layers, hidden), settings.precision),
        [NORMS[settings.norm](width) for _ in n_outputs],
        [
            in_precision(
                nn.Sequential(activation(), Dropout(dropout), nn.Linear(width, n)),
                settings.precision,
            )
            for n in n_outputs
        ],
        [width] * len(n_outputs),
        n_parents,
    )


def linear_branches(
    trunk: nn.Module, n_parents: Sequence[int], n_outputs: Sequence[int]
) -> Branches:
    """Return branches that end with the trunk, to which parents add."""
    nothing = [nn.Identity() for _ in n_outputs]
    return Branches(trunk, nothing, nothing, n_outputs, n_parents)
