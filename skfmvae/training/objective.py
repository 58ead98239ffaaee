"""From a model's named terms to the one number that is minimised."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from skfmvae._utils.compat import Interval
from skfmvae.models.base import Term

__all__ = ["KL", "Objective", "bound"]


class KL(BaseEstimator):
    """How divergences enter the objective.

    Parameters
    ----------
    warmup : float, default=0.8
        Share of training over which the weight of the divergences moves from `start`
        to 1, linearly.
    free_bits : float, default=0.0
        Nats below which the batch mean of a divergence is not pressed further
        (Kingma et al. 2016, appendix C.8).
    start : float, default=0.0
        The weight at first. From 0 reconstruction comes first (Sønderby et al. 2016,
        section 2.3); from above 1 what is discrete comes before what is continuous,
        as a value of few costs less than a place among many.

    Examples
    --------
    >>> from skfmvae.training import KL
    >>> KL(free_bits=0.5)
    KL(free_bits=0.5)
    """

    _parameter_constraints: dict = {
        "warmup": [Interval(Real, 0, 1, closed="both")],
        "free_bits": [Interval(Real, 0, None, closed="left")],
        "start": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, warmup: float = 0.8, free_bits: float = 0.0, start: float = 0.0):
        self.warmup = warmup
        self.free_bits = free_bits
        self.start = start

    def weight(self, progress: float) -> float:
        """Return the divergences' weight when a share `progress` is done."""
        if progress >= self.warmup:
            return 1.0
        return self.start + (1 - self.start) * progress / self.warmup


class Objective(nn.Module):
    """The loss: minus the weighted sum of the terms' means, in nats per input value.

    Parameters
    ----------
    kl : KL or None, default=None
        None stands for ``KL()``.
    """

    def __init__(self, kl: KL | None = None):
        super().__init__()
        self.kl = KL() if kl is None else kl

    def forward(
        self,
        terms: Mapping[str, Term],
        sample_weight: Tensor,
        n_inputs: int,
        progress: float = 1.0,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss and the mean of every term over its rows, in nats."""
        kl_weight = self.kl.weight(progress)
        means = {name: _mean(term, sample_weight) for name, term in terms.items()}
        total = torch.zeros_like(sample_weight[0])
        for name, term in terms.items():
            if term.is_kl:
                kl = means[name]
                if self.kl.free_bits:  # as an estimate may be less than 0
                    kl = kl.clamp_min(self.kl.free_bits)
                annealing = kl_weight if term.is_annealed else max(kl_weight, 1.0)
                total = total + annealing * term.weight * kl
            else:
                total = total + term.weight * means[name]
        return -total / n_inputs, means


def bound(terms: Mapping[str, Term], sample_weight: Tensor) -> Tensor:
    """Return the mean over rows of the bound on ``ln p(x, known labels)``, in nats.

    Parameters
    ----------
    terms : dict of str to Term
        Of a batch.
    sample_weight : Tensor of shape (n,)

    Returns
    -------
    bound : Tensor
        Less the divergence of global parameters, which is none of a batch's.
    """
    total = torch.zeros_like(sample_weight)
    for term in terms.values():
        if term.is_kl or term.in_bound:
            value = -term.value if term.is_kl else term.value
            total = total + (value if term.rows is None else term.rows * value)
    return (sample_weight * total).sum() / sample_weight.sum()


def _mean(term, sample_weight):
    if term.rows is None:
        return (sample_weight * term.value).mean()
    weight = sample_weight * term.rows
    return (weight * term.value).sum() / weight.sum().clamp_min(1e-12)
