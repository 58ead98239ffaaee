"""What an estimator makes of latents: representations, and rows that are generated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from sklearn.base import TransformerMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from skfmvae._utils.checks import check_whole
from skfmvae._utils.missing import masked_as_nan
from skfmvae._utils.random import redirected_draws
from skfmvae._utils.types import MatrixLike
from skfmvae.models.base import Labels
from skfmvae.training import Rows

from .guards import plain_torch, seeded
from .rows import RowsMixin

__all__ = ["GenerationMixin"]


class GenerationMixin(RowsMixin, TransformerMixin):
    """Encode rows, decode latents, sample and intervene."""

    def transform(self, X: MatrixLike) -> np.ndarray:
        """Return the posterior means of the latent blocks.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        Z : float32 ndarray of shape (n_samples, n_latents)
            The blocks side by side, see `get_feature_names_out`.
        """
        X = self._check_X(X)
        return self._map_rows(lambda x: [self._model.encode(x).mean], X)[0]

    def inverse_transform(self, Z: MatrixLike) -> np.ndarray:
        """Return the rows that latents are expected to give.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_latents)
            Latents as `transform` returns them.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Decoded expectations, in float32, or where columns lie too far from zero for
            it, see `origin_`, in float64.

        Raises
        ------
        ValueError
            When `Z` has another number of columns.
        """
        check_is_fitted(self)
        Z = check_array(masked_as_nan(Z), dtype=np.float32, order="C", input_name="Z")
        if Z.shape[1] != self._model.n_latents:
            raise ValueError(
                f"Z has {Z.shape[1]} columns, but transform gives "
                f"{self._model.n_latents}. Pass what transform returned."
            )
        return self._as_given(self._decoded(Z, self._model.expectation))

    def _decoded(self, Z, decode, given=None):
        """Return the numbers that a function makes of latents, with what is given."""
        n_latents = self._model.n_latents

        def values(rows):
            z, x = rows[:, :n_latents], rows[:, n_latents:]
            if given is None:
                return [decode(z)]
            with self._model.likelihood.given(x):
                return [decode(z)]

        rows = Z if given is None else np.hstack([Z, given])
        return self._map_rows(values, rows)[0]

    def reconstruct(self, X: MatrixLike) -> np.ndarray:
        """Return every row as the model sees it: encoded, then decoded.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features)
            Decoded expectations, as from `inverse_transform`.
        """
        X = self._check_X(X)

        def expectation(x):
            with self._model.likelihood.given(x):
                return [self._model.expectation(self._model.encode(x).mean)]

        return self._as_given(self._map_rows(expectation, X)[0])

    def intervene(
        self,
        X: MatrixLike,
        properties: Mapping[str, Any],
        covariates: Mapping[Any, Any] | None = None,
    ) -> np.ndarray:
        """Return the rows with some properties changed and the rest kept.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows.
        properties : dict of str to value or array-like of shape (n_samples,)
            New values by property name, one for all rows or one each. An entry that
            is unlabelled, such as None or NaN, leaves its row alone.
        covariates : dict of str or int to value or array-like of shape (n_samples,), \
                default=None
            New values of covariates by column, likewise; others keep theirs.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features)
            Decoded expectations, as from `inverse_transform`.

        Raises
        ------
        ValueError
            When a property, a covariate or a value is unknown.
        """
        check_is_fitted(self)
        return self._intervene(X, properties, self._model.intervene, covariates)

    def _intervene(self, X, properties, intervene, covariates=None):
        """Decode what a method of the model makes of the rows with new properties."""
        X = self._check_X(X)
        set_to = None
        if covariates:
            set_to = torch.from_numpy(self._covariate_rows(covariates, X.shape[0]))
        codes, quantities = self.targets_.values_of(properties, X.shape[0])
        rows = Rows(X, codes, device=self.device_, quantities=quantities)

        def changed(batch):
            z = intervene(batch.x, batch.labels)
            given = batch.x
            if set_to is not None:
                given = set_to[batch.number.cpu()].to(given)
                given = torch.where(given.isnan(), batch.x, given)
            with self._model.likelihood.given(given):
                return [self._model.expectation(z)]

        return self._as_given(self._map_batches(changed, rows)[0])

    def sample(
        self,
        n_samples: int = 1,
        properties: Mapping[str, Any] | None = None,
        random_state: Any = None,
        covariates: Mapping[Any, Any] | None = None,
        missing: bool = False,
        draw: str = "row",
    ) -> tuple[np.ndarray, np.ndarray]:
        """Generate rows, with chosen properties where wanted.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.
        properties : dict of str to value or array-like of shape (n_samples,), \
                default=None
            Values by property name, one for all rows or one each. Properties that are
            not named are drawn, and so are entries that are unlabelled, such as None
            or NaN.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws.
        covariates : dict of str or int to value or array-like of shape (n_samples,), \
                default=None
            Values of covariates by column, one for all rows or one each. Others have
            their median over training rows, or the middle one of their categories.
        missing : bool, default=False
            Whether entries are missing as often as in the training rows, see
            `missing_rate_`.
        draw : {"row", "mean"}, default="row"
            What is returned for each drawn latent ``z``:

            - "row": a draw from ``p(x | z)``, so that rows vary as the data do;
            - "mean": the expectation of ``p(x | z)``, as from `inverse_transform`,
              which lacks the noise. Choose it for images of grey values between 0 and
              1: their Bernoulli likelihood draws zeros and ones alone.

            The latents and `y` are the same for both.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            The rows, in the units of the data; a frame where `fit` got one.
        y : ndarray of shape (n_samples,) or (n_samples, n_properties)
            The values of the properties of `y`, as `predict` returns them.

        Raises
        ------
        ValueError
            When a property, a covariate or a value is unknown, `n_samples` is no
            whole number of at least 1, or `draw` is neither "row" nor "mean".
        """
        check_is_fitted(self)
        check_whole("n_samples", n_samples, 1)
        decode = {"row": self._model.draw, "mean": self._model.expectation}.get(draw)
        if decode is None:
            raise ValueError(
                f'draw={draw!r} is not allowed; choose "row" for draws from p(x | z), '
                'or "mean" for their expectation.'
            )
        wanted = self.targets_.values_of(properties or {}, n_samples)
        given = self._covariate_rows(covariates, n_samples) if covariates else None
        random_state = check_random_state(random_state)
        with plain_torch(self.device_), torch.no_grad(), seeded(random_state):
            labels = Labels(*(torch.from_numpy(w).to(self.device_) for w in wanted))
            with redirected_draws():
                z, labels = self._model.sample_latents(labels)
                X = self._decoded(z.cpu().numpy(), decode, given)
            if missing:
                gaps = random_state.uniform(size=(n_samples, self.n_features_in_))
                X[gaps < self.missing_rate_] = np.nan
            X = self._as_given(X)
            codes, quantities = (values.cpu().numpy() for values in labels)
        n_outputs = self.targets_.labels.n_outputs
        return X, self.targets_.inverse(codes[:, :n_outputs], quantities)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the columns that `transform` returns.

        Parameters
        ----------
        input_features : array-like, default=None
            Ignored.

        Returns
        -------
        names : ndarray of str of shape (n_latents,)
            The name of the block and the number of the column in it.
        """
        check_is_fitted(self)
        return np.array(
            [
                f"{name}_{column}"
                for name, block in self._model.latent_blocks.items()
                for column in range(block.stop - block.start)
            ],
            dtype=object,
        )
