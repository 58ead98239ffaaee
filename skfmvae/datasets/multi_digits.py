"""Several digits on one image."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.utils import check_random_state

from skfmvae._utils.checks import check_whole

__all__ = ["MULTI_DIGITS_COLUMNS", "make_multi_digits"]

# Names of the columns of `y`, for ``pandas.DataFrame(y, columns=...)``.
MULTI_DIGITS_COLUMNS = ("count", *(f"has_{digit}" for digit in range(10)))

CANVAS_SIZE = 32  # height and width, in pixels


def make_multi_digits(
    n_samples: int = 4000,
    *,
    max_digits: int = 3,
    random_state: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return images of several of scikit-learn's digits, or of none.

    Parameters
    ----------
    n_samples : int, default=4000
        Number of rows.
    max_digits : int, default=3
        Largest number of digits on an image, from 1 to 6; all numbers from 0 are
        equally frequent.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws.

    Returns
    -------
    X : float32 ndarray of shape (n_samples, 1024)
        Grey images of 32 x 32 pixels, row by row from the top, in [0, 1]. A digit has
        8 x 8 pixels; digits are anywhere on the image and do not overlap.
    y : int64 ndarray of shape (n_samples, 11)
        The number of digits, then 1 for each of the digits 0 to 9 that occurs and 0 for
        the others. `MULTI_DIGITS_COLUMNS` names the columns.

    Raises
    ------
    ValueError
        If `n_samples` or `max_digits` is out of range.

    See Also
    --------
    sklearn.datasets.load_digits : The 1,797 digits.

    Examples
    --------
    >>> from skfmvae.datasets import make_multi_digits
    >>> X, y = make_multi_digits(100, random_state=0)
    >>> X.shape, y.shape
    ((100, 1024), (100, 11))
    """
    check_whole("n_samples", n_samples, 1)
    check_whole("max_digits", max_digits, 1, 6)
    random_state = check_random_state(random_state)
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)
    width = images.shape[-1]

    count = random_state.randint(max_digits + 1, size=n_samples)
    is_there = np.arange(max_digits) < count[:, None]
    drawn = random_state.randint(len(images), size=is_there.shape)
    corners = _separate_corners(is_there, width, random_state)
    X = np.zeros((n_samples, CANVAS_SIZE, CANVAS_SIZE), dtype=np.float32)
    y = np.zeros((n_samples, len(MULTI_DIGITS_COLUMNS)), dtype=np.int64)
    y[:, 0] = count
    row, k = np.nonzero(is_there)
    y[row, 1 + digits.target[drawn[row, k]]] = 1
    pixels = corners[row, k, :, None] + np.arange(width)
    X[row[:, None, None], pixels[:, 0, :, None], pixels[:, 1, None, :]] = images[
        drawn[row, k]
    ]
    return X.reshape(n_samples, -1), y


def _separate_corners(is_there, width, random_state):
    """Return upper left corners of squares, drawn until none overlap."""
    corners = np.zeros((*is_there.shape, 2), dtype=np.int64)
    pairs = ~np.eye(is_there.shape[1], dtype=bool)
    pairs = pairs & is_there[:, :, None] & is_there[:, None, :]
    open_rows = np.arange(len(is_there))
    while len(open_rows):
        corners[open_rows] = random_state.randint(
            CANVAS_SIZE - width + 1, size=(len(open_rows), *corners.shape[1:])
        )
        tried = corners[open_rows]
        distance = np.abs(tried[:, :, None] - tried[:, None, :]).max(axis=-1)
        overlap = (distance < width) & pairs[open_rows]
        open_rows = open_rows[overlap.any(axis=(1, 2))]
    return corners
