"""Label-efficiency curves: scores against the number of labels."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import product
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state, indexable

from skfmvae._utils.checks import check_whole
from skfmvae._utils.missing import masked_as_nan
from skfmvae.ensemble.per_property import (
    PerProperty,
    is_semi_supervised,
    takes_partial_labels,
)
from skfmvae.targets import Columns, PartialLabelEncoder, columns_of, default_names

from .budgets import check_budgets
from .parallel import run_tasks
from .results import tidy
from .scorers import PartialScorer, partial_scorer
from .splits import PartialLabelKFold
from .tables import Table
from .targets import Targets, read_targets, takes_quantities
from .tasks import Study, Task

__all__ = ["label_efficiency_curve"]

# The argument `stratify` of `mask_labels` for each name of a strategy.
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
    """Return the scores of classifiers at several numbers of labels.

    For each split, repeat and budget, that many labels of the training rows are kept
    and the others are hidden. A larger budget includes the labels of a smaller one, and
    all estimators have the same labels, so that their scores can be compared in pairs.

    The estimators of this package and the classifiers of :mod:`sklearn.semi_supervised`
    are fitted to all training rows, also inside a pipeline or a search; all others are
    fitted to the rows with a label. Classifiers of other packages are fitted to one
    property after the other. Where all labels of a property are of one class, they
    predict this class for all rows.

    Parameters
    ----------
    estimators : dict of str to classifier
        Unfitted, by their names in the result. A `random_state` that is None, of an
        estimator or of a part of it, is set for each split and repeat.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        The rows.
    y : array-like of shape (n_samples,) or (n_samples, n_properties)
        Full or partial labels, marked as for the estimators. Rows without any label are
        training rows in every split. A column is a quantity if it is one in the
        graphical model of an estimator, or if any of its numbers is fractional;
        estimators without quantities in a graphical model are fitted to the labels
        alone.
    budgets : sequence of int, or of dict of str to int
        Numbers of labels of every property, or numbers by the names of properties; a
        property that is not named keeps all its labels. The known values of a quantity
        count as its labels.
    cv : int, splitter or iterable of (train, test), default=5
        Splits of the rows. A number stands for shuffled folds of `PartialLabelKFold`.
    n_repeats : int, default=1
        Number of draws of labels for each split.
    scoring : str, callable, or list or dict of them, default="accuracy"
        A metric or scorer as for `partial_scorer`, or several by their names. A metric
        that fails raises a warning; the scores of the others are kept.
    strategy : {"stratified", "random", "balanced"}, default="stratified"
        "stratified" draws labels in the proportions of the classes among the training
        rows, "random" regardless of their class, and "balanced" equally many of each
        class as far as it has so many.
    groups : array-like of shape (n_samples,), default=None
        Passed to `cv`: rows of one group are never on both sides of a split.
    semi_supervised : sequence of str, default=()
        Names of further estimators that accept rows without a label, marked by -1.
    n_jobs : int or None, default=None
        Number of parallel fits, each on one thread; None stands for 1, or for the
        number of :func:`joblib.parallel_config`, whose backend is used.
    random_state : int, RandomState instance or None, default=None
        Seed of the splits where `cv` is a number, of the labels and of the
        estimators.
    cache : str or path, default=None
        A folder for the results of finished fits. An interrupted study is resumed, and
        a study with more budgets, repeats or estimators computes those alone; the
        result is the same to the last bit. A damaged file raises a warning and its fit
        is computed again; where files cannot be written, a warning is raised and the
        study continues without. Requires a whole number as `random_state`.
    error_score : "raise" or float, default=nan
        The score where a fit or a metric fails, with a warning that gives the reason;
        "raise" raises the error.
    verbose : int, default=0
        Any number but 0 shows a progress bar with the time left.

    Returns
    -------
    results : DataFrame, or dict of str to ndarray where pandas is not installed
        A row for each estimator, budget, repeat and fold, with the columns "estimator",
        "budget" (the largest number of a dict), "repeat", "fold", "n_train", "n_test",
        "n_labels" (or "n_labels_<property>" for several properties), "test_score" (or
        "test_<name>" for every name in `scoring`), and "fit_time" and "score_time" in
        seconds. For several properties the score is the mean of those in the columns
        "test_score_<property>".

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
        For each estimator and metric that fails: how often, and the first reason. If a
        column of `y` has a single class, or classes that may be quantities or may
        include -1, which marks unlabelled entries.
    RuntimeWarning
        If a file of the cache is damaged or cannot be written.

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
            "number, so that it is the same study when it is resumed."
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
    metrics = _metrics(scoring, targets)
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    if isinstance(cv, Integral):
        cv = PartialLabelKFold(int(cv), shuffle=True, random_state=seed)
    splits = list(check_cv(cv).split(X, y, groups))
    study = Study(X, y, targets, prepared, metrics, splits, STRATEGIES[strategy], seed)
    tasks = _tasks(study, check_budgets(budgets, study), n_repeats)
    results = run_tasks(study, tasks, n_jobs, cache, verbose)
    return tidy(study, tasks, results, error_score)


def _tasks(study, budgets, n_repeats):
    """Return all tasks, in an order whose time left is soon known."""
    repeats, folds = range(n_repeats), range(len(study.splits))
    return [
        Task(name, budget, repeat, fold)
        for repeat, fold, budget, name in product(
            repeats, folds, budgets, study.estimators
        )
    ]


def _named(targets: Targets) -> Targets:
    """Return targets with a name for each column, as estimators name them."""
    return targets._replace(names=targets.names or default_names(len(targets.columns)))


def _maskable(y, targets):
    """Return `y` as an array or of pandas, in dtypes that can mark hidden entries.

    Among whole numbers -1 marks a hidden label; a hidden quantity needs objects.
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
    """Return estimators of partial labels, wrapping those that are none."""
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
    """Check that `y` has labels for the estimators that take no quantities."""
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


def _metrics(scoring, targets):
    """Return scorers of labelled entries by name, whose properties are checked."""
    if isinstance(scoring, str) or callable(scoring):
        scoring = {"score": scoring}
    elif not isinstance(scoring, Mapping):
        scoring = {name: name for name in scoring}
    metrics = {
        name: metric if isinstance(metric, PartialScorer) else partial_scorer(metric)
        for name, metric in scoring.items()
    }
    for metric in metrics.values():
        metric.positions(targets)
    return metrics
