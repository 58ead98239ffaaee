"""Label-efficiency curves: scores against the number of labels."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from numbers import Integral
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from joblib.parallel import get_active_backend
from sklearn.base import is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state, indexable
from tqdm.auto import tqdm

from skfmvae._utils.checks import check_whole, masked_as_nan
from skfmvae.targets import Columns, PartialLabelEncoder, columns_of

from .cache import ResultCache
from .per_property import PerProperty, is_semi_supervised, takes_partial_labels
from .scorers import PartialScorer, partial_scorer
from .splits import PartialLabelKFold
from .tables import Table, as_table
from .targets import Targets, read_targets, takes_quantities
from .tasks import Study, Task, fit_and_score, one_thread

__all__ = ["label_efficiency_curve"]

STRATEGIES = {"random": None, "stratified": "proportional", "balanced": "balanced"}


def label_efficiency_curve(
    estimators: Mapping[str, Any],
    X: Any,
    y: Any,
    *,
    budgets: Sequence[int | Mapping[str, int]],
    cv: Any = 5,
    n_repeats: int = 1,
    scoring: Any = "accuracy",
    strategy: str = "stratified",
    groups: Any = None,
    semi_supervised: Sequence[str] = (),
    n_jobs: int | None = None,
    random_state: Any = None,
    cache: str | os.PathLike | None = None,
    error_score: float | str = float("nan"),
    verbose: int = 0,
) -> Table:
    """Score classifiers that are fitted to ever more labels of the same rows.

    For each split, repeat and budget, so many labels of the training rows are kept and
    the others hidden. A larger budget has all the labels of a smaller one, and all
    estimators have the same, so that their scores can be compared in pairs.

    Our estimators, and the classifiers of :mod:`sklearn.semi_supervised`, see all
    training rows, also within a pipeline or a search; all others see those that have a
    label. Classifiers of other packages are fitted to one property after the other.
    One of which a single value is labelled is predicted to have it everywhere.

    Parameters
    ----------
    estimators : dict of str to classifier
        Unfitted, by the names they have in the result. A `random_state` that is None,
        of an estimator or of a part of it, is set for each split and repeat.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        The rows.
    y : array-like of shape (n_samples,) or (n_samples, n_properties)
        Labels, all or some, marked as for the estimators. Rows without any are always
        trained on. A column is a quantity where the graph of an estimator says so, or
        where any of its numbers is fractional; estimators without quantities in their
        graph are fitted to the labels alone.
    budgets : sequence of int, or of dict of str to int
        Numbers of labels, each of every property; or by the names of properties, where
        those that are not named keep all their labels. A quantity is a property whose
        known values are its labels: as many are kept, on rows of their own.
    cv : int, splitter or iterable of (train, test), default=5
        Splits of the rows. A number stands for shuffled folds of `PartialLabelKFold`.
    n_repeats : int, default=1
        How often labels are drawn for each split.
    scoring : str, callable, or list or dict of them, default="accuracy"
        What `partial_scorer` takes or makes; several by their names. A metric that
        fails leaves the others' scores, with a warning.
    strategy : {"stratified", "random", "balanced"}, default="stratified"
        Whether labels are drawn in the shares that they have among the training rows,
        or whatever they are, or as many of each value as far as there are so many.
    groups : array-like of shape (n_samples,), default=None
        Passed on to `cv`: rows of one group are never on both sides of a split.
    semi_supervised : sequence of str, default=()
        Names of further estimators that take rows without a label, marked by -1.
    n_jobs : int or None, default=None
        Number of fits at a time, each on one thread; None is 1, or what
        :func:`joblib.parallel_config` says, whose backend is used.
    random_state : int, RandomState instance or None, default=None
        Seed of the splits that `cv` counts, of the labels and of the estimators.
    cache : str or path, default=None
        A folder for the results of finished fits. A study that was interrupted goes on
        where it stopped, and one with more budgets, repeats or estimators computes
        those alone; the result is the same to the last bit. With a warning, a damaged
        file is computed again, and a study whose results cannot be written goes on
        without. Needs a whole number as `random_state`.
    error_score : "raise" or float, default=nan
        The scores where a fit or a metric fails, with a warning that says why; or to
        raise it.
    verbose : int, default=0
        Shows a progress bar, with the time left, where it is not 0.

    Returns
    -------
    results : DataFrame, or dict of str to ndarray where pandas is not installed
        A row for each estimator, budget, repeat and fold, with the columns "estimator",
        "budget" (the largest number, where it is a dict), "repeat", "fold", "n_train",
        "n_test", "n_labels" (or "n_labels_<property>", where there are several),
        "test_score" (or "test_<name>", for every name in `scoring`), the same with
        "_<property>" where there are several with labels, whose mean it is, and
        "fit_time" and "score_time" in seconds.

    Raises
    ------
    ValueError
        If a parameter is out of range, or a budget larger than the number of labels in
        some training part; if all fits fail.

    Warns
    -----
    FitFailedWarning
        Where a fit fails.
    UserWarning
        For each estimator and metric that fails: how often, and why the first time. If
        a column of `y` has a single class, or classes that may be quantities or lack
        -1, which marks unlabelled entries.
    RuntimeWarning
        If a file of the cache is damaged, or one cannot be written.

    See Also
    --------
    labels_needed : The number of labels that reach a score.
    compare_estimators : The differences between two estimators.
    skfmvae.plotting.LabelEfficiencyDisplay : The curves.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.svm import SVC
    >>> from skfmvae.model_selection import label_efficiency_curve
    >>> X, y = load_digits(return_X_y=True)
    >>> results = label_efficiency_curve(
    ...     {"logistic": LogisticRegression(max_iter=1000), "SVC": SVC()},
    ...     X / 16, y, budgets=[20, 1000], random_state=0,
    ... )
    >>> is_svc = results["estimator"] == "SVC"
    >>> for budget in (20, 1000):
    ...     scores = results["test_score"][is_svc & (results["budget"] == budget)]
    ...     print(f"{budget} labels: {scores.mean():.1f}")
    20 labels: 0.7
    1000 labels: 1.0
    """
    if cache is not None and not isinstance(random_state, Integral):
        raise ValueError(
            f"random_state={random_state!r}, but a study with a cache needs a whole "
            "number, so that it is the same study when it goes on."
        )
    check_whole("n_repeats", n_repeats, 1)
    if strategy not in STRATEGIES:
        raise ValueError(
            f"strategy={strategy!r} is unknown; choose one of {sorted(STRATEGIES)}."
        )
    X, y, groups = indexable(masked_as_nan(X), y, groups)
    prepared = _prepare(estimators, semi_supervised)
    targets = _named(read_targets(y, *prepared.values()))
    y = _maskable(y, targets)
    _check_labels(prepared, targets)
    _warn_of_classes(targets)
    metrics = _metrics(scoring)
    for metric in metrics.values():
        metric.positions(targets)
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    if isinstance(cv, Integral):
        cv = PartialLabelKFold(int(cv), shuffle=True, random_state=seed)
    splits = list(check_cv(cv).split(X, y, groups))
    study = Study(X, y, targets, prepared, metrics, splits, STRATEGIES[strategy], seed)
    tasks = [
        Task(name, budget, repeat, fold)
        # Estimators change fastest, so that the time left is soon known.
        for repeat, fold, budget, name in product(
            range(n_repeats),
            range(len(study.splits)),
            _check_budgets(budgets, study),
            study.estimators,
        )
    ]
    results = _run(study, tasks, n_jobs, cache, verbose)
    return _tidy(study, tasks, results, error_score)


def _named(targets: Targets) -> Targets:
    """Return targets with a name for each column, as the estimators have it."""
    names = targets.names or [f"property_{k}" for k in range(len(targets.columns))]
    return targets._replace(names=names)


def _maskable(y, targets):
    """Return `y` as an array or of pandas, with a mark for all that can be hidden.

    -1 marks a label that is hidden among whole numbers, but not a quantity.
    """
    counted = {k for own in targets.quantities.values() for k in own}
    counted = {k for k in counted if targets.columns[k].dtype.kind in "iu"}
    if hasattr(y, "iloc"):
        if y.ndim == 1:
            return y.astype(object) if counted else y
        y = y.copy(deep=False)
        for k in counted:
            y.isetitem(k, y.iloc[:, k].astype(object))
        return y if y.shape[1] > 1 else y.iloc[:, 0]
    columns = columns_of(y).columns
    if counted or len({column.dtype for column in columns}) > 1:
        columns = [column.astype(object) for column in columns]
    return np.stack(columns, axis=1) if len(columns) > 1 else columns[0]


def _prepare(estimators, semi_supervised):
    """Make all estimators take partial labels."""
    if not isinstance(estimators, Mapping) or not estimators:
        raise ValueError(
            f"estimators={estimators!r} should be a dict of classifiers by their names."
        )
    unknown = sorted(set(semi_supervised) - set(estimators))
    if unknown:
        raise ValueError(
            f"semi_supervised names {unknown}, which estimators lacks; it has "
            f"{list(estimators)}."
        )
    prepared = {}
    for name, estimator in estimators.items():
        ours = takes_partial_labels(estimator)  # a regressor with quantities alone
        if isinstance(estimator, type) or not (ours or is_classifier(estimator)):
            raise ValueError(
                f"estimator {name!r} is {estimator!r}, which is no classifier; give an "
                "unfitted one."
            )
        if not ours:
            sees_all = name in semi_supervised or is_semi_supervised(estimator)
            estimator = PerProperty(estimator, semi_supervised=sees_all)
        prepared[name] = estimator
    return prepared


def _check_labels(estimators, targets):
    """Check that there are labels for all that take nothing else."""
    for name, estimator in estimators.items():
        if not targets.labels and not takes_quantities(estimator):
            raise ValueError(
                f"Unknown label type: continuous. y holds quantities alone, "
                f"{list(targets.quantities)}, which estimator {name!r} does not take; "
                "add a column of labels, or leave the estimator out."
            )


def _warn_of_classes(targets):
    """Warn of classes that are rarely meant, as `fit` does."""
    for k in targets.labels:
        column = Columns([targets.names[k]], [targets.columns[k]], 1)
        PartialLabelEncoder().fit(column).warn(column)


def _metrics(scoring):
    """Return scorers of labelled entries by name."""
    if isinstance(scoring, str) or callable(scoring):
        scoring = {"score": scoring}
    elif not isinstance(scoring, Mapping):
        scoring = {name: name for name in scoring}
    return {
        name: metric if isinstance(metric, PartialScorer) else partial_scorer(metric)
        for name, metric in scoring.items()
    }


def _check_budgets(budgets, study):
    """Return each budget as a number of labels of every property."""
    names = list(study.targets.properties)
    available = {  # in the training part that has fewest
        name: min((codes[train] >= 0).sum() for train, _ in study.splits)
        for name, codes in study.codes.items()
    }
    checked = []
    for budget in budgets:
        named = budget if isinstance(budget, Mapping) else dict.fromkeys(names, budget)
        unknown = sorted(set(named) - set(names))
        if unknown or not named:
            raise ValueError(
                f"budgets has {budget!r}; give numbers of labels, or dicts of them by "
                f"the names of properties, which are {names}."
            )
        for name, number in named.items():
            check_whole("budgets", number, 1)
            if number > available[name]:
                raise ValueError(
                    f"budgets has {number} labels of {name!r}, but a training part has "
                    f"only {available[name]}; lower it, or label more rows."
                )
        # Of a property that is not named, all.
        every = len(study.targets.codes)
        checked.append({name: int(named.get(name, every)) for name in names})
    sizes = [_size(budget, study) for budget in checked]
    if not sizes or len(set(sizes)) < len(sizes):
        raise ValueError(f"budgets={budgets!r} should be one or more, all different.")
    return sorted(checked, key=lambda budget: _size(budget, study))


def _size(budget, study):
    """Return the largest number of labels that a budget asks for."""
    every = len(study.targets.codes)
    return max((number for number in budget.values() if number < every), default=every)


def _run(study, tasks, n_jobs, cache, verbose):
    """Return the result of each task, from the cache where it has been computed."""
    results: list[dict | None] = [None] * len(tasks)
    if cache is not None:
        stored, digest = ResultCache(cache), study.digest()
        keys = [study.key(task, digest) for task in tasks]
        results = [stored.load(key, study.is_result) for key in keys]
    missing = [i for i, result in enumerate(results) if result is None]
    backend, _ = get_active_backend()
    # Results are kept as they come, where the backend hands them out.
    return_as = "generator_unordered" if backend.supports_return_generator else "list"
    bar = tqdm(
        total=len(tasks),
        initial=len(tasks) - len(missing),
        disable=not verbose,
        unit="fit",
    )
    # One thread here too: a backend of threads has one number of them for all.
    with bar, one_thread(), _shared(study, backend):
        done = Parallel(n_jobs, return_as=return_as, batch_size=1)(
            delayed(_numbered)(i, study, tasks[i]) for i in missing
        )
        for i, result in done:
            results[i] = result
            if cache is not None and "error" not in result:
                stored.save(keys[i], result)
            bar.update()
    return results


def _numbered(i, study, task):
    return i, fit_and_score(study, task)


@contextmanager
def _shared(study, backend) -> Iterator[None]:
    """Let the workers of a Dask cluster have the study as the result of a task.

    Like scattered data it is sent to each worker, not with each fit. But those are lost
    for good with the last worker that holds them, and Dask keeps no more copies than
    are in use; what a task returns is computed again.
    """
    if type(backend).__name__ != "DaskDistributedBackend":
        yield
        return
    from distributed.protocol import pickle

    with warnings.catch_warnings():
        # Dask would rather have data scattered.
        warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
        future = backend.client.submit(
            pickle.loads, pickle.dumps(study), pure=False, **backend.submit_kwargs
        )
    # Where joblib has what it has scattered itself.
    backend.data_futures[id(study)] = future
    try:
        yield
    finally:
        del backend.data_futures[id(study)]


def _tidy(study, tasks, results, error_score):
    """Return the table of results, and say which fits and metrics have failed."""
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
        size = _size(task.budget, study)
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
    """Warn of each fit that failed; raise the first if asked to, or if all did."""
    failed = [i for i, result in enumerate(results) if "error" in result]
    for i in failed:
        message = f"{_described(study, tasks[i])}:\n{results[i]['error']}"
        if error_score == "raise" or len(failed) == len(tasks):
            raise ValueError(message)
        warnings.warn(message, FitFailedWarning, stacklevel=4)


def _report_metrics(study, tasks, results, error_score):
    """Warn of each metric that failed, by estimator; raise the first if asked to."""
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
    """Say which task failed."""
    return (
        f"{task.estimator!r} failed with {_size(task.budget, study)} labels, repeat "
        f"{task.repeat}, fold {task.fold}"
    )
