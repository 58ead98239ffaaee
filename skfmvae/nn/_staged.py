"""Networks that are built of stages, for rows and for images alike."""

from __future__ import annotations

from abc import ABC, abstractmethod

from sklearn.base import BaseEstimator
from torch import nn

from .layers import joined
from .precision import in_precision

__all__ = ["StagedNetwork"]


class StagedNetwork(BaseEstimator, ABC):
    """Settings of encoders and decoders that have a list of layers per hidden state.

    A subclass has a parameter `precision`.
    """

    precision: str

    @abstractmethod
    def encoder_stages(self, n_inputs: int, n_outputs: int) -> list[list[nn.Module]]:
        """Return the layers of `build_encoder`, a list for each hidden state.

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
            If a setting is not allowed, or does not suit the numbers of columns.
        """

    @abstractmethod
    def decoder_stages(self, n_inputs: int, n_outputs: int) -> list[list[nn.Module]]:
        """Return the layers of `build_decoder`, a list for each hidden state.

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
            If a setting is not allowed, or does not suit the numbers of columns.
        """

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
            If a setting is not allowed, or does not suit the numbers of columns.
        """
        network = joined(self.encoder_stages(n_inputs, n_outputs))
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
            If a setting is not allowed, or does not suit the numbers of columns.
        """
        network = joined(self.decoder_stages(n_inputs, n_outputs))
        return in_precision(network, self.precision)
