"""The space in which adversarial steps are taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

from .components import PrincipalSpace, principal_space

__all__ = ["StepSpace", "measure_step_space", "step_space_in", "typical_distance"]

# Distance up to which rows are equal but for rounding errors, as a share of the spread
# of all rows: float32 has 24 bits.
EQUAL = 1e-5
N_MEASURED = 10_000  # rows whose distances are measured, for the time that it takes


@dataclass(frozen=True, eq=False)
class StepSpace:
    """The unit of length and the axes of adversarial steps.

    Attributes
    ----------
    unit : float
        The `typical_distance` of the rows.
    axes : ndarray of shape (L, D) or None
        What a step of length one along each whitened principal component adds to a row;
        None where steps are taken along the columns.
    n_columns : int
        Number of columns ``D`` of the rows.
    """

    unit: float
    axes: np.ndarray | None
    n_columns: int


def measure_step_space(comparable, whitening: float) -> StepSpace:
    """Return the space in which steps are as long as rows are far apart.

    Parameters
    ----------
    comparable : ndarray or CSR matrix of shape (n, D)
        The rows, with columns on one scale.
    whitening : float
        Power by which principal components are whitened; see `choose_whitening`.

    Returns
    -------
    step_space : StepSpace
    """
    return step_space_in(principal_space(comparable), whitening)


def step_space_in(space: PrincipalSpace, whitening: float, nearest=None) -> StepSpace:
    """Return the space of steps where the principal components are known.

    Parameters
    ----------
    space : PrincipalSpace
        Of the rows.
    whitening : float
    nearest : ndarray of shape (n,) or None, default=None
        Distances of the whitened rows to their nearest neighbours, where known.

    Returns
    -------
    step_space : StepSpace
    """
    rows = space.whitened(whitening)
    unit = typical_distance(rows, nearest)
    return StepSpace(unit, space.axes(whitening), space.n_columns)


def typical_distance(rows, nearest=None) -> float:
    """Return the median distance from a row to its nearest neighbour.

    Parameters
    ----------
    rows : ndarray of shape (n, L)
    nearest : ndarray of shape (n,) or None, default=None
        Distances to the nearest neighbours, where known; None measures those of at most
        10,000 rows.

    Returns
    -------
    distance : float
        Over the rows that have no duplicate; one where all have.
    """
    if nearest is None:
        search = NearestNeighbors(n_neighbors=2).fit(rows)
        some = rows[:: 1 + len(rows) // N_MEASURED]
        nearest = search.kneighbors(some)[0][:, 1]
    nearest = nearest[nearest > EQUAL * np.linalg.norm(rows.std(axis=0))]
    return float(np.median(nearest)) if len(nearest) else 1.0
