import numpy as np
import pytest
import torch
from scipy import ndimage
from sklearn.base import clone

from skfmvae.images import ImageDistortion


def distance_by_loops(first, second, warp, context):
    """Section 4.3 of Keysers et al. (2007), pixel by pixel; zeros beyond the border."""
    n_channels, height, width = first.shape

    def gradients(image):
        return [
            ndimage.sobel(channel, axis=axis, mode="constant") / 4
            for channel in image
            for axis in (1, 0)
        ]

    def at(gradient, y, x):
        inside = 0 <= y < height and 0 <= x < width
        return gradient[y, x] if inside else 0.0

    pairs = list(zip(gradients(first), gradients(second), strict=True))
    around = range(-context, context + 1)
    moves = range(-warp, warp + 1)
    total = 0.0
    for y in range(height):
        for x in range(width):
            positions = [
                (y + i, x + j)
                for i in around
                for j in around
                if 0 <= y + i < height and 0 <= x + j < width
            ]
            total += min(
                sum(
                    (a[i, j] - at(b, i + down, j + right)) ** 2
                    for a, b in pairs
                    for i, j in positions
                )
                for down in moves
                for right in moves
            )
    return np.sqrt(total)


@pytest.mark.parametrize("shape", [(1, 7, 7), (3, 5, 8)])
@pytest.mark.parametrize(("warp", "context"), [(2, 1), (1, 2), (0, 0), (3, 0)])
def test_distances_are_those_of_loops(shape, warp, context):
    X, Y = np.random.default_rng(0).random((2, 3, *shape))
    distance = ImageDistortion(warp, context, image_shape=shape)
    found = distance(X.reshape(3, -1), Y.reshape(3, -1))
    expected = [
        distance_by_loops(x, y, warp, context) for x, y in zip(X, Y, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_images_moved_by_less_than_the_warp_are_alike():
    images = np.zeros((5, 16, 16))
    images[:, 5:11, 5:11] = np.random.default_rng(0).random((5, 6, 6))
    rows = images.reshape(5, -1)
    for down, right in [(0, 0), (2, -2), (1, 0)]:
        moved = np.roll(images, (down, right), axis=(1, 2)).reshape(5, -1)
        np.testing.assert_allclose(ImageDistortion()(rows, moved), 0, atol=1e-3)
    far = np.roll(images, 3, axis=2).reshape(5, -1)
    assert (ImageDistortion()(rows, far) > 0.3).all()


def test_more_pairs_than_are_compared_together():
    X, Y = np.random.default_rng(0).random((2, 130, 25))
    distance = clone(ImageDistortion(warp=1))
    one_by_one = [distance(X[[i]], Y[[i]])[0] for i in range(130)]
    np.testing.assert_allclose(distance(X, Y), one_by_one, rtol=1e-5)


def test_threads_change_no_distance(monkeypatch):
    X, Y = np.random.default_rng(0).random((2, 600, 25))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    expected = ImageDistortion()(X, Y)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    np.testing.assert_array_equal(ImageDistortion()(X, Y), expected)


@pytest.mark.parametrize(
    ("settings", "n_columns", "message"),
    [
        ({}, 65, "ImageDistortion: image_shape=None, but 65 columns"),
        ({"image_shape": (1, 8, 8)}, 65, "does not fit .* 65"),
        ({"warp": -1}, 64, "'warp' parameter"),
        ({"context": 0.5}, 64, "'context' parameter"),
    ],
)
def test_bad_input_is_refused(settings, n_columns, message):
    rows = np.zeros((3, n_columns))
    with pytest.raises(ValueError, match=message):
        ImageDistortion(**settings)(rows, rows)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((2, 64), "inconsistent numbers of samples"), ((3, 256), "Incompatible dim")],
)
def test_pairs_need_two_images_of_a_size(shape, message):
    with pytest.raises(ValueError, match=message):
        ImageDistortion()(np.zeros((3, 64)), np.zeros(shape))
