"""The graph of nearest neighbours over the training rows, and labels spread on it."""

from __future__ import annotations

import copy
from pickle import PicklingError

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import dijkstra
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.metrics import cohen_kappa_score
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.validation import check_memory

from .clusters import seed_clusters
from .propagation import label_probabilities, spread_for
from .search import EXACT_UP_TO, nearest_candidates, nearest_rows

__all__ = [
    "NeighbourGraph",
    "agreement",
    "estimate_shares",
    "nearest_neighbour_graph",
    "neighbour_distances",
    "principal_components",
    "self_scaled_weights",
]

# Distances in more dimensions than these are taken after principal components: faster,
# and on MNIST a better graph.
N_DIMENSIONS = 50
N_CANDIDATES = 40  # rows near by that a finer distance is taken to
TWINS = 1e-12  # distance of rows that are equal
N_MEASURED = 10_000  # rows that tell how far rows lie apart
N_FOLDS = 5  # parts of the labels that are hidden in turn to see how right a graph is
FEWEST = 10  # labels from which that can be judged
# Agreement of the graph with labels up to which it counts for nothing, and from which
# it counts in full.
TRUSTED = 0.6, 0.8


class NeighbourGraph:
    """What the learning aids know of the training rows: neighbours and labels.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, D)
        The rows.
    codes : int64 ndarray of shape (n, K)
        Property values, -1 for unknown.
    n_classes : list of int
        Number of values of every property.
    n_neighbors : int, default=5
    alpha : float or None, default=None
        How far labels spread; None leaves it to `spread_for`.
    exact_up_to : int, default=100_000
        See `nearest_rows`.
    features : transformer or None, default=None
        What neighbours are found by. None takes the rows themselves, or principal
        components where there are many columns.
    distance : callable or None, default=None
        By which the neighbours of a row are the nearest of candidates; see
        `nearest_candidates`. None is the Euclidean distance of the features.
    n_candidates : int, default=40
        Rows nearest by features that are looked at by `distance`.
    class_shares : list of (ndarray of shape (C_k,) or None) or None, default=None
        Those of the properties of which they are known.
    memory : str, joblib.Memory or None, default=None
        Where what does not depend on labels is kept, for the next graph of these rows.

    Attributes
    ----------
    codes : int64 ndarray of shape (n, K)
        Property values, those of the seeds of unnamed components among them; see
        `seed_clusters`.
    weights : CSR matrix of shape (n, n)
        See `nearest_neighbour_graph`.
    unit : float
        The unit of length for noise and adversarial steps, see `neighbour_distances`.
    propagated : list of (ndarray of shape (n, C_k) or None)
        Class probabilities by label propagation; None for a property without labels.
    shares : list of (ndarray of shape (C_k,) or None)
        Shares of the classes among the rows, as given or estimated; likewise.
    agreement : list of (float or None)
        How well hidden labels are found among the rows, see `agreement`; likewise.
    """

    def __init__(
        self,
        X,
        codes,
        n_classes,
        n_neighbors=5,
        alpha=None,
        exact_up_to=EXACT_UP_TO,
        features=None,
        distance=None,
        n_candidates=N_CANDIDATES,
        class_shares=None,
        memory=None,
    ):
        self.n_classes = n_classes
        self.n_neighbors, self.alpha = n_neighbors, alpha
        self.exact_up_to = exact_up_to
        search = check_memory(memory).cache(neighbour_distances)
        try:
            distances, self.unit = search(
                X, n_neighbors, exact_up_to, features, distance, n_candidates
            )
        except PicklingError:
            raise ValueError(
                f"Neighbours: memory={memory!r} tells what it keeps by pickling, which "
                f"features={features!r} or distance={distance!r} does not bear: define "
                "what they are made of in a module, or use memory=None."
            ) from None
        self.weights = self_scaled_weights(distances)
        # Which cluster is which component of a property without labels is open.
        given = [
            shares if labelled else None
            for shares, labelled in zip(
                class_shares or [None] * len(n_classes),
                (codes >= 0).any(axis=0),
                strict=True,
            )
        ]
        self.codes = codes = seed_clusters(self.weights, codes, n_classes)
        self.shares = [
            estimate_shares(distances, column, n)
            if shares is None and (column >= 0).any()
            else shares
            for column, n, shares in zip(codes.T, n_classes, given, strict=True)
        ]
        self.propagated = self._propagate()
        self.agreement = [
            agreement(self.weights, column, n, self._alpha(column), shares)
            if shares is not None
            else None
            for column, n, shares in zip(codes.T, n_classes, self.shares, strict=True)
        ]

    def joined(self, Z) -> NeighbourGraph:
        """Return the graph with the edges of nearest neighbours elsewhere added.

        Parameters
        ----------
        Z : ndarray of shape (n, L)
            Other positions of the rows, such as latents.

        Returns
        -------
        graph : NeighbourGraph
            Labels are propagated over both kinds of edges; unit, shares and agreement
            stay, the last because latents of rows with labels lie where these are.
        """
        graph = copy.copy(self)
        elsewhere, _ = nearest_neighbour_graph(
            principal_components(Z), self.n_neighbors, self.exact_up_to
        )
        graph.weights = self.weights + elsewhere
        graph.propagated = graph._propagate()
        return graph

    @property
    def unlabelled(self) -> list[float]:
        """The share of rows without a label of each property: what aids are for."""
        return (self.codes < 0).mean(axis=0).tolist()

    @property
    def trust(self) -> list[float]:
        """How far rows that lie near each other are alike in each property, 0 to 1."""
        none, full = TRUSTED
        return [
            0.0 if kappa is None else min(max((kappa - none) / (full - none), 0.0), 1.0)
            for kappa in self.agreement
        ]

    def _propagate(self) -> list[np.ndarray | None]:
        propagated: list[np.ndarray | None] = []
        for k, shares in enumerate(self.shares):
            if shares is None:
                propagated.append(None)
                continue
            codes = self.codes[:, k]
            proba = label_probabilities(self.weights, codes, self._alpha(codes), shares)
            propagated.append(proba)
        return propagated

    def _alpha(self, codes) -> float:
        return spread_for(codes) if self.alpha is None else self.alpha


def neighbour_distances(
    X,
    n_neighbors: int,
    exact_up_to: int = EXACT_UP_TO,
    features=None,
    distance=None,
    n_candidates: int = N_CANDIDATES,
):
    """Return how far rows are from their neighbours, which takes the time of a graph.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, D)
        The rows.
    n_neighbors : int
    exact_up_to : int, default=100_000
        See `nearest_rows`.
    features : transformer or None, default=None
        What neighbours are found by, see `NeighbourGraph`.
    distance : callable or None, default=None
        By which neighbours are the nearest of candidates; see `nearest_candidates`.
    n_candidates : int, default=40
        Rows nearest by features that are looked at by `distance`.

    Returns
    -------
    distances : CSR matrix of shape (n, n)
        From each row to its neighbours, fewer than `n_neighbors` where there are fewer
        rows.
    unit : float
        The median distance from a row without a twin to its nearest neighbour, of the
        rows or their principal components.
    """
    rows = principal_components(X)
    places = rows if features is None else clone(features).fit_transform(X)
    n_found = min(n_neighbors if distance is None else n_candidates, X.shape[0] - 1)
    distances = nearest_rows(places, n_found, exact_up_to)
    if distance is not None:
        distances = nearest_candidates(distance, X, distances, n_neighbors)
    if features is None and distance is None:
        nearest = distances.data.reshape(X.shape[0], -1).min(axis=1)
    else:
        search = NearestNeighbors(n_neighbors=2).fit(rows)
        some = rows[:: 1 + len(rows) // N_MEASURED]
        nearest = search.kneighbors(some)[0][:, 1]
    nearest = nearest[nearest > TWINS]
    return distances, float(np.median(nearest)) if len(nearest) else 1.0


def nearest_neighbour_graph(X, n_neighbors: int, exact_up_to: int = EXACT_UP_TO):
    """Join every row to its nearest neighbours, by self-scaled weights.

    Parameters
    ----------
    X : ndarray of shape (n, D)
        The rows.
    n_neighbors : int
        Neighbours of each row, fewer where there are fewer rows.
    exact_up_to : int, default=100_000
        See `nearest_rows`.

    Returns
    -------
    graph : CSR matrix of shape (n, n)
        See `self_scaled_weights`.
    distances : CSR matrix of shape (n, n)
        From each row to its neighbours.
    """
    n_neighbors = min(n_neighbors, X.shape[0] - 1)
    distances = nearest_rows(X, n_neighbors, exact_up_to)
    return self_scaled_weights(distances), distances


def self_scaled_weights(distances):
    """Return how strongly rows are joined, by how far they are from their neighbours.

    Parameters
    ----------
    distances : CSR matrix of shape (n, n)
        From each row to its neighbours.

    Returns
    -------
    weights : CSR matrix of shape (n, n)
        ``a + a' - a * a'`` with ``a_ij = exp(-4 d_ij² / (s_i² + s_j²))`` for the
        neighbours ``j`` of ``i`` and ``s_i`` the distance from ``i`` to its last
        neighbour, after Zelnik-Manor and Perona (2004, section 2).

    Notes
    -----
    There it is ``exp(-d_ij² / (s_i s_j))``, which leaves the furthest neighbour more
    than a third of the weight of the nearest; digits are told apart better with less.
    With the 4 a product would cut rows in sparse places off, as the rows near them lie
    in denser ones; as it is, no edge weighs less than ``exp(-4)``.
    """
    a = distances.copy()
    # Twins are neighbours too: a stored zero would read as no edge.
    a.data = np.maximum(a.data, TWINS)
    scale = a.max(axis=1).toarray().ravel() ** 2
    row, column = a.nonzero()
    a.data = np.exp(-4 * a.data**2 / (scale[row] + scale[column]))
    return (a + a.T - a.multiply(a.T)).tocsr()


def agreement(graph, codes, n_classes: int, alpha: float, shares) -> float:
    """Return how well labels that are hidden in turn are found by propagation.

    Parameters
    ----------
    graph : CSR matrix of shape (n, n)
    codes : int64 ndarray of shape (n,)
        -1 for unknown; some are known.
    n_classes : int
    alpha : float in (0, 1)
        How far labels spread.
    shares : ndarray of shape (n_classes,)
        Of the classes among the rows.

    Returns
    -------
    kappa : float
        Agreement beyond chance (Cohen 1960): 1 where all are found, about 0 where no
        more than by guessing. Also 1 where there is too little to judge by: one class,
        or fewer than ten labels that are not the only one of their class.
    """
    labelled = np.flatnonzero(codes >= 0)
    labelled = labelled[np.argsort(codes[labelled], kind="stable")]
    counts = np.bincount(codes[labelled], minlength=n_classes)
    # Within a class fold after fold, so that each hides as few of a class as can be.
    place = np.concatenate([np.arange(count) for count in counts])
    judged = counts[codes[labelled]] > 1
    if judged.sum() < FEWEST or (counts > 0).sum() == 1:
        return 1.0
    found = np.empty_like(labelled)
    for fold in range(N_FOLDS):
        hidden = place % N_FOLDS == fold
        rest = codes.copy()
        rest[labelled[hidden]] = -1
        proba = label_probabilities(graph, rest, alpha, shares)
        found[hidden] = proba[labelled[hidden]].argmax(axis=1)
    true = codes[labelled[judged]]
    return float(cohen_kappa_score(true, found[judged], labels=np.arange(n_classes)))


def estimate_shares(distances, codes, n_classes: int):
    """Estimate how the rows are shared by the classes of one property.

    Every row goes to the class whose labelled row is nearest along the graph, which
    does not depend on how many rows of a class were labelled. The counts are shrunk
    towards equal shares of the labelled classes as far as chance explains their spread
    (the positive-part estimator of James and Stein 1961); the relative variance of a
    share with ``m`` labels per class is taken as ``1 / (10 m)``, twice what was seen on
    digits.

    Parameters
    ----------
    distances : CSR matrix of shape (n, n)
        Of neighbours.
    codes : int64 ndarray of shape (n,)
        -1 for unknown; some are known.
    n_classes : int

    Returns
    -------
    shares : ndarray of shape (n_classes,)
        Sum to one; zero for a class without labels.
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
    seen = np.bincount(codes[labelled], minlength=n_classes) > 0
    equal = seen / seen.sum()
    shares = counts / counts.sum()
    spread = (((shares - equal)[seen] * seen.sum()) ** 2).sum()
    noise = (seen.sum() - 1) * seen.sum() / (10 * len(labelled))
    keep = max(0.0, 1 - noise / spread) if spread > 0 else 0.0
    return keep * shares + (1 - keep) * equal


def principal_components(X):
    """Return rows as an array, of the first principal components where they are many.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, D)

    Returns
    -------
    rows : ndarray of shape (n, min(D, 50))
    """
    if min(X.shape) > N_DIMENSIONS:
        return PCA(N_DIMENSIONS, random_state=0).fit_transform(X)
    return X.toarray() if scipy.sparse.issparse(X) else X
