"""Digits show their four properties, and no combination that is held out."""

from itertools import combinations, product
from math import cos, floor, radians, sin

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage
from sklearn.datasets import load_digits

from skfmvae.datasets import (
    COMPOSED_DIGITS_COLUMNS,
    composed_digits,
    hold_out_composed_digits,
    make_composed_digits,
)

COUNTS = (10, 4, 4, 4)
DEGREES = (-67.5, -22.5, 22.5, 67.5)
WHITE_ON_BLACK = {"stroke": "white", "background": "black"}  # shows the grey image
DIGITS = np.arange(10)


def in_the_middle(images):
    """Return images of 28 x 28 pixels."""
    margin = (28 - images.shape[-1]) // 2
    return np.pad(images, ((0, 0), (margin, margin), (margin, margin)))


def noise(n_images, side=20):
    return np.random.default_rng(0).uniform(size=(n_images, side, side))


def codes(held_out):
    return np.array(
        [[one[name] for name in COMPOSED_DIGITS_COLUMNS] for one in held_out]
    )


# Combinations -------------------------------------------------------------------------


def test_composed_digits_have_the_documented_form():
    X, y = make_composed_digits(3000, random_state=0)
    assert X.shape == (3000, 3 * 28 * 28)
    assert X.dtype == np.float32
    assert X.min() == 0
    assert X.max() == 1
    assert COMPOSED_DIGITS_COLUMNS == ("digit", "stroke", "background", "rotation")
    assert y.shape == (3000, 4)
    assert y.dtype == np.int64
    for column, n in zip(y.T, COUNTS, strict=True):
        frequency = np.bincount(column, minlength=n) / 3000
        assert_allclose(frequency, 1 / n, atol=4 * np.sqrt(1 / n / 3000))


def test_grid_of_composed_digits_has_its_order():
    _, y = make_composed_digits(None)
    assert_array_equal(y, list(product(*map(range, COUNTS))))


@pytest.mark.parametrize("seed", range(5))
def test_a_quarter_is_held_out_evenly(seed):
    held_out = codes(hold_out_composed_digits(seed))
    assert held_out.shape == (160, 4)
    assert len(np.unique(held_out, axis=0)) == 160
    is_held_out = np.zeros(COUNTS, dtype=bool)
    is_held_out[tuple(held_out.T)] = True
    for n_shared in (1, 2):
        for others in combinations(range(4), 4 - n_shared):
            assert_array_equal(is_held_out.mean(axis=others), 0.25)
    for other in range(1, 4):
        assert_array_equal(is_held_out.mean(axis=other), 0.25)
    assert set(is_held_out.sum(axis=0).flat) == {2, 3}  # of ten digits


def test_seeds_of_what_is_held_out():
    first, again, other = map(hold_out_composed_digits, (0, 0, 1))
    assert first == again
    assert 80 < len({*map(tuple, codes(first))} - {*map(tuple, codes(other))}) < 160


def test_held_out_combinations_are_never_seen():
    held_out = hold_out_composed_digits(0)
    unseen = {*map(tuple, codes(held_out))}
    _, y_train = make_composed_digits(10_000, exclude=held_out, random_state=0)
    seen = {*map(tuple, y_train.tolist())}
    assert not seen & unseen
    assert len(seen) == 480
    assert seen | unseen == {*product(*map(range, COUNTS))}
    assert [len(np.unique(column)) for column in y_train.T] == [10, 4, 4, 4]

    _, y_unseen = make_composed_digits(3000, only=held_out, random_state=0)
    assert {*map(tuple, y_unseen.tolist())} == unseen
    _, once = make_composed_digits(None, only=held_out)
    assert_array_equal(once, sorted(unseen))


def test_combinations_are_named():
    pink_threes = [{"digit": 3, "stroke": "pink"}]
    _, y = make_composed_digits(
        None, only=pink_threes, exclude=[{"background": "black"}, {"rotation": 0}]
    )
    assert_array_equal(y, list(product([3], [3], [1, 2, 3], [1, 2, 3])))


# Images -------------------------------------------------------------------------------


def test_images_are_as_composed_pixel_by_pixel():
    grey = in_the_middle(noise(10))
    X, y = make_composed_digits(8, images=grey, labels=DIGITS, random_state=0)
    assert set(y[:, 3]) == {0, 1, 2, 3}
    strokes = [(1, 1, 1), (1, 0.85, 0), (0, 0.85, 1), (1, 0.6, 0.85)]
    backgrounds = [(0, 0, 0), (0, 0, 0.55), (0, 0.33, 0), (0.5, 0, 0)]

    def ink(image, row, column):
        return (
            image[row, column] if 0 <= min(row, column) <= max(row, column) < 28 else 0
        )

    for x, (digit, stroke, background, rotation) in zip(X, y, strict=True):
        angle = radians(DEGREES[rotation])
        image = x.reshape(3, 28, 28)
        for i, j in np.ndindex(28, 28):
            right, up = j - 13.5, 13.5 - i
            # Where the point was before it was turned anticlockwise.
            from_right = cos(angle) * right + sin(angle) * up
            from_up = cos(angle) * up - sin(angle) * right
            row, column = 13.5 - from_up, 13.5 + from_right
            top, left = floor(row), floor(column)
            down, aside = row - top, column - left
            share = (
                (1 - down) * (1 - aside) * ink(grey[digit], top, left)
                + (1 - down) * aside * ink(grey[digit], top, left + 1)
                + down * (1 - aside) * ink(grey[digit], top + 1, left)
                + down * aside * ink(grey[digit], top + 1, left + 1)
            )
            expected = [
                share * light + (1 - share) * dark
                for light, dark in zip(
                    strokes[stroke], backgrounds[background], strict=True
                )
            ]
            assert image[:, i, j] == pytest.approx(expected, abs=1e-5)


def luminance(colours):
    """Return the relative luminance that WCAG 2.1 defines."""
    linear = np.where(
        colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4
    )
    return linear @ [0.2126, 0.7152, 0.0722]


def test_colours_are_read_off_and_legible():
    grey = in_the_middle(np.ones((10, 12, 12)))
    X, y = make_composed_digits(None, images=grey, labels=DIGITS)
    images = X.reshape(-1, 3, 28, 28)
    colours = []
    for column, shown in ((1, images[:, :, 14, 14]), (2, images[:, :, 0, 0])):
        found = [np.unique(shown[y[:, column] == k], axis=0) for k in range(4)]
        assert [len(of_code) for of_code in found] == [1, 1, 1, 1]
        found = np.concatenate(found).astype(float)
        distance = np.linalg.norm(found[:, None] - found, axis=2)
        assert distance[~np.eye(4, dtype=bool)].min() > 0.3
        colours.append(found)
    corners = images[:, :, [0, 0, 27, 27], [0, 27, 0, 27]]
    assert_array_equal(corners, np.repeat(corners[:, :, :1], 4, axis=2))
    strokes, backgrounds = map(luminance, colours)
    contrast = (strokes[:, None] + 0.05) / (backgrounds + 0.05)
    assert contrast.min() > 4.5  # success criterion 1.4.3


def test_rotations_are_far_apart_even_after_half_a_turn():
    bar = np.zeros((10, 28, 28))
    bar[:, 5:23, 13:15] = 1  # upright
    X, y = make_composed_digits(None, images=bar, labels=DIGITS, only=[WHITE_ON_BLACK])
    turned = []
    for image in X[y[:, 0] == 0, :784].reshape(-1, 28, 28).astype(float):
        row, column = np.indices((28, 28)) - 13.5
        xx, yy, xy = ((image * a).sum() for a in (column**2, row**2, -row * column))
        turned.append(np.degrees(np.arctan2(2 * xy, xx - yy)) / 2 % 180 - 90)
    assert_allclose(turned, DEGREES, atol=0.5)
    apart = np.abs(np.subtract.outer(turned, turned)) % 180
    apart = np.minimum(apart, 180 - apart)
    assert apart[~np.eye(4, dtype=bool)].min() > 44


def test_sixes_are_no_nines():
    digits = load_digits()
    images = in_the_middle(digits.images[digits.target == 6][:10] / 16)
    images[9] = images[6, ::-1, ::-1]
    X, y = make_composed_digits(
        None, images=images, labels=DIGITS, only=[{"digit": 6}, {"digit": 9}]
    )
    sixes, nines = (X[y[:, 0] == k].astype(float) for k in (6, 9))
    distance = np.linalg.norm(sixes[:, None] - nines, axis=2)
    same_colours = (y[y[:, 0] == 6][:, None] == y[y[:, 0] == 9])[:, :, 1:3].all(axis=2)
    assert distance[same_colours].min() > 0.5 * 3**0.5


@pytest.mark.parametrize("side", [1, 8, 13, 20])
def test_small_images_are_enlarged_with_a_margin(side):
    grey = noise(10, side)
    X, y = make_composed_digits(None, images=grey, labels=DIGITS, only=[WHITE_ON_BLACK])
    margin = -(-side // 5)
    for image, (digit, *_, rotation) in zip(X[:, :784], y, strict=True):
        padded = np.pad(grey[digit], margin)
        enlarged = ndimage.zoom(
            padded, 28 / len(padded), mode="grid-constant", grid_mode=True
        )
        expected = ndimage.rotate(
            enlarged.clip(0, 1), DEGREES[rotation], reshape=False, order=1
        )
        assert_allclose(image.reshape(28, 28), expected, atol=1e-5)


def test_nothing_is_cut_off():
    X, _ = make_composed_digits(2000, only=[WHITE_ON_BLACK], random_state=0)
    images = X[:, :784].reshape(-1, 28, 28)
    rim = images.copy()
    rim[:, 1:-1, 1:-1] = 0
    assert (rim.sum(axis=(1, 2)) / images.sum(axis=(1, 2))).max() < 0.01


def test_images_are_drawn_alike_from_those_of_the_digit():
    labels = np.repeat(DIGITS, [1, 2, 3, 4, 5, 5, 4, 3, 2, 1])
    labels = np.random.default_rng(0).permutation(labels)
    shades = np.arange(len(labels)) / 100
    grey = np.ones((len(labels), 12, 12)) * shades[:, None, None]
    X, y = make_composed_digits(
        6000,
        images=in_the_middle(grey),
        labels=labels,
        only=[WHITE_ON_BLACK],
        random_state=0,
    )
    middle = X.reshape(-1, 3, 28, 28)[:, 0, 14, 14]
    drawn = np.rint(middle * 100).astype(int)
    assert_array_equal(labels[drawn], y[:, 0])
    share = np.bincount(drawn, minlength=30) / np.bincount(y[:, 0])[labels]
    expected = 1 / np.bincount(labels)[labels]
    assert_allclose(share, expected, atol=4 * 0.5 / 600**0.5)


def test_default_digits_are_those_of_scikit_learn():
    images, labels = load_digits(return_X_y=True)
    default = make_composed_digits(50, random_state=0)
    passed = make_composed_digits(50, images=images / 16, labels=labels, random_state=0)
    for a, b in zip(default, passed, strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(10, 784), (10, 28, 28)])
def test_forms_of_images(dtype, shape):
    grey = in_the_middle(noise(10)).round()
    settings = {"labels": DIGITS, "random_state": 0}
    expected, _ = make_composed_digits(20, images=grey, **settings)
    X, _ = make_composed_digits(
        20, images=grey.astype(dtype).reshape(shape), **settings
    )
    assert_array_equal(X, expected)


def test_seeds_of_composed_digits():
    first, again, other = (make_composed_digits(50, random_state=s) for s in (0, 0, 1))
    assert_array_equal(first[0], again[0])
    assert_array_equal(first[1], again[1])
    assert (first[1] != other[1]).any()
    _, y = make_composed_digits(50, images=noise(10), labels=DIGITS, random_state=0)
    assert_array_equal(y, first[1])


def test_chunks_do_not_change_composed_digits(monkeypatch):
    X, _ = make_composed_digits(300, random_state=0)
    for chunk in (1, 37, 128):
        monkeypatch.setattr(composed_digits, "N_COMPOSED", chunk)
        assert_array_equal(make_composed_digits(300, random_state=0)[0], X)


GREY = np.zeros((10, 28, 28))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_samples": 0}, "n_samples=0 .* at least 1"),
        ({"n_samples": 2.5}, r"n_samples=2\.5"),
        ({"images": GREY}, "labels=None, but .* give both"),
        ({"labels": DIGITS}, "images=None, but .* give both"),
        (
            {"images": GREY[:, :, 1:], "labels": DIGITS},
            r"images has shape \(10, 28, 27\) .* \(n_images, 28, 28\) or \(n_images, 7",
        ),
        ({"images": np.zeros((10, 24, 24)), "labels": DIGITS}, "at most 20 x 20"),
        ({"images": np.zeros((10, 32, 32)), "labels": DIGITS}, "at most 20 x 20"),
        ({"images": np.zeros(784), "labels": DIGITS}, r"images has shape \(784,\)"),
        ({"images": GREY[:0], "labels": []}, r"images has shape \(0, 28, 28\)"),
        ({"images": GREY.astype(str), "labels": DIGITS}, "dtype <U32"),
        ({"images": GREY + 255, "labels": DIGITS}, r"255\.0; .* images / 255"),
        ({"images": GREY - 1, "labels": DIGITS}, r"values from -1\.0 to -1\.0"),
        ({"images": GREY + np.nan, "labels": DIGITS}, "values from nan"),
        ({"images": GREY, "labels": DIGITS[:9]}, r"labels has shape \(9,\); .*\(10,\)"),
        ({"images": GREY, "labels": DIGITS[:, None]}, r"labels has shape \(10, 1\)"),
        ({"images": GREY, "labels": DIGITS.astype(str)}, r"holds \['0', '1', .*whole"),
        ({"images": GREY, "labels": DIGITS + 1}, r"labels holds \[1, .* 0 to 9"),
        ({"images": GREY, "labels": DIGITS // 2}, r"labels holds \[0, 1, 2, 3, 4\]"),
        ({"only": [{"colour": 0}]}, "only names 'colour'; name some of digit, stroke,"),
        ({"only": [{"digit": 10}]}, r"only has digit=10, .* from 0 to 9\."),
        ({"only": [{"stroke": "red"}]}, "stroke='red', .* one of white, yellow"),
        ({"exclude": {"digit": 3}}, r"list of dicts, such as \[{'digit': 0, 'stroke'"),
        ({"exclude": [{}]}, "leave no combination; allow more"),
    ],
)
def test_bad_composed_digits(settings, message):
    with pytest.raises(ValueError, match=message):
        make_composed_digits(**settings)


def test_message_on_many_combinations_is_short():
    held_out = hold_out_composed_digits(0)
    with pytest.raises(ValueError, match="leave no combination") as error:
        make_composed_digits(only=held_out, exclude=held_out)
    assert len(str(error.value)) < 1500
