"""Pictures of rows and their reconstructions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._pyplot import pyplot
from .image_grid import ImageGrid, as_images, dense_rows

__all__ = ["ReconstructionDisplay"]


class ReconstructionDisplay(ImageGrid):
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
            The rows, each in a column of the picture.
        image_shape : tuple of int or None, default=None
            Shape of one image, (height, width) or (channels, height, width) with one
            or three channels. None stands for square images with one channel, or else
            with three.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        cmap : str, default="gray_r"
            Colour map of images with one channel.

        Returns
        -------
        display : ReconstructionDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the rows are no images of that shape.
        """
        pyplot(f"{cls.__name__}.from_estimator")
        rows = np.stack([dense_rows(X), estimator.reconstruct(X)])
        return cls(as_images(rows, image_shape)).plot(ax, cmap=cmap)

    def _labels(self):
        return "", ["data", "reconstruction"], "", []
