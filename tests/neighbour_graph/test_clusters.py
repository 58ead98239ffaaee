import itertools

import numpy as np
import pytest
import scipy.sparse
from scipy.sparse.csgraph import connected_components
from sklearn.datasets import load_digits, make_blobs, make_moons
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, confusion_matrix

from skfmvae.neighbour_graph.clusters import (
    cluster_rows,
    group_weights,
    seed_clusters,
)
from skfmvae.neighbour_graph.edges import nearest_neighbour_weights


def graph_of(X):
    return nearest_neighbour_weights(X, 5)


def test_weights_of_groups_are_summed():
    weights = np.random.default_rng(0).random((20, 20))
    groups = np.arange(20) % 3
    found = group_weights(scipy.sparse.csr_array(weights), groups, 4)
    expected = np.zeros((4, 4))
    for i, j in np.ndindex(20, 20):
        expected[groups[i], groups[j]] += weights[i, j]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("n", [200, 600], ids=["all eigenvectors", "few eigenvectors"])
def test_clusters_follow_the_graph_where_means_do_not(n):
    X, y = make_moons(n, noise=0.05, random_state=0)
    clusters = cluster_rows(graph_of(X), np.full(n, -1), 2)
    assert adjusted_rand_score(y, clusters) == 1.0


def test_clusters_of_unequal_size():
    X, y = make_blobs([300, 150, 40], random_state=0, cluster_std=0.5)
    clusters = cluster_rows(graph_of(X), np.full(490, -1), 3)
    # The largest first.
    np.testing.assert_array_equal(clusters, y)


def test_clusters_take_the_numbers_of_labels():
    X, y = make_blobs(400, centers=4, random_state=0, cluster_std=0.4)
    codes = np.full(400, -1)
    for c in (1, 3):
        codes[np.flatnonzero(y == c)[:2]] = {1: 2, 3: 0}[c]
    clusters = cluster_rows(graph_of(X), codes, 4)
    assert (clusters[y == 1] == 2).all()
    assert (clusters[y == 3] == 0).all()
    assert {*clusters[y == 0]}, {*clusters[y == 2]} == ({1}, {3})
    assert adjusted_rand_score(y, clusters) == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_connected_components_are_in_clusters_of_their_own(seed):
    """All components together share the largest eigenvalue of the graph."""
    centers = [[0, 0], [6, 0], [0, 6], [6, 6]]
    X, y = make_blobs(400, centers=centers, cluster_std=0.4, random_state=seed)
    graph = graph_of(X)
    assert connected_components(graph)[0] >= 4
    clusters = cluster_rows(graph, np.full(400, -1), 4)
    assert adjusted_rand_score(y, clusters) == 1.0


def test_one_class_may_have_several_clusters_and_never_shares_one():
    """Six far blobs of two classes: labels join what the graph keeps apart."""
    centres = list(itertools.product([0, 9], [0, 9, 18]))
    X, blob = make_blobs(300, centers=centres, random_state=0)
    y = blob % 2
    codes = np.where(np.arange(300) % 4 == 0, y, -1)
    clusters = cluster_rows(graph_of(X), codes, 2)
    np.testing.assert_array_equal(clusters, y)


def test_labels_are_respected_even_where_they_are_outnumbered():
    X, y = make_blobs(300, centers=2, random_state=0, cluster_std=0.3)
    codes = y.copy()
    codes[::3] = -1
    odd = np.flatnonzero(codes == 1)[:2]
    codes[odd] = 2
    clusters = cluster_rows(graph_of(X), codes, 3)
    known = codes >= 0
    np.testing.assert_array_equal(clusters[known], codes[known])
    np.testing.assert_array_equal(clusters[~known], y[~known])


def test_clusters_are_the_same_again():
    X = np.random.default_rng(0).normal(size=(500, 4))
    first, second = (cluster_rows(graph_of(X), np.full(500, -1), 7) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert {*first} == {*range(7)}


def test_seeds_are_of_the_classes_without_labels():
    X, y = make_blobs(200, centers=4, random_state=0, cluster_std=0.4)
    three_of_four = np.where((np.arange(200) < 60) & (y < 3), y, -1)
    all_four = np.where(np.arange(200) < 60, y, -1)
    nothing = np.full(200, -1)
    codes = np.stack([three_of_four, all_four, nothing], axis=1)
    before = codes.copy()
    seeded = seed_clusters(graph_of(X), codes, [4, 4, 4])
    np.testing.assert_array_equal(codes, before)
    # A property without labels is left to discovery.
    np.testing.assert_array_equal(seeded[:, 1:], codes[:, 1:])
    new = seeded[:, 0] != codes[:, 0]
    assert new.sum() == 10
    assert (seeded[new, 0] == 3).all()
    assert (y[new] == 3).all()


def test_without_labels_the_first_property_is_seeded():
    X, y = make_blobs(200, centers=4, random_state=0, cluster_std=0.4)
    seeded = seed_clusters(graph_of(X), np.full((200, 2), -1), [4, 3])
    known = seeded[:, 0] >= 0
    assert np.bincount(seeded[known, 0]).tolist() == [10, 10, 10, 10]
    assert adjusted_rand_score(y[known], seeded[known, 0]) == 1.0
    assert (seeded[:, 1] == -1).all()


def test_seeds_lie_inside_their_cluster():
    """Two blobs that touch: no seed is where they do."""
    X, y = make_blobs(600, centers=[[0, 0], [4, 0]], random_state=0)
    seeded = seed_clusters(graph_of(X), np.full((600, 1), -1), [2])[:, 0]
    names = [np.bincount(y[seeded == c]).argmax() for c in (0, 1)]
    known = seeded >= 0
    np.testing.assert_array_equal(np.array(names)[seeded[known]], y[known])


def test_rows_without_any_edge_are_no_seeds():
    X, y = make_blobs(200, centers=4, random_state=0, cluster_std=0.4)
    # The first, middle and last rows have no edge.
    alone = np.isin(np.arange(204), [0, 1, 102, 203])
    rows = np.flatnonzero(~alone)
    edges = graph_of(X).tocoo()
    at = (rows[edges.row], rows[edges.col])
    graph = scipy.sparse.csr_array((edges.data, at), shape=(204, 204))
    seeded = seed_clusters(graph, np.full((204, 1), -1), [4])[:, 0]
    assert (seeded[alone] == -1).all()
    known = seeded[rows] >= 0
    assert np.bincount(seeded[rows][known]).tolist() == [10, 10, 10, 10]
    assert adjusted_rand_score(y[known], seeded[rows][known]) == 1.0


def test_seeds_of_a_cluster_are_of_one_class():
    """Although some clusters hold two: 13 % of digits are in that of another one."""
    X, y = load_digits(return_X_y=True)
    graph = graph_of(PCA(50, random_state=0).fit_transform(X))
    nothing = np.full((len(X), 1), -1)
    clusters = cluster_rows(graph, nothing[:, 0], 10)
    assert confusion_matrix(y, clusters).max(axis=0).sum() < 0.9 * len(X)
    seeded = seed_clusters(graph, nothing, [10])[:, 0]
    counts = confusion_matrix(y[seeded >= 0], seeded[seeded >= 0])
    np.testing.assert_array_equal(counts.sum(axis=0), 10)
    # All but one on some processors, whose principal components round otherwise.
    assert counts.max(axis=0).sum() >= 99


@pytest.mark.parametrize(
    ("codes", "n"),
    [
        (np.full((7, 1), -1), 4),
        (np.full((7, 1), -1), 1),
        (np.array([[0, 1, -1, -1, -1, -1, -1]]).T, 2),
    ],
    ids=["few rows", "one component", "all labelled"],
)
def test_nothing_to_seed(codes, n):
    X = np.random.default_rng(0).normal(size=(7, 2))
    assert seed_clusters(graph_of(X), codes, [n]) is codes


def test_halves_of_a_small_class_are_joined_before_large_classes_that_touch():
    """Although the mean weight between the large ones is twice that of the halves."""
    block = np.repeat([0, 1, 2, 3], [100, 100, 20, 20])
    mean = np.eye(4)
    mean[0, 1] = mean[1, 0] = 0.02
    mean[2, 3] = mean[3, 2] = 0.01
    noise = np.random.default_rng(0).uniform(0.8, 1.2, size=(240, 240))
    graph = scipy.sparse.csr_array(mean[block][:, block] * (noise + noise.T) / 2)
    clusters = cluster_rows(graph, np.full(240, -1), 3)
    assert adjusted_rand_score([0, 1, 2, 2], clusters[[0, 100, 200, 220]]) == 1.0
    assert adjusted_rand_score(np.minimum(block, 2), clusters) == 1.0


@pytest.mark.parametrize("n_named", [2, 3])
def test_a_label_among_rows_of_another_class_names_no_cluster(n_named):
    """Whether that cluster has other labels or not; the row keeps its class."""
    X, y = make_blobs(300, centers=3, random_state=0, cluster_std=0.3)
    codes = np.where((np.arange(300) < 60) & (y < n_named), y, -1)
    odd = np.flatnonzero(y == 2)[0]
    codes[odd] = 0
    expected = y.copy()
    expected[odd] = 0
    np.testing.assert_array_equal(cluster_rows(graph_of(X), codes, 3), expected)


def test_a_small_component_is_no_cluster():
    """Unless a label says that it is one."""
    X, y = make_blobs(800, centers=4, random_state=0, cluster_std=0.4)
    X = np.vstack([X, 100 + X[:6] / 100, 200 + X[:7] / 100])
    graph = graph_of(X)
    unknown = np.full(813, -1)
    clusters = cluster_rows(graph, unknown, 4)
    assert adjusted_rand_score(y, clusters[:800]) == 1.0
    labelled = unknown.copy()
    labelled[800] = 4
    clusters = cluster_rows(graph, labelled, 5)
    assert np.flatnonzero(clusters == 4).tolist() == [*range(800, 806)]
    assert adjusted_rand_score(y, clusters[:800]) == 1.0


def test_rows_without_any_edge_have_clusters():
    clusters = cluster_rows(scipy.sparse.csr_array((200, 200)), np.full(200, -1), 2)
    assert set(clusters) <= {0, 1}
