"""How much generated rows of one value vary."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._generated import comparable, labels_of

__all__ = ["ValueDiversity", "diversity"]


class ValueDiversity(NamedTuple):
    """The result of `diversity`.

    Parameters
    ----------
    mean : float
        Mean over the values.
    by_value : dict of object to float
        Ratio of each value of the property.
    """

    mean: float
    by_value: dict[Any, float]


def diversity(X: Any, y: Any, X_generated: Any, y_generated: Any) -> ValueDiversity:
    """Return how much generated rows of one value vary, relative to real ones.

    For each value of a property it is the standard deviation of the columns among
    generated rows, averaged over the columns that vary among real rows, divided by
    the same average of real rows. It is 1 where rows vary as much, and near 0 where
    the generator has one row for each value (its modes collapsed). Numbers are in
    standard deviations of `X`; a category counts by the indicators of its values.

    Parameters
    ----------
    X : frame, array-like or CSR matrix of shape (n_samples, n_features)
        Real rows.
    y : array-like of shape (n_samples,)
        Their values of the property, complete.
    X_generated : frame, array-like or CSR matrix of shape (n_generated, n_features)
        Generated rows.
    y_generated : array-like of shape (n_generated,)
        The values that they were generated for.

    Returns
    -------
    ratios : ValueDiversity
        Without values of `y` whose real rows are all alike.

    Raises
    ------
    ValueError
        If columns differ, if a value of `y` has no generated row, or if the real rows
        of every value are alike.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.metrics import diversity
    >>> y = np.repeat(["a", "b"], 2)
    >>> X = np.array([[0.0, 3.0], [2.0, 3.0], [10.0, 3.0], [14.0, 3.0]])
    >>> half = np.array([[0.0, 3.0], [1.0, 3.0], [10.0, 3.0], [12.0, 3.0]])
    >>> ratios = diversity(X, y, half, y)
    >>> round(ratios.mean, 6), sorted(ratios.by_value)
    (0.5, ['a', 'b'])
    """
    X, X_generated = comparable(X, X_generated)
    y, y_generated = labels_of(X, y), labels_of(X_generated, y_generated)
    by_value = {}
    for value in np.unique(y):
        if not (y_generated == value).any():
            raise ValueError(
                f"y_generated has no row of the value {value.item()!r}; generate some."
            )
        real = X[y == value].std(axis=0)
        varies = real > 0
        if varies.any():
            generated = X_generated[y_generated == value].std(axis=0)
            by_value[value.item()] = float(
                generated[varies].mean() / real[varies].mean()
            )
    if not by_value:
        raise ValueError("The real rows of each value of y are alike; give more rows.")
    return ValueDiversity(float(np.mean(list(by_value.values()))), by_value)
