"""Columns of an array-like or a frame, for metrics."""

from __future__ import annotations

from skfmvae.targets import columns_of

__all__ = ["named_columns"]


def named_columns(values, what):
    """Return the columns of an array-like or a frame, and their names.

    Parameters
    ----------
    values : array-like or DataFrame
        A property per column.
    what : str
        Name of the argument, for errors.

    Returns
    -------
    names : list of str or None
        None where the container has no names.
    columns : list of ndarray
        The columns.

    Raises
    ------
    ValueError
        If the container is no array-like of one or two dimensions.
    """
    try:
        names, columns, _ = columns_of(values)
    except ValueError as error:
        raise ValueError(f"{what} has no columns that can be read ({error})") from error
    return names, columns
