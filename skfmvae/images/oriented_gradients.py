"""Features of images that bring similar ones closer than their pixels do."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor
from torch.nn import functional

from skfmvae._utils.compat import Interval, fit_context
from skfmvae._utils.types import MatrixLike

from .shapes import image_shape_of

__all__ = ["OrientedGradients"]

# Standard deviation of the blur before the gradients, in pixels; tuned on MNIST alone,
# see docs/decisions/006-image-features.md.
PRESMOOTHING = 0.7
N_TRANSFORMED = 1000  # images per block, so that temporary arrays stay small


class OrientedGradients(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Histograms of the orientations of edges, one for each cell of an image.

    Each gradient is divided between its two nearest orientations, and added to the
    cells around it with Gaussian weights. The features of an image are scaled to a sum
    of one and replaced by their roots, so that Euclidean distances between them are
    Hellinger distances. Small shifts and other strengths of stroke change them little.

    Parameters
    ----------
    n_orientations : int, default=12
        Number of orientations over the full circle.
    cell_size : int, default=4
        Distance between the centres of cells, in pixels; the Gaussian weights have
        half of it as their standard deviation.
    image_shape : tuple (channels, height, width) or None, default=None
        Shape of one image. None stands for square images with one channel, or else
        with three. At each pixel the channel with the strongest gradient counts.

    Attributes
    ----------
    image_shape_ : tuple (channels, height, width)
        Shape of one image.
    n_features_in_ : int
        Number of columns seen by `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where `X` had string names.

    See Also
    --------
    skfmvae.regularizers.Neighbours : Its `features` can be such features.

    Notes
    -----
    Rows hold an image channel by channel, as for :class:`skfmvae.nn.Conv`.

    References
    ----------
    N. Dalal, B. Triggs (2005). Histograms of Oriented Gradients for Human Detection.

    R. Arandjelovic, A. Zisserman (2012). Three things everyone should know to improve
    object retrieval. Section 3, the roots.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skfmvae.images import OrientedGradients
    >>> X, y = load_digits(return_X_y=True)
    >>> features = OrientedGradients(cell_size=2).fit(X)
    >>> features.transform(X).shape
    (1797, 192)

    Contrast and background do not change them:

    >>> np.allclose(features.transform(0.5 * X + 3), features.transform(X), atol=1e-3)
    True
    """

    _parameter_constraints: dict = {
        "n_orientations": [Interval(Integral, 1, None, closed="left")],
        "cell_size": [Interval(Integral, 1, None, closed="left")],
        "image_shape": [None, tuple, list],
    }

    def __init__(
        self,
        n_orientations: int = 12,
        cell_size: int = 4,
        image_shape: tuple[int, int, int] | None = None,
    ):
        self.n_orientations = n_orientations
        self.cell_size = cell_size
        self.image_shape = image_shape

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: Any = None) -> OrientedGradients:
        """Learn the shape of the images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The images.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : OrientedGradients
            Itself.

        Raises
        ------
        ValueError
            If a row is no image of `image_shape`.
        """
        X = validate_data(self, X, dtype=np.float32)
        self.image_shape_ = image_shape_of(
            type(self).__name__, self.image_shape, X.shape[1]
        )
        _, height, width = self.image_shape_
        n_cells = math.prod(
            len(_centres(size, self.cell_size)) for size in (height, width)
        )
        self._n_features_out = self.n_orientations * n_cells
        return self

    def transform(self, X: MatrixLike) -> np.ndarray:
        """Return the features of images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The images.

        Returns
        -------
        features : float32 ndarray of shape (n_samples, n_orientations * n_cells)
            Not negative; a row has length one, or zero for an image of one value.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, order="C", reset=False)
        features = np.empty((len(X), self._n_features_out), dtype=np.float32)
        for start in range(0, len(X), N_TRANSFORMED):
            images = torch.tensor(X[start : start + N_TRANSFORMED]).view(
                -1, *self.image_shape_
            )
            features[start : start + N_TRANSFORMED] = self._features(images).numpy()
        return features

    def _features(self, images: Tensor) -> Tensor:
        strength, angle = _gradients(_blur(images, PRESMOOTHING))
        position = angle * (self.n_orientations / (2 * math.pi))
        below = position.floor()
        share = position - below
        n, _, height, width = images.shape
        shared = strength.new_zeros(n, self.n_orientations, height, width)
        for orientation, part in ((below, 1 - share), (below + 1, share)):
            index = orientation.long().remainder(self.n_orientations)
            shared.scatter_add_(1, index, part * strength)
        down, across = (_cell_weights(size, self.cell_size) for size in (height, width))
        cells = (down @ (shared @ across.T)).flatten(1)
        return cells.div(cells.sum(1, keepdim=True).clamp_min(1e-12)).sqrt()


def _centres(size, cell_size):
    """Return the centres of the cells along an axis, about its middle."""
    n_cells = max(1, size // cell_size)
    first = (size - 1 - (n_cells - 1) * cell_size) // 2
    return first + cell_size * torch.arange(n_cells)


def _cell_weights(size, cell_size):
    """Return how much each pixel along an axis counts for each cell."""
    kernel = _gaussian(cell_size / 2)
    reach = len(kernel) // 2
    away = torch.arange(size) - _centres(size, cell_size)[:, None]
    inside = away.abs() <= reach
    return torch.where(inside, kernel[away.clamp(-reach, reach) + reach], 0.0)


def _gradients(images):
    """Return the length and the angle of the strongest channel's gradient."""
    padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
    across = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    down = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    strength, channel = torch.hypot(across, down).max(1, keepdim=True)
    angle = torch.atan2(down.gather(1, channel), across.gather(1, channel))
    return strength, angle


def _blur(images, deviation):
    """Smooth images by a Gaussian, which finds the values of the border beyond it."""
    kernel = _gaussian(deviation)
    reach = len(kernel) // 2
    n_channels = images.shape[1]
    down = kernel.view(1, 1, -1, 1).expand(n_channels, 1, -1, 1)
    images = functional.pad(images, (reach,) * 4, mode="replicate")
    images = functional.conv2d(images, down, groups=n_channels)
    return functional.conv2d(images, down.transpose(2, 3), groups=n_channels)


def _gaussian(deviation):
    """Return the weights of a Gaussian, up to three deviations from its centre."""
    reach = math.ceil(3 * deviation)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / deviation) ** 2)
    return kernel / kernel.sum()
