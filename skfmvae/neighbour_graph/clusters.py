"""Clusters of rows on the graph, for classes that nobody labelled."""

from __future__ import annotations

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import eigsh
from sklearn.cluster import KMeans

from .propagation import neighbour_mean

__all__ = ["cluster_graph", "group_weights", "seed_clusters"]

PARTS_PER_CLUSTER = 3
# What the fastest of the diffusion's modes that are looked at has come down to, when
# the places of the rows are read from them.
LAST_MODE = 0.2
DENSE = 300  # rows up to which all modes are computed at once
# Share of the labels that a part should have below which these are taken for strays.
STRAY = 1 / 2
# Share of a cluster's rows, were all alike, below which rows without an edge to others
# are no cluster; and of all rows, that such are at most.
CRUMB = 1 / 20
N_SEEDS = 10  # rows of each cluster that stand for labels


def seed_clusters(graph, codes, n_classes) -> np.ndarray:
    """Give some rows of the clusters of unnamed components the codes of these.

    A component is unnamed where no label is of it: in a property of which other classes
    are labelled, and in the first property where there is no label at all. Those that
    nobody labelled beside others are left to `discover`, which seeks others and not the
    classes of these once more.

    Parameters
    ----------
    graph : CSR matrix of shape (n, n)
        Symmetric weights.
    codes : int64 ndarray of shape (n, K)
        Property values, -1 for unknown.
    n_classes : list of int
        Number of values of every property.

    Returns
    -------
    codes : int64 ndarray of shape (n, K)
        With up to ten more known for each unnamed component, of rows whose neighbours,
        and the neighbours of which, are in its cluster, and in the largest of the parts
        that were joined to it. The same array where there is no such component, or
        where there are too few rows to tell.
    """
    seeded = codes
    for k, n in enumerate(n_classes):
        named = np.unique(codes[codes[:, k] >= 0, k])
        lacks_names = 0 < len(named) < n or (k == 0 and n > 1 and (codes < 0).all())
        if not lacks_names or len(codes) < 2 * n:
            continue
        clusters, parts = _clusters_and_parts(graph, codes[:, k], n)
        mean = neighbour_mean(graph)
        inside = mean @ (mean @ np.eye(n)[clusters])
        seeded = seeded.copy() if seeded is codes else seeded
        for c in np.setdiff1d(np.arange(n), named):
            members = np.flatnonzero((clusters == c) & (codes[:, k] < 0) & (parts >= 0))
            # What is hardly joined to anything went with it for want of a better place.
            largest = np.bincount(parts[members], minlength=1).argmax()
            members = members[parts[members] == largest]
            order = members[np.argsort(-inside[members, c], kind="stable")]
            # From all over the better half, for these to be of all kinds.
            half = order[: max(N_SEEDS, len(order) // 2)]
            places = np.linspace(0, len(half), N_SEEDS, endpoint=False).astype(int)
            seeded[half[np.unique(places)] if len(half) else half, k] = c
    return seeded


def cluster_graph(graph, codes, n_clusters: int) -> np.ndarray:
    """Part the rows into clusters, each class of some labels in one of its own.

    Rows are parted finely first, by k-means on their diffusion coordinates (Coifman
    and Lafon 2006). Parts with labels of one class are joined, unless these are few
    for so many rows. Then, until so many are left, the two parts are joined with the
    largest sum of weights between them, divided by the product of their numbers of rows
    to the power of 1.5; never two with labels of different classes. Mean weights alone
    would rather join two large classes that touch than the halves of a small one. The
    few rows that have no edge to others go with the largest cluster.

    Parameters
    ----------
    graph : CSR matrix of shape (n, n)
        Symmetric weights.
    codes : int64 ndarray of shape (n,)
        Classes, below `n_clusters`; -1 for unknown.
    n_clusters : int

    Returns
    -------
    clusters : int64 ndarray of shape (n,)
        A class that some row is labelled with has its number; the others are numbered
        by size, the largest first. The labels themselves are respected.
    """
    return _clusters_and_parts(graph, codes, n_clusters)[0]


def _clusters_and_parts(graph, codes, n_clusters):
    """Return clusters, and the parts that were joined to them, -1 for crumbs."""
    crumbs = _crumbs(graph, codes, n_clusters)
    if 0 < crumbs.mean() < CRUMB:
        rest = np.flatnonzero(~crumbs)
        of_rest = _clusters_and_parts(graph[rest][:, rest], codes[rest], n_clusters)
        clusters = np.full(len(codes), np.bincount(of_rest[0]).argmax())
        parts = np.full(len(codes), -1)
        clusters[rest], parts[rest] = of_rest
        return clusters, parts
    parts = _parts(graph, min(PARTS_PER_CLUSTER * n_clusters, len(codes) // 2))
    counts = np.zeros((parts.max() + 1, n_clusters))
    np.add.at(counts, (parts[codes >= 0], codes[codes >= 0]), 1)
    owner = _owners(counts, np.bincount(parts))
    # A class whose labels are all outnumbered has its rows as a part of their own.
    for c in np.setdiff1d(codes[codes >= 0], owner):
        parts[codes == c] = len(owner)
        owner = np.append(owner, c)
    names = _merge(graph, parts, owner, n_clusters)
    clusters = names[parts]
    clusters[codes >= 0] = codes[codes >= 0]
    return clusters, parts


def _crumbs(graph, codes, n_clusters):
    """Return which rows have no edge to others, or only few have one among them."""
    _, piece = connected_components(graph, directed=False)
    is_small = np.bincount(piece) < CRUMB * len(codes) / n_clusters
    is_small[piece[codes >= 0]] = False
    return is_small[piece]


def _parts(graph, n_parts):
    """Part the rows finely, each connected component for itself.

    Nothing diffuses from one to another. All at once they would share the largest
    eigenvalue, of whose many modes a Lanczos method finds but some.
    """
    n_components, component = connected_components(graph, directed=False)
    parts = np.empty(len(component), dtype=int)
    n_so_far = 0
    for c in range(n_components):
        rows = np.flatnonzero(component == c)
        n_here = max(1, round(n_parts * len(rows) / len(component)))
        inside = graph if n_components == 1 else graph[rows][:, rows]
        parts[rows] = n_so_far + _connected_parts(inside, n_here)
        n_so_far = parts[rows].max() + 1
    return parts


def _connected_parts(graph, n_parts):
    """Part the rows of a connected graph by k-means on diffusion coordinates."""
    if n_parts == 1:
        return np.zeros(graph.shape[0], dtype=int)
    degree = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-12)
    root = scipy.sparse.diags_array(degree**-0.5)
    smooth = (root @ graph @ root).tocsr()
    if len(degree) <= DENSE:
        values, modes = np.linalg.eigh(smooth.toarray())
        values, modes = values[-n_parts:], modes[:, -n_parts:]
    else:
        values, modes = eigsh(smooth, n_parts, which="LA", v0=np.sqrt(degree), tol=1e-4)
    values = values.clip(1e-6, 1)
    time = np.log(LAST_MODE) / np.log(min(values.min(), 0.999))
    places = values**time * modes / np.sqrt(degree)[:, None]
    places /= places.std(axis=0).mean()
    parts = KMeans(n_parts, n_init=3, random_state=0).fit_predict(places)
    # Places of rows at the edge may be nearer to a part that they have no edge to.
    member = np.eye(n_parts)[parts]
    parts = (member + graph @ member).argmax(axis=1)
    return np.unique(parts, return_inverse=True)[1]


def _owners(counts, size):
    """Return the class that parts are of, by the labels in them; -1 for unknown.

    A few labels of a class lie among rows of another. A part is not of a class with
    far fewer labels in it than it should have: as many for its rows as there are in all
    the parts in which labels of the class are the most.
    """
    owner = np.where(counts.any(axis=1), counts.argmax(axis=1), -1)
    for c in np.unique(owner[owner >= 0]):
        held = np.flatnonzero(owner == c)
        due = counts[held, c].sum() * size[held] / size[held].sum()
        owner[held[counts[held, c] < STRAY * due]] = -1
    return owner


def _merge(graph, parts, owner, n_clusters):
    """Return the cluster of each part."""
    between = group_weights(graph, parts, len(owner)) + 1e-12
    size = np.bincount(parts, minlength=len(owner)).astype(float)
    cluster = np.arange(len(owner))

    def join(a, b):
        between[a] += between[b]
        between[:, a] += between[:, b]
        size[a] += size[b]
        owner[a] = max(owner[a], owner[b])
        cluster[cluster == b] = a

    for c in np.unique(owner[owner >= 0]):
        first, *others = np.flatnonzero(owner == c)
        for other in others:
            join(first, other)
    while len(left := np.unique(cluster)) > n_clusters:
        a, b = np.triu_indices(len(left), 1)
        a, b = left[a], left[b]
        apart = (owner[a] >= 0) & (owner[b] >= 0)
        bond = np.where(apart, -1.0, between[a, b] / (size[a] * size[b]) ** 1.5)
        join(a[bond.argmax()], b[bond.argmax()])
    free = left[owner[left] < 0]
    names = owner.copy()
    unused = np.setdiff1d(np.arange(n_clusters), owner[left])
    names[free[np.argsort(-size[free], kind="stable")]] = unused[: len(free)]
    return names[cluster]


def group_weights(graph, groups, n_groups: int) -> np.ndarray:
    """Return the sums of weights between groups.

    Parameters
    ----------
    graph : CSR matrix of shape (n, n)
    groups : int64 ndarray of shape (n,)
        Below `n_groups`.
    n_groups : int

    Returns
    -------
    weights : ndarray of shape (n_groups, n_groups)
    """
    shape = (len(groups), n_groups)
    member = scipy.sparse.csr_array(
        (np.ones(len(groups)), (np.arange(len(groups)), groups)), shape=shape
    )
    return (member.T @ graph @ member).toarray()
