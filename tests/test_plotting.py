"""What the displays draw is what the estimator returns, where the labels say."""

import importlib.util
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from torch import nn

from skfmvae import FactorialMixtureVAE, plotting
from skfmvae.plotting import (
    HistoryDisplay,
    InterventionDisplay,
    ReconstructionDisplay,
    SamplesDisplay,
)
from skfmvae.training import EarlyStopping

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

ALL = [SamplesDisplay, ReconstructionDisplay, InterventionDisplay, HistoryDisplay]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def X():
    return (load_digits().data[:200] / 16).astype(np.float32)


@pytest.fixture(scope="module")
def model(X):
    """Return a model of two labelled properties and a discovered one."""
    digit = load_digits().target[:200]
    labels = pd.DataFrame(
        {"digit": digit, "parity": np.array(["even", "odd"])[digit % 2]}
    )
    model = FactorialMixtureVAE(
        n_discovered=1, discovered_components=4, max_epochs=6, random_state=0
    )
    return model.fit(X, labels)


@pytest.fixture(scope="module")
def model_with_held_out_rows(X):
    stopping = EarlyStopping(patience=50)
    return FactorialMixtureVAE(
        max_epochs=4, early_stopping=stopping, random_state=0
    ).fit(X, load_digits().target[:200])


def tile(display, row, column):
    """Cut one image out of what was drawn."""
    height, width = display.images.shape[2:4]
    top, left = row * (height + 1), column * (width + 1)
    return display.im_.get_array()[top : top + height, left : left + width]


def labels_by_tile(axis, size):
    """Return the label in the middle of every tile along an axis, by tile."""
    labels = {}
    for tick, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True):
        number, pixel = divmod(tick, size + 1)
        assert pixel == (size - 1) / 2
        labels[number] = label.get_text()
    return labels


def draw(display, model, X, **params):
    takes_rows = display in (ReconstructionDisplay, InterventionDisplay)
    return display.from_estimator(model, *([X] if takes_rows else []), **params)


# Samples ------------------------------------------------------------------------------


def test_samples_are_the_estimators(model):
    display = SamplesDisplay.from_estimator(model, n_samples=3, random_state=7)
    for row, value in enumerate(range(10)):
        expected, _ = model.sample(3, properties={"digit": value}, random_state=7)
        for column in range(3):
            assert_array_equal(tile(display, row, column).ravel(), expected[column])
    assert display.ax_.get_ylabel() == "digit"
    digits = {row: str(row) for row in range(10)}
    assert labels_by_tile(display.ax_.yaxis, 8) == digits


def test_samples_of_chosen_values(model):
    display = SamplesDisplay.from_estimator(
        model, "parity", values=["odd"], n_samples=2, random_state=0
    )
    expected, _ = model.sample(2, properties={"parity": "odd"}, random_state=0)
    assert_array_equal(display.images.reshape(2, 64), expected)
    assert labels_by_tile(display.ax_.yaxis, 8) == {0: "odd"}


def test_samples_of_every_value_of_a_discovered_property(model):
    display = SamplesDisplay.from_estimator(model, "discovered_0", n_samples=1)
    assert display.values.tolist() == [0, 1, 2, 3]
    assert len(display.images) == 4


class StyleOnly(nn.Linear):
    """A decoder that is blind to all but the last latents, the style."""

    def __init__(self, n_inputs, n_outputs):
        super().__init__(5, n_outputs)

    def forward(self, z):
        return super().forward(z[:, -5:])


@pytest.mark.parametrize("random_state", [0, None, np.random.RandomState(0)])
def test_a_column_of_samples_is_one_style(X, random_state):
    model = FactorialMixtureVAE(
        decoder=StyleOnly, style_dim=5, max_epochs=2, random_state=0
    ).fit(X, load_digits().target[:200])
    display = SamplesDisplay.from_estimator(model, random_state=random_state)
    first = display.images[0]
    assert_allclose(display.images, np.broadcast_to(first, display.images.shape))
    assert len(np.unique(first.reshape(10, 64), axis=0)) == 10


def test_samples_differ_between_draws_but_not_between_equal_seeds(model):
    def images(random_state):
        return SamplesDisplay.from_estimator(model, random_state=random_state).images

    assert_array_equal(images(3), images(3))
    assert not np.allclose(images(3), images(4))
    generator = np.random.RandomState(0)
    assert not np.allclose(images(generator), images(generator))


# Rows of data -------------------------------------------------------------------------


@pytest.mark.parametrize("container", [np.asarray, scipy.sparse.csr_matrix])
def test_reconstructions_stand_below_the_data(model, X, container):
    display = ReconstructionDisplay.from_estimator(model, container(X[:4]))
    expected = model.reconstruct(X[:4])
    for column in range(4):
        assert_array_equal(tile(display, 0, column).ravel(), X[column])
        assert_allclose(tile(display, 1, column).ravel(), expected[column], rtol=1e-5)
    names = {0: "data", 1: "reconstruction"}
    assert labels_by_tile(display.ax_.yaxis, 8) == names


@pytest.mark.parametrize(
    ("name", "values"),
    [("parity", ["even", "odd"]), ("digit", [7, 0, 3]), ("discovered_0", [2])],
)
def test_interventions_stand_right_of_the_data(model, X, name, values):
    display = InterventionDisplay.from_estimator(model, X[:3], name, values=values)
    for row in range(3):
        assert_array_equal(tile(display, row, 0).ravel(), X[row])
    for column, value in enumerate(values, start=1):
        expected = model.intervene(X[:3], {name: value})
        for row in range(3):
            assert_array_equal(tile(display, row, column).ravel(), expected[row])
    assert display.ax_.get_xlabel() == name
    expected_labels = dict(enumerate(["data", *map(str, values)]))
    assert labels_by_tile(display.ax_.xaxis, 8) == expected_labels


def test_interventions_take_the_first_property_and_all_its_values(model, X):
    display = InterventionDisplay.from_estimator(model, X[:2])
    assert display.property_name == "digit"
    assert display.values.tolist() == list(range(10))
    expected = model.intervene(X[:2], {"digit": 9})
    assert_array_equal(display.images[:, -1].reshape(2, 64), expected)


# Images -------------------------------------------------------------------------------


def test_wide_images(model, X):
    display = ReconstructionDisplay.from_estimator(model, X[:2], image_shape=(4, 16))
    assert_array_equal(tile(display, 0, 1), X[1].reshape(4, 16))


@pytest.mark.parametrize("image_shape", [None, (3, 4, 4)])
def test_colour_images_have_their_channels_last(image_shape):
    rng = np.random.default_rng(0)
    X = rng.random((20, 48), dtype=np.float32)
    model = FactorialMixtureVAE(max_epochs=2, random_state=0).fit(X, np.arange(20) % 2)
    display = ReconstructionDisplay.from_estimator(
        model, X[:2], image_shape=image_shape
    )
    planes = X[1].reshape(3, 4, 4)
    for channel in range(3):
        assert_array_equal(tile(display, 0, 1)[..., channel], planes[channel])
    assert (display.im_.get_array()[:, 4] == 1).all()  # white between images


@pytest.mark.parametrize(
    ("low", "high", "limits"),
    [(0.4, 0.6, (0, 1)), (0, 1, (0, 1)), (0, 16, (0, 16)), (-3, 0.5, (-3, 0.5))],
)
def test_images_share_their_limits(low, high, limits):
    grey = np.linspace(low, high, 2 * 3 * 4).reshape(2, 1, 3, 4)
    assert ReconstructionDisplay(grey).plot().im_.get_clim() == limits
    colours = np.linspace(low, high, 2 * 3 * 4 * 3).reshape(2, 1, 3, 4, 3)
    drawn = tile(ReconstructionDisplay(colours).plot(), 1, 0)
    assert_allclose(drawn * (limits[1] - limits[0]) + limits[0], colours[1, 0])


@pytest.mark.parametrize("display", [SamplesDisplay, ReconstructionDisplay])
@pytest.mark.parametrize(
    "image_shape", [(7, 9), (2, 4, 8), (64,), (1, 1, 8, 8)], ids=str
)
def test_wrong_image_shape(model, X, display, image_shape):
    with pytest.raises(ValueError, match=r"image_shape=\(.* 64 values.*height, width"):
        draw(display, model, X[:2], image_shape=image_shape)


@pytest.mark.parametrize("display", ALL[:3])
def test_rows_that_are_no_square_image(display):
    X = np.random.default_rng(0).random((20, 10), dtype=np.float32)
    model = FactorialMixtureVAE(max_epochs=1, random_state=0).fit(X, np.arange(20) % 2)
    with pytest.raises(ValueError, match=r"10 values .* give image_shape="):
        draw(display, model, X)


@pytest.mark.parametrize("height", [5, 30])
@pytest.mark.parametrize("name", ["7", "a long name"])
def test_labels_neither_overlap_nor_leave_the_figure(height, name):
    rng = np.random.default_rng(0)
    values = np.array([name, "b"] + 6 * [name])
    for display in (
        InterventionDisplay(
            rng.random((3, 9, height, 8)), property_name="property", values=values
        ),
        SamplesDisplay(
            rng.random((8, 2, height, 8)), property_name="property", values=values
        ),
        ReconstructionDisplay(rng.random((2, 4, height, 8))),
    ):
        ax = display.plot().ax_
        display.figure_.draw_without_rendering()
        texts = [ax.xaxis.label, ax.yaxis.label]
        texts += ax.get_xticklabels() + ax.get_yticklabels()
        boxes = [text.get_window_extent() for text in texts if text.get_text()]
        page = display.figure_.bbox
        assert all(page.count_contains(box.corners()) == 4 for box in boxes)
        for i, box in enumerate(boxes):
            assert not box.count_overlaps(boxes[:i])


# What all displays share --------------------------------------------------------------


@pytest.mark.parametrize("display", ALL[:3])
def test_displays_draw_where_they_are_told_and_again(model, X, display):
    figure, (left, right) = plt.subplots(1, 2)
    first = draw(display, model, X[:2], ax=left, cmap="viridis")
    assert first.ax_ is left
    assert first.figure_ is figure
    assert first.im_.get_cmap().name == "viridis"
    drawn = first.im_.get_array()
    assert first.plot(right) is first
    assert first.ax_ is right
    assert_array_equal(first.im_.get_array().filled(2), drawn.filled(2))
    assert first.plot().figure_ is not figure


@pytest.mark.parametrize("display", ALL)
def test_unfitted_estimator(X, display):
    with pytest.raises(NotFittedError):
        draw(display, FactorialMixtureVAE(), X)


@pytest.mark.parametrize("display", [SamplesDisplay, InterventionDisplay])
def test_unknown_property_or_value(model, X, display):
    with pytest.raises(ValueError, match="'hand'.*'digit', 'parity', 'discovered_0'"):
        draw(display, model, X[:2], property="hand")
    with pytest.raises(ValueError, match="77"):
        draw(display, model, X[:2], property="digit", values=[77])


@pytest.mark.parametrize("display", ALL)
def test_without_matplotlib(monkeypatch, model, X, display):
    drawn = draw(display, model, X[:2])
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    message = rf"{display.__name__}.%s needs matplotlib.*skfmvae\[plot\]"
    with pytest.raises(ImportError, match=message % "from_estimator"):
        draw(display, FactorialMixtureVAE(), X)  # before anything is computed
    with pytest.raises(ImportError, match=message % "plot"):
        drawn.plot()


def test_the_module_is_imported_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    spec = importlib.util.spec_from_file_location("a_copy", plotting.__file__)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


# History ------------------------------------------------------------------------------


def test_history_draws_every_term_of_every_epoch(model):
    display = HistoryDisplay.from_estimator(model)
    history = model.net_.history
    titles = [ax.get_title() for ax in display.axes_]
    assert titles[:2] == ["loss", "log_likelihood"]
    assert {"kl_style", "kl_digit", "kl_parity", "kl_discovered_0"} < set(titles)
    assert {"label_digit", "label_parity"} < set(titles)
    assert not any("best" in title or "count" in title for title in titles)
    for ax in display.axes_:
        (line,) = ax.lines
        assert_array_equal(line.get_xdata(), [1, 2, 3, 4, 5, 6])
        assert_array_equal(line.get_ydata(), history[:, f"train_{ax.get_title()}"])
    assert display.axes_[0].get_legend() is None


def test_history_of_held_out_rows(model_with_held_out_rows):
    history = model_with_held_out_rows.net_.history
    display = HistoryDisplay.from_estimator(model_with_held_out_rows)
    for ax in display.axes_:
        lines = {line.get_label(): line.get_ydata() for line in ax.lines}
        assert_array_equal(
            lines["training rows"], history[:, f"train_{ax.get_title()}"]
        )
        assert_array_equal(
            lines["held-out rows"], history[:, f"valid_{ax.get_title()}"]
        )
    legend = display.axes_[0].get_legend().get_texts()
    assert [text.get_text() for text in legend] == ["training rows", "held-out rows"]


def test_history_of_chosen_terms_in_given_axes(model):
    figure, axes = plt.subplots(2, 1)
    terms = ["kl_style", "loss"]
    display = HistoryDisplay.from_estimator(model, terms, ax=axes)
    assert display.figure_ is figure
    assert [ax.get_title() for ax in axes] == terms
    assert [ax.get_ylabel() for ax in axes] == ["nats per row", "nats per value"]
    assert display.plot() is display
    assert display.figure_ is not figure
    with pytest.raises(ValueError, match="1 axes for 2 terms"):
        display.plot(axes[0])


def test_history_of_one_term_in_one_axes(model):
    _, ax = plt.subplots()
    display = HistoryDisplay.from_estimator(model, ["loss"], ax=ax)
    assert_array_equal(
        display.axes_[0].lines[0].get_ydata(), model.net_.history[:, "train_loss"]
    )


def test_history_of_an_unknown_term(model):
    with pytest.raises(ValueError, match="'klstyle'.*'loss', 'log_likelihood'"):
        HistoryDisplay.from_estimator(model, ["klstyle"])
