"""Encoders and decoders: settings that build plain torch networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from itertools import chain, pairwise
from numbers import Integral, Real
from typing import Any

import torch
from sklearn.base import BaseEstimator, clone
from torch import Tensor, nn

from skfmvae._images import image_shape_of

from .precision import PRECISIONS, in_precision

__all__ = [
    "MLP",
    "Branches",
    "Conv",
    "build_branches",
    "build_network",
    "build_stages",
    "check_sizes",
]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "leaky_relu": nn.LeakyReLU,
    "softplus": nn.Softplus,
}

NORMS: dict[str | None, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
    None: lambda n_features: nn.Identity(),
}

IMAGE_NORMS: dict[str | None, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "layer": lambda n_channels: nn.GroupNorm(1, n_channels),
    None: lambda n_channels: nn.Identity(),
}


class MLP(BaseEstimator):
    """Fully connected networks.

    Every hidden layer is linear, normalised, activated and thinned by dropout; a
    linear layer closes the network.

    Parameters
    ----------
    hidden : sequence of int, default=(256, 256)
        Sizes of the encoder's hidden layers; the decoder takes them in reverse. An
        empty sequence gives a linear map.
    activation : {"relu", "elu", "silu", "gelu", "tanh", "leaky_relu", "softplus"}, \
            default="relu"
        Activation of the hidden layers.
    norm : {"batch", "layer", None}, default="batch"
        Normalisation before each activation. While training, batch normalisation
        needs at least two rows in every batch.
    dropout : float, default=0.0
        Share of hidden units that are dropped while training, in [0, 1).
    precision : {"float32", "bfloat16"}, default="float32"
        Precision of matrix products while training. Bfloat16 has the
        range of float32 and fewer digits; networks of hundreds of units train two to
        three times faster on processors and graphics cards made for it, and small ones
        or on others slower.

    See Also
    --------
    Conv : Convolutional networks for images.

    Examples
    --------
    >>> import torch
    >>> from skfmvae.nn import MLP
    >>> encoder = MLP(hidden=(32, 16)).build_encoder(n_inputs=64, n_outputs=10)
    >>> encoder(torch.zeros(5, 64)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        hidden: Sequence[int] = (256, 256),
        activation: str = "relu",
        norm: str | None = "batch",
        dropout: float = 0.0,
        precision: str = "float32",
    ):
        self.hidden = hidden
        self.activation = activation
        self.norm = norm
        self.dropout = dropout
        self.precision = precision

    def build_encoder(self, n_inputs: int, n_outputs: int) -> nn.Module:
        """Build a network from rows to the parameters of a posterior.

        Parameters
        ----------
        n_inputs, n_outputs : int
            Number of columns that go in and come out.

        Returns
        -------
        Module
            Maps (n, n_inputs) to (n, n_outputs).

        Raises
        ------
        ValueError
            If a setting is not allowed.
        """
        network = _joined(self.encoder_stages(n_inputs, n_outputs))
        return in_precision(network, self.precision)

    def build_decoder(self, n_inputs: int, n_outputs: int) -> nn.Module:
        """Build a network from latents to the parameters of a likelihood.

        Parameters
        ----------
        n_inputs, n_outputs : int
            Number of columns that go in and come out.

        Returns
        -------
        Module
            Maps (n, n_inputs) to (n, n_outputs).

        Raises
        ------
        ValueError
            If a setting is not allowed.
        """
        network = _joined(self.decoder_stages(n_inputs, n_outputs))
        return in_precision(network, self.precision)

    def encoder_stages(self, n_inputs: int, n_outputs: int) -> list[list[nn.Module]]:
        """Return the layers of `build_encoder`, a list for each hidden layer.

        Parameters
        ----------
        n_inputs, n_outputs : int
            Number of columns that go in and come out.

        Returns
        -------
        stages : list of list of Module
            The last stage gives the output.

        Raises
        ------
        ValueError
            If a setting is not allowed.
        """
        self._check_parameters()
        return self._stages([n_inputs, *self.hidden], n_outputs)

    def decoder_stages(self, n_inputs: int, n_outputs: int) -> list[list[nn.Module]]:
        """Return the layers of `build_decoder`, a list for each hidden layer.

        Parameters
        ----------
        n_inputs, n_outputs : int
            Number of columns that go in and come out.

        Returns
        -------
        stages : list of list of Module
            The last stage gives the output.

        Raises
        ------
        ValueError
            If a setting is not allowed.
        """
        self._check_parameters()
        return self._stages([n_inputs, *reversed(self.hidden)], n_outputs)

    def build_branches(
        self, n_inputs: int, n_parents: Sequence[int], n_outputs: Sequence[int]
    ) -> Branches:
        """Build encoders that share all but their last hidden layer.

        Parameters
        ----------
        n_inputs : int
            Number of columns that go in.
        n_parents, n_outputs : sequence of int
            Number of columns of the parents and of the output of each branch.

        Returns
        -------
        Branches

        Raises
        ------
        ValueError
            If a setting is not allowed.
        """
        self._check_parameters()
        if not self.hidden:
            trunk = nn.Linear(n_inputs, sum(n_outputs))
            return _linear_branches(trunk, n_parents, n_outputs)
        *shared, width = self.hidden
        layers = list(_joined(self._hidden_layers([n_inputs, *shared])))
        n_features = (n_inputs, *shared)[-1]
        return _branches(self, layers, n_features, width, n_parents, n_outputs)

    def _stages(self, sizes: list[int], n_outputs: int) -> list[list[nn.Module]]:
        return [*self._hidden_layers(sizes), [nn.Linear(sizes[-1], n_outputs)]]

    def _hidden_layers(self, sizes: list[int]) -> list[list[nn.Module]]:
        dropout = [nn.Dropout(self.dropout)] if self.dropout else []
        return [
            [*_dense(n_from, n_to, self.activation, self.norm), *dropout]
            for n_from, n_to in pairwise(sizes)
        ]

    def _check_parameters(self) -> None:
        check_sizes(self, "hidden", example="(256,)")
        _check_choice(self, "activation", ACTIVATIONS)
        _check_choice(self, "norm", NORMS)
        _check_choice(self, "precision", PRECISIONS)
        if not isinstance(self.dropout, Real) or not 0 <= self.dropout < 1:
            _refuse(self, "dropout", self.dropout, "choose a number in [0, 1)")


class Conv(BaseEstimator):
    """Convolutional networks for images stored as flat rows.

    The encoder halves the image with every convolution of stride 2 and ends with a
    dense hidden layer and a linear one; the decoder is its mirror image with
    transposed convolutions. Images may have any height and width.

    Parameters
    ----------
    channels : sequence of int, default=(32, 64)
        Number of channels after each convolution of the encoder.
    kernel_size : int, default=3
        Height and width of the kernels.
    hidden : int, default=256
        Size of the dense hidden layer.
    activation : {"relu", "elu", "silu", "gelu", "tanh", "leaky_relu", "softplus"}, \
            default="relu"
        Activation of the hidden layers.
    norm : {"batch", "layer", None}, default="batch"
        Normalisation before each activation. While training, batch normalisation
        needs at least two rows in every batch.
    image_shape : tuple (channels, height, width) or None, default=None
        Shape of one image. None takes images for square, with one channel or else
        with three.
    precision : {"float32", "bfloat16"}, default="float32"
        Precision of matrix products and convolutions while training. Bfloat16 has the
        range of float32 and fewer digits; networks of hundreds of units train two to
        three times faster on processors and graphics cards made for it, and small ones
        or on others slower.

    See Also
    --------
    MLP : Fully connected networks.

    Notes
    -----
    Rows hold an image channel by channel, as ``images.reshape(n, -1)`` lays out an
    array of shape (n, channels, height, width). A network may read or write several
    values per pixel, such as the categories of a categorical likelihood: its columns
    are then whole images one after the other, (n_values, channels, height, width).

    Examples
    --------
    >>> import torch
    >>> from skfmvae.nn import Conv
    >>> decoder = Conv(image_shape=(1, 7, 9)).build_decoder(n_inputs=10, n_outputs=63)
    >>> decoder(torch.zeros(5, 10)).shape
    torch.Size([5, 63])
    """

    def __init__(
        self,
        channels: Sequence[int] = (32, 64),
        kernel_size: int = 3,
        hidden: int = 256,
        activation: str = "relu",
        norm: str | None = "batch",
        image_shape: tuple[int, int, int] | None = None,
        precision: str = "float32",
    ):
        self.channels = channels
        self.kernel_size = kernel_size
        self.hidden = hidden
        self.activation = activation
        self.norm = norm
        self.image_shape = image_shape
        self.precision = precision

    def build_encoder(self, n_inputs: int, n_outputs: int) -> nn.Module:
        """Build a network from images to the parameters of a posterior.

        Parameters
        ----------
        n_inputs : int
            Number of columns that go in: the image's values, or a multiple of them
            where `image_shape` is given.
        n_outputs : int
            Number of columns that come out.

        Returns
        -------
        Module
            Maps (n, n_inputs) to (n, n_outputs).

        Raises
        ------
        ValueError
            If a setting is not allowed, the rows are no images of `image_shape` or
            the images are too small for so many convolutions.
        """
        network = _joined(self.encoder_stages(n_inputs, n_outputs))
        return in_precision(network, self.precision)

    def encoder_stages(self, n_inputs: int, n_outputs: int) -> list[list[nn.Module]]:
        """Return the layers of `build_encoder`, a list for each convolution and so on.

        Parameters
        ----------
        n_inputs, n_outputs : int
            Number of columns that go in and come out.

        Returns
        -------
        stages : list of list of Module
            The convolutions, the dense hidden layer and the output.

        Raises
        ------
        ValueError
            As for `build_encoder`.
        """
        stages, n_features = self._convolutions(n_inputs)
        hidden = _dense(n_features, self.hidden, self.activation, self.norm)
        output: list[nn.Module] = [nn.Linear(self.hidden, n_outputs)]
        return [*stages, [nn.Flatten(), *hidden], output]

    def build_branches(
        self, n_inputs: int, n_parents: Sequence[int], n_outputs: Sequence[int]
    ) -> Branches:
        """Build encoders that share their convolutions.

        Parameters
        ----------
        n_inputs : int
            Number of columns that go in: the image's values, or a multiple of them
            where `image_shape` is given.
        n_parents, n_outputs : sequence of int
            Number of columns of the parents and of the output of each branch.

        Returns
        -------
        Branches

        Raises
        ------
        ValueError
            If a setting is not allowed, the rows are no images of `image_shape` or
            the images are too small for so many convolutions.
        """
        stages, n_features = self._convolutions(n_inputs)
        layers = [*_joined(stages), nn.Flatten()]
        return _branches(self, layers, n_features, self.hidden, n_parents, n_outputs)

    def _convolutions(self, n_inputs: int) -> tuple[list[list[nn.Module]], int]:
        """Return stages from rows to features, and the number of features."""
        n_channels, sizes = self._layout("encoder", n_inputs)
        unflatten: list[nn.Module] = [nn.Unflatten(1, (n_channels[0], *sizes[0]))]
        stages = []
        for n_from, n_to in pairwise(n_channels):
            convolution = nn.Conv2d(
                n_from,
                n_to,
                self.kernel_size,
                stride=2,
                padding=self._padding,
                bias=self.norm != "batch",
            )
            stages.append([convolution, *self._normalise_and_activate(n_to)])
        stages[0] = [*unflatten, *stages[0]]
        return stages, n_channels[-1] * math.prod(sizes[-1])

    def build_decoder(self, n_inputs: int, n_outputs: int) -> nn.Module:
        """Build a network from latents to the parameters of every pixel.

        Parameters
        ----------
        n_inputs : int
            Number of columns that go in.
        n_outputs : int
            Number of columns that come out: the image's values, or a multiple of
            them where `image_shape` is given.

        Returns
        -------
        Module
            Maps (n, n_inputs) to (n, n_outputs).

        Raises
        ------
        ValueError
            If a setting is not allowed, the rows are no images of `image_shape` or
            the images are too small for so many convolutions.
        """
        network = _joined(self.decoder_stages(n_inputs, n_outputs))
        return in_precision(network, self.precision)

    def decoder_stages(self, n_inputs: int, n_outputs: int) -> list[list[nn.Module]]:
        """Return the layers of `build_decoder`, a list for each state on the way.

        Parameters
        ----------
        n_inputs, n_outputs : int
            Number of columns that go in and come out.

        Returns
        -------
        stages : list of list of Module
            The dense hidden layer, the smallest image, and a transposed convolution
            each; the last gives the output.

        Raises
        ------
        ValueError
            As for `build_decoder`.
        """
        n_channels, sizes = self._layout("decoder", n_outputs)
        n_channels, sizes = n_channels[::-1], sizes[::-1]
        n_features = n_channels[0] * math.prod(sizes[0])
        stages = [_dense(n_inputs, self.hidden, self.activation, self.norm)]
        layers: list[nn.Module] = [
            nn.Linear(self.hidden, n_features),
            nn.Unflatten(1, (n_channels[0], *sizes[0])),
        ]
        for i in range(len(self.channels)):
            stages.append([*layers, *self._normalise_and_activate(n_channels[i])])
            layers = [
                nn.ConvTranspose2d(
                    n_channels[i],
                    n_channels[i + 1],
                    self.kernel_size,
                    stride=2,
                    padding=self._padding,
                    output_padding=self._output_padding(sizes[i], sizes[i + 1]),
                    bias=self.norm != "batch" or i == len(self.channels) - 1,
                )
            ]
        return [*stages, [*layers, nn.Flatten()]]

    @property
    def _padding(self) -> int:
        return (self.kernel_size - 1) // 2

    def _normalise_and_activate(self, n_channels: int) -> list[nn.Module]:
        return [IMAGE_NORMS[self.norm](n_channels), ACTIVATIONS[self.activation]()]

    def _output_padding(self, small: Sequence[int], large: Sequence[int]) -> Any:
        # two sizes have the same half; this tells which one to come back to
        odd = self.kernel_size % 2
        return tuple(b - 2 * a + odd for a, b in zip(small, large, strict=True))

    def _layout(
        self, role: str, n_columns: int
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """Return the channels and the image sizes before and after each convolution."""
        self._check_parameters()
        n_channels, height, width = self.image_shape or image_shape_of(
            "Conv", None, n_columns
        )
        n_values, rest = divmod(n_columns, n_channels * height * width)
        if rest or not n_values:
            raise ValueError(
                f"Conv: image_shape={self.image_shape!r} has "
                f"{n_channels * height * width} values, of which the {n_columns} "
                f"columns of the {role} are no multiple; give the shape (channels, "
                "height, width) of the rows."
            )
        sizes = [(height, width)]
        for _ in self.channels:
            # kernels of odd size round a half up, those of even size down
            height, width = ((s + self.kernel_size % 2) // 2 for s in sizes[-1])
            sizes.append((height, width))
        if 0 in sizes[-1]:
            raise ValueError(
                f"Conv: images of height and width {sizes[0]} are too small for "
                f"channels={self.channels!r} with kernel_size={self.kernel_size!r}; "
                "use fewer channels or an odd kernel_size."
            )
        return [n_values * n_channels, *self.channels], sizes

    def _check_parameters(self) -> None:
        check_sizes(self, "channels", example="(32, 64)")
        if not self.channels:
            _refuse(self, "channels", self.channels, "give at least one, or use MLP")
        _check_size(self, "kernel_size")
        _check_size(self, "hidden")
        _check_choice(self, "activation", ACTIVATIONS)
        _check_choice(self, "norm", IMAGE_NORMS)
        _check_choice(self, "precision", PRECISIONS)
        if self.image_shape is not None:
            check_sizes(self, "image_shape", example="(1, 28, 28)")
            if len(self.image_shape) != 3:
                remedy = "give (channels, height, width)"
                _refuse(self, "image_shape", self.image_shape, remedy)


DEFAULTS: dict[str, type[MLP | Conv]] = {"mlp": MLP, "conv": Conv}


class Branches(nn.Module):
    """Several networks that read the same rows, and each its own parents beside.

    They share a trunk, from which each takes its own columns; there its parents join,
    and a tail makes its output. What the rows say is computed once, for however many
    values of the parents, and normalisation looks at it alone.

    Parameters
    ----------
    trunk : Module
        From rows to the columns of all branches, side by side.
    norms : sequence of Module
        Normalisation of each branch's columns.
    tails : sequence of Module
        From each branch's columns to its output.
    widths : sequence of int
        Number of columns of each branch.
    n_parents : sequence of int
        Number of columns of the parents of each branch; 0 for none.
    """

    def __init__(
        self,
        trunk: nn.Module,
        norms: Sequence[nn.Module],
        tails: Sequence[nn.Module],
        widths: Sequence[int],
        n_parents: Sequence[int],
    ):
        super().__init__()
        self.trunk = trunk
        self.norms = nn.ModuleList(norms)
        self.tails = nn.ModuleList(tails)
        self.widths = list(widths)
        self.joins = nn.ModuleList(
            nn.Linear(n, width, bias=False) if n else nn.Identity()
            for n, width in zip(n_parents, widths, strict=True)
        )

    def read(self, x: Tensor) -> list[Tensor]:
        """Return what each branch takes from the rows."""
        parts = self.trunk(x).split(self.widths, dim=1)
        return [norm(part) for norm, part in zip(self.norms, parts, strict=True)]

    def forward(self, branch: int, features: Tensor, parents: Tensor | None) -> Tensor:
        """Return the output of a branch from what it read and from its parents."""
        if parents is not None:
            features = features + self.joins[branch](parents)
        return self.tails[branch](features)


def build_branches(
    spec: Any,
    n_inputs: int,
    n_parents: Sequence[int],
    n_outputs: Sequence[int],
    n_columns: int | None = None,
) -> Branches:
    """Build encoders that read the same rows, and each its own parents beside.

    Parameters
    ----------
    spec : {"mlp", "conv"}, MLP, Conv or callable
        As for :func:`build_network`; a callable builds one network for the outputs of
        all branches, to which parents add linearly.
    n_inputs : int
        Number of columns that go in.
    n_parents, n_outputs : sequence of int
        Number of columns of the parents and of the output of each branch.
    n_columns : int or None, default=None
        As for :func:`build_network`.

    Returns
    -------
    Branches

    Raises
    ------
    ValueError
        As for :func:`build_network`.

    Examples
    --------
    >>> import torch
    >>> from skfmvae.nn import MLP, build_branches
    >>> branches = build_branches(MLP(), 64, n_parents=[0, 10], n_outputs=[10, 4])
    >>> digit, style = branches.read(torch.zeros(5, 64))
    >>> branches(1, style, torch.zeros(5, 10)).shape
    torch.Size([5, 4])
    """
    settings = _resolve(spec, n_columns)
    if hasattr(settings, "build_branches") and not isinstance(settings, type):
        return settings.build_branches(n_inputs, n_parents, n_outputs)
    trunk = build_network(settings, "encoder", n_inputs, sum(n_outputs), n_columns)
    return _linear_branches(trunk, n_parents, n_outputs)


def build_network(
    spec: Any, role: str, n_inputs: int, n_outputs: int, n_columns: int | None = None
) -> nn.Module:
    """Build an encoder or a decoder and check what comes out of it.

    Parameters
    ----------
    spec : {"mlp", "conv"}, MLP, Conv or callable
        The name of a default network, settings with ``build_encoder`` and
        ``build_decoder``, or a factory ``f(n_inputs, n_outputs)`` of modules.
    role : {"encoder", "decoder"}
        What to build.
    n_inputs, n_outputs : int
        Number of columns that go in and come out.
    n_columns : int or None, default=None
        Number of columns of the data, from which :class:`Conv` infers a missing
        `image_shape`. Needed where a network has several values per pixel.

    Returns
    -------
    Module
        Maps (n, n_inputs) to (n, n_outputs).

    Raises
    ------
    ValueError
        If `spec` is none of the above, its settings are not allowed, or the network
        does not give the shape that it should.

    Examples
    --------
    >>> import torch
    >>> from skfmvae.nn import build_network
    >>> network = build_network(torch.nn.Linear, "decoder", n_inputs=2, n_outputs=8)
    >>> network(torch.zeros(5, 2)).shape
    torch.Size([5, 8])
    """
    network = _factory(spec, role, n_columns)(n_inputs, n_outputs)
    if not isinstance(network, nn.Module):
        raise ValueError(
            f"{role}={spec!r} gave a {type(network).__name__}; it must give a "
            "torch.nn.Module."
        )
    _check_output(network, role, n_inputs, n_outputs)
    return network


def build_stages(
    spec: Any, role: str, n_inputs: int, n_outputs: int, n_columns: int | None = None
) -> list[nn.Module]:
    """Build the network of :func:`build_network`, one module for each hidden state.

    Parameters
    ----------
    spec : {"mlp", "conv"}, MLP, Conv or callable
        As for :func:`build_network`; a callable gives a single stage.
    role : {"encoder", "decoder"}
        What to build.
    n_inputs, n_outputs : int
        Number of columns that go in and come out.
    n_columns : int or None, default=None
        As for :func:`build_network`.

    Returns
    -------
    stages : list of Module
        One after the other they map (n, n_inputs) to (n, n_outputs).

    Raises
    ------
    ValueError
        As for :func:`build_network`.

    Examples
    --------
    >>> from skfmvae.nn import MLP, build_stages
    >>> len(build_stages(MLP(hidden=(32, 16)), "encoder", 64, 10))
    3
    """
    settings = _resolve(spec, n_columns)
    stages = getattr(settings, f"{role}_stages", None)
    if stages is None or isinstance(spec, type):
        return [build_network(spec, role, n_inputs, n_outputs, n_columns)]
    return [
        in_precision(nn.Sequential(*layers), settings.precision)
        for layers in stages(n_inputs, n_outputs)
    ]


def _factory(
    spec: Any, role: str, n_columns: int | None
) -> Callable[[int, int], nn.Module]:
    spec = _resolve(spec, n_columns)
    build = getattr(spec, f"build_{role}", None)
    if build is not None and not isinstance(spec, type):
        return build
    if callable(spec) and build is None and not isinstance(spec, nn.Module):
        return spec
    raise ValueError(
        f"{role}={spec!r} is not allowed; choose one of {sorted(DEFAULTS)}, an object "
        "such as MLP(), or a function of (n_inputs, n_outputs) that returns a new "
        "torch.nn.Module."
    )


def _resolve(spec: Any, n_columns: int | None) -> Any:
    """Return the settings that a name stands for, with the shape of the images."""
    if isinstance(spec, str) and spec in DEFAULTS:
        spec = DEFAULTS[spec]()
    if isinstance(spec, Conv) and spec.image_shape is None and n_columns is not None:
        image_shape = image_shape_of("Conv", None, n_columns)
        spec = clone(spec).set_params(image_shape=image_shape)
    return spec


def _check_output(network: nn.Module, role: str, n_inputs: int, n_outputs: int) -> None:
    """Send two rows of zeros through `network` and leave no trace of it."""
    was_training = {module: module.training for module in network.modules()}
    reference = next(network.parameters(), torch.empty(0))
    rows = torch.zeros(2, n_inputs, dtype=reference.dtype, device=reference.device)
    devices = [reference.device] if reference.is_cuda else []
    network.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices):
            output = network(rows)
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"{role}: the network failed on rows of shape {tuple(rows.shape)}; it "
            f"must take {n_inputs} columns and give {n_outputs}."
        ) from error
    finally:
        for module, training in was_training.items():
            module.training = training
    found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    if found != (2, n_outputs):
        raise ValueError(
            f"{role}: from rows of shape {tuple(rows.shape)} the network gives {found}"
            f" where {(2, n_outputs)} is expected; end it with {n_outputs} columns."
        )


def _branches(
    settings: MLP | Conv,
    layers: Sequence[nn.Module],
    n_features: int,
    width: int,
    n_parents: Sequence[int],
    n_outputs: Sequence[int],
) -> Branches:
    """Return branches with a last hidden layer each, after layers that they share."""
    bias = settings.norm != "batch"
    hidden = nn.Linear(n_features, width * len(n_outputs), bias=bias)
    activation = ACTIVATIONS[settings.activation]
    dropout = getattr(settings, "dropout", 0.0)
    return Branches(
        in_precision(nn.Sequential(*layers, hidden), settings.precision),
        [NORMS[settings.norm](width) for _ in n_outputs],
        [
            in_precision(
                nn.Sequential(activation(), nn.Dropout(dropout), nn.Linear(width, n)),
                settings.precision,
            )
            for n in n_outputs
        ],
        [width] * len(n_outputs),
        n_parents,
    )


def _linear_branches(
    trunk: nn.Module, n_parents: Sequence[int], n_outputs: Sequence[int]
) -> Branches:
    """Return branches that end with the trunk, to which parents add."""
    nothing = [nn.Identity() for _ in n_outputs]
    return Branches(trunk, nothing, nothing, n_outputs, n_parents)


def _joined(stages: Sequence[Sequence[nn.Module]]) -> nn.Sequential:
    return nn.Sequential(*chain.from_iterable(stages))


def _dense(
    n_from: int, n_to: int, activation: str, norm: str | None
) -> list[nn.Module]:
    # batch normalisation subtracts a bias again, so there is none before it
    return [
        nn.Linear(n_from, n_to, bias=norm != "batch"),
        NORMS[norm](n_to),
        ACTIVATIONS[activation](),
    ]


def _check_size(settings: BaseEstimator, parameter: str) -> None:
    value = getattr(settings, parameter)
    if not _is_size(value):
        _refuse(settings, parameter, value, "choose a positive whole number")


def check_sizes(settings: BaseEstimator, parameter: str, example: str) -> None:
    """Refuse a parameter of some settings that is no sequence of sizes."""
    values = getattr(settings, parameter)
    if not isinstance(values, Sequence) or not all(map(_is_size, values)):
        remedy = f"give positive whole numbers, such as {example}"
        _refuse(settings, parameter, values, remedy)


def _is_size(value: Any) -> bool:
    return isinstance(value, Integral) and int(value) > 0


def _check_choice(
    settings: BaseEstimator, parameter: str, allowed: Collection[Any]
) -> None:
    value = getattr(settings, parameter)
    if value not in list(allowed):
        _refuse(settings, parameter, value, f"choose one of {list(allowed)}")


def _refuse(settings: BaseEstimator, parameter: str, value: Any, remedy: str) -> None:
    name = type(settings).__name__
    raise ValueError(f"{name}: {parameter}={value!r} is not allowed; {remedy}.")
