import numpy as np
import pytest
import torch
from torch import nn

from skfmvae._utils.allocation import TooLarge, bounded


@pytest.mark.parametrize(
    "make",
    [
        lambda n: torch.empty(n),
        lambda n: torch.zeros(n // 10, 10),
        lambda n: torch.arange(n),
        lambda n: torch.eye(int(n**0.5)),
        lambda n: torch.zeros(n // 4, 1) + torch.zeros(1, 4),
        lambda n: torch.zeros(4, 1) < torch.arange(n // 4),
        lambda n: torch.empty(0).new_zeros(n),
        lambda n: torch.rand(n),
        lambda n: torch.full((n,), 1.0),
        lambda n: torch.ones(2, 2).repeat(n // 2, 2),
    ],
)
def test_results_may_have_so_many_elements(make):
    with bounded(n_elements=2000, n_operations=20):
        make(1600)
    with bounded(n_elements=2000, n_operations=20), pytest.raises(TooLarge):
        make(10_000)


@pytest.mark.parametrize("n", [10**7, 10**9, 10**12])
def test_what_is_refused_takes_no_memory(n):
    """An address space of so many bytes is nowhere to be had."""
    with bounded(10**6, 1000), pytest.raises(TooLarge):
        nn.Linear(n, 10**6)


def test_all_that_is_asked_for_counts():
    with bounded(n_elements=100, n_operations=1000):
        kept = [torch.empty(100) for _ in range(8)]
        with pytest.raises(TooLarge):
            torch.empty(100)
    assert len(kept) == 8


def test_so_many_operations_may_run():
    with bounded(1000, n_operations=5):
        kept = [torch.empty(1) for _ in range(5)]
        with pytest.raises(TooLarge, match="operations"):
            torch.empty(1)
    assert len(kept) == 5


def test_values_are_those_without_bounds():
    def values():
        torch.manual_seed(0)
        return nn.Linear(4, 3).weight.detach().numpy()

    expected = values()
    with bounded(1000, 1000):
        found = values()
    np.testing.assert_array_equal(found, expected)
