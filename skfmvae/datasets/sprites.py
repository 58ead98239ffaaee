"""Sprites with factors in all combinations."""

from __future__ import annotations

from colorsys import hsv_to_rgb
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skfmvae._utils.checks import check_whole

from ._combinations import Combinations, draw_combinations
from ._geometry import turned

__all__ = ["SPRITES_COLUMNS", "make_sprites"]

# Names of the columns of `y`, for ``pandas.DataFrame(y, columns=...)``.
SPRITES_COLUMNS = ("shape", "scale", "orientation", "x", "y", "colour")

SPRITES = ("square", "ellipse", "heart")
LARGEST_RADIUS = 0.625  # of the circle around a sprite; an image spans [-1, 1]
N_DRAWN = 64  # images per block, which fits into the processor's cache


def make_sprites(
    n_samples: int | None = 5000,
    *,
    size: int = 32,
    n_scales: int = 6,
    n_orientations: int = 40,
    n_positions: int = 32,
    n_colours: int = 0,
    jitter: float = 0.0,
    only: Combinations | None = None,
    exclude: Combinations | None = None,
    random_state: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return images of squares, ellipses and hearts with factors in all combinations.

    They follow dSprites [1]_, for studies of disentanglement: a row shows one sprite on
    black, and without jitter its properties determine every pixel.

    Parameters
    ----------
    n_samples : int or None, default=5000
        Number of rows, whose combinations of factors are drawn uniformly from those
        that `only` and `exclude` leave. None gives each of them once, the last column
        of `y` changing fastest; with the defaults these are 737,280 rows, or 3 GB.
    size : int, default=32
        Height and width of an image in pixels, at least 32; sprites scale with it.
    n_scales : int, default=6
        Number of scales.
    n_orientations : int, default=40
        Number of orientations. They divide a quarter turn evenly, starting at 0; after
        a quarter turn a square is the same again, without a trace of its label.
    n_positions : int, default=32
        Number of positions along x, and along y.
    n_colours : int, default=0
        Number of colours, evenly spaced hues starting at red. 0 gives grey images,
        without the factor.
    jitter : float, default=0.0
        Deviation of scale, orientation and position of a row from the values of its
        labels, in [0, 1]. They are drawn uniformly from a span of `jitter` steps about
        these values; 1 leaves no gaps between the values.
    only : list of dict or None, default=None
        Combinations to draw from: those with all values of any of the dicts, such as
        ``[{"shape": "heart", "scale": 5}, {"x": 0}]``. Values are the encoded labels of
        `y`, or names of shapes. None allows all combinations.
    exclude : list of dict or None, default=None
        Combinations to hold out, in the same form; passed as `only` they give the rows
        that were held out.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws. Combinations do not depend on `size` and `jitter`.

    Returns
    -------
    X : float32 ndarray of shape (n_samples, size**2) or (n_samples, 3 * size**2)
        Images, row by row from the top, in [0, 1]; where there are colours, the red
        ones, then the green and the blue ones.
    y : int64 ndarray of shape (n_samples, 5) or (n_samples, 6)
        Labels from 0 of shape (0 is a square, 1 an ellipse, 2 a heart), scale (from
        small to large), orientation (anticlockwise), x (to the right), y (up) and, if
        there are colours, colour. `SPRITES_COLUMNS` names the columns, the first five
        where there are no colours.

    Raises
    ------
    ValueError
        If a number is out of range, if `only` or `exclude` names an unknown factor or
        value, or if they leave no combination.

    Notes
    -----
    An image spans [-1, 1] in x and y. At scale :math:`s` the smallest circle around a
    sprite has the radius :math:`0.625 s`; its centre is the sprite's position. Scales
    and positions are the centres of equal bins, of [0.5, 1] and of [-0.375, 0.375], so
    that no sprite leaves the image. The ellipse has half axes of 1 and 0.55, the longer
    one along x at orientation 0, at which the heart stands on its tip.

    A pixel whose centre is :math:`d` pixels outside the outline, or :math:`-d` inside,
    has the value :math:`0.5 - d`, clipped to [0, 1].

    References
    ----------
    .. [1] L. Matthey, I. Higgins, D. Hassabis and A. Lerchner, "dSprites:
       Disentanglement testing Sprites dataset", 2017.
       https://github.com/google-deepmind/dsprites-dataset

    Examples
    --------
    >>> from skfmvae.datasets import make_sprites
    >>> X, y = make_sprites(100, random_state=0)
    >>> X.shape, y.shape
    ((100, 1024), (100, 5))

    All of a smaller grid but the largest hearts, and then these:

    >>> grid = {"n_orientations": 4, "n_positions": 4}
    >>> held_out = [{"shape": "heart", "scale": 5}]
    >>> X, y = make_sprites(None, exclude=held_out, **grid)
    >>> X_held_out, y_held_out = make_sprites(None, only=held_out, **grid)
    >>> len(y), len(y_held_out)
    (1088, 64)
    """
    if n_samples is not None:
        check_whole("n_samples", n_samples, 1)
    check_whole("size", size, 32)
    if not isinstance(jitter, Real) or not 0 <= float(jitter) <= 1:
        raise ValueError(f"jitter={jitter!r} should be in [0, 1].")
    factors = _factors(n_scales, n_orientations, n_positions, n_colours)
    random_state = check_random_state(random_state)
    y = draw_combinations(
        n_samples,
        factors,
        only=only,
        exclude=exclude,
        random_state=random_state,
        hint="" if n_colours else ", or set n_colours for colour",
    )
    # From 0 to 1 in the bins of scale, orientation and position.
    within = 0.5 + jitter * random_state.uniform(-0.5, 0.5, size=(len(y), 4))
    counts = [n_scales, n_orientations, n_positions, n_positions]
    scale, turn, *position = ((y[:, 1:5] + within) / counts).T
    X = _draw_sprites(
        y[:, 0],
        LARGEST_RADIUS * (1 + scale) / 2,
        90 * (turn - 0.5 / n_orientations),  # degrees, the first being 0
        *((1 - LARGEST_RADIUS) * (2 * np.array(position) - 1)),
        size,
    )
    if n_colours:
        colours = [hsv_to_rgb(k / n_colours, 1, 1) for k in range(n_colours)]
        X = np.array(colours, dtype=np.float32)[y[:, 5], :, None] * X[:, None]
    return X.reshape(len(y), -1), y


def _factors(n_scales, n_orientations, n_positions, n_colours):
    """Return the values of each factor."""
    check_whole("n_scales", n_scales, 1)
    check_whole("n_orientations", n_orientations, 1)
    check_whole("n_positions", n_positions, 1)
    check_whole("n_colours", n_colours, 0)
    factors = {
        "shape": SPRITES,
        "scale": range(n_scales),
        "orientation": range(n_orientations),
        "x": range(n_positions),
        "y": range(n_positions),
    }
    return factors | ({"colour": range(n_colours)} if n_colours else {})


def _draw_sprites(shape, radius, turn, x, y, size):
    pixels = ((np.arange(size) + 0.5) * 2 / size - 1).astype(np.float32)
    placed = np.array([radius, turn, x, y], dtype=np.float32)[..., None, None]
    images = np.empty((len(shape), size, size), dtype=np.float32)
    for k, name in enumerate(SPRITES):
        rows_of_shape = np.flatnonzero(shape == k)
        for start in range(0, len(rows_of_shape), N_DRAWN):
            rows = rows_of_shape[start : start + N_DRAWN]
            radius, turn, x, y = placed[:, rows]
            u, v = turned(pixels - x, -pixels[:, None] - y, turn)
            distance = _distance(name, u / radius, v / radius) * radius * (size / 2)
            images[rows] = np.clip(0.5 - distance, 0, 1)
    return images.reshape(len(shape), -1)


def _distance(name, u, v):
    """Return the distance to the outline of a sprite of radius 1, negative inside.

    It is accurate near the outline alone.
    """
    if name == "square":
        return np.maximum(np.abs(u), np.abs(v)) - 0.5**0.5
    if name == "ellipse":
        b = 0.55
        # To first order, the value of a function over its slope.
        slope = 2 * np.hypot(u, v / b**2)
        return (u**2 + (v / b) ** 2 - 1) / np.maximum(slope, 1e-6)
    # A square on its tip, and a disc about the middle of each upper side. With these
    # numbers the circle about the heart is the unit circle.
    half = (3 - 2**0.5) / 8**0.5
    v = v + (2**0.5 - 1) / 2
    p, q = (v + u) / 2**0.5, (v - u) / 2**0.5
    square = np.maximum(np.abs(p), np.abs(q))
    discs = np.minimum(np.hypot(p - half, q), np.hypot(p, q - half))
    return np.minimum(square, discs) - half
