"""What the displays draw is what the estimator returns, where the labels say."""

import importlib
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.naive_bayes import GaussianNB
from torch import nn

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.model_selection import compare_estimators, label_efficiency_curve
from skfmvae.models import (
    Continuous,
    Discrete,
    GraphicalModel,
    Latent,
)
from skfmvae.plotting import (
    GraphicalModelDisplay,
    HistoryDisplay,
    InterventionDisplay,
    LabelEfficiencyDisplay,
    ReconstructionDisplay,
    SamplesDisplay,
    TraversalDisplay,
)
from skfmvae.plotting import graphical_model as graph_pictures
from skfmvae.training import EarlyStopping

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

OF_ROWS = [ReconstructionDisplay, InterventionDisplay, TraversalDisplay]
GRIDS = [SamplesDisplay, *OF_ROWS]
ALL = [*GRIDS, HistoryDisplay]


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
        property_components={"discovered_0": 4},
        n_discovered=1,
        max_epochs=6,
        random_state=0,
    )
    return model.fit(X, labels)


@pytest.fixture(scope="module")
def model_with_levels(X):
    labels = pd.Series(load_digits().target[:200], name="digit")
    return SemafoVAE(levels=[1], max_epochs=2, random_state=0).fit(X, labels)


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
    return display.from_estimator(model, *([X] if display in OF_ROWS else []), **params)


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


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("dims", [2, [7, 3, 0]])
def test_traversals_are_the_estimators(model_with_levels, X, level, dims):
    display = TraversalDisplay.from_estimator(
        model_with_levels, X[:2], level=level, dims=dims, n_steps=5, width=1.5
    )
    expected, moved = model_with_levels.traverse(
        X[:2], level=level, dims=dims, n_steps=5, width=1.5
    )
    for i in range(len(moved)):
        for start in range(2):
            for step in range(5):
                drawn = tile(display, 2 * i + start, step).ravel()
                assert_array_equal(drawn, expected[start, i, step])
    assert display.ax_.get_ylabel() == f"dimension of z{level}"
    assert display.ax_.get_xlabel() == "standard deviations"
    starts = [text for dim in moved for text in (str(dim), "")]
    assert labels_by_tile(display.ax_.yaxis, 8) == dict(enumerate(starts))
    steps = dict(enumerate(["-1.5", "-0.8", "0.0", "0.8", "1.5"]))
    assert labels_by_tile(display.ax_.xaxis, 8) == steps


def test_traversals_start_from_properties(model_with_levels):
    properties = {"digit": [3, 7]}
    display = TraversalDisplay.from_estimator(
        model_with_levels, properties=properties, dims=[4], random_state=0
    )
    expected, _ = model_with_levels.traverse(
        properties=properties, dims=[4], random_state=0
    )
    assert_array_equal(display.images.reshape(2, 7, 64), expected[:, 0])


def test_traversals_of_a_property_left_open_differ_between_seeds(X):
    digit = load_digits().target[:200]
    labels = pd.DataFrame({"digit": digit, "parity": digit % 2})
    model = SemafoVAE(max_epochs=1, random_state=0).fit(X, labels)

    def images(seed):
        return TraversalDisplay.from_estimator(
            model, properties={"parity": [0] * 5}, random_state=seed
        ).images

    assert_array_equal(images(3), images(3))
    assert not np.allclose(images(3), images(4))


def test_traversals_that_are_none(model, model_with_levels, X):
    with pytest.raises(TypeError, match="a FactorialMixtureVAE, which cannot traverse"):
        TraversalDisplay.from_estimator(model, X[:2])
    for params, message in [
        ({}, "either X or properties"),
        ({"X": X[:2], "properties": {"digit": 3}}, "either X or properties"),
        ({"properties": {"hand": 3}}, "hand"),
        ({"properties": {"digit": 77}}, "77"),
        ({"X": X[:2], "level": 2}, "level=2: there are levels 0 to 1"),
        ({"X": X[:2], "dims": [32]}, "dimensions 0 to 31"),
    ]:
        with pytest.raises(ValueError, match=message):
            TraversalDisplay.from_estimator(model_with_levels, **params)


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
def test_displays_draw_where_they_are_told_and_again(model_with_levels, X, display):
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


def test_the_module_is_imported_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [name for name in sys.modules if name.startswith("skfmvae.plotting")]:
        monkeypatch.delitem(sys.modules, name)
    assert importlib.import_module("skfmvae.plotting").__all__


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
        if ax.get_title().startswith("label_"):  # which are hidden
            assert set(lines) == {"training rows"}
            continue
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


# Graphs -------------------------------------------------------------------------------

LIT = GraphicalModel(
    {"identity": Discrete(20), "light": Continuous(3), "style": Latent(8)},
    recognition={"style": ["identity", "light"]},
)
CHAIN = GraphicalModel(
    {f"level {i}": Discrete(i + 1) for i in range(6)},
    generative={f"level {i}": [f"level {i - 1}"] for i in range(1, 6)},
    recognition={f"level {i}": [f"level {i + 1}"] for i in range(5)},
)
NAMES = [f"property_{i}" for i in range(6)]
EIGHT = GraphicalModel(
    {**{v: Discrete(2) for v in NAMES}, "light": Continuous(), "style": Latent()},
    generative={"property_3": ["style", "light"], "property_4": ["property_3"]},
    recognition={"style": [*NAMES, "light"], "light": ["property_0"]},
)
GRAPHS = [LIT, CHAIN, EIGHT, GraphicalModel({"z": Latent()})]
by_graph = pytest.mark.parametrize("graph", GRAPHS, ids=["lit", "chain", "8", "1"])


def box_of(display, panel, name):
    """Return the middle of a node and half of its size, in pixels."""
    box = display.nodes_[panel][name].get_window_extent()
    return np.mean(box.get_points(), axis=0), np.array([box.width, box.height]) / 2


def path_of(arrow):
    """Return points along the line of an arrow, in pixels, and those of its head."""
    path = arrow.get_transform().transform_path(arrow.get_path())
    start_of_head = list(path.codes).index(path.MOVETO, 1)
    # A parabola: its start, its control point and its end.
    start, control, end = path.vertices[:start_of_head]
    t = np.linspace(0, 1, 100)[:, None]
    line = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end
    return line, path.vertices[start_of_head:]


@by_graph
def test_graphs_have_all_nodes_and_arrows(graph):
    display = GraphicalModelDisplay(graph).plot()
    variables = list(graph.variables)
    generative = {
        (v, child) for child in (*variables, "x") for v in graph.parents(child)
    }
    recognition = {
        *(("x", v) for v in variables),
        *((u, v) for v in variables for u in graph.parents(v, "recognition")),
    }
    for panel, arrows in enumerate([generative, recognition]):
        assert set(display.nodes_[panel]) == {*variables, "x"}
        assert set(display.arrows_[panel]) == arrows
        drawn = set(display.axes_[panel].get_children())
        assert drawn >= {*display.nodes_[panel].values()}
        assert drawn >= {*display.arrows_[panel].values()}
    titles = [ax.get_title() for ax in display.axes_]
    assert titles == ["generative", "recognition"]


@by_graph
def test_arrows_go_from_parent_to_child_and_cross_no_node(graph):
    display = GraphicalModelDisplay(graph).plot()
    display.figure_.draw_without_rendering()
    for panel, arrows in enumerate(display.arrows_):
        for (parent, child), arrow in arrows.items():
            points, head = path_of(arrow)

            def distance(v, points, panel=panel):
                """1 on the border of a circle, more outside."""
                middle, half = box_of(display, panel, v)
                return np.linalg.norm((points - middle) / half, ord=4, axis=1)

            assert distance(parent, points[:1]) < 1.15
            assert distance(child, head).min() < 1.15
            assert distance(child, points[:1]) > distance(child, points[-1:])
            for other in display.nodes_[panel].keys() - {parent, child}:
                assert distance(other, points).min() > 1


@by_graph
def test_parents_are_above_in_generation_and_below_in_recognition(graph):
    display = GraphicalModelDisplay(graph).plot()
    display.figure_.draw_without_rendering()
    for panel, sign in enumerate([1, -1]):
        for parent, child in display.arrows_[panel]:
            (_, upper), _ = box_of(display, panel, parent)
            (_, lower), _ = box_of(display, panel, child)
            assert sign * (upper - lower) > 0


@by_graph
def test_nodes_neither_overlap_nor_leave_the_figure(graph):
    display = GraphicalModelDisplay(graph).plot()
    display.figure_.draw_without_rendering()
    page = display.figure_.bbox
    for ax, nodes in zip(display.axes_, display.nodes_, strict=True):
        boxes = [node.get_window_extent() for node in nodes.values()]
        for i, box in enumerate(boxes):
            assert not box.count_overlaps(boxes[:i])
        boxes += [text.get_window_extent() for text in (ax.title, ax.xaxis.label)]
        assert all(page.count_contains(box.corners()) == 4 for box in boxes)


def test_shading_says_what_is_observed():
    display = GraphicalModelDisplay(LIT).plot()
    display.figure_.canvas.draw()
    pixels = np.asarray(display.figure_.canvas.buffer_rgba())[::-1, :, 0]
    for panel in (0, 1):
        shaded = {}
        for name in (*LIT.variables, "x"):
            (x, y), (_, half) = box_of(display, panel, name)
            # near the border, where nothing is written
            upper, lower = (
                pixels[int(y + sign * 0.8 * half), int(x)] < 250 for sign in (1, -1)
            )
            shaded[name] = upper, lower
        assert shaded == {
            "identity": (False, True),
            "light": (False, True),
            "style": (False, False),
            "x": (True, True),
        }


def test_discrete_properties_have_corners():
    display = GraphicalModelDisplay(LIT).plot()
    display.figure_.draw_without_rendering()
    for nodes in display.nodes_:
        for name, node in nodes.items():
            middle, half = box_of(display, display.nodes_.index(nodes), name)
            path = node.get_transform().transform_path(node.get_path())
            assert path.contains_point(middle + 0.85 * half) == (name == "identity")


@pytest.mark.parametrize(
    ("variable", "size"),
    [
        (Discrete(), "values of y"),
        (Discrete(1), "1 value"),
        (Discrete(12), "12 values"),
        (Continuous(), "1 dim"),
        (Continuous(3), "3 dims"),
        (Latent(8), "8 dims"),
    ],
)
def test_names_and_sizes_are_written(monkeypatch, variable, size):
    written = []
    write = graph_pictures._write

    def record(ax, text, *args):
        written.append(text)
        return write(ax, text, *args)

    monkeypatch.setattr(graph_pictures, "_write", record)
    GraphicalModelDisplay(GraphicalModel({"colour": variable})).plot()
    assert sorted(written) == sorted(2 * ["colour", size, "x", "n rows"])


@pytest.mark.parametrize("name", ["a", "property_0", "a_name_that_never_seems_to_end"])
def test_letters_stay_in_their_node(name):
    display = GraphicalModelDisplay(GraphicalModel({name: Discrete(3)})).plot()
    display.figure_.draw_without_rendering()
    for ax, nodes in zip(display.axes_, display.nodes_, strict=True):
        node = nodes[name].get_window_extent()
        letters = [p for p in ax.patches if type(p).__name__ == "PathPatch"]
        boxes = [patch.get_window_extent() for patch in letters]
        inside = [box for box in boxes if node.y0 < box.y0 and box.y1 < node.y1]
        assert len(inside) == 2
        assert all(node.count_contains(box.corners()) == 4 for box in inside)


def test_graphs_are_drawn_where_they_are_told_and_again():
    figure, axes = plt.subplots(2, 1)
    display = GraphicalModelDisplay(LIT)
    assert display.plot(axes) is display
    assert display.figure_ is figure
    assert list(display.axes_) == list(axes)
    assert all(node.axes is axes[1] for node in display.nodes_[1].values())
    assert display.plot().figure_ is not figure
    with pytest.raises(ValueError, match="ax holds 1 axes; give two"):
        display.plot(axes[0])


def test_the_graph_of_an_estimator(X):
    y = np.where(np.arange(200) < 50, load_digits().target[:200], -1)
    model = SemiSupervisedVAE(style_dim=4, max_epochs=1, random_state=0).fit(X, y)
    _, axes = plt.subplots(1, 2)
    display = GraphicalModelDisplay.from_estimator(model, ax=axes)
    assert list(display.axes_) == list(axes)
    assert display.graphical_model is model.graphical_model_
    assert set(display.arrows_[1]) == {
        ("x", "property_0"),
        ("x", "style"),
        ("property_0", "style"),
    }


def test_estimators_without_a_graph(model):
    with pytest.raises(
        TypeError, match="a FactorialMixtureVAE, which has no graphical_model_"
    ):
        GraphicalModelDisplay.from_estimator(model)
    with pytest.raises(NotFittedError):
        GraphicalModelDisplay.from_estimator(SemiSupervisedVAE())


def test_graphs_that_are_none():
    with pytest.raises(ValueError, match="circle"):
        GraphicalModelDisplay(GraphicalModel({"a": Latent()}, {"a": ["a"]})).plot()


def test_graphs_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(
        ImportError, match=r"GraphicalModelDisplay.plot needs matplotlib"
    ):
        GraphicalModelDisplay(LIT).plot()
    with pytest.raises(ImportError, match="GraphicalModelDisplay.from_estimator needs"):
        GraphicalModelDisplay.from_estimator(SemiSupervisedVAE())


# Label efficiency ---------------------------------------------------------------------


def make_results(n_estimators, n_splits=5, seed=0):
    """Return a table of scores that rise with the budget."""
    rng = np.random.default_rng(seed)
    budgets = np.array([20, 50, 100, 300, 1000])
    rows = [
        (f"estimator {i}", budget, 0, fold, 80, 20, 1 - (i + 2) * budget**-0.5)
        for i in range(n_estimators)
        for budget in budgets
        for fold in range(n_splits)
    ]
    names = ["estimator", "budget", "repeat", "fold", "n_train", "n_test", "test_score"]
    table = pd.DataFrame(rows, columns=names)
    table["test_score"] += 0.02 * rng.normal(size=len(table))
    return table


@pytest.mark.parametrize("n_estimators", [1, 2, 8, 16])
def test_curves_are_mean_scores_with_their_intervals(n_estimators):
    results = make_results(n_estimators)
    display = LabelEfficiencyDisplay(results).plot()
    means = results.groupby(["estimator", "budget"], sort=False)["test_score"].mean()
    assert len(display.lines_) == n_estimators
    for name, line in display.lines_.items():
        assert_allclose(line.get_ydata(), means[name])
        # Beside each other, by less than a third of the least step.
        assert_allclose(line.get_xdata(), means[name].index, rtol=0.35)
    # As compare_estimators has them, against an estimator that always scores zero.
    nothing = results.assign(estimator="nothing", test_score=0.0)
    nothing = nothing.drop_duplicates(["budget", "repeat", "fold"])
    table = pd.concat([results, nothing])
    expected = compare_estimators(table, "estimator 0", "nothing")
    first = display.ax_.collections[0]
    if n_estimators <= 3:
        drawn = first.get_paths()[0].vertices[:, 1]
        low, high = drawn.min(), drawn.max()
        assert_allclose([low, high], [expected["low"].min(), expected["high"].max()])
    else:
        ends = np.array([segment[:, 1] for segment in first.get_segments()])
        assert_allclose(ends, expected[["low", "high"]])


def test_curves_are_told_apart_without_colour_and_in_the_legend():
    display = LabelEfficiencyDisplay(make_results(16)).plot()
    lines = display.lines_.values()
    styles = {(line.get_marker(), line.get_linestyle()) for line in lines}
    colours = {(line.get_color(), line.get_linestyle()) for line in lines}
    assert len(styles) == len(colours) == 16
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == [f"estimator {i}" for i in range(16)], "from the best to the worst"


@pytest.mark.parametrize("n_estimators", [2, 8])
def test_the_legend_covers_no_curve_and_all_is_on_the_figure(n_estimators):
    display = LabelEfficiencyDisplay(make_results(n_estimators)).plot(target_score=0.8)
    figure, ax = display.figure_, display.ax_
    figure.canvas.draw()
    legend = ax.get_legend().get_window_extent()
    assert legend.x0 > ax.get_window_extent().x1
    assert legend.x1 <= figure.bbox.x1
    (target,) = [line for line in ax.lines if line not in display.lines_.values()]
    assert set(target.get_ydata()) == {0.8}
    ticks = [tick.get_text() for tick in ax.get_xticklabels()]
    assert ticks == ["20", "50", "100", "300", "1,000"]


def test_one_budget_and_given_axes():
    _, ax = plt.subplots()
    results = make_results(5).query("budget == 20")
    display = LabelEfficiencyDisplay(results, score="test_score").plot(ax)
    assert display.ax_ is ax
    display.figure_.canvas.draw()


def test_a_study_is_run_and_drawn(X):
    y = load_digits().target[:200]
    study = {"budgets": [50, 100], "cv": 2, "random_state": 0}
    estimators = {"nb": GaussianNB()}
    display = LabelEfficiencyDisplay.from_estimators(estimators, X, y, **study)
    expected = label_efficiency_curve(estimators, X, y, **study)
    assert_allclose(display.results["test_score"], expected["test_score"])
    assert display.lines_.keys() == {"nb"}


def test_a_score_that_is_not_there():
    with pytest.raises(ValueError, match="score='test_f1' is no column"):
        LabelEfficiencyDisplay(make_results(1), score="test_f1").plot()


def test_curves_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"skfmvae\[plot\]"):
        LabelEfficiencyDisplay(make_results(1)).plot()
