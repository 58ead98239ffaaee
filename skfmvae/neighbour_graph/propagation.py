"""Label propagation: class probabilities of all rows from the labels of some."""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import connected_components, reverse_cuthill_mckee
from scipy.sparse.linalg import LinearOperator, cg

from .adjacency import symmetric_adjacency, transition_matrix
from .class_prior import match_class_prior

__all__ = [
    "CONVERGED",
    "LabelSpread",
    "default_alpha",
    "label_probabilities",
    "propagate",
    "threshold_dynamics",
]

# Power to which scores are raised before they are scaled to the class prior, so that
# nearly whole rows make up a class. It and the steps below were tuned on digits alone:
# docs/decisions/008-threshold-dynamics.md.
SCORE_POWER = 4
# Rounds of threshold dynamics, and steps of the random walk in each.
N_DIFFUSIONS, N_DIFFUSION_STEPS = 10, 10
CONVERGED = 1e-3  # share of rows that change their class, below which rounds end
# 1 - alpha at most, and the labels of a class from which on it is that. The first was
# tuned on digits alone, the second on MNIST alone; elsewhere they change little:
# docs/decisions/007-label-spread.md.
LARGEST_RESTART, MANY_LABELS = 0.15, 150


class LabelSpread:
    """Spreads labels over one graph, again and again.

    What does not depend on labels is computed once. Rows are taken in an order in which
    neighbours lie near each other in memory (Cuthill and McKee 1969): with 20,000 rows
    of MNIST most of the time goes into fetching the values of neighbours, and a step of
    a random walk takes less than half of it.

    Parameters
    ----------
    weights : CSR matrix of shape (n, n)
        Symmetric.
    """

    def __init__(self, weights):
        order = reverse_cuthill_mckee(weights, symmetric_mode=True)
        weights = weights[order][:, order]
        self._order, self._position = order, np.argsort(order)
        self._adjacency = symmetric_adjacency(weights)
        self._transition = transition_matrix(weights)
        _, self._component = connected_components(weights, directed=False)

    def probabilities(self, codes, alpha: float, class_prior):
        """Return class probabilities of all rows; see `label_probabilities`."""
        codes = codes[self._order]
        scores = self._scores(codes, len(class_prior), alpha)
        # Rows with equal maxima need fewer rounds of scaling.
        scores /= np.maximum(scores.max(axis=1, keepdims=True), 1e-300)
        start = match_class_prior(scores**SCORE_POWER, class_prior)
        return self._moved_borders(codes, start)[self._position]

    def scores(self, codes, n_classes: int, alpha: float):
        """Return the scores of label spreading; see `propagate`."""
        return self._scores(codes[self._order], n_classes, alpha)[self._position]

    def moved_borders(self, codes, proba):
        """Return class probabilities with borders moved; see `threshold_dynamics`."""
        return self._moved_borders(codes[self._order], proba[self._order])[
            self._position
        ]

    def _scores(self, codes, n_classes, alpha):
        one_hot = (codes[:, None] == np.arange(n_classes)).astype(float)

        def remainder(flat):
            values = flat.reshape(one_hot.shape)
            return (values - alpha * (self._adjacency @ values)).ravel()

        # The classes are solved for together, as one system of equal blocks.
        system = LinearOperator(2 * (one_hot.size,), remainder, dtype=float)
        scores, _ = cg(system, one_hot.ravel(), rtol=1e-6, maxiter=1000)
        return scores.reshape(one_hot.shape).clip(min=0)

    def _moved_borders(self, codes, start):
        known = np.flatnonzero(codes >= 0)
        reached = np.isin(self._component, self._component[known])
        classes, code = np.eye(start.shape[1]), start.argmax(axis=1)
        for _ in range(N_DIFFUSIONS):
            code[known] = codes[known]
            proba = classes[code]
            for _ in range(N_DIFFUSION_STEPS):
                proba = self._transition @ proba
                proba[known] = classes[codes[known]]
            before, code = code, proba.argmax(axis=1)
            if np.mean((code != before) & reached) < CONVERGED:
                break
        return np.where(reached[:, None], proba, start)


def label_probabilities(weights, codes, alpha: float, class_prior):
    """Return the class probabilities of all rows, given the labels of some.

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
    proba : ndarray of shape (n, n_classes)
        Rows sum to one. The class of a labelled row has probability one; rows that no
        label reaches have what the others leave of the class prior.

    Notes
    -----
    The scores of `propagate` fall with the distance from labels. With few labels a
    group of rows at a border therefore goes to the class with the nearest label,
    although the group has more edges to another class. `threshold_dynamics` begins with
    the classes by these scores and depends on the edges across borders alone.
    """
    return LabelSpread(weights).probabilities(codes, alpha, class_prior)


def propagate(weights, codes, n_classes: int, alpha: float):
    """Return the scores of label spreading.

    Parameters
    ----------
    weights : CSR matrix of shape (n, n)
        Symmetric.
    codes : int64 ndarray of shape (n,)
        Classes, -1 for unknown.
    n_classes : int
    alpha : float in (0, 1)
        Probability that a random walk goes on: the larger, the further labels spread.

    Returns
    -------
    scores : ndarray of shape (n, n_classes)
        ``(I - alpha D^-1/2 A D^-1/2)^-1 Y`` with ``Y`` the one-hot labels (Zhou et al.
        2004, section 2); non-negative, zero where no label can be reached.
    """
    return LabelSpread(weights).scores(codes, n_classes, alpha)


def threshold_dynamics(weights, codes, proba):
    """Move the borders between classes to where few edges cross them.

    In each round every row takes its most probable class, and then the mean class of
    where a short random walk leads; labelled rows keep their class. This is the scheme
    of Merriman, Bence and Osher (1992) for motion by mean curvature, which
    Garcia-Cardona et al. (2014) applied to the nodes of a graph.

    Parameters
    ----------
    weights : CSR matrix of shape (n, n)
        Symmetric.
    codes : int64 ndarray of shape (n,)
        Classes, -1 for unknown.
    proba : ndarray of shape (n, n_classes)
        Class probabilities to begin with; rows sum to one.

    Returns
    -------
    proba : ndarray of shape (n, n_classes)
        Rows sum to one. Connected components without a label stay unchanged.
    """
    return LabelSpread(weights).moved_borders(codes, proba)


def default_alpha(codes) -> float:
    """Return how far labels should spread: the fewer there are, the further.

    ``1 - alpha`` is ``0.15 min(max(sqrt(share of labelled rows), labels per class /
    150), 1)``, a rule found by trial (docs/decisions/007-label-spread.md). With few
    labels most groups of rows of a class have none, and the labels of other groups have
    to reach them. With many, a group that has a label, but lies among rows of another
    class, keeps to its own label if the others do not reach as far.

    Parameters
    ----------
    codes : int64 ndarray of shape (n,)
        Classes, -1 for unknown; some are known.

    Returns
    -------
    alpha : float
    """
    labels = codes[codes >= 0]
    by_share = np.sqrt(len(labels) / len(codes))
    by_class = len(labels) / len(np.unique(labels)) / MANY_LABELS
    return 1 - LARGEST_RESTART * float(min(max(by_share, by_class), 1))
