"""Pseudo-labels: what is sure in one view should hold in another."""

from __future__ import annotations

from numbers import Real

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from skfmvae._compat import Interval

from .aids import Aid, AidLoss, Alignment, Predict, mean_over, noise_like
from .graph import NeighbourGraph
from .rows import Batch

__all__ = ["PseudoLabels"]


class PseudoLabels(Aid):
    """Agreement of two views on pseudo-labels, with distribution alignment.

    Where the probability of a value of an unlabelled row exceeds the threshold, the
    cross-entropy from that value to the probabilities of the row with noise is
    minimised. Probabilities are aligned with the estimated class shares first, unless
    there are components that nobody labelled, whose share is not known. Properties
    count as for :class:`Neighbours`.

    Parameters
    ----------
    weight : float, default=0.5
        Weight of the term, in units of the classification term.
    threshold : float, default=0.95
        Probability from which a pseudo-label counts, in (0, 1]. Aids see predictions
        whose log-odds are a third of the model's, so 0.95 is surer than it looks.
    noise : float, default=0.2
        Norm of the Gaussian noise of the second view, in units of the median distance
        between nearest rows.

    References
    ----------
    K. Sohn et al. (2020). FixMatch: Simplifying Semi-Supervised Learning with
    Consistency and Confidence. https://arxiv.org/abs/2001.07685.

    Examples
    --------
    >>> from skfmvae.training import PseudoLabels
    >>> PseudoLabels(threshold=0.9)
    PseudoLabels(threshold=0.9)
    """

    name = "pseudo_labels"
    needs_noise = True

    _parameter_constraints: dict = {
        "weight": [Interval(Real, 0, None, closed="left")],
        "threshold": [Interval(Real, 0, 1, closed="right")],
        "noise": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self, weight: float = 0.5, threshold: float = 0.95, noise: float = 0.2
    ):
        self.weight = weight
        self.threshold = threshold
        self.noise = noise

    def begin(self, graph: NeighbourGraph, codes: Tensor) -> AidLoss:
        """Return the term for the training rows; see `Aid.begin`."""
        alignments = {
            k: _alignment(shares, codes.device)
            for k, shares in enumerate(graph.shares)
            if shares is not None and graph.trust[k] > 0
        }
        weights = np.array(graph.trust) * graph.unlabelled
        norm = self.noise * graph.unit

        def loss(predict: Predict, batch: Batch, log_proba: list[Tensor]) -> Tensor:
            total = torch.zeros_like(batch.weight[0])
            if not alignments:
                return total
            second = predict(batch.x + noise_like(batch.x, norm))
            for k, align in alignments.items():
                unlabelled = batch.labels.codes[:, k] < 0
                proba = align(log_proba[k].detach().exp(), batch.weight)
                confidence, label = proba.max(dim=1)
                sure = unlabelled & (confidence >= self.threshold)
                disagreement = functional.nll_loss(second[k], label, reduction="none")
                total = total + weights[k] * mean_over(
                    unlabelled, batch.weight, disagreement * sure
                )
            return total

        return loss


def _alignment(shares, device):
    if not (shares > 0).all():
        return lambda proba, weight: proba
    return Alignment(torch.as_tensor(shares, dtype=torch.float32, device=device))
