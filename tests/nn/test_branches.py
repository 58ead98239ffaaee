"""Branches with parents of their own."""

import pytest
import torch
from torch import nn

from skfmvae.nn import MLP, Conv, build_branches

# Branches -----------------------------------------------------------------------------


def test_a_branch_is_a_network_of_rows_and_parents_side_by_side():
    """With the same weights: parents join before the last activation."""
    settings = MLP(hidden=(7, 5), norm=None, activation="tanh")
    branches = build_branches(settings, 4, n_parents=[0, 3], n_outputs=[2, 6])
    x, parents = torch.randn(8, 4), torch.randn(8, 3)
    first, hidden = branches.trunk[0], branches.trunk[-1]
    shared = torch.tanh(first(x))
    for i, own in enumerate((slice(0, 5), slice(5, 10))):
        weight, bias = hidden.weight[own], hidden.bias[own]
        inputs = shared
        if i == 1:
            weight = torch.cat([weight, branches.joins[1].weight], dim=1)
            inputs = torch.cat([shared, parents], dim=1)
        last = branches.tails[i][-1]
        expected = last(torch.tanh(inputs @ weight.T + bias))
        found = branches(i, branches.read(x)[i], parents if i else None)
        torch.testing.assert_close(found, expected)


def test_normalisation_of_a_branch_sees_rows_alone():
    branches = build_branches(MLP(), 4, n_parents=[3], n_outputs=[2])
    x = torch.randn(50, 4)
    (features,) = branches.read(x)
    torch.testing.assert_close(features.mean(0), torch.zeros(256), rtol=0, atol=1e-5)
    one = branches(0, features[:1], torch.ones(1, 3))
    many = branches(0, features, torch.ones(50, 3))
    torch.testing.assert_close(one, many[:1])


def test_parents_add_to_what_a_callable_gives():
    branches = build_branches(nn.Linear, 4, n_parents=[0, 3], n_outputs=[2, 6])
    x, parents = torch.randn(8, 4), torch.randn(8, 3)
    outputs = branches.trunk(x)
    torch.testing.assert_close(branches(0, branches.read(x)[0], None), outputs[:, :2])
    expected = outputs[:, 2:] + parents @ branches.joins[1].weight.T
    torch.testing.assert_close(branches(1, branches.read(x)[1], parents), expected)


@pytest.mark.parametrize("spec", ["mlp", "conv", MLP(hidden=()), Conv(channels=(8,))])
def test_branches_of_every_kind_have_their_sizes(spec):
    branches = build_branches(spec, 64, [0, 3], [2, 6], n_columns=64)
    first, second = branches.read(torch.randn(5, 64))
    assert branches(0, first, None).shape == (5, 2)
    assert branches(1, second, torch.randn(5, 3)).shape == (5, 6)


def test_bad_settings_of_branches_are_refused():
    with pytest.raises(ValueError, match="hidden"):
        build_branches(MLP(hidden=(0,)), 4, [0], [2])
    with pytest.raises(ValueError, match="encoder='nonsense'"):
        build_branches("nonsense", 4, [0], [2])
