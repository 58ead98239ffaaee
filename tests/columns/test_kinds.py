import numpy as np
import pytest

from skfmvae.columns.kinds import (
    MOST_COUNTED,
    is_count,
    kind_of_amounts,
    kind_of_numbers,
)

RNG = np.random.default_rng(0)
AGES = np.rint(RNG.gamma(9, 4, 500) + 17)
AMOUNTS = RNG.lognormal(3, 1, 500)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1, 1, np.nan], "binary"),
        ([1, 2, 1, 2], "real"),
        ([], "real"),
        ([np.nan], "real"),
        ([7, 7, 7], "real"),
        (RNG.poisson(1.5, 300), "count"),
        (RNG.negative_binomial(1, 0.05, 300), "count"),
        (RNG.poisson(1.5, 300) / 2, "real"),
        (-RNG.poisson(1.5, 300), "real"),
        (AGES, "positive"),
        (-AGES, "real"),
        (np.append(RNG.integers(0, 24, 500), [0, 23]), "real"),  # hours of the day
        (np.append(RNG.binomial(10, 0.7, 500), [0, 10]), "real"),  # marks
        ([0] * 49 + [1] + [2] * 50, "real"),  # a scale with two ends
        (RNG.normal(size=500), "real"),
        (RNG.normal(100, 1, 5000) ** 0.2, "real"),
        (AMOUNTS, "positive"),
        (-AMOUNTS, "real"),
    ],
)
def test_kinds(values, kind):
    values = np.asarray(values, dtype=float)
    assert kind_of_numbers(values) == kind
    assert kind_of_numbers(np.append(values, [np.nan] * 3)) == kind


def test_numbers_of_any_size_have_a_kind():
    values = np.array([1.0, 2.0, 1.6e308, 1.7e308])
    assert kind_of_numbers(values) == "positive"
    assert kind_of_numbers(values / 1e308) == "positive"
    assert kind_of_numbers(-values) == "real"
    assert kind_of_numbers(np.array([1.0, 2.0, 3.0]) * 5e-324) == "real"
    one = np.nextafter(1.0, [0.0, 1.0, 2.0])
    assert kind_of_numbers(one) in {"real", "positive"}


def test_counts_of_float32_are_counts():
    values = RNG.negative_binomial(1, 0.01, 2000).astype(np.float32)
    assert kind_of_numbers(values) == "count"


def test_counts_end_where_float32_loses_their_likelihood():
    values = RNG.negative_binomial(0.3, 1e-5, 300).clip(max=MOST_COUNTED)
    values[0] = 0
    assert is_count(values.astype(float))
    assert not is_count(np.append(values, MOST_COUNTED + 1).astype(float))


def test_amounts_far_from_zero_for_their_spread_are_real():
    """Their logarithms are as straight, and float32 could not hold them unshifted."""
    skewed = np.random.default_rng(0).exponential(size=200)
    assert kind_of_amounts(1e3 + skewed) == "positive"
    assert kind_of_amounts(1e4 + skewed) == "real"


def test_amounts_that_float64_cannot_square_have_a_kind():
    amounts = np.exp(np.random.default_rng(0).normal(size=200))
    assert kind_of_amounts(amounts * 1e300) == kind_of_amounts(amounts) == "positive"


def test_positive_numbers_that_vanish_beside_the_largest_have_a_kind():
    values = np.array([5e-324, 1.0, 2.0, 1.7e308])
    assert kind_of_numbers(values) == "positive"
