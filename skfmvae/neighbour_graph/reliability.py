"""How reliable the neighbour graph is for a property, measured on hidden labels."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import cohen_kappa_score

from .propagation import LabelSpread

__all__ = [
    "MIN_LABELS",
    "hidden_label_kappa",
    "predict_hidden_labels",
    "reliability",
]

N_FOLDS = 5  # in which labels are hidden: the usual compromise of bias and time
MIN_LABELS = 10  # two in each fold; a kappa of fewer says nothing
# Kappas up to which the graph is of no use, and from which on it is fully reliable.
# Chosen on lit objects, where 0.4 and 0.6 cost 5 points of accuracy:
# docs/decisions/010-graph-reliability.md.
NO_USE, FULL_USE = 0.6, 0.8


def reliability(kappa: float) -> float:
    """Return how far rows that lie near each other are alike in a property.

    Parameters
    ----------
    kappa : float
        See `hidden_label_kappa`.

    Returns
    -------
    reliability : float in [0, 1]
        0 up to a kappa of 0.6, 1 from 0.8 on, linear in between.
    """
    return min(max((kappa - NO_USE) / (FULL_USE - NO_USE), 0.0), 1.0)


def hidden_label_kappa(weights, codes, alpha: float, class_prior) -> float:
    """Return how well label propagation predicts labels that it does not see.

    Parameters
    ----------
    weights : CSR matrix of shape (n, n)
        Symmetric.
    codes : int64 ndarray of shape (n,)
        Classes, -1 for unknown; some are known.
    alpha : float in (0, 1)
        See `propagate`.
    class_prior : ndarray of shape (n_classes,)
        Sums to one.

    Returns
    -------
    kappa : float
        Agreement beyond chance (Cohen 1960): 1 where all predictions are right, about 0
        where they are guesses. Also 1 where there is too little to judge by, that is
        where classes with at least two labels have fewer than ten labels together, or
        where there is only one such class.
    """
    counts = np.bincount(codes[codes >= 0])
    if counts[counts > 1].sum() < MIN_LABELS or (counts > 1).sum() == 1:
        return 1.0
    true, predicted = predict_hidden_labels(weights, codes, alpha, class_prior)
    classes = np.arange(len(class_prior))
    return float(cohen_kappa_score(true, predicted, labels=classes))


def predict_hidden_labels(weights, codes, alpha: float, class_prior):
    """Hide a fifth of the labels at a time and predict them by label propagation.

    Parameters
    ----------
    weights : CSR matrix of shape (n, n)
        Symmetric.
    codes : int64 ndarray of shape (n,)
        Classes, -1 for unknown.
    alpha : float in (0, 1)
        See `propagate`.
    class_prior : ndarray of shape (n_classes,)
        Sums to one.

    Returns
    -------
    true, predicted : int64 ndarray of shape (n_judged,)
        Labels and their predictions, class by class, without labels that are the only
        one of their class.
    """
    labelled = np.flatnonzero(codes >= 0)
    labelled = labelled[np.argsort(codes[labelled], kind="stable")]
    counts = np.bincount(codes[labelled], minlength=len(class_prior))
    # Folds take turns within a class, so that each hides as few of it as possible.
    position = np.concatenate([np.arange(count) for count in counts])
    predicted = np.empty_like(labelled)
    spread = LabelSpread(weights)
    for fold in range(N_FOLDS):
        hidden = position % N_FOLDS == fold
        rest = codes.copy()
        rest[labelled[hidden]] = -1
        proba = spread.probabilities(rest, alpha, class_prior)
        predicted[hidden] = proba[labelled[hidden]].argmax(axis=1)
    true = codes[labelled]
    judged = counts[true] > 1
    return true[judged], predicted[judged]
