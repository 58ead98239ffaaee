import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import load_digits, make_blobs
from sklearn.neighbors import kneighbors_graph
from sklearn.semi_supervised import LabelSpreading

from skfmvae.neighbour_graph.class_prior import (
    estimate_class_prior,
    match_class_prior,
)
from skfmvae.neighbour_graph.edges import (
    nearest_neighbour_weights,
    self_scaled_weights,
)
from skfmvae.neighbour_graph.propagation import (
    LabelSpread,
    default_alpha,
    label_probabilities,
    propagate,
    threshold_dynamics,
)
from skfmvae.neighbour_graph.search import nearest_rows


def make_points(n=40, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)


def test_propagation_is_the_closed_form():
    X = make_points()
    weights = nearest_neighbour_weights(X, 4)
    codes = np.full(40, -1)
    codes[:6] = [0, 1, 2, 0, 1, 0]
    root = np.diag(weights.toarray().sum(1) ** -0.5)
    smooth = root @ weights.toarray() @ root
    one_hot = np.eye(3)[codes] * (codes >= 0)[:, None]
    expected = np.linalg.solve(np.eye(40) - 0.9 * smooth, one_hot)
    np.testing.assert_allclose(propagate(weights, codes, 3, 0.9), expected, atol=1e-5)


def test_one_spread_solves_for_many_labels():
    """Exactly, also of few and many labels together, on a graph of two parts."""
    X = np.concatenate([make_points(30), make_points(30, seed=1) + 100])
    weights = nearest_neighbour_weights(X, 4)
    spread, root = LabelSpread(weights), np.diag(weights.toarray().sum(1) ** -0.5)
    system = np.eye(60) - 0.95 * root @ weights.toarray() @ root
    for seed, n_labelled in enumerate((3, 30, 58)):
        rng = np.random.default_rng(seed)
        codes = np.full(60, -1)
        labelled = rng.permutation(60)[:n_labelled]
        codes[labelled] = [1, 2, *[0] * (n_labelled - 2)]
        one_hot = np.eye(4)[codes] * (codes >= 0)[:, None]
        np.testing.assert_allclose(
            spread.scores(codes, 4, 0.95), np.linalg.solve(system, one_hot), atol=1e-4
        )


def test_rows_that_no_label_reaches_stay_while_borders_move():
    begin = np.random.default_rng(0).dirichlet(np.ones(3), 60)
    codes = np.full(60, -1)
    codes[[0, 10]] = [0, 1]
    moved = threshold_dynamics(two_rings(), codes, begin)
    np.testing.assert_array_equal(moved[30:], begin[30:])
    assert (moved[:30] != begin[:30]).any(axis=1).all()


def test_propagation_is_label_spreading_on_its_graph():
    """scikit-learn's (1 - alpha) is a common factor; its kernel may be a graph."""
    X, y = make_blobs(80, centers=3, random_state=0)
    graph = kneighbors_graph(X, 6)
    graph = ((graph + graph.T) > 0).astype(float).tocsr()
    codes = np.where(np.arange(80) < 8, y, -1)
    spreading = LabelSpreading(
        kernel=lambda a, b: graph.toarray(), alpha=0.8, max_iter=2000, tol=1e-10
    ).fit(X, codes)
    ours = propagate(graph, codes, 3, 0.8)
    ours /= ours.sum(1, keepdims=True)
    np.testing.assert_allclose(ours, spreading.label_distributions_, atol=1e-5)


def test_rows_that_no_label_reaches_stay_open():
    islands = scipy.sparse.csr_array(np.kron(np.eye(2), np.ones((3, 3))))
    codes = np.array([1, -1, -1, -1, -1, -1])
    scores = propagate(islands, codes, 2, 0.9)
    assert (scores[3:] == 0).all()
    proba = match_class_prior(scores, np.array([0.5, 0.5]))
    np.testing.assert_allclose(proba.sum(1), 1)
    assert (proba[3:, 0] > 0.9).all()  # what is left of the class prior


def test_labels_spread_further_the_fewer_there_are():
    codes = np.full(10_000, -1)
    codes[:100] = np.arange(100) % 10
    assert default_alpha(codes) == pytest.approx(1 - 0.15 * 0.1)
    codes[:2500] = 0
    assert default_alpha(codes) == pytest.approx(1 - 0.15)
    codes[:2500] = np.arange(2500) % 100  # 25 labels of each class
    assert default_alpha(codes) == pytest.approx(1 - 0.15 * 0.5)
    codes[:2500] = -1
    codes[:1500] = np.arange(1500) % 20  # 75
    assert default_alpha(codes) == pytest.approx(1 - 0.15 * 0.5)


def test_with_many_labels_a_group_keeps_its_own():
    """A spot of one class amid the other, with one of 75 labels of its class.

    As on MNIST with 1,000 labels, of which one or two are ones with a serif and a foot,
    whose nearest rows are twos.
    """
    found = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X = rng.random((8000, 2)) * [2, 1]
        radius = np.hypot(*(X - 0.5).T)
        X = X[(abs(X[:, 0] - 1) > 0.02) & ((radius < 0.06) | (radius > 0.07))]
        radius = np.hypot(*(X - 0.5).T)
        spot, right = radius < 0.06, X[:, 0] > 1
        graph = nearest_neighbour_weights(X, 5)
        codes = np.full(len(X), -1)
        codes[rng.choice(np.flatnonzero(~right & ~spot), 75, replace=False)] = 0
        codes[rng.choice(np.flatnonzero(right), 74, replace=False)] = 1
        codes[rng.choice(np.flatnonzero(radius < 0.03))] = 1
        class_prior = np.array([(~right & ~spot).mean(), (right | spot).mean()])
        few = 1 - 0.15 * np.sqrt(np.mean(codes >= 0))
        found.append(
            [
                label_probabilities(graph, codes, alpha, class_prior)[spot, 1].mean()
                for alpha in (few, default_alpha(codes))
            ]
        )
    by_proportion, by_rule = np.transpose(found)
    assert (by_rule > by_proportion).all()
    assert by_rule.mean() > by_proportion.mean() + 0.1


def two_rings(n=30):
    """Return the weights of two rings of rows."""
    ring = np.roll(np.eye(n), 1, axis=1)
    return scipy.sparse.csr_matrix(np.kron(np.eye(2), ring + ring.T))


@pytest.mark.parametrize(("n_rounds", "n_steps"), [(10, 10), (1, 1)])
def test_threshold_dynamics_are_those_of_a_loop(monkeypatch, n_rounds, n_steps):
    """Each row at a time, known classes held even where the start is of another."""
    monkeypatch.setattr("skfmvae.neighbour_graph.propagation.N_DIFFUSIONS", n_rounds)
    monkeypatch.setattr(
        "skfmvae.neighbour_graph.propagation.N_DIFFUSION_STEPS", n_steps
    )
    graph = nearest_neighbour_weights(make_points(), 3)
    codes = np.full(40, -1)
    codes[:4] = [0, 1, 2, 2]
    begin = np.random.default_rng(1).dirichlet(np.ones(3), 40)
    weights, proba = graph.toarray(), begin.copy()
    for _ in range(n_rounds):
        hard = np.eye(3)[proba.argmax(1)]
        for _ in range(n_steps):
            hard[:4] = np.eye(3)[codes[:4]]
            hard = np.stack(
                [
                    sum(w * h for w, h in zip(row, hard, strict=True)) / sum(row)
                    for row in weights
                ]
            )
        hard[:4] = np.eye(3)[codes[:4]]
        still = (hard.argmax(1) == proba.argmax(1)).all()
        proba = hard
        if still:
            break
    np.testing.assert_allclose(
        threshold_dynamics(graph, codes, begin), proba, atol=1e-12
    )
    assert (proba.argmax(1) != begin.argmax(1)).any()


def few_labels_of_digits(seed):
    """Return the graph of digits, digits, two labels of each, and their prior."""
    X, y = load_digits(return_X_y=True)
    distances = nearest_rows(X / 16, 5)
    graph = self_scaled_weights(distances)
    rng = np.random.default_rng(seed)
    codes = np.full(len(y), -1)
    for c in range(10):
        codes[rng.choice(np.flatnonzero(y == c), 2, replace=False)] = c
    return graph, y, codes, estimate_class_prior(distances, codes, 10)


def test_threshold_dynamics_cut_fewer_edges():
    graph, y, codes, class_prior = few_labels_of_digits(seed=0)
    alpha = default_alpha(codes)
    before = match_class_prior(propagate(graph, codes, 10, alpha), class_prior).argmax(
        1
    )
    after = label_probabilities(graph, codes, alpha, class_prior).argmax(1)

    def cut(code):
        edges = graph.tocoo()
        return edges.data[code[edges.row] != code[edges.col]].sum()

    assert cut(after) < 0.95 * cut(before)
    assert np.mean(after != y) < np.mean(before != y)
    known = codes >= 0
    np.testing.assert_array_equal(after[known], codes[known])


def test_sharper_scores_are_the_better_start():
    errors = []
    for seed in range(20):
        graph, y, codes, class_prior = few_labels_of_digits(seed)
        alpha = default_alpha(codes)
        scores = propagate(graph, codes, 10, alpha)
        as_they_are = threshold_dynamics(
            graph, codes, match_class_prior(scores, class_prior)
        )
        sharper = label_probabilities(graph, codes, alpha, class_prior)
        errors.append([np.mean(p.argmax(1) != y) for p in (as_they_are, sharper)])
    as_they_are, sharper = np.mean(errors, axis=0)
    assert sharper < 0.97 * as_they_are


def test_a_group_goes_where_most_of_its_edges_go():
    """Of three cliques in a row the middle one, two of whose rows have a label near."""
    n = 12
    clique = np.ones((n, n)) - np.eye(n)
    graph = np.kron(np.eye(3), clique)
    for i in range(6):  # six edges to the first, whose label is not at them
        graph[i, n + i] = 1
    graph[2 * n, 2 * n - 1] = graph[2 * n + 1, 2 * n - 2] = 1  # two, one at its label
    graph = scipy.sparse.csr_matrix(np.maximum(graph, graph.T))
    codes = np.full(3 * n, -1)
    codes[n - 1], codes[2 * n] = 0, 1
    proba = label_probabilities(graph, codes, 0.9, np.array([0.5, 0.5]))
    np.testing.assert_array_equal(proba.argmax(1), np.repeat([0, 0, 1], n))


def test_rows_that_no_label_reaches_get_what_is_left_of_the_class_prior():
    """Half of the rows are of the first class, the prior of which is three quarters."""
    graph = two_rings()
    codes = np.full(60, -1)
    codes[[0, 10]] = 0
    proba = label_probabilities(graph, codes, 0.9, np.array([0.75, 0.25]))
    np.testing.assert_allclose(proba[:30], np.tile([1.0, 0.0], (30, 1)))
    np.testing.assert_allclose(proba[30:], 0.5, atol=0.01)


def test_a_class_without_labels_gets_no_rows():
    graph = nearest_neighbour_weights(make_points(), 4)
    codes = np.full(40, -1)
    codes[:4] = [0, 2, 0, 2]
    proba = label_probabilities(graph, codes, 0.9, np.array([0.5, 0.0, 0.5]))
    assert (proba[:, 1] == 0).all()
