"""Virtual adversarial training: the worst small step should change no prediction."""

from __future__ import annotations

from numbers import Integral, Real

import torch
from torch import Tensor
from torch.nn import functional

from skfmvae._utils.compat import Interval
from skfmvae._utils.random import generator_for
from skfmvae.models.base import Batch
from skfmvae.neighbour_graph.graph import NeighbourGraph, UnjoinedRows

from .base import (
    Predict,
    Regularizer,
    RegularizerLoss,
    mean_over,
)

__all__ = ["VirtualAdversarial", "adversarial_direction"]


class VirtualAdversarial(Regularizer):
    """Virtual adversarial training.

    The divergence of a row's class probabilities from those of the row moved by
    `radius` in the direction that changes them most, summed over labelled properties.

    The step is as long as rows are apart, in columns on one scale, see
    :class:`Neighbours`. Where neighbours are sought among principal components that are
    partly whitened, steps are taken and measured there, too, see
    :func:`~skfmvae.neighbour_graph.whitening.choose_whitening`: what tells classes
    apart may be small beside what changes all rows. A property in which near rows are
    not alike, whose classes the steps would make one, is left out or counts in part, as
    for :class:`Neighbours`. Without `neighbours` there is no graph to judge this by,
    and every property with labels counts in full. Each is weighted by its share of
    unlabelled rows.

    Parameters
    ----------
    weight : float, default=4.0
        Weight of the term, in units of the classification term.
    radius : float, default=0.5
        Length of the step, in units of the median distance between nearest rows.
    probe : float, default=0.1
        Length of the step that the direction is measured with, in the same unit.
    n_power_iterations : int, default=1
        Rounds of the power method that finds the direction.

    References
    ----------
    T. Miyato et al. (2018). Virtual Adversarial Training: A Regularization Method for
    Supervised and Semi-Supervised Learning. https://arxiv.org/abs/1704.03976.

    Examples
    --------
    >>> from skfmvae.training import VirtualAdversarial
    >>> VirtualAdversarial(radius=1.0)
    VirtualAdversarial(radius=1.0)
    """

    name = "adversarial"
    moves_rows = True
    needs_graph = False

    _parameter_constraints: dict = {
        "weight": [Interval(Real, 0, None, closed="left")],
        "radius": [Interval(Real, 0, None, closed="neither")],
        "probe": [Interval(Real, 0, None, closed="neither")],
        "n_power_iterations": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        weight: float = 4.0,
        radius: float = 0.5,
        probe: float = 0.1,
        n_power_iterations: int = 1,
    ):
        self.weight = weight
        self.radius = radius
        self.probe = probe
        self.n_power_iterations = n_power_iterations

    def begin(
        self, graph: NeighbourGraph | UnjoinedRows, codes: Tensor
    ) -> RegularizerLoss:
        """Return the term for the training rows; see `Regularizer.begin`."""
        trusted = [(k, reach) for k, reach in enumerate(graph.reach) if reach > 0]
        probe, radius = self.probe * graph.unit, self.radius * graph.unit
        axes = None
        if graph.axes is not None:
            axes = torch.as_tensor(graph.axes, dtype=torch.float32, device=codes.device)

        def loss(predict: Predict, batch: Batch, log_proba: list[Tensor]) -> Tensor:
            if not trusted:
                return torch.zeros_like(batch.weight[0])

            def divergence(step: Tensor) -> Tensor:
                moved = predict(batch.x, step if axes is None else step @ axes)
                return torch.stack(
                    [
                        share * _divergence(log_proba[k].detach(), moved[k])
                        for k, share in trusted
                    ]
                ).sum(0)

            n_axes = batch.x.shape[1] if axes is None else len(axes)
            start = batch.x.new_empty(len(batch.x), n_axes)
            start.normal_(generator=generator_for(start.device))
            direction = adversarial_direction(
                divergence, start, probe, self.n_power_iterations
            )
            everyone = torch.ones_like(batch.weight, dtype=torch.bool)
            return mean_over(everyone, batch.weight, divergence(radius * direction))

        return loss


def _divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    return functional.kl_div(log_q, log_p, reduction="none", log_target=True).sum(1)


def adversarial_direction(
    divergence, start: Tensor, probe: float, n_iter: int
) -> Tensor:
    """Return the unit step of each row that raises a divergence most.

    The power method on the Hessian at zero, by finite differences of the gradient
    (Miyato et al. 2018, section 3.3).

    Parameters
    ----------
    divergence : callable
        From steps (n, D) to values (n,) that are smallest at no step.
    start : Tensor of shape (n, D)
        Steps of any length, of random directions.
    probe : float
        Length of the finite difference.
    n_iter : int
        Rounds of the power method.

    Returns
    -------
    direction : Tensor of shape (n, D)
    """
    direction = functional.normalize(start)
    for _ in range(n_iter):
        step = (probe * direction).requires_grad_()
        (gradient,) = torch.autograd.grad(divergence(step).sum(), step)
        direction = functional.normalize(gradient)
    return direction.detach()
