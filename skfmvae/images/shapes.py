"""Images that are stored as flat rows, channel by channel."""

from __future__ import annotations

import math

__all__ = ["image_shape_of", "square_image_shape"]


def square_image_shape(n_columns: int) -> tuple[int, int, int] | None:
    """Return the shape of square images with one channel, or with three, or None.

    Parameters
    ----------
    n_columns : int
        Number of values of a row.

    Returns
    -------
    image_shape : tuple (channels, height, width) or None
        None where no such image has this number of values.
    """
    for n_channels in (1, 3):
        size = math.isqrt(n_columns // n_channels)
        if n_channels * size**2 == n_columns:
            return n_channels, size, size
    return None


def image_shape_of(
    owner: str, image_shape: tuple[int, int, int] | None, n_columns: int
) -> tuple[int, int, int]:
    """Return the shape of the images in rows, after a check of their size.

    Parameters
    ----------
    owner : str
        The class with the parameter `image_shape`, for the error.
    image_shape : tuple (channels, height, width) or None
        None stands for square images with one channel, or else with three.
    n_columns : int
        Number of values of a row.

    Returns
    -------
    image_shape : tuple (channels, height, width)
        The shape, with the square shape in place of None.

    Raises
    ------
    ValueError
        If no such image has this number of values.
    """
    if image_shape is None:
        image_shape = square_image_shape(n_columns)
        if image_shape is None:
            raise ValueError(
                f"{owner}: image_shape=None, but {n_columns} columns are no square "
                "image with one or three channels; give image_shape=(channels, "
                "height, width)."
            )
    if len(image_shape) != 3 or math.prod(image_shape) != n_columns:
        raise ValueError(
            f"{owner}: image_shape={image_shape!r} does not fit rows of {n_columns} "
            "columns; give (channels, height, width)."
        )
    return image_shape
