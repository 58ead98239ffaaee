"""Rows that stand for labels of a property that nobody labelled, beside others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_mutual_info_score, cohen_kappa_score

from .clusters import cluster_graph, group_weights
from .edges import feature_rows, nearest_neighbour_graph, principal_components
from .propagation import (
    SETTLED,
    agreement,
    label_probabilities,
    neighbour_mean,
    spread_for,
)

__all__ = ["discover", "match_parts", "parts_within", "seed_discovered"]

N_ROWS = 20_000  # rows that are looked at, at most
N_SEEDS = 100  # rows of each value that stand for labels
FEWEST = 50  # rows for each value, to look at all
LEAST = 4  # rows for each value among those with any of another property, to part them
# Information that values share with another property, of which their product is 1,
# from which on they are its own in another guise.
DEPENDENT = 0.05
# Share of what the best candidate tells of the rows from which on an earlier one does.
ALIKE = 0.9
# Agreement of the graph with values from which on it may correct them.
TRUSTED = 0.6
# Agreement with the sure rows of what was mended from which on parts are its bounds.
KEPT = 0.75
N_ROUNDS = 20  # of mending or matching, at most


class Found(NamedTuple):
    """Values of a property, and which rows may stand for labels; both of shape (n,)."""

    codes: np.ndarray
    sure: np.ndarray
    is_mended: bool = False


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
    """Give some rows codes of the properties that nobody labelled.

    Parameters
    ----------
    comparable : ndarray or CSR matrix of shape (n, L)
        The rows, with columns on one scale.
    codes : int64 ndarray of shape (n, K)
        Property values, -1 for unknown; one property has some.
    n_classes : list of int
        Number of values of every property.
    proba : list of (ndarray of shape (n, C_k) or None)
        Class probabilities of properties of which the graph tells; None for others.
    features : transformer or None
        What neighbours are found by, if not by the rows themselves.
    n_neighbors : int
    independent : list of bool or None, default=None
        Which properties should depend on no other; the rest are left alone. None stands
        for all.
    X : ndarray or CSR matrix of shape (n, D) or None, default=None
        What `features` takes; None stands for `comparable`.

    Returns
    -------
    codes : int64 ndarray of shape (n, K)
        With up to a hundred more known for each value of a property without any label,
        those of earlier ones being as good as labels for later ones. The same array
        where nothing is found.
    """
    labelled = (codes >= 0).any(axis=0)
    n_rows = min(len(codes), N_ROWS)
    sought = ~labelled if independent is None else ~labelled & independent
    wanted = [k for k in np.flatnonzero(sought) if 1 < n_classes[k] <= n_rows // FEWEST]
    if not labelled.any() or not wanted:
        return codes
    # Rows with a label first, which are few.
    draw = np.random.default_rng(0).permutation(len(codes))
    unknown = (codes[draw] < 0).all(axis=1)
    rows = np.sort(draw[np.argsort(unknown, kind="stable")][:n_rows])
    places = [principal_components(comparable[rows])]
    if features is not None:
        X = comparable if X is None else X
        places.append(principal_components(feature_rows(features, X[rows])))
    graph = nearest_neighbour_graph(places[-1], n_neighbors)[0]
    view = np.hstack([_scaled(place) for place in places])
    others, told = [], []
    for k in np.flatnonzero(labelled):
        seen = codes[rows, k]
        if len(np.unique(seen[seen >= 0])) > 1:
            told.append(proba[k] is not None)
            read = proba[k][rows] if told[-1] else _read(view, seen, n_classes[k])
            others.append(read)
    seeded = codes
    for k in wanted:
        n = n_classes[k]
        found = discover(places, graph, others, told, n)
        if found is None:
            continue
        seeded = seeded.copy() if seeded is codes else seeded
        for c in range(n):
            members = rows[found.sure & (found.codes == c)]
            chosen = np.linspace(0, len(members), N_SEEDS, endpoint=False).astype(int)
            seeded[members[np.unique(chosen)], k] = c
        others.append(np.eye(n)[found.codes])
        told.append(False)
    return seeded


def discover(
    places: Sequence[np.ndarray],
    graph,
    others: Sequence[np.ndarray],
    told: Sequence[bool],
    n_values: int,
) -> Found | None:
    """Find what else rows differ in than the properties that are known.

    By and large a property does the same to rows whatever the others are, and goes with
    none of them. There are candidates of two kinds:

    - What others do on average is taken from the rows, in each way of seeing them, and
      what is left is parted by k-means. Where neighbours are alike in these values, the
      graph and a linear classifier of what is left mend them in turn, so that the same
      change comes to mean the same everywhere.
    - The rows with each value of another property, of which the graph tells, are parted
      on the graph. Parts are matched from value to value, one to one, by the weights
      between them: rows in between, such as slanted digits between two rotations, join
      what belongs together.

    Of those that depend on no other property, the one that tells most of the rows is
    kept, or an earlier one that tells nearly as much. One that the graph mended says
    what is alike everywhere, and parts say where one value ends and the next begins, so
    its values go to the parts in which they are the most, one to one, if that leaves
    most of the rows that are sure with their values.

    Parameters
    ----------
    places : sequence of ndarrays of shape (n, L_i)
        Ways of seeing the rows, such as their principal components and features.
    graph : CSR matrix of shape (n, n)
        Symmetric weights.
    others : sequence of ndarrays of shape (n, C_k)
        Class probabilities of other properties.
    told : sequence of bool
        Of which of these the graph tells.
    n_values : int
        Of the property, at least 2.

    Returns
    -------
    found : Found or None
        None where all candidates depend on another property.
    """
    design = np.hstack([np.ones((graph.shape[0], 1)), *others])
    left = [
        _scaled(place - design @ np.linalg.lstsq(design, place, rcond=None)[0])
        for place in places
    ]
    rows = np.hstack(left)
    parts = [
        parts_within(graph, other.argmax(axis=1), n_values)
        for other, is_told in zip(others, told, strict=True)
        if is_told and _fewest(other) >= LEAST * n_values
    ]
    means = [_nearest_means(view, n_values) for view in left]
    candidates = [
        _mended(codes, margin, graph, rows)
        for codes, margin in means
        if len(np.unique(codes)) == n_values
    ]
    candidates += [match_parts(graph, part, n_values) for part in parts]
    best = _best(candidates, others, rows)
    if best is None or not best.is_mended:
        return best
    named = [_named(graph, part, best.codes, n_values) for part in parts]
    bounded = [
        found
        for found in named
        if cohen_kappa_score(found.codes[best.sure], best.codes[best.sure]) > KEPT
    ]
    return _best(bounded, others, rows) or best


def _best(candidates, others, rows):
    """Return the first of those that tell most, of the independent; None if none is."""
    independent = [
        found
        for found in candidates
        if all(_dependence(found, other) < DEPENDENT for other in others)
    ]
    if not independent:
        return None
    told = np.array([_told(found, rows) for found in independent])
    return independent[np.flatnonzero(told >= ALIKE * told.max())[0]]


def _fewest(other):
    """Return the number of rows of the value that the fewest have."""
    return np.unique(other.argmax(axis=1), return_counts=True)[1].min()


def _nearest_means(rows, n_values):
    """Part rows by k-means; return how much nearer they are to their mean, too."""
    means = KMeans(n_values, n_init=10, random_state=0).fit(rows)
    distance = np.sort(means.transform(rows), axis=1)
    return means.labels_.astype(int), distance[:, 1] - distance[:, 0]


def _mended(codes, margin, graph, rows):
    """Correct values by neighbours and by what they do to rows, in turn.

    Where neighbours do not tell, all rows may stand for labels: those that are nearest
    to their mean are of one kind, from which a network learns that kind alone.
    """
    n_values = codes.max() + 1
    shares = np.full(n_values, 1 / n_values)
    sure = _surer_half(codes, margin)
    known = np.where(sure, codes, -1)
    alpha = spread_for(known)
    if agreement(graph, known, alpha, shares) < TRUSTED:
        return Found(codes, np.ones(len(codes), dtype=bool))
    for _ in range(N_ROUNDS):
        spread = label_probabilities(graph, known, alpha, shares)
        reader = LinearDiscriminantAnalysis().fit(rows, spread.argmax(axis=1))
        proba = _probabilities(reader, rows, n_values)
        first, second = np.sort(proba, axis=1)[:, :-3:-1].T
        codes = proba.argmax(axis=1)
        sure = _surer_half(codes, first - second)
        before, known = known, np.where(sure, codes, -1)
        if np.mean(known != before) < SETTLED:
            break
    return Found(codes, sure, is_mended=True)


def parts_within(graph, other, n_values: int) -> np.ndarray:
    """Part the rows with each value of another property on the graph.

    Parameters
    ----------
    graph : CSR matrix of shape (n, n)
        Symmetric weights.
    other : int64 ndarray of shape (n,)
        The values.
    n_values : int
        Number of parts for each of them, of which there are twice as many rows.

    Returns
    -------
    part : int64 ndarray of shape (n,)
        The first value has the parts from 0 on, the second those from `n_values` on,
        and so forth.
    """
    part = np.empty(len(other), dtype=int)
    for number, value in enumerate(np.unique(other)):
        rows = np.flatnonzero(other == value)
        inside = graph[rows][:, rows].tocsr()
        unknown = np.full(len(rows), -1)
        part[rows] = number * n_values + cluster_graph(inside, unknown, n_values)
    return part


def match_parts(graph, part, n_values: int) -> Found:
    """Give the parts within values of another property names, the same for all values.

    Each value's parts take the names that join the largest bond to those of all others,
    until none gains by other names. The bond of two parts is the logarithm of one and
    the weights between them: parts that look alike for once, such as a six upside down
    and a nine, weigh less than many that are joined a little each.

    Parameters
    ----------
    graph : CSR matrix of shape (n, n)
        Symmetric weights.
    part : int64 ndarray of shape (n,)
        See `parts_within`.
    n_values : int
        Number of parts for each value.

    Returns
    -------
    found : Found
        Half of the rows of each part are sure: those from which more of a walk of two
        steps stays in it.
    """
    n_others = part.max() // n_values + 1
    bond = np.log1p(group_weights(graph, part, n_others * n_values))
    between = bond.reshape(2 * (n_others, n_values)).transpose(0, 2, 1, 3)
    total = np.array([[_match(b)[0] for b in row] for row in between])
    np.fill_diagonal(total, -1.0)
    first = total.max(axis=1).argmax()
    names = {first: np.arange(n_values)}

    def bonds(value):
        """Return the bonds from names to the parts of a value."""
        sums = np.zeros((n_values, n_values))
        for v, name in names.items():
            if v != value:
                sums[name] += between[v, value]
        return sums

    while len(names) < n_others:
        rest = [v for v in range(n_others) if v not in names]
        matches = [_match(bonds(v)) for v in rest]
        best = np.argmax([total for total, _ in matches])
        names[rest[best]] = matches[best][1]
    for _ in range(N_ROUNDS):
        before = np.concatenate(list(names.values()))
        for value in names:
            names[value] = _match(bonds(value))[1]
        if (np.concatenate(list(names.values())) == before).all():
            break
    return _inside(graph, np.concatenate([names[v] for v in range(n_others)])[part])


def _named(graph, part, codes, n_values):
    """Give the parts within each value the codes that most of their rows have."""
    counts = np.zeros((part.max() // n_values + 1, n_values, n_values))
    np.add.at(counts, (part // n_values, codes, part % n_values), 1)
    names = [_match(shared)[1] for shared in counts]
    return _inside(graph, np.concatenate(names)[part])


def _inside(graph, codes):
    """Return codes, sure where more of a walk of two steps on the graph keeps them."""
    mean = neighbour_mean(graph)
    stays = (mean @ (mean @ np.eye(codes.max() + 1)[codes]))[
        np.arange(len(codes)), codes
    ]
    return Found(codes, _surer_half(codes, stays))


def _match(weights):
    """Return the largest sum of weights, one in each line, and the line of each."""
    line, column = linear_sum_assignment(-weights)
    return weights[line, column].sum(), line[np.argsort(column)]


def _surer_half(codes, margin):
    """Return whether a row is of the half of the rows of its value with more margin."""
    sure = np.zeros(len(codes), dtype=bool)
    for c in np.unique(codes):
        members = np.flatnonzero(codes == c)
        sure[members] = margin[members] >= np.median(margin[members])
    return sure


def _dependence(found, other):
    """Return the information shared with another property, 0 to 1, beyond chance."""
    return adjusted_mutual_info_score(other.argmax(axis=1), found.codes)


def _told(found, rows):
    """Return the share of the variance of rows that values tell."""
    member = np.eye(found.codes.max() + 1)[found.codes]
    means = np.linalg.lstsq(member, rows, rcond=None)[0]
    return ((member @ means) ** 2).sum() / (rows**2).sum()


def _read(rows, codes, n_classes):
    """Return class probabilities by a linear classifier of the rows with labels."""
    known = codes >= 0
    reader = LogisticRegression(C=100.0, max_iter=1000).fit(rows[known], codes[known])
    return _probabilities(reader, rows, n_classes)


def _probabilities(reader, rows, n_classes):
    """Return those of all classes, zero for one that a classifier does not know."""
    proba = np.zeros((len(rows), n_classes))
    proba[:, reader.classes_] = reader.predict_proba(rows)
    return proba


def _scaled(rows):
    """Return rows of a total variance of one."""
    return rows / max(np.sqrt(rows.var(axis=0).sum()), 1e-12)
