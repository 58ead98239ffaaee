"""Distances between images that ignore small distortions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial, reduce
from numbers import Integral

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.metrics.pairwise import check_pairwise_arrays
from sklearn.utils import check_consistent_length

from skfmvae._utils.compat import Interval
from skfmvae._utils.types import MatrixLike

from .shapes import image_shape_of

__all__ = ["ImageDistortion"]

# Pairs of images per block: operations on fewer take little longer than their start. Of
# 28 x 28 pixels a pair takes a fifth longer among 64, and twice as long among 16.
N_PAIRS = 128


class ImageDistortion(BaseEstimator):
    """Distance from one image to small distortions of another.

    Each pixel of the first image is compared with the pixels of the second within
    `warp` pixels along each axis. The distance is the root of the sum, over pixels, of
    the least squared difference of the gradients around them. The second image may thus
    be bent, but not have other edges. The distance is not symmetric.

    Parameters
    ----------
    warp : int, default=2
        Largest displacement of a pixel along each axis, in pixels. Raise it for larger
        images, whose strokes vary by more pixels.
    context : int, default=1
        Number of pixels on each side of a pixel that are compared with it. Raise it for
        images whose single pixels are noisy; 0 compares single pixels.
    image_shape : tuple (channels, height, width) or None, default=None
        Shape of one image. None stands for square images with one channel, or else
        with three.

    See Also
    --------
    skfmvae.regularizers.Neighbours : Its `distance` can be such a distance.
    skfmvae.images.OrientedGradients : Features that find candidates for neighbours.

    Notes
    -----
    Rows hold an image channel by channel, as for :class:`skfmvae.nn.Conv`. A pair of
    images of 28 x 28 pixels takes about 30 microseconds on one core. Pairs are divided
    among as many threads as torch has, ``torch.get_num_threads()``.

    References
    ----------
    D. Keysers et al. (2007). Deformation Models for Image Recognition. Section 4.3, the
    image distortion model with local context and Sobel gradients.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skfmvae.images import ImageDistortion
    >>> X, y = load_digits(return_X_y=True)
    >>> ones = X[y == 1]
    >>> between_ones = ImageDistortion(warp=1)(ones[:100], ones[1:101])
    >>> to_others = ImageDistortion(warp=1)(ones[:100], X[y == 7][:100])
    >>> bool(between_ones.mean() < to_others.mean())
    True
    """

    _parameter_constraints: dict = {
        "warp": [Interval(Integral, 0, None, closed="left")],
        "context": [Interval(Integral, 0, None, closed="left")],
        "image_shape": [None, tuple, list],
    }

    def __init__(
        self,
        warp: int = 2,
        context: int = 1,
        image_shape: tuple[int, int, int] | None = None,
    ):
        self.warp = warp
        self.context = context
        self.image_shape = image_shape

    def __call__(self, X: MatrixLike, Y: MatrixLike) -> np.ndarray:
        """Return the distance between the images of each pair.

        Parameters
        ----------
        X : array-like of shape (n_pairs, n_features)
            The first image of each pair.
        Y : array-like of shape (n_pairs, n_features)
            The second image of each pair, which is distorted.

        Returns
        -------
        distances : float32 ndarray of shape (n_pairs,)
            In units of the images' values.

        Raises
        ------
        ValueError
            If a row is no image of `image_shape`, or the two arrays have different
            shapes.
        """
        self._validate_params()
        X, Y = check_pairwise_arrays(X, Y, dtype=np.float32, accept_sparse=False)
        check_consistent_length(X, Y)
        shape = image_shape_of(type(self).__name__, self.image_shape, X.shape[1])
        blocks = [slice(start, start + N_PAIRS) for start in range(0, len(X), N_PAIRS)]

        def squared(pairs):
            first, second = (
                _gradients(rows[pairs].reshape(-1, *shape)) for rows in (X, Y)
            )
            return self._squared(first, second)

        # NumPy computes a block on one thread and lets others run meanwhile; threads of
        # torch would wait for each other after each of many short operations.
        with ThreadPoolExecutor(torch.get_num_threads()) as threads:
            return np.sqrt(np.concatenate([*threads.map(squared, blocks)]))

    def _squared(self, first, second):
        """Return squared distances from gradients (channels, height, width, n)."""
        _, height, width, n = first.shape
        warp, context = self.warp, self.context
        second = np.pad(second, [(0, 0), (warp, warp), (warp, warp), (0, 0)])
        # Pixels beyond the border add nothing.
        difference = np.zeros(
            (height + 2 * context, width + 2 * context, n), np.float32
        )
        inside = difference[context : context + height, context : context + width]
        step, in_rows = np.empty_like(first), np.empty_like(difference[:, :width])
        least = np.full((height, width, n), np.inf, np.float32)
        around = np.empty_like(least)
        for down in range(2 * warp + 1):
            for right in range(2 * warp + 1):
                moved = second[:, down : down + height, right : right + width]
                np.subtract(first, moved, out=step)
                np.einsum("chwn,chwn->hwn", step, step, out=inside)
                sums = _window_sum(_window_sum(difference, 1, in_rows), 0, around)
                np.minimum(least, sums, out=least)
        return least.sum((0, 1))


def _window_sum(values, axis, out):
    """Return sums over windows along an axis, as many as `out` has places there."""
    values, out = np.moveaxis(values, axis, 0), np.moveaxis(out, axis, 0)
    n_shifts = len(values) - len(out) + 1
    shifted = [values[shift : shift + len(out)] for shift in range(n_shifts)]
    return np.moveaxis(reduce(partial(np.add, out=out), shifted), 0, axis)


def _gradients(images):
    """Return Sobel gradients, two of each channel, with images along the last axis."""
    values = np.pad(images, [(0, 0), (0, 0), (1, 1), (1, 1)])
    values = np.ascontiguousarray(values.transpose(1, 2, 3, 0))
    across = values[:, :, 2:] - values[:, :, :-2]
    down = values[:, 2:] - values[:, :-2]
    return np.concatenate(
        [
            (across[:, :-2] + across[:, 2:] + 2 * across[:, 1:-1]) / 4,
            (down[:, :, :-2] + down[:, :, 2:] + 2 * down[:, :, 1:-1]) / 4,
        ]
    )
