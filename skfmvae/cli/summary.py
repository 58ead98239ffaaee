"""What a study says, as short tables."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

from skfmvae.model_selection import labels_needed
from skfmvae.model_selection.analysis import score_cube

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["by_budget", "labels_in_words", "needed_in_words"]

MOST_CLASSES = 20  # in a line


def by_budget(results: DataFrame, column: str, statistic: str = "mean") -> DataFrame:
    """Return a statistic over splits, by estimator and budget.

    Only splits count that all estimators have, see
    :func:`~skfmvae.model_selection.analysis.score_cube`.

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
        NaN where there is no value.
    """
    import pandas as pd

    with warnings.catch_warnings():
        # Of splits that are left out: the study has said which fits and scores failed.
        warnings.simplefilter("ignore", UserWarning)
        names, budgets, cube = score_cube(results, column)
    by_split = pd.DataFrame(cube.reshape(-1, cube.shape[2]).T)
    return pd.DataFrame(
        by_split.agg(statistic).to_numpy().reshape(len(names), -1),
        index=pd.Index(names, name="estimator"),
        columns=pd.Index(budgets, name="budget"),
    )


def labels_in_words(labels: Series) -> str:
    """Return how many labels there are, and of which class.

    Parameters
    ----------
    labels : Series
        What `as_labels` returned.

    Returns
    -------
    labels : str
        With the first classes only, where there are many.
    """
    # What is unlabelled is missing, or the number -1.
    counts = labels[labels != -1].dropna().value_counts().sort_index()
    shown = ", ".join(f"{value}: {n}" for value, n in counts.head(MOST_CLASSES).items())
    n_more = len(counts) - MOST_CLASSES
    more = f" and {n_more} more values" if n_more > 0 else ""
    return f"{counts.sum()} ({shown}{more})"


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
    counts = results.groupby("estimator")[[score, "fit_time"]].count()
    needed = {}
    for row in table.itertuples():
        n_scores, n_fits = counts.loc[row.estimator]
        if not n_scores:
            why = "all scores failed" if n_fits else "all fits failed"
            needed[row.estimator] = "unknown", why
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
