"""Graphical models in plate notation."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from skfmvae import SemiSupervisedVAE
from skfmvae.models import (
    Continuous,
    Discrete,
    GraphicalModel,
    Latent,
)
from skfmvae.plotting import (
    GraphicalModelDisplay,
)
from skfmvae.plotting import graphical_model as graph_pictures

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


def test_graphs_are_drawn_in_given_axes_and_again():
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
