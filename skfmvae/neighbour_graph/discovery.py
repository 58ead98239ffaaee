"""Discovery of a property without labels beside labelled ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_mutual_info_score, cohen_kappa_score

from .adjacency import stay_probability
from .clusters import cluster_rows, group_weights
from .components import principal_components
from .edges import feature_rows, nearest_neighbour_weights
from .propagation import CONVERGED, default_alpha, label_probabilities
from .reliability import hidden_label_kappa
from .subsample import labelled_first

__all__ = [
    "Candidate",
    "KnownProperty",
    "clusters_within",
    "discover",
    "match_clusters",
    "seed_discovered",
]

# The numbers below were tuned on composed digits alone:
# docs/decisions/013-discovered-properties.md.
N_DISCOVERED_SEEDS = 100  # rows of each class that stand for labelled ones
MIN_ROWS_PER_CLASS = 50  # for a property to be looked for
# Rows for each cluster within any class of another property, for clusters to be sought.
MIN_ROWS_PER_CLUSTER = 4
# Adjusted mutual information with another property from which on a candidate repeats
# it: wrong clusters of digits had 0.07 to 0.14, right ones 0.004 at most.
DEPENDENT = 0.05
# Share of the largest explained variance from which on an earlier candidate is taken:
# later ones explain a little more by chance.
NEARLY_LARGEST = 0.9
# Kappa of hidden labels from which on the graph refines a candidate; as in
# `reliability`, below it the graph is of no use.
MIN_KAPPA = 0.6
# Kappa with the confident rows of a refined candidate from which on clusters replace
# it: rotations had 0.89 to 0.93, clusters that were not the property 0.48.
MIN_CLUSTER_KAPPA = 0.75
MAX_ROUNDS = 20  # of refining or matching, so that these end in any case


class KnownProperty(NamedTuple):
    """A property other than the one that is looked for.

    Attributes
    ----------
    proba : ndarray of shape (n, C)
        Its class probabilities.
    is_reliable : bool
        Whether the neighbour graph is fully reliable for it.
    """

    proba: np.ndarray
    is_reliable: bool


class Candidate(NamedTuple):
    """What may be the property that is looked for.

    Attributes
    ----------
    codes : int64 ndarray of shape (n,)
        Its classes.
    confident : bool ndarray of shape (n,)
        Which rows may stand for labelled ones.
    is_refined : bool, default=False
        Whether the neighbour graph refined the classes.
    """

    codes: np.ndarray
    confident: np.ndarray
    is_refined: bool = False


def seed_discovered(
    comparable,
    codes,
    n_classes,
    proba,
    features,
    n_neighbors,
    independent=None,
    X=None,
) -> np.ndarray:
    """Return codes in which some rows of discovered properties have a label.

    Parameters
    ----------
    comparable : ndarray or CSR matrix of shape (n, L)
        The rows, with columns on one scale.
    codes : int64 ndarray of shape (n, K)
        Classes of every property, -1 for unknown.
    n_classes : list of int
        Number of classes of every property.
    proba : list of (ndarray of shape (n, C_k) or None)
        Class probabilities of the properties for which the neighbour graph is fully
        reliable; None for others.
    features : transformer or None
        Features of `X` by which neighbours are found; None for the rows themselves.
    n_neighbors : int
    independent : list of bool or None, default=None
        Which properties should depend on no other; others are not looked for. None
        stands for all.
    X : ndarray or CSR matrix of shape (n, D) or None, default=None
        The rows that `features` takes; None stands for `comparable`.

    Returns
    -------
    codes : int64 ndarray of shape (n, K)
        With labels for up to a hundred rows of each class of a discovered property;
        properties discovered first count as known for later ones. The same array where
        nothing is discovered.
    """
    labelled = (codes >= 0).any(axis=0)
    rows = np.sort(labelled_first(codes))
    most = len(rows) // MIN_ROWS_PER_CLASS
    sought = ~labelled if independent is None else ~labelled & independent
    wanted = [k for k in np.flatnonzero(sought) if 1 < n_classes[k] <= most]
    if not labelled.any() or not wanted:
        return codes
    views = [principal_components(comparable[rows])]
    if features is not None:
        X = comparable if X is None else X
        views.append(principal_components(feature_rows(features, X[rows])))
    weights = nearest_neighbour_weights(views[-1], n_neighbors)
    some_proba = [None if p is None else p[rows] for p in proba]
    known = _known_properties(views, codes[rows], n_classes, some_proba)
    seeded = codes
    for k in wanted:
        found = discover(views, weights, known, n_classes[k])
        if found is None:
            continue
        seeded = seeded.copy() if seeded is codes else seeded
        for c in range(n_classes[k]):
            members = rows[found.confident & (found.codes == c)]
            chosen = np.linspace(0, len(members), N_DISCOVERED_SEEDS, endpoint=False)
            seeded[members[np.unique(chosen.astype(int))], k] = c
        known.append(KnownProperty(np.eye(n_classes[k])[found.codes], False))
    return seeded


def _known_properties(views, codes, n_classes, proba):
    """List the properties with labels of two classes, by the graph or a classifier."""
    rows = np.hstack([_scaled(view) for view in views])
    known = []
    for column, n, by_graph in zip(codes.T, n_classes, proba, strict=True):
        if len(np.unique(column[column >= 0])) < 2:
            continue
        if by_graph is None:
            known.append(KnownProperty(_linear_proba(rows, column, n), False))
        else:
            known.append(KnownProperty(by_graph, True))
    return known


def discover(
    views: Sequence[np.ndarray],
    weights,
    known: Sequence[KnownProperty],
    n_classes: int,
) -> Candidate | None:
    """Return classes by which rows differ independently of the known properties.

    A property is assumed to change rows in much the same way whatever the others are,
    and to be independent of them. There are candidates of two kinds:

    - From each view of the rows the mean effect of the known properties is subtracted,
      and k-means clusters what is left. Where neighbours mostly share a cluster, the
      neighbour graph and a linear classifier refine the clusters in turn, so that one
      change means the same everywhere.
    - The rows of each class of a known property are clustered on the graph, if the
      graph is reliable for that property. Clusters are matched from class to class, one
      to one, by the weights between them: rows in between, such as slanted digits
      between two rotations, join what belongs together.

    Of the candidates that depend on no known property, the one that explains most of
    the variance of the rows is returned, or an earlier one that explains nearly as
    much. A refined candidate tells which changes are alike everywhere, and clusters on
    the graph tell where one class ends. Clusters therefore take the classes that most
    of their rows have, one to one, if most of the confident rows keep their class.

    Parameters
    ----------
    views : sequence of ndarrays of shape (n, L_i)
        Representations of the rows, such as their principal components and features.
    weights : CSR matrix of shape (n, n)
        Symmetric.
    known : sequence of KnownProperty
        The known properties.
    n_classes : int
        Of the property that is looked for, at least 2.

    Returns
    -------
    found : Candidate or None
        None where every candidate depends on a known property.
    """
    design = np.hstack([np.ones((weights.shape[0], 1)), *(k.proba for k in known)])
    residuals = [
        _scaled(view - design @ np.linalg.lstsq(design, view, rcond=None)[0])
        for view in views
    ]
    rows = np.hstack(residuals)
    clusters = [
        clusters_within(weights, other.proba.argmax(axis=1), n_classes)
        for other in known
        if other.is_reliable
        and _smallest_class(other.proba) >= MIN_ROWS_PER_CLUSTER * n_classes
    ]
    means = [_nearest_means(residual, n_classes) for residual in residuals]
    candidates = [
        _refined(codes, margin, weights, rows)
        for codes, margin in means
        if len(np.unique(codes)) == n_classes
    ]
    candidates += [match_clusters(weights, c, n_classes) for c in clusters]
    best = _best(candidates, known, rows)
    if best is None or not best.is_refined:
        return best
    on_graph = [_matched_to(weights, c, best.codes, n_classes) for c in clusters]
    kept = [
        found
        for found in on_graph
        if _kappa_of_confident(found.codes, best) > MIN_CLUSTER_KAPPA
    ]
    return _best(kept, known, rows) or best


def _best(candidates, known, rows):
    """Return the first independent candidate of nearly the largest explained variance.

    None if all depend on a known property.
    """
    independent = [
        found
        for found in candidates
        if all(_dependence(found, other) < DEPENDENT for other in known)
    ]
    if not independent:
        return None
    explained = np.array([_explained_variance(found, rows) for found in independent])
    nearly = explained >= NEARLY_LARGEST * explained.max()
    return independent[np.flatnonzero(nearly)[0]]


def _dependence(found, other):
    """Return the adjusted mutual information with a known property, 0 to 1."""
    return adjusted_mutual_info_score(other.proba.argmax(axis=1), found.codes)


def _explained_variance(found, rows):
    """Return the share of the variance of rows that classes explain."""
    member = np.eye(found.codes.max() + 1)[found.codes]
    means = np.linalg.lstsq(member, rows, rcond=None)[0]
    return ((member @ means) ** 2).sum() / (rows**2).sum()


def _kappa_of_confident(codes, found):
    """Return the agreement of codes with the confident rows of a candidate."""
    return cohen_kappa_score(codes[found.confident], found.codes[found.confident])


def _smallest_class(proba):
    """Return the number of rows of the smallest class that has any."""
    return np.unique(proba.argmax(axis=1), return_counts=True)[1].min()


def _nearest_means(rows, n_classes):
    """Return k-means clusters, and how much nearer rows are to the first mean."""
    means = KMeans(n_classes, n_init=10, random_state=0).fit(rows)
    distance = np.sort(means.transform(rows), axis=1)
    return means.labels_.astype(int), distance[:, 1] - distance[:, 0]


def _refined(codes, margin, weights, rows):
    """Return a candidate, refined by the graph and a linear classifier in turn.

    Where the graph is of no use, all rows are confident: those nearest to their mean
    are all of one kind, and a network would learn that kind alone.
    """
    n_classes = codes.max() + 1
    class_prior = np.full(n_classes, 1 / n_classes)
    confident = _confident_half(codes, margin)
    labels = np.where(confident, codes, -1)
    alpha = default_alpha(labels)
    if hidden_label_kappa(weights, labels, alpha, class_prior) < MIN_KAPPA:
        return Candidate(codes, np.ones(len(codes), dtype=bool))
    for _ in range(MAX_ROUNDS):
        by_graph = label_probabilities(weights, labels, alpha, class_prior)
        classifier = LinearDiscriminantAnalysis().fit(rows, by_graph.argmax(axis=1))
        proba = _proba_of_all(classifier, rows, n_classes)
        first, second = np.sort(proba, axis=1)[:, :-3:-1].T
        codes = proba.argmax(axis=1)
        confident = _confident_half(codes, first - second)
        before, labels = labels, np.where(confident, codes, -1)
        if np.mean(labels != before) < CONVERGED:
            break
    return Candidate(codes, confident, is_refined=True)


def clusters_within(weights, other, n_clusters: int) -> np.ndarray:
    """Return clusters on the graph within each class of a known property.

    Parameters
    ----------
    weights : CSR matrix of shape (n, n)
        Symmetric.
    other : int64 ndarray of shape (n,)
        The classes of the known property.
    n_clusters : int
        Number of clusters within each class, which has at least twice as many rows.

    Returns
    -------
    clusters : int64 ndarray of shape (n,)
        Numbered from 0 on within the first class, from `n_clusters` on within the
        second, and so forth.
    """
    clusters = np.empty(len(other), dtype=int)
    for number, value in enumerate(np.unique(other)):
        rows = np.flatnonzero(other == value)
        inside = weights[rows][:, rows].tocsr()
        unknown = np.full(len(rows), -1)
        clusters[rows] = number * n_clusters + cluster_rows(inside, unknown, n_clusters)
    return clusters


def match_clusters(weights, clusters, n_classes: int) -> Candidate:
    """Match the clusters within the classes of a known property from class to class.

    The clusters within each class take the numbers that join the largest bond to those
    of all other classes, until no other numbers join a larger one. The bond of two
    clusters is the logarithm of one and the weights between them: a single large sum,
    such as that of a six upside down and a nine, then counts less than many small ones.

    Parameters
    ----------
    weights : CSR matrix of shape (n, n)
        Symmetric.
    clusters : int64 ndarray of shape (n,)
        See `clusters_within`.
    n_classes : int
        Number of clusters within each class of the known property.

    Returns
    -------
    found : Candidate
        Half of the rows of each cluster are confident: those from which random walks of
        two steps are most likely to stay in their class.
    """
    n_others = clusters.max() // n_classes + 1
    bond = np.log1p(group_weights(weights, clusters, n_others * n_classes))
    between = bond.reshape(2 * (n_others, n_classes)).transpose(0, 2, 1, 3)
    total = np.array([[_match(b)[0] for b in row] for row in between])
    np.fill_diagonal(total, -1.0)
    first = total.max(axis=1).argmax()
    numbers = {first: np.arange(n_classes)}

    def bonds(other):
        """Return the bonds from numbers to the clusters within another class."""
        sums = np.zeros((n_classes, n_classes))
        for o, number in numbers.items():
            if o != other:
                sums[number] += between[o, other]
        return sums

    while len(numbers) < n_others:
        rest = [o for o in range(n_others) if o not in numbers]
        matches = [_match(bonds(o)) for o in rest]
        best = np.argmax([total for total, _ in matches])
        numbers[rest[best]] = matches[best][1]
    for _ in range(MAX_ROUNDS):
        before = np.concatenate(list(numbers.values()))
        for other in numbers:
            numbers[other] = _match(bonds(other))[1]
        if (np.concatenate(list(numbers.values())) == before).all():
            break
    codes = np.concatenate([numbers[o] for o in range(n_others)])[clusters]
    return _confident_inside(weights, codes)


def _matched_to(weights, clusters, codes, n_classes):
    """Return clusters with the codes that most of their rows have, one to one."""
    counts = np.zeros((clusters.max() // n_classes + 1, n_classes, n_classes))
    np.add.at(counts, (clusters // n_classes, codes, clusters % n_classes), 1)
    numbers = [_match(shared)[1] for shared in counts]
    return _confident_inside(weights, np.concatenate(numbers)[clusters])


def _match(weights):
    """Return the largest sum of weights, one in each line, and the line of each."""
    line, column = linear_sum_assignment(-weights)
    return weights[line, column].sum(), line[np.argsort(column)]


def _confident_inside(weights, codes):
    """Return a candidate that is confident where random walks stay in their class."""
    return Candidate(codes, _confident_half(codes, stay_probability(weights, codes)))


def _confident_half(codes, margin):
    """Return whether a row is in the half of its class with the larger margin."""
    confident = np.zeros(len(codes), dtype=bool)
    for c in np.unique(codes):
        members = np.flatnonzero(codes == c)
        confident[members] = margin[members] >= np.median(margin[members])
    return confident


def _linear_proba(rows, codes, n_classes):
    """Return class probabilities by a linear classifier of the labelled rows."""
    labelled = codes >= 0
    classifier = LogisticRegression(C=100.0, max_iter=1000)
    classifier.fit(rows[labelled], codes[labelled])
    return _proba_of_all(classifier, rows, n_classes)


def _proba_of_all(classifier, rows, n_classes):
    """Return probabilities of all classes, zero where a classifier knows no label."""
    proba = np.zeros((len(rows), n_classes))
    proba[:, classifier.classes_] = classifier.predict_proba(rows)
    return proba


def _scaled(rows):
    """Return rows of a total variance of one."""
    return rows / max(np.sqrt(rows.var(axis=0).sum()), 1e-12)
