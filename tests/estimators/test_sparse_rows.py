"""Sparse rows in every form that scipy allows give what dense ones give."""

import numpy as np
import pytest
import scipy.sparse

COUNTS = np.random.default_rng(0).poisson(0.7, (60, 6)).astype(np.float32)
COUNTS[:30, :3] += 3
COUNTS[7] = 0
COUNTS[:, 5] = 0
Y = np.where(np.arange(60) < 20, np.arange(60) % 2, -1)
EMPTY = np.zeros((4, 6), dtype=np.float32)


def entries(X):
    """Return a CSR matrix in which zeros are stored, too."""
    n, d = X.shape
    parts = X.ravel().copy(), np.tile(np.arange(d), n), np.arange(0, n * d + 1, d)
    return scipy.sparse.csr_matrix(parts, shape=X.shape)


def unsorted(X):
    matrix = entries(X[:, ::-1])
    indices = X.shape[1] - 1 - matrix.indices
    return scipy.sparse.csr_matrix((matrix.data, indices, matrix.indptr), X.shape)


def in_parts(X):
    """Return a CSR matrix that stores every count as the sum of one and the rest."""
    twice = np.stack([np.minimum(X, 1) / 2, X - np.minimum(X, 1) / 2], axis=2)
    n, d = X.shape
    columns = np.tile(np.repeat(np.arange(d), 2), n)
    parts = twice.ravel(), columns, np.arange(0, 2 * n * d + 1, 2 * d)
    return scipy.sparse.csr_matrix(parts, shape=X.shape)


def wide_indices(X):
    X = scipy.sparse.csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


FORMS = {
    "array": scipy.sparse.csr_array,
    "matrix": scipy.sparse.csr_matrix,
    "columns": scipy.sparse.csc_array,
    "stored_zeros": entries,
    "unsorted": unsorted,
    "in_parts": in_parts,
    "int64": wide_indices,
}
forms = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
likelihoods = ["poisson", "gaussian", "categorical"]


def assert_close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module", params=likelihoods)
def dense(make_estimator, request):
    return make_estimator(likelihood=request.param).fit(COUNTS, Y)


@forms
def test_fits_to_sparse_rows_are_those_to_dense_ones(make_estimator, dense, form):
    X = form(COUNTS)
    before = [part.copy() for part in (X.data, X.indices, X.indptr)]
    estimator = make_estimator(likelihood=dense.likelihood).fit(X, Y)
    for method in ("predict_proba", "transform", "score_samples"):
        assert_close(getattr(estimator, method)(X), getattr(dense, method)(COUNTS))
    for part, was in zip((X.data, X.indices, X.indptr), before, strict=True):
        np.testing.assert_array_equal(part, was)


@forms
@pytest.mark.parametrize("n_rows", [1, 4])
def test_rows_may_be_empty(dense, form, n_rows):
    zeros = EMPTY[:n_rows]
    for method in ("predict_proba", "transform", "score_samples", "reconstruct"):
        found = getattr(dense, method)(form(zeros))
        np.testing.assert_array_equal(found, getattr(dense, method)(zeros))
    assert dense.score(form(zeros)) == dense.score(zeros)
    np.testing.assert_array_equal(
        dense.intervene(form(zeros), {"property_0": 1}),
        dense.intervene(zeros, {"property_0": 1}),
    )


@pytest.mark.parametrize("likelihood", ["auto", "bernoulli", *likelihoods])
def test_all_rows_of_a_fit_may_be_empty(make_estimator, likelihood):
    X, y = np.zeros((20, 6), dtype=np.float32), np.tile([0, 1, -1, -1], 5)
    models = [
        make_estimator(likelihood=likelihood).fit(rows, y)
        for rows in (X, scipy.sparse.csr_array(X))
    ]
    assert_close(*(model.score_samples(X) for model in models))
    assert_close(*(model.predict_proba(X) for model in models))
