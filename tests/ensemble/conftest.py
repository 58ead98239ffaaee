"""What the tests of ensembles share."""

import re

import numpy as np
import pytest
from sklearn.datasets import make_blobs


@pytest.fixture(scope="session")
def says():
    """Return a function from pieces to a pattern of messages that hold them all."""
    return lambda *pieces: "(?s)" + "".join(f"(?=.*{re.escape(p)})" for p in pieces)


@pytest.fixture(scope="session")
def blobs():
    """Return rows around three near centres, and the numbers of their centres."""
    return make_blobs(150, n_features=4, centers=3, cluster_std=4.0, random_state=0)


@pytest.fixture(scope="session")
def partial_blobs(blobs):
    """Return the same rows with 45 labels, the others -1."""
    X, y = blobs
    return X, np.where(np.arange(len(y)) < 45, y, -1)


@pytest.fixture(scope="session")
def two_properties():
    """Return rows, two properties of them, and these with half of the labels."""
    rng = np.random.default_rng(0)
    y = np.stack([np.arange(200) % 2, np.arange(200) // 2 % 3], axis=1)
    X = rng.normal(size=(200, 6))
    X[:, :3] += 3 * np.eye(3)[y[:, 0]]
    X[:, 3:] += 3 * np.eye(3)[y[:, 1]]
    y = np.stack([np.array(["no", "yes"])[y[:, 0]], y[:, 1]], axis=1, dtype=object)
    y_partial = y.copy()
    y_partial[rng.random(y.shape) < 0.5] = None
    return X, y, y_partial
