"""Pictures of fitted estimators: samples, reconstructions, interventions, history.

The displays follow scikit-learn's: ``from_estimator`` computes and draws, the result
holds what was drawn, and ``plot`` draws it again. Rows of data are drawn as images.
Matplotlib is needed: ``pip install "skfmvae[plot]"``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

__all__ = [
    "HistoryDisplay",
    "InterventionDisplay",
    "ReconstructionDisplay",
    "SamplesDisplay",
]


# In inches, for figures of our own.
IMAGE_SIZE = 0.6  # the longer side of an image
LABEL_SIZE = 0.4  # and the width that an image has at least, for "data" above it
LETTER_SIZE = 0.1
MARGIN = 0.4


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
