import numpy as np
import pytest
from scipy.spatial.distance import cdist

from skfmvae.neighbour_graph.components import (
    principal_components,
    principal_space,
    whitened,
)
from skfmvae.neighbour_graph.step_space import (
    measure_step_space,
    step_space_in,
    typical_distance,
)


def make_rows(n=40, n_columns=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, n_columns)).astype(np.float32)


def nearest_distances(X):
    d = cdist(X, X)
    np.fill_diagonal(d, np.inf)
    return d.min(axis=1)


def test_the_unit_is_the_median_distance_to_the_nearest_row():
    X = make_rows()
    steps = measure_step_space(X, 0.0)
    assert steps.unit == pytest.approx(np.median(nearest_distances(X)), rel=1e-4)
    assert steps.axes is None


def test_the_unit_of_whitened_rows_is_measured_between_these():
    X = make_rows(200, 60) * np.linspace(1, 100, 60, dtype=np.float32)
    steps = measure_step_space(X, 0.75)
    nearest = nearest_distances(whitened(principal_components(X), 0.75))
    assert steps.unit == pytest.approx(np.median(nearest), rel=1e-4)
    assert steps.axes.shape == (50, 60)


def test_known_distances_are_not_measured_again():
    X = make_rows()
    steps = step_space_in(principal_space(X), 0.0, nearest=np.full(40, 7.0))
    assert steps.unit == 7.0


def test_duplicates_do_not_count_in_the_unit():
    """Rounding tells them apart where principal components are computed."""
    rows = make_rows(200, 60)
    X = np.concatenate([rows, rows[:100], rows[:100]])
    d = cdist(*2 * [whitened(principal_components(X), 0.125)])
    d[d < 1e-3] = np.inf
    expected = np.median(d.min(axis=1)[100:200])
    assert measure_step_space(X, 0.125).unit == pytest.approx(expected, rel=1e-4)


def test_where_all_rows_are_duplicates_the_unit_is_one():
    assert typical_distance(np.ones((10, 2))) == 1.0


def test_of_many_rows_some_are_measured(monkeypatch):
    monkeypatch.setattr("skfmvae.neighbour_graph.step_space.N_MEASURED", 15)
    X = make_rows()
    expected = np.median(nearest_distances(X)[::3])
    assert typical_distance(X) == pytest.approx(expected, rel=1e-4)
