"""From a model's named terms to the one number that is minimised."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from skfmvae._utils.compat import Interval
from skfmvae._utils.distributed import n_of_all, summed
from skfmvae.models.base import Term

__all__ = ["BaseObjective", "Loss", "Objective", "bound"]


class BaseObjective(BaseEstimator):
    """What the objectives of all estimators have: a weight of the divergences.

    A subclass names its parameters in ``__init__``, those of `_parameter_constraints`
    among them. Objectives are siblings, so that an estimator can refuse the one that
    has weights of another.
    """

    _parameter_constraints: dict = {
        "label_weight": [Interval(Real, 0, None, closed="left")],
        "kl_warmup": [Interval(Real, 0, 1, closed="both")],
        "kl_start": [Interval(Real, 0, None, closed="left")],
        "free_bits": [Interval(Real, 0, None, closed="left")],
    }

    label_weight: float
    kl_warmup: float
    kl_start: float
    free_bits: float

    def kl_weight(self, progress: float) -> float:
        """Return the weight of the divergences when a share `progress` is done."""
        if progress >= self.kl_warmup:
            return 1.0
        return self.kl_start + (1 - self.kl_start) * progress / self.kl_warmup


class Objective(BaseObjective):
    """Weights of the terms of the objective, and how they change over training.

    The default of `kl_warmup` was tuned on digits alone
    (`docs/decisions/018-kl-warmup.md`); of `label_weight` no trial is recorded.

    Parameters
    ----------
    label_weight : float, default=1.0
        Weight of the classification term, in units of the number of columns: what
        Kingma et al. (2014) call alpha, divided by that number, so that one value
        suits narrow and wide data. With 0 the objective is the bound alone.
    kl_warmup : float, default=0.8
        Share of training over which the weight of the divergences moves from `kl_start`
        to 1, linearly.
    kl_start : float, default=0.0
        The weight at first. From 0 reconstruction comes first (Sønderby et al. 2016,
        section 2.3). From above 1 discrete variables are learned before continuous
        ones, since a value out of few costs fewer nats than a point on a scale; turn it
        up where a discovered property stays unused.
    free_bits : float, default=0.0
        Nats below which the batch mean of a divergence counts as this number (Kingma
        et al. 2016, appendix C.8). Turn it up where a latent block stays unused.

    References
    ----------
    D. Kingma et al. (2014). Semi-supervised Learning with Deep Generative Models.
    https://arxiv.org/abs/1406.5298.

    C. Sønderby et al. (2016). Ladder Variational Autoencoders.
    https://arxiv.org/abs/1602.02282.

    D. Kingma et al. (2016). Improved Variational Inference with Inverse Autoregressive
    Flow. https://arxiv.org/abs/1606.04934.

    Examples
    --------
    >>> from skfmvae.training import Objective
    >>> Objective(free_bits=0.5)
    Objective(free_bits=0.5)
    """

    def __init__(
        self,
        label_weight: float = 1.0,
        kl_warmup: float = 0.8,
        kl_start: float = 0.0,
        free_bits: float = 0.0,
    ):
        self.label_weight = label_weight
        self.kl_warmup = kl_warmup
        self.kl_start = kl_start
        self.free_bits = free_bits


class Loss(nn.Module):
    """Minus the weighted sum of the terms' means, in nats per input value.

    Parameters
    ----------
    objective : BaseObjective or None, default=None
        The weights that change over training; None stands for ``Objective()``. Models
        weigh their classification terms themselves.
    """

    def __init__(self, objective: BaseObjective | None = None):
        super().__init__()
        self.objective = Objective() if objective is None else objective

    def forward(
        self,
        terms: Mapping[str, Term],
        sample_weight: Tensor,
        n_inputs: int,
        progress: float = 1.0,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss and the mean of every term over its rows, in nats."""
        kl_weight = self.objective.kl_weight(progress)
        means = _means(terms, sample_weight)
        total = torch.zeros_like(sample_weight[0])
        for name, term in terms.items():
            if term.is_kl:
                kl = means[name]
                if self.objective.free_bits:  # 0 would clamp estimates below it
                    kl = kl.clamp_min(self.objective.free_bits)
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


def _means(terms, sample_weight):
    """Return the weighted mean of every term over its rows in the whole batch."""
    sums, weights = [], []
    for term in terms.values():
        weight = sample_weight if term.rows is None else sample_weight * term.rows
        sums.append((weight * term.value).sum())
        weights.append(weight.sum())
    totals = summed(*sums, *weights)
    n_rows = n_of_all(len(sample_weight))
    means = {}
    for i, (name, term) in enumerate(terms.items()):
        weight = totals[len(sums) + i].clamp_min(1e-12)
        means[name] = totals[i] / (n_rows if term.rows is None else weight)
    return means
