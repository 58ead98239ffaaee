"""What the displays of images share."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from skfmvae import FactorialMixtureVAE, SemafoVAE
from skfmvae.plotting import (
    HistoryDisplay,
    InterventionDisplay,
    ReconstructionDisplay,
    SamplesDisplay,
    TraversalDisplay,
)

OF_ROWS = [ReconstructionDisplay, InterventionDisplay, TraversalDisplay]
GRIDS = [SamplesDisplay, *OF_ROWS]
ALL = [*GRIDS, HistoryDisplay]


def draw(display, model, X, **params):
    return display.from_estimator(model, *([X] if display in OF_ROWS else []), **params)


# Images -------------------------------------------------------------------------------


def test_wide_images(tile, model, X):
    display = ReconstructionDisplay.from_estimator(model, X[:2], image_shape=(4, 16))
    assert_array_equal(tile(display, 0, 1), X[1].reshape(4, 16))


@pytest.mark.parametrize("image_shape", [None, (3, 4, 4)])
def test_colour_images_have_their_channels_last(tile, image_shape):
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
def test_images_share_their_limits(tile, low, high, limits):
    grey = np.linspace(low, high, 2 * 3 * 4).reshape(2, 1, 3, 4)
    assert ReconstructionDisplay(grey).plot().im_.get_clim() == limits
    colours = np.linspace(low, high, 2 * 3 * 4 * 3).reshape(2, 1, 3, 4, 3)
    drawn = tile(ReconstructionDisplay(colours).plot(), 1, 0)
    assert_allclose(drawn * (limits[1] - limits[0]) + limits[0], colours[1, 0])


@pytest.mark.parametrize(
    "display", [SamplesDisplay, ReconstructionDisplay, TraversalDisplay]
)
@pytest.mark.parametrize(
    "image_shape", [(7, 9), (2, 4, 8), (64,), (1, 1, 8, 8)], ids=str
)
def test_wrong_image_shape(model_with_levels, X, display, image_shape):
    with pytest.raises(ValueError, match=r"image_shape=\(.* 64 values.*height, width"):
        draw(display, model_with_levels, X[:2], image_shape=image_shape)


@pytest.mark.parametrize("display", GRIDS)
def test_rows_that_are_no_square_image(display):
    X = np.random.default_rng(0).random((20, 10), dtype=np.float32)
    model = SemafoVAE(max_epochs=1, random_state=0).fit(X, np.arange(20) % 2)
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
        TraversalDisplay(
            rng.random((6, 7, height, 8)),
            level=0,
            dims=np.array([3, 0, 12]),
            steps=np.linspace(-2, 2, 7),
        ),
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


@pytest.mark.parametrize("display", GRIDS)
def test_displays_draw_in_given_axes_and_again(model_with_levels, X, display):
    figure, (left, right) = plt.subplots(1, 2)
    first = draw(display, model_with_levels, X[:2], ax=left, cmap="viridis")
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
def test_without_matplotlib(monkeypatch, model_with_levels, X, display):
    drawn = draw(display, model_with_levels, X[:2])
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    message = rf"{display.__name__}.%s needs matplotlib.*skfmvae\[plot\]"
    with pytest.raises(ImportError, match=message % "from_estimator"):
        draw(display, FactorialMixtureVAE(), X)  # before anything is computed
    with pytest.raises(ImportError, match=message % "plot"):
        drawn.plot()
