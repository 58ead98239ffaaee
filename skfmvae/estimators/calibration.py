"""Predictions that are as certain as labels that were hidden show them to be."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_softmax
from scipy.stats import norm, t

__all__ = [
    "fit_temperature",
    "interval_factor",
    "lacking_variance",
    "temperature_of_entropy",
]

# Temperatures are sought between these powers of e: predictions of rows with many
# columns have log odds of hundreds of nats.
LOWEST, HIGHEST = -3.0, 8.0
# Precision of the logarithm of a temperature before labels are seen: one factor of e up
# or down is as likely as not two. docs/decisions/037-calibration.md.
PRIOR_PRECISION = 1.0


def temperature_of_entropy(log_proba, entropy: float) -> float:
    """Return the temperature at which predictions have a mean entropy.

    Parameters
    ----------
    log_proba : ndarray of shape (n, C)
        The predictions.
    entropy : float
        In nats.

    Returns
    -------
    temperature : float
        The lowest or the highest of those considered where none has that entropy.
    """

    def excess(log_temperature):
        tempered = log_softmax(log_proba / np.exp(log_temperature), axis=1)
        return -(np.exp(tempered) * tempered).sum(axis=1).mean() - entropy

    if excess(LOWEST) >= 0:
        return float(np.exp(LOWEST))
    if excess(HIGHEST) <= 0:
        return float(np.exp(HIGHEST))
    return float(np.exp(brentq(excess, LOWEST, HIGHEST, xtol=1e-4)))


def fit_temperature(log_proba, codes, prior: float, weight=1.0) -> float:
    """Return the temperature at which hidden labels are most probable.

    The summed log loss has the negative logarithm of a prior beside it, which is log-
    normal: labels that are few leave the temperature where it was (Guo et al. 2017,
    section 4.2, without the prior).

    Parameters
    ----------
    log_proba : ndarray of shape (n, C)
        Predictions of labels that were hidden from them.
    codes : int64 ndarray of shape (n,)
        The labels.
    prior : float
        Median of the prior.
    weight : ndarray of shape (n,) or float, default=1.0
        As how many labels each one counts.

    Returns
    -------
    temperature : float
        The posterior mode.

    References
    ----------
    C. Guo et al. (2017). On Calibration of Modern Neural Networks.
    https://arxiv.org/abs/1706.04599.
    """
    rows = np.arange(len(codes))

    def loss(log_temperature):
        tempered = log_softmax(log_proba / np.exp(log_temperature), axis=1)
        deviation = log_temperature - np.log(prior)
        log_loss = -(weight * tempered[rows, codes]).sum()
        return log_loss + 0.5 * PRIOR_PRECISION * deviation**2

    found = minimize_scalar(loss, bounds=(LOWEST, HIGHEST), method="bounded")
    return float(np.exp(found.x))


def lacking_variance(residuals, deviations) -> float:
    """Return the variance that predicted deviations lack to explain residuals.

    Added to the squares of the deviations it makes the mean square of the residuals, in
    units of their deviations, one. A network that is trained long on few values
    predicts hardly any deviation on some rows; a factor would enlarge those of others
    instead.

    Parameters
    ----------
    residuals : ndarray of shape (n,)
        Of values that were hidden.
    deviations : ndarray of shape (n,)
        As they were predicted.

    Returns
    -------
    variance : float
        0 where nothing lacks, or nothing was hidden.
    """
    squares = residuals**2

    def excess(variance):
        return np.mean(squares / (deviations**2 + variance)) - 1

    if not len(residuals) or excess(0.0) <= 0:
        return 0.0
    # At the mean square the excess is at most zero.
    return float(brentq(excess, 0.0, squares.mean()))


def interval_factor(residuals, coverage: float) -> float:
    """Return how many deviations to both sides of a mean cover a share of the values.

    Parameters
    ----------
    residuals : ndarray of shape (n,)
        Of values that were hidden, in units of the predicted deviations.
    coverage : float
        The share, between 0 and 1.

    Returns
    -------
    factor : float
        The quantile of the sizes of residuals that covers as much of values to come
        (split conformal prediction, Lei et al. 2018, section 2.2). Where they are too
        few for that, the quantile of Student's t at their root mean square.

    References
    ----------
    J. Lei et al. (2018). Distribution-Free Predictive Inference for Regression.
    Journal of the American Statistical Association 113, 1094-1111.
    """
    n = len(residuals)
    if not n:
        return float(norm.ppf(0.5 + coverage / 2))
    position = int(np.ceil((n + 1) * coverage))
    if position <= n:
        return float(np.sort(np.abs(residuals))[position - 1])
    return float(np.sqrt(np.mean(residuals**2)) * t.ppf(0.5 + coverage / 2, n))
