"""Missing entries of rows, filled from what is observed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.utils import check_random_state

from skfmvae._utils.checks import check_whole
from skfmvae._utils.random import redirected_draws
from skfmvae._utils.types import MatrixLike

from .guards import seeded
from .rows import RowsMixin

__all__ = ["ImputationMixin"]

# Importance samples of each row: docs/decisions/038-missing-entries.md.
N_SAMPLES = 100
# Rows that are filled together, so that their draws need little memory.
N_ROWS = 256


class ImputationMixin(RowsMixin):
    """Fill what is missing."""

    def impute(
        self, X: MatrixLike, n_draws: int | None = None, random_state: Any = None
    ) -> Any:
        """Return the rows with their missing entries filled.

        Values are averaged, or drawn, over latents that suit what is observed of a row
        (Mattei and Frellsen 2019, section 3): from the encoder, weighted by
        ``p(x, z) / q(z | x)``. What is observed stays as it is.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows; NaN, None or ``pd.NA`` marks a missing entry. The columns may be
            complete at `fit`.
        n_draws : int or None, default=None
            Number of multiple imputations, each with values drawn for all missing
            entries. None fills in the expected value of numbers and the most probable
            one of categories.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws; the expected values do not depend on it.

        Returns
        -------
        X_filled : ndarray or frame of shape (n_samples, n_features)
            A frame where `fit` got one. With `n_draws`, an array of shape (n_draws,
            n_samples, n_features), or a list of frames.

        Raises
        ------
        ValueError
            If `n_draws` is neither None nor a whole number of at least 1, or an entry
            cannot occur under the likelihood.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_wine
        >>> from skfmvae import FactorialMixtureVAE
        >>> X = load_wine().data
        >>> gaps = np.random.default_rng(0).random(X.shape) < 0.1
        >>> X_gaps = np.where(gaps, np.nan, X)
        >>> model = FactorialMixtureVAE(n_discovered=1, random_state=0).fit(X_gaps)
        >>> bool(np.isnan(model.impute(X_gaps)).any())
        False
        """
        if n_draws is not None:
            check_whole("n_draws", n_draws, 1)
        X = self._numbers(X)
        rows = self._rounded(X)
        self._model.likelihood.check_support(rows)
        X, rows = (M.toarray() if issparse(M) else M for M in (X, rows))
        filled = np.repeat(X[None], n_draws or 1, axis=0)
        incomplete = np.isnan(X).any(axis=1)
        if incomplete.any():
            values = self._imputed(rows[incomplete], n_draws, random_state)
            if self.origin_ is not None:
                values = values + self.origin_
            X = X[incomplete]
            filled[:, incomplete] = np.where(np.isnan(X), values, X)
        frames = [self.columns_.inverse(rows) for rows in filled]
        if n_draws is None:
            return frames[0]
        return frames if self.columns_.is_frame else np.stack(frames)

    def _imputed(self, X, n_draws, random_state):
        """Return rows (n_draws, n, D) that are likely given what is observed of `X`."""
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(N_SAMPLES, self._model.n_latents, generator=generator)
        noise = noise.to(self.device_)

        def fill(x):
            if n_draws is None:
                return [self._model.fill(x, noise)[:, None]]
            return [self._model.draw_filled(x, noise, n_draws).transpose(0, 1)]

        with seeded(check_random_state(random_state)), redirected_draws():
            return self._map_rows(fill, X, N_ROWS)[0].swapaxes(0, 1)
