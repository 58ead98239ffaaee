"""Fully connected networks."""

import pytest
import torch
from torch import nn

from skfmvae.nn import MLP


def test_mlp_is_the_composition_of_its_layers():
    encoder = MLP(hidden=(5, 4), norm="layer", activation="tanh").build_encoder(3, 2)
    x = torch.randn(6, 3)
    w1, b1, g1, c1, w2, b2, g2, c2, w3, b3 = encoder.parameters()

    def standardise(h):
        return (h - h.mean(1, keepdim=True)) / (
            h.var(1, keepdim=True, unbiased=False) + 1e-5
        ).sqrt()

    h = torch.tanh(standardise(x @ w1.T + b1) * g1 + c1)
    h = torch.tanh(standardise(h @ w2.T + b2) * g2 + c2)
    torch.testing.assert_close(encoder(x), h @ w3.T + b3)


def test_mlp_decoder_takes_the_sizes_in_reverse():
    sizes = {
        role: [m.out_features for m in network if isinstance(m, nn.Linear)]
        for role, network in {
            "encoder": MLP(hidden=(5, 4)).build_encoder(3, 2),
            "decoder": MLP(hidden=(5, 4)).build_decoder(2, 3),
        }.items()
    }
    assert sizes == {"encoder": [5, 4, 2], "decoder": [4, 5, 3]}


def test_mlp_without_hidden_layers_is_linear():
    encoder = MLP(hidden=()).build_encoder(3, 2)
    x, y = torch.randn(2, 4, 3)
    torch.testing.assert_close(
        encoder(x + y) + encoder(torch.zeros(4, 3)), encoder(x) + encoder(y)
    )


def test_dropout_drops_its_share_while_training_only():
    settings = MLP(hidden=(20_000,), norm=None, activation="elu", dropout=0.3)
    hidden_layer = settings.build_encoder(3, 2)[:-1]
    x = torch.randn(1, 3)
    assert (hidden_layer(x) == 0).double().mean() == pytest.approx(0.3, abs=0.02)
    assert (hidden_layer.eval()(x) == 0).sum() == 0
