"""Short tables of what a study found."""

from __future__ import annotations

import math
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from skfmvae.model_selection import labels_needed
from skfmvae.model_selection.analysis import score_cube

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["by_budget", "labels_in_words", "needed_in_words", "print_size"]

MOST_CLASSES = 20  # in a line


def by_budget(results: DataFrame, column: str, statistic: str = "mean") -> DataFrame:
    """Return a statistic over splits, by estimator and budget.

    It is taken over the splits that all estimators have, see
    :func:`~skfmvae.model_selection.analysis.score_cube`.

    Parameters
    ----------
    results : DataFrame
        What `label_efficiency_curve` returned.
    column : str
        A score or a time.
    statistic : {"mean", "std"}, default="mean"
        Its name in pandas.

    Returns
    -------
    table : DataFrame of shape (n_estimators, n_budgets)
        NaN where there is no value.
    """
    import pandas as pd

    with warnings.catch_warnings():
        # About splits that are left out: the study says which fits and scores failed.
        warnings.simplefilter("ignore", UserWarning)
        names, budgets, cube = score_cube(results, column)
    by_split = pd.DataFrame(cube.reshape(-1, cube.shape[2]).T)
    return pd.DataFrame(
        by_split.agg(statistic).to_numpy().reshape(len(names), -1),
        index=pd.Index(names, name="estimator"),
        columns=pd.Index(budgets, name="labels"),
    )


def labels_in_words(labels: Series) -> str:
    """Return the number of labels, and that of each class, as text.

    Parameters
    ----------
    labels : Series
        What `as_labels` returned.

    Returns
    -------
    labels : str
        Of many classes, only the first are listed.
    """
    # Unlabelled rows are missing, or the number -1.
    counts = labels[labels != -1].dropna().value_counts().sort_index()
    shown = ", ".join(f"{value}: {n}" for value, n in counts.head(MOST_CLASSES).items())
    n_more = len(counts) - MOST_CLASSES
    more = f" and {n_more} more classes" if n_more > 0 else ""
    return f"{counts.sum()} ({shown}{more})"


def print_size(path: Path, X: DataFrame, y: DataFrame) -> None:
    """Print the size of the data on stderr, before a fit, which may take long.

    Parameters
    ----------
    path : Path
        The file.
    X : DataFrame of shape (n_samples, n_features)
        The features.
    y : DataFrame of shape (n_samples, n_targets)
        What `as_labels` returned of each target.
    """
    n_rows, n_features = X.shape
    print(f"{path.name}: {n_rows} rows, {n_features} features", file=sys.stderr)
    for name, labels in y.items():
        print(f"labels of {name}: {labels_in_words(labels)}", file=sys.stderr)


def needed_in_words(
    results: DataFrame, target_score: float, score: str, seed: int
) -> DataFrame:
    """Return how many labels each estimator needs, as text.

    Parameters
    ----------
    results : DataFrame
        What `label_efficiency_curve` returned.
    target_score : float
        The score to reach.
    score : str
        The column that holds it.
    seed : int
        Seed of the bootstrap that gives the interval.

    Returns
    -------
    needed : DataFrame of shape (n_estimators, 2)
        The number and its interval of 95 %, by estimator.
    """
    import pandas as pd

    table = labels_needed(results, target_score, score=score, random_state=seed)
    budgets = results["budget"].min(), results["budget"].max()
    counts = results.groupby("estimator")[[score, "fit_time"]].count()
    rows = {}
    for row in table.itertuples():
        n_scores, n_fits = counts.loc[row.estimator]
        if not n_scores:
            why = "all scores failed" if n_fits else "all fits failed"
            rows[row.estimator] = "unknown", why
            continue
        number, low, high = (
            _labels(n, *budgets) for n in (row.labels_needed, row.low, row.high)
        )
        rows[row.estimator] = number, low if low == high else f"{low} to {high}"
    needed = pd.DataFrame.from_dict(rows, "index", columns=["labels", "95 % interval"])
    return needed.rename_axis(index="estimator")


def _labels(number: float, fewest: int, most: int) -> str:
    """Return a number of labels; beyond the budgets, only the side is known."""
    if math.isnan(number):
        return "unknown"
    if number == math.inf:
        return f"more than {most}"
    return f"{fewest} or fewer" if number == fewest else str(math.ceil(number))
