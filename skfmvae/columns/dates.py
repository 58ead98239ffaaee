"""Dates and durations as numbers of days, and back."""

from __future__ import annotations

import numpy as np

__all__ = ["coarsest_unit", "days_since", "from_days"]

UNITS = ("D", "h", "m", "s", "ms", "us", "ns")
DAY = np.timedelta64(1, "D")
# What 64 bits of nanoseconds hold, of microseconds, and the calendar of Python; a day
# less where a time of the day may be added.
DATES_OF_NANOSECONDS = np.array(["1677-09-23", "2262-04-10"], dtype="datetime64[D]")
DATES = np.array(["0001-01-02", "9999-12-30"], dtype="datetime64[D]")
MOST_DAYS_OF_NANOSECONDS = 106_751
MOST_DAYS = 106_751_991


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


def from_days(
    days: np.ndarray, unit: str, origin: str | None, *, is_nanoseconds: bool
) -> np.ndarray:
    """Return numbers of days as dates or durations.

    Parameters
    ----------
    days : float ndarray of shape (n_samples,)
        With NaN where an entry is missing.
    unit : {"D", "h", "m", "s", "ms", "us", "ns"}
        What the dates or durations are whole numbers of.
    origin : str or None
        The date that dates are counted from; None for durations.
    is_nanoseconds : bool
        Whether the dtype counts nanoseconds, of which 64 bits hold 292 years.

    Returns
    -------
    times : datetime64 or timedelta64 ndarray of shape (n_samples,)
        To the nearest unit, with NaT where a number is missing. What the dtype or the
        calendar cannot hold is clipped.
    """
    if origin is None:
        most = MOST_DAYS_OF_NANOSECONDS if is_nanoseconds else MOST_DAYS
        least = -most
    else:
        ends = DATES_OF_NANOSECONDS if is_nanoseconds else DATES
        least, most = (ends - np.datetime64(origin, "D")) / DAY
    missing = np.isnan(days)
    days = np.clip(np.where(missing, 0, days), least, most)
    counts = np.rint(days * (DAY / np.array(1, f"timedelta64[{unit}]")))
    durations = counts.astype(np.int64).astype(f"timedelta64[{unit}]")
    durations[missing] = np.timedelta64("NaT")
    if origin is not None:
        return np.datetime64(origin) + durations
    # The coarsest unit that pandas, polars and PyArrow all read.
    return durations if unit in UNITS[-3:] else durations.astype("timedelta64[ms]")
