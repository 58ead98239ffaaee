"""Draws against the distributions that they are draws from."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from skfmvae.models.draws import even_draws, relaxed_draw, resample

# Even draws ---------------------------------------------------------------------------


@pytest.mark.parametrize("n_dims", [1, 3, 10])
def test_even_draws_have_standard_normal_moments(n_dims):
    draws = even_draws(n_dims, 256).double()
    assert draws.shape == (256, n_dims)
    assert draws.isfinite().all()
    unit = torch.eye(n_dims, dtype=torch.float64)
    # The mean of 256 random draws is off by 0.06, their covariance by up to 0.09.
    torch.testing.assert_close(
        draws.mean(0), torch.zeros(n_dims).double(), atol=0.02, rtol=0
    )
    torch.testing.assert_close(
        draws.T.cov().view(n_dims, n_dims), unit, atol=0.1, rtol=0
    )
    for column in draws.T:
        assert stats.kstest(column.numpy(), "norm").statistic < 0.02


@pytest.mark.parametrize("n_dims", [2, 5])
def test_even_draws_lie_more_evenly_than_random_ones(n_dims):
    rng = np.random.default_rng(0)
    even = stats.qmc.discrepancy(stats.norm.cdf(even_draws(n_dims, 64).numpy()))
    of_random = [stats.qmc.discrepancy(rng.random((64, n_dims))) for _ in range(50)]
    assert even < min(of_random)
    assert even < 0.3 * np.mean(of_random)


def test_even_draws_are_the_same_each_time_and_continue_shorter_ones():
    torch.manual_seed(0)
    draws = even_draws(3, 64)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert torch.equal(even_draws(3, 64), draws)
    assert torch.equal(even_draws(3, 16), draws[:16])
    assert torch.equal(torch.get_rng_state(), before)


# Relaxed draws ------------------------------------------------------------------------


def test_relaxed_draws_are_concrete():
    """Of two values, the log-odds of a Concrete draw are logistic (Maddison 2017)."""
    torch.manual_seed(0)
    p, temperature = 0.8, 0.4
    log_proba = torch.tensor([p, 1 - p], dtype=torch.float64).log().expand(20_000, -1)
    drawn = relaxed_draw(log_proba, temperature)
    torch.testing.assert_close(drawn.sum(1), torch.ones(20_000, dtype=torch.float64))
    log_odds = (drawn[:, 0].log() - drawn[:, 1].log()).numpy() * temperature
    expected = stats.logistic(loc=math.log(p / (1 - p)))
    assert stats.kstest(log_odds, expected.cdf).pvalue > 0.01
    likely = torch.distributions.RelaxedOneHotCategorical(temperature, logits=log_proba)
    theirs = likely.sample()[:, 0].numpy()
    assert stats.ks_2samp(drawn[:, 0].numpy(), theirs).pvalue > 0.01


def test_relaxed_draws_near_their_values_as_the_temperature_falls():
    """The likeliest value of a draw has the probability that it was given."""
    torch.manual_seed(0)
    proba = torch.tensor([0.5, 0.3, 0.2])
    drawn = relaxed_draw(proba.log().expand(20_000, -1), 0.01)
    assert (drawn.max(1).values > 0.99).double().mean() > 0.95
    found = drawn.argmax(1).bincount(minlength=3) / len(drawn)
    torch.testing.assert_close(found, proba, atol=0.015, rtol=0)


# Resampling ---------------------------------------------------------------------------


def test_candidates_are_drawn_as_often_as_they_weigh():
    """Whatever constant a row adds to the logarithms of its weights."""
    torch.manual_seed(0)
    weight = torch.tensor([[4.0, 3.0, 2.0, 1.0], [0.0, 1.0, 0.0, 1.0]])
    n = 10_000
    constant = torch.linspace(-200, 200, 2 * n)[:, None]
    index = resample(weight.log().repeat(n, 1) + constant).view(n, 2)
    first, second = (column.bincount(minlength=4).numpy() for column in index.T)
    assert stats.chisquare(first, n * np.array([0.4, 0.3, 0.2, 0.1])).pvalue > 0.001
    assert second[[0, 2]].tolist() == [0, 0]
    assert stats.binomtest(int(second[1]), n).pvalue > 0.001
