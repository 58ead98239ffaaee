"""Labels needed, and differences between estimators, from the results of a study."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from scipy import stats
from sklearn.utils import check_random_state

from skfmvae._utils.checks import check_whole

from .tables import Table, as_table

__all__ = [
    "compare_estimators",
    "labels_needed",
    "mean_interval",
    "score_cube",
    "share_tested",
]


def labels_needed(
    results: Table,
    target_score: float,
    *,
    score: str = "test_score",
    confidence: float = 0.95,
    n_bootstraps: int = 1000,
    random_state: Any = None,
) -> Table:
    """Return how many labels each estimator needs to reach a score.

    This is the number of labels at which the mean score first reaches the target, by
    linear interpolation between budgets on a logarithmic scale.

    Parameters
    ----------
    results : DataFrame or dict of str to ndarray
        The result of `label_efficiency_curve`.
    target_score : float
        The score to reach; negative for metrics of errors, as in scikit-learn.
    score : str, default="test_score"
        The column of the score.
    confidence : float, default=0.95
        Confidence level of the interval.
    n_bootstraps : int, default=1000
        Number of bootstrap samples of the splits, each with all its budgets.
    random_state : int, RandomState instance or None, default=None
        Seed of the bootstrap.

    Returns
    -------
    needed : DataFrame, or dict of str to ndarray where pandas is not installed
        A row for each estimator, with the columns "estimator", "labels_needed", "low"
        and "high", the percentile interval. The smallest budget stands for this number
        of labels or fewer, infinity for more than the largest, and NaN for an estimator
        without a score.

    Raises
    ------
    ValueError
        If there is no such column, a parameter is out of range, or a fit has several
        rows.

    Warns
    -----
    UserWarning
        If splits are left out.

    Notes
    -----
    At each budget, means are over the splits in which every estimator has a score;
    estimators without any score at the budget are ignored.

    Splits share rows. The interval is therefore the uncertainty from splits and draws
    of labels, not that from the sample of rows.

    Examples
    --------
    >>> from skfmvae.model_selection import labels_needed
    >>> results = {
    ...     "estimator": ["a"] * 4, "budget": [10, 1000, 10, 1000],
    ...     "repeat": [0] * 4, "fold": [0, 0, 1, 1],
    ...     "test_score": [0.5, 0.9, 0.7, 0.9],
    ... }
    >>> labels_needed(results, 0.75, random_state=0)["labels_needed"].tolist()
    [100.0]
    """
    check_whole("n_bootstraps", n_bootstraps, 1)
    _check_confidence(confidence)
    random_state = check_random_state(random_state)
    names, budgets, cube = score_cube(results, score)
    n_splits = cube.shape[2]
    # The same bootstrap samples for all estimators.
    draws = random_state.randint(n_splits, size=(n_bootstraps, n_splits))
    tails = [50 - 50 * confidence, 50 + 50 * confidence]
    rows = []
    for scores in cube:
        drawn = _means(scores[:, draws]).T
        boots = [_first_reach(budgets, means, target_score) for means in drawn]
        # By rank, since a number and infinity cannot be interpolated.
        known = [labels for labels in boots if not np.isnan(labels)] or [np.nan]
        ends = np.percentile(known, tails, method="nearest")
        rows.append([_first_reach(budgets, _means(scores), target_score), *ends])
    columns = zip(*rows, strict=True)
    needed = dict(zip(("labels_needed", "low", "high"), columns, strict=True))
    return as_table({"estimator": names, **needed})


def _means(scores):
    """Return means over the last axis without NaN; NaN where all entries are."""
    known = ~np.isnan(scores)
    count = known.sum(axis=-1)
    total = np.where(known, scores, 0.0).sum(axis=-1)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


def _first_reach(budgets, means, target):
    """Return where a curve first reaches the target; NaN where there is no curve."""
    budgets, means = budgets[~np.isnan(means)], means[~np.isnan(means)]
    if not len(means):
        return np.nan
    reached = np.flatnonzero(means >= target)
    if not len(reached):
        return np.inf
    i = reached[0]
    if i == 0:
        return float(budgets[0])
    share = (target - means[i - 1]) / (means[i] - means[i - 1])
    return float(np.exp(np.interp(share, [0, 1], np.log(budgets[i - 1 : i + 1]))))


def compare_estimators(
    results: Table,
    first: str,
    second: str,
    *,
    score: str = "test_score",
    confidence: float = 0.95,
) -> Table:
    """Return the difference of two estimators on the same splits, at every budget.

    Parameters
    ----------
    results : DataFrame or dict of str to ndarray
        The result of `label_efficiency_curve`.
    first : str
        Name of an estimator.
    second : str
        Name of the estimator to compare with.
    score : str, default="test_score"
        The column to compare.
    confidence : float, default=0.95
        Confidence level of the interval.

    Returns
    -------
    comparison : DataFrame, or dict of str to ndarray where pandas is not installed
        A row for each budget, with the columns "budget", "difference" (the mean of
        first less second), "low" and "high", its interval, "p_value" (two-sided),
        "wins", "ties" and "losses", numbers of splits.

    Raises
    ------
    ValueError
        If there is no such estimator or column, or a fit has several rows.

    Warns
    -----
    UserWarning
        If splits are left out because one of the two has no score there.

    Notes
    -----
    Splits share rows, so the variance of a mean over them is larger than that of
    independent ones; it is corrected by the share of test rows (Nadeau and Bengio
    2003, Inference for the Generalization Error, equation 9).

    Examples
    --------
    >>> from skfmvae.model_selection import compare_estimators
    >>> results = {
    ...     "estimator": ["a", "a", "b", "b"], "budget": [10] * 4,
    ...     "repeat": [0] * 4, "fold": [0, 1, 0, 1], "n_train": [80] * 4,
    ...     "n_test": [20] * 4, "test_score": [0.75, 0.5, 0.5, 0.5],
    ... }
    >>> comparison = compare_estimators(results, "a", "b")
    >>> comparison["difference"].tolist(), comparison["wins"].tolist()
    ([0.125], [1])
    """
    _check_confidence(confidence)
    names, budgets, cube = score_cube(results, score, [first, second])
    differences = cube[names.index(first)] - cube[names.index(second)]
    ratio = share_tested(results)
    rows = []
    for budget, values in zip(budgets.tolist(), differences, strict=True):
        values = values[~np.isnan(values)]
        mean, half, p_value = mean_interval(values, ratio, confidence)
        rows.append(
            {
                "budget": budget,
                "difference": mean,
                "low": mean - half,
                "high": mean + half,
                "p_value": p_value,
                "wins": int((values > 0).sum()),
                "ties": int((values == 0).sum()),
                "losses": int((values < 0).sum()),
            }
        )
    return as_table({column: [row[column] for row in rows] for column in rows[0]})


def mean_interval(
    values: np.ndarray, ratio: float, confidence: float
) -> tuple[float, float, float]:
    """Return the mean over splits of the same rows, with interval and p-value.

    Parameters
    ----------
    values : ndarray of shape (n_splits,)
        One number of each split.
    ratio : float
        Number of test rows for each training row.
    confidence : float
        Confidence level of the interval.

    Returns
    -------
    mean : float
        NaN without values.
    half_width : float
        Half the width of the interval; NaN with fewer than two values.
    p_value : float
        Of the null hypothesis of a zero mean, two-sided; NaN with fewer than two
        values.
    """
    n = len(values)
    mean = float(np.mean(values)) if n else float("nan")
    if n < 2:
        return mean, float("nan"), float("nan")
    error = float(np.sqrt((1 / n + ratio) * np.var(values, ddof=1)))
    half = error * float(stats.t.ppf((1 + confidence) / 2, n - 1))
    if error == 0:
        return mean, half, float(mean == 0)
    return mean, half, float(2 * stats.t.sf(abs(mean) / error, n - 1))


def share_tested(results: Table) -> float:
    """Return the number of test rows for each training row, over all splits.

    Parameters
    ----------
    results : DataFrame or dict of str to ndarray
        The result of `label_efficiency_curve`.

    Returns
    -------
    ratio : float
        Their mean.
    """
    return float(
        np.mean(np.asarray(results["n_test"]) / np.asarray(results["n_train"]))
    )


def score_cube(
    results: Table, score: str, estimators: Sequence[str] | None = None
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the scores of a study as an array, of the same splits for all estimators.

    A score counts if at its budget all estimators have one in its split; estimators
    without any score at the budget are ignored. Means over splits then differ by the
    estimators alone.

    Parameters
    ----------
    results : DataFrame or dict of str to ndarray
        The result of `label_efficiency_curve`.
    score : str
        The column.
    estimators : sequence of str or None, default=None
        The estimators to return; None stands for all.

    Returns
    -------
    names : list of str
        The estimators, in the order of the results.
    budgets : ndarray of shape (n_budgets,)
        Sorted.
    scores : ndarray of shape (n_estimators, n_budgets, n_splits)
        NaN where a score does not count or is missing.

    Raises
    ------
    ValueError
        If there is no such column or estimator, no row, or several rows of a fit.

    Warns
    -----
    UserWarning
        If scores do not count: of how many splits, at which budgets.
    """
    columns = list(results)
    if score not in columns:
        known = [column for column in columns if column.startswith("test_")]
        raise ValueError(f"score={score!r} is no column of results; it has {known}.")
    if not len(results[score]):
        raise ValueError("results has no row; give what a study returned.")
    names = list(dict.fromkeys(results["estimator"]))
    budgets, at_budget = np.unique(results["budget"], return_inverse=True)
    where = np.stack([np.asarray(results["repeat"]), np.asarray(results["fold"])])
    splits, at_split = np.unique(where, axis=1, return_inverse=True)
    position = {name: i for i, name in enumerate(names)}
    at_name = np.array([position[name] for name in results["estimator"]])
    at = (at_name, at_budget.ravel(), at_split.ravel())
    shape = len(names), len(budgets), splits.shape[1]
    _check_single(results, np.ravel_multi_index(at, shape))
    cube = np.full(shape, np.nan)
    cube[at] = results[score]
    if estimators is not None:
        for name in estimators:
            if name not in names:
                raise ValueError(
                    f"estimator {name!r} is none of the results': {names}."
                )
        names = list(dict.fromkeys(estimators))
        cube = cube[[position[name] for name in names]]
    return names, budgets, _in_common(cube, score, names, budgets)


def _check_single(results, cell):
    """Check that each fit has one row."""
    twice = np.flatnonzero(np.bincount(cell)[cell] > 1)
    if len(twice):
        fit = [
            f"{name} {np.asarray(results[name])[twice[0]]}"
            for name in ("estimator", "budget", "repeat", "fold")
        ]
        raise ValueError(
            f"results has several rows of {', '.join(fit)}; give one study, with each "
            "row once."
        )


def _in_common(cube, score, names, budgets):
    """Return the scores in splits where all estimators with any scores have one."""
    known = ~np.isnan(cube)
    any_known = known.any(axis=2, keepdims=True)
    common = (known | ~any_known).all(axis=0)
    left_out = (known.any(axis=0) & ~common).sum(axis=1)
    if left_out.any():
        n_splits = cube.shape[2]
        at = [
            f"{n} of {n_splits} splits at budget {budget}"
            for budget, n in zip(budgets, left_out, strict=True)
            if n
        ]
        lacks = (any_known & ~known & known.any(axis=0)).any(axis=(1, 2))
        without = [name for name, lack in zip(names, lacks, strict=True) if lack]
        warnings.warn(
            f"{score!r} of all estimators leaves out {', '.join(at)}, where {without} "
            "have none.",
            UserWarning,
            stacklevel=4,
        )
    return np.where(common, cube, np.nan)


def _check_confidence(confidence):
    if not isinstance(confidence, Real) or not 0 < float(confidence) < 1:
        raise ValueError(f"confidence={confidence!r} should be between 0 and 1.")
