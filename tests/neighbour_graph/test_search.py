import sys

import numpy as np
import pytest
import scipy.sparse
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits
from sklearn.exceptions import EfficiencyWarning
from sklearn.metrics.pairwise import (
    paired_euclidean_distances,
    paired_manhattan_distances,
)
from sklearn.neighbors import NearestNeighbors

from skfmvae.neighbour_graph import search
from skfmvae.neighbour_graph.search import nearest_candidates, nearest_rows

K = 5


def make_rows(n=300, n_columns=20, seed=0):
    return np.random.default_rng(seed).normal(size=(n, n_columns)).astype(np.float32)


def approximate(X, n_neighbors=K):
    pytest.importorskip("pynndescent", reason="of the extra neighbours")
    return nearest_rows(X, n_neighbors, exact_up_to=1)


def indices(distances):
    return distances.indices.reshape(distances.shape[0], -1)


def by_brute_force(X, n_neighbors=K):
    """Return the distances of all pairs, infinite to itself, and the nearest rows."""
    d = cdist(X, X)
    np.fill_diagonal(d, np.inf)
    return d, d.argsort(axis=1)[:, :n_neighbors]


def assert_same(ours, theirs):
    for part in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(ours, part), getattr(theirs, part))


def test_few_rows_are_searched_exactly():
    X = make_rows()
    found = nearest_rows(X, K, exact_up_to=len(X))
    d, nearest = by_brute_force(X)
    np.testing.assert_array_equal(indices(found), nearest)
    np.testing.assert_allclose(
        found.data.reshape(-1, K), np.take_along_axis(d, nearest, axis=1), rtol=1e-5
    )


@pytest.mark.parametrize("n_neighbors", [5, 10])
def test_many_rows_are_searched_almost_exactly(n_neighbors):
    X = load_digits().data.astype(np.float32)
    found = approximate(X, n_neighbors)
    d, nearest = by_brute_force(X, n_neighbors)
    ours = found.data.reshape(-1, n_neighbors)
    assert (np.diff(ours, axis=1) >= 0).all()
    true = np.take_along_axis(d, indices(found), axis=1)
    np.testing.assert_allclose(ours, true, rtol=1e-5)
    last = np.take_along_axis(d, nearest[:, -1:], axis=1)
    assert (true <= last).mean() > 0.98


def test_the_search_takes_neither_chance_nor_threads_into_account():
    numba = pytest.importorskip("numba", reason="of the extra neighbours")
    X = make_rows(2000)
    once = approximate(X)
    np.random.seed(1)  # noqa: NPY002
    n_threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        again = approximate(X)
    finally:
        numba.set_num_threads(n_threads)
    assert_same(once, again)


@pytest.mark.parametrize(
    "X",
    [
        make_rows(2000),
        make_rows(1000).repeat(2, axis=0),
        make_rows(100).repeat(20, axis=0),
        np.concatenate([np.ones((500, 20), np.float32), make_rows(500)]),
        np.zeros((500, 20), np.float32),
        np.asfortranarray(make_rows(500).astype(np.float64)),
    ],
    ids=["rows", "pairs", "twenties", "a heap and rows", "a heap", "by columns"],
)
def test_every_row_has_its_neighbours_twins_but_not_itself(X):
    found = approximate(X)
    np.testing.assert_array_equal(np.diff(found.indptr), K)
    rows = indices(found)
    assert ((rows >= 0) & (rows < len(X))).all()
    assert (rows != np.arange(len(X))[:, None]).all()
    assert all(len(set(row)) == K for row in rows)
    d, _ = by_brute_force(X)
    n_twins = np.minimum((d == 0).sum(axis=1), K)
    found_twins = (found.data.reshape(-1, K) == 0).sum(axis=1)
    assert (found_twins == n_twins).mean() > 0.99


@pytest.mark.parametrize("n", [2, 3, 6, 12])
def test_a_handful_of_rows_has_its_neighbours_too(n):
    X = make_rows(n)
    n_neighbors = min(K, n - 1)
    found = approximate(X, n_neighbors)
    _, nearest = by_brute_force(X, n_neighbors)
    np.testing.assert_array_equal(indices(found), nearest)


def test_rows_for_which_too_few_are_found_are_searched_exactly(monkeypatch):
    pynndescent = pytest.importorskip("pynndescent", reason="of the extra neighbours")

    class Forgetful(pynndescent.NNDescent):
        @property
        def neighbor_graph(self):
            indices, distances = super().neighbor_graph
            indices[::7, 3:], distances[::7, 3:] = -1, np.inf
            return indices, distances

    X = make_rows()
    expected = approximate(X)
    monkeypatch.setattr(pynndescent, "NNDescent", Forgetful)
    found = approximate(X)
    np.testing.assert_array_equal(indices(found), indices(expected))
    np.testing.assert_allclose(found.data, expected.data, rtol=1e-5)


@pytest.fixture
def without_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynndescent", None)
    search.can_approximate.cache_clear()
    yield
    search.can_approximate.cache_clear()


def test_without_the_library_the_search_is_exact_and_says_so_once(without_library):
    X = make_rows()
    with pytest.warns(EfficiencyWarning, match=r"pip install \"skfmvae\[neighbours\]"):
        found = nearest_rows(X, K, exact_up_to=299)
    expected = NearestNeighbors(n_neighbors=K).fit(X).kneighbors_graph(mode="distance")
    assert_same(found, expected)
    assert_same(nearest_rows(X, K, exact_up_to=299), expected)


def test_what_is_exact_needs_no_library(without_library):
    X = make_rows()
    assert nearest_rows(X, K, exact_up_to=300).nnz == 300 * K
    assert nearest_rows(X, K).nnz == 300 * K


@pytest.mark.parametrize("as_rows", [np.asarray, scipy.sparse.csr_matrix])
def test_the_nearest_of_all_candidates_are_those_of_the_distance(as_rows):
    X = make_rows(60)
    candidates = nearest_rows(X, 59)
    found = nearest_candidates(paired_manhattan_distances, as_rows(X), candidates, K)
    d, nearest = NearestNeighbors(n_neighbors=K, p=1).fit(X).kneighbors()
    np.testing.assert_array_equal(indices(found), nearest)
    np.testing.assert_allclose(found.data, d.ravel(), rtol=1e-4)


def test_only_candidates_are_compared(monkeypatch):
    monkeypatch.setattr("skfmvae.neighbour_graph.search.PAIRS_AT_ONCE", 7)
    X = make_rows(40)
    candidates = nearest_rows(X, 6)

    def reverse(X, Y):
        return 1 / paired_euclidean_distances(X, Y)

    found = nearest_candidates(reverse, X, candidates, 2)
    furthest = indices(candidates)[:, :3:-1]
    np.testing.assert_array_equal(indices(found), furthest)


@pytest.mark.parametrize(
    ("distance", "message"),
    [
        (cdist, r"60 pairs of rows; it returned ndarray of shape \(60, 60\)"),
        (lambda X, Y: None, "it returned NoneType"),
        (lambda X, Y: X[:, 0] - 100, "distance returned -.* none of them negative"),
        (lambda X, Y: np.full(len(X), np.nan), "distance returned nan"),
    ],
)
def test_what_is_no_distance_is_refused(distance, message):
    X = make_rows(30)
    with pytest.raises(ValueError, match=message):
        nearest_candidates(distance, X, nearest_rows(X, 2), 1)
