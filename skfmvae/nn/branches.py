"""Encoders of the same rows, each with parents of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from .layers import ACTIVATIONS, NORMS, Dropout
from .precision import in_precision

__all__ = ["Branches", "linear_branches", "shared_branches"]


class Branches(nn.Module):
    """Several networks of the same rows, each with parents of its own.

    All branches share a trunk, whose output has columns for each of them. A branch
    normalises its columns, adds a linear map of its parents and ends with a tail. The
    trunk is therefore computed once for all values of the parents, and the parents do
    not enter the statistics of the normalisation.

    Parameters
    ----------
    trunk : Module
        From rows to the columns of all branches, side by side.
    norms : sequence of Module
        Normalisation of the columns of each branch.
    tails : sequence of Module
        From the columns of each branch to its output.
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
        """Return the normalised features of the rows for each branch."""
        parts = self.trunk(x).split(self.widths, dim=1)
        return [norm(part) for norm, part in zip(self.norms, parts, strict=True)]

    def forward(self, branch: int, features: Tensor, parents: Tensor | None) -> Tensor:
        """Return the output of a branch from its features and its parents."""
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
    """Return branches that share all layers but a last hidden one.

    Parameters
    ----------
    settings : MLP or Conv
        Normalisation, activation and precision of the hidden layers.
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
    """Return branches whose output is that of the trunk plus a map of the parents."""
    nothing = [nn.Identity() for _ in n_outputs]
    return Branches(trunk, nothing, nothing, n_outputs, n_parents)
