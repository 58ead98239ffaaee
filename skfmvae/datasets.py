"""Data with known properties.

Nothing is downloaded: the images are rendered, or laid out from scikit-learn's digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from colorsys import hsv_to_rgb
from functools import cache
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.datasets import load_digits
from sklearn.utils import check_random_state

from skfmvae._checks import check_whole
from skfmvae.masking import mask_labels

__all__ = [
    "LIT_OBJECTS_COLUMNS",
    "MULTI_DIGITS_COLUMNS",
    "SPRITES_COLUMNS",
    "make_lit_objects",
    "make_multi_digits",
    "make_sprites",
    "mask_labels",
]

# Names of the columns of `y`, for ``pandas.DataFrame(y, columns=...)``.
LIT_OBJECTS_COLUMNS = ("identity", "light_x", "light_y", "light_z")
MULTI_DIGITS_COLUMNS = ("count", *(f"has_{digit}" for digit in range(10)))
SPRITES_COLUMNS = ("shape", "scale", "orientation", "x", "y", "colour")

SIZE = 32  # of an image, in pixels

Combinations = Sequence[Mapping[str, Any]]


def make_lit_objects(
    n_samples: int = 5000,
    *,
    identity: ArrayLike | None = None,
    light: ArrayLike | None = None,
    noise: float = 0.0,
    random_state: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Render solid objects under a light from a direction of their own.

    Twenty matt solids, the same for every seed, are seen from the front on black:
    spheres, ellipsoids, pyramids and boxes, some of them with bumps. What an image
    shows is decided by its two properties, a category and a direction. Each shape is
    there with a uniform and with a striped albedo; some share an outline, and differ by
    their bumps alone.

    Parameters
    ----------
    n_samples : int, default=5000
        Number of rows, where neither `identity` nor `light` gives one per row.
    identity : int or array-like of shape (n_samples,), default=None
        Objects to render, from 0 to 19; 0 is a sphere of radius 0.8 and albedo 0.8.
        None draws them uniformly.
    light : array-like of shape (3,) or (n_samples, 3), default=None
        Directions towards the light, of any length. None draws them uniformly from the
        part of the sphere within 75 degrees of the viewer; further away most of an
        object would be dark.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise added to each pixel.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws. Identities, lights and noise that are drawn do not depend on
        what else is given.

    Returns
    -------
    X : float32 ndarray of shape (n_samples, 1024)
        Grey images of 32 x 32 pixels, row by row from the top, in [0, 1].
    y : float64 ndarray of shape (n_samples, 4)
        The identity, and the light as a unit vector: x to the right, y up and z
        towards the viewer. `LIT_OBJECTS_COLUMNS` names the columns.

    Raises
    ------
    ValueError
        If a number is out of range, a light is zero, infinite or NaN, or `identity`
        and `light` differ in shape from what is said above or in length.

    See Also
    --------
    mask_labels : Hide labels; ``per_property={"light": [1, 2, 3]}`` hides lights whole.

    Notes
    -----
    A point of albedo :math:`a` and unit normal :math:`n` under the light :math:`l` has
    the intensity :math:`a \max(0, n \cdot l)` [1]_: shadows are attached, none are
    cast, and there is no ambient light. A pixel is the mean of 3 x 3 points. Where
    nothing turns from the light, an image is linear in :math:`l`.

    An image spans [-1, 1] in x and y. The solids are superquadrics [2]_ in whose height
    towards the viewer bumps are embossed.

    References
    ----------
    .. [1] P. N. Belhumeur and D. J. Kriegman, "What is the set of images of an object
       under all possible illumination conditions?", International Journal of Computer
       Vision 28(3), 245-260, 1998.
    .. [2] A. H. Barr, "Superquadrics and angle-preserving transformations", IEEE
       Computer Graphics and Applications 1(1), 11-23, 1981.

    Examples
    --------
    >>> from skfmvae.datasets import make_lit_objects
    >>> X, y = make_lit_objects(100, random_state=0)
    >>> X.shape, y.shape
    ((100, 1024), (100, 4))

    The same objects under a light from the upper left:

    >>> X_relit, _ = make_lit_objects(identity=y[:, 0], light=[-1, 1, 1])
    >>> X_relit.shape
    (100, 1024)
    """
    identity = None if identity is None else _check_identity(identity)
    light = None if light is None else _check_light(light)
    check_whole("n_samples", n_samples, 1)
    if not isinstance(noise, Real) or not 0 <= noise < np.inf:
        raise ValueError(f"noise={noise!r} should be a finite number of at least 0.")
    lengths = [] if identity is None else list(identity.shape)
    lengths += [] if light is None else list(light.shape[:-1])
    if len(set(lengths)) > 1:
        raise ValueError(
            f"identity has {lengths[0]} rows and light {lengths[1]}; give as many."
        )
    n_samples = lengths[0] if lengths else n_samples

    random_state = check_random_state(random_state)
    # Drawn even where they are given, for the other draws to be the same.
    drawn_identity = random_state.randint(len(SOLIDS), size=n_samples)
    drawn_light = _draw_lights(n_samples, random_state)
    y = np.empty((n_samples, 4))
    y[:, 0] = drawn_identity if identity is None else identity
    y[:, 1:] = drawn_light if light is None else light
    X = _shade(y[:, 0].astype(int), y[:, 1:].astype(np.float32))
    if noise:
        X += random_state.normal(scale=noise, size=X.shape)
    return np.clip(X, 0, 1), y


def make_multi_digits(
    n_samples: int = 4000,
    *,
    max_digits: int = 3,
    random_state: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Lay scikit-learn's digits out on a canvas, a few or none on each.

    Parameters
    ----------
    n_samples : int, default=4000
        Number of rows.
    max_digits : int, default=3
        Largest number of digits on a canvas, from 1 to 6; all numbers from 0 are as
        frequent.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws.

    Returns
    -------
    X : float32 ndarray of shape (n_samples, 1024)
        Grey images of 32 x 32 pixels, row by row from the top, in [0, 1]. Digits take
        8 x 8 pixels each, anywhere on the canvas but not on one another.
    y : int64 ndarray of shape (n_samples, 11)
        The number of digits, then 1 for each of the digits 0 to 9 that is there once or
        more and 0 for the others. `MULTI_DIGITS_COLUMNS` names the columns.

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
    X = np.zeros((n_samples, SIZE, SIZE), dtype=np.float32)
    y = np.zeros((n_samples, len(MULTI_DIGITS_COLUMNS)), dtype=np.int64)
    y[:, 0] = count
    row, k = np.nonzero(is_there)
    y[row, 1 + digits.target[drawn[row, k]]] = 1
    pixels = corners[row, k, :, None] + np.arange(width)
    X[row[:, None, None], pixels[:, 0, :, None], pixels[:, 1, None, :]] = images[
        drawn[row, k]
    ]
    return X.reshape(n_samples, -1), y


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
    """Draw squares, ellipses and hearts whose factors combine freely.

    After dSprites [1]_, for studies of disentanglement: a row shows one sprite on
    black, and its properties decide it all, but for jitter.

    Parameters
    ----------
    n_samples : int or None, default=5000
        Number of rows, whose combinations of factors are drawn uniformly from those
        that `only` and `exclude` leave. None makes each of them once, the last column
        of `y` changing fastest; all that the defaults allow are 737,280, or 3 GB.
    size : int, default=32
        Height and width of an image in pixels, 32 or more; sprites grow with it.
    n_scales : int, default=6
        Number of scales.
    n_orientations : int, default=40
        Number of orientations. They part a quarter turn evenly, from 0 on, as a square
        looks the same after a quarter turn: further on its label could not be read.
    n_positions : int, default=32
        Number of positions along x, and along y.
    n_colours : int, default=0
        Number of colours, hues evenly apart from red on. 0 makes grey images, without
        the factor.
    jitter : float, default=0.0
        How far scale, orientation and position of a row stray from the values that `y`
        codes, as a share in [0, 1] of what is possible. They are drawn uniformly from
        a span of `jitter` steps about these values, so 1 leaves no gaps between codes.
    only : list of dict or None, default=None
        Combinations to make: a row is made if it has all that any of the dicts names,
        such as ``[{"shape": "heart", "scale": 5}, {"x": 0}]``. Values are the codes of
        `y`, or names of shapes. None allows all combinations.
    exclude : list of dict or None, default=None
        Combinations to hold out, in the same form; given as `only` they make the rows
        that were held out.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws. Combinations do not depend on `size` and `jitter`.

    Returns
    -------
    X : float32 ndarray of shape (n_samples, size**2) or (n_samples, 3 * size**2)
        Images, row by row from the top, in [0, 1]; where there are colours, the red
        ones, then the green and the blue ones.
    y : int64 ndarray of shape (n_samples, 5) or (n_samples, 6)
        Codes from 0 of shape (0 is a square, 1 an ellipse, 2 a heart), scale (from
        small to large), orientation (anticlockwise), x (to the right), y (up) and, if
        there are colours, colour. `SPRITES_COLUMNS` names the columns.

    Raises
    ------
    ValueError
        If a number is out of range, if `only` or `exclude` names a factor or a value
        that is not there, or if they leave no combination.

    Notes
    -----
    An image spans [-1, 1] in x and y. At scale :math:`s` a sprite just fits into a
    circle of radius :math:`0.625 s`, whose centre is the sprite's position. Scales and
    positions are the centres of equal bins, of [0.5, 1] and of [-0.375, 0.375], so that
    no sprite leaves the image. The ellipse has half axes of 1 and 0.55, the longer one
    along x at orientation 0; there the heart stands on its tip.

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
    check_whole("size", size, SIZE)
    check_whole("n_scales", n_scales, 1)
    check_whole("n_orientations", n_orientations, 1)
    check_whole("n_positions", n_positions, 1)
    check_whole("n_colours", n_colours, 0)
    if not isinstance(jitter, Real) or not 0 <= float(jitter) <= 1:
        raise ValueError(f"jitter={jitter!r} should be in [0, 1].")
    counts = [len(SPRITES), n_scales, n_orientations, n_positions, n_positions]
    counts += [n_colours] if n_colours else []
    is_allowed = np.ones(counts, dtype=bool)
    if only is not None:
        is_allowed &= _matches("only", only, counts)
    if exclude is not None:
        is_allowed &= ~_matches("exclude", exclude, counts)
    allowed = np.flatnonzero(is_allowed)
    if not len(allowed):
        raise ValueError(
            f"only={only!r} and exclude={exclude!r} leave no combination; allow more."
        )

    random_state = check_random_state(random_state)
    if n_samples is not None:
        allowed = allowed[random_state.randint(len(allowed), size=n_samples)]
    y = np.column_stack(np.unravel_index(allowed, counts)).astype(np.int64)
    # From 0 to 1 in the bins of scale, orientation and position.
    within = 0.5 + jitter * random_state.uniform(-0.5, 0.5, size=(len(y), 4))
    scale, turn, *position = ((y[:, 1:5] + within) / counts[1:5]).T
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


# Lit objects --------------------------------------------------------------------------


class _Solid(NamedTuple):
    """A superquadric, with bumps in its height and stripes in its albedo.

    Lengths are those of an image that spans [-1, 1]; turns, in degrees, are
    anticlockwise.
    """

    half_axes: tuple[float, float, float]
    exponent: float  # 2 is an ellipsoid, less has edges, more has faces
    turn: float
    bumps: tuple[float, float, float] = (0, 0, 0)  # steepest slope, wave number, turn
    stripes: tuple[float, float, float] = (0, 0, 0)  # contrast, wave number, turn


SHAPES = [
    _Solid((0.8, 0.8, 0.8), 2, 0),
    _Solid((0.8, 0.8, 0.8), 2, 0, (0.4, 6, 40)),
    _Solid((0.9, 0.65, 0.5), 2, 35),
    _Solid((0.9, 0.65, 0.5), 2, 35, (0.5, 5, 110)),
    _Solid((0.85, 0.5, 0.6), 2, -30),
    _Solid((0.95, 0.95, 0.6), 1.2, 20),
    _Solid((0.95, 0.95, 0.6), 1.2, 20, (0.4, 6, 65)),
    _Solid((0.8, 0.8, 0.6), 4, 0),
    _Solid((0.8, 0.6, 0.5), 8, 15),
    _Solid((0.8, 0.8, 0.3), 8, 0, (0.5, 5, 20)),
]
SOLIDS = [
    shape._replace(stripes=(contrast, 4 + 0.4 * k, 25 * k))
    for k, shape in enumerate(SHAPES)
    for contrast in (0.0, 0.2)
]
ALBEDO = 0.8  # mean over the stripes
LARGEST_ANGLE = np.radians(75)  # between light and viewer
SUBPIXELS = 3  # to a side of a pixel


def _check_identity(identity):
    identity = np.asarray(identity)
    last = len(SOLIDS) - 1
    if identity.ndim > 1 or not identity.size or identity.dtype.kind not in "iuf":
        raise ValueError(
            f"identity has shape {identity.shape} and dtype {identity.dtype}; give a "
            "whole number, or one for each row."
        )
    wrong = identity[~np.isin(identity, np.arange(last + 1))]
    if wrong.size:
        raise ValueError(
            f"identity={wrong[0]} should be a whole number from 0 to {last}."
        )
    return identity


def _check_light(light):
    """Return unit vectors; those that are of unit length already stay as they are."""
    light = np.asarray(light, dtype=float)
    if light.ndim not in (1, 2) or light.shape[-1] != 3 or not light.size:
        raise ValueError(
            f"light has shape {light.shape}; give (3,), or (n_samples, 3)."
        )
    length = np.linalg.norm(light, axis=-1, keepdims=True)
    wrong = ~(np.isfinite(length) & (length > 0))[..., 0]
    if wrong.any():
        raise ValueError(
            f"light={light[wrong][0].tolist()} is no direction; give finite vectors "
            "other than zero."
        )
    return light / np.where(np.abs(length - 1) < 1e-9, 1, length)


def _draw_lights(n_samples, random_state):
    # Archimedes: z is uniform where points are uniform on a sphere.
    z = random_state.uniform(np.cos(LARGEST_ANGLE), 1, size=n_samples)
    azimuth = random_state.uniform(0, 2 * np.pi, size=n_samples)
    radius = np.sqrt(1 - z**2)
    return np.column_stack([radius * np.cos(azimuth), radius * np.sin(azimuth), z])


def _shade(identity, light):
    images = np.zeros((len(light), SIZE**2), dtype=np.float32)
    for k in np.unique(identity):
        rows = identity == k
        x, y, z = light[rows].T[:, :, None]
        points = _reflectance(k)
        for n in points:
            # No product of matrices: its rounding depends on how many rows there are.
            images[rows] += np.maximum(x * n[0] + y * n[1] + z * n[2], 0)
        images[rows] /= len(points)
    return images


@cache
def _reflectance(identity):
    """Return albedo times normal of shape (points of a pixel, 3, pixels)."""
    solid = SOLIDS[identity]
    centres = (np.arange(SIZE * SUBPIXELS) + 0.5) * 2 / (SIZE * SUBPIXELS) - 1
    x, y = np.meshgrid(centres, -centres)
    normal, is_inside = _normals(solid, x, y)
    contrast, wave_number, turn = solid.stripes
    along, _ = _turned(x, y, turn)
    albedo = ALBEDO + contrast * np.sin(wave_number * along)
    reflectance = np.where(is_inside, albedo * normal, 0).astype(np.float32)
    by_pixel = reflectance.reshape(3, SIZE, SUBPIXELS, SIZE, SUBPIXELS)
    return by_pixel.transpose(2, 4, 0, 1, 3).reshape(SUBPIXELS**2, 3, SIZE**2)


def _normals(solid, x, y):
    """Return unit normals of shape (3, ...) and a mask of the points on the solid."""
    a, b, c = solid.half_axes
    e = solid.exponent
    u, v = _turned(x, y, solid.turn)
    u, v = u / a, v / b
    rest = 1 - np.abs(u) ** e - np.abs(v) ** e
    height = np.maximum(rest, 0) ** (1 / e)
    # The gradient of |u|^e + |v|^e + |(z - bumps(x, y)) / c|^e, over e: it stays finite
    # at the outline, where the slopes of the height do not.
    gradient_x, gradient_y = _turned(
        np.sign(u) * np.abs(u) ** (e - 1) / a,
        np.sign(v) * np.abs(v) ** (e - 1) / b,
        -solid.turn,
    )
    gradient_z = height ** (e - 1) / c
    slope, k, turn = solid.bumps  # slope / k * sin(k p) * sin(k q)
    p, q = _turned(x, y, turn)
    slope_x, slope_y = _turned(
        slope * np.cos(k * p) * np.sin(k * q),
        slope * np.sin(k * p) * np.cos(k * q),
        -turn,
    )
    normal = np.stack(
        [
            gradient_x - gradient_z * slope_x,
            gradient_y - gradient_z * slope_y,
            gradient_z,
        ]
    )
    return normal / np.linalg.norm(normal, axis=0), rest > 0


def _turned(x, y, degrees):
    """Return components along axes that are turned anticlockwise."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return cos * x + sin * y, cos * y - sin * x


# Several digits -----------------------------------------------------------------------


def _separate_corners(is_there, width, random_state):
    """Draw upper left corners of squares, again and again until none overlap."""
    corners = np.zeros((*is_there.shape, 2), dtype=np.int64)
    pairs = ~np.eye(is_there.shape[1], dtype=bool)
    pairs = pairs & is_there[:, :, None] & is_there[:, None, :]
    open_rows = np.arange(len(is_there))
    while len(open_rows):
        corners[open_rows] = random_state.randint(
            SIZE - width + 1, size=(len(open_rows), *corners.shape[1:])
        )
        tried = corners[open_rows]
        distance = np.abs(tried[:, :, None] - tried[:, None, :]).max(axis=-1)
        overlap = (distance < width) & pairs[open_rows]
        open_rows = open_rows[overlap.any(axis=(1, 2))]
    return corners


# Sprites ------------------------------------------------------------------------------

SPRITES = ("square", "ellipse", "heart")
LARGEST_RADIUS = 0.625  # of the circle about a sprite; an image spans [-1, 1]
CHUNK = 64  # images drawn at once, few enough for the processor's cache


def _matches(parameter, combinations, counts):
    """Return a grid of all combinations, True where any of those given is met."""
    if not isinstance(combinations, Sequence) or not all(
        isinstance(combination, Mapping) for combination in combinations
    ):
        raise ValueError(
            f"{parameter}={combinations!r} should be a list of dicts, such as "
            '[{"shape": "heart", "scale": 0}].'
        )
    columns = SPRITES_COLUMNS[: len(counts)]
    matches = np.zeros(counts, dtype=bool)
    for combination in combinations:
        index: list[Any] = [slice(None)] * len(counts)
        for name, value in combination.items():
            if name not in columns:
                raise ValueError(
                    f"{parameter} names {name!r}; name some of {', '.join(columns)}"
                    f"{'' if 'colour' in columns else ', or set n_colours for colour'}."
                )
            k = columns.index(name)
            if name == "shape" and value in SPRITES:
                value = SPRITES.index(value)
            if not isinstance(value, Integral) or not 0 <= int(value) < counts[k]:
                names = f", or one of {', '.join(SPRITES)}" if name == "shape" else ""
                raise ValueError(
                    f"{parameter} has {name}={value!r}, which should be a whole number "
                    f"from 0 to {counts[k] - 1}{names}."
                )
            index[k] = int(value)
        matches[tuple(index)] = True
    return matches


def _draw_sprites(shape, radius, turn, x, y, size):
    pixels = ((np.arange(size) + 0.5) * 2 / size - 1).astype(np.float32)
    placed = np.array([radius, turn, x, y], dtype=np.float32)[..., None, None]
    images = np.empty((len(shape), size, size), dtype=np.float32)
    for k, name in enumerate(SPRITES):
        rows_of_shape = np.flatnonzero(shape == k)
        for start in range(0, len(rows_of_shape), CHUNK):
            rows = rows_of_shape[start : start + CHUNK]
            radius, turn, x, y = placed[:, rows]
            u, v = _turned(pixels - x, -pixels[:, None] - y, turn)
            distance = _distance(name, u / radius, v / radius) * radius * (size / 2)
            images[rows] = np.clip(0.5 - distance, 0, 1)
    return images.reshape(len(shape), -1)


def _distance(name, u, v):
    """Return the distance to the outline of a sprite of radius 1, negative inside.

    It need be right only near the outline.
    """
    if name == "square":
        return np.maximum(np.abs(u), np.abs(v)) - 0.5**0.5
    if name == "ellipse":
        b = 0.55
        # To the first order, the height of a function over its slope.
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
