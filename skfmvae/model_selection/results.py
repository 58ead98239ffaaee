"""The table of a study's results, and warnings of what failed."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.exceptions import FitFailedWarning

from .budgets import budget_size
from .tables import Table, as_table
from .tasks import Study, Task

__all__ = ["tidy"]


def tidy(
    study: Study,
    tasks: Sequence[Task],
    results: Sequence[dict[str, Any]],
    error_score: float | str,
) -> Table:
    """Return the table of results, and warn of fits and metrics that failed.

    Parameters
    ----------
    study : Study
        The study.
    tasks : sequence of Task
        Its tasks.
    results : sequence of dict
        The result of each task, as from `fit_and_score`.
    error_score : "raise" or float
        As for `label_efficiency_curve`.

    Returns
    -------
    table : DataFrame, or dict of str to ndarray
        A row for each task.

    Raises
    ------
    ValueError
        If all fits fail, or if one or a metric fails and `error_score` is "raise".
    """
    _report_fits(study, tasks, results, error_score)
    _report_metrics(study, tasks, results, error_score)
    times = dict.fromkeys(("fit_time", "score_time"), float("nan"))
    scores = dict.fromkeys(study.score_columns, error_score)
    rows = []
    for task, result in zip(tasks, results, strict=True):
        failed = {
            column: error_score
            for metric in result.get("failures", {})
            for column in [f"test_{metric}", *study.scorers(metric)]
            if np.isnan(result[column])
        }
        filled = {**scores, **times, **result, **failed}
        numbers = {column: filled[column] for column in study.columns}
        size = budget_size(task.budget, study)
        rows.append({**task._asdict(), "budget": size, **numbers})
    names = list(study.estimators)
    rows.sort(
        key=lambda row: (
            names.index(row["estimator"]),
            row["budget"],
            row["repeat"],
            row["fold"],
        )
    )
    return as_table({column: [row[column] for row in rows] for column in rows[0]})


def _report_fits(study, tasks, results, error_score):
    """Warn of each fit that failed; raise the first on request, or if all failed."""
    failed = [i for i, result in enumerate(results) if "error" in result]
    for i in failed:
        message = f"{_described(study, tasks[i])}:\n{results[i]['error']}"
        if error_score == "raise" or len(failed) == len(tasks):
            raise ValueError(message)
        warnings.warn(message, FitFailedWarning, stacklevel=4)


def _report_metrics(study, tasks, results, error_score):
    """Warn of each metric that failed, by estimator; raise the first on request."""
    failures: dict[tuple[str, str], list[int]] = {}
    for i, result in enumerate(results):
        for metric in result.get("failures", {}):
            failures.setdefault((tasks[i].estimator, metric), []).append(i)
    for (name, metric), failed in failures.items():
        trace = results[failed[0]]["failures"][metric]
        where = _described(study, tasks[failed[0]])
        if error_score == "raise":
            raise ValueError(f"metric {metric!r} of {where}:\n{trace}")
        n_fits = sum(task.estimator == name for task in tasks)
        warnings.warn(
            f"metric {metric!r} of {name!r} failed after {len(failed)} of {n_fits} "
            f"fits, whose score is {error_score}; other metrics stand. First "
            f"{where}: {trace.strip().splitlines()[-1]}",
            UserWarning,
            stacklevel=4,
        )


def _described(study, task):
    """Return which task failed, in words."""
    size = budget_size(task.budget, study)
    return (
        f"{task.estimator!r} failed with {size} labels, repeat {task.repeat}, fold "
        f"{task.fold}"
    )
