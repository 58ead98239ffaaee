"""Digits of four colours, on four others, at four angles."""

from __future__ import annotations

from math import ceil, isqrt, prod
from reprlib import repr as short  # of lists that may be long
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.utils import check_random_state

from skfmvae._utils.checks import check_whole

from ._combinations import Combinations, draw_combinations

__all__ = [
    "COMPOSED_DIGITS_COLUMNS",
    "hold_out_composed_digits",
    "make_composed_digits",
]

# Names of the columns of `y`, for ``pandas.DataFrame(y, columns=...)``.
COMPOSED_DIGITS_COLUMNS = ("digit", "stroke", "background", "rotation")

IMAGE_SIZE = 28  # height and width, in pixels
LARGEST_SMALL = 20  # height and width of an image to enlarge
N_COMPOSED = 1024  # images per block, so that temporary arrays stay small

# Every stroke is light and every background dark, so that all pairs are legible.
STROKES = {
    "white": (1.0, 1.0, 1.0),
    "yellow": (1.0, 0.85, 0.0),
    "cyan": (0.0, 0.85, 1.0),
    "pink": (1.0, 0.6, 0.85),
}
BACKGROUNDS = {
    "black": (0.0, 0.0, 0.0),
    "blue": (0.0, 0.0, 0.55),
    "green": (0.0, 0.33, 0.0),
    "red": (0.5, 0.0, 0.0),
}
ROTATIONS = (-67.5, -22.5, 22.5, 67.5)  # in degrees, anticlockwise
FACTORS = {
    "digit": range(10),
    "stroke": tuple(STROKES),
    "background": tuple(BACKGROUNDS),
    "rotation": range(len(ROTATIONS)),
}


def make_composed_digits(
    n_samples: int | None = 5000,
    *,
    images: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    only: Combinations | None = None,
    exclude: Combinations | None = None,
    random_state: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Compose digits, colours of stroke and background, and rotations.

    The 640 combinations of 10 digits, 4 strokes, 4 backgrounds and 4 rotations show
    whether a model generates and recognises combinations that are not in its training
    rows: `hold_out_composed_digits` chooses these. Rows of one combination differ in
    their handwriting.

    Parameters
    ----------
    n_samples : int or None, default=5000
        Number of rows, whose combinations are drawn uniformly from those that `only`
        and `exclude` leave. None makes each of them once, the last column of `y`
        changing fastest.
    images : array-like of shape (n_images, side, side) or (n_images, side**2), \
            default=None
        Grey images of upright digits to draw from, in [0, 1], of which 0 is the
        background. Images of 28 x 28 pixels, such as MNIST's, keep their size; those of
        at most 20 x 20 are enlarged smoothly, with a margin. None stands for the 1,797
        digits of scikit-learn.
    labels : array-like of shape (n_images,), default=None
        The digits of `images`; each of 0 to 9 occurs at least once.
    only : list of dict or None, default=None
        Combinations to draw from: those with all values of any of the dicts, such as
        ``[{"digit": 3, "stroke": "pink"}, {"rotation": 0}]``. Values are the encoded
        labels of `y`, or names of colours. None allows all combinations.
    exclude : list of dict or None, default=None
        Combinations to hold out, in the same form; passed as `only` they give the rows
        that were held out.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws. Combinations do not depend on `images`.

    Returns
    -------
    X : float32 ndarray of shape (n_samples, 2352)
        Images of 28 x 28 pixels, row by row from the top, in [0, 1]: the red ones, then
        the green and the blue ones.
    y : int64 ndarray of shape (n_samples, 4)
        The digit, and labels from 0 of the stroke (white, yellow, cyan, pink), the
        background (black, blue, green, red) and the rotation (67.5 and 22.5 degrees
        clockwise, 22.5 and 67.5 degrees anticlockwise). `COMPOSED_DIGITS_COLUMNS` names
        the columns.

    Raises
    ------
    ValueError
        If `n_samples` is no whole number of at least 1; if `images` or `labels` have
        another form, or one is given without the other; if `only` or `exclude` names
        an unknown property or value, or if they leave no combination.

    See Also
    --------
    hold_out_composed_digits : Chooses a quarter of the combinations, evenly.
    mask_labels : Hide labels.

    Notes
    -----
    Rotations are 45 degrees from each other and from each other's half turns; no four
    angles are further apart. With quarter turns a 6 upside down would be a 9, and a 0,
    a 1 or an 8 would be equal at two of them. Here every digit shows its rotation, and
    none lies on its side.

    Strokes are light and backgrounds dark: the contrast of each pair is 4.5 or more, as
    the guidelines for legible text [1]_ ask. A pixel is the mean of the two colours,
    weighted by the grey image. Rotation interpolates bilinearly.

    Images are drawn with replacement. For test rows of new handwriting pass other
    images than for the training rows.

    References
    ----------
    .. [1] World Wide Web Consortium, "Web Content Accessibility Guidelines 2.1", 2018,
       success criterion 1.4.3. https://www.w3.org/TR/WCAG21/

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skfmvae.datasets import hold_out_composed_digits, make_composed_digits
    >>> held_out = hold_out_composed_digits(random_state=0)
    >>> X, y = make_composed_digits(100, exclude=held_out, random_state=0)
    >>> X.shape, y.shape
    ((100, 2352), (100, 4))

    Each unseen combination once:

    >>> X_unseen, y_unseen = make_composed_digits(None, only=held_out, random_state=0)
    >>> X_unseen.shape
    (160, 2352)

    Training and test rows of different handwriting:

    >>> images, labels = load_digits(return_X_y=True)
    >>> images = images / 16
    >>> X_train, y_train = make_composed_digits(
    ...     100, images=images[:1000], labels=labels[:1000], exclude=held_out
    ... )
    >>> X_test, y_test = make_composed_digits(
    ...     100, images=images[1000:], labels=labels[1000:], exclude=held_out
    ... )
    """
    if n_samples is not None:
        check_whole("n_samples", n_samples, 1)
    grey, shown = _check_images(images, labels)
    random_state = check_random_state(random_state)
    y = draw_combinations(
        n_samples, FACTORS, only=only, exclude=exclude, random_state=random_state
    )
    digit, stroke, background, rotation = y.T
    by_digit = np.argsort(shown, kind="stable")
    count = np.bincount(shown)
    first = np.cumsum(count) - count
    drawn = by_digit[first[digit] + random_state.randint(count[digit])]

    light = np.array(list(STROKES.values()), dtype=np.float32)[stroke]
    dark = np.array(list(BACKGROUNDS.values()), dtype=np.float32)[background]
    X = np.empty((len(y), 3, IMAGE_SIZE**2), dtype=np.float32)
    for start in range(0, len(y), N_COMPOSED):
        rows = slice(start, start + N_COMPOSED)
        upright = _enlarged(grey[drawn[rows]].astype(np.float32))
        ink = _rotated(upright, rotation[rows]).reshape(-1, 1, IMAGE_SIZE**2)
        X[rows] = ink * light[rows, :, None] + (1 - ink) * dark[rows, :, None]
    return X.reshape(len(y), -1), y


def hold_out_composed_digits(random_state: Any = None) -> list[dict[str, int]]:
    """Return a quarter of the combinations of `make_composed_digits`, to hold out.

    They are spread evenly: a quarter is held out of the combinations that share any one
    or two values, and as near to a quarter as possible of those that share three. Every
    value, pair and triple of values is therefore in the training rows.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default=None
        Seed of the choice.

    Returns
    -------
    held_out : list of dict, of length 160
        Combinations as encoded labels of the four properties, to be passed as `exclude`
        for training rows, and as `only` for rows of unseen combinations.

    See Also
    --------
    make_composed_digits : Makes the rows, with examples of both.

    Examples
    --------
    >>> from skfmvae.datasets import hold_out_composed_digits
    >>> held_out = hold_out_composed_digits(random_state=0)
    >>> len(held_out), list(held_out[0])
    (160, ['digit', 'stroke', 'background', 'rotation'])
    """
    random_state = check_random_state(random_state)
    # A Latin square of four dimensions: for any three of the values, one in four values
    # of the last property, or two or three of ten digits, give a multiple of four.
    counts = [len(values) for values in FACTORS.values()]
    addends = [random_state.permutation(count) for count in counts]
    sums = sum(np.meshgrid(*addends, indexing="ij"))
    return [
        dict(zip(COMPOSED_DIGITS_COLUMNS, codes, strict=True))
        for codes in np.argwhere(sums % 4 == 0).tolist()
    ]


def _check_images(images, labels):
    """Return images of shape (n_images, side, side), and labels as whole numbers."""
    if images is None and labels is None:
        digits = load_digits()
        return digits.images / 16, digits.target
    if images is None or labels is None:
        missing = "images" if images is None else "labels"
        raise ValueError(
            f"{missing}=None, but images and labels go together; give both or neither."
        )
    images, labels = _check_pixels(np.asarray(images)), np.asarray(labels)
    if labels.shape != (len(images),):
        raise ValueError(
            f"labels has shape {labels.shape}; give ({len(images)},), one for each of "
            "the images."
        )
    if not np.array_equal(np.unique(labels), np.arange(10)):
        raise ValueError(
            f"labels holds {short(np.unique(labels).tolist())}; give each of the whole "
            "numbers from 0 to 9 at least once, and no other."
        )
    return images, labels.astype(np.int64)


def _check_pixels(images):
    """Return grey images as squares."""
    shape = images.shape[1:]
    side = isqrt(prod(shape))
    if (
        shape not in {(side, side), (side**2,)}
        or not (1 <= side <= LARGEST_SMALL or side == IMAGE_SIZE)
        or not len(images)
        or images.dtype.kind not in "buif"
    ):
        raise ValueError(
            f"images has shape {images.shape} and dtype {images.dtype}; give numbers "
            f"of shape (n_images, {IMAGE_SIZE}, {IMAGE_SIZE}) or (n_images, "
            f"{IMAGE_SIZE**2}), or squares of at most {LARGEST_SMALL} x "
            f"{LARGEST_SMALL} pixels."
        )
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 1):  # also refuses NaN
        raise ValueError(
            f"images holds values from {low} to {high}; scale them to [0, 1], such as "
            "images / 255."
        )
    return images.reshape(-1, side, side)


def _enlarged(images):
    """Return images of 28 x 28 pixels with the digits in the middle, at most 20 x 20.

    As in MNIST the margin leaves room for rotations.
    """
    side = images.shape[-1]
    if side == IMAGE_SIZE:
        return images
    margin = ceil(side / 5)
    # A cubic spline is a linear map of a column of pixels, and the same map of a row.
    weights = ndimage.zoom(
        np.pad(np.eye(side), ((margin, margin), (0, 0))),
        (IMAGE_SIZE / (side + 2 * margin), 1),
        order=3,
        mode="grid-constant",
        grid_mode=True,
    ).astype(np.float32)
    return np.clip(weights @ images @ weights.T, 0, 1)


def _rotated(images, rotation):
    rotated = np.empty_like(images)
    for k in np.unique(rotation):
        rotated[rotation == k] = ndimage.rotate(
            images[rotation == k], ROTATIONS[k], axes=(1, 2), reshape=False, order=1
        )
    return rotated
