"""One task of a study: a fit to a number of labels, and its scores."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, NamedTuple

import joblib
import numpy as np
from joblib import parallel_config

from skfmvae._utils.compat import safe_indexing
from skfmvae._utils.seeds import seeded_clone
from skfmvae._utils.threads import one_thread
from skfmvae.targets import keep_entries, label_order

from .scorers import PartialScorer
from .targets import Targets, takes_quantities

__all__ = ["Study", "Task", "fit_and_score"]


class Task(NamedTuple):
    """One fit of a study.

    Parameters
    ----------
    estimator : str
        Its name.
    budget : dict of str to int
        Number of labels, or of known values of a quantity, of each property.
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
    """Data, estimators, metrics and splits that all tasks of a study share.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The rows.
    y : ndarray, Series or DataFrame of shape (n_samples,) or (n_samples, n_columns)
        Partial labels and quantities.
    targets : Targets
        The columns of `y`.
    estimators : dict of str to classifier
        Estimators of partial labels.
    metrics : dict of str to PartialScorer
        The metrics, by name.
    splits : list of (train, test)
        Positions of the rows.
    strategy : {"balanced", "proportional"} or None
        Stratification of the labels, as for `mask_labels`.
    seed : int
        Seed of all draws.
    """

    X: Any
    y: Any
    targets: Targets
    estimators: dict[str, Any]
    metrics: dict[str, PartialScorer]
    splits: list[tuple[np.ndarray, np.ndarray]]
    strategy: str | None
    seed: int

    @property
    def codes(self) -> dict[str, np.ndarray]:
        """The encoded labels of each property, -1 where there is none."""
        properties = self.targets.properties.items()
        return {name: self.targets.codes[:, own[0]] for name, own in properties}

    def kept(self, task: Task) -> dict[str, np.ndarray]:
        """Return which training rows keep the label or the quantity of each property.

        They depend on the repeat and the fold, but not on the estimator. The rows of a
        larger budget include those of a smaller one.

        Parameters
        ----------
        task : Task
            Of this study.

        Returns
        -------
        kept : dict of str to bool ndarray of shape (n_train,)
            For each property True on as many rows as its budget.
        """
        train, _ = self.splits[task.fold]
        kept = {}
        for k, (name, codes) in enumerate(self.codes.items()):
            kept[name] = np.zeros(len(train), dtype=bool)
            labelled = np.flatnonzero(codes[train] >= 0)
            random_state = self._random_state(task, k)
            order = label_order(codes[train[labelled]], self.strategy, random_state)
            kept[name][labelled[order[: task.budget[name]]]] = True
        return kept

    def training_targets(self, task: Task, kept: Mapping[str, np.ndarray]) -> Any:
        """Return the `y` that the task's estimator is fitted to.

        Parameters
        ----------
        task : Task
            Of this study.
        kept : dict of str to bool ndarray of shape (n_train,)
            The result of `kept`.

        Returns
        -------
        y : ndarray, Series or DataFrame of shape (n_train,) or (n_train, n_columns)
            All columns, or those of labels for an estimator that takes no quantities.
        """
        train, _ = self.splits[task.fold]
        y = safe_indexing(self.y, train)
        if y.ndim == 1:
            (only,) = kept.values()
            return keep_entries(y, only)
        is_kept = np.zeros(y.shape, dtype=bool)
        for name, own in self.targets.properties.items():
            is_kept[:, own] = kept[name][:, None]
        y = keep_entries(y, is_kept)
        labels = self.targets.labels
        if takes_quantities(self.estimators[task.estimator]):
            return y
        columns = labels if len(labels) > 1 else labels[0]
        return y.iloc[:, columns] if hasattr(y, "iloc") else y[:, columns]

    def scorers(self, metric: str) -> dict[str, PartialScorer]:
        """Return the scorers whose mean is the score by a metric.

        Parameters
        ----------
        metric : str
            Its name.

        Returns
        -------
        scorers : dict of str to PartialScorer
            By their columns in the results: one for each property where the metric
            names none and there are several, otherwise a single one.
        """
        scorer, column = self.metrics[metric], f"test_{metric}"
        scored = self.targets.scored
        if scorer.property is not None or len(scored) == 1:
            return {column: scorer}
        names = self.targets.names or []
        return {f"{column}_{names[k]}": PartialScorer(scorer.metric, k) for k in scored}

    @property
    def columns(self) -> list[str]:
        """The columns of a task's result that hold numbers."""
        names = [f"n_labels_{name}" for name in self.targets.properties]
        columns = ["n_train", "n_test", *(names if len(names) > 1 else ["n_labels"])]
        return [*columns, *self.score_columns, "fit_time", "score_time"]

    @property
    def score_columns(self) -> list[str]:
        """The columns of a task's result that hold scores."""
        columns = [[f"test_{name}", *self.scorers(name)] for name in self.metrics]
        return list(dict.fromkeys(column for own in columns for column in own))

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
        random_state = self._random_state(task, -1)
        return seeded_clone(self.estimators[task.estimator], random_state)

    def key(self, task: Task, digest: str) -> str:
        """Return a key that identifies the task's result.

        Parameters
        ----------
        task : Task
            Of this study.
        digest : str
            The result of `digest`.

        Returns
        -------
        key : str
            Hexadecimal.

        Raises
        ------
        ValueError
            If the estimator cannot be pickled, and therefore not be hashed.
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
        """Return a hash of all that the tasks share except the estimators.

        Returns
        -------
        digest : str
            Hexadecimal.
        """
        metrics = {name: (m.metric, m.property) for name, m in self.metrics.items()}
        versions = [version(name) for name in ("skfmvae", "scikit-learn", "torch")]
        shared = self.X, self.y, self.targets.properties, self.splits
        return joblib.hash((shared, metrics, self.strategy, self.seed, versions))

    def is_result(self, result: Any) -> bool:
        """Return whether an object has the form of a task's result.

        Parameters
        ----------
        result : object
            Such as an entry of a cache.

        Returns
        -------
        bool
            Whether it has a number in each column, and no failures but of metrics.
        """
        if not isinstance(result, dict):
            return False
        numbers = [result.get(column) for column in self.columns]
        failures = result.get("failures", {})
        return (
            all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)
            and isinstance(failures, dict)
            and set(failures) <= set(self.metrics)
            and all(isinstance(trace, str) for trace in failures.values())
        )

    def _random_state(self, task: Task, part: int) -> np.random.RandomState:
        entropy = [self.seed, task.repeat, task.fold, part + 1]
        sequence = np.random.SeedSequence(entropy)
        return np.random.RandomState(np.random.MT19937(sequence))


def fit_and_score(study: Study, task: Task) -> dict[str, Any]:
    """Fit an estimator to some of the labels, and score it on the test rows.

    Parameters
    ----------
    study : Study
        The study.
    task : Task
        One of its tasks.

    Returns
    -------
    result : dict
        Numbers of rows and labels, scores and seconds. The score of a metric that fails
        is NaN, and "failures" holds the tracebacks by metric. Where the fit fails,
        "error" holds its traceback, and there are no scores and seconds.
    """
    train, test = study.splits[task.fold]
    kept = study.kept(task)
    y = study.training_targets(task, kept)
    X, X_test = (safe_indexing(study.X, part) for part in (train, test))
    counts = [len(train), len(test), *(int(rows.sum()) for rows in kept.values())]
    result: dict[str, Any] = dict(zip(study.columns, counts, strict=False))
    try:
        # The tasks are parallel already, so that a search inside is sequential.
        with one_thread(), parallel_config(backend="sequential"):
            start = time.perf_counter()
            estimator = study.estimator(task).fit(X, y)
            fitted = time.perf_counter()
            result |= _scores(study, estimator, X_test, study.targets.rows(test))
            scored = time.perf_counter()
    except Exception:
        return result | {"error": traceback.format_exc()}
    return result | {"fit_time": fitted - start, "score_time": scored - fitted}


def _scores(study, estimator, X, targets):
    """Return the score by every metric, and by property where there are several."""
    scores: dict[str, Any] = {}
    failures = {}
    for metric in study.metrics:
        single = {}
        for column, scorer in study.scorers(metric).items():
            single[column] = float("nan")
            try:
                single[column] = float(scorer(estimator, X, targets))
            except Exception:
                failures[metric] = traceback.format_exc()
        known = [score for score in single.values() if not np.isnan(score)]
        failed = metric in failures or not known
        scores[f"test_{metric}"] = float("nan") if failed else float(np.mean(known))
        scores |= single
    return scores | ({"failures": failures} if failures else {})
