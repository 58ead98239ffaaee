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

from .guards import plain_torch, seeded
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
            If `n_draws` is neither None nor a whole number of at least 1.

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
        X = self._check_X(X)
        X = X.toarray() if issparse(X) else X
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(N_SAMPLES, self._model.n_latents, generator=generator)
        noise = noise.to(self.device_)
        filled = np.repeat(X[None], n_draws or 1, axis=0)
        incomplete = np.flatnonzero(np.isnan(X).any(axis=1))
        random_state = check_random_state(random_state)
        with plain_torch(self.device_), seeded(random_state), redirected_draws():
            for start in range(0, len(incomplete), N_ROWS):
                rows = incomplete[start : start + N_ROWS]
                x = torch.from_numpy(X[rows]).to(self.device_)
                if n_draws is None:
                    values = self._model.fill(x, noise)[None]
                else:
                    values = self._model.draw_filled(x, noise, n_draws)
                gaps = np.isnan(X[rows])
                filled[:, rows] = np.where(gaps, values.cpu().numpy(), X[rows])
        if n_draws is None:
            return self._as_given(filled[0])
        imputations = [self._as_given(rows) for rows in filled]
        return imputations if self.columns_.is_frame else np.stack(imputations)
