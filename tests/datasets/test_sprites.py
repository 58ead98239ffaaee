"""Sprites show their factors, and no combination that is held out."""

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skfmvae.datasets import SPRITES_COLUMNS, make_sprites, sprites

BINS = {"n_orientations": 4, "n_positions": 4}
SQUARE, ELLIPSE, HEART = range(3)
# At radius 1. A heart is a square, of the diagonal 3 - sqrt(2), and two half discs.
AREAS = np.array([2, 0.55 * np.pi, (3 - 2**0.5) ** 2 * (1 / 2 + np.pi / 8)])


def bin_centres(n, low, high):
    return low + (high - low) * (np.arange(n) + 0.5) / n


def lengths(y, size=32, n_scales=6, n_positions=4):
    """Return radius, x and y of the sprites in pixels, x and y from the middle."""
    radius = 0.625 * bin_centres(n_scales, 0.5, 1)[y[:, 1]]
    centre = bin_centres(n_positions, -0.375, 0.375)[y[:, 3:5]]
    return size / 2 * np.column_stack([radius, centre])


def moments(images):
    """Return areas, centres of mass and moments of second order, all in pixels."""
    size = images.shape[-1]
    centres = np.arange(size) + 0.5 - size / 2
    x, y = np.meshgrid(centres, -centres)
    area = images.sum(axis=(1, 2))
    centre = [(images * along).sum(axis=(1, 2)) / area for along in (x, y)]
    from_centre = [
        along - middle[:, None, None]
        for along, middle in zip((x, y), centre, strict=True)
    ]
    second = [
        (images * from_centre[i] * from_centre[j]).sum(axis=(1, 2)) / area
        for i, j in ((0, 0), (1, 1), (0, 1))
    ]
    return area, np.transpose(centre), second


def turn_of_ellipses(images):
    """Return the direction of the longer axis in degrees, from -45 to 135."""
    _, _, (xx, yy, xy) = moments(images)
    return (np.degrees(np.arctan2(2 * xy, xx - yy)) / 2 + 45) % 180 - 45


def is_inside(shape, u, v):
    """Return which points are in a sprite of radius 1 that is not turned."""
    if shape == SQUARE:
        return (np.abs(u) < 0.5**0.5) & (np.abs(v) < 0.5**0.5)
    if shape == ELLIPSE:
        return u**2 + (v / 0.55) ** 2 < 1
    # From the heart's tip, in units of the diagonal of its square.
    u, v = np.abs(u) / (3 - 2**0.5), (v + 1) / (3 - 2**0.5)
    return (np.abs(v - 0.5) + u < 0.5) | (np.hypot(u - 0.25, v - 0.75) < 0.125**0.5)


def test_sprites_have_the_documented_form():
    X, y = make_sprites(3000, random_state=0)
    assert X.shape == (3000, 1024)
    assert X.dtype == np.float32
    assert X.min() == 0
    assert X.max() == 1
    assert y.shape == (3000, 5)
    assert y.dtype == np.int64
    for column, n in zip(y.T, (3, 6, 40, 32, 32), strict=True):
        frequency = np.bincount(column, minlength=n) / 3000
        assert_allclose(frequency, 1 / n, atol=4 * np.sqrt(1 / n / 3000))
    correlation = np.corrcoef(y.T) - np.eye(5)
    assert np.abs(correlation).max() < 0.075  # four standard deviations


def test_grid_of_sprites_has_its_order():
    X, y = make_sprites(None, n_colours=2, **BINS)
    assert X.shape == (2 * 1152, 3 * 1024)
    assert SPRITES_COLUMNS == ("shape", "scale", "orientation", "x", "y", "colour")
    assert_array_equal(y, list(product(*map(range, (3, 6, 4, 4, 4, 2)))))


@pytest.mark.parametrize("size", [32, 64])
def test_sprites_are_as_drawn_point_by_point(size):
    """Count 12 x 12 points of every pixel."""
    settings = {"n_scales": 3, "n_orientations": 5, "n_positions": 3}
    X, y = make_sprites(30, size=size, **settings, random_state=0)
    assert set(y[:, 0]) == {SQUARE, ELLIPSE, HEART}
    points = (np.arange(12 * size) + 0.5) / 12 - size / 2
    for image, code, (radius, x, up) in zip(
        X.reshape(-1, size, size), y, lengths(y, size, 3, 3), strict=True
    ):
        right, above = np.meshgrid((points - x) / radius, (-points - up) / radius)
        turned = (right + 1j * above) * np.exp(-1j * np.radians(18 * code[2]))
        inside = is_inside(code[0], turned.real, turned.imag)
        covered = inside.reshape(size, 12, size, 12).mean(axis=(1, 3))
        assert image.sum() == pytest.approx(covered.sum(), rel=0.02)
        # A distance is not quite a covered share: least so at corners.
        assert np.abs(image - covered).max() < 0.3
        assert np.abs(image - covered).sum() < 0.04 * covered.sum()


@pytest.mark.parametrize("size", [32, 64])
def test_areas_and_centres_of_sprites_have_the_closed_form(size):
    X, y = make_sprites(None, size=size, **BINS)
    area, centre, _ = moments(X.reshape(-1, size, size))
    radius, *position = lengths(y, size).T
    assert_allclose(area, AREAS[y[:, 0]] * radius**2, rtol=0.025)
    symmetric = y[:, 0] != HEART
    assert_allclose(centre[symmetric], np.transpose(position)[symmetric], atol=0.06)


def test_orientations_part_a_quarter_turn():
    settings = {"n_orientations": 9, "n_positions": 1}
    X, y = make_sprites(None, only=[{"shape": "ellipse"}], **settings)
    turn = turn_of_ellipses(X.reshape(-1, 32, 32))
    assert_allclose(turn, 10 * y[:, 2], atol=0.5)
    # The centre of mass of a heart lies above that of the circle about it.
    hearts = [{"shape": "heart", "scale": 5}]
    X, y = make_sprites(None, only=hearts, size=64, **settings)
    x, up = moments(X.reshape(-1, 64, 64))[1].T
    assert_allclose(np.degrees(np.arctan2(-x, up)), 10 * y[:, 2], atol=1)


def test_squares_alone_repeat_after_a_quarter_turn():
    X, y = make_sprites(None, n_orientations=5, n_positions=1)
    images = X.reshape(-1, 32, 32)
    quarter, half = (
        np.abs(images - np.rot90(images, k, axes=(1, 2))).max(axis=(1, 2)) < 1e-3
        for k in (1, 2)
    )
    assert_array_equal(quarter, y[:, 0] == SQUARE)
    assert_array_equal(half, y[:, 0] != HEART)


@pytest.mark.parametrize("settings", [BINS, {"n_scales": 2, "n_positions": 2}], ids=str)
def test_no_two_combinations_look_alike(settings):
    X, _ = make_sprites(None, **settings)
    X = X.astype(float)
    norm = (X**2).sum(axis=1)
    distance = norm[:, None] + norm - 2 * X @ X.T
    np.fill_diagonal(distance, np.inf)
    assert distance.min() > 0.05


def test_sprites_stay_inside():
    """None of the largest, at the utmost corners, has lost any of its area."""
    settings = {"n_scales": 50, "n_orientations": 8, "n_positions": 50}
    corners = [{"scale": 49, "x": x, "y": y} for x in (0, 49) for y in (0, 49)]
    X, y = make_sprites(None, only=corners, **settings)
    area, *_ = moments(X.reshape(-1, 32, 32))
    assert_allclose(area, AREAS[y[:, 0]] * 9.95**2, rtol=0.012)
    assert X.reshape(-1, 32, 32)[:, 0].max() > 0.8  # and there is no idle margin


def test_jitter_stays_within_its_share_of_a_step():
    settings = {"n_scales": 3, "random_state": 0, **BINS}
    for shape, jitter in product((SQUARE, ELLIPSE), (0.5, 1)):
        X, y = make_sprites(1000, only=[{"shape": shape}], jitter=jitter, **settings)
        images = X.reshape(-1, 32, 32)
        area, centre, _ = moments(images)
        radius, *position = lengths(y, n_scales=3).T
        strays = {
            "radius": (np.sqrt(area / AREAS[shape]) - radius) / (10 / 6),
            "x": (centre[:, 0] - position[0]) / 3,
            "y": (centre[:, 1] - position[1]) / 3,
        }
        if shape == ELLIPSE:
            strays["turn"] = (turn_of_ellipses(images) - 22.5 * y[:, 2]) / 22.5
        for name, stray in strays.items():
            assert np.abs(stray).max() < jitter / 2 + 0.06, name
            assert np.std(stray) == pytest.approx(jitter / 12**0.5, rel=0.1), name
        correlation = np.corrcoef(list(strays.values())) - np.eye(len(strays))
        assert np.abs(correlation).max() < 0.13  # four standard deviations


def test_jitter_tells_rows_of_a_combination_apart():
    X, y = make_sprites(20, n_scales=1, n_orientations=1, n_positions=1, jitter=0.5)
    assert len(np.unique(X, axis=0)) == 20
    assert not y[:, 1:].any()


def test_colours_are_hues():
    X, y = make_sprites(500, n_colours=6, random_state=0, **BINS)
    assert X.shape == (500, 3 * 1024)
    assert X.dtype == np.float32
    assert y.shape == (500, 6)
    rainbow = [[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1]]
    grey, y_grey = make_sprites(None, **BINS)
    row = {tuple(code): image for code, image in zip(y_grey, grey, strict=True)}
    for image, code in zip(X.reshape(-1, 3, 1024), y, strict=True):
        expected = np.outer(rainbow[code[5]], row[tuple(code[:5])])
        assert_allclose(image, expected, atol=1e-6)


def test_combinations_are_held_out():
    settings = {"n_scales": 2, "n_orientations": 2, "n_positions": 4, "n_colours": 3}
    held_out = [
        {"shape": "heart", "scale": 1, "x": 0},
        {"orientation": 1, "shape": 0},
        {"colour": 2, "y": 3},
    ]
    X, y = make_sprites(None, **settings)
    shape, scale, orientation, x, height, colour = y.T
    is_held_out = (
        ((shape == HEART) & (scale == 1) & (x == 0))
        | ((orientation == 1) & (shape == SQUARE))
        | ((colour == 2) & (height == 3))
    )
    for name, is_made in (("exclude", ~is_held_out), ("only", is_held_out)):
        X_made, y_made = make_sprites(None, **{name: held_out}, **settings)
        assert_array_equal(X_made, X[is_made])
        assert_array_equal(y_made, y[is_made])
        _, y_drawn = make_sprites(
            15 * is_made.sum(), **{name: held_out}, random_state=0, **settings
        )
        found, count = np.unique(y_drawn, axis=0, return_counts=True)
        assert_array_equal(found, y[is_made])
        assert count.var() == pytest.approx(15, rel=0.3)  # as uniform draws have


def test_only_and_exclude_go_together():
    _, y = make_sprites(
        None, only=[{"x": np.int64(2)}], exclude=({"shape": 1}, {"shape": 2}), **BINS
    )
    assert_array_equal(np.unique(y[:, 0]), SQUARE)
    assert_array_equal(np.unique(y[:, 3]), 2)
    assert len(y) == 6 * 4 * 4
    all_rows, none_out = (
        make_sprites(50, exclude=exclude, random_state=0) for exclude in (None, [])
    )
    assert_array_equal(none_out[1], all_rows[1])


def test_seeds_of_sprites():
    first, again, other = (make_sprites(50, random_state=s) for s in (0, 0, 1))
    assert_array_equal(first[0], again[0])
    assert_array_equal(first[1], again[1])
    assert (first[1] != other[1]).any()
    larger, y = make_sprites(50, size=64, jitter=0.5, random_state=0)
    assert larger.shape == (50, 4096)
    assert_array_equal(y, first[1])


def test_chunks_do_not_change_sprites(monkeypatch):
    X, _ = make_sprites(300, jitter=0.5, random_state=0)
    for chunk in (1, 37, 1000):
        monkeypatch.setattr(sprites, "N_DRAWN", chunk)
        assert_array_equal(make_sprites(300, jitter=0.5, random_state=0)[0], X)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_samples": 0}, "n_samples=0 "),
        ({"size": 31}, "size=31 .* at least 32"),
        ({"n_scales": 0}, "n_scales=0 "),
        ({"n_orientations": 2.5}, r"n_orientations=2\.5"),
        ({"n_positions": -1}, "n_positions=-1 "),
        ({"n_colours": -1}, "n_colours=-1 .* at least 0"),
        ({"jitter": 1.1}, r"jitter=1\.1 should be in \[0, 1\]"),
        ({"jitter": np.nan}, "jitter=nan"),
        ({"jitter": "a"}, "jitter='a'"),
        ({"exclude": {"shape": 0}}, "exclude={'shape': 0} should be a list of dicts"),
        ({"only": ["heart"]}, r"only=\['heart'\] should be a list of dicts"),
        ({"only": 3}, "only=3 should be a list of dicts"),
        ({"exclude": [{"size": 0}]}, "exclude names 'size'; name some of shape, sc"),
        ({"exclude": [{"colour": 0}]}, "names 'colour'; .* set n_colours"),
        ({"exclude": [{"scale": 6}]}, "exclude has scale=6, .* from 0 to 5"),
        ({"exclude": [{"x": -1}]}, "exclude has x=-1, .* from 0 to 31"),
        ({"only": [{"y": 0.5}]}, r"only has y=0\.5, "),
        ({"only": [{"shape": "disc"}]}, "'disc', .* 0 to 2, or one of square, ellip"),
        ({"only": [{"scale": "heart"}]}, "only has scale='heart'"),
        ({"exclude": [{}]}, r"exclude=\[{}\] leave no combination; allow more"),
        ({"only": []}, r"only=\[\] and exclude=None leave no combination"),
    ],
    ids=str,
)
def test_bad_sprites(settings, message):
    with pytest.raises(ValueError, match=message):
        make_sprites(**settings)
