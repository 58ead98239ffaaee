"""Activations by their names."""

import pytest
import torch
from sklearn.base import clone

from skfmvae.nn import MLP, Conv
from skfmvae.nn.layers import ACTIVATIONS


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("settings", [MLP(norm=None), Conv(norm=None)])
def test_activations_are_the_ones_named(settings, activation):
    network = clone(settings).set_params(activation=activation).build_encoder(16, 2)
    expected = getattr(torch.nn.functional, activation, torch.tanh)
    found = [m for m in network if type(m) in set(ACTIVATIONS.values())]
    x = torch.randn(50)
    assert len(found) >= 2
    for module in found:
        torch.testing.assert_close(module(x), expected(x))
