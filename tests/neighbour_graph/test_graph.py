import joblib
import numpy as np
import pytest
import scipy.sparse
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits, make_blobs
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import paired_euclidean_distances
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.semi_supervised import LabelSpreading

from skfmvae.neighbour_graph.class_prior import estimate_class_prior
from skfmvae.neighbour_graph.edges import (
    feature_rows,
    nearest_neighbour_graph,
    principal_components,
    whitened,
)
from skfmvae.neighbour_graph.graph import NeighbourGraph
from skfmvae.neighbour_graph.propagation import (
    agreement,
    label_probabilities,
    match_class_prior,
    settle,
    spread_for,
)
from skfmvae.neighbour_graph.search import nearest_rows
from skfmvae.neighbour_graph.whitening import WHITENINGS


def make_points(n=40, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)


def test_weights_are_those_of_the_formula():
    X, k = make_points(), 4
    weights, distances = nearest_neighbour_graph(X, k)
    d = cdist(X, X)
    np.fill_diagonal(d, np.inf)
    a = np.zeros_like(d)
    scale = np.sort(d, axis=1)[:, k - 1]
    for i in range(len(X)):
        for j in np.argsort(d[i])[:k]:
            a[i, j] = np.exp(-4 * d[i, j] ** 2 / (scale[i] ** 2 + scale[j] ** 2))
            assert distances[i, j] == pytest.approx(d[i, j], rel=1e-4)
    np.testing.assert_allclose(weights.toarray(), a + a.T - a * a.T, atol=1e-4)


def test_no_row_is_cut_off():
    """However far a row lies from a dense crowd that knows nothing of it."""
    X = np.concatenate([make_points(40) / 1000, [[5, 5, 5]]]).astype(np.float32)
    weights, _ = nearest_neighbour_graph(X, 4)
    assert weights.data.min() >= np.exp(-4)


@pytest.mark.parametrize("n_columns", [20, 80])
def test_sparse_rows_give_the_graph_of_dense_ones(n_columns):
    X = scipy.sparse.random(60, n_columns, 0.3, "csr", np.float32, random_state=0)
    sparse, _ = nearest_neighbour_graph(principal_components(X), 3)
    dense, _ = nearest_neighbour_graph(principal_components(X.toarray()), 3)
    np.testing.assert_allclose(sparse.toarray(), dense.toarray(), atol=1e-3)


def test_twins_are_neighbours():
    X = np.repeat(make_points(10), 2, axis=0)
    weights, _ = nearest_neighbour_graph(X, 2)
    assert all(weights[i, i + 1] == 1.0 for i in range(0, 20, 2))


def label_evenly(y, per_class, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.full(len(y), -1)
    for c in np.unique(y):
        rows = rng.choice(np.flatnonzero(y == c), per_class, replace=False)
        codes[rows] = c
    return codes


def test_shares_do_not_depend_on_how_many_were_labelled():
    """Even labels say nothing of shares of 10 to 1; the rows around them do."""
    X, y = make_blobs([300, 100, 30], n_features=2, random_state=3, cluster_std=0.5)
    _, distances = nearest_neighbour_graph(X, 5)
    shares = estimate_class_prior(distances, label_evenly(y, 5), 3)
    np.testing.assert_allclose(shares, [300 / 430, 100 / 430, 30 / 430], atol=0.05)


def test_equal_shares_are_seen_as_equal():
    X, y = load_digits(return_X_y=True)
    _, distances = nearest_neighbour_graph(X / 16, 5)
    shares = estimate_class_prior(distances, label_evenly(y, 10), 10)
    np.testing.assert_allclose(shares, 0.1, atol=0.01)


def test_agreement_is_that_of_labels_hidden_in_turn():
    """As stratified folds in order and scikit-learn's label spreading have it."""
    X, y = make_blobs(60, centers=3, cluster_std=4.0, random_state=0)
    codes = np.where(np.arange(60) % 2 == 0, y, -1)
    weights, _ = nearest_neighbour_graph(X, 5)
    labelled = np.flatnonzero(codes >= 0)
    found = np.empty(60, dtype=int)
    for fold in range(5):
        hidden = np.concatenate(
            [labelled[codes[labelled] == c][fold::5] for c in range(3)]
        )
        rest = codes.copy()
        rest[hidden] = -1
        spread = LabelSpreading(
            kernel=lambda a, b: weights.toarray(), alpha=0.9, max_iter=2000, tol=1e-10
        ).fit(X, rest)
        sharp = spread.label_distributions_**4
        proba = settle(weights, rest, match_class_prior(sharp, np.full(3, 1 / 3)))
        found[hidden] = proba[hidden].argmax(1)
    right = np.mean(found[labelled] == codes[labelled])
    by_chance = sum(
        np.mean(found[labelled] == c) * np.mean(codes[labelled] == c) for c in range(3)
    )
    kappa = agreement(weights, codes, 0.9, np.full(3, 1 / 3))
    assert kappa == pytest.approx((right - by_chance) / (1 - by_chance))
    assert 0.1 < kappa < 0.9


def test_agreement_tells_what_rows_show_from_what_they_do_not():
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    coin = rng.integers(2, size=len(y))
    codes = np.stack([label_evenly(y, 5), label_evenly(coin, 25)], axis=1)
    digit, noise = NeighbourGraph(X / 16, codes, [10, 2]).agreement
    assert digit > 0.8
    assert abs(noise) < 0.3


@pytest.mark.parametrize(
    "codes",
    [
        [0, 0, 0, 1, 1, 1, 0, 1, 1],  # nine labels
        [*range(12)],  # each the only one of its class
        [1] * 12,  # one class
        [1] * 12 + [0],  # one class that can be hidden in turn
    ],
)
def test_too_few_labels_say_nothing_of_the_graph(codes):
    column = np.full(40, -1)
    column[: len(codes)] = codes
    weights, _ = nearest_neighbour_graph(make_points(), 4)
    assert agreement(weights, column, 0.9, np.full(12, 1 / 12)) == 1.0


def test_a_class_that_nobody_labelled_has_no_share():
    _, distances = nearest_neighbour_graph(make_points(), 4)
    codes = np.full(40, -1)
    codes[:4] = [0, 0, 2, 2]
    shares = estimate_class_prior(distances, codes, 3)
    assert shares[1] == 0
    assert shares.sum() == pytest.approx(1)


def test_each_property_spreads_on_the_one_graph():
    X = make_points()
    codes = np.full((40, 3), -1)
    codes[:6, 0] = [0, 1, 0, 1, 0, 1]
    codes[10:13, 2] = [0, 1, 2]
    together = NeighbourGraph(X, codes, [2, 4, 3], n_neighbors=4)
    assert together.propagated[1] is None
    assert together.shares[1] is None
    for k, n in ((0, 2), (2, 3)):
        alone = NeighbourGraph(X, codes[:, [k]], [n], n_neighbors=4)
        np.testing.assert_array_equal(together.propagated[k], alone.propagated[0])


def test_the_unit_is_the_median_nearest_distance():
    X = make_points()
    graph = NeighbourGraph(X, np.full((40, 1), -1), [2])
    d = cdist(X, X)
    np.fill_diagonal(d, np.inf)
    assert graph.unit == pytest.approx(np.median(d.min(1)), rel=1e-4)


def test_twins_do_not_count_in_the_unit_of_rows_with_many_columns():
    """Of these, components are computed, in which twins differ by rounding."""
    rows = np.random.default_rng(0).normal(size=(200, 60)).astype(np.float32)
    X = np.concatenate([rows, rows[:100], rows[:100]])
    Z = whitened(principal_components(X), WHITENINGS[0])
    d = cdist(Z, Z)
    d[d < 1e-3] = np.inf
    graph = NeighbourGraph(X, np.full((400, 1), -1), [2])
    assert graph.unit == pytest.approx(np.median(d.min(axis=1)[100:200]), rel=1e-4)


def test_a_handful_of_rows_has_fewer_neighbours():
    graph = NeighbourGraph(make_points(3), np.array([[0], [1], [-1]]), [2])
    assert graph.weights.shape == (3, 3)
    np.testing.assert_allclose(graph.propagated[0].sum(1), 1)


def test_the_spread_is_each_propertys_own():
    X = make_points()
    codes = np.full((40, 2), -1)
    codes[:4, 0] = codes[:16, 1] = 0
    codes[4:8, 0] = codes[16:32, 1] = 1
    graph = NeighbourGraph(X, codes, [2, 2])
    for k in range(2):
        alone = NeighbourGraph(X, codes[:, [k]], [2], alpha=spread_for(codes[:, k]))
        np.testing.assert_array_equal(graph.propagated[k], alone.propagated[0])


def test_both_kinds_of_edges_are_searched_for_in_one_way(monkeypatch):
    searched = []

    def search(X, n_neighbors, exact_up_to):
        searched.append((X, n_neighbors, exact_up_to))
        return nearest_rows(X, n_neighbors, exact_up_to)

    monkeypatch.setattr("skfmvae.neighbour_graph.edges.nearest_rows", search)
    X, Z = make_points(seed=0), make_points(seed=1)
    codes = np.full((40, 1), -1)
    NeighbourGraph(X, codes, [2], n_neighbors=3, exact_up_to=50).joined(Z)
    assert searched == [(X, 3, 50), (Z, 3, 50)]


def test_a_joined_graph_propagates_over_both_kinds_of_edges():
    X, Z = make_points(seed=0), make_points(seed=1)
    codes = np.full((40, 2), -1)
    codes[:6, 0] = [0, 1, 2, 0, 1, 0]
    graph = NeighbourGraph(X, codes, [3, 2], alpha=0.9)
    joined = graph.joined(Z)
    assert joined.unit == graph.unit
    assert joined.propagated[1] is None
    both = nearest_neighbour_graph(X, 5)[0] + nearest_neighbour_graph(Z, 5)[0]
    expected = label_probabilities(both, codes[:, 0], 0.9, graph.shares[0])
    np.testing.assert_allclose(joined.propagated[0], expected)
    assert not np.allclose(graph.propagated[0], expected)


def test_neighbours_are_found_by_features_and_distances_measured_on_rows():
    X = make_points(seed=0)
    codes = np.full((40, 1), -1)
    features = FunctionTransformer(lambda X: X[:, :1])
    graph = NeighbourGraph(X, codes, [2], n_neighbors=3, features=features)
    expected, _ = nearest_neighbour_graph(X[:, :1], 3)
    np.testing.assert_array_equal(graph.weights.toarray(), expected.toarray())
    of_rows = NeighbourGraph(X, codes, [2], n_neighbors=3)
    assert graph.unit == pytest.approx(of_rows.unit, rel=1e-4)


def test_features_are_the_same_each_time_and_draw_from_nobody():
    X = np.random.default_rng(0).normal(size=(200, 30)).astype(np.float32)
    X *= np.linspace(1, 2, 30, dtype=np.float32)
    features = make_pipeline(PCA(4, svd_solver="randomized", n_oversamples=1))
    state = np.random.mtrand._rand
    before = state.get_state()[1].copy()
    found = [feature_rows(features, X) for _ in range(2)]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(state.get_state()[1], before)
    assert features.get_params()["pca__random_state"] is None
    # A seed that is given is kept.
    other = feature_rows(features.set_params(pca__random_state=1), X)
    assert not np.array_equal(other, found[0])


def test_neighbours_are_the_candidates_that_a_distance_finds_nearest():
    X = make_points(seed=0)
    codes = np.full((40, 1), -1)
    features = FunctionTransformer(lambda X: X[:, :1])
    settings = {"features": features, "distance": paired_euclidean_distances}
    by_all = NeighbourGraph(X, codes, [2], n_candidates=100, **settings)
    of_rows = NeighbourGraph(X, codes, [2])
    np.testing.assert_allclose(
        by_all.weights.toarray(), of_rows.weights.toarray(), atol=1e-4
    )
    assert by_all.unit == pytest.approx(of_rows.unit, rel=1e-4)
    by_five = NeighbourGraph(X, codes, [2], n_candidates=5, **settings)
    candidates, _ = nearest_neighbour_graph(X[:, :1], 5)
    assert ((by_five.weights > 0) != (candidates > 0)).nnz == 0


FITTED_ROWS: list[int] = []


class Noted(FunctionTransformer):
    """Leaves rows as they are, and a note of how many there were."""

    def fit_transform(self, X, y=None):
        FITTED_ROWS.append(len(X))
        return super().fit_transform(X)


def test_what_cannot_be_pickled_cannot_be_remembered(tmp_path):
    features = FunctionTransformer(lambda X: X[:, :1])
    codes = np.full((40, 1), -1)
    with pytest.raises(ValueError, match=r"memory='.*' .* features=FunctionTrans"):
        NeighbourGraph(
            make_points(), codes, [2], features=features, memory=str(tmp_path)
        )


def test_neighbours_are_remembered_for_other_labels_of_the_same_rows(tmp_path):
    X, calls = make_points(), FITTED_ROWS
    calls.clear()

    def graph(X, codes, **settings):
        return NeighbourGraph(X, codes, [2], features=Noted(), **settings)

    codes = np.where(np.arange(40) < 10, np.arange(40) % 2, -1)[:, None]
    first = graph(X, codes, memory=str(tmp_path))
    again = graph(X, codes[::-1], memory=joblib.Memory(str(tmp_path), verbose=0))
    assert calls == [40]
    for found, labels in ((first, codes), (again, codes[::-1])):
        expected = graph(X, labels)
        assert (found.weights != expected.weights).nnz == 0
        assert found.unit == expected.unit
        np.testing.assert_array_equal(found.propagated[0], expected.propagated[0])
    calls.clear()
    graph(X + 1, codes, memory=str(tmp_path))
    graph(X, codes, n_neighbors=4, memory=str(tmp_path))
    assert calls == [40, 40]


def test_known_shares_stand_in_for_estimated_ones():
    """But not for those of clusters, of which nobody knows which is which."""
    X, y = make_blobs(120, centers=3, cluster_std=0.3, random_state=0)
    X = X.astype(np.float32)
    codes = np.full((120, 3), -1)
    codes[:12, 0] = y[:12]
    codes[:12, 1] = y[:12] % 2
    shares = [np.array([0.2, 0.3, 0.5]), None, np.array([0.9, 0.1])]
    graph = NeighbourGraph(X, codes, [3, 2, 2], class_prior=shares)
    estimated = NeighbourGraph(X, codes, [3, 2, 2])
    np.testing.assert_array_equal(graph.shares[0], shares[0])
    alpha = spread_for(codes[:, 0])
    expected = label_probabilities(graph.weights, codes[:, 0], alpha, shares[0])
    np.testing.assert_array_equal(graph.propagated[0], expected)
    np.testing.assert_array_equal(graph.shares[1], estimated.shares[1])
    np.testing.assert_array_equal(graph.shares[2], estimated.shares[2])


def test_known_shares_find_the_rare_digits():
    """Ten classes of 10 to 1 rows, of each of which two have a label."""
    X, y = load_digits(return_X_y=True)
    kept = np.concatenate(
        [np.flatnonzero(y == c)[:n] for c, n in enumerate(range(170, 0, -17))]
    )
    X, y = X[kept] / 16, y[kept]
    shares = np.bincount(y) / len(y)
    errors = {True: [], False: []}
    for seed in range(3):
        codes = label_evenly(y, 2, seed)[:, None]
        for known in errors:
            class_prior = [shares] if known else None
            graph = NeighbourGraph(X, codes, [10], class_prior=class_prior)
            errors[known].append(np.mean(graph.propagated[0].argmax(1) != y))
    assert np.mean(errors[True]) < 0.06 < 0.09 < np.mean(errors[False])
