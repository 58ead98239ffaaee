"""Networks of labels: each group by itself, each layer written out."""

import pytest
import torch

from skfmvae.models.label_networks import GroupedNetworks, dense


@pytest.mark.parametrize("hidden", [(), (4,), (4, 5)])
@pytest.mark.parametrize("shape", [(), (6,), (2, 6)])
def test_layers_are_affine_with_elu_between(hidden, shape):
    torch.manual_seed(0)
    network = dense(3, hidden, 2).double()
    x = torch.randn(*shape, 3, dtype=torch.float64)
    linear = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
    assert [layer.out_features for layer in linear] == [*hidden, 2]
    expected = x
    for i, layer in enumerate(linear):
        if i:
            expected = torch.where(expected > 0, expected, expected.expm1())
        expected = expected @ layer.weight.T + layer.bias
    torch.testing.assert_close(network(x), expected)


@pytest.mark.parametrize("n_parts", [1, 2, 3])
@pytest.mark.parametrize("shape", [(), (6,), (2, 6)])
def test_groups_are_networks_one_by_one(n_parts, shape):
    torch.manual_seed(0)
    groups = [3, 1, 2]
    grouped = GroupedNetworks(groups, (4,), n_parts).double()
    x = torch.randn(*shape, sum(groups), dtype=torch.float64)
    expected = torch.empty(*shape, n_parts * sum(groups), dtype=torch.float64)
    start = 0
    for size, network in zip(groups, grouped.networks, strict=True):
        output = network(x[..., start : start + size])
        for part in range(n_parts):
            first = part * sum(groups) + start
            columns = output[..., part * size : (part + 1) * size]
            expected[..., first : first + size] = columns
        start += size
    torch.testing.assert_close(grouped(x), expected)


def test_a_group_depends_on_its_own_columns_alone():
    torch.manual_seed(0)
    grouped = GroupedNetworks([2, 3], (4,), n_parts=2)
    slopes = torch.autograd.functional.jacobian(grouped, torch.randn(5))
    group = torch.tensor([0, 0, 1, 1, 1])
    assert torch.equal(slopes != 0, group.repeat(2)[:, None] == group)
