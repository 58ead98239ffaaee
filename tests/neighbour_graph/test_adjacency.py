import numpy as np
import pytest
import scipy.sparse

from skfmvae.neighbour_graph.adjacency import (
    degrees,
    stay_probability,
    symmetric_adjacency,
    transition_matrix,
)
from skfmvae.neighbour_graph.edges import nearest_neighbour_weights


@pytest.fixture
def weights():
    X = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    return nearest_neighbour_weights(X, 4)


def test_the_symmetric_adjacency_divides_by_roots_of_degrees(weights):
    a = weights.toarray()
    found = symmetric_adjacency(weights).toarray()
    for i, j in np.ndindex(a.shape):
        expected = a[i, j] / np.sqrt(a[i].sum() * a[j].sum())
        assert found[i, j] == pytest.approx(expected)
    assert np.linalg.eigvalsh(found).max() == pytest.approx(1)


def test_the_transition_matrix_takes_the_mean_over_neighbours(weights):
    values = np.random.default_rng(1).normal(size=30)
    expected = [np.average(values, weights=row) for row in weights.toarray()]
    np.testing.assert_allclose(transition_matrix(weights) @ values, expected)


def test_a_row_without_an_edge_divides_by_no_zero():
    weights = scipy.sparse.csr_array(np.diag([0.0, 2.0, 3.0]))
    assert (degrees(weights) > 0).all()
    for normalised in (symmetric_adjacency(weights), transition_matrix(weights)):
        np.testing.assert_allclose(normalised.toarray(), np.diag([0.0, 1.0, 1.0]))


def test_walks_of_two_steps_stay_as_likely_as_by_counting_them(weights):
    groups = np.arange(30) % 3
    step = weights.toarray() / weights.toarray().sum(axis=1, keepdims=True)
    expected = np.zeros(30)
    for i, j, k in np.ndindex(30, 30, 30):
        if groups[k] == groups[i]:
            expected[i] += step[i, j] * step[j, k]
    np.testing.assert_allclose(stay_probability(weights, groups), expected)
