"""Pictures of graphical models, in plate notation."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skfmvae.models import Discrete, GraphicalModel, Latent
from skfmvae.models.graphical_model import ROWS

from ._pyplot import pyplot

__all__ = ["GraphicalModelDisplay"]

# Sizes, in inches.
NODE_SIZE = 0.84  # the height of a node, and its width where all texts are short
NODE_GAPS = (0.5, 0.8, 1.2, 1.6)  # between nodes of a layer, to try one after the other
LAYER_STEP = 1.5  # from centre to centre
PLATE_GAP = 0.2  # within the plate
PLATE_MARGIN = 0.06  # around it
NARROWEST_PLATE = 2.0  # has room for the text below
NAME_SIZE, SIZE_SIZE = 9 / 72, 7 / 72  # of letters
TEXT_SHARE = 0.84  # of a node's width, for texts
WIDEST_TEXT = 1.5  # a longer text has smaller letters
PANEL_MARGIN = np.array([0.3, 1.05])  # for the texts around a panel
WIDEST_FIGURE = 14  # of two panels side by side; wider ones are stacked
SHADE = "0.82"

# Bends of an arrow to try one after the other until it is clear of all nodes, and the
# distance from their centres that counts as clear, in halves of their size.
BENDS = (0.0, *(sign * bend / 20 for bend in range(3, 19) for sign in (1, -1)))
CLEAR = 1.2


class GraphicalModelDisplay:
    """A graphical model in plate notation: the generative and the recognition model.

    Circles are continuous variables with their numbers of dimensions, squares are
    discrete variables with their numbers of values. The rows, which are observed, are
    shaded; properties, which may be missing on any row, are half-shaded, and latents
    are not. The plate around the nodes stands for their repetition on each row.

    Parameters
    ----------
    graphical_model : GraphicalModel
        The graphical model.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (2,)
        Where `plot` drew the generative direction and the recognition.
    figure_ : matplotlib Figure
        Their figure.
    nodes_ : list of dict of str to matplotlib Patch
        The outlines of the nodes in each axes, by name.
    arrows_ : list of dict of (str, str) to matplotlib FancyArrowPatch
        The arrows in each axes, by parent and child.

    Examples
    --------
    >>> from skfmvae.models import Continuous, Discrete, GraphicalModel, Latent
    >>> from skfmvae.plotting import GraphicalModelDisplay
    >>> graph = GraphicalModel(
    ...     {"identity": Discrete(20), "light": Continuous(3), "style": Latent(8)},
    ...     recognition={"style": ["identity", "light"]},
    ... )
    >>> display = GraphicalModelDisplay(graph).plot()
    >>> list(display.arrows_[0])
    [('identity', 'x'), ('light', 'x'), ('style', 'x')]
    """

    def __init__(self, graphical_model: GraphicalModel):
        self.graphical_model = graphical_model

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> GraphicalModelDisplay:
        """Draw the graphical model of an estimator.

        Parameters
        ----------
        estimator : SemiSupervisedVAE
            A fitted estimator.
        ax : array-like of two matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : GraphicalModelDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator has no graphical model.
        ValueError
            If `ax` has not two axes.
        """
        pyplot(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        if not hasattr(estimator, "graphical_model_"):
            raise TypeError(
                f"estimator is a {type(estimator).__name__}, which has no "
                "graphical_model_; give a fitted SemiSupervisedVAE, or draw a "
                "GraphicalModel with GraphicalModelDisplay(graph)."
            )
        return cls(estimator.graphical_model_).plot(ax)

    def plot(self, ax: Any = None) -> GraphicalModelDisplay:
        """Draw both directions.

        Parameters
        ----------
        ax : array-like of two matplotlib Axes, default=None
            For the generative direction and for recognition; None makes a new figure.

        Returns
        -------
        display : GraphicalModelDisplay
            Itself.

        Raises
        ------
        ValueError
            If the graphical model is not valid, or `ax` has not two axes.
        """
        plt = pyplot("GraphicalModelDisplay.plot")
        self.graphical_model.check()
        width = self._node_width()
        panels = []
        for direction in ("generative", "recognition"):
            parents = self._parents(direction)
            panels.append(_place(parents, width, upwards=direction == "recognition"))
        plates = [_plate(centres, bends, width) for centres, bends in panels]
        widths = [right - left for (left, _), (right, _) in plates]
        stacked = sum(widths) > WIDEST_FIGURE
        # Panels side by side have one height, stacked panels one width.
        plates = _alike(plates, axis=0 if stacked else 1)
        if ax is None:
            ax = _subplots(plt, [high - low for low, high in plates], stacked)
        axes = np.ravel(ax)
        if len(axes) != 2:
            raise ValueError(
                f"ax holds {len(axes)} axes; give two, for the generative direction "
                "and for recognition."
            )
        self.axes_, self.figure_ = axes, axes[0].figure
        self.nodes_: list[dict[str, Any]] = []
        self.arrows_: list[dict[tuple[str, str], Any]] = []
        for ax, (centres, bends), plate in zip(axes, panels, plates, strict=True):
            self._draw_panel(ax, centres, bends, plate, width)
        left, right = axes
        left.set(title="generative", xlabel="circle: continuous\nsquare: discrete")
        right.set(
            title="recognition",
            xlabel="shaded: observed\nhalf-shaded: on some rows",
        )
        return self

    def _node_width(self):
        """Return the width of a node, with room for the longest text."""
        names = (*self.graphical_model.variables, ROWS)
        texts = [text for name in names for text in self._texts(name)]
        widest = min(WIDEST_TEXT, max(_lettering(text)[1] for text in texts))
        return max(NODE_SIZE, widest / TEXT_SHARE)

    def _draw_panel(self, ax, centres, bends, plate, width):
        """Draw one direction."""
        nodes = {v: self._draw_node(ax, v, centres[v], width) for v in centres}
        arrows = {
            pair: _draw_arrow(
                ax, [centres[v] for v in pair], [nodes[v] for v in pair], bend
            )
            for pair, bend in bends.items()
        }
        self.nodes_.append(nodes)
        self.arrows_.append(arrows)
        _draw_plate(ax, *plate)
        ax.set(xticks=[], yticks=[], aspect="equal")
        ax.spines[:].set_visible(False)

    def _parents(self, direction):
        """Return the parents of every node, parents before their children."""
        order = self.graphical_model.order(direction)
        if direction == "generative":
            return {v: self.graphical_model.parents(v) for v in (*order, ROWS)}
        recognised = {
            v: [ROWS, *self.graphical_model.parents(v, direction)] for v in order
        }
        return {ROWS: [], **recognised}

    def _texts(self, name):
        """Return the texts of a node: its name, and its size below."""
        variable = self.graphical_model.variables.get(name)
        if variable is None:
            return [name]
        if isinstance(variable, Discrete):
            size, unit = variable.n_values, "value"
        else:
            size, unit = variable.n_dims, "dim"
        if size is None:
            return [name, "values of y"]
        return [name, f"{size} {unit}" if size == 1 else f"{size} {unit}s"]

    def _draw_node(self, ax, name, centre, width):
        from matplotlib.patches import Ellipse, FancyBboxPatch, Patch, Rectangle

        variable = self.graphical_model.variables.get(name)
        corner = centre - np.array([width, NODE_SIZE]) / 2
        node: Patch
        if isinstance(variable, Discrete):
            style = f"round,pad=0,rounding_size={NODE_SIZE / 6}"
            node = FancyBboxPatch(corner, width, NODE_SIZE, boxstyle=style, fill=False)
        else:
            node = Ellipse(centre, width, NODE_SIZE, fill=False)
        ax.add_patch(node)
        if not isinstance(variable, Latent):
            height = NODE_SIZE if name == ROWS else NODE_SIZE / 2
            # Below the outline, half of which the shade would cover.
            shade = Rectangle(corner, width, height, color=SHADE, zorder=0.5)
            ax.add_patch(shade)
            shade.set_clip_path(node)
        room = width * TEXT_SHARE
        if variable is None:
            _write(ax, name, centre - (0, 0.3 * NAME_SIZE), NAME_SIZE, room)
        else:
            name, size = self._texts(name)
            _write(ax, name, centre + (0, 0.4 * NAME_SIZE), NAME_SIZE, room)
            _write(ax, size, centre - (0, 1.2 * NAME_SIZE), SIZE_SIZE, room)
        return node


def _place(parents, width, upwards):
    """Return the centres of nodes and the bends of arrows, which avoid all nodes.

    The gaps between nodes grow until no arrow crosses a node, or up to the largest.
    """
    pairs = [(parent, v) for v in parents for parent in parents[v]]
    for gap in NODE_GAPS:
        centres = _place_nodes(parents, width + gap, upwards)
        found = {pair: _bend(centres, *pair, width) for pair in pairs}
        if all(clearance == CLEAR for _, clearance in found.values()):
            break
    return centres, {pair: bend for pair, (bend, _) in found.items()}


def _place_nodes(parents, step, upwards):
    """Return the centres of nodes, with the rows in the lowest layer where possible.

    The layer of a node is its longest path from a root.
    """
    layer: dict[str, int] = {}
    for v, above in parents.items():  # parents before their children
        layer[v] = 1 + max((layer[parent] for parent in above), default=-1)
    last = max(layer.values())
    centres: dict[str, np.ndarray] = {}
    for number in range(last + 1):
        # In the order of their parents, so that few arrows cross.
        names = sorted(
            (v for v in layer if layer[v] == number),
            key=lambda v: sum(centres[parent][0] for parent in parents[v]),
        )
        y = (number if upwards else last - number) * LAYER_STEP
        for i, v in enumerate(names):
            x = (i - (len(names) - 1) / 2) * step
            centres[v] = np.array([x, y])
    return centres


def _bend(centres, parent, child, width):
    """Return the first bend of an arrow that keeps it clear of nodes, and how clear."""
    start, end = centres[parent], centres[child]
    # By turns, so that not all arrows to a node are on one side.
    side = (-1) ** round((start - end)[1] / LAYER_STEP)
    others = [centres[v] for v in centres if v not in (parent, child)]

    def clearance(bend):
        points = _curve(start, end, side * bend)
        away = points[:, None] - np.reshape(others, (-1, 2))
        # Shapes between circle and square are where this norm is constant.
        distances = np.linalg.norm(away / (width / 2, NODE_SIZE / 2), ord=4, axis=-1)
        return distances.min(initial=CLEAR)

    bend = max(BENDS, key=clearance)
    return side * bend, clearance(bend)


def _curve(start, end, bend):
    """Return points on what matplotlib calls an arc3, a parabola."""
    along = end - start
    control = (start + end) / 2 + bend * along[::-1] * (1, -1)
    t = np.linspace(0, 1, 50)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end


def _plate(centres, bends, width):
    """Return the corners of a plate around all nodes and arrows."""
    half = np.array([width, NODE_SIZE]) / 2
    points = [centre + sign * half for centre in centres.values() for sign in (-1, 1)]
    for (parent, child), bend in bends.items():
        points += [*_curve(centres[parent], centres[child], bend)]
    low = np.min(points, axis=0) - PLATE_GAP - (0, NAME_SIZE)
    high = np.max(points, axis=0) + PLATE_GAP
    more = max(0, NARROWEST_PLATE - (high - low)[0]) / 2
    return low - (more, 0), high + (more, 0)


def _alike(plates, axis):
    """Return plates that are alike along an axis."""
    plates = np.array(plates)
    plates[:, 0, axis] = plates[:, 0, axis].min()
    plates[:, 1, axis] = plates[:, 1, axis].max()
    return plates


def _subplots(plt, sizes, stacked):
    """Return two axes of given sizes."""
    if stacked:
        shape, size = (2, 1), (sizes[0][0], sum(sizes)[1])
        ratios = {"height_ratios": [height for _, height in sizes]}
    else:
        shape, size = (1, 2), (sum(sizes)[0], sizes[0][1])
        ratios = {"width_ratios": [width for width, _ in sizes]}
    figsize = size + PANEL_MARGIN * shape[::-1]
    return plt.subplots(
        *shape, figsize=figsize, gridspec_kw=ratios, layout="compressed"
    )[1]


def _draw_arrow(ax, ends, nodes, bend):
    from matplotlib.patches import FancyArrowPatch

    arrow = FancyArrowPatch(
        *ends,
        patchA=nodes[0],
        patchB=nodes[1],
        shrinkA=0,
        shrinkB=0,
        arrowstyle="-|>",
        mutation_scale=12,
        color="black",
        connectionstyle=f"arc3,rad={bend}",
    )
    return ax.add_artist(arrow)  # not add_patch: its path is not in data units


def _draw_plate(ax, low, high):
    from matplotlib.patches import FancyBboxPatch

    style = f"round,pad=0,rounding_size={PLATE_GAP}"
    width, height = high - low
    plate = FancyBboxPatch(low, width, height, boxstyle=style, fill=False)
    ax.add_patch(plate)
    corner = high[0] - PLATE_GAP - _lettering("n rows")[1] / 2, low[1] + PLATE_GAP / 2
    _write(ax, "n rows", corner, NAME_SIZE, NODE_SIZE)
    (left, bottom), (right, top) = low - PLATE_MARGIN, high + PLATE_MARGIN
    ax.set(xlim=(left, right), ylim=(bottom, top))


def _lettering(text, size=NAME_SIZE):
    """Return the outline of a text, and its width."""
    from matplotlib.textpath import TextPath

    outline = TextPath((0, 0), text, size=size)
    return outline, max(0.0, outline.get_extents().width)


def _write(ax, text, centre, size, room):
    """Write a text that grows with the axes, as nodes do, and fits into its room."""
    from matplotlib.patches import PathPatch
    from matplotlib.transforms import Affine2D

    outline, width = _lettering(text, size)
    transform = Affine2D().translate(-width / 2, 0).scale(room / max(width, room))
    path = outline.transformed(transform.translate(*centre))
    ax.add_patch(PathPatch(path, facecolor="black", linewidth=0))
