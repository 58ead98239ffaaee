"""Dates and durations as numbers of days, and back."""

from __future__ import annotations

import numpy as np

__all__ = ["coarsest_unit", "days_since", "from_days"]

UNITS = ("D", "h", "m", "s", "ms", "us", "ns")
DAY = np.timedelta64(1, "D")


def coarsest_unit(durations: np.ndarray) -> str:
    """Return the coarsest unit that durations are whole numbers of.

    Parameters
    ----------
    durations : timedelta64 ndarray of shape (n_samples,)
        With NaT where an entry is missing.

    Returns
    -------
    unit : {"D", "h", "m", "s", "ms", "us", "ns"}
        As NumPy writes it.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.columns.dates import coarsest_unit
    >>> coarsest_unit(np.array([60, 7200], dtype="timedelta64[s]"))
    'm'
    """
    known = durations[~np.isnat(durations)]
    for unit in UNITS:
        if (known == known.astype(f"timedelta64[{unit}]")).all():
            return unit
    return "ns"


def days_since(times: np.ndarray, origin: str | None) -> np.ndarray:
    """Return dates or durations as numbers of days.

    Parameters
    ----------
    times : datetime64 or timedelta64 ndarray of shape (n_samples,)
        With NaT where an entry is missing.
    origin : str or None
        The date that dates are counted from; None for durations.

    Returns
    -------
    days : float64 ndarray of shape (n_samples,)
        With NaN where an entry is missing.
    """
    durations = times if origin is None else times - np.datetime64(origin)
    return durations / DAY


def from_days(days: np.ndarray, unit: str, origin: str | None) -> np.ndarray:
    """Return numbers of days as dates or durations.

    Parameters
    ----------
    days : float ndarray of shape (n_samples,)
        With NaN where an entry is missing.
    unit : {"D", "h", "m", "s", "ms", "us", "ns"}
        What the dates or durations are whole numbers of.
    origin : str or None
        The date that dates are counted from; None for durations.

    Returns
    -------
    times : datetime64 or timedelta64 ndarray of shape (n_samples,)
        To the nearest unit, with NaT where a number is missing.
    """
    per_day = DAY / np.timedelta64(1, unit)
    missing = np.isnan(days)
    counts = np.rint(np.where(missing, 0, days) * per_day)
    durations = counts.astype(np.int64).astype(f"timedelta64[{unit}]")
    durations[missing] = np.timedelta64("NaT")
    return durations if origin is None else np.datetime64(origin) + durations
