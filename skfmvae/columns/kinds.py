"""The kind of a column of numbers, by its values."""

from __future__ import annotations

import numpy as np
from scipy.stats import skew

__all__ = ["kind_of_numbers"]

# Log-gamma functions of float32, which likelihoods of counts need, are right to 0.01
# nats up to here.
LARGEST_COUNT = 10_000
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
        "binary" for zeros and ones; "count" for whole numbers from zero up that are
        skewed to the right; "positive" where the logarithms are less skewed; else
        "real".

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.columns.kinds import kind_of_numbers
    >>> kind_of_numbers(np.array([0.0, 1.0, np.nan, 0.0]))
    'binary'
    >>> kind_of_numbers(np.array([0.0, 1.0, 0.0, 2.0, 5.0]))
    'count'
    >>> kind_of_numbers(np.array([1.5, 2.0, 4.0, 80.0]))
    'positive'
    """
    known = values[~np.isnan(values)].astype(np.float64)
    if not len(known):
        return "real"
    distinct = np.unique(known)
    if distinct.tolist() == [0, 1]:
        return "binary"
    if len(distinct) < 3:
        return "real"
    is_whole = (distinct == np.rint(distinct)).all()
    if is_whole and distinct[0] == 0 and distinct[-1] <= LARGEST_COUNT:
        return "count" if skew(known) > 0 else "real"
    is_near = known.mean() <= FAR * known.std()
    if distinct[0] > 0 and is_near and abs(skew(np.log(known))) < abs(skew(known)):
        return "positive"
    return "real"
