import re

import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid
from torch import nn

from skfmvae.nn import MLP, Conv, build_branches, build_network
from skfmvae.nn.layers import ACTIVATIONS

IMAGE_SHAPES = [(1, 7, 7), (1, 8, 8), (1, 28, 28), (3, 33, 20), (2, 1, 5), (1, 3, 2)]


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


@pytest.mark.parametrize("settings", [MLP(hidden=(8,)), Conv(channels=(2, 3))])
@pytest.mark.parametrize("norm", ["batch", "layer", None])
@pytest.mark.parametrize("role", ["encoder", "decoder"])
def test_every_parameter_gets_a_gradient(settings, norm, role):
    torch.manual_seed(0)
    network = build_network(clone(settings).set_params(norm=norm), role, 36, 36)
    network(torch.randn(16, 36)).square().sum().backward()
    for name, parameter in network.named_parameters():
        # a bias that batch normalisation takes away again would be rounding error
        assert parameter.grad.abs().max() > 1e-4, name


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
    places = images[:, ::2, ::2]
    expected = torch.stack(
        [
            torch.stack(
                [places[:, i : i + 2, j : j + 2].amax((1, 2)) for j in (0, 2, 4)], dim=1
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


@pytest.mark.parametrize(
    ("settings", "parameters", "message"),
    [
        (MLP, {"hidden": 256}, r"MLP: hidden=256 .*such as \(256,\)"),
        (MLP, {"hidden": (10, 0)}, r"MLP: hidden=\(10, 0\)"),
        (MLP, {"hidden": (1.5,)}, r"MLP: hidden=\(1.5,\)"),
        (MLP, {"activation": "swish"}, "MLP: activation='swish'.*'silu'"),
        (MLP, {"norm": "group"}, "MLP: norm='group'.*'layer'"),
        (MLP, {"norm": ["batch"]}, "MLP: norm="),
        (MLP, {"dropout": 1.0}, r"MLP: dropout=1.0.*\[0, 1\)"),
        (Conv, {"channels": ()}, r"Conv: channels=\(\).*at least one"),
        (Conv, {"channels": 32}, "Conv: channels=32"),
        (Conv, {"kernel_size": 0}, "Conv: kernel_size=0.*positive"),
        (Conv, {"kernel_size": (5, 0)}, r"Conv: kernel_size=\(5, 0\).*such as"),
        (Conv, {"kernel_size": None}, r"Conv: kernel_size=None.*5 or \(5, 3\)"),
        (Conv, {"kernel_size": (5,)}, r"kernel_size=\(5,\).*channels=\(32, 64\)"),
        (Conv, {"pooling": "mean"}, "Conv: pooling='mean'.*'max'"),
        (Conv, {"hidden": (256,)}, r"Conv: hidden=\(256,\).*positive"),
        (Conv, {"activation": None}, "Conv: activation=None"),
        (Conv, {"norm": "none"}, "Conv: norm='none'"),
        (Conv, {"image_shape": (28, 28)}, r"Conv: image_shape=\(28, 28\).*channels"),
        (Conv, {"image_shape": (1, 8, -8)}, r"Conv: image_shape=\(1, 8, -8\)"),
        (Conv, {"image_shape": (1, 5, 5)}, "has 25 values, of which the 64 columns"),
        (
            Conv,
            {"channels": (8,) * 4, "kernel_size": 4},
            r"\(8, 8\) are too small .*kernel_size=4",
        ),
    ],
)
@pytest.mark.parametrize("role", ["encoder", "decoder"])
def test_settings_are_checked_when_building(settings, parameters, message, role):
    settings = settings(**parameters)  # the constructor takes anything
    with pytest.raises(ValueError, match=message):
        build_network(settings, role, 64, 64)


def test_conv_without_a_square_asks_for_the_shape():
    with pytest.raises(ValueError, match="50 columns.*give image_shape"):
        Conv().build_encoder(50, 2)


@pytest.mark.parametrize("settings", [MLP(), Conv()])
def test_settings_are_reached_by_a_grid(settings):
    for parameters in ParameterGrid({"norm": ["layer", None], "activation": ["elu"]}):
        assert clone(settings).set_params(**parameters).norm == parameters["norm"]


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
