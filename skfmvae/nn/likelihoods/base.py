"""The base of all likelihoods: settings, and the module that they build."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from torch import Tensor, distributions, nn

from .blocks import check_values

__all__ = ["Likelihood", "LikelihoodModule", "over_columns"]


class Likelihood(BaseEstimator, ABC):
    """Settings of a likelihood; `build` returns the module for some data.

    Attributes
    ----------
    allows_steps : bool
        Whether a row that is moved by a small step is still a row.
    """

    allows_steps: bool = True

    @abstractmethod
    def build(self, X: Any) -> LikelihoodModule:
        """Build the module for the rows of `X`.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, n_columns)
            The training rows. Statistics of columns are computed block by block; `X`
            is never copied as a whole.

        Returns
        -------
        LikelihoodModule

        Raises
        ------
        ValueError
            If a setting is not allowed or a value cannot occur under the likelihood.
        """


class LikelihoodModule(nn.Module, ABC):
    """Maps the decoder's outputs to ``p(x | z)``, and rows to network inputs.

    Parameters
    ----------
    n_columns : int
        Number of columns ``D`` of the data.
    n_values : int, default=1
        Number of network inputs and outputs per column.

    Attributes
    ----------
    n_inputs : int
        Number of columns of ``features(x)``.
    n_outputs : int
        Number of columns of the decoder's output.

    Notes
    -----
    Statistics of the data are buffers of fixed shape. ``load_state_dict`` therefore
    restores any module from one that was built for a single row of zeros.
    """

    name: str
    support: str
    remedy: str

    def __init__(self, n_columns: int, n_values: int = 1):
        super().__init__()
        self.n_columns = n_columns
        self.n_inputs = self.n_outputs = n_values * n_columns

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """Return the network inputs (n, n_inputs) of rows (n, D)."""

    @abstractmethod
    def forward(self, h: Tensor) -> distributions.Distribution:
        """Return ``p(x | z)`` for decoder outputs (n, n_outputs).

        Its batch shape is (n,) and its event shape (D,), so ``log_prob`` gives nats
        per row.
        """

    @abstractmethod
    def in_support(self, values: np.ndarray) -> np.ndarray:
        """Return for each value whether it can occur; zero always can."""

    def expectation(self, distribution: distributions.Distribution) -> Tensor:
        """Return the expected rows (n, D) of a distribution from `forward`."""
        return distribution.mean

    def comparable(self, X: Any) -> Any:
        """Return rows whose columns are on one scale, for distances between rows.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, n_columns)

        Returns
        -------
        rows : ndarray or CSR matrix of shape (n_samples, L)
            `X` itself where its columns are on one scale.
        """
        return X

    def moved(self, x: Tensor, step: Tensor) -> Tensor:
        """Return rows (n, D) after steps (n, D) in the columns of `comparable`."""
        return x + step

    def check_support(self, X: Any) -> None:
        """Check that every value of `X` can occur under the likelihood.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, n_columns)

        Raises
        ------
        ValueError
            If a value cannot; the message gives the first one and its position.
        """
        check_values(X, self.in_support, self.name, self.support, self.remedy)


def over_columns(columns: distributions.Distribution) -> distributions.Distribution:
    """Return the distribution of whole rows from that of their columns (n, D)."""
    return distributions.Independent(columns, 1, validate_args=False)
