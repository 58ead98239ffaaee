"""Latent blocks: their posteriors, their columns and their names."""

import math

import numpy as np
import pytest
import torch

from skfmvae.models.latents import diagonal_normal, free_name, side_by_side


def test_means_and_log_variances_lie_side_by_side():
    output = torch.tensor([[1.0, -2.0, math.log(4.0), math.log(0.25)]])
    normal = diagonal_normal(output)
    torch.testing.assert_close(normal.mean, torch.tensor([[1.0, -2.0]]))
    torch.testing.assert_close(normal.stddev, torch.tensor([[2.0, 0.5]]))


def test_deviations_stay_in_a_range():
    log_variance = torch.tensor([[-math.inf, -50.0, -8.0, 3.0, 50.0, math.inf]])
    normal = diagonal_normal(torch.cat([torch.zeros(1, 6), log_variance], dim=1))
    least, most = math.exp(-4), math.exp(1.5)
    expected = torch.tensor([[least, least, least, most, most, most]])
    torch.testing.assert_close(normal.stddev, expected)


def test_blocks_follow_each_other():
    sizes = {"a": 3, "empty": 0, "b": 1, "c": 5}
    blocks = side_by_side(sizes)
    assert list(blocks) == list(sizes)
    columns = [np.arange(100)[block].tolist() for block in blocks.values()]
    assert list(map(len, columns)) == list(sizes.values())
    assert sum(columns, []) == list(range(9))


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ([], "style"),
        (["style_", "u"], "style"),
        (["style"], "style_"),
        (["style", "style_", "style__"], "style___"),
    ],
)
def test_a_name_that_is_taken_is_made_longer(taken, expected):
    assert free_name("style", taken) == expected
