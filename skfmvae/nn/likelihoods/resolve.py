"""Names of likelihoods, and the settings that they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skfmvae._utils.large import blocks, columns_of
from skfmvae.columns import Column

from .base import Likelihood
from .bernoulli import Bernoulli, BernoulliModule
from .blocks import first_outside
from .categorical import Categorical
from .censored_gaussian import CensoredGaussian
from .columns import Columns
from .continuous_bernoulli import ContinuousBernoulli
from .counts import NegativeBinomial, Poisson
from .gaussian import Gaussian
from .log_normal import LogNormal
from .nonparanormal import Nonparanormal
from .ordinal import Ordinal

__all__ = ["LIKELIHOODS", "resolve_likelihood"]

LIKELIHOODS: dict[str, type[Likelihood]] = {
    "bernoulli": Bernoulli,
    "continuous_bernoulli": ContinuousBernoulli,
    "censored_gaussian": CensoredGaussian,
    "gaussian": Gaussian,
    "log_normal": LogNormal,
    "nonparanormal": Nonparanormal,
    "categorical": Categorical,
    "ordinal": Ordinal,
    "poisson": Poisson,
    "negative_binomial": NegativeBinomial,
}
# Shares of values in [0, 1] that are 0 or 1 from which an array is one of coins, or one
# of intensities that are cut off at both ends: docs/decisions/038-grey-values.md.
BLACK_OR_WHITE, CUT_OFF = 2 / 3, 0.1

OF_KIND: dict[str, type[Likelihood]] = {
    "real": Gaussian,
    "positive": LogNormal,
    "count": NegativeBinomial,
    "binary": Bernoulli,
    "categorical": Categorical,
    "ordinal": Ordinal,
}


def resolve_likelihood(
    spec: Any, X: Any, columns: Sequence[Column] | None = None
) -> Likelihood:
    """Return the settings of a likelihood that is given by name or by settings.

    Parameters
    ----------
    spec : str, Likelihood, or dict of str or int to str or Likelihood
        Settings, or a name for the default settings: a key of `LIKELIHOODS`, or "auto".
        With `columns` that hold more than numbers, "auto" is the likelihood of each
        column's kind; for numbers alone it is Gaussian, but for values in [0, 1] of
        which many are 0 or 1: Bernoulli from two thirds on, and a censored Gaussian
        from a tenth. All of these are for all columns, but columns of categories keep
        the likelihood of their kind. A dict has a name or settings for some
        columns, by name or number; those that it does not mention are "auto".
    X : ndarray or CSR matrix of shape (n_samples, n_columns)
        The training rows; NaN marks what is missing.
    columns : sequence of Column or None, default=None
        What is known of the columns.

    Returns
    -------
    Likelihood
        A `Columns` where columns differ.

    Raises
    ------
    ValueError
        If `spec` is none of these, or names a column that does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import resolve_likelihood
    >>> X = np.array([[0.0, 2.5], [1.0, 0.2]])
    >>> resolve_likelihood("auto", X[:, :1])
    Bernoulli()
    >>> resolve_likelihood({1: "gaussian"}, X)
    Columns(by_column={0: Bernoulli(), 1: Gaussian()})
    """
    if isinstance(spec, Mapping):
        return _by_column(spec, X, columns)
    settings = _settings("likelihood", spec, ", or a dict of these by column")
    if columns is None or _are_numbers(columns):
        if settings is not None:
            return settings
        return _of_numbers(X)
    chosen = {
        column.name: _of_column(column)
        if settings is None or column.categories is not None
        else settings
        for column in columns
    }
    kinds = {repr(likelihood) for likelihood in chosen.values()}
    return next(iter(chosen.values())) if len(kinds) == 1 else Columns(chosen)


def _settings(name: str, spec: Any, others: str = "") -> Likelihood | None:
    """Return what a word or settings stand for, None for "auto"."""
    if hasattr(spec, "build") and not isinstance(spec, type):
        return spec
    if isinstance(spec, str) and spec in LIKELIHOODS:
        return LIKELIHOODS[spec]()
    if isinstance(spec, str) and spec == "auto":
        return None
    raise ValueError(
        f"{name}={spec!r} is not allowed; choose one of {['auto', *LIKELIHOODS]}, or "
        f"an object such as Gaussian(){others}."
    )


def _of_numbers(X: Any) -> Likelihood:
    if first_outside(X, BernoulliModule(X.shape[1]).in_support):
        return Gaussian()
    share = _share_at_limits(X)
    if share >= BLACK_OR_WHITE:
        return Bernoulli()
    return CensoredGaussian() if share >= CUT_OFF else Gaussian()


def _share_at_limits(X: Any) -> float:
    """Return the share of known values that are 0 or 1."""
    values = X.data if issparse(X) else X
    n_known, between = X.shape[0] * X.shape[1], 0
    for some in blocks(values):
        block = values[some]
        n_known -= int(np.isnan(block).sum())
        between += int(((block > 0) & (block < 1)).sum())
    return 1 - between / max(n_known, 1)


def _of_column(column: Column) -> Likelihood:
    """Return the likelihood of a column's kind."""
    of_kind = OF_KIND[column.kind]
    if of_kind in {Categorical, Ordinal} and column.categories is not None:
        return of_kind(n_categories=max(len(column.categories), 2))
    return of_kind()


def _by_column(
    spec: Mapping[Any, Any], X: Any, columns: Sequence[Column] | None
) -> Columns:
    n_columns = X.shape[1]
    names = range(n_columns) if columns is None else [c.name for c in columns]
    number = {j: j for j in range(n_columns)} | {
        name: j for j, name in enumerate(names)
    }
    unknown = [key for key in spec if key not in number]
    if unknown:
        raise ValueError(
            f"likelihood names the column {unknown[0]!r}, which X does not have; its "
            f"columns are {list(names)[:10]}{', ...' if n_columns > 10 else ''}."
        )
    given = {number[key]: value for key, value in spec.items()}
    chosen = {}
    for j, name in enumerate(names):
        of = given.get(j, "auto")
        settings = _settings(f"likelihood[{name!r}]", of)
        if settings is None and columns is not None and not _are_numbers(columns):
            chosen[name] = _of_column(columns[j])
        else:  # of categories, too, what the user asks for
            chosen[name] = resolve_likelihood(of, columns_of(X, [j]))
    return Columns(chosen)


def _are_numbers(columns: Sequence[Column]) -> bool:
    """Return whether a frame is no more than the array of its values."""
    return all(c.holds == "numbers" and c.categories is None for c in columns)
