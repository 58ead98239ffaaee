"""Solid objects, each under its own light."""

from __future__ import annotations

from functools import cache
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from skfmvae._utils.checks import check_whole

from ._geometry import turned

__all__ = ["LIT_OBJECTS_COLUMNS", "make_lit_objects"]

# Names of the columns of `y`, for ``pandas.DataFrame(y, columns=...)``.
LIT_OBJECTS_COLUMNS = ("identity", "light_x", "light_y", "light_z")

RENDER_SIZE = 32  # height and width of an image, in pixels


class _Solid(NamedTuple):
    """A superquadric, with bumps in its height and stripes in its albedo.

    The unit of length is half an image; turns are anticlockwise, in degrees.
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


def make_lit_objects(
    n_samples: int = 5000,
    *,
    identity: ArrayLike | None = None,
    light: ArrayLike | None = None,
    noise: float = 0.0,
    random_state: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Render solid objects, each under a light from its own direction.

    Twenty matt solids, the same for every seed, are seen from the front on black:
    spheres, ellipsoids, pyramids and boxes, some of them with bumps. An image is
    determined by its two properties, a category and a direction. Each shape occurs with
    a uniform and with a striped albedo; some shapes have the same outline and differ in
    their bumps alone.

    Parameters
    ----------
    n_samples : int, default=5000
        Number of rows, where neither `identity` nor `light` has one value per row.
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
        Seed of the draws. The draws of identities, lights and noise do not depend on
        which others are given.

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
        and `light` have other shapes or differ in length.

    See Also
    --------
    mask_labels : Hide labels; ``per_property={"light": [1, 2, 3]}`` hides whole lights.

    Notes
    -----
    A point of albedo :math:`a` and unit normal :math:`n` under the light :math:`l` has
    the intensity :math:`a \max(0, n \cdot l)` [1]_: shadows are attached, none are
    cast, and there is no ambient light. A pixel is the mean of 3 x 3 points. Where
    no point faces away from the light, an image is linear in :math:`l`.

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
    # Drawn even where they are given, so that the other draws are the same.
    drawn_identity = random_state.randint(len(SOLIDS), size=n_samples)
    drawn_light = _draw_lights(n_samples, random_state)
    y = np.empty((n_samples, 4))
    y[:, 0] = drawn_identity if identity is None else identity
    y[:, 1:] = drawn_light if light is None else light
    X = _shade(y[:, 0].astype(int), y[:, 1:].astype(np.float32))
    if noise:
        X += random_state.normal(scale=noise, size=X.shape)
    return np.clip(X, 0, 1), y


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
    """Return unit vectors; vectors of unit length are returned unchanged."""
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
    # For uniform points on a sphere, z is uniform (Archimedes).
    z = random_state.uniform(np.cos(LARGEST_ANGLE), 1, size=n_samples)
    azimuth = random_state.uniform(0, 2 * np.pi, size=n_samples)
    radius = np.sqrt(1 - z**2)
    return np.column_stack([radius * np.cos(azimuth), radius * np.sin(azimuth), z])


def _shade(identity, light):
    images = np.zeros((len(light), RENDER_SIZE**2), dtype=np.float32)
    for k in np.unique(identity):
        rows = identity == k
        x, y, z = light[rows].T[:, :, None]
        points = _reflectance(k)
        for n in points:
            # Not a product of matrices, whose rounding depends on the number of rows.
            images[rows] += np.maximum(x * n[0] + y * n[1] + z * n[2], 0)
        images[rows] /= len(points)
    return images


@cache
def _reflectance(identity):
    """Return albedo times normal of shape (points of a pixel, 3, pixels)."""
    solid = SOLIDS[identity]
    centres = (np.arange(RENDER_SIZE * SUBPIXELS) + 0.5) * 2 / (
        RENDER_SIZE * SUBPIXELS
    ) - 1
    x, y = np.meshgrid(centres, -centres)
    normal, is_inside = _normals(solid, x, y)
    contrast, wave_number, turn = solid.stripes
    along, _ = turned(x, y, turn)
    albedo = ALBEDO + contrast * np.sin(wave_number * along)
    reflectance = np.where(is_inside, albedo * normal, 0).astype(np.float32)
    by_pixel = reflectance.reshape(3, RENDER_SIZE, SUBPIXELS, RENDER_SIZE, SUBPIXELS)
    return by_pixel.transpose(2, 4, 0, 1, 3).reshape(SUBPIXELS**2, 3, RENDER_SIZE**2)


def _normals(solid, x, y):
    """Return unit normals of shape (3, ...) and a mask of the points on the solid."""
    a, b, c = solid.half_axes
    e = solid.exponent
    u, v = turned(x, y, solid.turn)
    u, v = u / a, v / b
    rest = 1 - np.abs(u) ** e - np.abs(v) ** e
    height = np.maximum(rest, 0) ** (1 / e)
    # The gradient of |u|^e + |v|^e + |(z - bumps(x, y)) / c|^e, over e: it is finite at
    # the outline, where the slopes of the height are not.
    gradient_x, gradient_y = turned(
        np.sign(u) * np.abs(u) ** (e - 1) / a,
        np.sign(v) * np.abs(v) ** (e - 1) / b,
        -solid.turn,
    )
    gradient_z = height ** (e - 1) / c
    slope, k, turn = solid.bumps  # slope / k * sin(k p) * sin(k q)
    p, q = turned(x, y, turn)
    slope_x, slope_y = turned(
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
