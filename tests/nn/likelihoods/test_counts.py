"""Counts."""

import numpy as np
import pytest
import torch
from scipy import stats

from skfmvae.nn import NegativeBinomial, Poisson


def draw_counts():
    rng = np.random.default_rng(0)
    return rng.poisson([0.2, 3, 100, 0], size=(50, 4)).astype(np.float32)


def test_learned_dispersion_has_a_floor():
    X = draw_counts()
    module = NegativeBinomial().build(X)
    torch.nn.init.constant_(module.log_dispersion, -1e4)
    h, X = torch.zeros(50, 4), torch.from_numpy(X)
    module.mean[:] = X.mean(0) + 0.1
    # close to Poisson, and not the rounding error of lgamma at a huge argument
    expected = stats.poisson.logpmf(X, module.mean).sum(1)
    found = module(h).log_prob(X).detach()
    np.testing.assert_allclose(found, expected, atol=0.3)


@pytest.mark.parametrize("settings", [Poisson(), NegativeBinomial()], ids=repr)
def test_a_column_of_zeros_has_the_mean_of_a_single_count(settings):
    X = draw_counts()
    assert not X[:, 3].any()
    module = settings.build(X)
    expected = [*X[:, :3].mean(axis=0), 1 / 50]
    np.testing.assert_allclose(
        module(torch.zeros(1, 4)).mean[0].detach(), expected, 1e-5
    )
