import copy

import pytest
import torch
from torch import nn

from skfmvae.nn import MLP, Conv, build_branches, build_network, build_stages
from skfmvae.nn.precision import Autocast, has_bfloat16_units, in_precision


def both(settings, build):
    """Build one network in both precisions, of the same weights."""
    torch.manual_seed(0)
    exact = build(settings)
    torch.manual_seed(0)
    return exact, build(copy.copy(settings).set_params(precision="bfloat16"))


def as_network(role):
    return lambda settings: build_network(settings, role, *sizes(role))


def as_stages(role):
    return lambda settings: nn.Sequential(*build_stages(settings, role, *sizes(role)))


class Read(nn.Module):
    """All branches of rows, side by side."""

    def __init__(self, settings):
        super().__init__()
        self.branches = build_branches(settings, 64, [0, 0], [3, 2])

    def forward(self, x):
        states = self.branches.read(x)
        return torch.cat(
            [self.branches(k, h, None) for k, h in enumerate(states)], dim=1
        )


def sizes(role):
    return (64, 10) if role == "encoder" else (10, 64)


SHAPES = {
    "encoder": (as_network("encoder"), 64),
    "decoder": (as_network("decoder"), 10),
    "encoder_stages": (as_stages("encoder"), 64),
    "decoder_stages": (as_stages("decoder"), 10),
    "branches": (Read, 64),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "settings", [MLP(hidden=(32,)), Conv(channels=(8,), image_shape=(1, 8, 8))], ids=str
)
def test_only_training_is_rounded(settings, shape):
    """By about the eight binary digits that bfloat16 keeps."""
    build, n_inputs = SHAPES[shape]
    exact, rounded = both(settings, build)
    x = torch.randn(50, n_inputs)
    expected, found = exact(x), rounded(x)
    assert found.dtype == torch.float32
    error = (found - expected).norm() / expected.norm()
    assert 1e-4 < error < 2e-2
    expected.pow(2).sum().backward()
    found.pow(2).sum().backward()
    gradients = [
        torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
        for network in (exact, rounded)
    ]
    assert gradients[1].dtype == torch.float32
    assert torch.cosine_similarity(*gradients, dim=0) > 0.999
    # A prediction is as exact as ever, once statistics of batches are the same.
    for buffer, other in zip(exact.buffers(), rounded.buffers(), strict=True):
        other.copy_(buffer)
    torch.testing.assert_close(rounded.eval()(x), exact.eval()(x), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("asked", "is_faster"),
    [
        ({"amx_bf16": True, "avx512_bf16": True}, True),
        ({"amx_bf16": False, "avx512_bf16": True}, True),
        ({"amx_bf16": False, "avx512_bf16": False}, False),
        ({"avx512_f": True}, False),
    ],
)
def test_auto_rounds_where_that_is_faster(monkeypatch, asked, is_faster):
    # PyTorch of the lower bound has no such function.
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: asked, raising=False)
    has_bfloat16_units.cache_clear()
    torch.manual_seed(0)
    network, x = nn.Linear(64, 10), torch.randn(50, 64)
    found = in_precision(network, "auto").train()(x)
    has_bfloat16_units.cache_clear()
    expected = in_precision(network, "bfloat16" if is_faster else "float32").train()(x)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert torch.equal(found, network(x)) != is_faster


def test_auto_is_float32_where_torch_cannot_tell(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    has_bfloat16_units.cache_clear()
    network, x = nn.Linear(64, 10), torch.randn(50, 64)
    assert torch.equal(in_precision(network, "auto").train()(x), network(x))
    has_bfloat16_units.cache_clear()


def test_a_network_keeps_the_precision_of_its_rows():
    network = Autocast(nn.Linear(3, 2).double())
    assert network(torch.zeros(4, 3, dtype=torch.float64)).dtype == torch.float64


@pytest.mark.parametrize("settings", [MLP(precision="half"), Conv(precision="half")])
def test_unknown_precisions_are_refused(settings):
    with pytest.raises(ValueError, match="precision='half' is not allowed; choose one"):
        settings.build_encoder(64, 10)
