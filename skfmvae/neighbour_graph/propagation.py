"""Labels spread over the graph of the rows."""

from __future__ import annotations

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, cg
from sklearn.metrics import cohen_kappa_score

__all__ = [
    "FEWEST",
    "agreement",
    "find_hidden_labels",
    "label_probabilities",
    "match_class_prior",
    "neighbour_mean",
    "propagate",
    "settle",
    "spread_for",
]

# Power to which scores are raised before they are scaled to the classes' shares, so
# that nearly whole rows make up a share.
SHARPNESS = 4
# Rounds of settling, and the length of each's walk.
N_ROUNDS, N_STEPS = 10, 10
MANY = 150  # labels of a class from which on they spread as far as where all are known
N_FOLDS = 5  # parts of the labels that are hidden in turn to see how right a graph is
FEWEST = 10  # labels from which that can be judged
SETTLED = 1e-3  # share of rows that change their class when settling ends


def label_probabilities(graph, codes, alpha: float, shares):
    """Return the class probabilities of all rows, by the labels of some.

    Parameters
    ----------
    graph : CSR matrix of shape (n, n)
        Symmetric weights.
    codes : int64 ndarray of shape (n,)
        -1 for unknown.
    alpha : float in (0, 1)
        How far labels spread.
    shares : ndarray of shape (n_classes,)
        Of the classes among the rows; sum to one.

    Returns
    -------
    proba : ndarray of shape (n, n_classes)
        Rows sum to one: a known class has all, and rows that no label reaches have
        what the others leave of the shares.

    Notes
    -----
    Scores of `propagate` fall with the distance from labels, so that with few of them
    a group of rows at the border goes to a class whose label happens to be near, and
    not to the one that it is joined to most. The rows' classes by these scores are
    where `settle` begins, which looks at nothing but the borders.
    """
    scores = propagate(graph, codes, len(shares), alpha)
    # Rows of one length to begin with, for few rounds of scaling to suffice.
    scores /= np.maximum(scores.max(axis=1, keepdims=True), 1e-300)
    return settle(graph, codes, match_class_prior(scores**SHARPNESS, shares))


def settle(graph, codes, proba):
    """Move the borders between classes to where few edges cross them.

    In each round every row takes its likeliest class, and then the mean of what it
    meets on a short walk over the graph, known classes held fast: the scheme of
    Merriman, Bence and Osher (1992) for motion by mean curvature, which Garcia-Cardona
    et al. (2014) brought to the classes of a graph's nodes.

    Parameters
    ----------
    graph : CSR matrix of shape (n, n)
        Symmetric weights.
    codes : int64 ndarray of shape (n,)
        -1 for unknown.
    proba : ndarray of shape (n, n_classes)
        Where to begin; rows sum to one.

    Returns
    -------
    proba : ndarray of shape (n, n_classes)
        Rows sum to one. Those of parts without a known class are as they were.
    """
    mean, classes = neighbour_mean(graph), np.eye(proba.shape[1])
    known = np.flatnonzero(codes >= 0)
    _, part = connected_components(graph, directed=False)
    reached = np.isin(part, part[known])[:, None]
    code = proba.argmax(axis=1)
    for _ in range(N_ROUNDS):
        code[known] = codes[known]
        proba = np.where(reached, classes[code], proba)
        for _ in range(N_STEPS):
            proba = np.where(reached, mean @ proba, proba)
            proba[known] = classes[codes[known]]
        before, code = code, proba.argmax(axis=1)
        if np.mean(code != before) < SETTLED:
            break
    return proba


def propagate(graph, codes, n_classes: int, alpha: float):
    """Spread the labels of one property over the graph.

    Parameters
    ----------
    graph : CSR matrix of shape (n, n)
    codes : int64 ndarray of shape (n,)
        -1 for unknown.
    n_classes : int
    alpha : float in (0, 1)
        How far labels spread.

    Returns
    -------
    scores : ndarray of shape (n, n_classes)
        ``(I - alpha D^-1/2 A D^-1/2)^-1 Y`` with ``Y`` the one-hot labels (Zhou et al.
        2004, equation 5); non-negative, zero where no label can be reached.
    """
    n = len(codes)
    degree = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-12)
    root = scipy.sparse.diags_array(degree**-0.5)
    smooth = root @ graph @ root
    system = LinearOperator((n, n), matvec=lambda p: p - alpha * (smooth @ p))
    scores = np.zeros((n, n_classes))
    for c in range(n_classes):
        one_hot = (codes == c).astype(float)
        if one_hot.any():
            scores[:, c], _ = cg(system, one_hot, rtol=1e-6, maxiter=1000)
    return scores.clip(min=0)


def match_class_prior(scores, shares, n_iter: int = 20):
    """Scale rows to one and columns to the classes' shares, in turn.

    Parameters
    ----------
    scores : ndarray of shape (n, n_classes)
        Non-negative. A row of zeros gets the shares themselves.
    shares : ndarray of shape (n_classes,)
        Of the classes among the rows; sum to one.
    n_iter : int, default=20

    Returns
    -------
    proba : ndarray of shape (n, n_classes)
        Rows sum to one.
    """
    reached = scores.sum(axis=1) > 0
    proba = np.where(reached[:, None], scores, shares)
    for _ in range(n_iter):
        mass = proba.sum(axis=0)
        proba = proba * np.divide(shares, mass, out=np.zeros_like(mass), where=mass > 0)
        proba = proba / proba.sum(axis=1, keepdims=True)
    return proba


def spread_for(codes) -> float:
    """Return how far labels should spread: the further, the fewer there are.

    ``1 - alpha`` is ``0.15 min(max(sqrt(share of labelled rows), labels per class /
    150), 1)``, a rule found by trial. With few labels of a class most of its groups
    have none, and labels have to reach these from afar. With many, a group with a label
    of its own, among rows of another class, keeps to it if the labels of the others do
    not reach as far.

    Parameters
    ----------
    codes : int64 ndarray of shape (n,)
        -1 for unknown; some are known.

    Returns
    -------
    alpha : float
    """
    labels = codes[codes >= 0]
    by_share = np.sqrt(len(labels) / len(codes))
    by_class = len(labels) / len(np.unique(labels)) / MANY
    return 1 - 0.15 * float(min(max(by_share, by_class), 1))


def neighbour_mean(graph):
    """Return the matrix that takes the weighted mean over the neighbours of each row.

    Parameters
    ----------
    graph : CSR matrix of shape (n, n)

    Returns
    -------
    mean : CSR matrix of shape (n, n)
        Rows sum to one.
    """
    degree = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-12)
    return (scipy.sparse.diags_array(1 / degree) @ graph).tocsr()


def agreement(graph, codes, alpha: float, shares) -> float:
    """Return how well labels that are hidden in turn are found by propagation.

    Parameters
    ----------
    graph : CSR matrix of shape (n, n)
    codes : int64 ndarray of shape (n,)
        -1 for unknown; some are known.
    alpha : float in (0, 1)
        How far labels spread.
    shares : ndarray of shape (n_classes,)
        Of the classes among the rows.

    Returns
    -------
    kappa : float
        Agreement beyond chance (Cohen 1960): 1 where all are found, about 0 where no
        more than by guessing. Also 1 where there is too little to judge by: of the
        labels that are not the only one of their class fewer than ten, or one class.
    """
    counts = np.bincount(codes[codes >= 0])
    if counts[counts > 1].sum() < FEWEST or (counts > 1).sum() == 1:
        return 1.0
    true, found = find_hidden_labels(graph, codes, alpha, shares)
    return float(cohen_kappa_score(true, found, labels=np.arange(len(shares))))


def find_hidden_labels(graph, codes, alpha: float, shares):
    """Hide a fifth of the labels at a time, and look for them by propagation.

    Parameters
    ----------
    graph : CSR matrix of shape (n, n)
    codes : int64 ndarray of shape (n,)
        -1 for unknown.
    alpha : float in (0, 1)
        How far labels spread.
    shares : ndarray of shape (n_classes,)
        Of the classes among the rows.

    Returns
    -------
    true, found : int64 ndarray of shape (n_judged,)
        What is hidden, class by class, and what is found: all labels but those that are
        the only one of their class.
    """
    labelled = np.flatnonzero(codes >= 0)
    labelled = labelled[np.argsort(codes[labelled], kind="stable")]
    counts = np.bincount(codes[labelled], minlength=len(shares))
    # Within a class fold after fold, so that each hides as few of a class as can be.
    place = np.concatenate([np.arange(count) for count in counts])
    found = np.empty_like(labelled)
    for fold in range(N_FOLDS):
        hidden = place % N_FOLDS == fold
        rest = codes.copy()
        rest[labelled[hidden]] = -1
        proba = label_probabilities(graph, rest, alpha, shares)
        found[hidden] = proba[labelled[hidden]].argmax(axis=1)
    true = codes[labelled]
    judged = counts[true] > 1
    return true[judged], found[judged]
