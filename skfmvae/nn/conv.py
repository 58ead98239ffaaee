"""Convolutional networks for images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

import torch
from torch import nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from skfmvae._utils.checks import check_choice, check_size, check_sizes, refuse
from skfmvae.images import image_shape_of

from ._staged import StagedNetwork
from .branches import Branches, shared_branches
from .layers import ACTIVATIONS, IMAGE_NORMS, dense, joined
from .precision import PRECISIONS

__all__ = ["Conv"]


class Conv(StagedNetwork):
    """Convolutional networks for images stored as flat rows.

    The encoder halves the image with every convolution and ends with a dense hidden
    layer and a linear one; the decoder is its mirror image with transposed
    convolutions of stride 2. Images may have any height and width.

    Parameters
    ----------
    channels : sequence of int, default=(32, 64)
        Number of channels after each convolution of the encoder.
    kernel_size : int or sequence of int, default=3
        Height and width of the kernels, of all or of each convolution.
    pooling : {None, "max"}, default=None
        How the encoder halves images: None by convolutions of stride 2; "max" by the
        first such convolution, and by maxima over 2 x 2 pixels after the others.
    hidden : int, default=256
        Size of the dense hidden layer.
    activation : {"relu", "elu", "silu", "gelu", "tanh", "leaky_relu", "softplus"}, \
            default="relu"
        Activation of the hidden layers.
    norm : {"batch", "layer", None}, default="batch"
        Normalisation before each activation. While training, batch normalisation
        needs at least two rows in every batch.
    image_shape : tuple (channels, height, width) or None, default=None
        Shape of one image. None stands for square images with one channel, or else
        with three.
    precision : {"float32", "bfloat16", "auto"}, default="float32"
        Precision of matrix products and convolutions while training. Bfloat16 has the
        range of float32 and fewer digits. With it networks of hundreds of units train
        1.4 to three times as fast on processors with AMX or AVX-512 BF16 and on
        graphics cards with units for it; small networks, and networks on other devices,
        train slower. "auto" is bfloat16 on such devices, and float32 on others.

    See Also
    --------
    MLP : Fully connected networks.

    Notes
    -----
    Rows hold an image channel by channel, as does ``images.reshape(n, -1)`` of an
    array of shape (n, channels, height, width). A network may have several inputs or
    outputs per pixel, such as the categories of a categorical likelihood: its columns
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
        kernel_size: int | Sequence[int] = 3,
        pooling: str | None = None,
        hidden: int = 256,
        activation: str = "relu",
        norm: str | None = "batch",
        image_shape: tuple[int, int, int] | None = None,
        precision: str = "float32",
    ):
        self.channels = channels
        self.kernel_size = kernel_size
        self.pooling = pooling
        self.hidden = hidden
        self.activation = activation
        self.norm = norm
        self.image_shape = image_shape
        self.precision = precision

    def encoder_stages(self, n_inputs: int, n_outputs: int) -> list[list[nn.Module]]:
        """Return the layers of `build_encoder`, a list for each hidden state.

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
        hidden = dense(n_features, self.hidden, self.activation, self.norm)
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
        layers = [*joined(stages), nn.Flatten()]
        return shared_branches(
            self, layers, n_features, self.hidden, n_parents, n_outputs
        )

    def _convolutions(self, n_inputs: int) -> tuple[list[list[nn.Module]], int]:
        """Return stages from rows to features, and the number of features."""
        n_channels, sizes = self._layout("encoder", n_inputs)
        unflatten: list[nn.Module] = [nn.Unflatten(1, (n_channels[0], *sizes[0]))]
        stages = []
        for i, (n_from, n_to) in enumerate(pairwise(n_channels)):
            # The first convolution has the most pixels and the fewest channels.
            pooled = self.pooling is not None and i > 0
            convolution = nn.Conv2d(
                n_from,
                n_to,
                self._kernel_sizes[i],
                stride=1 if pooled else 2,
                padding=_padding(self._kernel_sizes[i]),
                bias=self.norm != "batch",
            )
            # On CPUs this layout takes a third off a step of encoders, and nothing off
            # one of transposed convolutions.
            convert_conv2d_weight_memory_format(convolution, torch.channels_last)
            stage: list[nn.Module] = [convolution]
            if pooled:
                # Before normalisation, which then has a quarter of the values.
                stage.append(nn.MaxPool2d(2, ceil_mode=True))
            stages.append([*stage, *self._normalise_and_activate(n_to)])
        stages[0] = [*unflatten, *stages[0]]
        return stages, n_channels[-1] * math.prod(sizes[-1])

    def decoder_stages(self, n_inputs: int, n_outputs: int) -> list[list[nn.Module]]:
        """Return the layers of `build_decoder`, a list for each hidden state.

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
        kernel_sizes = self._kernel_sizes[::-1]
        n_features = n_channels[0] * math.prod(sizes[0])
        stages = [dense(n_inputs, self.hidden, self.activation, self.norm)]
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
                    kernel_sizes[i],
                    stride=2,
                    padding=_padding(kernel_sizes[i]),
                    output_padding=_output_padding(
                        kernel_sizes[i], sizes[i], sizes[i + 1]
                    ),
                    bias=self.norm != "batch" or i == len(self.channels) - 1,
                )
            ]
        return [*stages, [*layers, nn.Flatten()]]

    @property
    def _kernel_sizes(self) -> list[int]:
        """The size of the kernels of each convolution of the encoder."""
        if isinstance(self.kernel_size, Sequence):
            return list(self.kernel_size)
        return [self.kernel_size] * len(self.channels)

    def _normalise_and_activate(self, n_channels: int) -> list[nn.Module]:
        return [IMAGE_NORMS[self.norm](n_channels), ACTIVATIONS[self.activation]()]

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
        for kernel_size in self._kernel_sizes:
            # Kernels of odd size round a half up, those of even size down.
            height, width = ((s + kernel_size % 2) // 2 for s in sizes[-1])
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
            refuse(self, "channels", self.channels, "give at least one, or use MLP")
        if isinstance(self.kernel_size, Integral):
            check_size(self, "kernel_size")
        else:
            check_sizes(self, "kernel_size", example="5 or (5, 3)")
        if len(self._kernel_sizes) != len(self.channels):
            remedy = f"give one for each of channels={self.channels!r}"
            refuse(self, "kernel_size", self.kernel_size, remedy)
        check_choice(self, "pooling", (None, "max"))
        check_size(self, "hidden")
        check_choice(self, "activation", ACTIVATIONS)
        check_choice(self, "norm", IMAGE_NORMS)
        check_choice(self, "precision", PRECISIONS)
        if self.image_shape is not None:
            check_sizes(self, "image_shape", example="(1, 28, 28)")
            if len(self.image_shape) != 3:
                remedy = "give (channels, height, width)"
                refuse(self, "image_shape", self.image_shape, remedy)


def _padding(kernel_size: int) -> int:
    return (kernel_size - 1) // 2


def _output_padding(
    kernel_size: int, small: Sequence[int], large: Sequence[int]
) -> Any:
    # Two sizes have the same half; the padding chooses between them.
    odd = kernel_size % 2
    return tuple(b - 2 * a + odd for a, b in zip(small, large, strict=True))
