"""Pictures of samples for each value of a property."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ._pyplot import pyplot
from .image_grid import ImageGrid, as_images, property_and_values, texts_of

__all__ = ["SamplesDisplay"]


class SamplesDisplay(ImageGrid):
    """Samples with a property fixed: a row of images per value, a column per style.

    Every row is drawn with the same seed, so that the images of a column differ by the
    property alone. Images are expectations, without the noise of pixels.

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
            or three channels. None stands for square images with one channel, or else
            with three.
        random_state : int, RandomState instance or None, default=None
            Seed of the samples. An integer is passed to ``estimator.sample``.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        cmap : str, default="gray_r"
            Colour map of images with one channel.

        Returns
        -------
        display : SamplesDisplay
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
        seed = random_state
        if not isinstance(seed, Integral):
            seed = check_random_state(seed).randint(np.iinfo(np.int32).max)
        samples = [
            estimator.sample(n_samples, {name: value}, seed, draw="mean")[0]
            for value in shown
        ]
        images = as_images(np.stack(samples), image_shape)
        display = cls(images, property_name=name, values=shown)
        return display.plot(ax, cmap=cmap)

    def _labels(self):
        return self.property_name, texts_of(self.values), "", []
