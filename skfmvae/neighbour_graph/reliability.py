"""How reliable the neighbour graph is for a property, judged by hidden labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.stats import beta
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score, log_loss

from skfmvae._utils.folds import hidden_label_folds

from .propagation import LabelSpread

__all__ = [
    "MIN_LABELS",
    "HiddenLabels",
    "hidden_label_kappa",
    "judge_by_hidden_labels",
    "linear_proba",
    "predict_hidden_labels",
    "probability_better",
    "scores_of",
]

N_FOLDS = 5  # in which labels are hidden: the usual compromise of bias and time
MIN_LABELS = 10  # two in each fold; a kappa of fewer says nothing
# Labels of a property that are hidden and seen in turn. The standard error of an
# accuracy is a hundredth at most, and classifiers of wide rows take seconds.
MOST_LABELS = 2000
# Share of errors up to which the graph hardly errs, so that following it does no harm
# where labelled rows alone do as well, too: docs/decisions/010-graph-reliability.md.
HARDLY_ANY = 0.05
# Probability that stands for none where log losses are taken: some classifiers say 0.
LEAST_PROBA = 1e-6


@dataclass(frozen=True, eq=False)
class HiddenLabels:
    """Labels of one property that were hidden in turn, and their predictions.

    Attributes
    ----------
    codes : int64 ndarray of shape (n_labels,)
        The classes.
    by_graph, by_linear : ndarray of shape (n_labels, n_classes)
        Class probabilities by the neighbour graph, and by a logistic regression on the
        same rows, which sees the labelled rows alone.
    """

    codes: np.ndarray
    by_graph: np.ndarray
    by_linear: np.ndarray

    @property
    def reliability(self) -> float:
        """How far the graph is known to be a teacher worth following, 0 to 1.

        The probability that it is better than the linear classifier, or the one that
        it hardly ever errs, whichever is larger; scaled so that an even chance counts
        as 0.
        """
        graph, linear = (
            proba.argmax(axis=1) == self.codes
            for proba in (self.by_graph, self.by_linear)
        )
        n_wrong = (~graph).sum()
        # The share of errors has the prior of Jeffreys, too.
        hardly_errs = beta.cdf(HARDLY_ANY, n_wrong + 0.5, graph.sum() + 0.5)
        probability = max(probability_better(graph, linear), hardly_errs)
        return float(max(2 * probability - 1, 0.0))

    @property
    def scores(self) -> dict[str, dict[str, float]]:
        """Accuracy and log loss in nats of the graph and of the linear classifier."""
        return {
            "graph": scores_of(self.codes, self.by_graph),
            "linear": scores_of(self.codes, self.by_linear),
        }


def probability_better(right, other) -> float:
    """Return the probability that one classifier predicts more labels than another.

    Only labels that one of the two predicts and the other does not tell them apart
    (McNemar 1947). How many of these the first predicts is binomial; with the prior of
    Jeffreys, the probability that it predicts more than half of those to come is a tail
    of a Beta distribution.

    Parameters
    ----------
    right, other : bool ndarray of shape (n_labels,)
        Which hidden labels the two classifiers predict.

    Returns
    -------
    probability : float
        A half where the labels do not tell.
    """
    gained, lost = (right & ~other).sum(), (other & ~right).sum()
    return float(beta.sf(0.5, gained + 0.5, lost + 0.5))


def scores_of(codes, proba) -> dict[str, float]:
    """Return accuracy and log loss, in nats, of the probabilities of hidden labels."""
    proba = np.clip(proba, LEAST_PROBA, None)
    proba = proba / proba.sum(axis=1, keepdims=True)
    return {
        "accuracy": float(np.mean(proba.argmax(axis=1) == codes)),
        "log_loss": float(log_loss(codes, proba, labels=np.arange(proba.shape[1]))),
    }


def judge_by_hidden_labels(
    weights, rows, codes, is_label, alpha: float, class_prior
) -> HiddenLabels | None:
    """Predict hidden labels on the graph, and by the labelled rows alone.

    Parameters
    ----------
    weights : CSR matrix of shape (n, n)
        Symmetric.
    rows : ndarray or CSR matrix of shape (n, D)
        The rows, their columns on one scale.
    codes : int64 ndarray of shape (n,)
        Classes, -1 for unknown.
    is_label : bool ndarray of shape (n,)
        Which classes are labels; others are assumed, and never hidden.
    alpha : float in (0, 1)
        See `propagate`.
    class_prior : ndarray of shape (n_classes,)
        Sums to one.

    Returns
    -------
    hidden : HiddenLabels or None
        None where fewer than two classes have two labels, as nothing can be judged.
    """
    n_classes, random_state = len(class_prior), np.random.RandomState(0)
    codes = codes.copy()
    codes[random_state.permutation(np.flatnonzero(is_label))[MOST_LABELS:]] = -1
    labels = np.where(is_label, codes, -1)[:, None]
    folds = hidden_label_folds(labels, N_FOLDS, random_state)[:, 0]
    hidden = folds >= 0
    if len(np.unique(codes[hidden])) < 2:
        return None

    by_linear = partial(linear_proba, rows, n_classes)
    return HiddenLabels(
        codes[hidden],
        by_graph=_in_turn(_graph_predictor(weights, alpha, class_prior), codes, folds),
        by_linear=_in_turn(by_linear, codes, folds),
    )


def linear_proba(rows, n_classes: int, codes, wanted):
    """Return class probabilities by a logistic regression on the labelled rows alone.

    Parameters
    ----------
    rows : ndarray or CSR matrix of shape (n, D)
        The rows, their columns on one scale.
    n_classes : int
        Number of classes.
    codes : int64 ndarray of shape (n,)
        Classes, -1 for unknown; a random part of more than 2,000 known ones counts.
    wanted : int64 ndarray of shape (n_wanted,)
        Positions of rows.

    Returns
    -------
    proba : ndarray of shape (n_wanted, n_classes)
        Of those rows; zero for a class without labels.
    """
    known = np.random.RandomState(0).permutation(np.flatnonzero(codes >= 0))
    known = np.sort(known[:MOST_LABELS])
    classifier = LogisticRegression(max_iter=1000).fit(rows[known], codes[known])
    proba = np.zeros((len(wanted), n_classes))
    proba[:, classifier.classes_] = classifier.predict_proba(rows[wanted])
    return proba


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
        Labels and their predictions, without labels that are the only one of their
        class.
    """
    folds = hidden_label_folds(codes[:, None], N_FOLDS, np.random.RandomState(0))[:, 0]
    predict = _graph_predictor(weights, alpha, class_prior)
    return codes[folds >= 0], _in_turn(predict, codes, folds).argmax(axis=1)


def _graph_predictor(weights, alpha, class_prior):
    """Return what predicts hidden labels from seen ones on the graph."""
    spread = LabelSpread(weights)
    return lambda seen, hidden: spread.probabilities(seen, alpha, class_prior)[hidden]


def _in_turn(predict, codes, folds):
    """Return class probabilities of the labels in folds, in the order of the rows."""
    proba: dict[int, np.ndarray] = {}
    for fold in range(N_FOLDS):
        hidden = np.flatnonzero(folds == fold)
        if len(hidden):
            seen = np.where(folds == fold, -1, codes)
            proba |= zip(hidden, predict(seen, hidden), strict=True)
    return np.array([proba[row] for row in sorted(proba)])
