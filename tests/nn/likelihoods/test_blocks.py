"""Statistics and checks block by block."""

import tracemalloc

import numpy as np
import pytest

from skfmvae.nn import (
    Bernoulli,
    Categorical,
    Gaussian,
    NegativeBinomial,
    Ordinal,
    Poisson,
)
from skfmvae.nn.likelihoods import blocks

SETTINGS = [
    Bernoulli(),
    Gaussian(),
    Gaussian(learn_scale=False, scale=0.5),
    Categorical(),
    Ordinal(),
    Poisson(),
    NegativeBinomial(),
]


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_building_takes_a_fraction_of_the_memory_of_the_data(settings, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_SIZE", 2**12)
    X = np.zeros((100_000, 10), dtype=np.float32)
    settings.build(X[:10])  # imports what is imported late
    tracemalloc.start()
    settings.build(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.nbytes / 4
