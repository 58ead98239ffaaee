"""The class prior: its estimate from labels, and probabilities that agree with it."""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import dijkstra

__all__ = ["estimate_class_prior", "match_class_prior"]

# One over the relative variance of an estimated proportion, for each label of a class:
# half of what it was on digits, on which alone it was tuned. Ten other data sets found
# nothing better: docs/decisions/009-class-prior.md.
PRECISION = 10


def estimate_class_prior(distances, codes, n_classes: int):
    """Estimate the proportions of the classes of one property.

    Every row goes to the class of the labelled row that is nearest along the graph,
    which does not depend on how many rows of a class have labels. The counts are shrunk
    towards equal proportions of the labelled classes as far as chance explains their
    spread (the positive-part estimator of James and Stein 1961).

    Parameters
    ----------
    distances : CSR matrix of shape (n, n)
        From each row to its neighbours.
    codes : int64 ndarray of shape (n,)
        Classes, -1 for unknown; some are known.
    n_classes : int

    Returns
    -------
    class_prior : ndarray of shape (n_classes,)
        Sums to one; zero for a class without labels.
    """
    labelled = np.flatnonzero(codes >= 0)
    _, _, source = dijkstra(
        distances,
        directed=False,
        indices=labelled,
        min_only=True,
        return_predecessors=True,
    )
    reached = source[source >= 0]
    counts = np.bincount(codes[reached], minlength=n_classes)
    has_labels = np.bincount(codes[labelled], minlength=n_classes) > 0
    n_labelled = has_labels.sum()
    equal = has_labels / n_labelled
    estimated = counts / counts.sum()
    spread = (((estimated - equal)[has_labels] * n_labelled) ** 2).sum()
    noise = (n_labelled - 1) * n_labelled / (PRECISION * len(labelled))
    kept = max(0.0, 1 - noise / spread) if spread > 0 else 0.0
    return kept * estimated + (1 - kept) * equal


def match_class_prior(scores, class_prior, n_iter: int = 20):
    """Scale scores to probabilities whose mean is the class prior.

    Rows are scaled to a sum of one and columns to the class prior, in turn (Sinkhorn
    1964).

    Parameters
    ----------
    scores : ndarray of shape (n, n_classes)
        Non-negative. A row of zeros starts from the class prior.
    class_prior : ndarray of shape (n_classes,)
        Sums to one.
    n_iter : int, default=20
        Rounds of scaling.

    Returns
    -------
    proba : ndarray of shape (n, n_classes)
        Rows sum to one.
    """
    reached = scores.sum(axis=1) > 0
    scores = np.where(reached[:, None], scores, class_prior)
    n_expected = len(scores) * np.asarray(class_prior)
    row_scale: np.ndarray = np.ones(len(scores))
    # Only the scales change from round to round, not all of the scores.
    for _ in range(n_iter):
        mass = row_scale @ scores
        scale = np.divide(n_expected, mass, out=np.zeros_like(mass), where=mass > 0)
        row_scale = 1 / (scores @ scale)
    return scores * scale * row_scale[:, None]
