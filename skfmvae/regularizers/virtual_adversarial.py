"""Virtual adversarial training: no small step should change a prediction."""

from __future__ import annotations

from numbers import Integral, Real

import torch
from torch import Tensor
from torch.nn import functional

from skfmvae._utils.compat import Interval
from skfmvae._utils.distributed import n_of_all, own_rows
from skfmvae._utils.random import generator_for
from skfmvae.models.base import Batch
from skfmvae.neighbour_graph import NeighbourGraph, StepSpace

from .base import (
    Predict,
    Regularizer,
    RegularizerLoss,
    property_weights,
    weighted_mean,
)

__all__ = ["VirtualAdversarial", "adversarial_direction"]

# Length of the step of the finite difference, in units of the distance between rows:
# short beside the step of `radius`, and long beside the rounding errors of float32. No
# trial is recorded.
PROBE = 0.1


class VirtualAdversarial(Regularizer):
    """Virtual adversarial training.

    The loss of a row is the divergence of its class probabilities from those of the row
    moved by `radius`, in the direction that changes them most, summed over properties.

    The unit of `radius` is the distance between rows, with columns on one scale, see
    :class:`Neighbours`. Where neighbours are found by whitened principal components,
    steps are taken and measured in these too, see
    :func:`~skfmvae.neighbour_graph.whitening.choose_whitening`: the differences between
    classes may be small beside what changes all rows.

    Steps would make one class of a property in which near rows differ. Such a property
    is left out or counts in part, as for :class:`Neighbours`. Without `neighbours`
    there is no graph to judge this by, and every property with labels counts in full.
    Each is weighted by its share of unlabelled rows.

    Parameters
    ----------
    weight : float, default=4.0
        Weight of the loss, in units of the classification term. Lower it where
        predictions should change over short distances.
    radius : float, default=0.5
        Length of the step, in units of the median distance between nearest rows. Lower
        it where rows of different classes lie nearer to each other than that; from 1 on
        the step reaches the next row.
    n_power_iterations : int, default=1
        Rounds of the power method that finds the direction. One is enough for Miyato et
        al.; more take time, a forward and a backward pass each, and help where several
        directions change the predictions nearly as much.

    References
    ----------
    T. Miyato et al. (2018). Virtual Adversarial Training: A Regularization Method for
    Supervised and Semi-Supervised Learning. https://arxiv.org/abs/1704.03976.

    Examples
    --------
    >>> from skfmvae.regularizers import VirtualAdversarial
    >>> VirtualAdversarial(radius=1.0)
    VirtualAdversarial(radius=1.0)
    """

    name = "adversarial"
    moves_rows = True
    needs_neighbour_graph = False

    _parameter_constraints: dict = {
        "weight": [Interval(Real, 0, None, closed="left")],
        "radius": [Interval(Real, 0, None, closed="neither")],
        "n_power_iterations": [Interval(Integral, 1, None, closed="left")],
    }

    # Weight and radius were tuned on digits alone:
    # docs/decisions/016-adversarial-steps.md.
    def __init__(
        self,
        weight: float = 4.0,
        radius: float = 0.5,
        n_power_iterations: int = 1,
    ):
        self.weight = weight
        self.radius = radius
        self.n_power_iterations = n_power_iterations

    def begin(
        self, graph: NeighbourGraph | None, steps: StepSpace | None, codes: Tensor
    ) -> RegularizerLoss:
        """Return the loss for the training rows; see `Regularizer.begin`."""
        assert steps is not None
        return _AdversarialLoss(self, graph, steps, codes)


class _AdversarialLoss(RegularizerLoss):
    """The divergence of predictions from those of rows one step away."""

    def __init__(
        self,
        settings: VirtualAdversarial,
        graph: NeighbourGraph | None,
        steps: StepSpace,
        codes: Tensor,
    ):
        weights = property_weights(graph, codes)
        self.weights = [(k, weight) for k, weight in enumerate(weights) if weight]
        self.probe, self.radius = PROBE * steps.unit, settings.radius * steps.unit
        self.n_power_iterations = settings.n_power_iterations
        self.axes, self.n_axes = None, steps.n_columns
        if steps.axes is not None:
            self.axes = torch.as_tensor(
                steps.axes, dtype=torch.float32, device=codes.device
            )
            self.n_axes = len(self.axes)

    def __call__(
        self, predict: Predict, batch: Batch, log_proba: list[Tensor]
    ) -> Tensor:
        if not self.weights:
            return torch.zeros_like(batch.weight[0])
        target = [log_p.detach() for log_p in log_proba]

        def divergence(step: Tensor) -> Tensor:
            moved = predict(batch.x, step if self.axes is None else step @ self.axes)
            parts = [w * _divergence(target[k], moved[k]) for k, w in self.weights]
            return torch.stack(parts).sum(0)

        start = batch.x.new_empty(n_of_all(len(batch.x)), self.n_axes)
        start.normal_(generator=generator_for(start.device))
        direction = adversarial_direction(
            divergence, own_rows(start), self.probe, self.n_power_iterations
        )
        all_rows = torch.ones_like(batch.weight, dtype=torch.bool)
        return weighted_mean(
            all_rows, batch.weight, divergence(self.radius * direction)
        )


def _divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    return functional.kl_div(log_q, log_p, reduction="none", log_target=True).sum(1)


def adversarial_direction(
    divergence, start: Tensor, probe: float, n_iter: int
) -> Tensor:
    """Return the step of length one that raises the divergence of each row most.

    The power method on the Hessian at zero, by finite differences of the gradient
    (Miyato et al. 2018, section 3.3).

    Parameters
    ----------
    divergence : callable
        Takes steps (n, D) and returns values (n,) that are smallest at no step.
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
