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

from skfmvae._checks import check_whole
from skfmvae.labels import PartialLabelEncoder, columns_of

from .cache import ResultCache
from .per_property import PerProperty, is_semi_supervised, takes_partial_labels
from .scorers import PartialScorer, partial_scorer
from .splits import PartialLabelKFold
from .tables import Table, as_table
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
        trained on.
    budgets : sequence of int, or of dict of str to int
        Numbers of labels, each of every property; or by the names of properties, where
        those that are not named keep all their labels.
    cv : int, splitter or iterable of (train, test), default=5
        Splits of the rows. A number stands for shuffled folds of `PartialLabelKFold`.
    n_repeats : int, default=1
        How often labels are drawn for each split.
    scoring : str, callable, or list or dict of them, default="accuracy"
        What `partial_scorer` takes or makes; several by their names.
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
        those alone; the result is the same to the last bit. A damaged file is computed
        again, with a warning. Needs a whole number as `random_state`.
    error_score : "raise" or float, default=nan
        The scores where a fit fails, with a warning that says why; or to raise it.
    verbose : int, default=0
        Shows a progress bar, with the time left, where it is not 0.

    Returns
    -------
    results : DataFrame, or dict of str to ndarray where pandas is not installed
        A row for each estimator, budget, repeat and fold, with the columns "estimator",
        "budget" (the largest number, where it is a dict), "repeat", "fold", "n_train",
        "n_test", "n_labels" (or "n_labels_<property>", where there are several),
        "test_score" (or "test_<name>", for every name in `scoring`), the same with
        "_<property>" where there are several, whose mean it is, and "fit_time" and
        "score_time" in seconds.

    Raises
    ------
    ValueError
        If a parameter is out of range, or a budget larger than the number of labels in
        some training part.

    Warns
    -----
    FitFailedWarning
        Where a fit or a score fails.

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
    X, y, groups = indexable(X, y, groups)
    columns = columns_of(y)
    encoder = PartialLabelEncoder().fit(columns)
    codes = encoder.transform(columns)
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    if isinstance(cv, Integral):
        cv = PartialLabelKFold(int(cv), shuffle=True, random_state=seed)
    study = Study(
        X,
        y if hasattr(y, "iloc") else _as_array(columns),
        codes,
        encoder.property_names,
        _prepare(estimators, semi_supervised),
        _metrics(scoring),
        list(check_cv(cv).split(X, y, groups)),
        STRATEGIES[strategy],
        seed,
    )
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


def _as_array(columns):
    """Return the columns of a list or of a frame that is not of pandas."""
    if columns.n_dims == 1:
        return columns.columns[0]
    one_dtype = len({column.dtype for column in columns.columns}) == 1
    return np.stack(
        [column if one_dtype else column.astype(object) for column in columns.columns],
        axis=1,
    )


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
        if isinstance(estimator, type) or not is_classifier(estimator):
            raise ValueError(
                f"estimator {name!r} is {estimator!r}, which is no classifier; give an "
                "unfitted one."
            )
        if not takes_partial_labels(estimator):
            sees_all = name in semi_supervised or is_semi_supervised(estimator)
            estimator = PerProperty(estimator, semi_supervised=sees_all)
        prepared[name] = estimator
    return prepared


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
    names = study.property_names
    available = dict(
        zip(
            names,
            # In the training part that has fewest.
            np.min([(study.codes[train] >= 0).sum(0) for train, _ in study.splits], 0),
            strict=True,
        )
    )
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
        checked.append({name: int(named.get(name, len(study.codes))) for name in names})
    sizes = [_size(budget, study) for budget in checked]
    if not sizes or len(set(sizes)) < len(sizes):
        raise ValueError(f"budgets={budgets!r} should be one or more, all different.")
    return sorted(checked, key=lambda budget: _size(budget, study))


def _size(budget, study):
    """Return the largest number of labels that a budget asks for."""
    asked = [number for number in budget.values() if number < len(study.codes)]
    return max(asked, default=len(study.codes))


def _run(study, tasks, n_jobs, cache, verbose):
    """Return the result of each task, from the cache where it has been computed."""
    results: list[dict | None] = [None] * len(tasks)
    if cache is not None:
        stored, digest = ResultCache(cache), study.digest()
        keys = [study.key(task, digest) for task in tasks]
        results = [stored.load(key) for key in keys]
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
    """Return the table of results, and say which fits have failed."""
    failed = [i for i, result in enumerate(results) if "error" in result]
    for i in failed:
        name, budget, repeat, fold = tasks[i]
        message = (
            f"{name!r} failed with {_size(budget, study)} labels, repeat {repeat}, "
            f"fold {fold}:\n{results[i]['error']}"
        )
        if error_score == "raise" or len(failed) == len(tasks):
            raise ValueError(message)
        warnings.warn(message, FitFailedWarning, stacklevel=3)
    whole = next(result for result in results if "error" not in result)
    scores = [key for key in whole if key.startswith("test_")]
    times = dict.fromkeys(("fit_time", "score_time"), float("nan"))
    rows = []
    for task, result in zip(tasks, results, strict=True):
        if "error" in result:
            counts = {key: result[key] for key in result if key != "error"}
            result = {**counts, **dict.fromkeys(scores, error_score), **times}
        size = _size(task.budget, study)
        rows.append({**task._asdict(), "budget": size, **result})
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
