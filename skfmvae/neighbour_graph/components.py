"""Principal components of rows with many columns, partly whitened."""

from __future__ import annotations

import numpy as np
import scipy.sparse
from sklearn.decomposition import PCA

__all__ = [
    "has_many_columns",
    "principal_components",
    "whitened",
    "whitened_components",
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
    return whitened_components(X, 0.0)[0]


def whitened_components(X, power: float):
    """Return rows in which distances are taken, and the axes of that space.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, D)
    power : float in [0, 1]
        Power of the standard deviations by which principal components are divided.

    Returns
    -------
    rows : ndarray of shape (n, min(D, 50))
        Rows without many columns do not change.
    axes : ndarray of shape (50, D) or None
        What a step of length one along each whitened component adds to a row; zero for
        a component that does not vary. None where nothing is whitened.
    """
    if not has_many_columns(X):
        return X.toarray() if scipy.sparse.issparse(X) else X, None
    pca = PCA(N_COMPONENTS, random_state=0)
    rows = pca.fit_transform(X)
    if power == 0:
        return rows, None
    return whitened(rows, power), pca.components_ * _scale(rows)[:, None] ** power


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
