"""Pictures of rows that are images: samples, reconstructions, interventions."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from skfmvae.images import square_image_shape

from ._pyplot import pyplot

__all__ = [
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


class _ImageGrid(ABC):
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
        plt = pyplot(f"{type(self).__name__}.plot")
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

    @abstractmethod
    def _labels(self) -> tuple[str, list[str], str, list[str]]:
        """Return what stands beside rows and above columns, each under a title."""


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
        pyplot(f"{cls.__name__}.from_estimator")
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
        pyplot(f"{cls.__name__}.from_estimator")
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
        pyplot(f"{cls.__name__}.from_estimator")
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
        pyplot(f"{cls.__name__}.from_estimator")
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
        if (square := square_image_shape(n_features)) is not None:
            return square
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
