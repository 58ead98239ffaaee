"""The kind of a column of numbers, by its values."""

from __future__ import annotations

import numpy as np
from scipy.stats import nbinom, norm, poisson

__all__ = ["is_count", "kind_of_amounts", "kind_of_numbers"]

# Differences of log-gamma functions, which likelihoods of counts are made of, are right
# to a twentieth of a nat up to here in float32.
MOST_COUNTED = 100_000
# Standard deviations between zero and the mean, past which logarithms are as straight
# as the values are, and float32 needs the values shifted, which logarithms cannot be.
FAR = 1000.0


def kind_of_numbers(values: np.ndarray) -> str:
    """Return what kind of numbers a column holds.

    Parameters
    ----------
    values : float ndarray of shape (n_samples,)
        Finite, or NaN where an entry is missing.

    Returns
    -------
    kind : {"real", "positive", "count", "binary"}
        "binary" for zeros and ones; "count" by `is_count`, else by `kind_of_amounts`.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.columns.kinds import kind_of_numbers
    >>> kind_of_numbers(np.array([0.0, 1.0, np.nan, 0.0]))
    'binary'
    >>> kind_of_numbers(np.array([0.0, 1.0, 0.0, 2.0, 0.0, 5.0]))
    'count'
    """
    values = values[~np.isnan(values)].astype(np.float64)
    if np.array_equal(np.unique(values), [0, 1]):
        return "binary"
    return "count" if is_count(values) else kind_of_amounts(values)


def is_count(values: np.ndarray) -> bool:
    """Return whether numbers behave as counts do.

    They are whole, reach from zero to at most 100,000, and are more probable under the
    negative binomial distribution of their mean and variance than under the rounded
    normal one, and than if all numbers up to the largest were as probable. So neither
    ages, which do not reach zero, nor scales with two ends are counts.
    `docs/decisions/038-kinds-of-columns.md` has what was tried.

    Parameters
    ----------
    values : float64 ndarray of shape (n_samples,)
        Finite.

    Returns
    -------
    bool
        False for fewer than three different values.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.columns.kinds import is_count
    >>> is_count(np.random.default_rng(0).poisson(2.0, 100).astype(float))
    True
    >>> is_count(np.arange(24.0))  # hours of the day
    False
    """
    numbers, n_rows = np.unique(values, return_counts=True)
    if len(numbers) < 3 or numbers[0] != 0 or numbers[-1] > MOST_COUNTED:
        return False
    if not np.array_equal(numbers, np.rint(numbers)):
        return False
    mean, variance = values.mean(), values.var()
    if variance > mean:
        size = mean**2 / (variance - mean)
        as_count = nbinom(size, size / (size + mean)).logpmf(numbers)
    else:
        as_count = poisson(mean).logpmf(numbers)
    # Rounding adds the variance of a uniform number. The density stands for the mass
    # between two halves, which is zero in float64 far from the mean.
    as_number = norm(mean, np.sqrt(variance + 1 / 12)).logpdf(numbers)
    as_scale = -np.log(numbers[-1] + 1)
    return bool(n_rows @ as_count > max(n_rows @ as_number, n_rows.sum() * as_scale))


def kind_of_amounts(values: np.ndarray) -> str:
    """Return "positive" for numbers above zero whose logarithms are less skewed.

    Parameters
    ----------
    values : float64 ndarray of shape (n_samples,)
        Finite.

    Returns
    -------
    kind : {"real", "positive"}
        "real" for fewer than three different values.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.columns.kinds import kind_of_amounts
    >>> kind_of_amounts(np.array([1.0, 2.0, 4.0])), kind_of_amounts(np.arange(3.0))
    ('positive', 'real')
    """
    if len(np.unique(values)) < 3 or values.min() <= 0:
        return "real"
    scaled = values / values.max()  # so that no square overflows
    if scaled.mean() > FAR * scaled.std():
        return "real"
    is_skewed = abs(_skewness(np.log(values))) < abs(_skewness(scaled))
    return "positive" if is_skewed else "real"


def _skewness(values):
    centred = values - values.mean()
    deviation = centred.std()
    return np.mean((centred / deviation) ** 3) if deviation > 0 else 0.0
