"""What is given of a row and not modelled: covariates, and the exposure of counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression
from torch import Tensor, distributions, nn

from skfmvae._utils.large import blocks, columns_of

from .base import NO_SHAPE, Likelihood, LikelihoodModule, column_log_prob
from .blocks import column_statistics
from .columns import Columns

__all__ = ["LikelihoodGiven", "build_given", "exposure_columns"]

# Clusters of rows that are alike, rows of each, rounds of finding them, and the rows
# that they are found in, for the time that it takes: docs/decisions/038-covariates.md.
N_CLUSTERS, ROWS_OF_A_CLUSTER, N_ROUNDS, MOST_ROWS = 10, 20, 10, 10_000


def exposure_columns(likelihood: Likelihood, n_columns: int) -> tuple[list[int], Any]:
    """Return the columns of counts that have an exposure, and where it comes from.

    Parameters
    ----------
    likelihood : Likelihood
        Of all columns.
    n_columns : int

    Returns
    -------
    counts : list of int
        Positions of the columns.
    exposure : "auto", str, int or None
        What their settings say; None where no column has one.

    Raises
    ------
    ValueError
        If two columns have different exposures.
    """
    settings: Sequence[Likelihood] = [likelihood] * n_columns
    if isinstance(likelihood, Columns):
        settings = list(likelihood.by_column.values())
    of_columns = [getattr(of, "exposure", None) for of in settings]
    chosen = {exposure for exposure in of_columns if exposure is not None}
    if len(chosen) > 1:
        raise ValueError(
            f"Columns have the exposures {sorted(map(repr, chosen))}; give all counts "
            "of a table one."
        )
    counts = [j for j, exposure in enumerate(of_columns) if exposure is not None]
    return counts, next(iter(chosen), None)


def build_given(
    likelihood: Likelihood,
    X: Any,
    covariates: Sequence[int],
    exposure_column: int | None = None,
) -> LikelihoodModule:
    """Build the module of rows of which some columns are given.

    Parameters
    ----------
    likelihood : Likelihood
        Of all columns; that of a covariate says what networks see of it.
    X : ndarray or CSR matrix of shape (n_samples, n_columns)
        The training rows.
    covariates : sequence of int
        Positions of columns that are no part of ``p(x | z)``.
    exposure_column : int or None, default=None
        Position of the exposure, where it is a column.

    Returns
    -------
    LikelihoodModule
        That of `likelihood` itself where nothing is given.

    Raises
    ------
    ValueError
        If no column is left to model, or a column of exposures is not positive.
    """
    n_columns = X.shape[1]
    counts, exposure = exposure_columns(likelihood, n_columns)
    if not len(covariates) and exposure is None:
        return likelihood.build(X)
    aside = {*covariates} | ({exposure_column} - {None})
    modelled = [j for j in range(n_columns) if j not in aside]
    if not modelled:
        raise ValueError("covariates name all columns of X; leave some to be modelled.")

    def build(columns: Sequence[int]) -> LikelihoodModule:
        own: Any = likelihood
        if isinstance(likelihood, Columns):
            items = list(likelihood.by_column.items())
            own = Columns(dict(items[j] for j in columns))
        return own.build(columns_of(X, list(columns)))

    module = LikelihoodGiven(
        build(modelled),
        build(covariates) if len(covariates) else None,
        modelled=modelled,
        covariates=list(covariates),
        counts=[j for j in counts if j not in aside] if exposure is not None else [],
        exposure_column=exposure_column,
    )
    module.learn_typical(X)
    return module


class LikelihoodGiven(LikelihoodModule):
    """``p(x | z, c)`` of the columns that are modelled, given covariates ``c``.

    Covariates change the decoder's output ``h(z)`` to ``h exp(s(c)) + b(c)``, with
    linear maps ``s`` and ``b`` that start at zero, so that latents need not encode
    them; and the encoder sees the residuals of a linear regression on the covariates,
    so that latents do not (docs/decisions/038-covariates.md).

    Rates of counts are those of one unit of exposure times the exposure of a row, and
    networks see counts per unit. One unit is the exposure of the median row.

    Parameters
    ----------
    modelled_part : LikelihoodModule
        Of the columns that are modelled.
    covariates_part : LikelihoodModule or None
        Of the covariates, of which only what networks see is used.
    modelled, covariates : list of int
        Their positions.
    counts : list of int
        Positions of columns with an exposure.
    exposure_column : int or None
        Where the exposure stands; None takes the sum of the counts.
    """

    unit: Tensor
    explained: Any  # Linear, or None without covariates
    effect: Any  # likewise

    def __init__(
        self,
        modelled_part: LikelihoodModule,
        covariates_part: LikelihoodModule | None,
        *,
        modelled: list[int],
        covariates: list[int],
        counts: list[int],
        exposure_column: int | None,
    ):
        aside = {*covariates} | ({exposure_column} - {None})
        super().__init__(len(modelled) + len(aside))
        self.aside = aside
        self.modelled_part, self.covariates_part = modelled_part, covariates_part
        self.modelled, self.covariates = modelled, covariates
        self.counts, self.exposure_column = counts, exposure_column
        self.counts_of_part = [modelled.index(j) for j in counts]
        self.name, self.support = modelled_part.name, modelled_part.support
        self.remedy = modelled_part.remedy
        self.n_outputs = modelled_part.n_outputs
        self.n_inputs = modelled_part.n_inputs
        self.feature_columns = torch.tensor(modelled)[modelled_part.feature_columns]
        self.effect = self.explained = None
        if covariates_part is not None:
            n_given = covariates_part.n_inputs
            self.explained = nn.Linear(n_given, self.n_inputs).requires_grad_(False)
            self.effect = nn.Linear(n_given, 2 * self.n_outputs)
            nn.init.zeros_(self.effect.weight)
            nn.init.zeros_(self.effect.bias)
        self.register_buffer("unit", torch.ones(()))
        # Learned here, so that `state_dict` has to hold it.
        self.register_buffer("placeholder", self.placeholder)
        self._rows: Tensor | None = None

    @torch.no_grad()
    def learn_typical(self, X: Any) -> None:
        """Learn the unit of exposure, and what covariates are where they are not set.

        Raises
        ------
        ValueError
            If an exposure is not positive.
        """
        self.placeholder[self.modelled] = self.modelled_part.placeholder
        for j in self.aside:
            column = _dense(X[:, [j]])
            # A value that occurs, also among codes.
            if not np.isnan(column).all():
                middle = np.nanpercentile(column, 50, method="lower")
                self.placeholder[j] = float(middle)
            if j == self.exposure_column and not np.nanmin(column) > 0:
                raise ValueError(
                    f"The exposure, column {j}, has the value {np.nanmin(column):g}; "
                    "every row needs a positive one."
                )
        if self.counts:
            means = torch.as_tensor(
                column_statistics(columns_of(X, self.counts))[0]
            ).float()
            # With these for missing counts a row has about the sum that it had.
            self.placeholder[self.counts] = means
            exposure = np.concatenate([self._exposures(X[rows]) for rows in blocks(X)])
            self.unit.fill_(float(np.percentile(exposure, 50, method="lower")))
            if self.exposure_column is None and means.sum() > 0:
                # A row of nothing else has one unit.
                self.placeholder[self.counts] = means * (self.unit / means.sum())
        if self.covariates_part is not None:
            x = self._observed(_dense(X[:: 1 + X.shape[0] // MOST_ROWS]))
            given = self.covariates_part.features(x[:, self.covariates]).numpy()
            features = self.modelled_part.features(self._per_unit(x)[:, self.modelled])
            weight, bias = _effects(given, features.numpy())
            self.explained.weight[:] = torch.as_tensor(weight)
            self.explained.bias[:] = torch.as_tensor(bias)

    def _exposures(self, X: Any) -> np.ndarray:
        """Return the exposures (n, 1) of some rows, in units."""
        return self.exposure(self._observed(_dense(X))).cpu().numpy()

    def _observed(self, x: Any) -> Tensor:
        """Return rows with possible values in place of what is missing."""
        x = torch.as_tensor(x).to(self.placeholder)
        return torch.where(x.isnan(), self.placeholder, x)

    def exposure(self, x: Tensor) -> Tensor:
        """Return the exposures (n, 1) of rows, in units."""
        if self.exposure_column is not None:
            exposure = x[:, [self.exposure_column]]
        else:
            # A row without a single count is as good as one with a count.
            exposure = x[:, self.counts].sum(1, keepdim=True).clamp_min(1)
        return exposure / self.unit

    def features(self, x: Tensor) -> Tensor:
        features = self.modelled_part.features(self._per_unit(x)[:, self.modelled])
        if self.covariates_part is None:
            return features
        given = self.covariates_part.features(x[:, self.covariates])
        return features - self.explained(given)

    def comparable(self, X: Any) -> Any:
        """Return the modelled columns on one scale, less what covariates say of them.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, n_columns)

        Returns
        -------
        rows : ndarray or CSR matrix of shape (n_samples, L)
            Residuals of a linear regression where there are covariates.
        """
        modelled = X[:, self.modelled]
        if self.counts:
            exposure = np.concatenate([self._exposures(X[rows]) for rows in blocks(X)])
            if issparse(modelled):
                is_count = np.isin(modelled.indices, self.counts_of_part)
                of_entries = np.repeat(exposure[:, 0], np.diff(modelled.indptr))
                modelled.data /= np.where(is_count, of_entries, 1)
            else:
                modelled = modelled.astype(np.float32)
                modelled[:, self.counts_of_part] /= exposure
        rows = self.modelled_part.comparable(modelled)
        if self.covariates_part is None:
            return rows
        covariates = torch.as_tensor(_dense(X[:, self.covariates])).float()
        given = self.covariates_part.features(covariates).numpy()
        rows = _dense(rows)
        some = slice(None, None, 1 + len(rows) // MOST_ROWS)
        weight, bias = _effects(given[some], rows[some])
        return rows - (given @ weight.T + bias).astype(rows.dtype)

    def moved(self, x: Tensor, step: Tensor) -> Tensor:
        per_unit = self._per_unit(x)[:, self.modelled]
        moved = x.clone()
        moved[:, self.modelled] = self.modelled_part.moved(per_unit, step)
        if self.counts:
            moved[:, self.counts] = moved[:, self.counts] * self.exposure(x)
        return moved

    def forward(self, h: Tensor) -> distributions.Distribution:
        return _OfGiven(h, self)

    @contextmanager
    def given(self, x: Tensor) -> Iterator[None]:
        """Take covariates and exposures from rows where none come with what is decoded.

        Parameters
        ----------
        x : Tensor of shape (n, D)
            Of each row that is decoded; nothing but what is given is used.

        Yields
        ------
        None
        """
        self._rows = x
        try:
            yield
        finally:
            self._rows = None

    def expectation(self, distribution: distributions.Distribution) -> Tensor:
        return self._with_given(distribution, self.modelled_part.expectation)

    def weighted_expectation(
        self, distribution: distributions.Distribution, weight: Tensor
    ) -> Tensor:
        def expected(of_modelled: distributions.Distribution) -> Tensor:
            return self.modelled_part.weighted_expectation(of_modelled, weight)

        return self._with_given(distribution, expected, every=weight.shape[1])

    def example(self) -> Tensor:
        row = self.placeholder.clone()
        row[self.modelled] = self.modelled_part.example()
        if self.covariates_part is not None:
            row[self.covariates] = self.covariates_part.example()
        return row

    def in_support(self, values: np.ndarray) -> np.ndarray:
        inside: np.ndarray = np.ones(values.shape, dtype=bool)
        inside[:, self.modelled] = self.modelled_part.in_support(
            values[:, self.modelled]
        )
        return inside

    def check_support(self, X: Any) -> None:
        self.modelled_part.check_support(columns_of(X, self.modelled))

    def _per_unit(self, x: Tensor) -> Tensor:
        """Return rows with counts per unit of exposure."""
        if not self.counts:
            return x
        per_unit = x.clone()
        per_unit[:, self.counts] = x[:, self.counts] / self.exposure(x)
        return per_unit

    def of_modelled(self, h: Tensor, x: Tensor) -> distributions.Distribution:
        """Return the distribution of the modelled columns given the others."""
        if self.covariates_part is not None:
            given = self.covariates_part.features(x[:, self.covariates])
            log_scale, shift = self.effect(given).chunk(2, dim=1)
            h = h * log_scale.exp() + shift
        if not self.counts:
            return self.modelled_part(h)
        return self.modelled_part(h, exposure=self.exposure(x))

    def rows_given(self, n: int) -> Tensor:
        """Return rows (n, D) that have what is given, and else anything."""
        if self._rows is None:
            return self.placeholder.expand(n, -1)
        observed = self._observed(self._rows)
        return observed.repeat_interleave(n // len(observed), dim=0)

    def _with_given(
        self, distribution: Any, expected: Callable[..., Tensor], every: int = 1
    ) -> Tensor:
        rows = self.rows_given(len(distribution.h))
        x = rows[::every].clone()
        x[:, self.modelled] = expected(self.of_modelled(distribution.h, rows))
        return x


class _OfGiven(distributions.Distribution):
    """Rows of which what is given comes with the values, or else from the module."""

    arg_constraints: dict = {}

    def __init__(self, h: Tensor, module: LikelihoodGiven):
        shape = torch.Size([module.n_columns])
        super().__init__(torch.Size([len(h)]), shape, validate_args=False)
        self.h, self.module = h, module

    def column_log_prob(self, value: Tensor) -> Tensor:
        modelled = self.module.modelled
        rows = self.module.of_modelled(self.h, value)
        of_columns = torch.zeros_like(value)
        of_columns[:, modelled] = column_log_prob(rows, value[:, modelled])
        return of_columns

    def log_prob(self, value: Tensor) -> Tensor:
        return self.column_log_prob(value).sum(-1)

    def sample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        x = self.module.rows_given(len(self.h)).clone()
        drawn = self.module.of_modelled(self.h, x).sample(sample_shape)
        x = x.expand(*sample_shape, *x.shape).clone()
        x[..., self.module.modelled] = drawn
        return x


def _effects(given: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how rows depend on covariates among rows that are alike.

    A linear regression on the covariates and on clusters of the residuals, in turn: on
    the covariates alone it would take for their effect that some kinds of rows happen
    to be more frequent with them.

    Parameters
    ----------
    given : ndarray of shape (n, C)
    rows : ndarray of shape (n, L)

    Returns
    -------
    weight : ndarray of shape (L, C)
    bias : ndarray of shape (L,)
        Such that residuals have a mean of zero.
    """
    n_given = given.shape[1]
    weight = LinearRegression().fit(given, rows).coef_
    n_clusters = min(N_CLUSTERS, len(rows) // ROWS_OF_A_CLUSTER)
    if n_clusters > 1:
        for _ in range(N_ROUNDS):
            clusters = KMeans(n_clusters, n_init=1, random_state=0)
            code = clusters.fit_predict(rows - given @ weight.T)
            both = np.hstack([given, np.eye(n_clusters)[code]])
            weight = LinearRegression().fit(both, rows).coef_[:, :n_given]
    return weight, (rows - given @ weight.T).mean(axis=0)


def _dense(X: Any) -> np.ndarray:
    return X.toarray() if issparse(X) else np.asarray(X)
