"""Statistics and checks block by block."""

import tracemalloc

import numpy as np
import pytest

from skfmvae._utils import large
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
    monkeypatch.setattr(large, "BLOCK_SIZE", 2**12)
    X = np.zeros((100_000, 10), dtype=np.float32)
    settings.build(X[:10])  # imports what is imported late
    tracemalloc.start()
    settings.build(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.nbytes / 4


# Missing entries ----------------------------------------------------------------------


@pytest.mark.parametrize("block_size", [5, 60, 2**20])
def test_missing_entries_do_not_count(block_size, container, monkeypatch):
    """Not even where a block has nothing else in a column."""
    monkeypatch.setattr(large, "BLOCK_SIZE", block_size)
    X = np.random.default_rng(0).normal([5, -3, 0.1], [2, 1, 7], size=(100, 3))
    X[:40, 0] = X[30:, 1] = X[::2, 2] = np.nan
    mean, std = blocks.column_statistics(container(X))
    np.testing.assert_allclose(mean, np.nanmean(X, axis=0))
    np.testing.assert_allclose(std, np.nanstd(X, axis=0))
    largest = blocks.largest_of_columns(container(abs(X)))
    np.testing.assert_array_equal(largest, np.nanmax(abs(X), axis=0))


def test_a_column_of_nothing_has_mean_zero_and_deviation_one(container):
    X = np.array([[np.nan, 1.0], [np.nan, 3.0]])
    mean, std = blocks.column_statistics(container(X))
    assert (mean.tolist(), std.tolist()) == ([0, 2], [1, 1])
    assert blocks.largest_of_columns(container(X)).tolist() == [0, 3]


def test_the_first_value_outside_is_none_that_is_missing(container):
    X = np.array([[np.nan, 1.0], [2.0, np.nan], [0.0, -1.0]])
    found = blocks.first_outside(container(X), lambda values: values >= 0)
    assert found == (2, 1)
    assert blocks.first_outside(container(X[:2]), lambda values: values >= 0) is None
