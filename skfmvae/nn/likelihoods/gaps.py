"""Rows with missing entries: what is observed of them, and what networks see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor, distributions

from skfmvae._utils.distributed import n_of_all, own_rows
from skfmvae._utils.random import generator_for

from .base import NO_SHAPE, LikelihoodModule, column_log_prob

__all__ = ["LikelihoodWithGaps"]

# The largest share of a row's entries that are hidden from the encoder while training;
# each row draws its own share: docs/decisions/038-missing-entries.md.
MOST_HIDDEN = 0.5


class LikelihoodWithGaps(LikelihoodModule):
    """A likelihood of rows in which NaN marks what is missing.

    The columns of a row are independent given the latents, so what is missing drops out
    of ``ln p(x | z)`` (Nazábal et al. 2020, section 2.2). Networks see zero in place of
    it, and beside the features which entries are missing. While training, more entries
    are hidden from the encoder, see `hiding`, but not from the likelihood: the bound
    stays one on ``ln p`` of what is observed, and the encoder learns to do with less.

    Parameters
    ----------
    columns : LikelihoodModule
        Of complete rows.
    has_gaps : bool
        Whether training rows have missing entries. Without, training and network inputs
        are those of complete rows; rows to come may have gaps all the same.

    Attributes
    ----------
    skips_search : bool
        Whether no gaps are looked for in training rows, which takes time. To be set to
        false before training on rows with gaps where `has_gaps` is false.
    """

    def __init__(self, columns: LikelihoodModule, has_gaps: bool):
        super().__init__(columns.n_columns)
        self.columns = columns
        self.has_gaps = has_gaps
        self.skips_search = not has_gaps
        self.name, self.support = columns.name, columns.support
        self.remedy = columns.remedy
        self.feature_columns = columns.feature_columns
        self.n_outputs = columns.n_outputs
        self.n_inputs = columns.n_inputs + has_gaps * columns.n_columns
        self._hidden: Tensor | None = None

    def features(self, x: Tensor) -> Tensor:
        if self._is_complete(x):
            return self.columns.features(x)
        gaps = x.isnan()
        if self._hidden is not None and self._hidden.shape == gaps.shape:
            gaps = gaps | self._hidden
        filled = torch.where(gaps, self.columns.placeholder.to(x), x)
        features = self.columns.features(filled)
        features = features.masked_fill(gaps[:, self.feature_columns], 0)
        return torch.cat([features, gaps.to(x)], dim=1) if self.has_gaps else features

    def _is_complete(self, x: Tensor) -> bool:
        """Return whether rows have no gaps, and networks do not ask for them."""
        if self.training and self.skips_search:
            return True
        # An export must not depend on values; the result is the same either way.
        if self.has_gaps or torch.compiler.is_compiling():
            return False
        return not bool(x.isnan().any())

    @contextmanager
    def hiding(self, x: Tensor) -> Iterator[None]:
        """Hide entries of a batch from the encoder, the same ones in all of a step.

        A row's share of hidden entries is uniform up to `MOST_HIDDEN`. Where training
        rows have no gaps, nothing is hidden.

        Parameters
        ----------
        x : Tensor of shape (n, D)
            The batch.

        Yields
        ------
        None
            While the entries are hidden.
        """
        if self.has_gaps:
            generator = generator_for(x.device)
            n, width = n_of_all(len(x)), x.shape[1]
            share = x.new_empty(n, 1).uniform_(0, MOST_HIDDEN, generator=generator)
            draws = x.new_empty(n, width).uniform_(generator=generator)
            self._hidden = own_rows(draws < share)
        try:
            yield
        finally:
            self._hidden = None

    def forward(self, h: Tensor) -> distributions.Distribution:
        rows = self.columns(h)
        if self.training and self.skips_search:
            return rows
        return _OfObserved(rows, self.columns.placeholder)

    @contextmanager
    def given(self, x: Tensor) -> Iterator[None]:
        with self.columns.given(x):
            yield

    def expectation(self, distribution: distributions.Distribution) -> Tensor:
        return self.columns.expectation(_complete(distribution))

    def weighted_expectation(
        self, distribution: distributions.Distribution, weight: Tensor
    ) -> Tensor:
        return self.columns.weighted_expectation(_complete(distribution), weight)

    def comparable(self, X: Any) -> Any:
        """Return rows on one scale; what is missing has the mean of what is not.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, n_columns)

        Returns
        -------
        rows : ndarray or CSR matrix of shape (n_samples, L)
        """
        values = X.data if issparse(X) else X
        gaps = np.isnan(values)
        if not gaps.any():
            return self.columns.comparable(X)
        if issparse(X):
            X = X.toarray()
            gaps = np.isnan(X)
        filled = np.where(gaps, self.columns.placeholder.cpu().numpy(), X)
        rows = self.columns.comparable(filled.astype(X.dtype, copy=False))
        gaps = gaps[:, self.feature_columns.cpu().numpy()]
        n_observed = np.maximum((~gaps).sum(axis=0), 1)
        means = rows.sum(axis=0, where=~gaps) / n_observed
        return np.where(gaps, means, rows).astype(rows.dtype, copy=False)

    def moved(self, x: Tensor, step: Tensor) -> Tensor:
        if self._is_complete(x):
            return self.columns.moved(x, step)
        gaps = x.isnan()
        filled = torch.where(gaps, self.columns.placeholder.to(x), x)
        return self.columns.moved(filled, step).masked_fill(gaps, torch.nan)

    def example(self) -> Tensor:
        return self.columns.example()

    def in_support(self, values: np.ndarray) -> np.ndarray:
        return np.isnan(values) | self.columns.in_support(values)

    def check_support(self, X: Any) -> None:
        self.columns.check_support(X)


class _OfObserved(distributions.Distribution):
    """The distribution of rows, of which only what is observed has a probability."""

    arg_constraints: dict = {}

    def __init__(self, complete: distributions.Distribution, placeholder: Tensor):
        batch_shape, event_shape = complete.batch_shape, complete.event_shape
        super().__init__(batch_shape, event_shape, validate_args=False)
        self.complete = complete
        self.placeholder = placeholder

    @property
    def mean(self) -> Tensor:
        return self.complete.mean

    def sample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        return self.complete.sample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        gaps = value.isnan()
        if not gaps.any():
            return self.complete.log_prob(value)
        filled = torch.where(gaps, self.placeholder.to(value), value)
        of_columns = column_log_prob(self.complete, filled)
        return of_columns.masked_fill(gaps, 0).sum(-1)


def _complete(distribution: distributions.Distribution) -> distributions.Distribution:
    """Return the distribution of what is observed and what is not."""
    if isinstance(distribution, _OfObserved):
        return distribution.complete
    return distribution
