import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import paired_euclidean_distances
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import check_random_state

from skfmvae.neighbour_graph.components import principal_components
from skfmvae.neighbour_graph.edges import (
    feature_rows,
    nearest_neighbour_weights,
    neighbour_distances,
    self_scaled_weights,
)
from skfmvae.neighbour_graph.search import nearest_rows

FIRST_COLUMN = FunctionTransformer(lambda X: X[:, :1])


def make_points(n=40, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)


def test_weights_are_those_of_the_formula():
    X, k = make_points(), 4
    weights = nearest_neighbour_weights(X, k)
    d = cdist(X, X)
    np.fill_diagonal(d, np.inf)
    a = np.zeros_like(d)
    scale = np.sort(d, axis=1)[:, k - 1]
    for i in range(len(X)):
        for j in np.argsort(d[i])[:k]:
            a[i, j] = np.exp(-4 * d[i, j] ** 2 / (scale[i] ** 2 + scale[j] ** 2))
    np.testing.assert_allclose(weights.toarray(), a + a.T - a * a.T, atol=1e-4)


def test_no_row_is_cut_off():
    """However far a row lies from a dense crowd none of which has it for neighbour."""
    X = np.concatenate([make_points(40) / 1000, [[5, 5, 5]]]).astype(np.float32)
    assert nearest_neighbour_weights(X, 4).data.min() >= np.exp(-4)


def test_equal_rows_are_neighbours():
    X = np.repeat(make_points(10), 2, axis=0)
    weights = nearest_neighbour_weights(X, 2)
    assert all(weights[i, i + 1] == 1.0 for i in range(0, 20, 2))


def test_a_handful_of_rows_has_fewer_neighbours():
    X = make_points(3)
    weights = nearest_neighbour_weights(X, 5)
    assert (np.diff(weights.indptr) == 2).all()
    expected = self_scaled_weights(neighbour_distances(X, 5))
    np.testing.assert_array_equal(weights.toarray(), expected.toarray())


def assert_same(ours, theirs):
    np.testing.assert_array_equal(ours.indices, theirs.indices)
    np.testing.assert_allclose(ours.data, theirs.data, rtol=1e-3)


def test_neighbours_are_found_among_principal_components():
    X = np.random.default_rng(0).normal(size=(80, 60)) * np.linspace(1, 9, 60)
    assert_same(neighbour_distances(X, 4), nearest_rows(principal_components(X), 4))


def test_neighbours_are_found_by_features():
    comparable, X = make_points(seed=0), make_points(seed=1)
    found = neighbour_distances(comparable, 3, features=FIRST_COLUMN, X=X)
    assert_same(found, nearest_rows(X[:, :1], 3))


def test_neighbours_are_the_candidates_that_a_distance_finds_nearest():
    X = make_points()
    settings = {"features": FIRST_COLUMN, "distance": paired_euclidean_distances}
    among_all = neighbour_distances(X, 5, n_candidates=100, **settings)
    assert_same(among_all, nearest_rows(X, 5))
    among_five = neighbour_distances(X, 5, n_candidates=5, **settings)
    candidates = nearest_rows(X[:, :1], 5)
    assert ((among_five > 0) != (candidates > 0)).nnz == 0


def test_features_are_the_same_each_time_and_draw_from_no_generator_of_others():
    X = np.random.default_rng(0).normal(size=(200, 30)).astype(np.float32)
    X *= np.linspace(1, 2, 30, dtype=np.float32)
    features = make_pipeline(PCA(4, svd_solver="randomized", n_oversamples=1))
    state = check_random_state(None)  # NumPy's global one
    before = state.get_state()[1].copy()
    found = [feature_rows(features, X) for _ in range(2)]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(state.get_state()[1], before)
    assert features.get_params()["pca__random_state"] is None


def test_a_seed_of_features_is_kept():
    X = np.random.default_rng(0).normal(size=(200, 30)).astype(np.float32)
    features = PCA(4, svd_solver="randomized", n_oversamples=1, random_state=1)
    expected = features.fit_transform(X)
    np.testing.assert_array_equal(feature_rows(features, X), expected)
    assert not np.array_equal(
        feature_rows(features.set_params(random_state=0), X), expected
    )


@pytest.mark.parametrize("exact_up_to", [50, 100])
def test_both_kinds_of_edges_are_searched_for_in_one_way(monkeypatch, exact_up_to):
    searched = []

    def search(X, n_neighbors, exact_up_to):
        searched.append((X, n_neighbors, exact_up_to))
        return nearest_rows(X, n_neighbors, exact_up_to)

    monkeypatch.setattr("skfmvae.neighbour_graph.edges.nearest_rows", search)
    X = make_points()
    neighbour_distances(X, 3, exact_up_to)
    nearest_neighbour_weights(X, 3, exact_up_to)
    assert searched == 2 * [(X, 3, exact_up_to)]
