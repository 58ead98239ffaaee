import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.nn import functional

from skfmvae.images import ImageAugmentation
from skfmvae.images.augmentation import erase_patches, move_images

NOTHING = {"shift": 0.0, "rotate": 0.0, "scale": 0.0, "shear": 0.0}


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("size", [(9, 9), (8, 13)])
def test_moves_are_those_of_scipy(size):
    """Pixel by pixel, on images of which SciPy resamples one channel at a time."""
    images = torch.rand(5, 2, *size, dtype=torch.float64)
    matrix = torch.eye(2) + 0.3 * torch.randn(5, 2, 2, dtype=torch.float64)
    shift = 2 * torch.randn(5, 2, dtype=torch.float64)
    moved = move_images(images, matrix, shift)
    centre = (np.array(size) - 1) / 2
    for image, m, s, found in zip(images, matrix, shift, moved, strict=True):
        # SciPy counts rows first.
        m, s = m.numpy()[::-1, ::-1], s.numpy()[::-1]
        for channel, result in zip(image, found, strict=True):
            expected = ndimage.affine_transform(
                channel.numpy(), m, centre - m @ centre + s, order=1, mode="nearest"
            )
            np.testing.assert_allclose(result, expected, atol=1e-10)


def test_bends_are_added_to_linear_moves():
    """Pixel by pixel, with bends that torch makes as large as each image."""
    images = torch.rand(4, 2, 8, 13, dtype=torch.float64)
    matrix = torch.eye(2) + 0.3 * torch.randn(4, 2, 2, dtype=torch.float64)
    shift = 2 * torch.randn(4, 2, dtype=torch.float64)
    bends = torch.randn(4, 3, 5, 2, dtype=torch.float64)
    moved = move_images(images, matrix, shift, bends)
    smooth = functional.interpolate(
        bends.permute(0, 3, 1, 2), (8, 13), mode="bicubic", align_corners=True
    )
    down, across = np.indices((8, 13))
    pixels = np.stack([across - 6, down - 3.5])
    for image, m, s, bend, found in zip(
        images, matrix, shift, smooth, moved, strict=True
    ):
        moves = np.tensordot(m, pixels, 1) + s.numpy()[:, None, None] + bend.numpy()
        points = moves[1] + 3.5, moves[0] + 6
        for channel, result in zip(image, found, strict=True):
            expected = ndimage.map_coordinates(
                channel.numpy(), points, order=1, mode="nearest"
            )
            np.testing.assert_allclose(result, expected, atol=1e-10)


def test_bends_displace_grid_points():
    """Seen on ramps, whose values say from where a pixel was taken."""
    ramps = torch.from_numpy(np.indices((29, 29))).float()
    augmentation = ImageAugmentation(**NOTHING, warp=3.0, image_shape=(2, 29, 29))
    bend = augmentation.build(2 * 29 * 29)
    moves = bend(ramps.reshape(1, -1).repeat(3000, 1)).view(-1, 2, 29, 29) - ramps
    points = moves[:, :, 7:28:7, 7:28:7].flatten(1)  # off the border, where ramps end
    assert points.abs().max() == pytest.approx(3, abs=0.01)
    assert points.std() == pytest.approx(3 / math.sqrt(3), rel=0.03)
    # Displacements of points, and those down and across, are independent.
    correlations = np.corrcoef(points.T.numpy())
    assert np.abs(correlations - np.eye(18)).max() < 0.1
    # From pixel to pixel less than a spline of such a range can move.
    steps = moves[:, :, 7:22, 7:22].diff(dim=2).abs()
    assert steps.max() < 6 / 7 * 1.8


def test_nothing_stays_what_it_is():
    x = torch.rand(20, 3 * 6 * 6)
    torch.testing.assert_close(ImageAugmentation(**NOTHING).build(108)(x), x)


def centre_of(x, shape):
    """Return the centre of mass of each image, and its second moments about it."""
    images = x.view(-1, *shape).double()
    mass = images.sum((1, 2))
    down, across = (torch.arange(n) - (n - 1) / 2.0 for n in shape)
    mean_down = (images.sum(2) * down).sum(1) / mass
    mean_across = (images.sum(1) * across).sum(1) / mass
    return mean_down, mean_across


@pytest.mark.parametrize(
    ("change", "limit"),
    [("shift", 3.0), ("rotate", 30.0), ("scale", 0.2), ("shear", 0.3)],
)
def test_draws_fill_their_range_evenly(change, limit):
    """Seen by where a blot beside the centre comes to lie."""
    image = np.zeros((41, 41))
    image[20, 30] = 1.0
    if change == "shear":
        image = image.T
    blot = ndimage.gaussian_filter(image, 1.5).astype(np.float32)
    x = torch.from_numpy(blot).view(1, -1).repeat(2000, 1)
    moved = ImageAugmentation(**NOTHING | {change: limit}).build(41 * 41)(x)
    down, across = centre_of(moved, (41, 41))
    draws = {
        "shift": across - 10,
        "rotate": torch.atan2(down, across) * 180 / math.pi,
        "scale": torch.log(across / 10) * limit / math.log1p(limit),
        "shear": across / 10,
    }[change] / limit
    if change == "shear":
        assert (down - 10).abs().max() < 0.01
    assert draws.abs().max() == pytest.approx(1, abs=0.03)
    assert draws.mean() == pytest.approx(0, abs=0.05)
    assert draws.std() == pytest.approx(1 / math.sqrt(3), abs=0.03)


def test_patches_are_rectangles_of_the_mean():
    images = torch.rand(300, 2, 10, 12)
    erased = erase_patches(images, 0.5)
    changed = (erased != images).any(1)
    heights, widths = changed.any(2).sum(1), changed.any(1).sum(1)
    assert (changed.sum((1, 2)) == heights * widths).all()
    assert (heights.max(), widths.max()) == (5, 6)
    mean = images.mean((2, 3), keepdim=True).expand_as(images)
    torch.testing.assert_close(
        erased[changed[:, None].expand_as(erased)],
        mean[changed[:, None].expand_as(erased)],
    )
    # Every pixel is covered.
    assert changed.any(0).all()


def test_values_stay_in_the_range_of_the_images():
    x = torch.rand(50, 144)
    changed = ImageAugmentation(erase=0.5).build(144)(x)
    assert changed.shape == x.shape
    assert changed.min() >= -1e-6
    assert changed.max() <= 1 + 1e-6


def test_rows_that_are_no_images_are_refused():
    with pytest.raises(ValueError, match="ImageAugmentation: image_shape=None, but 7"):
        ImageAugmentation().build(7)
    with pytest.raises(ValueError, match=r"image_shape=\(1, 2, 3\) does not fit .* 7"):
        ImageAugmentation(image_shape=(1, 2, 3)).build(7)
    with pytest.raises(ValueError, match=r"image_shape=\(2, 3\) does not fit"):
        ImageAugmentation(image_shape=(2, 3)).build(6)


def test_pixels_are_missing_where_they_come_from_missing_ones():
    """And the others are those of the complete image."""
    images = torch.rand(6, 64)
    gaps = torch.rand(6, 64) < 0.05
    augment = ImageAugmentation(shift=2.0, rotate=20.0).build(64)
    found = []
    for rows in (images, images.masked_fill(gaps, torch.nan), gaps.float()):
        torch.manual_seed(0)
        found.append(augment(rows))
    complete, with_gaps, share = found
    assert with_gaps[share > 0].isnan().all()
    # Beyond the border one of them has a weight of zero.
    assert with_gaps[share == 0].isnan().float().mean() < 0.1
    known = ~with_gaps.isnan()
    assert 0.5 < known.float().mean() < 1
    torch.testing.assert_close(with_gaps[known], complete[known])
