"""Networks by name, by settings and by a function."""

import re

import pytest
import torch
from torch import nn

from skfmvae.nn import MLP, Conv, build_network


@pytest.mark.parametrize("role", ["encoder", "decoder"])
def test_build_network_by_name_is_the_default_object(role):
    for name, settings in {"mlp": MLP(), "conv": Conv()}.items():
        torch.manual_seed(0)
        by_name = build_network(name, role, 16, 16)
        torch.manual_seed(0)
        by_object = build_network(settings, role, 16, 16)
        x = torch.randn(3, 16)
        torch.testing.assert_close(by_name(x), by_object(x), rtol=0, atol=0)


def test_build_network_takes_a_users_factory():
    network = build_network(nn.Linear, "encoder", 4, 6)
    assert (network.in_features, network.out_features) == (4, 6)


class Nosy(nn.Module):
    """A network whose forward pass would be noticed."""

    def __init__(self, n_inputs, n_outputs):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_inputs, n_outputs), nn.BatchNorm1d(n_outputs), nn.Dropout()
        )
        self.frozen = nn.BatchNorm1d(n_outputs).eval()

    def forward(self, x):
        return self.frozen(self.layers(x)) + torch.rand(())


def test_build_network_leaves_no_trace():
    torch.manual_seed(0)
    untouched = Nosy(3, 2)
    expected = torch.rand(5)
    torch.manual_seed(0)
    network = build_network(Nosy, "decoder", 3, 2)
    torch.testing.assert_close(torch.rand(5), expected, rtol=0, atol=0)
    assert network.training
    assert network.layers[2].training
    assert not network.frozen.training
    for name, value in untouched.state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], value, rtol=0, atol=0)
    assert all(p.grad is None for p in network.parameters())


def test_build_network_checks_double_networks_too():
    network = build_network(lambda i, o: nn.Linear(i, o).double(), "encoder", 3, 2)
    assert network.weight.dtype == torch.float64


@pytest.mark.parametrize("role", ["encoder", "decoder"])
@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("cnn", "='cnn' is not allowed; choose one of ['conv', 'mlp']"),
        (None, "=None is not allowed"),
        (MLP, " is not allowed"),
        (nn.Linear(3, 2), "is not allowed; "),
        (lambda i, o: "net", "gave a str; it must give a torch.nn.Module"),
        (lambda i, o: nn.Linear(i, o + 1), "gives (2, 3) where (2, 2) is expected"),
        (lambda i, o: nn.Unflatten(1, (i, 1)), "gives (2, 3, 1) where (2, 2)"),
        (lambda i, o: nn.GRU(i, o), "gives tuple where (2, 2) is expected"),
        (lambda i, o: nn.Linear(i + 1, o), "failed on rows of shape (2, 3)"),
    ],
)
def test_build_network_refuses(role, spec, message):
    with pytest.raises(ValueError, match=f"^{role}.*{re.escape(message)}"):
        build_network(spec, role, 3, 2)
