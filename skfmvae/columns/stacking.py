"""Some rows of a table, and the rows of two tables as one, whatever holds them."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import scipy.sparse

from skfmvae._utils.missing import masked_as_nan

__all__ = ["chosen_rows", "stacked_rows"]


def chosen_rows(X: Any, index: np.ndarray) -> Any:
    """Return a copy of some rows.

    Parameters
    ----------
    X : frame, array-like or sparse matrix of shape (n_samples, n_features)
        A frame of pandas, polars, PyArrow or another library that narwhals knows.
    index : int64 ndarray of shape (n_chosen,)
        Positions of the rows.

    Returns
    -------
    rows : frame, ndarray or CSR matrix of shape (n_chosen, n_features)
        Of the same kind; an array for lists.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.columns import chosen_rows
    >>> chosen_rows([[1, 2], [3, 4], [5, 6]], np.array([2, 0])).tolist()
    [[5, 6], [1, 2]]
    """
    if scipy.sparse.issparse(X):
        return X.tocsr()[index]
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        return frame[index.tolist()].to_native()
    return _as_array(X)[index]


def stacked_rows(first: Any, second: Any) -> Any:
    """Return the rows of two tables of the same columns, one after the other.

    Parameters
    ----------
    first, second : frame, ndarray or sparse matrix of shape (n_samples, n_features)
        Of one kind, with the same columns.

    Returns
    -------
    rows : frame, ndarray or CSR matrix of shape (n_samples, n_features)
        Of the same kind.

    Raises
    ------
    TypeError
        If one is a frame or a sparse matrix and the other is not.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.columns import stacked_rows
    >>> stacked_rows(np.ones((2, 3)), np.zeros((1, 3))).shape
    (3, 3)
    """
    frames = [
        nw.from_native(X, eager_only=True, pass_through=True) for X in (first, second)
    ]
    kinds = [_kind(frame) for frame in frames]
    if kinds[0] != kinds[1]:
        raise TypeError(
            f"X comes as {kinds[1]}, but came as {kinds[0]} before; give all parts of "
            "X in one form."
        )
    if kinds[0] == "a sparse matrix":
        return scipy.sparse.vstack([first, second], format="csr")
    if kinds[0] == "an array":
        return np.concatenate([_as_array(first), _as_array(second)])
    columns = frames[0].columns
    try:
        return nw.concat([frames[0], frames[1].select(columns)]).to_native()
    except Exception as error:
        raise TypeError(
            f"The columns of X are not those of before ({error}); give every part the "
            "same dtypes."
        ) from error


def _kind(X):
    if scipy.sparse.issparse(X):
        return "a sparse matrix"
    if isinstance(X, nw.DataFrame):
        return f"a frame of {X.implementation.value}"
    return "an array"


def _as_array(X):
    """Return rows as an array, of objects where lists hold more than numbers."""
    X = masked_as_nan(X)
    if isinstance(X, np.ndarray):
        return X
    array = np.asarray(X)
    return array if array.dtype.kind in "biuf" else np.array(X, dtype=object)
