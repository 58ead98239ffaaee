import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.preprocessing import FunctionTransformer

from skfmvae.models import Batch, Labels
from skfmvae.neighbour_graph import whitening
from skfmvae.neighbour_graph.edges import (
    nearest_neighbour_graph,
    principal_components,
    whitened,
)
from skfmvae.neighbour_graph.graph import NeighbourGraph
from skfmvae.neighbour_graph.whitening import WHITENINGS, choose_whitening
from skfmvae.regularizers import VirtualAdversarial

N = 400


def under_lights(n_lights, seed=0):
    """Return rows of four objects under strong lights, and which object it is."""
    rng = np.random.default_rng(seed)
    y = np.arange(N) % 4
    X = rng.normal(scale=0.05, size=(N, 60))
    X[:, :n_lights] += rng.normal(scale=5, size=(N, n_lights))
    X[:, -4:] += np.eye(4)[y]
    turn = np.linalg.qr(rng.normal(size=(60, 60)))[0]
    return (X @ turn).astype(np.float32), y


def label_some(y, n=40):
    return np.where(np.arange(len(y)) < n, y, -1)[:, None]


def error(graph, y):
    return np.mean(graph.propagated[0].argmax(axis=1) != y)


def test_whitened_to_the_end_components_are_those_of_scikit_learn():
    X, _ = under_lights(3)
    ours = whitened(PCA(50, random_state=0).fit_transform(X), 1.0)
    theirs = PCA(50, whiten=True, random_state=0).fit_transform(X)
    # There divided by n - 1.
    np.testing.assert_allclose(ours, theirs * np.sqrt(N / (N - 1)), rtol=1e-3)


@pytest.mark.parametrize("power", [0.0, 0.5])
def test_powers_between_leave_powers_of_the_scales(power):
    Z = principal_components(under_lights(3)[0])
    left = whitened(Z, power).std(axis=0)
    np.testing.assert_allclose(left, Z.std(axis=0) ** (1 - power), rtol=1e-4)


def test_components_without_variance_stay_without():
    Z = np.random.default_rng(0).normal(size=(20, 3)) * [1, 1e-9, 0]
    np.testing.assert_allclose(whitened(Z, 1.0)[:, 1:], Z[:, 1:], atol=1e-12)


def test_labels_see_through_what_changes_rows_most():
    X, y = under_lights(n_lights=3)
    codes = label_some(y)
    assert choose_whitening(X, codes, [4], 5) == 0.75
    plain = NeighbourGraph(X, codes, [4], features=FunctionTransformer())
    assert error(plain, y) > 0.4
    assert error(NeighbourGraph(X, codes, [4]), y) < 0.05


def test_what_labels_do_not_ask_for_is_left():
    X, y = under_lights(n_lights=0)
    assert choose_whitening(X, label_some(y), [4], 5) == WHITENINGS[0]


def test_differences_by_chance_do_not_decide():
    """Labels that mean nothing are found now with one power and now with another."""
    X, _ = under_lights(n_lights=3)
    chosen = [
        choose_whitening(
            X, label_some(np.random.default_rng(i).integers(4, size=N)), [4], 5
        )
        for i in range(10)
    ]
    assert chosen.count(WHITENINGS[0]) >= 9


def test_more_labels_found_have_to_be_surely_more(monkeypatch):
    """Five labels gained and none lost are, by McNemar's test, and four are not."""

    def choose(*missed):
        right = iter([np.arange(20) >= n for n in missed])
        monkeypatch.setattr(whitening, "_found", lambda *_: next(right))
        X, y = under_lights(n_lights=3)
        return choose_whitening(X, label_some(y), [4], 5)

    assert choose(6, 6, 1, 6, 6) == 0.5  # five gained of five
    assert choose(6, 6, 2, 6, 6) == WHITENINGS[0]  # four gained of four
    assert choose(6, 1, 0, 0, 6) == 0.5  # the first of the best
    assert choose(4) == WHITENINGS[0]  # nobody else is asked
    assert choose(5, 0, 0, 0, 0) == 0.25


def test_labels_lost_make_those_gained_less_sure(monkeypatch):
    right = [np.arange(20) < 10, *4 * [np.arange(20) >= 4]]  # ten gained, four lost
    right = iter(right)
    monkeypatch.setattr(whitening, "_found", lambda *_: next(right))
    X, y = under_lights(n_lights=3)
    assert choose_whitening(X, label_some(y), [4], 5) == WHITENINGS[0]


def test_too_few_labels_have_no_say():
    X, y = under_lights(n_lights=3)
    assert choose_whitening(X, label_some(y, 8), [4], 5) == WHITENINGS[0]
    assert choose_whitening(X, label_some(y, 0), [4], 5) == WHITENINGS[0]


def test_properties_without_labels_have_no_say():
    X, y = under_lights(n_lights=3)
    codes = np.hstack([label_some(y, 0), label_some(y)])
    assert choose_whitening(X, codes, [2, 4], 5) == 0.75


def test_of_many_rows_those_with_labels_are_looked_at(monkeypatch):
    monkeypatch.setattr(whitening, "N_ROWS", 150)
    X, y = under_lights(n_lights=3)
    codes = np.where(np.arange(N) >= N - 40, y, -1)[:, None]
    assert choose_whitening(X, codes, [4], 5) == 0.75


def test_few_columns_are_taken_as_they_are():
    X = np.random.default_rng(0).normal(size=(N, 50)).astype(np.float32) * [10] + 1
    y = (X[:, 0] > 1).astype(int)
    assert choose_whitening(X, label_some(y), [2], 5) == 0.0
    graph = NeighbourGraph(X, label_some(y), [2])
    expected, _ = nearest_neighbour_graph(X, 5)
    np.testing.assert_array_equal(graph.weights.toarray(), expected.toarray())


def test_the_unit_of_length_is_that_of_evened_rows():
    X, y = under_lights(n_lights=3)
    d = cdist(*2 * [whitened(principal_components(X), 0.75)])
    np.fill_diagonal(d, np.inf)
    graph = NeighbourGraph(X, label_some(y), [4])
    assert graph.unit == pytest.approx(np.median(d.min(axis=1)), rel=1e-4)


def test_a_step_along_an_axis_moves_one_evened_component():
    X, y = under_lights(n_lights=3)
    axes = NeighbourGraph(X, label_some(y), [4]).axes
    pca = PCA(50, random_state=0).fit(X)
    Z = pca.transform(X)
    moved = (pca.transform(X[:50] + 2 * axes) - Z[:50]) / Z.std(axis=0) ** 0.75
    np.testing.assert_allclose(moved, 2 * np.eye(50), atol=1e-3)


def test_no_step_leads_to_where_no_row_is():
    X, y = under_lights(n_lights=3)
    flat = (X[:, :20] @ X[:20]).astype(np.float32)
    axes = NeighbourGraph(flat, label_some(y), [4]).axes
    assert (np.abs(axes).max(axis=1) > 0).sum() == 20


def test_adversarial_steps_are_measured_where_rows_are_evened():
    X, y = under_lights(n_lights=3)
    codes = label_some(y)
    graph = NeighbourGraph(X, codes, [4])
    assert graph.trust == [1.0]
    x, codes = torch.from_numpy(X), torch.from_numpy(codes)
    batch = Batch(x, Labels(codes, torch.empty(N, 0)), torch.ones(N), torch.arange(N))
    torch.manual_seed(0)
    layer = torch.nn.Linear(60, 4)
    seen = []

    def predict(rows, step=0.0):
        rows = rows + step
        seen.append(rows.detach().numpy())
        return [layer(rows).log_softmax(1)]

    loss = VirtualAdversarial(radius=0.5).begin(graph, codes)
    loss(predict, batch, predict(x))
    # What is no multiple of an axis is left: ten directions that hardly vary.
    steps, rest, *_ = np.linalg.lstsq(graph.axes.T, (seen[-1] - X).T, rcond=None)
    length = np.linalg.norm(steps, axis=0)
    np.testing.assert_allclose(length, 0.5 * graph.unit, rtol=1e-2)
    np.testing.assert_allclose(rest, 0, atol=1e-8)
