"""The smallest part of a study: one fit to so many labels, and its scores."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, NamedTuple

import joblib
import numpy as np
import torch
from joblib import parallel_config
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from threadpoolctl import threadpool_limits

from skfmvae._seeds import unseeded
from skfmvae.masking import keep_entries, label_order

from .scorers import PartialScorer

__all__ = ["Study", "Task", "fit_and_score", "one_thread"]


class Task(NamedTuple):
    """One fit of a study.

    Parameters
    ----------
    estimator : str
        Its name.
    budget : dict of str to int
        Number of labels of each property.
    repeat : int
        Which draw of labels.
    fold : int
        Which split of the rows.
    """

    estimator: str
    budget: Mapping[str, int]
    repeat: int
    fold: int


@dataclass(frozen=True, eq=False)
class Study:
    """What all tasks of a study share.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The rows.
    y : ndarray, Series or DataFrame of shape (n_samples,) or (n_samples, n_properties)
        Partial labels.
    codes : int64 ndarray of shape (n_samples, n_properties)
        Their codes, -1 where there is none.
    property_names : list of str
        Names of the columns of `y`.
    estimators : dict of str to classifier
        That take partial labels.
    metrics : dict of str to PartialScorer
        What to score by.
    splits : list of (train, test)
        Positions of the rows.
    strategy : {"balanced", "proportional"} or None
        How labels are drawn, as for `mask_labels`.
    seed : int
        Of all draws.
    """

    X: Any
    y: Any
    codes: np.ndarray
    property_names: list[str]
    estimators: dict[str, Any]
    metrics: dict[str, PartialScorer]
    splits: list[tuple[np.ndarray, np.ndarray]]
    strategy: str | None
    seed: int

    def kept(self, task: Task) -> np.ndarray:
        """Return which entries of the training rows keep their labels.

        They depend on the repeat and the fold, not on the estimator, and a larger
        budget keeps all that a smaller one does.

        Parameters
        ----------
        task : Task
            Of this study.

        Returns
        -------
        kept : bool ndarray of shape (n_train, n_properties)
            As many per column as the budget says.
        """
        codes = self.codes[self.splits[task.fold][0]]
        kept = np.zeros(codes.shape, dtype=bool)
        for k, name in enumerate(self.property_names):
            labelled = np.flatnonzero(codes[:, k] >= 0)
            random_state = self._random_state(task, k)
            order = label_order(codes[labelled, k], self.strategy, random_state)
            kept[labelled[order[: task.budget[name]]], k] = True
        return kept

    def estimator(self, task: Task) -> Any:
        """Return the task's estimator, unfitted, with a seed where it had none.

        Parameters
        ----------
        task : Task
            Of this study.

        Returns
        -------
        estimator : classifier
            Every `random_state` that was None is a number, the same for all budgets.
        """
        estimator = clone(self.estimators[task.estimator])
        random_state = self._random_state(task, -1)
        seeds = {
            name: int(random_state.randint(np.iinfo(np.int32).max))
            for name in unseeded(estimator)
        }
        return estimator.set_params(**seeds)

    def key(self, task: Task, digest: str) -> str:
        """Return what tells a task from any other with another result.

        Parameters
        ----------
        task : Task
            Of this study.
        digest : str
            What `digest` returns.

        Returns
        -------
        key : str
            Hexadecimal.

        Raises
        ------
        ValueError
            If the estimator cannot be told from others.
        """
        try:
            estimator = joblib.hash(self.estimators[task.estimator])
        except Exception as error:
            raise ValueError(
                f"estimator {task.estimator!r} cannot be pickled, as cache= needs it "
                f"to be ({error}); use no lambda, or go without a cache."
            ) from error
        return joblib.hash((digest, estimator, dict(task.budget), *task[2:]))

    def digest(self) -> str:
        """Return a hash of all that the tasks share, but the estimators.

        Returns
        -------
        digest : str
            Hexadecimal.
        """
        metrics = {name: (m.metric, m.property) for name, m in self.metrics.items()}
        versions = [version(name) for name in ("skfmvae", "scikit-learn", "torch")]
        shared = self.X, self.y, self.property_names, self.splits
        return joblib.hash((shared, metrics, self.strategy, self.seed, versions))

    def _random_state(self, task: Task, part: int) -> np.random.RandomState:
        entropy = [self.seed, task.repeat, task.fold, part + 1]
        sequence = np.random.SeedSequence(entropy)
        return np.random.RandomState(np.random.MT19937(sequence))


def fit_and_score(study: Study, task: Task) -> dict[str, Any]:
    """Fit an estimator to a part of the labels, and score it on rows held out.

    Parameters
    ----------
    study : Study
        The study.
    task : Task
        One of its tasks.

    Returns
    -------
    result : dict
        Numbers of rows and labels, scores and seconds; where the fit or a score fails
        "error", a traceback, in place of scores and seconds.
    """
    train, test = study.splits[task.fold]
    kept = study.kept(task)
    y = keep_entries(
        _safe_indexing(study.y, train), kept if study.y.ndim == 2 else kept[:, 0]
    )
    X = _safe_indexing(study.X, train)
    X_test, y_test = (_safe_indexing(part, test) for part in (study.X, study.y))
    names = [f"n_labels_{name}" for name in study.property_names]
    names = names if len(names) > 1 else ["n_labels"]
    result: dict[str, Any] = {"n_train": len(train), "n_test": len(test)}
    result |= zip(names, kept.sum(axis=0).tolist(), strict=True)
    try:
        # The tasks run side by side already, whatever a search within would ask for.
        with one_thread(), parallel_config(backend="sequential"):
            start = time.perf_counter()
            estimator = study.estimator(task).fit(X, y)
            fitted = time.perf_counter()
            result |= _scores(study, estimator, X_test, y_test)
            scored = time.perf_counter()
    except Exception:
        return result | {"error": traceback.format_exc()}
    return result | {"fit_time": fitted - start, "score_time": scored - fitted}


def _scores(study, estimator, X, y):
    """Return the score by every metric, and by property where there are several."""
    scores = {}
    for name, scorer in study.metrics.items():
        column = f"test_{name}"
        if scorer.property is None and len(study.property_names) > 1:
            single = {
                f"{column}_{p}": PartialScorer(scorer.metric, k)(estimator, X, y)
                for k, p in enumerate(study.property_names)
            }
            known = [score for score in single.values() if not np.isnan(score)]
            scores[column] = float(np.mean(known)) if known else float("nan")
            scores.update(single)
        else:
            scores[column] = scorer(estimator, X, y)
    return {name: float(score) for name, score in scores.items()}


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread inside the block.

    Processes then do not fight over cores, and sums are added up in the same order
    wherever a task runs.

    Yields
    ------
    None
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(n_threads)
