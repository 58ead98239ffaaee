"""Class-prior matching: mean predictions that agree with the class prior."""

from __future__ import annotations

import math

from torch import Tensor

from skfmvae._utils.distributed import summed
from skfmvae.models.base import Batch

__all__ = ["DistributionAlignment", "ExpectationRegularization"]

# Decays of the running means. ReMixMatch aligns by the mean of 128 batches; 0.99 weighs
# about the last hundred. The expectations weigh about the last thirty, because their
# gradient comes from the last one alone.
ALIGNMENT_DECAY, EXPECTATION_DECAY = 0.99, 0.97
# Factor by which the mean prediction of a class may fall short of its prior. Tuned on
# composed digits alone: docs/decisions/009-class-prior.md.
TOLERANCE = 2.0


class DistributionAlignment:
    """Scale predictions so that their mean over batches becomes the class prior.

    As in ReMixMatch (Berthelot et al. 2020, section 3.1): ``p`` becomes ``p prior /
    mean(p)``, normalised, with a running mean.

    Parameters
    ----------
    class_prior : Tensor of shape (n_classes,)
        Where the running mean starts.
    """

    def __init__(self, class_prior: Tensor):
        self.class_prior = class_prior
        self.mean = class_prior.clone()

    def __call__(self, proba: Tensor, weight: Tensor) -> Tensor:
        """Return aligned probabilities, after they have moved the running mean."""
        total, of_weights = summed((weight[:, None] * proba).sum(0), weight.sum())
        batch_mean = total / of_weights
        self.mean.lerp_(batch_mean, 1 - ALIGNMENT_DECAY)
        aligned = proba * (self.class_prior / self.mean.clamp_min(1e-6))
        return aligned / aligned.sum(1, keepdim=True).clamp_min(1e-12)


class ExpectationRegularization:
    """The divergence of mean predictions from the class prior, with a tolerance.

    As in Mann and McCallum (2007), but a class counts only where its mean prediction is
    less than half of its prior. This loss replaces neighbours that are not reliable, by
    which the prior is estimated all the same, so that matching it exactly would cost
    accuracy. With the tolerance it only keeps classes from vanishing.

    Parameters
    ----------
    class_prior : Tensor of shape (n_classes,)
        Positive. The running mean of predictions starts here.
    """

    def __init__(self, class_prior: Tensor):
        self.class_prior = class_prior
        self.mean = class_prior.clone()

    def loss(self, batch: Batch, codes: Tensor, log_proba: Tensor) -> Tensor:
        """Return the divergence, after the batch has moved the running mean.

        Parameters
        ----------
        batch : Batch
        codes : int64 Tensor of shape (n,)
            Classes of the property on the batch, -1 for unknown.
        log_proba : Tensor of shape (n, n_classes)
            Predictions for the batch.

        Returns
        -------
        divergence : Tensor
            A scalar in nats.
        """
        weight = batch.weight * (codes < 0)
        total, of_weights = summed(
            (weight[:, None] * log_proba.exp()).sum(0), weight.sum()
        )
        batch_mean = total / of_weights.clamp_min(1e-12)
        if of_weights > 0:
            self.mean.lerp_(batch_mean.detach(), 1 - EXPECTATION_DECAY)
        # The value of the running mean, since a batch has too few rows of each of many
        # classes, with the gradient of the batch mean.
        mean = self.mean + batch_mean - batch_mean.detach()
        shortfall = (self.class_prior / mean.clamp_min(1e-6)).log()
        excess = (shortfall - math.log(TOLERANCE)).clamp_min(0.0)
        return (self.class_prior * excess).sum()
