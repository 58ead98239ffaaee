"""Rows and their reconstructions."""

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal

from skfmvae.plotting import (
    ReconstructionDisplay,
)

# Rows of data -------------------------------------------------------------------------


@pytest.mark.parametrize("container", [np.asarray, scipy.sparse.csr_matrix])
def test_reconstructions_stand_below_the_data(
    labels_by_tile, tile, model, X, container
):
    display = ReconstructionDisplay.from_estimator(model, container(X[:4]))
    expected = model.reconstruct(X[:4])
    for column in range(4):
        assert_array_equal(tile(display, 0, column).ravel(), X[column])
        assert_allclose(tile(display, 1, column).ravel(), expected[column], rtol=1e-5)
    names = {0: "data", 1: "reconstruction"}
    assert labels_by_tile(display.ax_.yaxis, 8) == names
