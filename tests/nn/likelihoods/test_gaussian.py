"""Real values."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial.distance import pdist
from sklearn.preprocessing import StandardScaler

from skfmvae._utils import large
from skfmvae.nn import Gaussian


def draw_rows():
    """Rows on several scales; the last column is constant."""
    rng = np.random.default_rng(0)
    return rng.normal([3, -20, 0, 0], [1, 10, 0.01, 0], size=(50, 4)).astype("f4")


def test_gaussian_integrates_to_one_in_the_units_of_the_data():
    X = draw_rows()[:, 1:2]
    module = Gaussian(min_scale=0.3).build(X)
    grid = torch.linspace(-500, 500, 100_001)[:, None]
    density = module(torch.zeros(100_001, 1)).log_prob(grid).exp()
    assert density.sum().item() * 0.01 == pytest.approx(1, abs=1e-3)


def test_learned_noise_has_a_floor():
    module = Gaussian(min_scale=0.2).build(draw_rows())
    torch.nn.init.constant_(module.log_scale, -1e4)
    torch.testing.assert_close(module.scale, 0.2 * module.std)


def test_fixed_scale_may_differ_between_columns():
    X = draw_rows()
    scale = [1.0, 2.0, 3.0, 4.0]
    module = Gaussian(learn_scale=False, scale=scale).build(X)
    assert not list(module.parameters())
    assert module(torch.zeros(1, 4)).stddev.tolist() == [scale]


def test_tiny_units_do_not_break_the_density():
    # energies in joule: the variance leaves float32
    X = (1e-24 * draw_rows()[:, :2]).astype(np.float32)
    module = Gaussian().build(X)
    found = module(torch.zeros(50, 2)).log_prob(torch.from_numpy(X)).detach()
    X = X.astype(np.float64)
    expected = stats.norm.logpdf(X, X.mean(0), 1.01 * X.std(0)).sum(1)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_columns_of_one_range_share_a_unit():
    """As pixels do, of which many hardly vary: noise there is no distance."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(256, size=(100, 6)) * (rng.random((100, 6)) < 0.3)
    pixels[:2] = [[0], [255]]
    pixels[:, 4] //= 100  # one that is never bright
    pixels[:, 5] *= 100  # one of another unit
    module = Gaussian().build(pixels.astype(np.float32))
    rows = module.comparable(pixels.astype(np.float32))
    unit = np.sqrt(pixels[:, :5].var(axis=0).mean())
    scaled = pixels / [unit] * [1, 1, 1, 1, 1, unit / pixels[:, 5].std()]
    np.testing.assert_allclose(pdist(rows), pdist(scaled), rtol=1e-4)
    # Three of other ranges are as many as those of one.
    pixels[:, 3] //= 100
    module = Gaussian().build(pixels.astype(np.float32))
    np.testing.assert_allclose(
        pdist(module.comparable(pixels.astype(np.float32))),
        pdist(StandardScaler().fit_transform(pixels)),
        rtol=1e-4,
    )


def test_units_do_not_depend_on_missing_entries(container, monkeypatch):
    """A column without any value has no part in them."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(256, size=(200, 6)).astype(np.float32)
    pixels[:2] = [[0], [255]]
    pixels[:, 4] = 0
    complete = Gaussian().build(container(pixels)).unit[:4]
    gaps = pixels.copy()
    gaps[50:100, 1] = gaps[:, 5] = np.nan
    monkeypatch.setattr(large, "BLOCK_SIZE", 60)  # 10 rows
    module = Gaussian().build(container(gaps))
    unit = np.sqrt(np.nanvar(gaps[:, :4], axis=0).mean())
    np.testing.assert_allclose(module.unit[:4], unit, rtol=1e-4)
    np.testing.assert_allclose(complete, unit, rtol=0.03)
    assert module.unit.isfinite().all()
    assert (module.unit > 0).all()
