import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits, make_blobs
from sklearn.tree import DecisionTreeClassifier

from skfmvae.model_selection import label_efficiency_curve


class Recorder(ClassifierMixin, BaseEstimator):
    """Predicts the first label, and keeps what it is fitted to in a list."""

    def __init__(self, log=None, random_state=None):
        self.log = log
        self.random_state = random_state

    def __sklearn_clone__(self):
        return Recorder(self.log, self.random_state)  # of the same list

    def fit(self, X, y):
        self.log.append((np.asarray(X)[:, 0].astype(int), np.array(y), vars(self)))
        self.classes_ = np.unique(y)
        self.first_ = y[y >= 0][0]
        return self

    def predict(self, X):
        return np.full(len(X), self.first_)


@pytest.fixture
def recorder():
    return Recorder


@pytest.fixture(scope="module")
def numbered():
    """Return rows whose first column is their number, and labels of three kinds."""
    rng = np.random.default_rng(0)
    X, y = make_blobs(150, centers=3, random_state=0)
    return np.c_[np.arange(150), X], np.where(rng.random(150) < 0.8, y, -1)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:400] / 16, y[:400]


@pytest.fixture(scope="module")
def two_properties():
    X, shape = make_blobs(240, centers=3, random_state=1)
    colour = np.where(X[:, 0] > np.median(X[:, 0]), "red", "blue")
    rng = np.random.default_rng(0)
    y = pd.DataFrame({"shape": shape, "colour": colour})
    y["shape"] = y["shape"].where(rng.random(240) < 0.7, -1)
    y["colour"] = y["colour"].where(rng.random(240) < 0.7, None)
    return X, y


class Counted(DecisionTreeClassifier):
    """A tree that counts its fits in a file."""

    def __init__(self, path=None, max_depth=None, random_state=None):
        super().__init__(max_depth=max_depth, random_state=random_state)
        self.path = path

    def fit(self, X, y):
        with open(self.path, "a") as file:
            file.write("x")
        return super().fit(X, y)


@pytest.fixture
def counted():
    return Counted


@pytest.fixture
def study(numbered, tmp_path):
    """Return a function that runs a study with a cache, and one that counts fits."""
    X, y = numbered
    count = tmp_path / "count"

    def run(estimators=None, X=X, y=y, **changed):
        if estimators is None:
            estimators = {"tree": Counted(str(count))}
        settings = {"budgets": [10, 20], "cv": 3, "random_state": 0}
        settings |= {"cache": tmp_path / "cache"} | changed
        return label_efficiency_curve(estimators, X, y, **settings)

    def fits():
        n = len(count.read_text()) if count.exists() else 0
        count.unlink(missing_ok=True)
        return n

    return run, fits, tmp_path / "cache"
