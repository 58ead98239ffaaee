"""Pictures of rows with one property changed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from ._pyplot import pyplot
from .image_grid import ImageGrid, as_images, dense_rows, property_and_values, texts_of

__all__ = ["InterventionDisplay"]


class InterventionDisplay(ImageGrid):
    """Rows of data with one property set to each of its values in turn.

    Parameters
    ----------
    images : ndarray of shape (n_samples, 1 + n_values, height, width[, 3])
        The data, then the rows after the intervention for every value.
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
        """Draw rows with a property set to each of its values.

        Parameters
        ----------
        estimator : object
            A fitted estimator.
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows, each in a row of the picture.
        property : str or None, default=None
            The property to change; None takes the first.
        values : array-like or None, default=None
            The values to set; None sets all of them.
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
        display : InterventionDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a property or a value is unknown, or the rows are no images of that
            shape.
        """
        pyplot(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        name, shown = property_and_values(estimator, property, values)
        changed = [estimator.intervene(X, {name: value}) for value in shown]
        images = as_images(np.stack([dense_rows(X), *changed], axis=1), image_shape)
        display = cls(images, property_name=name, values=shown)
        return display.plot(ax, cmap=cmap)

    def _labels(self):
        return "", [], self.property_name, ["data", *texts_of(self.values)]
