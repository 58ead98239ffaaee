"""Pictures of rows as one latent varies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from ._pyplot import pyplot
from .image_grid import ImageGrid, as_images, texts_of

__all__ = ["TraversalDisplay"]


class TraversalDisplay(ImageGrid):
    """Rows as one latent varies over its prior, with a column for each step.

    The rows of a dimension from several starting rows are below each other, which shows
    whether its effect is the same for all of them.

    Parameters
    ----------
    images : ndarray of shape (n_dims * n_samples, n_steps, height, width[, 3])
        The images from each start as the first dimension varies, then the second, and
        so on.
    level : int
        The latent level that varies.
    dims : ndarray of shape (n_dims,)
        The dimensions that vary.
    steps : ndarray of shape (n_steps,)
        The steps, in standard deviations from the mean of the prior.

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
        """Draw rows as the latents of a level vary over their priors.

        Parameters
        ----------
        estimator : SemafoVAE
            A fitted estimator.
        X : {array-like, CSR matrix} of shape (n_samples, n_features), default=None
            Rows to start from; None where `properties` are given.
        properties : dict of str to value or array-like of shape (n_samples,), \
                default=None
            Properties to start from, at the means of their priors.
        level : int, default=0
            The latent level to vary: 0 for ``z0``, 1 for the first of the levels, and
            so on.
        dims : int or sequence of int, default=5
            The dimensions to vary, or their number, the widest priors first.
        n_steps : int, default=7
            Number of steps, evenly spaced.
        width : float, default=2.0
            Distance of the outermost steps from the prior's mean, in standard
            deviations.
        image_shape : tuple of int or None, default=None
            Shape of one image, (height, width) or (channels, height, width) with one
            or three channels. None stands for square images with one channel, or else
            with three.
        random_state : int, RandomState instance or None, default=None
            Seed of the properties that `properties` leaves open.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        cmap : str, default="gray_r"
            Colour map of images with one channel.

        Returns
        -------
        display : TraversalDisplay
            The display, drawn.

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
        images = as_images(np.concatenate(rows.swapaxes(0, 1)), image_shape)
        steps = np.linspace(-width, width, n_steps)
        return cls(images, level=level, dims=moved, steps=steps).plot(ax, cmap=cmap)

    def _labels(self):
        others = len(self.images) // len(self.dims) - 1
        rows = [name for dim in texts_of(self.dims) for name in [dim, *[""] * others]]
        steps = np.round(self.steps, 1) + 0.0  # the sum turns -0.0 into 0.0
        return (
            f"dimension of z{self.level}",
            rows,
            "standard deviations",
            texts_of(steps),
        )
