"""The variables of a graph as columns, and as networks see them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from .base import Labels
from .graphical_model import GraphicalModel
from .latents import side_by_side

__all__ = ["Variables"]

# Length of what networks see of discrete variables, relative to that of Gaussian ones.
# Tuned on MNIST and digits alone: docs/decisions/028-m2-label-weight.md.
EMPHASIS = 2.0


class Variables:
    """Which columns of labels and latents a graph's variables take.

    Values of variables are tensors (M, n) by name: one-hot or relaxed for discrete
    ones, as they are for Gaussian ones.

    Parameters
    ----------
    graph : GraphicalModel
        Every discrete variable has its number of values.

    Attributes
    ----------
    n_components : dict of str to int
        Number of values of every discrete variable.
    quantities : dict of str to slice
        The columns of every continuous one in `Labels.quantities`.
    blocks : dict of str to slice
        The columns of every variable beside all others.
    properties : list of str
        The variables that may be observed.
    """

    def __init__(self, graph: GraphicalModel):
        self.n_components = {
            v: spec.n_values or 0 for v, spec in graph.discrete.items()
        }
        sizes = {v: spec.n_dims for v, spec in graph.continuous.items()}
        self.quantities = side_by_side(sizes)
        self.properties = [*self.n_components, *self.quantities]
        latents = {v: spec.n_dims for v, spec in graph.latents.items()}
        self.blocks = side_by_side(self.n_components | sizes | latents)
        self._codes_column = {v: k for k, v in enumerate(self.n_components)}

    def n_columns(self, names: Iterable[str]) -> int:
        """Return how many columns some variables take together."""
        blocks = [self.blocks[v] for v in names]
        return sum(block.stop - block.start for block in blocks)

    def n_parameters(self, v: str) -> int:
        """Return how many parameters the distribution of a variable has."""
        size = self.n_columns([v])
        return size if v in self.n_components else 2 * size

    def beside(self, values: Mapping[str, Tensor]) -> Tensor:
        """Return all variables side by side."""
        return torch.cat([values[v] for v in self.blocks], dim=1)

    def apart(self, z: Tensor) -> dict[str, Tensor]:
        """Return the variables that lie side by side."""
        return {v: z[:, block] for v, block in self.blocks.items()}

    def as_inputs(self, values: Mapping[str, Tensor], names: Sequence[str]) -> Tensor:
        """Return variables side by side as networks see them.

        As plain one-hot codes, discrete variables would be drowned by Gaussian ones and
        learned long after them. So they are centred, and scaled such that all of them
        together are `EMPHASIS` times as long as the Gaussian ones expect to be.
        """
        discrete = [v for v in names if v in self.n_components]
        n_gaussian = self.n_columns(names) - self.n_columns(discrete)
        columns = []
        for v in names:
            value, size = values[v], self.n_components.get(v, 1)
            if size > 1:
                # Centred, a one-hot code has the squared length (size - 1) / size.
                length = math.sqrt(size)
                if n_gaussian:
                    length = EMPHASIS * math.sqrt(n_gaussian / len(discrete))
                value = (value - 1 / size) * (length / math.sqrt((size - 1) / size))
            columns.append(value)
        return torch.cat(columns, dim=1)

    def code(self, v: str, labels: Labels) -> Tensor:
        """Return the codes of a discrete variable, -1 where it is not observed."""
        return labels.codes[:, self._codes_column[v]]

    def quantity(self, v: str, labels: Labels) -> Tensor:
        """Return the values of a continuous variable, NaN where it is not observed."""
        return labels.quantities[:, self.quantities[v]]

    def is_known(self, v: str, labels: Labels) -> Tensor:
        """Return on which rows a property is observed."""
        if v in self.n_components:
            return self.code(v, labels) >= 0
        return ~self.quantity(v, labels)[:, 0].isnan()

    def nothing_known(self, n: int, like: Tensor) -> Labels:
        """Return the labels of rows on which nothing is observed."""
        codes = torch.full((n, len(self.n_components)), -1, device=like.device)
        n_quantities = self.n_columns(self.quantities)
        return Labels(codes, like.new_full((n, n_quantities), math.nan))
