"""The prior of a graph's variables."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from skfmvae._utils.random import draw_normal, generator_for

from .base import Labels
from .draws import N_CANDIDATES, resample
from .graphical_model import GraphicalModel
from .latents import diagonal_normal
from .marginalization import one_hot
from .variables import Variables

__all__ = ["GraphicalPrior"]

# Hidden units of the priors of variables that have parents. No trial is recorded.
PRIOR_WIDTH = 128


class GraphicalPrior(nn.Module):
    """``p(v | parents)`` of every variable, in the generative direction.

    A variable with parents has a small network for it; one without has a uniform prior,
    or a standard normal one.

    Parameters
    ----------
    graph : GraphicalModel
    variables : Variables
        Those of the graph.
    """

    def __init__(self, graph: GraphicalModel, variables: Variables):
        super().__init__()
        self.variables = variables
        self.parents = {v: graph.parents(v) for v in graph.variables}
        self.order = graph.order("generative")
        self.number = {v: i for i, v in enumerate(graph.variables)}
        self.networks = nn.ModuleList(
            _network(variables.n_columns(parents), variables.n_parameters(v))
            for v, parents in self.parents.items()
        )
        self.like: Tensor  # of the device and the precision of all others
        self.register_buffer("like", torch.empty(0), persistent=False)

    def log_prob(self, v: str, values: Mapping[str, Tensor]) -> Tensor:
        """Return ``ln p(v | parents)`` of values (M, n), shape (M,)."""
        value = values[v]
        if v in self.variables.n_components:
            logits = self._output(v, values, len(value))
            return (value * torch.log_softmax(logits, dim=1)).sum(1)
        return self.gaussian(v, values).log_prob(value).sum(1)

    def gaussian(
        self, v: str, values: Mapping[str, Tensor], n: int | None = None
    ) -> Normal:
        """Return ``p(v | parents)``, of `n` rows where there are no values yet."""
        n = len(values[v]) if n is None else n
        return diagonal_normal(self._output(v, values, n))

    def sample(self, labels: Labels) -> tuple[Tensor, Labels]:
        """Draw all variables; what leads to a given property is drawn to suit it."""
        properties = self.variables.properties
        given = [v for v in properties if self.variables.is_known(v, labels).any()]
        if not any(self.parents[v] for v in given):
            z, labels, _ = self._sample_forward(labels)
            return z, labels
        # Candidates are drawn without regard to what is given, and weighed by how
        # likely they make it.
        n = len(labels.codes)
        row = torch.arange(n, device=labels.codes.device).repeat_interleave(
            N_CANDIDATES
        )
        z, drawn, log_weight = self._sample_forward(Labels(*(t[row] for t in labels)))
        number = resample(log_weight.view(n, N_CANDIDATES))
        chosen = number + N_CANDIDATES * torch.arange(n).to(row)
        return z[chosen], Labels(*(t[chosen] for t in drawn))

    def _sample_forward(self, labels: Labels) -> tuple[Tensor, Labels, Tensor]:
        """Draw variables, parents first; return ``ln p`` of what was given, too."""
        n, variables = len(labels.codes), self.variables
        complete = Labels(labels.codes.clone(), labels.quantities.clone())
        values: dict[str, Tensor] = {}
        log_weight = self.like.new_zeros(n)
        generator = generator_for(self.like.device)
        for v in self.order:
            if v in variables.n_components:
                code = variables.code(v, complete)
                logits = self._output(v, values, n)
                proba = torch.softmax(logits, dim=1)
                drawn = proba.multinomial(1, generator=generator)[:, 0]
                code.copy_(torch.where(code >= 0, code, drawn))
                values[v] = one_hot(code, logits.shape[1]).to(logits)
            else:
                values[v] = draw_normal(self.gaussian(v, values, n))
                if v in variables.quantities:
                    quantity = variables.quantity(v, complete)
                    quantity.copy_(torch.where(quantity.isnan(), values[v], quantity))
                    values[v] = quantity
            if v in variables.properties:
                known = variables.is_known(v, labels)
                log_weight = log_weight + known * self.log_prob(v, values)
        return variables.beside(values), complete, log_weight

    def intervene(
        self, before: Mapping[str, Tensor], labels: Labels
    ) -> dict[str, Tensor]:
        """Return the variables with properties imposed.

        Latents keep their position in their prior.

        Parameters
        ----------
        before : dict of str to Tensor of shape (M, n)
            The current values of the variables.
        labels : Labels
            The properties to impose; what is unknown stays, and so does a discrete one
            whose value is likeliest already.
        """
        after = dict(before)
        for v in self.order:
            if v in self.variables.n_components:
                code = self.variables.code(v, labels)
                changes = (code >= 0) & (code != before[v].argmax(dim=1))
                wanted = one_hot(code, before[v].shape[1]).to(before[v])
                after[v] = torch.where(changes[:, None], wanted, before[v])
            elif v in self.variables.quantities:
                wanted = self.variables.quantity(v, labels)
                after[v] = torch.where(wanted.isnan(), before[v], wanted)
            elif self.parents[v]:
                old = self.gaussian(v, before)
                new = self.gaussian(v, after)
                after[v] = new.mean + (before[v] - old.mean) * new.stddev / old.stddev
        return after

    def _output(self, v: str, values: Mapping[str, Tensor], n: int) -> Tensor:
        """Return the parameters of ``p(v | parents)``, (n, n_parameters)."""
        parents = self.parents[v]
        if not parents:
            return self.like.new_zeros(n, self.variables.n_parameters(v))
        return self.networks[self.number[v]](self.variables.as_inputs(values, parents))


def _network(n_parents: int, n_parameters: int) -> nn.Module:
    """Return a network of zeros at first: a uniform or a standard normal prior."""
    if not n_parents:
        return nn.Identity()
    last = nn.Linear(PRIOR_WIDTH, n_parameters)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(n_parents, PRIOR_WIDTH), nn.ReLU(), last)
