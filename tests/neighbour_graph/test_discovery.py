import numpy as np
import pytest
import scipy.sparse
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, confusion_matrix
from sklearn.preprocessing import FunctionTransformer

from skfmvae.neighbour_graph import discovery, subsample
from skfmvae.neighbour_graph.discovery import (
    KnownProperty,
    clusters_within,
    discover,
    match_clusters,
    seed_discovered,
)
from skfmvae.neighbour_graph.edges import nearest_neighbour_weights

N_NEIGHBORS = 5


def matched(codes, true):
    """Return the share of the codes that are right, once they are renamed."""
    counts = confusion_matrix(codes, true)
    return counts[linear_sum_assignment(-counts)].sum() / len(true)


def additive_rows(n=900, sizes=(3, 4), scale=(6.0, 3.0), seed=0):
    """Rows to which each property adds what is its own, the first the most."""
    rng = np.random.default_rng(seed)
    y = np.stack([rng.integers(size, size=n) for size in sizes], axis=1)
    X = rng.normal(size=(n, 8))
    for k, size in enumerate(sizes):
        directions = np.linalg.qr(rng.normal(size=(8, 8)))[0][:size]
        X += scale[k] * directions[y[:, k]]
    return X.astype(np.float32), y


def with_labels(y, n_labels, *unknown):
    codes = np.where(np.arange(len(y))[:, None] < n_labels, y, -1)
    codes[:, unknown] = -1
    return codes


def seeds(X, codes, sizes, proba=None, features=None, independent=None):
    proba = [None] * len(sizes) if proba is None else proba
    return seed_discovered(
        X, codes, list(sizes), proba, features, N_NEIGHBORS, independent
    )


def test_a_small_effect_is_found_beside_a_large_one_that_is_known():
    # Values of the second lie so far apart that no row passes for another's by chance.
    X, y = additive_rows(scale=(8.0, 4.0))
    clusters = KMeans(4, n_init=10, random_state=0).fit_predict(X)
    assert adjusted_rand_score(y[:, 1], clusters) < 0.3
    codes = with_labels(y, 60, 1)
    before = codes.copy()
    seeded = seeds(X, codes, (3, 4))
    np.testing.assert_array_equal(codes, before)
    np.testing.assert_array_equal(seeded[:, 0], codes[:, 0])
    known = seeded[:, 1] >= 0
    assert (np.bincount(seeded[known, 1]) >= 15).all()
    assert matched(seeded[known, 1], y[known, 1]) == 1.0


def test_properties_without_labels_are_found_one_beside_another():
    sizes = (3, 4, 2)
    X, y = additive_rows(1500, sizes, scale=(9.0, 6.0, 4.0))
    seeded = seeds(X, with_labels(y, 60, 1, 2), sizes)
    found = [matched(s[s >= 0], t[s >= 0]) for s, t in zip(seeded.T, y.T, strict=True)]
    assert min(found) > 0.98


def graph_of_cells(mean):
    """Return a graph with such weights between cells of 40 rows, and the rows' cells.

    In no order.
    """
    cell = np.random.default_rng(1).permutation(np.repeat(np.arange(len(mean)), 40))
    noise = np.random.default_rng(0).uniform(0.8, 1.2, size=(len(cell), len(cell)))
    weights = mean[cell][:, cell] * (noise + noise.T) / 2
    return scipy.sparse.csr_array(weights), cell


def test_clusters_are_matched_by_the_rows_in_between():
    """Four classes of three clusters, where the largest bond is not always right.

    The first cluster of each class has its largest bond to the second of the next one,
    to which the second has a larger one: one to one, all are matched.
    """
    mean = np.zeros((12, 12))
    for v, p, w, q in np.ndindex(4, 3, 4, 3):
        bond = 0.03 if p == q else 0.001
        bond = 0.04 if {p, q} == {0, 1} and w > v and p == 0 else bond
        bond = 0.09 if p == q == 1 else bond
        mean[3 * v + p, 3 * w + q] = bond if v != w else 0.02
    mean = np.maximum(mean, mean.T)
    np.fill_diagonal(mean, 1.0)
    graph, cell = graph_of_cells(mean)
    value, true = np.divmod(cell, 3)
    clusters = clusters_within(graph, value, 3)
    np.testing.assert_array_equal(clusters // 3, value)
    assert all(matched(clusters[value == v], true[value == v]) == 1.0 for v in range(4))
    found = match_clusters(graph, clusters, 3)
    assert matched(found.codes, true) == 1.0
    assert np.bincount(found.codes[found.confident]).tolist() == [80, 80, 80]


def test_one_large_bond_does_not_decide():
    """As that of a six upside down and a nine, four times as large as others."""
    mean = np.zeros((12, 12))
    for v, p, w, q in np.ndindex(4, 3, 4, 3):
        if v != w:
            mean[3 * v + p, 3 * w + q] = 0.02 if p == q else 0.0005
    for p, q in ((0, 1), (1, 0)):
        mean[p, 3 + q] = mean[3 + q, p] = 0.08
    np.fill_diagonal(mean, 1.0)
    graph, cell = graph_of_cells(mean)
    value, true = np.divmod(cell, 3)
    assert matched(match_clusters(graph, cell, 3).codes, true) == 1.0


def test_features_show_what_rows_do_not():
    X, y = additive_rows(scale=(6.0, 0.0))
    hidden = np.eye(4, dtype=np.float32)[y[:, 1]]
    rows = np.hstack([X, 0.01 * hidden])
    features = FunctionTransformer(lambda rows: rows[:, 8:])
    seeded = seeds(rows, with_labels(y, 60, 1), (3, 4), features=features)
    known = seeded[:, 1] >= 0
    assert matched(seeded[known, 1], y[known, 1]) == 1.0
    seeded = seeds(rows, with_labels(y, 60, 1), (3, 4))
    known = seeded[:, 1] >= 0
    assert matched(seeded[known, 1], y[known, 1]) < 0.6


def test_a_candidate_that_depends_on_a_known_property_is_not_found():
    """Four clumps on a line, of which the known property takes the middle two."""
    rng = np.random.default_rng(0)
    clump = rng.integers(4, size=600)
    X = (10 * clump + rng.normal(size=600))[:, None]
    middle = np.isin(clump, [1, 2]).astype(int)
    graph = nearest_neighbour_weights(X, N_NEIGHBORS)
    assert discover([X], graph, [KnownProperty(np.eye(2)[middle], False)], 4) is None


def test_of_many_rows_a_sample_is_used_with_those_with_labels(monkeypatch):
    monkeypatch.setattr(subsample, "N_ROWS", 300)
    used = []

    def note(views, *others):
        used.append(views[0])
        return discover(views, *others)

    monkeypatch.setattr(discovery, "discover", note)
    X, y = additive_rows(3000)
    codes = with_labels(y, 200, 1)
    seeded = seeds(X, codes, (3, 4))
    assert len(used[0]) == 300
    np.testing.assert_array_equal(used[0][:200], X[:200])
    known = seeded[:, 1] >= 0
    assert matched(seeded[known, 1], y[known, 1]) > 0.98


@pytest.mark.parametrize(
    ("n", "n_labels", "sizes"),
    [(900, 900, (3, 4)), (900, 0, (3, 4)), (90, 30, (3, 4)), (900, 30, (3, 1))],
    ids=["all known", "none known", "few rows", "one value"],
)
def test_where_nothing_can_be_discovered_codes_stay(n, n_labels, sizes):
    X, y = additive_rows(n)
    codes = with_labels(y, n_labels)
    codes[:, 1] = y[:, 1] if n_labels == n else -1
    assert seeds(X, codes, sizes) is codes


def test_a_class_of_hardly_any_row_is_no_obstacle():
    X, y = additive_rows()
    proba = np.eye(4)[y[:, 0]]
    proba[0] = [0, 0, 0, 1]
    seeded = seeds(X, with_labels(y, 60, 1), (4, 4), [proba, None])
    known = seeded[:, 1] >= 0
    assert matched(seeded[known, 1], y[known, 1]) == 1.0


def test_a_property_that_may_depend_on_others_is_not_looked_for():
    X, y = additive_rows()
    codes = with_labels(y, 60, 1)
    assert seeds(X, codes, (3, 4), independent=[True, False]) is codes
    assert seeds(X, codes, (3, 4), independent=[False, True]) is not codes


def shifted_kinds():
    """Return rows, their graph, the kinds that are known and a shift that is not.

    A shift moves all kinds alike, but one of them is stretched more than it moves.
    There it moves the rows aside too, and those of another kind to the other side, so
    that on average it does not.
    """
    rng = np.random.default_rng(0)
    kind, shift = rng.integers(3, size=1200), rng.integers(2, size=1200)
    X = 20.0 * np.eye(3, 8)[kind] + rng.normal(size=(1200, 8))
    X[:, 3] += 8 * shift + np.where(kind == 0, rng.uniform(-6, 6, size=1200), 0)
    X[:, 4] += 8 * shift * np.array([1, -1, 0])[kind]
    return X, nearest_neighbour_weights(X, N_NEIGHBORS), np.eye(3)[kind], shift


def test_clusters_on_the_graph_tell_where_a_class_ends():
    X, graph, known, shift = shifted_kinds()
    refined = discover([X], graph, [KnownProperty(known, False)], 2)
    assert matched(refined.codes, shift) < 0.97
    clustered = discover([X], graph, [KnownProperty(known, True)], 2)
    assert matched(clustered.codes, shift) > 0.99


def test_clusters_across_a_refined_candidate_do_not_replace_it(monkeypatch):
    X, graph, known, _ = shifted_kinds()
    refined = discover([X], graph, [KnownProperty(known, False)], 2)
    across = 2 * known.argmax(axis=1) + np.random.default_rng(1).integers(2, size=1200)
    monkeypatch.setattr(discovery, "clusters_within", lambda *arguments: across)
    clustered = discover([X], graph, [KnownProperty(known, True)], 2)
    np.testing.assert_array_equal(clustered.codes, refined.codes)
