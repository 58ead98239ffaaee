"""The shape of images in rows."""

import pytest

from skfmvae.images import image_shape_of, square_image_shape


@pytest.mark.parametrize(
    ("n_columns", "shape"),
    [(1, (1, 1, 1)), (64, (1, 8, 8)), (48, (3, 4, 4)), (12, (3, 2, 2)), (63, None)],
)
def test_square_images_have_one_channel_or_three(n_columns, shape):
    assert square_image_shape(n_columns) == shape


def test_a_given_shape_comes_before_a_square():
    assert image_shape_of("Conv", (4, 4, 4), 64) == (4, 4, 4)
    assert image_shape_of("Conv", None, 64) == (1, 8, 8)


@pytest.mark.parametrize(
    ("image_shape", "n_columns", "message"),
    [
        (None, 63, "Conv: image_shape=None, but 63 columns are no square image"),
        ((1, 8, 8), 63, "Conv: image_shape=.* does not fit rows of 63 columns"),
        ((8, 8), 64, "Conv: image_shape=.* give .channels, height, width"),
    ],
)
def test_shapes_that_do_not_fit(image_shape, n_columns, message):
    with pytest.raises(ValueError, match=message):
        image_shape_of("Conv", image_shape, n_columns)
