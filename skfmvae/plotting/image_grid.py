"""A table of images in one axes, and rows of data as images."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from sklearn.utils import check_array

from skfmvae.images import square_image_shape

from ._pyplot import pyplot

__all__ = ["ImageGrid", "as_images", "dense_rows", "property_and_values", "texts_of"]

# In inches, for new figures.
IMAGE_SIZE = 0.6  # the longer side of an image
LABEL_SIZE = 0.4  # the least width of an image, for the label "data" above it
LETTER_SIZE = 0.1
MARGIN = 0.4


class ImageGrid(ABC):
    """A table of images, drawn side by side in one axes.

    A subclass returns the labels of rows and columns from `_labels`.
    """

    images: np.ndarray  # (n_rows, n_columns, height, width[, 3])

    def plot(self, ax: Any = None, *, cmap: str = "gray_r"):
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        cmap : str, default="gray_r"
            Colour map of images with one channel. All images of a display share its
            limits: 0 and 1 if all values are between, else their extremes.

        Returns
        -------
        display : object
            Itself.
        """
        plt = pyplot(f"{type(self).__name__}.plot")
        n_rows, n_columns, height, width = self.images.shape[:4]
        row_name, rows, column_name, columns = self._labels()
        if ax is None:
            _, ax = plt.subplots(figsize=self._figsize(), layout="constrained")
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
        # Towards the labels, for which the layout otherwise leaves too little room.
        ax.set_anchor("NW")
        return self

    def _figsize(self) -> tuple[float, float]:
        """Return the width and the height of a figure with room for the labels."""
        n_rows, n_columns, height, width = self.images.shape[:4]
        _, rows, column_name, columns = self._labels()
        inch = max(IMAGE_SIZE / max(height, width), LABEL_SIZE / width)
        labelled_width = n_columns * width * inch + LETTER_SIZE * _longest(rows)
        return (
            max(labelled_width, LETTER_SIZE * len(column_name)) + MARGIN,
            n_rows * height * inch + LETTER_SIZE * _longest(columns) + MARGIN,
        )

    @abstractmethod
    def _labels(self) -> tuple[str, list[str], str, list[str]]:
        """Return the title and the labels of the rows, then those of the columns."""


def property_and_values(
    estimator: Any, name: str | None, values: Any
) -> tuple[str, np.ndarray]:
    """Return the name and the values of the property to show.

    Parameters
    ----------
    estimator : object
        A fitted estimator.
    name : str or None
        The property; None stands for the first.
    values : array-like or None
        The values; None stands for all of them.

    Returns
    -------
    name : str
        The property.
    values : ndarray of shape (n_values,)
        Its values to show.

    Raises
    ------
    ValueError
        If there is no such property.
    """
    names = estimator.property_names_
    name = names[0] if name is None else name
    if name not in names:
        raise ValueError(f"property={name!r} is none of the estimator's: {names}.")
    if values is None:
        return name, estimator.targets_.labels.values[names.index(name)]
    return name, np.asarray(values)


def dense_rows(X: Any) -> np.ndarray:
    """Return rows as a dense array of float32.

    Parameters
    ----------
    X : {array-like, CSR matrix} of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    X : float32 ndarray of shape (n_samples, n_features)
        The rows.
    """
    X = check_array(X, accept_sparse="csr", dtype=np.float32)
    return X if isinstance(X, np.ndarray) else X.toarray()


def as_images(rows: np.ndarray, image_shape: tuple[int, ...] | None) -> np.ndarray:
    """Return rows as images.

    Parameters
    ----------
    rows : ndarray of shape (..., n_features)
        The rows.
    image_shape : tuple of int or None
        (height, width) or (channels, height, width); None stands for square images.

    Returns
    -------
    images : ndarray of shape (..., height, width[, 3])
        Three channels come last; a single one has no axis.

    Raises
    ------
    ValueError
        If the rows are no images of that shape.
    """
    shape = _check_image_shape(image_shape, rows.shape[-1])
    images = rows.reshape(*rows.shape[:-1], *shape)
    return images[..., 0, :, :] if shape[0] == 1 else np.moveaxis(images, -3, -1)


def texts_of(values: Any) -> list[str]:
    """Return values as texts.

    Parameters
    ----------
    values : iterable
        The values.

    Returns
    -------
    texts : list of str
        A text for each value.
    """
    return [str(value) for value in values]


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
