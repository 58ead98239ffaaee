import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skfmvae.columns.dates import coarsest_unit, days_since, from_days


@pytest.mark.parametrize(
    ("seconds", "unit"),
    [([86400, 172800], "D"), ([7200], "h"), ([60, 3600], "m"), ([61], "s"), ([], "D")],
)
def test_unit_is_the_coarsest(seconds, unit):
    durations = np.array([*seconds, "NaT"], dtype="timedelta64[s]")
    assert coarsest_unit(durations, None) == unit
    assert coarsest_unit(durations.astype("timedelta64[ns]"), None) == unit
    dates = np.datetime64("1999-01-01T01:01:01") + durations
    assert coarsest_unit(dates, "1999-01-01T01:01:01") == unit


def test_days_are_counted_from_the_origin():
    times = np.array(["2024-03-01T12", "2024-02-28", "NaT"], dtype="datetime64[us]")
    assert_array_equal(days_since(times, "2024-02-28"), [2.5, 0, np.nan])


@pytest.mark.parametrize("unit", ["D", "h", "m", "s", "ms", "us"])
def test_microseconds_of_half_a_century_come_back(unit):
    rng = np.random.default_rng(0)
    most = int(np.timedelta64(18250, "D") / np.timedelta64(1, unit))
    origin = "1980-06-01T12:30:00.000001"
    durations = rng.integers(0, most, 1000).astype(f"timedelta64[{unit}]")
    times = np.datetime64(origin) + durations
    # A float of half a century of days is right to a sixth of a microsecond.
    nearly = (
        0 if unit == "us" else 0.3 * (np.timedelta64(1, unit) / np.timedelta64(1, "D"))
    )
    days = days_since(times, origin) + rng.uniform(-nearly, nearly, 1000)
    back = from_days(days, unit, origin, is_nanoseconds=False)
    assert_array_equal(back, times)
    back = from_days(days_since(durations, None), unit, None, is_nanoseconds=False)
    assert_array_equal(back, durations)


def test_nanoseconds_of_all_centuries_come_back():
    dates = ["1677-09-23T04:30", "1970-01-01", "2262-04-09T00:01"]
    for origin in dates:
        origin = str(np.datetime64(origin, "ns"))
        times = np.array(dates, dtype="datetime64[ns]")
        assert coarsest_unit(times, origin) == "m"
        days = days_since(times, origin)
        back = from_days(days, "m", origin, is_nanoseconds=True)
        assert_array_equal(back, times)
        assert back.dtype == times.dtype


@pytest.mark.parametrize("is_nanoseconds", [True, False])
@pytest.mark.parametrize("origin", ["2024-02-28T00:00:00", None])
def test_what_no_calendar_holds_is_clipped(origin, is_nanoseconds):
    low, high, missing = from_days(
        np.array([-1e300, np.inf, np.nan]), "h", origin, is_nanoseconds=is_nanoseconds
    )
    assert low < high
    assert np.isnat(missing)
    for end in (low, high):
        kind = end.dtype.str[1:3]
        finest = "ns" if is_nanoseconds else "us"
        assert end.astype(f"{kind}[{finest}]").astype(end.dtype) == end
    if origin is not None and not is_nanoseconds:
        assert low.item().year == 1
        assert high.item().year == 9999
