"""Fully connected networks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from numbers import Real

from torch import nn

from skfmvae._utils.checks import check_choice, check_sizes, refuse

from ._staged import StagedNetwork
from .branches import Branches, linear_branches, shared_branches
from .layers import ACTIVATIONS, NORMS, Dropout, dense, joined
from .precision import PRECISIONS

__all__ = ["MLP"]


class MLP(StagedNetwork):
    """Fully connected networks.

    Every hidden layer is linear, normalised, activated and thinned by dropout; a
    linear layer closes the network.

    Parameters
    ----------
    hidden : sequence of int, default=(256, 256)
        Sizes of the encoder's hidden layers; the decoder has them in reverse. An empty
        sequence gives a linear map.
    activation : {"relu", "elu", "silu", "gelu", "tanh", "leaky_relu", "softplus"}, \
            default="relu"
        Activation of the hidden layers.
    norm : {"batch", "layer", None}, default="batch"
        Normalisation before each activation. While training, batch normalisation
        needs at least two rows in every batch.
    dropout : float, default=0.0
        Share of hidden units that are dropped while training, in [0, 1).
    precision : {"float32", "bfloat16", "auto"}, default="float32"
        Precision of matrix products while training. Bfloat16 has the range of float32
        and fewer digits. With it networks of hundreds of units train two to three times
        faster on processors with AMX or AVX-512 BF16 and on graphics cards with units
        for it; small networks, and networks on other devices, train slower. "auto" is
        bfloat16 on such devices, and float32 on others.

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

    def encoder_stages(self, n_inputs: int, n_outputs: int) -> list[list[nn.Module]]:
        self._check_parameters()
        return self._stages([n_inputs, *self.hidden], n_outputs)

    def decoder_stages(self, n_inputs: int, n_outputs: int) -> list[list[nn.Module]]:
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
            return linear_branches(trunk, n_parents, n_outputs)
        *shared, width = self.hidden
        layers = list(joined(self._hidden_layers([n_inputs, *shared])))
        n_features = (n_inputs, *shared)[-1]
        return shared_branches(self, layers, n_features, width, n_parents, n_outputs)

    def _stages(self, sizes: list[int], n_outputs: int) -> list[list[nn.Module]]:
        return [*self._hidden_layers(sizes), [nn.Linear(sizes[-1], n_outputs)]]

    def _hidden_layers(self, sizes: list[int]) -> list[list[nn.Module]]:
        dropout = [Dropout(self.dropout)] if self.dropout else []
        return [
            [*dense(n_from, n_to, self.activation, self.norm), *dropout]
            for n_from, n_to in pairwise(sizes)
        ]

    def _check_parameters(self) -> None:
        check_sizes(self, "hidden", example="(256,)")
        check_choice(self, "activation", ACTIVATIONS)
        check_choice(self, "norm", NORMS)
        check_choice(self, "precision", PRECISIONS)
        if not isinstance(self.dropout, Real) or not 0 <= self.dropout < 1:
            refuse(self, "dropout", self.dropout, "choose a number in [0, 1)")
