import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from skfmvae import FactorialMixtureVAE, SemafoVAE
from skfmvae.training import EarlyStopping

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def X():
    return (load_digits().data[:200] / 16).astype(np.float32)


@pytest.fixture(scope="session")
def model(X):
    """Return a model of two labelled properties and a discovered one."""
    digit = load_digits().target[:200]
    labels = pd.DataFrame(
        {"digit": digit, "parity": np.array(["even", "odd"])[digit % 2]}
    )
    model = FactorialMixtureVAE(
        property_components={"discovered_0": 4},
        n_discovered=1,
        max_epochs=6,
        calibrate=False,
        random_state=0,
    )
    return model.fit(X, labels)


@pytest.fixture(scope="session")
def model_with_levels(X):
    labels = pd.Series(load_digits().target[:200], name="digit")
    return SemafoVAE(levels=[1], max_epochs=2, random_state=0).fit(X, labels)


@pytest.fixture(scope="session")
def model_with_held_out_rows(X):
    stopping = EarlyStopping(patience=50)
    return FactorialMixtureVAE(max_epochs=4, callbacks=[stopping], random_state=0).fit(
        X, load_digits().target[:200]
    )


@pytest.fixture
def tile():
    return _tile


def _tile(display, row, column):
    """Cut one image out of what was drawn."""
    height, width = display.images.shape[2:4]
    top, left = row * (height + 1), column * (width + 1)
    return display.im_.get_array()[top : top + height, left : left + width]


@pytest.fixture
def labels_by_tile():
    return _labels_by_tile


def _labels_by_tile(axis, size):
    """Return the label in the middle of every tile along an axis, by tile."""
    labels = {}
    for tick, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True):
        number, pixel = divmod(tick, size + 1)
        assert pixel == (size - 1) / 2
        labels[number] = label.get_text()
    return labels
