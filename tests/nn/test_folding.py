import copy

import pytest
import torch
from torch import nn

from skfmvae.nn import MLP
from skfmvae.nn.folding import fold_norms


def used(network, n_inputs):
    """Return a network in double precision that has normalised rows before."""
    for module in network.double().modules():
        if isinstance(module, nn.BatchNorm1d):
            if module.affine:
                nn.init.normal_(module.weight)
                nn.init.normal_(module.bias)
            network.train()
            network(3 + 2 * torch.randn(64, n_inputs, dtype=torch.float64))
    return network.eval()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_folded_network_gives_what_it_gave(precision):
    torch.manual_seed(0)
    settings = MLP(hidden=(8, 8), precision=precision, dropout=0.5)
    network = used(settings.build_decoder(4, 3), 4)
    x = torch.randn(5, 4, dtype=torch.float64)
    expected = network(x)
    folded = fold_norms(network)
    assert folded is network
    assert not [m for m in folded.modules() if isinstance(m, nn.BatchNorm1d)]
    torch.testing.assert_close(folded(x), expected)


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8, affine=False)),
        nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8, track_running_stats=False)),
        nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.BatchNorm1d(8)),
        nn.Sequential(nn.Linear(4, 8), nn.Unflatten(1, (4, 2)), nn.BatchNorm1d(4)),
        nn.Sequential(
            nn.Unflatten(1, (2, 2)), nn.Linear(2, 3), nn.BatchNorm1d(2), nn.Flatten()
        ),
        nn.Sequential(
            nn.utils.parametrizations.weight_norm(nn.Linear(4, 8)), nn.BatchNorm1d(8)
        ),
    ],
    ids=["not affine", "of the batch", "later", "reshaped", "channels", "made weights"],
)
def test_other_networks_stay_as_they_are(network):
    torch.manual_seed(0)
    network = used(network, 4)
    x = torch.randn(5, 4, dtype=torch.float64)
    expected = network(x)
    kinds = [type(module) for module in network]
    folded = fold_norms(copy.deepcopy(network))
    assert [type(module) for module in folded] == kinds
    torch.testing.assert_close(folded(x), expected)
