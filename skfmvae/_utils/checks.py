"""Checks of arguments that several parts of the package make."""

from numbers import Integral

import numpy as np

__all__ = ["FARTHEST", "check_whole", "masked_as_nan"]

# Standard deviations beyond which models see no further: in no data of fewer than 1e12
# rows is a value as far from the mean (Samuelson 1968), and squares stay finite.
FARTHEST = 1e6


def check_whole(name, value, low, high=np.inf):
    """Check that an argument is a whole number in a range.

    Parameters
    ----------
    name : str
        Of the argument.
    value : object
        What it is.
    low : int
        The least that it may be.
    high : int, default=inf
        The most.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not isinstance(value, Integral) or not low <= int(value) <= high:
        span = f"of at least {low}" if high == np.inf else f"from {low} to {high}"
        raise ValueError(f"{name}={value!r} should be a whole number {span}.")


def masked_as_nan(values):
    """Return an array in which masked entries are NaN, for NumPy would drop the mask.

    Parameters
    ----------
    values : object
        An array, a list of rows that are arrays, or anything else.

    Returns
    -------
    values : object
        Of floats or objects where entries are masked; what is no masked array comes
        back itself.
    """
    if isinstance(values, list | tuple) and any(
        isinstance(row, np.ma.MaskedArray) for row in values
    ):
        values = np.ma.array(values)
    if not isinstance(values, np.ma.MaskedArray):
        return values
    if not np.ma.is_masked(values):
        return values.data
    dtype = np.float64 if values.dtype.kind in "biuf" else object
    return np.ma.filled(values.astype(dtype), np.nan)
