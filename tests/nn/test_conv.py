"""Convolutional networks."""

import pytest
import torch
from torch import nn

from skfmvae.nn import Conv, build_network

IMAGE_SHAPES = [(1, 7, 7), (1, 8, 8), (1, 28, 28), (3, 33, 20), (2, 1, 5), (1, 3, 2)]


@pytest.mark.parametrize("shape", IMAGE_SHAPES)
@pytest.mark.parametrize("kernel_size", [1, 3, (5, 3)])
@pytest.mark.parametrize("pooling", [None, "max"])
@pytest.mark.parametrize("n_values", [1, 4])
def test_conv_gives_images_of_any_size(shape, kernel_size, pooling, n_values):
    settings = Conv((2, 3), kernel_size, pooling, image_shape=shape)
    n_columns = n_values * torch.Size(shape).numel()
    assert settings.build_encoder(n_columns, 5)(torch.zeros(2, n_columns)).shape == (
        2,
        5,
    )
    assert settings.build_decoder(5, n_columns)(torch.zeros(2, 5)).shape == (
        2,
        n_columns,
    )


@pytest.mark.parametrize("shape", [(1, 7, 9), (3, 8, 12), (1, 28, 28)])
@pytest.mark.parametrize("kernel_size", [2, 4, (4, 3)])
@pytest.mark.parametrize("pooling", [None, "max"])
def test_conv_with_even_kernels(shape, kernel_size, pooling):
    settings = Conv((2, 3), kernel_size, pooling, image_shape=shape)
    n_columns = torch.Size(shape).numel()
    build_network(settings, "encoder", n_columns, 5)
    build_network(settings, "decoder", 5, n_columns)


def test_conv_encoder_reads_rows_as_images():
    # one 1x1 kernel of stride 2 picks every second pixel of every second line
    settings = Conv((1,), kernel_size=1, image_shape=(2, 5, 6), norm=None)
    convolution = settings.build_encoder(60, 3)[:2]
    nn.init.zeros_(convolution[1].bias)
    with torch.no_grad():
        convolution[1].weight[:] = torch.tensor([1.0, 10.0]).reshape(1, 2, 1, 1)
    images = torch.randn(4, 2, 5, 6)
    expected = images[:, 0, ::2, ::2] + 10 * images[:, 1, ::2, ::2]
    torch.testing.assert_close(
        convolution(images.reshape(4, -1)), expected.unsqueeze(1)
    )


def test_conv_takes_maxima_of_two_by_two_after_the_first_convolution():
    settings = Conv((1, 1), 1, "max", image_shape=(1, 9, 12), norm=None)
    convolutions = settings.build_encoder(108, 3)[:-5]
    images = torch.rand(4, 9, 12)
    with torch.no_grad():
        for parameter in convolutions.parameters():
            parameter.fill_(float(parameter.ndim > 1))
    strided = images[:, ::2, ::2]
    expected = torch.stack(
        [
            torch.stack(
                [strided[:, i : i + 2, j : j + 2].amax((1, 2)) for j in (0, 2, 4)],
                dim=1,
            )
            for i in (0, 2, 4)  # the last two are of one line
        ],
        dim=1,
    )
    torch.testing.assert_close(
        convolutions(images.reshape(4, -1)), expected.unsqueeze(1)
    )


def test_conv_has_a_kernel_size_for_each_convolution():
    settings = Conv((2, 3, 4), kernel_size=(5, 3, 1))
    sizes = {
        role: [
            module.kernel_size
            for module in build_network(settings, role, 64, 64)
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d))
        ]
        for role in ("encoder", "decoder")
    }
    assert sizes["encoder"] == [(5, 5), (3, 3), (1, 1)]
    assert sizes["decoder"] == sizes["encoder"][::-1]


@pytest.mark.parametrize("shape", [(1, 9, 6), (3, 8, 8)])
def test_conv_decoder_writes_whole_images_one_after_the_other(shape):
    n_values = 2
    n_columns = n_values * torch.Size(shape).numel()
    settings = Conv(channels=(4,), norm=None, image_shape=shape)
    decoder = settings.build_decoder(3, n_columns)
    last = decoder[-2]
    assert isinstance(last, nn.ConvTranspose2d)
    nn.init.zeros_(last.weight)
    with torch.no_grad():
        last.bias[:] = torch.arange(last.bias.numel())
    # only the bias is left, so every column shows the channel that it came from
    expected = torch.arange(n_values * shape[0]).repeat_interleave(shape[1] * shape[2])
    torch.testing.assert_close(decoder(torch.randn(2, 3))[1], expected.float())


def test_conv_decoder_mirrors_the_encoder():
    settings = Conv(channels=(4, 6), image_shape=(1, 11, 6), hidden=9)
    encoder = settings.build_encoder(66, 5)
    decoder = settings.build_decoder(5, 66)

    def weights(network):
        return [p.shape for p in network.parameters() if p.ndim > 1]

    # a transposed convolution keeps its weight as (in, out, ...), a linear layer
    # as (out, in), so only the linear ones turn round
    expected = [s if len(s) == 4 else s[::-1] for s in weights(encoder)[::-1]]
    assert weights(decoder) == expected


@pytest.mark.parametrize(
    ("n_columns", "shape"), [(49, (1, 7, 7)), (300, (3, 10, 10)), (36, (1, 6, 6))]
)
def test_conv_infers_square_images(n_columns, shape):
    assert Conv().build_encoder(n_columns, 2)[0].unflattened_size == shape


def test_conv_infers_the_image_from_the_columns_of_the_data():
    # 4 values for each of 8 x 8 pixels, not one image of 16 x 16
    settings = Conv()
    network = build_network(settings, "encoder", 256, 5, n_columns=64)
    assert network[0].unflattened_size == (4, 8, 8)
    assert settings.image_shape is None


@torch.no_grad()
@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_conv_normalises_every_hidden_layer(norm):
    network = Conv(norm=norm, activation="tanh", image_shape=(1, 8, 8))
    network = network.build_encoder(64, 5)
    h = 100 + 50 * torch.randn(200, 64)
    for module in network:
        if isinstance(module, nn.Tanh):
            flat = h.flatten(1)
            if norm == "layer":
                means = flat.mean(1)
            else:
                means = h.mean((0, 2, 3)) if h.ndim == 4 else h.mean(0)
            assert means.abs().max() < 1e-3
            assert flat.std().item() == pytest.approx(1, abs=0.02)
        h = module(h)


def test_conv_without_a_square_asks_for_the_shape():
    with pytest.raises(ValueError, match="50 columns.*give image_shape"):
        Conv().build_encoder(50, 2)
