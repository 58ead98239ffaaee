"""A proposal for importance samples that suits each row better than its encoder's."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["LogWeights", "Proposal", "refined_proposal"]

# Log-weights (n, S) of draws (n, S, L) of the noise, which is standard normal.
LogWeights = Callable[[Tensor], Tensor]

# Newton's steps, and the factor by which a step that went too far is shortened:
# docs/decisions/030-proposal.md.
N_STEPS, SHORTER = 2, 0.25
# Draws that the slope is estimated from, likewise.
N_PROPOSAL_DRAWS = 8
# The least precision in any direction, where the noise itself has one, likewise.
LEAST_PRECISION = 0.15
# Rows that a few rows with some draws of each may amount to; at least one draw of all.
DECODED_AT_ONCE = 1024


class Proposal(NamedTuple):
    """A Gaussian over the noise of each row.

    Attributes
    ----------
    mean : Tensor of shape (n, L)
    root : Tensor of shape (n, L, L)
        Lower triangular; the precision is ``root @ root.mT``.
    """

    mean: Tensor
    root: Tensor

    def place(self, noise: Tensor) -> Tensor:
        """Return the draws (n, S, L) that standard normal ones (S, L) stand for."""
        columns = noise.mT.expand(len(self.mean), -1, -1)
        moved = torch.linalg.solve_triangular(self.root.mT, columns, upper=True)
        return self.mean[:, None] + moved.mT

    def log_det(self) -> Tensor:
        """Return the logarithm of the root's determinant, shape (n,)."""
        return self.root.diagonal(dim1=1, dim2=2).log().sum(1)


def refined_proposal(log_weights: LogWeights, n: int, noise: Tensor) -> Proposal:
    """Fit a Gaussian to what each row's noise should have been.

    Importance samples of ``E[w(e)]``, where ``e`` is standard normal noise, are best
    drawn from ``w(e) N(e; 0, I)``. Two of Newton's steps lead from the noise's own
    Gaussian towards the one that maximises the evidence lower bound: the mean of the
    slope over the Gaussian becomes zero, and the curvature its precision (Opper and
    Archambeau 2009, section 2; here the curvature is that at the mean). A row whose
    bound a step would lower stays where it was, and its next step is shorter.

    Parameters
    ----------
    log_weights : callable
        Takes draws of the noise, shape (n, S, L), and returns ``ln w``, shape (n, S).
        Rows should not depend on each other.
    n : int
        Number of rows.
    noise : Tensor of shape (S, L)
        Standard normal draws that the target is evaluated at. Those that the importance
        samples are made of would make their bound too high.

    Returns
    -------
    proposal : Proposal
    """

    def log_target(draws: Tensor) -> Tensor:
        return log_weights(draws) - 0.5 * draws.square().sum(2)

    def look_at(proposal: Proposal) -> tuple[Tensor, Tensor]:
        """Return the evidence lower bound, up to a constant, and the mean slope."""
        value, slope = _value_and_slope(log_target, proposal.place(noise))
        return value - proposal.log_det(), slope

    n_latents = noise.shape[1]
    unit = torch.eye(n_latents, dtype=noise.dtype, device=noise.device)
    best = Proposal(noise.new_zeros(n, n_latents), unit.expand(n, -1, -1))
    bound, slope = look_at(best)
    length = noise.new_ones(n, 1)
    for _ in range(N_STEPS):
        root = _root_of_precision(-_curvature(log_target, best.mean))
        step = torch.cholesky_solve(slope[:, :, None], root)[:, :, 0]
        new = Proposal(best.mean + length * step, root)
        new_bound, new_slope = look_at(new)
        better = new_bound > bound
        length = torch.where(better[:, None], length, SHORTER * length)
        best = Proposal(
            torch.where(better[:, None], new.mean, best.mean),
            torch.where(better[:, None, None], new.root, best.root),
        )
        bound = torch.where(better, new_bound, bound)
        slope = torch.where(better[:, None], new_slope, slope)
    return best


@torch.enable_grad()
def _value_and_slope(
    function: Callable[[Tensor], Tensor], points: Tensor
) -> tuple[Tensor, Tensor]:
    """Return means of a function and of its gradient over each row's points."""
    values, slopes = [], []
    for some in points.split(max(1, DECODED_AT_ONCE // len(points)), dim=1):
        some = some.detach().requires_grad_()
        value = function(some)
        slopes.append(torch.autograd.grad(value.sum(), some)[0])
        values.append(value.detach())
    return torch.cat(values, dim=1).mean(1), torch.cat(slopes, dim=1).mean(1)


@torch.enable_grad()
def _curvature(function: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """Return the Hessians (n, L, L) of a function at a point (n, L) of each row."""
    points = points.detach().requires_grad_()
    value = function(points[:, None]).sum()
    (slope,) = torch.autograd.grad(value, points, create_graph=True)
    rows = [
        torch.autograd.grad(column.sum(), points, retain_graph=True)[0]
        for column in slope.unbind(1)
    ]
    return torch.stack(rows, dim=1)


def _root_of_precision(curvature: Tensor) -> Tensor:
    """Return the Cholesky factors of curvatures, raised to the least precision."""
    symmetric = 0.5 * (curvature + curvature.mT).nan_to_num(0.0, 0.0, 0.0)
    # Not every device has it.
    values, vectors = (
        part.to(curvature) for part in torch.linalg.eigh(symmetric.cpu())
    )
    # Multiplied out, very unequal precisions would no longer all be positive.
    half = vectors * values.clamp_min(LEAST_PRECISION).sqrt()[:, None]
    upper = torch.linalg.qr(half.mT).R
    return (upper * upper.diagonal(dim1=1, dim2=2).sign()[:, :, None]).mT
