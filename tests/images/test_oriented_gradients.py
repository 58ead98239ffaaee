import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from scipy.spatial.distance import cdist
from sklearn.base import clone

from skfmvae.images import OrientedGradients
from skfmvae.images.oriented_gradients import PRESMOOTHING


def gaussian(deviation):
    reach = int(np.ceil(3 * deviation))
    weight = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    return reach, weight / weight.sum()


def features_by_loops(image, n_orientations, cell_size):
    """Follow the docstring pixel by pixel; channels first."""
    reach, weight = gaussian(PRESMOOTHING)
    padded = np.pad(image, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    _, height, width = image.shape
    smooth = np.zeros(image.shape)
    for i in range(height):
        for j in range(width):
            window = padded[:, i : i + 2 * reach + 1, j : j + 2 * reach + 1]
            smooth[:, i, j] = np.einsum("cab,a,b->c", window, weight, weight)
    smooth = np.pad(smooth, ((0, 0), (1, 1), (1, 1)), mode="edge")
    shared = np.zeros((n_orientations, height, width))
    for i in range(height):
        for j in range(width):
            across = smooth[:, i + 1, j + 2] - smooth[:, i + 1, j]
            down = smooth[:, i + 2, j + 1] - smooth[:, i, j + 1]
            c = np.argmax(np.hypot(across, down))
            strength = np.hypot(across[c], down[c])
            position = np.arctan2(down[c], across[c]) * n_orientations / (2 * np.pi)
            low = int(np.floor(position))
            shared[low % n_orientations, i, j] += strength * (1 + low - position)
            shared[(low + 1) % n_orientations, i, j] += strength * (position - low)
    reach, weight = gaussian(cell_size / 2)
    cells = []
    for n in (height, width):
        n_cells = n // cell_size
        first = (n - 1 - (n_cells - 1) * cell_size) // 2
        cells.append([first + cell_size * k for k in range(n_cells)])
    gathered = np.zeros((n_orientations, len(cells[0]), len(cells[1])))
    for a, i in enumerate(cells[0]):
        for b, j in enumerate(cells[1]):
            for di in range(-reach, reach + 1):
                for dj in range(-reach, reach + 1):
                    if 0 <= i + di < height and 0 <= j + dj < width:
                        gathered[:, a, b] += (
                            shared[:, i + di, j + dj]
                            * weight[di + reach]
                            * weight[dj + reach]
                        )
    return np.sqrt(gathered.ravel() / gathered.sum())


@pytest.mark.parametrize(
    ("shape", "n_orientations", "cell_size"),
    [((1, 8, 8), 12, 4), ((3, 9, 11), 5, 3), ((1, 7, 6), 8, 2)],
)
def test_features_are_those_of_loops(shape, n_orientations, cell_size):
    images = np.random.default_rng(0).random((4, *shape))
    features = OrientedGradients(n_orientations, cell_size, image_shape=shape)
    found = features.fit_transform(images.reshape(4, -1))
    expected = [features_by_loops(i, n_orientations, cell_size) for i in images]
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_rows_have_length_one_and_even_images_no_features():
    X = np.random.default_rng(0).random((30, 64))
    features = OrientedGradients().fit(X)
    np.testing.assert_allclose((features.transform(X) ** 2).sum(1), 1, rtol=1e-5)
    assert (features.transform(np.full((2, 64), 0.7)) < 1e-3).all()


def test_strength_and_ground_of_images_do_not_count():
    X = np.random.default_rng(0).random((5, 64))
    features = OrientedGradients().fit(X)
    np.testing.assert_allclose(
        features.transform(0.3 * X + 0.5), features.transform(X), atol=2e-3
    )


def test_a_small_shift_moves_an_image_less_than_as_pixels():
    """In units of how far other images are."""
    rng = np.random.default_rng(0)
    images = ndimage.gaussian_filter(rng.random((50, 24, 24)), (0, 1, 1))
    shifted = np.roll(images, 1, axis=2)
    rows, moved = images.reshape(50, -1), shifted.reshape(50, -1)

    def relative(before, after):
        return np.mean(np.diag(cdist(before, after)) / cdist(before, before).mean(1))

    features = OrientedGradients(cell_size=6).fit(rows)
    before, after = features.transform(rows), features.transform(moved)
    assert relative(before, after) < 0.8 * relative(rows, moved)


def test_names_and_frames():
    X = pd.DataFrame(np.random.default_rng(0).random((6, 64)))
    X.columns = [f"pixel {i}" for i in range(64)]
    features = OrientedGradients(n_orientations=2).fit(X)
    names = features.get_feature_names_out()
    assert names.tolist() == [f"orientedgradients{i}" for i in range(8)]
    frame = clone(features).set_output(transform="pandas").fit_transform(X)
    assert frame.shape == (6, 8)
    assert list(frame.columns) == list(names)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "OrientedGradients: image_shape=None, but 65 columns"),
        ({"image_shape": (1, 8, 8)}, r"image_shape=\(1, 8, 8\) does not fit .* 65"),
        ({"n_orientations": 0}, "'n_orientations' parameter"),
        ({"cell_size": 2.5}, "'cell_size' parameter"),
    ],
)
def test_bad_input_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        OrientedGradients(**settings).fit(np.zeros((3, 65)))
