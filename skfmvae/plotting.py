"""Pictures of estimators: what they sample, rebuild and change, history and graphs.

The displays follow scikit-learn's: ``from_estimator`` computes and draws, the result
holds what was drawn, and ``plot`` draws it again. Rows of data are drawn as images.
Matplotlib is needed: ``pip install "skfmvae[plot]"``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from skfmvae.graphical_model import ROWS, Discrete, Graph, Latent

__all__ = [
    "GraphDisplay",
    "HistoryDisplay",
    "InterventionDisplay",
    "ReconstructionDisplay",
    "SamplesDisplay",
    "TraversalDisplay",
]


# In inches, for figures of our own.
IMAGE_SIZE = 0.6  # the longer side of an image
LABEL_SIZE = 0.4  # and the width that an image has at least, for "data" above it
LETTER_SIZE = 0.1
MARGIN = 0.4

# Of graphs, likewise.
NODE_SIZE = 0.84  # the height of a node, and its width where all texts are short
NODE_GAPS = (0.5, 0.8, 1.2, 1.6)  # between nodes of a layer, whichever will do
LAYER_STEP = 1.5  # from centre to centre
PLATE_GAP = 0.2  # within the plate
PLATE_MARGIN = 0.06  # around it
NARROWEST_PLATE = 2.0  # has room for the text below
NAME_SIZE, SIZE_SIZE = 9 / 72, 7 / 72  # of letters
TEXT_SHARE = 0.84  # of a node's width, for texts
WIDEST_TEXT = 1.5  # longer ones have smaller letters
PANEL_MARGIN = np.array([0.3, 1.05])  # for what is written around
WIDEST_FIGURE = 14  # of two panels; wider ones are stacked
SHADE = "0.82"

# Bends of an arrow, of which the first is taken that keeps clear of nodes: as far from
# their centres as this many halves of their size.
BENDS = (0.0, *(sign * bend / 20 for bend in range(3, 19) for sign in (1, -1)))
CLEAR = 1.2


class _ImageGrid:
    """A table of images, drawn side by side into one axes.

    A subclass says in `_labels` what stands beside rows and above columns.
    """

    images: np.ndarray

    def plot(self, ax: Any = None, *, cmap: str = "gray_r"):
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        cmap : str, default="gray_r"
            Colour map of images with one channel. All images of a display share its
            limits: 0 and 1 where the values lie between, else their extremes.

        Returns
        -------
        display : object
            Itself.
        """
        plt = _pyplot(f"{type(self).__name__}.plot")
        n_rows, n_columns, height, width = self.images.shape[:4]
        row_name, rows, column_name, columns = self._labels()
        if ax is None:
            inch = max(IMAGE_SIZE / max(height, width), LABEL_SIZE / width)
            labelled_width = n_columns * width * inch + LETTER_SIZE * _longest(rows)
            figsize = (
                max(labelled_width, LETTER_SIZE * len(column_name)) + MARGIN,
                n_rows * height * inch + LETTER_SIZE * _longest(columns) + MARGIN,
            )
            _, ax = plt.subplots(figsize=figsize, layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        low, high = _limits(self.images)
        mosaic = _mosaic(self.images)
        if mosaic.ndim == 3:  # colours, which imshow takes between 0 and 1
            mosaic = np.nan_to_num((mosaic - low) / (high - low), nan=1.0)
        self.im_ = ax.imshow(mosaic, cmap=cmap, vmin=low, vmax=high)
        ax.set(
            ylabel=row_name,
            yticks=_centres(n_rows, height) if rows else [],
            yticklabels=rows,
            xlabel=column_name,
            xticks=_centres(n_columns, width) if columns else [],
            xticklabels=columns,
        )
        ax.xaxis.set(ticks_position="top", label_position="top")
        ax.xaxis.labelpad = 8
        ax.tick_params(length=0)
        if _longest(columns) > 4:  # wider than an image
            ax.tick_params(axis="x", rotation=90)
        ax.spines[:].set_visible(False)
        # Towards the labels; else the layout leaves them too little room.
        ax.set_anchor("NW")
        return self

    def _labels(self) -> tuple[str, list[str], str, list[str]]:
        raise NotImplementedError


class SamplesDisplay(_ImageGrid):
    """Samples with a property fixed: a row of images per value, a column per style.

    Every row is drawn with the same seed, so that what the property does not decide is
    alike down a column.

    Parameters
    ----------
    images : ndarray of shape (n_values, n_samples, height, width[, 3])
        The samples.
    property_name : str
        The fixed property.
    values : ndarray of shape (n_values,)
        Its values.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where `plot` drew.
    im_ : matplotlib AxesImage
        All images side by side, one pixel apart.

    See Also
    --------
    InterventionDisplay : Rows of data under every value of a property.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skfmvae import FactorialMixtureVAE
    >>> from skfmvae.plotting import SamplesDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = FactorialMixtureVAE(max_epochs=2, random_state=0).fit(X / 16, y)
    >>> display = SamplesDisplay.from_estimator(model, n_samples=5, random_state=0)
    >>> display.images.shape
    (10, 5, 8, 8)
    """

    def __init__(self, images: np.ndarray, *, property_name: str, values: np.ndarray):
        self.images = images
        self.property_name = property_name
        self.values = values

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        property: str | None = None,
        *,
        values: ArrayLike | None = None,
        n_samples: int = 10,
        image_shape: tuple[int, ...] | None = None,
        random_state: Any = None,
        ax: Any = None,
        cmap: str = "gray_r",
    ) -> SamplesDisplay:
        """Draw samples for the values of a property.

        Parameters
        ----------
        estimator : object
            A fitted estimator.
        property : str or None, default=None
            The property to fix; None takes the first.
        values : array-like or None, default=None
            The values to show; None shows all of them.
        n_samples : int, default=10
            Number of images per value.
        image_shape : tuple of int or None, default=None
            Shape of one image, (height, width) or (channels, height, width) with one
            or three channels. None takes images for square, with one channel or else
            with three.
        random_state : int, RandomState instance or None, default=None
            Seed of the samples. An integer goes to ``estimator.sample`` as it is.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        cmap : str, default="gray_r"
            Colour map of images with one channel.

        Returns
        -------
        display : SamplesDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If a property or a value is unknown, or the rows are no images of that
            shape.
        """
        _pyplot(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        name, shown = _property_and_values(estimator, property, values)
        seed = random_state
        if not isinstance(seed, Integral):
            seed = check_random_state(seed).randint(np.iinfo(np.int32).max)
        samples = [
            estimator.sample(n_samples, properties={name: value}, random_state=seed)[0]
            for value in shown
        ]
        images = _as_images(np.stack(samples), image_shape)
        display = cls(images, property_name=name, values=shown)
        return display.plot(ax, cmap=cmap)

    def _labels(self):
        return self.property_name, _names(self.values), "", []


class ReconstructionDisplay(_ImageGrid):
    """Rows of data above their reconstructions.

    Parameters
    ----------
    images : ndarray of shape (2, n_samples, height, width[, 3])
        The data and their reconstructions.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where `plot` drew.
    im_ : matplotlib AxesImage
        All images side by side, one pixel apart.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skfmvae import FactorialMixtureVAE
    >>> from skfmvae.plotting import ReconstructionDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = FactorialMixtureVAE(max_epochs=2, random_state=0).fit(X / 16, y)
    >>> ReconstructionDisplay.from_estimator(model, X[:5] / 16).images.shape
    (2, 5, 8, 8)
    """

    def __init__(self, images: np.ndarray):
        self.images = images

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        *,
        image_shape: tuple[int, ...] | None = None,
        ax: Any = None,
        cmap: str = "gray_r",
    ) -> ReconstructionDisplay:
        """Draw rows above their reconstructions.

        Parameters
        ----------
        estimator : object
            A fitted estimator.
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows, a column of the picture each.
        image_shape : tuple of int or None, default=None
            Shape of one image, (height, width) or (channels, height, width) with one
            or three channels. None takes images for square, with one channel or else
            with three.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        cmap : str, default="gray_r"
            Colour map of images with one channel.

        Returns
        -------
        display : ReconstructionDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If the rows are no images of that shape.
        """
        _pyplot(f"{cls.__name__}.from_estimator")
        rows = np.stack([_dense(X), estimator.reconstruct(X)])
        return cls(_as_images(rows, image_shape)).plot(ax, cmap=cmap)

    def _labels(self):
        return "", ["data", "reconstruction"], "", []


class InterventionDisplay(_ImageGrid):
    """Rows of data with one property set to each of its values in turn.

    Parameters
    ----------
    images : ndarray of shape (n_samples, 1 + n_values, height, width[, 3])
        The data, then what becomes of them under every value.
    property_name : str
        The property that changes.
    values : ndarray of shape (n_values,)
        Its values.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where `plot` drew.
    im_ : matplotlib AxesImage
        All images side by side, one pixel apart.

    See Also
    --------
    SamplesDisplay : Samples of every value of a property.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skfmvae import FactorialMixtureVAE
    >>> from skfmvae.plotting import InterventionDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = FactorialMixtureVAE(max_epochs=2, random_state=0).fit(X / 16, y)
    >>> InterventionDisplay.from_estimator(model, X[:5] / 16).images.shape
    (5, 11, 8, 8)
    """

    def __init__(self, images: np.ndarray, *, property_name: str, values: np.ndarray):
        self.images = images
        self.property_name = property_name
        self.values = values

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        property: str | None = None,
        *,
        values: ArrayLike | None = None,
        image_shape: tuple[int, ...] | None = None,
        ax: Any = None,
        cmap: str = "gray_r",
    ) -> InterventionDisplay:
        """Draw rows under the values of a property.

        Parameters
        ----------
        estimator : object
            A fitted estimator.
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows, a row of the picture each.
        property : str or None, default=None
            The property to change; None takes the first.
        values : array-like or None, default=None
            The values to set; None sets all of them.
        image_shape : tuple of int or None, default=None
            Shape of one image, (height, width) or (channels, height, width) with one
            or three channels. None takes images for square, with one channel or else
            with three.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        cmap : str, default="gray_r"
            Colour map of images with one channel.

        Returns
        -------
        display : InterventionDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If a property or a value is unknown, or the rows are no images of that
            shape.
        """
        _pyplot(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        name, shown = _property_and_values(estimator, property, values)
        changed = [estimator.intervene(X, {name: value}) for value in shown]
        images = _as_images(np.stack([_dense(X), *changed], axis=1), image_shape)
        display = cls(images, property_name=name, values=shown)
        return display.plot(ax, cmap=cmap)

    def _labels(self):
        return "", [], self.property_name, ["data", *_names(self.values)]


class TraversalDisplay(_ImageGrid):
    """Rows as one latent moves through its prior: a column per place.

    Where there are several rows to start from, those of a dimension stand below each
    other, so that one sees whether it means the same to all of them.

    Parameters
    ----------
    images : ndarray of shape (n_dims * n_samples, n_steps, height, width[, 3])
        What each start becomes as the first dimension moves, then the second, and so
        on.
    level : int
        The level whose latents move.
    dims : ndarray of shape (n_dims,)
        The dimensions that move.
    steps : ndarray of shape (n_steps,)
        The places, in standard deviations from the mean of the prior.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where `plot` drew.
    im_ : matplotlib AxesImage
        All images side by side, one pixel apart.

    See Also
    --------
    InterventionDisplay : Rows of data under every value of a property.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skfmvae import SemafoVAE
    >>> from skfmvae.plotting import TraversalDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = SemafoVAE(max_epochs=1, random_state=0).fit(X / 16, y)
    >>> display = TraversalDisplay.from_estimator(model, X[:2] / 16, dims=3)
    >>> display.images.shape
    (6, 7, 8, 8)
    """

    def __init__(
        self, images: np.ndarray, *, level: int, dims: np.ndarray, steps: np.ndarray
    ):
        self.images = images
        self.level = level
        self.dims = dims
        self.steps = steps

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike | None = None,
        *,
        properties: Mapping[str, Any] | None = None,
        level: int = 0,
        dims: int | Sequence[int] = 5,
        n_steps: int = 7,
        width: float = 2.0,
        image_shape: tuple[int, ...] | None = None,
        random_state: Any = None,
        ax: Any = None,
        cmap: str = "gray_r",
    ) -> TraversalDisplay:
        """Draw rows as latents of a level move through their priors.

        Parameters
        ----------
        estimator : SemafoVAE
            A fitted estimator.
        X : {array-like, CSR matrix} of shape (n_samples, n_features), default=None
            Rows to start from; None where `properties` are given.
        properties : dict of str to value or array-like of shape (n_samples,), \
                default=None
            Properties to start from, in the middle of their priors.
        level : int, default=0
            Where to move: 0 for ``z0``, 1 for the first of the levels, and so on.
        dims : int or sequence of int, default=5
            The dimensions to move, or how many of them, the widest priors first.
        n_steps : int, default=7
            Number of places, evenly spaced.
        width : float, default=2.0
            How far to go to either side of the prior's mean, in standard deviations.
        image_shape : tuple of int or None, default=None
            Shape of one image, (height, width) or (channels, height, width) with one
            or three channels. None takes images for square, with one channel or else
            with three.
        random_state : int, RandomState instance or None, default=None
            Seed of the properties that are drawn.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        cmap : str, default="gray_r"
            Colour map of images with one channel.

        Returns
        -------
        display : TraversalDisplay
            What was drawn.

        Raises
        ------
        TypeError
            If the estimator is of a kind that cannot traverse.
        ValueError
            If not one of `X` and `properties` is given, a level, dimension, property or
            value is unknown, or the rows are no images of that shape.
        """
        _pyplot(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        if not hasattr(estimator, "traverse"):
            raise TypeError(
                f"estimator is a {type(estimator).__name__}, which cannot traverse; "
                "give a fitted SemafoVAE."
            )
        rows, moved = estimator.traverse(
            X,
            properties=properties,
            level=level,
            dims=dims,
            n_steps=n_steps,
            width=width,
            random_state=random_state,
        )
        images = _as_images(np.concatenate(rows.swapaxes(0, 1)), image_shape)
        steps = np.linspace(-width, width, n_steps)
        return cls(images, level=level, dims=moved, steps=steps).plot(ax, cmap=cmap)

    def _labels(self):
        others = len(self.images) // len(self.dims) - 1
        rows = [name for dim in _names(self.dims) for name in [dim, *[""] * others]]
        steps = np.round(self.steps, 1) + 0.0  # which makes 0.0 of -0.0
        return (
            f"dimension of z{self.level}",
            rows,
            "standard deviations",
            _names(steps),
        )


class HistoryDisplay:
    """The training history: a small axes for the loss and for each of its terms.

    Parameters
    ----------
    epochs : ndarray of shape (n_epochs,)
        Numbers of the epochs.
    train : dict of str to ndarray of shape (n_epochs,)
        Mean of each term over training rows.
    valid : dict of str to ndarray of shape (n_epochs,)
        Mean of each term over held-out rows; empty without early stopping.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_terms,)
        Where `plot` drew, in the order of `train`.
    figure_ : matplotlib Figure
        Their figure.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skfmvae import FactorialMixtureVAE
    >>> from skfmvae.plotting import HistoryDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = FactorialMixtureVAE(max_epochs=2, random_state=0).fit(X / 16, y)
    >>> display = HistoryDisplay.from_estimator(model)
    >>> list(display.train)[:2]
    ['loss', 'log_likelihood']
    """

    def __init__(
        self,
        epochs: np.ndarray,
        *,
        train: dict[str, np.ndarray],
        valid: dict[str, np.ndarray],
    ):
        self.epochs = epochs
        self.train = train
        self.valid = valid

    @classmethod
    def from_estimator(
        cls, estimator: Any, terms: Sequence[str] | None = None, *, ax: Any = None
    ) -> HistoryDisplay:
        """Draw what an estimator recorded while it was fitted.

        Parameters
        ----------
        estimator : object
            A fitted estimator.
        terms : sequence of str or None, default=None
            Names without "train" or "valid", such as "loss" or "log_likelihood"; None
            shows the loss and every term.
        ax : array-like of matplotlib Axes, default=None
            As many as there are terms; None makes a new figure.

        Returns
        -------
        display : HistoryDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If a term is unknown, or `ax` has not one axes per term.
        """
        _pyplot(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        history = estimator.net_.history
        # Beside terms the history holds counts and whether a loss was the best so far.
        last = history[-1].items()
        recorded = [key for key, value in last if isinstance(value, float)]
        known = _without_prefix(recorded, "train_")
        known.sort(key=lambda name: name != "loss")
        terms = known if terms is None else list(terms)
        for term in terms:
            if term not in known:
                raise ValueError(f"term {term!r} is none of the history's: {known}.")
        held_out = _without_prefix(recorded, "valid_")
        return cls(
            np.array(history[:, "epoch"]),
            train={term: np.array(history[:, f"train_{term}"]) for term in terms},
            valid={
                term: np.array(history[:, f"valid_{term}"])
                for term in terms
                if term in held_out
            },
        ).plot(ax)

    def plot(self, ax: Any = None) -> HistoryDisplay:
        """Draw every term against the epoch.

        Parameters
        ----------
        ax : array-like of matplotlib Axes, default=None
            As many as there are terms; None makes a new figure.

        Returns
        -------
        display : HistoryDisplay
            Itself.

        Raises
        ------
        ValueError
            If `ax` has not one axes per term.
        """
        plt = _pyplot("HistoryDisplay.plot")
        n_terms = len(self.train)
        if ax is None:
            n_columns = min(n_terms, 3)
            n_rows = math.ceil(n_terms / n_columns)
            size = 3.2 * n_columns, 2.3 * n_rows
            figure = plt.figure(figsize=size, layout="constrained")
            ax = [figure.add_subplot(n_rows, n_columns, i + 1) for i in range(n_terms)]
        axes = np.ravel(ax)
        if len(axes) != n_terms:
            raise ValueError(
                f"ax holds {len(axes)} axes for {n_terms} terms; give one per term, "
                "or choose fewer terms."
            )
        self.axes_, self.figure_ = axes, axes[0].figure
        for ax, (term, values) in zip(axes, self.train.items(), strict=True):
            ax.plot(self.epochs, values, label="training rows")
            if term in self.valid:
                ax.plot(self.epochs, self.valid[term], label="held-out rows")
            unit = "nats per value" if term == "loss" else "nats per row"
            ax.set(title=term, xlabel="epoch", ylabel=unit)
            ax.xaxis.get_major_locator().set_params(integer=True)
        if self.valid:
            axes[0].legend()
        return self


class GraphDisplay:
    """A graph in plate notation: how rows are generated, and how recognised.

    Circles are continuous and squares discrete, with their numbers of dimensions and of
    values. A node is shaded if it is observed: the rows wholly, properties by half, as
    they may be missing on any row, and latents not at all. The plate around the nodes
    says that each row has its own.

    Parameters
    ----------
    graph : Graph
        The graph.

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
    >>> from skfmvae.graphical_model import Continuous, Discrete, Graph, Latent
    >>> from skfmvae.plotting import GraphDisplay
    >>> graph = Graph(
    ...     {"identity": Discrete(20), "light": Continuous(3), "style": Latent(8)},
    ...     recognition={"style": ["identity", "light"]},
    ... )
    >>> display = GraphDisplay(graph).plot()
    >>> list(display.arrows_[0])
    [('identity', 'x'), ('light', 'x'), ('style', 'x')]
    """

    def __init__(self, graph: Graph):
        self.graph = graph

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> GraphDisplay:
        """Draw the graph of an estimator.

        Parameters
        ----------
        estimator : SemiSupervisedVAE
            A fitted estimator.
        ax : array-like of two matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : GraphDisplay
            What was drawn.

        Raises
        ------
        TypeError
            If the estimator is of a kind without a graph.
        ValueError
            If `ax` has not two axes.
        """
        _pyplot(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        if not hasattr(estimator, "graph_"):
            raise TypeError(
                f"estimator is a {type(estimator).__name__}, which has no graph_; give "
                "a fitted SemiSupervisedVAE, or draw a Graph with GraphDisplay(graph)."
            )
        return cls(estimator.graph_).plot(ax)

    def plot(self, ax: Any = None) -> GraphDisplay:
        """Draw both directions.

        Parameters
        ----------
        ax : array-like of two matplotlib Axes, default=None
            For the generative direction and for recognition; None makes a new figure.

        Returns
        -------
        display : GraphDisplay
            Itself.

        Raises
        ------
        ValueError
            If no model can be built from the graph, or `ax` has not two axes.
        """
        plt = _pyplot("GraphDisplay.plot")
        self.graph.check()
        texts = [text for v in (*self.graph.variables, ROWS) for text in self._texts(v)]
        widest = min(WIDEST_TEXT, max(_lettering(text)[1] for text in texts))
        width = max(NODE_SIZE, widest / TEXT_SHARE)
        panels = []
        for direction in ("generative", "recognition"):
            parents = self._parents(direction)
            panels.append(_place(parents, width, upwards=direction == "recognition"))
        plates = [_plate(centres, bends, width) for centres, bends in panels]
        widths = [right - left for (left, _), (right, _) in plates]
        stacked = sum(widths) > WIDEST_FIGURE
        # What stands side by side is of one height, what is stacked of one width.
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
        left, right = axes
        left.set(title="generative", xlabel="circle: continuous\nsquare: discrete")
        right.set(
            title="recognition",
            xlabel="shaded: observed\nhalf-shaded: on some rows",
        )
        return self

    def _parents(self, direction):
        """Return the parents of every node, in an order that has parents first."""
        order = self.graph.order(direction)
        if direction == "generative":
            return {v: self.graph.parents(v) for v in (*order, ROWS)}
        recognised = {v: [ROWS, *self.graph.parents(v, direction)] for v in order}
        return {ROWS: [], **recognised}

    def _texts(self, name):
        """Return what is written in a node: its name, and its size below."""
        variable = self.graph.variables.get(name)
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

        variable = self.graph.variables.get(name)
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
            # Below the outline, half of which it would cover.
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
    """Return the centres of nodes and the bends of arrows, which shall cross no node.

    Nodes move apart until no arrow does, or enough.
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
    for v, above in parents.items():  # which has parents first
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
    return ax.add_artist(arrow)  # whose path is not in data units


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
    """Write letters that grow with the axes, as nodes do; smaller ones if need be."""
    from matplotlib.patches import PathPatch
    from matplotlib.transforms import Affine2D

    outline, width = _lettering(text, size)
    place = Affine2D().translate(-width / 2, 0).scale(room / max(width, room))
    path = outline.transformed(place.translate(*centre))
    ax.add_patch(PathPatch(path, facecolor="black", linewidth=0))


def _pyplot(caller):
    try:
        import matplotlib.pyplot
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib, which the extra named plot brings: "
            'pip install "skfmvae[plot]"'
        ) from error
    return matplotlib.pyplot


def _property_and_values(estimator, name, values):
    """Return the name and the values to show, the first and all of them by default."""
    names = estimator.property_names_
    name = names[0] if name is None else name
    if name not in names:
        raise ValueError(f"property={name!r} is none of the estimator's: {names}.")
    if values is None:
        return name, estimator.labels_.values[names.index(name)]
    return name, np.asarray(values)


def _dense(X):
    X = check_array(X, accept_sparse="csr", dtype=np.float32)
    return X if isinstance(X, np.ndarray) else X.toarray()


def _as_images(rows, image_shape):
    """Return rows as images, the channels (three or none at all) last."""
    shape = _check_image_shape(image_shape, rows.shape[-1])
    images = rows.reshape(*rows.shape[:-1], *shape)
    return images[..., 0, :, :] if shape[0] == 1 else np.moveaxis(images, -3, -1)


def _check_image_shape(image_shape, n_features):
    """Return channels, height and width."""
    if image_shape is None:
        for n_channels in (1, 3):
            size = math.isqrt(n_features // n_channels)
            if n_channels * size**2 == n_features:
                return n_channels, size, size
        raise ValueError(
            f"Rows of {n_features} values are no square images; give image_shape="
            "(height, width), or (channels, height, width). Rows that are no images "
            "cannot be drawn."
        )
    shape = (1, *image_shape) if len(image_shape) == 2 else tuple(image_shape)
    if len(shape) != 3 or shape[0] not in (1, 3) or math.prod(shape) != n_features:
        raise ValueError(
            f"image_shape={image_shape!r} does not fit rows of {n_features} values; "
            "give (height, width), or (channels, height, width) with 1 or 3 channels."
        )
    return shape


def _mosaic(images):
    """Lay images of shape (rows, columns, ...) side by side, NaN between them."""
    n_rows, n_columns, height, width, *channels = images.shape
    padding = [(0, 0), (0, 0), (0, 1), (0, 1), *[(0, 0)] * len(channels)]
    tiles = np.pad(images, padding, constant_values=np.nan).swapaxes(1, 2)
    mosaic = tiles.reshape(n_rows * (height + 1), n_columns * (width + 1), *channels)
    return mosaic[:-1, :-1]


def _centres(n_images, size):
    return np.arange(n_images) * (size + 1) + (size - 1) / 2


def _limits(images):
    low, high = float(images.min()), float(images.max())
    return (0.0, 1.0) if 0 <= low and high <= 1 else (low, high)


def _longest(names):
    return max(map(len, names), default=0)


def _names(values):
    return [str(value) for value in values]


def _without_prefix(keys, prefix):
    return [key.removeprefix(prefix) for key in keys if key.startswith(prefix)]
