"""Columns of an array-like or a frame, with a clear error where there are none."""

from __future__ import annotations

from skfmvae.targets import columns_of

__all__ = ["named_columns"]


def named_columns(values, what):
    """Return names, or None, and columns of an array-like or a frame.

    Parameters
    ----------
    values : array-like or DataFrame
        A property per column.
    what : str
        What an error should call them.

    Returns
    -------
    names : list of str or None
        As in a frame.
    columns : list of ndarray
        As many values each as there are rows.

    Raises
    ------
    ValueError
        If there are no columns to be read.
    """
    try:
        names, columns, _ = columns_of(values)
    except ValueError as error:
        raise ValueError(f"{what} has no columns that can be read ({error})") from error
    return names, columns
