"""Positive values."""

import numpy as np
import pytest
import torch
from scipy import stats

from skfmvae.nn import LogNormal

X = np.exp(np.random.default_rng(0).normal([2.0, -8.0], [1.5, 0.1], size=(200, 2)))


@pytest.fixture(scope="module")
def module():
    module = LogNormal().build(X).double()
    module.log_scale.data[:] = torch.tensor([-0.2, 0.1])
    return module


def reference(module, h):
    """Return scipy's distribution, with the scales that the docstring gives."""
    mean, std = np.log(X).mean(axis=0), np.log(X).std(axis=0)
    scale = std * (np.exp(5 * np.array([-0.2, 0.1])) + 0.01)
    return stats.lognorm(scale, scale=np.exp(mean + std * h))


def test_the_density_is_that_of_the_values_in_their_units(module):
    h = np.random.default_rng(1).normal(size=X.shape)
    found = module(torch.from_numpy(h)).log_prob(torch.from_numpy(X)).detach()
    expected = reference(module, h).logpdf(X).sum(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_expectation_is_the_mean(module):
    h = np.linspace(-2, 2, 10).reshape(5, 2)
    distribution = module(torch.from_numpy(h))
    found = module.expectation(distribution).detach()
    np.testing.assert_allclose(found, reference(module, h).mean(), rtol=1e-5)
    weight = torch.full((1, 5), 0.2).double()
    found = module.weighted_expectation(distribution, weight)[0].detach()
    np.testing.assert_allclose(found, reference(module, h).mean().mean(0), rtol=1e-5)


@pytest.mark.parametrize("h", [-1e4, 1e4])
def test_expectations_stay_finite_in_single_precision(h):
    module = LogNormal().build(X.astype(np.float32))
    found = module.expectation(module(torch.full((1, 2), h)))
    assert found.isfinite().all()
    assert (found >= 0).all()


@pytest.mark.parametrize("h", [-1e4, 0.0, 1e4])
def test_draws_can_occur_in_single_precision(h):
    module = LogNormal().build(X.astype(np.float32))
    drawn = module(torch.full((1, 2), h)).sample((100,))
    module.check_support(drawn[:, 0].numpy())


@pytest.mark.parametrize("value", [0.0, -3.0])
def test_what_training_rows_cannot_hold_does_not_break_networks(value):
    """An encoder may see rows that have no density."""
    module = LogNormal().build(X.astype(np.float32))
    x = torch.tensor([[value, 1.0]])
    features = module.features(x)
    assert features.isfinite().all()
    smallest = module.features(torch.tensor([[1e-30, 1.0]]))
    assert features[0, 0] < smallest[0, 0]


@pytest.mark.parametrize("value", [0.0, -3.0])
def test_values_that_are_not_positive_are_named(value, container):
    rows = X.copy()
    rows[5, 1] = value
    message = f"value {value} in row 5, column 1 is not in the positive numbers; .*'gau"
    with pytest.raises(ValueError, match=message):
        LogNormal().build(container(rows))


def test_a_step_multiplies(module):
    x = torch.from_numpy(X[:3])
    std = np.log(X).std(axis=0)
    found = module.moved(x, torch.full_like(x, 0.5))
    np.testing.assert_allclose(found, X[:3] * np.exp(0.5 * std), rtol=1e-5)
