"""Statistics of columns and checks of values, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.preprocessing import StandardScaler

from skfmvae._utils.large import blocks
from skfmvae._utils.missing import has_missing

__all__ = [
    "OutsideSupport",
    "check_values",
    "column_statistics",
    "first_outside",
    "largest_of_columns",
]


def column_statistics(
    X: Any, transform: Callable[[Any], Any] = lambda block: block
) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns' means and standard deviations, 1 where constant.

    Missing entries do not count; a column of nothing else has mean 0 and deviation 1.
    """
    if not has_missing(X):
        scaler = StandardScaler(with_mean=not issparse(X))
        for rows in blocks(X):
            scaler.partial_fit(transform(X[rows]))
        return scaler.mean_, scaler.scale_
    # A scaler forgets a column of which a block of rows holds nothing, so that each
    # block has its own (Chan et al. 1983 join their moments).
    n, mean, variance = np.zeros((3, X.shape[1]))
    for rows in blocks(X):
        scaler = StandardScaler(with_mean=not issparse(X))
        with np.errstate(invalid="ignore"):  # of columns of nothing
            scaler.fit(transform(X[rows]))
        n_added = np.broadcast_to(scaler.n_samples_seen_, n.shape)
        n = n + n_added
        share = n_added / np.maximum(n, 1)
        step = np.nan_to_num(scaler.mean_) - mean
        variance = (1 - share) * variance + share * (
            np.nan_to_num(scaler.var_) + (1 - share) * step**2
        )
        mean = mean + share * step
    rounding = np.finfo(np.float64).eps
    is_constant = variance <= n * rounding * variance + (n * mean * rounding) ** 2
    return mean, np.where(is_constant, 1.0, np.sqrt(variance))


def largest_of_columns(X: Any) -> np.ndarray:
    """Return the largest value of every column, or 0 where there is none above it."""
    largest: np.ndarray = np.zeros(X.shape[1])
    for rows in blocks(X):
        block = X[rows].toarray() if issparse(X) else X[rows]
        largest = np.fmax(largest, np.fmax.reduce(block, axis=0))
    return largest


class OutsideSupport(ValueError):
    """A value cannot occur under a likelihood.

    Parameters
    ----------
    name : str
        Of the likelihood.
    value : float
    row : int
    column : int
    support : str
        The values that can occur.
    remedy : str
    label : str, default=""
        What the column is called, where it has a name.
    """

    def __init__(
        self,
        name: str,
        value: float,
        row: int,
        column: int,
        support: str,
        remedy: str,
        label: str = "",
    ):
        super().__init__(name, value, row, column, support, remedy, label)

    def __str__(self) -> str:
        name, value, row, column, support, remedy, label = self.args
        label = f" ({label!r})" if label else ""
        return (
            f"{name} likelihood: the value {value} in row {row}, column {column}"
            f"{label} is not in {support}; {remedy}."
        )

    def among(self, columns: Sequence[int], labels: Sequence[Any]) -> OutsideSupport:
        """Return the error for a matrix, of which some columns were checked.

        Parameters
        ----------
        columns : sequence of int
            Those that were checked.
        labels : sequence of str or int
            Names of all columns, or numbers of those without one.
        """
        name, value, row, column, support, remedy, _ = self.args
        column = columns[column]
        label = labels[column] if isinstance(labels[column], str) else ""
        return OutsideSupport(name, value, row, column, support, remedy, label)


def check_values(
    X: Any,
    in_support: Callable[[np.ndarray], np.ndarray],
    name: str,
    support: str,
    remedy: str,
) -> None:
    """Raise the error that names the first value outside the support."""
    outside = first_outside(X, in_support)
    if outside is not None:
        raise OutsideSupport(name, X[outside], *outside, support, remedy)


def first_outside(
    X: Any, in_support: Callable[[np.ndarray], np.ndarray]
) -> tuple[int, int] | None:
    """Return row and column of the first value outside the support, else None.

    What is missing is not outside.
    """
    values = X.data if issparse(X) else X  # zeros that are not stored can occur
    for block in blocks(values):
        inside = in_support(values[block]) | np.isnan(values[block])
        if inside.all():
            continue
        first, *column = np.argwhere(~inside)[0]
        position = block.start + int(first)
        if not issparse(X):
            return position, int(column[0])
        row = np.searchsorted(X.indptr, position, side="right") - 1
        return int(row), int(X.indices[position])
    return None
