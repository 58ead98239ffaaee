"""Joint assignments of the unobserved variables of some rows, with weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.distributions import Normal

from skfmvae._utils.distributed import Share, current_share

__all__ = ["JointAssignments"]


@dataclass(frozen=True)
class JointAssignments:
    """Weighted joint assignments of the unobserved variables of some rows.

    Attributes
    ----------
    n_rows : int
        Number of rows.
    row, particle : int64 Tensor of shape (M,)
        The row of each assignment, and the draw of its Gaussians.
    log_weight : Tensor of shape (M,)
        ``ln`` of its share among the assignments of its row, as recognised.
    log_known : Tensor of shape (M,)
        ``ln q`` of all that is observed on its row.
    log_likelihood : Tensor of shape (M,)
        ``ln p(x | parents)``, once these are assigned.
    values : dict of str to Tensor of shape (M, n)
        The variables: one-hot or relaxed values, quantities, latents.
    log_proba : dict of str to Tensor of shape (M,)
        ``ln q(v | x, parents)`` of the discrete ones.
    gaussians : dict of str to Tensor of shape (2, M, n)
        Means and standard deviations of the Gaussian ones.
    share : Share or None, default=None
        Which of the assignments of all processes these are, if processes share the
        batch of the rows.
    """

    n_rows: int
    row: Tensor
    particle: Tensor
    log_weight: Tensor
    log_known: Tensor
    log_likelihood: Tensor
    values: dict[str, Tensor] = field(default_factory=dict)
    log_proba: dict[str, Tensor] = field(default_factory=dict)
    gaussians: dict[str, Tensor] = field(default_factory=dict)
    share: Share | None = None

    @classmethod
    def begin(cls, n_rows: int, n_particles: int, like: Tensor) -> JointAssignments:
        """Return assignments of no variable yet, one for each draw."""
        particle = torch.arange(n_rows * n_particles, device=like.device)
        zeros = like.new_zeros(particle.shape[0])
        log_weight = zeros - math.log(n_particles)
        share = current_share()
        return cls(
            n_rows,
            particle // n_particles,
            particle,
            log_weight,
            zeros,
            zeros,
            share=share and share.repeated(n_particles),
        )

    def __len__(self) -> int:
        return len(self.row)

    def log_q(self, v: str) -> Tensor:
        """Return ``ln q(v | x, parents)`` of a variable in each assignment, (M,)."""
        if v in self.log_proba:
            return self.log_proba[v]
        return self.posterior(v).log_prob(self.values[v]).sum(1)

    def posterior(self, v: str) -> Normal:
        """Return ``q(v | x, parents)`` of a Gaussian variable in each assignment."""
        mean, stddev = self.gaussians[v]
        return Normal(mean, stddev, validate_args=False)

    def evidence(self) -> Tensor:
        """Return ``ln q`` of what is observed, given the rows; shape (n_rows,)."""
        # Weights add up to one, but their gradients only do where nothing is drawn.
        weights = torch.stack(
            [self.log_weight, self.log_weight + self.log_known], dim=1
        )
        total, known = self.log_sum_over_rows(weights).unbind(1)
        return known - total

    def argmax_over_rows(self, values: Tensor) -> Tensor:
        """Return the assignment of each row whose value (M,) is highest."""
        highest = values.new_full((self.n_rows,), -math.inf)
        highest = highest.scatter_reduce(0, self.row, values, "amax")
        number = torch.arange(len(self), device=values.device)
        number = torch.where(values == highest[self.row], number, -1)
        return number.new_zeros(self.n_rows).scatter_reduce(0, self.row, number, "amax")

    def log_sum_over_rows(self, values: Tensor) -> Tensor:
        """Return the log-sum-exp of values (M, ...) over each row's assignments."""
        if self.row.shape[0] == self.n_rows:
            return values
        shape = self.n_rows, *values.shape[1:]
        row = self.row.view(-1, *[1] * (values.dim() - 1)).expand_as(values)
        highest = values.new_full(shape, -math.inf)
        highest = highest.scatter_reduce(0, row, values.detach(), "amax")
        highest = highest.clamp_min(torch.finfo(values.dtype).min)
        sums = values.new_zeros(shape).index_add(
            0, self.row, (values - highest[self.row]).exp()
        )
        return highest + sums.log()

    def mean_over_rows(self, values: Tensor, log_share: Tensor) -> Tensor:
        """Return the mean of values (M, n) over the assignments of each row."""
        means = values.new_zeros(self.n_rows, *values.shape[1:])
        return means.index_add(0, self.row, log_share.exp()[:, None] * values)

    def select(self, index: Tensor, share: Share | None = None) -> JointAssignments:
        """Return the assignments numbered by `index`, which may repeat.

        `share` says which of those of all processes these are.
        """
        return JointAssignments(
            self.n_rows,
            self.row[index],
            self.particle[index],
            self.log_weight[index],
            self.log_known[index],
            self.log_likelihood[index],
            {name: value[index] for name, value in self.values.items()},
            {name: value[index] for name, value in self.log_proba.items()},
            {name: value[:, index] for name, value in self.gaussians.items()},
            share,
        )
