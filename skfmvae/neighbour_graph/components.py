"""Principal components of rows with many columns, partly whitened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from sklearn.decomposition import PCA

__all__ = [
    "PrincipalSpace",
    "has_many_columns",
    "principal_components",
    "principal_space",
    "whitened",
]

# Above this number of columns distances are taken between as many principal components.
# That is faster, and a better graph on MNIST, the only data on which it was tried; see
# docs/decisions/002-whitening.md.
N_COMPONENTS = 50
# Standard deviation of a component that consists of rounding errors, as a share of the
# largest one: float32 has 24 bits.
ROUNDING = 1e-5


def has_many_columns(X) -> bool:
    """Return whether distances are taken between principal components.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, D)

    Returns
    -------
    has_many : bool
        Whether there are more than 50 columns, and more than 50 rows.
    """
    return min(X.shape) > N_COMPONENTS


def principal_components(X):
    """Return rows as an array, of 50 principal components if they have more columns.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, D)

    Returns
    -------
    rows : ndarray of shape (n, min(D, 50))
    """
    return principal_space(X).rows


@dataclass(frozen=True, eq=False)
class PrincipalSpace:
    """The space in which distances between rows are taken.

    `principal_space` makes one.

    Attributes
    ----------
    rows : ndarray of shape (n, min(D, 50))
        Principal components of the rows, or the rows where they have few columns.
    directions : ndarray of shape (50, D) or None
        What a step of length one along each component adds to a row; None for rows
        without many columns.
    """

    rows: np.ndarray
    directions: np.ndarray | None

    @property
    def n_columns(self) -> int:
        """Number of columns of the rows themselves."""
        of_columns = self.rows if self.directions is None else self.directions
        return of_columns.shape[1]

    def whitened(self, power: float):
        """Return the rows, their components divided by a power of their deviations."""
        return self.rows if power == 0 else whitened(self.rows, power)

    def axes(self, power: float):
        """Return what a step of length one along each whitened component adds to a row.

        Zero for a component that does not vary. None where nothing is whitened.
        """
        if power == 0 or self.directions is None:
            return None
        return self.directions * _scale(self.rows)[:, None] ** power


def principal_space(X) -> PrincipalSpace:
    """Return the space of the principal components of rows with many columns.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, D)

    Returns
    -------
    space : PrincipalSpace
    """
    if not has_many_columns(X):
        return PrincipalSpace(X.toarray() if scipy.sparse.issparse(X) else X, None)
    pca = PCA(N_COMPONENTS, random_state=0)
    return PrincipalSpace(pca.fit_transform(X), pca.components_)


def whitened(rows, power: float):
    """Divide principal components by a power of their standard deviations.

    Parameters
    ----------
    rows : ndarray of shape (n, L)
    power : float in [0, 1]
        0 changes nothing, 1 gives all components one scale.

    Returns
    -------
    rows : ndarray of shape (n, L)
        Constant components do not change.
    """
    scale = _scale(rows)
    return rows / np.where(scale > 0, scale, 1.0) ** power


def _scale(rows):
    """Return the standard deviations of components, zero for rounding errors."""
    scale = rows.std(axis=0)
    return np.where(scale > ROUNDING * scale.max(), scale, 0.0)
