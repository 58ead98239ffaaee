"""Clusters of rows on the neighbour graph, for classes without a label."""

from __future__ import annotations

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import eigsh
from sklearn.cluster import KMeans

from .adjacency import degrees, stay_probability, symmetric_adjacency

__all__ = ["cluster_rows", "group_weights", "seed_clusters"]

# The numbers below were tuned on MNIST alone: docs/decisions/012-clusters.md.

# One fine cluster for each cluster is too few: ten eigenvectors split the ones of MNIST
# and leave fours and nines together. Two and four do as well as three.
FINE_PER_CLUSTER = 3
# Time of the diffusion: the smallest eigenvalue used has fallen to this. The larger
# ones still differ, and the coordinates that they belong to weigh more.
LAST_EIGENVALUE = 0.2
DENSE_UP_TO = 300  # rows up to which a Lanczos method would save no time
# A fine cluster belongs to the class of its labels if they are at least this share of
# the labels expected of a class for so many rows. With a third, a few labels among rows
# of another class took over a whole cluster.
MIN_LABEL_SHARE = 1 / 2
# A connected component without labels is no cluster below this share of the rows that
# clusters of equal size would have, if all such components hold less than this share of
# all rows. Two to five of 5,000 composed digits are such rows.
SMALL_COMPONENT = 1 / 20
# Rows of each cluster that stand for labelled ones. Without any, mixtures lost
# components on 90 and 300 rows; no trial compared other numbers.
N_CLUSTER_SEEDS = 10


def seed_clusters(weights, codes, n_classes) -> np.ndarray:
    """Return codes in which some rows of unlabelled classes have a label.

    A class is looked for if it has no label but another class of the property has, or
    if there is no label at all and the property is the first one. A property without
    labels beside a labelled one is left to `seed_discovered`, because it should not
    repeat the classes of the labelled property.

    Parameters
    ----------
    weights : CSR matrix of shape (n, n)
        Symmetric.
    codes : int64 ndarray of shape (n, K)
        Classes of every property, -1 for unknown.
    n_classes : list of int
        Number of classes of every property.

    Returns
    -------
    codes : int64 ndarray of shape (n, K)
        With labels for up to ten rows of each class that was looked for: rows in the
        largest fine cluster of a cluster, whose neighbours, and the neighbours of
        which, are in the cluster too. The same array where there is no such class, or
        where rows are too few.
    """
    seeded = codes
    for k, n in enumerate(n_classes):
        labelled = np.unique(codes[codes[:, k] >= 0, k])
        nothing_known = k == 0 and n > 1 and (codes < 0).all()
        if not (nothing_known or 0 < len(labelled) < n) or len(codes) < 2 * n:
            continue
        clusters, fine = _clusters_and_fine_clusters(weights, codes[:, k], n)
        stays = stay_probability(weights, clusters)
        seeded = seeded.copy() if seeded is codes else seeded
        for c in np.setdiff1d(np.arange(n), labelled):
            members = np.flatnonzero((clusters == c) & (codes[:, k] < 0) & (fine >= 0))
            seeded[_seeds(members, fine[members], stays[members]), k] = c
    return seeded


def _seeds(members, fine, stays):
    """Return at most ten of the members of a cluster that are typical of it."""
    # Fine clusters with hardly any edge to others join the cluster for want of a better
    # one, so that the largest is the safest.
    in_largest = fine == np.bincount(fine, minlength=1).argmax()
    members, stays = members[in_largest], stays[in_largest]
    order = members[np.argsort(-stays, kind="stable")]
    # Evenly from the better half, so that they differ.
    half = order[: max(N_CLUSTER_SEEDS, len(order) // 2)]
    chosen = np.linspace(0, len(half), N_CLUSTER_SEEDS, endpoint=False).astype(int)
    return half[np.unique(chosen)] if len(half) else half


def cluster_rows(weights, codes, n_clusters: int) -> np.ndarray:
    """Return clusters of rows, with the labels of each class in one cluster.

    Rows are first put into fine clusters, by k-means on their diffusion coordinates
    (Coifman and Lafon 2006). Fine clusters with labels of one class are merged, unless
    these labels are few for the number of rows. Then pairs of clusters are merged until
    `n_clusters` are left, always the two with the largest sum of weights between them,
    divided by the product of their numbers of rows to the power of 1.5, and never two
    with labels of different classes. Mean weights alone, a power of 1, would rather
    merge two large classes that touch than the halves of a small one. The few rows
    without an edge to others join the largest cluster.

    Parameters
    ----------
    weights : CSR matrix of shape (n, n)
        Symmetric.
    codes : int64 ndarray of shape (n,)
        Classes, below `n_clusters`; -1 for unknown.
    n_clusters : int

    Returns
    -------
    clusters : int64 ndarray of shape (n,)
        The cluster of a labelled class has the number of the class; the others are
        numbered by size, the largest first. Labelled rows keep their class.
    """
    return _clusters_and_fine_clusters(weights, codes, n_clusters)[0]


def _clusters_and_fine_clusters(weights, codes, n_clusters):
    """Return both kinds of clusters, the fine one -1 for small components."""
    small = _in_small_component(weights, codes, n_clusters)
    if 0 < small.mean() < SMALL_COMPONENT:
        rest = np.flatnonzero(~small)
        inside = weights[rest][:, rest]
        of_rest = _clusters_and_fine_clusters(inside, codes[rest], n_clusters)
        clusters = np.full(len(codes), np.bincount(of_rest[0]).argmax())
        fine = np.full(len(codes), -1)
        clusters[rest], fine[rest] = of_rest
        return clusters, fine
    n_fine = min(FINE_PER_CLUSTER * n_clusters, len(codes) // 2)
    fine = _fine_clusters(weights, n_fine)
    counts = np.zeros((fine.max() + 1, n_clusters))
    np.add.at(counts, (fine[codes >= 0], codes[codes >= 0]), 1)
    label = _labels_of_fine_clusters(counts, np.bincount(fine))
    # Where all labels of a class are outnumbered, its rows are a fine cluster.
    for c in np.setdiff1d(codes[codes >= 0], label):
        fine[codes == c] = len(label)
        label = np.append(label, c)
    clusters = _merge(weights, fine, label, n_clusters)[fine]
    clusters[codes >= 0] = codes[codes >= 0]
    return clusters, fine


def _in_small_component(weights, codes, n_clusters):
    """Return which rows are in a small connected component without labels."""
    _, component = connected_components(weights, directed=False)
    is_small = np.bincount(component) < SMALL_COMPONENT * len(codes) / n_clusters
    is_small[component[codes >= 0]] = False
    return is_small[component]


def _fine_clusters(weights, n_fine):
    """Return fine clusters, those of each connected component for themselves.

    Nothing diffuses from one component to another. Together they would share the
    largest eigenvalue, and a Lanczos method finds only some of its many eigenvectors.
    """
    n_components, component = connected_components(weights, directed=False)
    fine = np.empty(len(component), dtype=int)
    n_so_far = 0
    for c in range(n_components):
        rows = np.flatnonzero(component == c)
        n_here = max(1, round(n_fine * len(rows) / len(component)))
        inside = weights if n_components == 1 else weights[rows][:, rows]
        fine[rows] = n_so_far + _fine_clusters_of_component(inside, n_here)
        n_so_far = fine[rows].max() + 1
    return fine


def _fine_clusters_of_component(weights, n_fine):
    """Return k-means clusters of the diffusion coordinates of a connected component."""
    if n_fine == 1:
        return np.zeros(weights.shape[0], dtype=int)
    adjacency, degree = symmetric_adjacency(weights), degrees(weights)
    if len(degree) <= DENSE_UP_TO:
        values, vectors = np.linalg.eigh(adjacency.toarray())
        values, vectors = values[-n_fine:], vectors[:, -n_fine:]
    else:
        start = np.sqrt(degree)
        values, vectors = eigsh(adjacency, n_fine, which="LA", v0=start, tol=1e-4)
    values = values.clip(1e-6, 1)
    time = np.log(LAST_EIGENVALUE) / np.log(min(values.min(), 0.999))
    coordinates = values**time * vectors / np.sqrt(degree)[:, None]
    coordinates /= coordinates.std(axis=0).mean()
    fine = KMeans(n_fine, n_init=3, random_state=0).fit_predict(coordinates)
    # A row at a border may be nearer to a cluster that it has no edge to.
    member = np.eye(n_fine)[fine]
    fine = (member + weights @ member).argmax(axis=1)
    return np.unique(fine, return_inverse=True)[1]


def _labels_of_fine_clusters(counts, size):
    """Return the class of fine clusters by the labels in them, -1 for unknown.

    A few labels of a class lie among rows of another. A fine cluster is not of a class
    with far fewer labels in it than expected, that is, for its rows, as many as in all
    fine clusters together in which the class has the most labels.
    """
    label = np.where(counts.any(axis=1), counts.argmax(axis=1), -1)
    for c in np.unique(label[label >= 0]):
        held = np.flatnonzero(label == c)
        expected = counts[held, c].sum() * size[held] / size[held].sum()
        label[held[counts[held, c] < MIN_LABEL_SHARE * expected]] = -1
    return label


def _merge(weights, fine, label, n_clusters):
    """Return the cluster of each fine cluster."""
    between = group_weights(weights, fine, len(label)) + 1e-12
    size = np.bincount(fine, minlength=len(label)).astype(float)
    cluster = np.arange(len(label))

    def join(a, b):
        between[a] += between[b]
        between[:, a] += between[:, b]
        size[a] += size[b]
        label[a] = max(label[a], label[b])
        cluster[cluster == b] = a

    for c in np.unique(label[label >= 0]):
        first, *others = np.flatnonzero(label == c)
        for other in others:
            join(first, other)
    while len(left := np.unique(cluster)) > n_clusters:
        a, b = np.triu_indices(len(left), 1)
        a, b = left[a], left[b]
        of_two_classes = (label[a] >= 0) & (label[b] >= 0)
        bond = between[a, b] / (size[a] * size[b]) ** 1.5
        bond[of_two_classes] = -1.0
        join(a[bond.argmax()], b[bond.argmax()])
    unlabelled = left[label[left] < 0]
    numbers = label.copy()
    unused = np.setdiff1d(np.arange(n_clusters), label[left])
    by_size = unlabelled[np.argsort(-size[unlabelled], kind="stable")]
    numbers[by_size] = unused[: len(unlabelled)]
    return numbers[cluster]


def group_weights(weights, groups, n_groups: int) -> np.ndarray:
    """Return the sums of the weights between groups of rows.

    Parameters
    ----------
    weights : CSR matrix of shape (n, n)
    groups : int64 ndarray of shape (n,)
        Below `n_groups`.
    n_groups : int

    Returns
    -------
    sums : ndarray of shape (n_groups, n_groups)
    """
    shape = (len(groups), n_groups)
    member = scipy.sparse.csr_array(
        (np.ones(len(groups)), (np.arange(len(groups)), groups)), shape=shape
    )
    return (member.T @ weights @ member).toarray()
