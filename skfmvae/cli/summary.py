"""What a study says, as short tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from skfmvae.model_selection import labels_needed

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["by_budget", "needed_in_words"]


def by_budget(results: DataFrame, column: str, statistic: str = "mean") -> DataFrame:
    """Return a statistic over splits, by estimator and budget.

    Parameters
    ----------
    results : DataFrame
        What `label_efficiency_curve` returned.
    column : str
        A score or a time.
    statistic : {"mean", "std"}, default="mean"
        What pandas calls it.

    Returns
    -------
    table : DataFrame of shape (n_estimators, n_budgets)
        NaN where all fits failed.
    """
    grouped = results.groupby(["estimator", "budget"], sort=False)[column]
    return grouped.agg(statistic).unstack("budget")


def needed_in_words(
    results: DataFrame, target_score: float, score: str, seed: int
) -> dict[str, tuple[str, str]]:
    """Return how many labels each estimator needs, as it is said.

    Parameters
    ----------
    results : DataFrame
        What `label_efficiency_curve` returned.
    target_score : float
        The score to reach.
    score : str
        The column that holds it.
    seed : int
        Of the interval.

    Returns
    -------
    needed : dict of str to (str, str)
        The number, and the interval of 95 %, by estimator.
    """
    table = labels_needed(results, target_score, score=score, random_state=seed)
    budgets = results["budget"].min(), results["budget"].max()
    scored = results.groupby("estimator")[score].count()
    needed = {}
    for row in table.itertuples():
        if not scored[row.estimator]:
            needed[row.estimator] = "unknown", "all fits failed"
            continue
        number, low, high = (
            _labels(n, *budgets) for n in (row.labels_needed, row.low, row.high)
        )
        needed[row.estimator] = number, low if low == high else f"{low} to {high}"
    return needed


def _labels(number: float, fewest: int, most: int) -> str:
    """Return a number of labels; beyond the budgets, only the side is known."""
    if math.isnan(number):
        return "unknown"
    if number == math.inf:
        return f"more than {most}"
    return f"{fewest} or fewer" if number == fewest else str(math.ceil(number))
