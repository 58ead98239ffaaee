"""Random changes of images that keep their properties."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from numbers import Real

import torch
from sklearn.base import BaseEstimator
from torch import Tensor
from torch.nn import functional

from skfmvae._utils.compat import Interval

from .shapes import image_shape_of

__all__ = ["ImageAugmentation", "erase_patches", "move_images"]

N_BENDS = 5  # grid points along each side of an image that are displaced


class ImageAugmentation(BaseEstimator):
    """Random shifts, turns, scales, shears, bends and erasures of each image.

    The images of a batch are transformed in one bilinear resampling; beyond the edges
    the last pixels are repeated. All draws are uniform between plus and minus the
    limits below, for each image and epoch. Choose no change of a property: a 6 that is
    turned upside down is a 9.

    Parameters
    ----------
    shift : float, default=2.0
        Largest shift along each axis, in pixels.
    rotate : float, default=10.0
        Largest turn about the centre, in degrees.
    scale : float, default=0.1
        Largest growth: sizes are multiplied by up to ``1 + scale``, or divided, evenly
        in the logarithm.
    shear : float, default=0.1
        Largest slant, in pixels per pixel of height.
    warp : float, default=0.0
        Largest displacement of each of 5 x 5 grid points along either axis, in pixels;
        displacements between grid points are interpolated smoothly.
    erase : float, default=0.0
        Largest side of a patch that is filled with the mean of its image, as a share
        of the image's side. The model learns to generate such patches too.
    image_shape : tuple (channels, height, width) or None, default=None
        Shape of one image. None stands for square images with one channel, or else
        with three.

    See Also
    --------
    skfmvae.images.OrientedGradients : Features for neighbours among images.

    Notes
    -----
    Rows hold an image channel by channel, as for :class:`skfmvae.nn.Conv`. Values stay
    in the range of their image, but whole numbers become fractional. A pixel is missing
    where one that it is interpolated from is, and so is a patch of such an image.

    References
    ----------
    P. Simard, D. Steinkraus, J. Platt (2003). Best Practices for Convolutional Neural
    Networks Applied to Visual Document Analysis. Section 2, elastic distortions.

    Z. Zhong et al. (2020). Random Erasing Data Augmentation.
    https://arxiv.org/abs/1708.04896.

    Examples
    --------
    >>> import torch
    >>> from skfmvae.images import ImageAugmentation
    >>> augment = ImageAugmentation(shift=1.0, rotate=5.0).build(n_columns=64)
    >>> augment(torch.rand(10, 64)).shape
    torch.Size([10, 64])
    """

    _parameter_constraints: dict = {
        "shift": [Interval(Real, 0, None, closed="left")],
        "rotate": [Interval(Real, 0, 180, closed="both")],
        "scale": [Interval(Real, 0, None, closed="left")],
        "shear": [Interval(Real, 0, None, closed="left")],
        "warp": [Interval(Real, 0, None, closed="left")],
        "erase": [Interval(Real, 0, 1, closed="both")],
        "image_shape": [None, tuple, list],
    }

    def __init__(
        self,
        shift: float = 2.0,
        rotate: float = 10.0,
        scale: float = 0.1,
        shear: float = 0.1,
        warp: float = 0.0,
        erase: float = 0.0,
        image_shape: tuple[int, int, int] | None = None,
    ):
        self.shift = shift
        self.rotate = rotate
        self.scale = scale
        self.shear = shear
        self.warp = warp
        self.erase = erase
        self.image_shape = image_shape

    def build(self, n_columns: int) -> Callable[[Tensor], Tensor]:
        """Return the function that changes batches.

        Parameters
        ----------
        n_columns : int
            Number of values of a row.

        Returns
        -------
        augment : callable
            From rows (n, n_columns) to rows of the same shape, with torch's generator.

        Raises
        ------
        ValueError
            If a row is no image of `image_shape`.
        """
        shape = image_shape_of(type(self).__name__, self.image_shape, n_columns)
        return partial(self._augmented, shape)

    def _augmented(self, shape, x):
        images = move_images(x.view(-1, *shape), *self._draw_moves(x))
        if self.erase:
            images = erase_patches(images, self.erase)
        return images.reshape(x.shape)

    def _draw_moves(self, x):
        """Return random arguments of `move_images`."""

        def uniform(limit, *sizes):
            return limit * (2 * torch.rand(len(x), *sizes).to(x) - 1)

        angle = uniform(math.radians(self.rotate))
        growth = uniform(math.log1p(self.scale)).exp()
        cos, sin, slant = angle.cos(), angle.sin(), uniform(self.shear)
        rows = [cos, cos * slant - sin], [sin, sin * slant + cos]
        matrix = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
        shift = uniform(self.shift, 2)
        bends = uniform(self.warp, N_BENDS, N_BENDS, 2) if self.warp else None
        return growth[:, None, None] * matrix, shift, bends


def move_images(
    images: Tensor, matrix: Tensor, shift: Tensor, bends: Tensor | None = None
) -> Tensor:
    """Resample images along linear maps about their centres, and bend them.

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
        The images.
    matrix : Tensor of shape (n, 2, 2)
        Maps the position of a pixel of the result to its source, horizontally and
        vertically.
    shift : Tensor of shape (n, 2)
        A displacement of the source, in pixels.
    bends : Tensor of shape (n, rows, columns, 2) or None, default=None
        Further displacements at grid points, evenly over the image from edge to edge,
        with bicubic interpolation between them. None stands for zero.

    Returns
    -------
    images : Tensor of shape (n, channels, height, width)
        Resampled bilinearly; beyond the border its pixels are repeated.
    """
    n, _, *size = images.shape
    parameters = [matrix, shift[:, :, None]]
    n_points = None
    if bends is not None:
        n_points = bends.shape[1:3]
        parameters.append(bends.flatten(1, 2).mT)
    # The unit of torch's coordinates is half an image.
    half = torch.tensor(size[::-1]).to(images)[:, None] / 2
    # One product of matrices for all images, many times faster than one per image.
    moves = (torch.cat(parameters, dim=2) / half).flatten(0, 1)
    grid = (moves @ _maps(*size, n_points).to(images)).view(n, 2, *size)
    return functional.grid_sample(
        images, grid.permute(0, 2, 3, 1), padding_mode="border", align_corners=False
    )


@lru_cache
def _maps(height, width, n_points):
    """Return the effect of each parameter on each pixel, (parameters, height * width).

    The parameters are the slopes across and down, the shift, and the displacement of
    each grid point.
    """
    down, across = (torch.arange(n).double() - (n - 1) / 2 for n in (height, width))
    slopes = torch.stack(torch.meshgrid(across, down, indexing="xy"))
    maps = [slopes, torch.ones(1, height, width)]
    if n_points is not None:
        one_each = torch.eye(math.prod(n_points)).double().view(1, -1, *n_points)
        bends = functional.interpolate(
            one_each, (height, width), mode="bicubic", align_corners=True
        )
        maps.append(bends[0])
    return torch.cat(maps).flatten(1)


def erase_patches(images: Tensor, largest: float) -> Tensor:
    """Fill a random patch of each image with its mean.

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
        The images.
    largest : float in [0, 1]
        Largest side, as a share of the image's side; sides are drawn uniformly.

    Returns
    -------
    images : Tensor of shape (n, channels, height, width)
        The images with their patches filled.
    """
    inside = []
    for size in images.shape[2:]:
        side = (largest * size * torch.rand(len(images), 1)).round()
        start = ((size - side + 1) * torch.rand(len(images), 1)).floor()
        pixel = torch.arange(size)
        inside.append(((pixel >= start) & (pixel < start + side)).to(images))
    # Several times faster than torch.where, and as exact.
    patch = inside[0][:, None, :, None] * inside[1][:, None, None, :]
    return torch.lerp(images, images.mean((2, 3), keepdim=True), patch)
