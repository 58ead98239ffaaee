import copy

import pytest
import torch
from torch import nn

from skfmvae._utils.distributed import Share, all_reduced, shared
from skfmvae.nn.batch_norm import whole_batch_norms

LAYERS = {
    "rows": (nn.BatchNorm1d(6), (11, 6)),
    "images": (nn.BatchNorm2d(6), (7, 6, 4, 4)),
    "plain mean": (nn.BatchNorm1d(6, momentum=None), (11, 6)),
    "not affine": (nn.BatchNorm1d(6, affine=False), (11, 6)),
    "no tracking": (nn.BatchNorm1d(6, track_running_stats=False), (11, 6)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_two_processes_normalise_as_torch_does_in_one(name, on_two_processes):
    """Values, gradients and running statistics, over two batches far from zero."""
    layer, shape = LAYERS[name]
    torch.manual_seed(0)
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, 0.5, 2.0)
    batches = 3 * torch.randn(2, *shape) + 20
    slopes = torch.randn(2, *shape)

    def outcomes(layer, part):
        found = []
        for x, slope in zip(batches, slopes, strict=True):
            x = part(x).clone().requires_grad_()
            y = layer(x)
            (y * part(slope)).sum().backward()
            found += [y.detach(), x.grad]
        return found

    def on_share():
        twin = copy.deepcopy(layer)
        share = Share.of_batch(shape[0])
        with shared(share), whole_batch_norms(twin):
            found = outcomes(twin, share.of)
        gradients = [all_reduced(p.grad) for p in twin.parameters()]
        return share, found, gradients, list(twin.buffers())

    one = copy.deepcopy(layer)
    expected = outcomes(one, lambda x: x)
    for share, found, gradients, buffers in on_two_processes(on_share):
        for value, of_all in zip(found, expected, strict=True):
            torch.testing.assert_close(value, share.of(of_all), rtol=1e-4, atol=1e-5)
        for value, parameter in zip(gradients, one.parameters(), strict=True):
            torch.testing.assert_close(value, parameter.grad, rtol=1e-4, atol=1e-4)
        for value, buffer in zip(buffers, one.buffers(), strict=True):
            torch.testing.assert_close(value, buffer)


def test_layers_compute_as_before_where_nothing_is_shared(on_two_processes):
    layer, x = nn.BatchNorm1d(3), torch.randn(5, 3)

    def outside():
        twin = copy.deepcopy(layer)
        with whole_batch_norms(twin):
            assert "forward" in vars(twin)
            with shared(Share.of_batch(5)):
                predicted = twin.eval()(x)
            y = twin.train()(x)  # no batch is shared
        assert "forward" not in vars(twin)
        # In the same thread: sums round otherwise where threads share them.
        expected = copy.deepcopy(layer).eval()(x), copy.deepcopy(layer)(x)
        return (predicted, y), expected

    for found, expected in on_two_processes(outside):
        for value, as_before in zip(found, expected, strict=True):
            assert torch.equal(value, as_before)


def test_without_a_group_no_layer_is_touched():
    layer = nn.BatchNorm1d(3)
    with whole_batch_norms(layer):
        assert "forward" not in vars(layer)
