"""Scales of arrays, and none of frames."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skfmvae.ensemble.array_scaler import ArrayScaler


@parametrize_with_checks([ArrayScaler()])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("gaps", [False, True])
def test_arrays_are_standardised(gaps):
    X = np.random.default_rng(0).normal(2, 3, size=(40, 3))
    if gaps:
        X[::7, 1] = np.nan
    expected = StandardScaler().fit_transform(X)
    assert_array_equal(ArrayScaler().fit_transform(X), expected)
    objects = np.where(np.isnan(X), None, X.astype(object))
    assert_array_equal(ArrayScaler().fit_transform(objects), expected)


def test_sparse_matrices_and_frames_are_not_centred():
    X = scipy.sparse.random_array((40, 5), density=0.4, rng=0, format="csr")
    frame = pd.DataFrame.sparse.from_spmatrix(scipy.sparse.csr_matrix(X))
    expected = X.toarray() / X.toarray().std(axis=0)
    for rows in (X, frame):
        found = ArrayScaler().fit_transform(rows)
        np.testing.assert_allclose(found.toarray(), expected)


def test_frames_and_arrays_with_text_pass():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [np.nan, 5.0]})
    scaler = ArrayScaler().fit(frame)
    assert scaler.transform(frame) is frame
    objects = np.array([["u", 1.0], ["v", 2.0]], dtype=object)
    assert ArrayScaler().fit_transform(objects) is objects
