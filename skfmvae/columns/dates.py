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


def coarsest_unit(times: np.ndarray, origin: str | None) -> str:
    """Return the coarsest unit that dates or durations are whole numbers of.

    Parameters
    ----------
    times : datetime64 or timedelta64 ndarray of shape (n_samples,)
        With NaT where an entry is missing.
    origin : str or None
        The date that dates are counted from; None for durations.

    Returns
    -------
    unit : {"D", "h", "m", "s", "ms", "us", "ns"}
        As NumPy writes it.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.columns.dates import coarsest_unit
    >>> coarsest_unit(np.array([60, 7200], dtype="timedelta64[s]"), None)
    'm'
    """
    known = times[~np.isnat(times)]
    durations = known if origin is None else _days_and_rest(known, origin)[1]
    for unit in UNITS:
        if (durations == durations.astype(f"timedelta64[{unit}]")).all():
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
    if origin is None:
        return times / DAY
    days, rest = _days_and_rest(times, origin)
    return days / DAY + rest / DAY


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
    a_day = int(DAY / np.array(1, f"timedelta64[{unit}]"))
    counts = np.rint(days * a_day).astype(np.int64)
    if origin is None:
        times = counts.astype(f"timedelta64[{unit}]")
        if unit not in UNITS[-3:]:  # the coarsest that pandas, polars and PyArrow read
            times = times.astype("timedelta64[ms]")
    else:
        whole, rest = np.divmod(counts, a_day)
        first, start = np.datetime64(origin, "D"), np.datetime64(origin)
        times = first + whole.astype("timedelta64[D]")
        times = times + (start - first) + rest.astype(f"timedelta64[{unit}]")
    times[missing] = np.array("NaT", dtype=times.dtype)
    return times


def _days_and_rest(times, origin):
    """Return the days between dates, and between their times of the day.

    In two parts, since 64 bits do not hold all differences of dates in nanoseconds.
    """
    days, start = times.astype("datetime64[D]"), np.datetime64(origin)
    first = np.datetime64(origin, "D")
    return days - first, (times - days) - (start - first)
