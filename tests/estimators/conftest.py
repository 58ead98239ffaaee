"""The estimators under test and data that they learn in a moment.

Every estimator that the package hands out goes through the tests of this folder; what
only one of them can do is tested in a file of its own name.
"""

import copy
import re
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import make_blobs

import skfmvae
from skfmvae.models import factorial_mixture, semafo, semi_supervised
from skfmvae.nn import MLP


@pytest.fixture(
    scope="session",
    params=[getattr(skfmvae, name) for name in skfmvae.__all__],
    ids=lambda estimator: estimator.__name__,
)
def Estimator(request):
    """A class, as the package hands it out."""
    return request.param


@pytest.fixture(scope="module")  # as a module may have an Estimator of its own
def make_estimator(Estimator):
    """Return a function that makes small estimators, with any parameters changed."""

    def make(**params):
        small = {
            "encoder": MLP(hidden=(16,)),
            "decoder": MLP(hidden=(16,)),
            "max_epochs": 3,
            "calibrate": False,  # which has tests of its own, and doubles the time
            "random_state": 0,
        }
        return Estimator(**(small | params))

    return make


@pytest.fixture(scope="module")
def make_learner(make_estimator):
    """Return a function that makes estimators which learn the data below."""

    def make(**params):
        enough = {
            "encoder": MLP(hidden=(32,)),
            "decoder": MLP(hidden=(32,)),
            "batch_size": 50,
            "lr": 1e-2,
            "max_epochs": 12,
        }
        return make_estimator(**(enough | params))

    return make


@pytest.fixture(scope="session")
def blobs():
    """Return rows around three far centres, and the numbers of their centres."""
    X, y = make_blobs(150, n_features=4, centers=3, cluster_std=0.5, random_state=0)
    return X.astype(np.float32), y


@pytest.fixture(scope="session")
def partial_blobs(blobs):
    """Return the same rows with 45 labels, the others -1."""
    X, y = blobs
    return X, np.where(np.arange(len(y)) < 45, y, -1)


@pytest.fixture(scope="session")
def two_properties():
    """Return rows that say two things in different columns, and both of them.

    Half of the labels are missing, of either property on rows of its own.
    """
    rng = np.random.default_rng(0)
    y = np.stack([np.arange(200) % 2, np.arange(200) // 2 % 3], axis=1)
    X = rng.normal(scale=0.3, size=(200, 6))
    X[:, :3] += 4 * np.eye(3)[y[:, 0]]
    X[:, 3:] += 4 * np.eye(3)[y[:, 1]]
    y_partial = np.where(rng.random(y.shape) < 0.5, y, -1)
    return X.astype(np.float32), y, y_partial


@pytest.fixture(scope="module")
def fitted(make_estimator, partial_blobs):
    """Return an estimator that knows of one property, called "kind"."""
    X, y = partial_blobs
    return make_estimator(likelihood="gaussian").fit(X, pd.Series(y, name="kind"))


@pytest.fixture(scope="session")
def says():
    """Return a function from pieces to a pattern of messages that hold them all."""
    return lambda *pieces: "(?s)" + "".join(f"(?=.*{re.escape(p)})" for p in pieces)


@pytest.fixture(scope="session")
def with_value():
    """Return a function that copies rows with a value in row 3 and column 2."""

    def replace(X, value):
        here = np.zeros(X.shape, dtype=bool)
        here[3, 2] = True
        return np.where(here, value, X)

    return replace


@pytest.fixture(scope="module")
def fitted_before(make_estimator, partial_blobs):
    """Return a fit that another may replace, or leave as it is."""
    return make_estimator(max_epochs=1).fit(*partial_blobs)


@pytest.fixture(params=[False, True], ids=["unfitted", "fitted"])
def assert_fit_refuses(request, make_estimator, fitted_before, partial_blobs, says):
    """Return a check that `fit` raises an error which holds some pieces.

    And that it leaves the estimator as it was: without a fit, or with the one before.
    """

    def check(params, spoil, pieces):
        X, y = partial_blobs
        was_fitted = request.param
        estimator = (
            copy.deepcopy(fitted_before) if was_fitted else make_estimator(max_epochs=1)
        )
        before = dict(vars(estimator.set_params(**params)))
        with pytest.raises(ValueError, match=says(*pieces)):
            estimator.fit(*(spoil(X, y) if spoil else (X, y)))
        assert vars(estimator) == before

    return check


@pytest.fixture(scope="session")
def without_draws():
    """Return a context in which a model's terms are the same whenever computed."""

    @contextmanager
    def context():
        with pytest.MonkeyPatch.context() as patch:
            for model in (factorial_mixture, semafo, semi_supervised):
                patch.setattr(model, "draw_normal", lambda normal, *_: normal.mean)
            patch.setattr(
                torch.Tensor,
                "exponential_",
                lambda self, generator=None: self.fill_(1.0),
            )
            yield

    return context
