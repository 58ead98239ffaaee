"""Calibration of predicted probabilities."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, column_or_1d

from skfmvae._utils.checks import check_whole
from skfmvae.targets import as_array, codes_by_value

__all__ = ["ConfidenceBins", "confidence_bins", "expected_calibration_error"]


class ConfidenceBins(NamedTuple):
    """Confidence and accuracy of predictions, in bins of equal width in (0, 1].

    Parameters
    ----------
    confidence : ndarray of shape (n_bins,)
        Mean of the highest probabilities of the rows in each bin; NaN without rows.
    accuracy : ndarray of shape (n_bins,)
        Share of these rows that are predicted right; NaN without rows.
    weight : ndarray of shape (n_bins,)
        Share of all rows that are in each bin.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    weight: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance of both, by weight."""
        gaps = np.abs(self.accuracy - self.confidence)
        return float(self.weight[self.weight > 0] @ gaps[self.weight > 0])


def confidence_bins(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    n_bins: int = 15,
    sample_weight: ArrayLike | None = None,
) -> ConfidenceBins:
    """Return confidence and accuracy in bins of confidence.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Known labels.
    y_proba : array-like of shape (n_samples, n_classes)
        Probabilities.
    labels : array-like of shape (n_classes,), default=None
        The class of each column, such as ``estimator.classes_``. None stands for the
        sorted values of `y_true`.
    n_bins : int, default=15
        Number of bins.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows; None stands for equal weights.

    Returns
    -------
    bins : ConfidenceBins
        Of the highest probability of each row.

    Raises
    ------
    ValueError
        As `expected_calibration_error`.
    """
    check_whole("n_bins", n_bins, 1)
    true = column_or_1d(as_array(y_true)).tolist()
    proba = check_array(y_proba, input_name="y_proba")
    classes = sorted(set(true)) if labels is None else as_array(labels).tolist()
    if proba.shape != (len(true), len(classes)):
        raise ValueError(
            f"y_proba has shape {proba.shape}; expected are {len(true)} rows, as "
            f"y_true has, and {len(classes)} columns, one for each of the labels."
        )
    confidence = proba.max(axis=1)
    codes = codes_by_value(true, classes, "labels", unknown=-1)
    is_right = proba.argmax(axis=1) == codes
    # Rounding may leave a probability a little above 1.
    bins = np.clip(np.ceil(confidence * n_bins).astype(int), 1, n_bins) - 1
    weight = np.ones(len(true)) if sample_weight is None else np.asarray(sample_weight)
    total, confident, right = (
        np.bincount(bins, weight * values, minlength=n_bins)
        for values in (np.ones(len(true)), confidence, is_right)
    )
    with np.errstate(invalid="ignore"):
        return ConfidenceBins(confident / total, right / total, total / total.sum())


def expected_calibration_error(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    n_bins: int = 15,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the mean distance of confidence from accuracy, over bins of confidence.

    The confidence of a row is the highest of its probabilities. Bins have equal width
    in (0, 1] and the total weight of their rows [1]_.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Known labels.
    y_proba : array-like of shape (n_samples, n_classes)
        Probabilities.
    labels : array-like of shape (n_classes,), default=None
        The class of each column, such as ``estimator.classes_``. None stands for the
        sorted values of `y_true`.
    n_bins : int, default=15
        Number of bins.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows; None stands for equal weights.

    Returns
    -------
    error : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If `y_proba` has not a row for each label and a column for each class, if
        `y_true` holds numbers and `labels` strings, or the reverse, or if `n_bins` is
        no whole number of at least 1.

    References
    ----------
    .. [1] C. Guo et al. (2017). On Calibration of Modern Neural Networks. Equation 3.
       https://arxiv.org/abs/1706.04599.

    Examples
    --------
    >>> from skfmvae.metrics import expected_calibration_error
    >>> proba = [[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]]
    >>> round(expected_calibration_error([0, 1, 1, 1], proba), 2)
    0.3
    """
    bins = confidence_bins(
        y_true, y_proba, labels=labels, n_bins=n_bins, sample_weight=sample_weight
    )
    return bins.error
