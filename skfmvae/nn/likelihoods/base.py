"""The base of all likelihoods: settings, and the module that they build."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor, distributions, nn

from .blocks import check_values

__all__ = [
    "NO_SHAPE",
    "Likelihood",
    "LikelihoodModule",
    "column_log_prob",
    "over_columns",
]

NO_SHAPE = torch.Size()  # of a single draw


class Likelihood(BaseEstimator, ABC):
    """Settings of a likelihood; `build` returns the module for some data.

    Attributes
    ----------
    allows_steps : bool
        Whether a row that is moved by a small step is still a row.
    allows_shifts : bool, or list of bool of shape (n_columns,)
        Whether the units of columns have no zero of their own.
    """

    allows_steps: bool = True
    allows_shifts: Any = False

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
    feature_columns : int64 Tensor of shape (n_inputs,)
        The column of the data that each of ``features(x)`` and of ``comparable(X)``
        comes from.
    placeholder : Tensor of shape (D,)
        A possible value of every column, which stands in for missing ones where a
        result of theirs is not used.

    Notes
    -----
    Statistics of the data are buffers of fixed shape. ``load_state_dict`` therefore
    restores any module from one that was built for the row of `example` alone.
    """

    name: str
    support: str
    remedy: str
    takes_exposure: bool = False  # whether `forward` has the argument ``exposure``

    feature_columns: Tensor
    placeholder: Tensor

    def __init__(self, n_columns: int, n_values: int = 1):
        super().__init__()
        self.n_columns = n_columns
        self.n_inputs = self.n_outputs = n_values * n_columns
        columns = torch.arange(n_columns).repeat(n_values)
        self.register_buffer("feature_columns", columns, persistent=False)
        self.register_buffer("placeholder", torch.zeros(n_columns), persistent=False)

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """Return the network inputs (n, n_inputs) of rows (n, D)."""

    @abstractmethod
    def forward(self, h: Tensor) -> distributions.Distribution:
        """Return ``p(x | z)`` for decoder outputs (n, n_outputs).

        Its batch shape is (n,) and its event shape (D,), so ``log_prob`` gives nats
        per row.
        """

    def example(self) -> Tensor:
        """Return a row (D,) for which `Likelihood.build` makes a module of this shape.

        It is `placeholder` where the shape depends on nothing but the columns.
        """
        return self.placeholder

    @abstractmethod
    def in_support(self, values: np.ndarray) -> np.ndarray:
        """Return for each value whether it can occur.

        Where zero cannot, `check_support` sees to the zeros of sparse matrices.
        """

    def expectation(self, distribution: distributions.Distribution) -> Tensor:
        """Return the expected rows (n, D) of a distribution from `forward`."""
        return distribution.mean

    def weighted_expectation(
        self, distribution: distributions.Distribution, weight: Tensor
    ) -> Tensor:
        """Return the best guess of rows of which draws of the latents are weighted.

        Parameters
        ----------
        distribution : Distribution
            From `forward`, of ``n * S`` rows: the draws of a row follow each other.
        weight : Tensor of shape (n, S)
            Of the draws; sums to one.

        Returns
        -------
        x : Tensor of shape (n, D)
            The mean of numbers, the most probable of categories.
        """
        values = self.expectation(distribution)
        return (weight[:, :, None] * values.view(*weight.shape, -1)).sum(1)

    @contextmanager
    def given(self, x: Tensor) -> Iterator[None]:
        """Take what is given of rows, if anything is, from these while decoding.

        Parameters
        ----------
        x : Tensor of shape (n, D)
            Rows, whose latents are decoded in their order; those of one row may follow
            each other.

        Yields
        ------
        None
        """
        yield

    @contextmanager
    def hiding(self, x: Tensor) -> Iterator[None]:
        """Hide entries of a batch from the encoder during a step; nothing by default.

        Parameters
        ----------
        x : Tensor of shape (n, D)
            The batch.

        Yields
        ------
        None
            While the entries are hidden.
        """
        yield

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
            If a value cannot; the message gives the first one and its position. NaN,
            which marks what is missing, always can.
        """
        check_values(X, self.in_support, self.name, self.support, self.remedy)


class _OverColumns(distributions.Independent):
    """Rows of independent columns, whose probabilities can be had one by one."""

    def column_log_prob(self, value: Tensor) -> Tensor:
        return self.base_dist.log_prob(value)


def over_columns(columns: distributions.Distribution) -> distributions.Distribution:
    """Return the distribution of whole rows from that of their columns (n, D)."""
    return _OverColumns(columns, 1, validate_args=False)


def column_log_prob(distribution: distributions.Distribution, value: Tensor) -> Tensor:
    """Return the log-probability (n, D) of every value, in nats.

    Raises
    ------
    TypeError
        If the distribution is not one of independent columns.
    """
    if hasattr(distribution, "column_log_prob"):
        return distribution.column_log_prob(value)
    if isinstance(distribution, distributions.Independent):
        return distribution.base_dist.log_prob(value)
    raise TypeError(
        f"{type(distribution).__name__} gives no probability of single columns, which "
        "rows with missing entries need; return a torch.distributions.Independent from "
        "the likelihood, or impute the rows first."
    )
