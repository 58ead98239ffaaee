"""Random changes of images that leave their properties as they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from numbers import Real

import torch
from sklearn.base import BaseEstimator
from torch import Tensor
from torch.nn import functional

from skfmvae._compat import Interval
from skfmvae._images import image_shape_of

__all__ = ["ImageAugmentation", "erase_patches", "move_images"]

N_BENDS = 5  # places along each side of an image that are moved apart


class ImageAugmentation(BaseEstimator):
    """Shift, rotate, scale, shear, bend and erase images, each in its own way.

    The images of a batch are moved in one bilinear resampling; at the edges the last
    pixels go on. All draws are uniform between plus and minus the limits below, anew
    for each image and epoch. Choose none that changes a property: a 6 that is turned
    upside down is a 9.

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
        How far images are bent, in pixels: 5 x 5 places, evenly over the image, are
        each moved by up to so much along either axis, and what is between them
        smoothly.
    erase : float, default=0.0
        Largest side of a patch that is filled with the mean of its image, as a share
        of the image's side. The model learns to generate such patches too.
    image_shape : tuple (channels, height, width) or None, default=None
        Shape of one image. None takes images for square, with one channel or else
        with three.

    See Also
    --------
    skfmvae.features.OrientedGradients : Features by which neighbours among images are
        found.

    Notes
    -----
    Rows hold an image channel by channel, as for :class:`skfmvae.nn.Conv`. Values stay
    within those of their image, but whole numbers do not stay whole.

    References
    ----------
    P. Simard, D. Steinkraus, J. Platt (2003). Best Practices for Convolutional Neural
    Networks Applied to Visual Document Analysis. Section 2, elastic distortions.

    Z. Zhong et al. (2020). Random Erasing Data Augmentation.
    https://arxiv.org/abs/1708.04896.

    Examples
    --------
    >>> import torch
    >>> from skfmvae.augment import ImageAugmentation
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
            From rows (n, n_columns) to such rows, with draws of torch's generator.

        Raises
        ------
        ValueError
            If a row is no image of `image_shape`.
        """
        shape = image_shape_of(type(self).__name__, self.image_shape, n_columns)
        return partial(self._augmented, shape)

    def _augmented(self, shape, x):
        images = move_images(x.view(-1, *shape), *self._draw_moves(shape, x))
        if self.erase:
            images = erase_patches(images, self.erase)
        return images.reshape(x.shape)

    def _draw_moves(self, shape, x):
        """Return where images are looked at, and from what shift of each place."""

        def uniform(limit, *sizes):
            return limit * (2 * torch.rand(len(x), *sizes).to(x) - 1)

        angle = uniform(math.radians(self.rotate))
        growth = uniform(math.log1p(self.scale)).exp()
        cos, sin, slant = angle.cos(), angle.sin(), uniform(self.shear)
        rows = [cos, cos * slant - sin], [sin, sin * slant + cos]
        matrix = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
        shift = uniform(self.shift, 2)[:, None, None]
        if self.warp:
            smooth = _bicubic(N_BENDS, shape[1:]).to(x)
            bends = uniform(self.warp, N_BENDS**2, 2)
            shift = shift + torch.einsum("phw,npc->nhwc", smooth, bends)
        return growth[:, None, None] * matrix, shift


def _bicubic(n_places, size):
    """Return what each of the places, so many a side, adds to each pixel."""
    places = torch.eye(n_places**2).view(1, -1, n_places, n_places)
    return functional.interpolate(places, size, mode="bicubic", align_corners=True)[0]


def move_images(images: Tensor, matrix: Tensor, shift: Tensor) -> Tensor:
    """Resample images along linear maps about their centres.

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
        What is to be moved.
    matrix : Tensor of shape (n, 2, 2)
        From where a pixel of the result lies to where it is taken from, horizontally
        and vertically.
    shift : Tensor of shape (n, height, width, 2), or one that grows to it
        What is added to the latter, in pixels.

    Returns
    -------
    images : Tensor of shape (n, channels, height, width)
        Bilinear between pixels; beyond the border its pixels go on.
    """
    # Torch measures places in halves of the image's size.
    half = torch.tensor([images.shape[3], images.shape[2]]).to(images) / 2
    matrix = matrix * half / half[:, None]
    theta = functional.pad(matrix, (0, 1))
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    grid = grid + shift / half
    return functional.grid_sample(
        images, grid, padding_mode="border", align_corners=False
    )


def erase_patches(images: Tensor, largest: float) -> Tensor:
    """Fill a random patch of each image with its mean.

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
        What is to be changed.
    largest : float in [0, 1]
        Largest side, as a share of the image's; sides are drawn evenly below.

    Returns
    -------
    images : Tensor of shape (n, channels, height, width)
        The same, but for the patches.
    """
    inside = []
    for size in images.shape[2:]:
        side = (largest * size * torch.rand(len(images), 1)).round()
        start = ((size - side + 1) * torch.rand(len(images), 1)).floor()
        place = torch.arange(size)
        inside.append((place >= start) & (place < start + side))
    patch = (inside[0][:, :, None] & inside[1][:, None, :])[:, None].to(images.device)
    return torch.where(patch, images.mean((2, 3), keepdim=True), images)
