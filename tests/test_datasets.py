"""Partial labels keep what they should; images show what their labels say."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from skfmvae import datasets
from skfmvae.datasets import (
    LIT_OBJECTS_COLUMNS,
    MULTI_DIGITS_COLUMNS,
    SPRITES_COLUMNS,
    make_lit_objects,
    make_multi_digits,
    make_sprites,
    mask_labels,
)
from skfmvae.labels import PartialLabelEncoder

# Partial labels -----------------------------------------------------------------------

Y = np.repeat([0, 1, 2], [60, 30, 10])
MIXED = np.column_stack([Y, np.random.default_rng(0).normal(size=(100, 3))])


def kept(y, partial):
    """Return which labels are left; they must be those that were there."""
    y, partial = (np.asarray(values, dtype=object) for values in (y, partial))
    marks = pd.isna(partial)
    marks = marks | (np.where(marks, -1, partial) == -1)
    assert (partial[~marks] == y[~marks]).all()
    return ~marks


def counts(y, *args, **kwargs):
    """Return how many labels are left of each value."""
    is_kept = kept(y, mask_labels(y, *args, random_state=0, **kwargs))
    return np.bincount(y[is_kept], minlength=3)


@pytest.mark.parametrize(
    ("stratify", "n_labelled", "expected"),
    [
        ("balanced", 30, [10, 10, 10]),
        ("balanced", 60, [25, 25, 10]),  # no more are there
        ("balanced", 99, [59, 30, 10]),
        ("balanced", 100, [60, 30, 10]),
        ("proportional", 3, [2, 1, 0]),
        ("proportional", 10, [6, 3, 1]),
        ("proportional", 50, [30, 15, 5]),
    ],
)
def test_stratified_counts(stratify, n_labelled, expected):
    assert_array_equal(counts(Y, n_labelled, stratify=stratify), expected)


def test_counts_differ_by_one_where_they_must():
    assert sorted(counts(Y, 11)) == [3, 4, 4]


def test_without_stratification_rows_are_drawn_alike():
    partial = [mask_labels(Y, 10, stratify=None, random_state=s) for s in range(200)]
    is_kept = np.array(partial) >= 0
    assert_array_equal(is_kept.sum(axis=1), 10)
    share = [is_kept[:, Y == value].mean() for value in range(3)]
    assert_allclose(share, 0.1, atol=0.02)  # three standard deviations for the rarest


@pytest.mark.parametrize("stratify", ["balanced", "proportional", None])
@pytest.mark.parametrize("per_property", [True, False, {"light": [1, 2, 3]}])
def test_fewer_labels_are_a_subset_of_more(stratify, per_property):
    settings = {
        "stratify": stratify,
        "per_property": per_property,
        "random_state": 3,
    }
    few = kept(MIXED, mask_labels(MIXED, 20, **settings))
    more = kept(MIXED, mask_labels(MIXED, fraction=0.5, **settings))
    assert_array_equal(few.sum(axis=0), 20)
    assert_array_equal(more.sum(axis=0), 50)
    assert (more | ~few).all()


def test_draws_are_repeated_and_differ_between_seeds():
    first, again, other = (mask_labels(Y, 30, random_state=s) for s in (0, 0, 1))
    assert_array_equal(first, again)
    assert (first != other).any()


def test_each_column_has_rows_of_its_own_unless_told_otherwise():
    own = kept(MIXED, mask_labels(MIXED, 40, random_state=0))
    assert len(np.unique(own, axis=1).T) == 4
    shared = kept(MIXED, mask_labels(MIXED, 40, per_property=False, random_state=0))
    assert len(np.unique(shared, axis=1).T) == 1


@pytest.mark.parametrize(
    "groups",
    [
        {"identity": [0], "light": [1, 2, 3]},
        {"light": [1, 2, 3]},
        [[1, 2, 3]],
        [(3, 1, 2), (0,)],
    ],
    ids=str,
)
def test_columns_of_a_group_are_masked_together(groups):
    partial = mask_labels(MIXED, 30, per_property=groups, random_state=0)
    is_kept = kept(MIXED, partial)
    assert_array_equal(is_kept.sum(axis=0), 30)
    assert_array_equal(is_kept[:, 1], is_kept[:, 2])
    assert_array_equal(is_kept[:, 1], is_kept[:, 3])
    assert (is_kept[:, 0] != is_kept[:, 1]).any()
    assert_array_equal(np.bincount(Y[is_kept[:, 0]]), [10, 10, 10])


def test_quantities_do_not_stratify_what_they_are_masked_with():
    y = MIXED[:, [1, 0, 2]]
    is_kept = kept(y, mask_labels(y, 30, per_property=False, random_state=0))
    assert_array_equal(np.bincount(Y[is_kept[:, 0]]), [10, 10, 10])


def test_quantities_are_drawn_alike():
    y = np.repeat([0.5, 1.5], [90, 10])
    rare = [(mask_labels(y, 20, random_state=s) == 1.5).sum() for s in range(200)]
    assert np.mean(rare) == pytest.approx(2, abs=0.3)  # 10 of 20 if stratified


@pytest.mark.parametrize(
    ("y", "dtype"),
    [
        (Y, Y.dtype),
        (Y.astype(np.int8), np.int8),
        ((Y + 253).astype(np.uint8), np.int16),
        (Y.astype(np.uint64), np.int64),
        (Y.astype(np.float32), np.float32),
        (Y > 0, object),
        (Y.astype(str), object),
        (Y.tolist(), np.int64),
        ([f"value {value}" for value in Y], object),
        ([[f"value {value}", value] for value in Y], object),
    ],
    ids=lambda value: "" if isinstance(value, list) else str(value)[:30],
)
def test_marks_are_those_that_the_estimators_read(y, dtype):
    partial = mask_labels(y, 30, random_state=0)
    assert partial.dtype == dtype
    assert partial.shape == np.shape(y)
    is_kept = kept(y, partial)
    encoder = PartialLabelEncoder().fit(partial)
    is_read = encoder.transform(partial) >= 0
    assert_array_equal(is_read, is_kept.reshape(is_read.shape))
    assert_array_equal(is_kept.sum(axis=0), 30)
    mark = {"f": "nan", "i": "-1", "O": "None"}[np.dtype(dtype).kind]
    assert set(map(str, partial[~is_kept])) == {mark}


@pytest.mark.parametrize(
    "dtype",
    ["uint8", "uint64", "Int64", "float32", "boolean", "bool", "str", "category"],
)
def test_pandas_comes_back(dtype):
    index = pd.RangeIndex(100, 200)
    series = pd.Series((Y > 0) if "bool" in dtype else Y, index, name="kind")
    frame = pd.DataFrame({"kind": series.astype(dtype), "size": MIXED[:, 1]}, index)
    before = frame.copy()
    partial = mask_labels(frame, 20, random_state=0)
    pd.testing.assert_frame_equal(frame, before)
    assert list(partial.columns) == ["kind", "size"]
    assert partial.index.equals(index)
    assert_array_equal(kept(frame, partial).sum(axis=0), 20)
    if dtype in ("Int64", "float32", "boolean", "category"):
        assert partial["kind"].dtype == frame["kind"].dtype
    if dtype.startswith("uint"):
        assert partial["kind"].dtype.kind == "i"
    codes = PartialLabelEncoder().fit(partial["kind"]).transform(partial["kind"])
    assert (codes >= 0).sum() == 20

    alone = mask_labels(frame["kind"], 20, random_state=0)
    pd.testing.assert_series_equal(alone, partial["kind"])


def test_groups_of_a_frame_are_names():
    frame = pd.DataFrame(MIXED, columns=list(LIT_OBJECTS_COLUMNS))
    groups = {"light": list(LIT_OBJECTS_COLUMNS[1:])}
    partial = mask_labels(frame, 30, per_property=groups, random_state=0)
    by_position = mask_labels(
        MIXED, 30, per_property={"light": [1, 2, 3]}, random_state=0
    )
    assert_array_equal(partial, by_position)
    with pytest.raises(ValueError, match="names column 1; .*'light_x'"):
        mask_labels(frame, 30, per_property=[[1]])


def test_labels_that_came_in_stay():
    y = Y.copy()
    mask_labels(y, 10, random_state=0)
    assert_array_equal(y, Y)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "n_labelled=None and fraction=None: give one"),
        ({"n_labelled": 3, "fraction": 0.5}, "n_labelled=3 and fraction=0.5"),
        ({"n_labelled": 101}, "n_labelled=101 .* from 1 to 100"),
        ({"n_labelled": 0}, "n_labelled=0 "),
        ({"n_labelled": 2.5}, r"n_labelled=2\.5"),
        ({"fraction": 1.5}, r"fraction=1\.5"),
        ({"fraction": 0}, "fraction=0 "),
        ({"fraction": 0.5, "stratify": "even"}, "stratify='even'.*'balanced'"),
        ({"fraction": 0.5, "per_property": [[4]]}, r"column 4; .*\[0, 1, 2, 3\]"),
        ({"fraction": 0.5, "per_property": [[0, 1], [1]]}, "column 1 twice"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        mask_labels(MIXED, **settings)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1, -1], "column 0 of y holds -1"),
        ([1.5, np.nan], "holds nan"),
        (["a", None], "holds None"),
        (pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), "'a' of y holds"),
        (np.array([0, 2**64 - 1], dtype=np.uint64), "too large beside -1"),
        (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\)"),
        ([], r"shape \(0,\)"),
    ],
    ids=str,
)
def test_labels_that_cannot_be_masked(y, message):
    with pytest.raises(ValueError, match=message):
        mask_labels(y, 1)


# Lit objects --------------------------------------------------------------------------


def pixel_centres(width=32):
    centres = (np.arange(width) + 0.5) * 2 / width - 1
    return np.meshgrid(centres, -centres)


def render(identity, light):
    X, _ = make_lit_objects(identity=identity, light=light)
    return X.reshape(-1, 32, 32).astype(float)


def test_lit_objects_are_what_they_are_said_to_be():
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
    """Photometric stereo tells the slopes of the height, which have no curl."""
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


# Several digits -----------------------------------------------------------------------


def test_multi_digits_are_what_they_are_said_to_be():
    X, y = make_multi_digits(2000, random_state=0)
    assert X.shape == (2000, 1024)
    assert X.dtype == np.float32
    assert X.min() == 0
    assert X.max() == 1
    assert y.shape == (2000, len(MULTI_DIGITS_COLUMNS))
    assert y.dtype == np.int64
    assert_allclose(np.bincount(y[:, 0]) / 2000, 1 / 4, atol=0.04)
    single = y[y[:, 0] == 1, 1:]
    assert_array_equal(single.sum(axis=1), 1)
    assert_allclose(single.mean(axis=0), 0.1, atol=0.055)  # four standard deviations


@pytest.mark.parametrize("max_digits", [1, 3, 6])
def test_rows_are_made_of_the_digits_they_name(max_digits):
    """Look every square of a canvas up among the digits."""
    digits = load_digits()
    label = {
        image.tobytes(): target
        for image, target in zip(
            (digits.images / 16).astype(np.float32), digits.target, strict=True
        )
    }
    X, y = make_multi_digits(60, max_digits=max_digits, random_state=0)
    assert y[:, 0].max() == max_digits
    for canvas, (count, *has) in zip(X.reshape(-1, 32, 32), y, strict=True):
        squares = np.lib.stride_tricks.sliding_window_view(canvas, (8, 8))
        found = {
            corner: label[squares[corner].tobytes()]
            for corner in np.ndindex(25, 25)
            if squares[corner].tobytes() in label
        }
        assert len(found) == count
        assert_array_equal(np.flatnonzero(has), sorted(set(found.values())))
        explained = np.zeros((32, 32), dtype=np.float32)
        for row, column in found:
            square = explained[row : row + 8, column : column + 8]
            assert not square.any()  # no overlap
            square += squares[row, column]
        assert_array_equal(explained, canvas)


def test_digits_stand_anywhere():
    X, y = make_multi_digits(2000, random_state=0)
    for count in (1, 3):
        shown = X[y[:, 0] == count].reshape(-1, 32, 32).mean(axis=0)
        assert (
            shown.reshape(4, 8, 4, 8).sum(axis=(1, 3)) > 0.3 * shown.sum() / 16
        ).all()
        half = shown[:16].sum() / shown.sum()
        assert half == pytest.approx(0.5, abs=0.05)


def test_seeds_of_multi_digits():
    first, again, other = (make_multi_digits(50, random_state=s) for s in (0, 0, 1))
    assert_array_equal(first[0], again[0])
    assert_array_equal(first[1], again[1])
    assert (first[0] != other[0]).any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_samples": 0}, "n_samples=0 "),
        ({"max_digits": 0}, "max_digits=0 .* from 1 to 6"),
        ({"max_digits": 7}, "max_digits=7 "),
        ({"max_digits": 1.5}, r"max_digits=1\.5"),
    ],
)
def test_bad_multi_digits(settings, message):
    with pytest.raises(ValueError, match=message):
        make_multi_digits(**settings)


# Sprites ------------------------------------------------------------------------------

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
    x, y = pixel_centres(images.shape[-1]) * np.array(images.shape[-1] / 2)
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


def test_sprites_are_what_they_are_said_to_be():
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
        monkeypatch.setattr(datasets, "CHUNK", chunk)
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
