import numpy as np
import pytest
import scipy.sparse
from sklearn.decomposition import PCA

from skfmvae.neighbour_graph.components import (
    has_many_columns,
    principal_components,
    principal_space,
    whitened,
)

N = 200


def rows_of_unequal_spread(seed=0):
    """Return rows of 60 columns, three directions of which vary most."""
    rng = np.random.default_rng(seed)
    X = rng.normal(scale=0.05, size=(N, 60))
    X[:, :3] += rng.normal(scale=5, size=(N, 3))
    turn = np.linalg.qr(rng.normal(size=(60, 60)))[0]
    return (X @ turn).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "many"), [((60, 50), False), ((50, 60), False), ((51, 51), True)]
)
def test_more_than_50_columns_are_many(shape, many):
    X = np.random.default_rng(0).normal(size=shape)
    assert has_many_columns(X) == many
    assert principal_components(X).shape == (shape[0], 50 if many else shape[1])


def test_principal_components_are_those_of_scikit_learn():
    X = rows_of_unequal_spread()
    expected = PCA(50, random_state=0).fit_transform(X)
    np.testing.assert_array_equal(principal_components(X), expected)


def test_few_columns_stay_as_they_are():
    X = np.random.default_rng(0).normal(size=(N, 50))
    space = principal_space(X)
    np.testing.assert_array_equal(space.rows, X)
    assert space.axes(0.5) is None


@pytest.mark.parametrize("n_columns", [20, 80])
def test_sparse_rows_have_the_components_of_dense_ones(n_columns):
    X = scipy.sparse.random(60, n_columns, 0.3, "csr", np.float32, random_state=0)
    sparse, dense = principal_components(X), principal_components(X.toarray())
    # Components may differ in their signs.
    np.testing.assert_allclose(sparse @ sparse.T, dense @ dense.T, atol=1e-3)


def test_full_whitening_is_that_of_scikit_learn():
    X = rows_of_unequal_spread()
    ours = whitened(PCA(50, random_state=0).fit_transform(X), 1.0)
    theirs = PCA(50, whiten=True, random_state=0).fit_transform(X)
    # scikit-learn divides variances by n - 1.
    np.testing.assert_allclose(ours, theirs * np.sqrt(N / (N - 1)), rtol=1e-3)


@pytest.mark.parametrize("power", [0.0, 0.5])
def test_partial_whitening_leaves_a_power_of_the_scales(power):
    Z = principal_components(rows_of_unequal_spread())
    left = whitened(Z, power).std(axis=0)
    np.testing.assert_allclose(left, Z.std(axis=0) ** (1 - power), rtol=1e-4)


def test_components_that_do_not_vary_stay_as_they_are():
    Z = np.random.default_rng(0).normal(size=(20, 3)) * [1, 1e-9, 0]
    np.testing.assert_allclose(whitened(Z, 1.0)[:, 1:], Z[:, 1:], atol=1e-12)


def test_a_step_along_an_axis_moves_one_whitened_component():
    X = rows_of_unequal_spread()
    axes = principal_space(X).axes(0.75)
    pca = PCA(50, random_state=0).fit(X)
    Z = pca.transform(X)
    moved = (pca.transform(X[:50] + 2 * axes) - Z[:50]) / Z.std(axis=0) ** 0.75
    np.testing.assert_allclose(moved, 2 * np.eye(50), atol=1e-3)


def test_no_axis_leads_where_rows_do_not_vary():
    X = rows_of_unequal_spread()
    flat = (X[:, :20] @ X[:20]).astype(np.float32)
    axes = principal_space(flat).axes(0.75)
    assert (np.abs(axes).max(axis=1) > 0).sum() == 20
