"""Values in [0, 1]."""

import numpy as np
import torch
from scipy import stats

from skfmvae.nn import (
    Bernoulli,
)


def test_bernoulli_of_binary_rows_is_scipys():
    X = (np.random.default_rng(0).uniform(size=(50, 4)) > 0.5).astype(np.float32)
    module = Bernoulli().build(X)
    h = torch.randn(50, 4, generator=torch.Generator().manual_seed(1)).double()
    found = module(h).log_prob(torch.from_numpy(X).double())
    expected = stats.bernoulli.logpmf(X, 1 / (1 + np.exp(-h.numpy()))).sum(1)
    np.testing.assert_allclose(found, expected)
