"""Intensities between 0 and 1."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from skfmvae.nn import Bernoulli, ContinuousBernoulli, resolve_likelihood


@pytest.mark.parametrize("h", [-8.0, -1.0, 0.0, 1e-4, 3.0])
def test_the_density_integrates_to_one_and_has_the_expected_mean(h):
    module = ContinuousBernoulli().build(np.array([[0.5]])).double()
    outputs = torch.tensor([[h]], dtype=torch.float64)

    def density(x):
        row = torch.tensor([[x]], dtype=torch.float64)
        return module(outputs).log_prob(row).exp().item()

    assert quad(density, 0, 1)[0] == pytest.approx(1, abs=1e-5)
    mean = quad(lambda x: x * density(x), 0, 1)[0]
    assert module.expectation(module(outputs)).item() == pytest.approx(mean, abs=1e-5)


def test_networks_see_what_they_see_of_a_bernoulli():
    X = np.random.default_rng(0).random((5, 3), dtype=np.float32)
    of_both = [
        settings.build(X).features(torch.from_numpy(X))
        for settings in (Bernoulli(), ContinuousBernoulli())
    ]
    torch.testing.assert_close(*of_both)


def test_it_has_a_name_and_a_support():
    assert resolve_likelihood("continuous_bernoulli", np.zeros((2, 2))).build(
        np.zeros((2, 2))
    )
    with pytest.raises(ValueError, match="ContinuousBernoulli.*1.5.*MinMaxScaler"):
        ContinuousBernoulli().build(np.array([[0.0], [1.5]]))
