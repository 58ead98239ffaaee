"""Intensities that are cut off at black and white."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import quad

from skfmvae.nn import Bernoulli, CensoredGaussian, resolve_likelihood


def one_column(scale):
    """A module of a column with mean 0.4 and deviation 0.4, in units of the scale."""
    X = scale * np.array([[0.0], [0.8]])
    return CensoredGaussian(scale).build(X).double()


@pytest.mark.parametrize("scale", [1.0, 255.0])
@pytest.mark.parametrize("h", [-4.0, -1.0, 0.0, 0.7, 5.0])
def test_limits_and_what_is_between_have_probability_one(h, scale):
    module = one_column(scale)
    distribution = module(torch.tensor([[h]], dtype=torch.float64))

    def density(x):
        row = torch.tensor([[x]], dtype=torch.float64)
        return distribution.log_prob(row).exp().item()

    between = quad(density, 1e-9, scale - 1e-9)[0]
    assert between + density(0) + density(scale) == pytest.approx(1, abs=1e-6)
    mean = quad(lambda x: x * density(x), 1e-9, scale - 1e-9)[0] + scale * density(
        scale
    )
    assert module.expectation(distribution).item() == pytest.approx(mean, rel=1e-5)


def test_draws_reach_the_limits_as_often_as_they_are_probable():
    distribution = one_column(255.0)(torch.tensor([[0.5]], dtype=torch.float64))
    torch.manual_seed(0)
    drawn = distribution.sample((50_000,)).numpy().ravel()
    variable = stats.norm(255 * 0.6, 255 * 0.4 * 1.01)
    assert drawn.min() == 0
    assert drawn.max() == 255
    assert (drawn == 0).mean() == pytest.approx(variable.cdf(0), abs=0.01)
    assert (drawn == 255).mean() == pytest.approx(variable.sf(255), abs=0.01)
    middle = ((drawn > 100) & (drawn < 150)).mean()
    assert middle == pytest.approx(variable.cdf(150) - variable.cdf(100), abs=0.01)


def test_maximum_likelihood_looks_behind_the_limits():
    """Location and noise are those before values were cut off, not those after."""
    rng = np.random.default_rng(0)
    X = rng.normal(0.1, 0.5, (20_000, 1)).clip(0, 1)
    module = CensoredGaussian().build(X)
    h = torch.zeros(1, 1, requires_grad=True)
    optimizer = torch.optim.Adam([h, *module.parameters()], lr=0.05)
    rows = torch.from_numpy(X).float()
    for _ in range(300):
        optimizer.zero_grad()
        (-module(h).log_prob(rows).mean()).backward()
        optimizer.step()
    variable = module(h).base_dist
    assert variable.loc.item() == pytest.approx(0.1, abs=0.02)
    assert variable.scale.item() == pytest.approx(0.5, abs=0.02)
    assert X.mean() > 0.2  # of what is seen


def test_networks_see_what_they_see_of_a_bernoulli():
    X = np.random.default_rng(0).random((5, 3), dtype=np.float32)
    of_both = [
        settings.build(X).features(torch.from_numpy(X))
        for settings in (Bernoulli(), CensoredGaussian())
    ]
    torch.testing.assert_close(*of_both)


def test_columns_that_vary_share_a_unit():
    X = np.random.default_rng(0).random((50, 3))
    X[:, 1] = 0.5
    unit = CensoredGaussian().build(X).unit.item()
    assert unit == pytest.approx(np.sqrt(X[:, [0, 2]].var(0).mean()), rel=1e-5)
    bytes_ = (255 * X).astype(np.uint8)
    of_bytes = CensoredGaussian(scale=255).build(bytes_)
    assert of_bytes.unit.item() == pytest.approx(255 * unit, rel=0.01)
    assert CensoredGaussian().build(np.ones((4, 2))).unit.item() == 1


def test_it_has_a_name_and_a_support():
    assert resolve_likelihood("censored_gaussian", np.zeros((2, 2))).build(
        np.zeros((2, 2))
    )
    with pytest.raises(ValueError, match=r"CensoredGaussian.*1\.5.*MinMaxScaler"):
        CensoredGaussian().build(np.array([[0.0], [1.5]]))
