"""Rows on their way from a user's array to the model, and results back."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skfmvae._utils.large import is_large
from skfmvae._utils.missing import masked_as_nan
from skfmvae.columns import ColumnEncoder, named_columns, without_rows
from skfmvae.models.base import Model
from skfmvae.nn import column_origin, exposure_columns, resolve_likelihood
from skfmvae.targets import TargetEncoder
from skfmvae.training import ModelNet, Rows

from .checks import check_finite
from .guards import plain_torch
from .precision import is_exact, to_float32, warn_of_merged_values

__all__ = ["RowsMixin"]

# Rows that are computed together. Matrix products of very few rows round otherwise
# than those of many, so small chunks are filled up: a row's values never depend on
# the rows beside it.
LARGEST_CHUNK, SMALLEST_CHUNK = 1024, 32


class RowsMixin:
    """Check rows, cast them to float32 and map functions over them in chunks."""

    likelihood: Any
    categorical_features: Any
    covariates: Any
    columns_: ColumnEncoder
    likelihood_: Any
    origin_: np.ndarray | None
    n_features_in_: int
    device_: torch.device
    net_: ModelNet
    targets_: TargetEncoder

    @property
    def _model(self) -> Model:
        return self.net_.module_

    def _check_X(self, X, reset=False):
        """Return rows in float32, and learn when `reset` how they become that.

        Large ones may be a `RowView`, which casts what is read of it.
        """
        X = self._numbers(X, reset)
        if not reset:
            return self._rounded(X)
        rows = to_float32(X)
        self.likelihood_ = resolve_likelihood(
            self.likelihood, rows, self.columns_.columns
        )
        self._fit_given(rows.shape[1])
        self.origin_ = None if is_exact(X) else column_origin(self.likelihood_, X)
        if self.origin_ is not None:
            rows = to_float32(X, self.origin_)
        if not is_exact(X):
            warn_of_merged_values(X, rows, getattr(self, "feature_names_in_", None))
        return rows

    def _numbers(self, X, reset=False):
        """Return rows as finite numbers, NaN where an entry is missing."""
        if not reset:
            check_is_fitted(self)
        X = self._encoded(masked_as_nan(X), reset)
        if issparse(X) and not X.has_canonical_format:
            X = X.copy()  # checks see entries one by one, also those stored in parts
            X.sum_duplicates()
        check_finite(X, getattr(self, "feature_names_in_", None))
        return X

    def _rounded(self, X):
        """Return numbers in float32, counted from `origin_`."""
        if self.origin_ is not None and is_exact(X):
            warnings.warn(
                "fit got columns of X so far from zero that float32, which X is in "
                "now, does not hold their values; give X in float64.",
                UserWarning,
                stacklevel=4,
            )
        return to_float32(X, self.origin_)

    def _encoded(self, X, reset):
        """Return rows as numbers of a dtype that models can take."""
        if reset:
            self.columns_ = ColumnEncoder(self.categorical_features).fit(X)
        columns = self.columns_.columns
        if columns is not None:  # which may hold what no array of numbers can
            validate_data(self, without_rows(X), reset=reset, skip_check_array=True)
        X = self.columns_.transform(X)
        dtype = np.float32 if is_exact(X) else [np.float64, np.float32]
        is_kept = is_large(X) and X.dtype.kind in "biuf"
        settings = {
            "accept_sparse": "csr",
            "dtype": None if is_kept else dtype,
            "order": None if is_kept else "C",
            "ensure_all_finite": False,
            "ensure_min_samples": 2 if reset else 1,
        }
        if columns is None:
            return validate_data(self, X, reset=reset, **settings)
        return check_array(X, **settings)

    def _fit_given(self, n_columns):
        """Learn which columns are covariates, and where the exposure of counts is."""
        names = getattr(self, "feature_names_in_", None)
        names = None if names is None else list(names)
        self.covariate_columns_ = self._positions(
            "covariates", self.covariates, names, n_columns
        )
        _, exposure = exposure_columns(self.likelihood_, n_columns)
        self.exposure_column_ = None
        if exposure is not None and exposure != "auto":
            [self.exposure_column_] = self._positions(
                "exposure", [exposure], names, n_columns
            )

    def _positions(self, parameter, choice, names, n_columns):
        if choice is None:
            return []
        chosen = named_columns(choice, names, n_columns, parameter)
        return np.flatnonzero(chosen).tolist()

    def _covariate_rows(self, covariates, n):
        """Return rows with the values that a user sets covariates to, else NaN."""
        names = list(getattr(self, "feature_names_in_", []))
        rows = np.full((n, self.n_features_in_), np.nan)
        for key, value in (covariates or {}).items():
            j = names.index(key) if key in names else key
            if j not in self.covariate_columns_:
                known = [names[k] if names else k for k in self.covariate_columns_]
                raise ValueError(f"{key!r} is no covariate; those of fit are {known}.")
            rows[:, j] = self.columns_.code(j, value)
        return to_float32(rows, self.origin_)

    def _as_given(self, X):
        """Return decoded rows in the units of the data, as the frame that `fit` got."""
        X = X if self.origin_ is None else X + self.origin_
        return self.columns_.inverse(X)

    def _map_rows(self, function, X, largest=LARGEST_CHUNK):
        no_codes = np.full((X.shape[0], 0), -1)
        rows = Rows(X, no_codes, device=self.device_)
        return self._map_batches(lambda batch: function(batch.x), rows, largest)

    def _map_batches(self, function, rows, largest=LARGEST_CHUNK):
        """Apply a function to chunks of rows and join what it lists."""
        chunks = []
        with plain_torch(self.device_), torch.no_grad():
            for index in torch.arange(len(rows)).split(largest):
                n = len(index)
                filled = index[torch.arange(max(n, SMALLEST_CHUNK)) % n]
                outputs = function(rows[filled])
                chunks.append([output[:n].cpu().numpy() for output in outputs])
        return [np.concatenate(outputs) for outputs in zip(*chunks, strict=True)]
