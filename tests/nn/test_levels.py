"""Latents at depths of a decoder."""

import pytest
import torch
from torch import nn

from skfmvae.nn import MLP, Conv, Level, build_levels, build_network, build_stages

NETWORKS = [
    MLP(hidden=(12, 8)),
    MLP(hidden=(), norm=None),
    MLP(hidden=(6,), dropout=0.5, norm="layer"),
    Conv(channels=(3, 4), hidden=10, image_shape=(1, 9, 7)),
]


@pytest.mark.parametrize("role", ["encoder", "decoder"])
@pytest.mark.parametrize("spec", NETWORKS, ids=str)
def test_stages_are_the_network_in_pieces(spec, role):
    sizes = (63, 10) if role == "encoder" else (10, 63)
    torch.manual_seed(0)
    whole = build_network(spec, role, *sizes)
    torch.manual_seed(0)
    stages = build_stages(spec, role, *sizes)
    x = torch.rand(4, sizes[0])
    torch.manual_seed(1)
    expected = whole(x)
    torch.manual_seed(1)
    for stage in stages:
        x = stage(x)
    assert torch.equal(x, expected)


def test_a_function_gives_a_single_stage():
    stages = build_stages(nn.Linear, "decoder", 3, 5)
    assert [type(stage) for stage in stages] == [nn.Linear]


def build(spec, n_dims, n_inputs=63, n_latents=5, **settings):
    encoder = build_stages(spec, "encoder", n_inputs, 2 * n_latents)
    decoder = build_stages(spec, "decoder", n_latents, n_inputs)
    levels = build_levels(encoder, decoder, n_inputs, n_latents, n_dims, **settings)
    return encoder, decoder, levels


@pytest.mark.parametrize(
    ("spec", "n_dims", "n_latents"),
    [
        (MLP(hidden=(12, 8)), {1: 3, 2: 4}, {1: 3, 2: 4}),
        # Dense after stage 1, then images with latents in four cells.
        (NETWORKS[-1], {1: 3, 2: 2, 3: 1}, {1: 3, 2: 8, 3: 4}),
    ],
)
def test_each_level_faces_the_state_of_the_encoder_of_its_size(spec, n_dims, n_latents):
    encoder, decoder, levels = build(spec, n_dims)
    assert {stage: level.n_latents for stage, level in levels.items()} == n_latents
    states, e = [], torch.rand(4, 63)
    for stage in encoder:
        e = stage(e)
        states.append(e)
    h = torch.rand(4, 5)
    for number, stage in enumerate(decoder, 1):
        h = stage(h)
        if number in levels:
            level = levels[number]
            facing = states[len(states) - 1 - number]
            assert facing.shape == h.shape
            assert level.posterior(h, facing).shape == (4, 2 * level.n_latents)
            assert level.prior(h).shape == (4, 2 * level.n_latents)
            joined = level.join(torch.rand(4, level.n_latents), h)
            assert joined.shape == h.shape
            h = joined


def test_the_state_is_merged_with_a_path_and_a_residual():
    torch.manual_seed(0)
    z, h = torch.rand(4, 2), torch.rand(4, 6)
    level = Level((6,), (6,), 2)
    path = nn.functional.elu(level.path[0](h))
    weight, bias = level.merge[0].weight, level.merge[0].bias
    merged = z @ weight[:, :2].T + path @ weight[:, 2:].T + bias
    expected = nn.functional.elu(merged) + h
    torch.testing.assert_close(level.join(z, h), expected)


def test_latents_of_an_image_belong_to_a_cell():
    """What lies to the upper left of the grid changes the upper left corner most."""
    torch.manual_seed(0)
    level = Level((3, 16, 16), (3, 16, 16), 2)
    h = torch.rand(1, 3, 16, 16)
    z = torch.zeros(1, 8)
    moved = z.clone().view(1, 2, 2, 2)
    moved[:, :, 0, 0] = 3.0
    change = (level.join(moved.flatten(1), h) - level.join(z, h)).abs().sum(1)[0]
    assert change[:4, :4].mean() > 0.01
    # Nothing beyond the next cell of the grid and the border of a convolution.
    assert change[:, 13:].max() == change[13:].max() == 0


def test_building_levels_leaves_statistics_alone():
    encoder, decoder, _ = build(MLP(hidden=(12, 8)), {1: 3})
    for module in [*encoder, *decoder]:
        assert module.training
        for child in module:
            if isinstance(child, nn.BatchNorm1d):
                assert child.num_batches_tracked == 0


def test_levels_that_cannot_be():
    for stage in (0, 3):
        with pytest.raises(ValueError, match=f"levels: there is no stage {stage}.* 2 "):
            build(MLP(hidden=(12, 8)), {stage: 3})
    encoder = build_stages(NETWORKS[-1], "encoder", 63, 10)
    decoder = build_stages(MLP(hidden=(12, 8)), "decoder", 5, 63)
    with pytest.raises(ValueError, match="levels: stage 2 .*same settings"):
        build_levels(encoder, decoder, 63, 5, {2: 3})
    shallow = build_stages(MLP(hidden=(8,)), "encoder", 63, 10)
    with pytest.raises(ValueError, match="do not exist.*same settings"):
        build_levels(shallow, decoder, 63, 5, {2: 3})
    assert build_levels(encoder, decoder, 63, 5, {}) == {}
