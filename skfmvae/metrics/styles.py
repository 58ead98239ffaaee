"""Whether what no property says is kept when a property is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ._columns import named_columns
from .control import labelled_properties

__all__ = ["style_correlation"]


def style_correlation(
    estimator: Any,
    X: Any,
    y: Any,
    read: Callable[[Any], Any],
    *,
    name: str | None = None,
    random_state: Any = None,
) -> np.ndarray:
    """Return how well styles of rows are kept when a property is changed.

    A style is a number that can be read off a row and that the property does not
    decide, such as the slant of a digit. The property of every row is changed to
    another value of `y`, drawn uniformly. The correlation is that of the style before
    and after, less the mean of rows with the value that the row had, or has got: a
    digit that leans more than others of its kind should become another that does.

    Parameters
    ----------
    estimator : FactorialMixtureVAE, SemiSupervisedVAE or SemafoVAE
        Fitted to labels. Its method ``intervene`` changes the rows.
    X : frame, array-like or CSR matrix of shape (n_samples, n_features)
        The rows to change, best ones that the estimator was not fitted to.
    y : array-like of shape (n_samples,)
        Their values of the property, complete.
    read : callable
        Takes rows, as `X` or as ``intervene`` returns them, and returns the styles,
        (n_samples,) or (n_samples, n_styles): the ``predict`` of a regressor, or a
        measurement.
    name : str or None, default=None
        The property to change; None stands for the only one with labels.
    random_state : int, RandomState instance or None, default=None
        Seed of the new values.

    Returns
    -------
    correlations : ndarray of shape (n_styles,)
        Of each style: 1 where it is kept, 0 where it is lost, NaN where it does not
        vary.

    Raises
    ------
    ValueError
        If the estimator has no such property, or several where `name` is None, or if
        `y` has one value, or one that the property has not, or if `read` does not
        return styles of every row.

    See Also
    --------
    controllability : Whether rows have the values that were asked for.
    specificity : Whether other properties are kept.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae import SemiSupervisedVAE
    >>> from skfmvae.metrics import style_correlation
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(2, size=400)
    >>> style = rng.normal(size=400)
    >>> X = np.column_stack([4.0 * y, style, style]) + rng.normal(0, 0.3, (400, 3))
    >>> estimator = SemiSupervisedVAE(max_epochs=30, random_state=0).fit(X, y)
    >>> kept = style_correlation(estimator, X, y, lambda X: X[:, 1], random_state=0)
    >>> kept.shape, bool(kept[0] > 0.8)
    ((1,), True)
    """
    properties = labelled_properties(estimator)
    if name is None and len(properties) > 1:
        raise ValueError(
            f"estimator has the properties {list(properties)}; say by name which one "
            "is to be changed."
        )
    name = next(iter(properties)) if name is None else name
    if name not in properties:
        raise ValueError(
            f"name={name!r} is no labelled property of the estimator; choose one of "
            f"{list(properties)}."
        )
    _, (column,) = named_columns(y, "y")
    values, old = np.unique(column, return_inverse=True)
    if len(values) < 2:
        raise ValueError(
            f"y has the value {values.tolist()[0]!r} alone; give rows of two or more "
            "values of the property, to which it can be changed."
        )
    random_state = check_random_state(random_state)
    step = 1 + random_state.randint(len(values) - 1, size=len(old))
    new = (old + step) % len(values)
    before = _styles(read, X, len(old))
    after = _styles(read, estimator.intervene(X, {name: values[new]}), len(old))
    typical = np.stack([before[old == code].mean(0) for code in range(len(values))])
    return _correlations(before - typical[old], after - typical[new])


def _styles(read: Callable[[Any], Any], X: Any, n_rows: int) -> np.ndarray:
    styles = np.asarray(read(X), dtype=float)
    if styles.ndim not in {1, 2} or len(styles) != n_rows:
        raise ValueError(
            f"read returns an array of shape {styles.shape} for {n_rows} rows; it "
            "should return a number for each row, or a row of them."
        )
    return styles.reshape(n_rows, -1)


def _correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a - a.mean(0), b - b.mean(0)
    with np.errstate(invalid="ignore"):
        return (a * b).sum(0) / np.sqrt((a**2).sum(0) * (b**2).sum(0))
