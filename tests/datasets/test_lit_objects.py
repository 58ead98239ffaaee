"""Solids look as geometry says."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skfmvae.datasets import LIT_OBJECTS_COLUMNS, make_lit_objects


def pixel_centres():
    centres = (np.arange(32) + 0.5) / 16 - 1
    return np.meshgrid(centres, -centres)


def render(identity, light):
    X, _ = make_lit_objects(identity=identity, light=light)
    return X.reshape(-1, 32, 32).astype(float)


def test_lit_objects_have_the_documented_form():
    X, y = make_lit_objects(3000, random_state=0)
    assert X.shape == (3000, 1024)
    assert X.dtype == np.float32
    assert X.min() == 0
    assert 0.8 < X.max() <= 1
    assert y.shape == (3000, len(LIT_OBJECTS_COLUMNS))
    assert y.dtype == np.float64
    frequency = np.bincount(y[:, 0].astype(int), minlength=20) / 3000
    assert_allclose(frequency, 1 / 20, atol=0.016)  # four standard deviations
    assert not X.reshape(-1, 32, 32)[:, [0, -1]].any()  # nothing is cut off
    assert not X.reshape(-1, 32, 32)[:, :, [0, -1]].any()


def test_lights_are_uniform_on_the_cap():
    _, y = make_lit_objects(3000, random_state=0)
    light = y[:, 1:]
    assert_allclose(np.linalg.norm(light, axis=1), 1, rtol=1e-12)
    lowest = np.cos(np.radians(75))
    assert light[:, 2].min() >= lowest
    # on a sphere areas between parallel planes are as their distance
    assert_allclose(
        np.quantile(light[:, 2], [0.25, 0.5, 0.75]),
        lowest + (1 - lowest) * np.array([0.25, 0.5, 0.75]),
        atol=0.03,
    )
    assert_allclose(light[:, :2].mean(axis=0), 0, atol=0.05)


@pytest.mark.parametrize("light", [(0, 0, 1), (-0.6, 0, 0.8), (2, 2, 1), (0, -1, 0)])
def test_sphere_has_the_closed_form(light):
    x, y = pixel_centres()
    height = np.sqrt(np.maximum(0.8**2 - x**2 - y**2, 0))
    normal = np.stack([x, y, height], axis=-1) / 0.8
    expected = 0.8 * np.maximum(normal @ light / np.linalg.norm(light), 0)
    (image,) = render([0], light)
    inside, outside = np.hypot(x, y) < 0.7, np.hypot(x, y) > 0.8 + 2 / 32
    assert_allclose(image[inside], expected[inside], atol=0.015)
    assert not image[outside].any()


def test_what_turns_from_the_light_is_black():
    x, _ = pixel_centres()
    lit_from_the_right = render(np.arange(20), [1, 0, 0])
    assert not lit_from_the_right[0][x < -2 / 32].any()
    assert (lit_from_the_right[0][12:20, 18:26] > 0).all()
    assert not render(np.arange(20), [0, 0, -1]).any()


def test_images_are_convex_in_the_light_and_linear_without_shadows():
    """Follow from max(0, n.l), whatever the shape and the albedo."""
    first, second = np.array([0.5, 0.2, 1]), np.array([-0.9, 0.4, 0.5])
    length = np.linalg.norm
    apart, together = (
        sum(length(light) * render(np.arange(20), light) for light in lights)
        for lights in ([first, second], [first + second])
    )
    assert (apart - together).min() > -1e-6
    assert (apart - together).max() > 0.1

    # Near the middle of a sphere, an ellipsoid and a box nothing turns far away.
    third, fourth = np.array([0.3, 0, 1]), np.array([-0.1, 0.3, 1])
    apart, together = (
        sum(
            length(light) * render([0, 1, 4, 5, 14, 15, 16, 17], light)
            for light in lights
        )
        for lights in ([third, fourth], [third + fourth])
    )
    face = np.s_[:, 13:19, 13:19]
    assert (together[face] > 0.5).all()
    assert_allclose(apart[face], together[face], rtol=1e-5)


@pytest.mark.parametrize("identity", [*range(1, 10), 18])
def test_normals_are_those_of_a_surface(identity):
    """Photometric stereo gives the slopes of the height, which have no curl."""
    front, right, up = (
        np.linalg.norm(light) * render([identity], light)[0]
        for light in ([0, 0, 1], [0.2, 0, 1], [0, 0.2, 1])
    )
    face = np.s_[13:19, 13:19]
    slope_x, slope_y = (
        (front - tilted)[face] / 0.2 / front[face] for tilted in (right, up)
    )
    xy, xx = np.gradient(slope_x, -2 / 32, 2 / 32)
    yy, yx = np.gradient(slope_y, -2 / 32, 2 / 32)
    inside = np.s_[1:-1, 1:-1]  # central differences
    curvature = np.abs([xx, xy, yy]).max()
    assert curvature > 0.5
    assert np.abs(xy - yx)[inside].max() < 0.05 * curvature


def test_outlines_are_shared_but_no_two_objects_look_alike():
    images = render(np.arange(20), [-1, 1, 2])
    distance = np.abs(images[:, None] - images).max(axis=(2, 3))
    assert (distance + np.eye(20)).min() > 0.05
    outlines = {image.tobytes() for image in render(np.arange(20), [0, 0, 1]) > 0}
    assert len(outlines) < 10


def test_given_properties_render_the_rows_again():
    X, y = make_lit_objects(300, noise=0.1, random_state=0)
    X_again, y_again = make_lit_objects(
        identity=y[:, 0], light=y[:, 1:], noise=0.1, random_state=0
    )
    assert_array_equal(X_again, X)
    assert_array_equal(y_again, y)

    clean, _ = make_lit_objects(300, random_state=0)
    some = [5, 17, 120]
    X_some, _ = make_lit_objects(identity=y[some, 0], light=y[some, 1:])
    assert_array_equal(X_some, clean[some])


def test_what_is_not_given_is_drawn_as_ever():
    X, y = make_lit_objects(50, random_state=0)
    _, other = make_lit_objects(50, identity=3, random_state=0)
    assert_array_equal(other[:, 0], 3)
    assert_array_equal(other[:, 1:], y[:, 1:])
    relit, other = make_lit_objects(50, light=[0, 3, 4], random_state=0)
    assert_array_equal(other[:, 0], y[:, 0])
    assert_allclose(other[:, 1:], np.broadcast_to([0, 0.6, 0.8], (50, 3)))
    assert (relit != X).any(axis=1).all()


def test_seeds_of_lit_objects():
    first, again, other = (make_lit_objects(50, random_state=s) for s in (0, 0, 1))
    assert_array_equal(first[0], again[0])
    assert_array_equal(first[1], again[1])
    assert (first[1] != other[1]).any()


def test_noise_has_its_standard_deviation():
    X, y = make_lit_objects(200, random_state=0)
    noisy, y_noisy = make_lit_objects(200, noise=0.05, random_state=0)
    assert_array_equal(y_noisy, y)
    assert noisy.dtype == np.float32
    assert noisy.min() == 0
    assert noisy.max() <= 1
    grey = (X > 0.3) & (X < 0.7)  # far from where noise is clipped
    assert np.std((noisy - X)[grey]) == pytest.approx(0.05, rel=0.03)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_samples": 0}, "n_samples=0 .* at least 1"),
        ({"n_samples": 2.5}, r"n_samples=2\.5"),
        ({"noise": -0.1}, r"noise=-0\.1"),
        ({"noise": np.nan}, "noise=nan"),
        ({"identity": [0, 20]}, "identity=20 .* from 0 to 19"),
        ({"identity": [-1]}, "identity=-1 "),
        ({"identity": [0.5]}, r"identity=0\.5"),
        ({"identity": [np.nan]}, "identity=nan"),
        ({"identity": ["a"]}, "identity has shape .* and dtype <U1"),
        ({"identity": [[0]]}, r"identity has shape \(1, 1\)"),
        ({"light": [[0, 0, 1], [0, 0, 0]]}, r"light=\[0\.0, 0\.0, 0\.0\] is no dir"),
        ({"light": [np.nan, 0, 1]}, r"light=\[nan, 0\.0, 1\.0\]"),
        ({"light": [[0, np.inf, 1]]}, r"light=\[0\.0, inf, 1\.0\]"),
        ({"light": [0, 1]}, r"light has shape \(2,\)"),
        ({"light": [[[0, 0, 1]]]}, r"light has shape \(1, 1, 3\)"),
        ({"identity": [1, 2], "light": [[0, 0, 1]]}, "2 rows and light 1"),
    ],
)
def test_bad_lit_objects(settings, message):
    with pytest.raises(ValueError, match=message):
        make_lit_objects(**settings)
