"""Partial labels keep what they should; images show what their labels say."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from skfmvae.datasets import (
    LIT_OBJECTS_COLUMNS,
    MULTI_DIGITS_COLUMNS,
    make_lit_objects,
    make_multi_digits,
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
