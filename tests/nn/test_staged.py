"""What holds for fully connected and convolutional networks alike."""

import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from skfmvae.nn import MLP, Conv, build_network


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


@pytest.mark.parametrize("settings", [MLP(), Conv()])
def test_settings_are_reached_by_a_grid(settings):
    for parameters in ParameterGrid({"norm": ["layer", None], "activation": ["elu"]}):
        assert clone(settings).set_params(**parameters).norm == parameters["norm"]
