"""Scorers that leave out unlabelled entries, of one property or several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.utils import _safe_indexing
from sklearn.utils.metaestimators import available_if

from skfmvae.labels import PartialLabelEncoder, columns_of
from skfmvae.metrics import expected_calibration_error

__all__ = ["PartialScorer", "partial_scorer"]

# A fitted classifier of one property, rows, and labels, all known, to a number.
Scorer = Callable[[Any, Any, np.ndarray], float]


def partial_scorer(
    metric: str | Scorer = "accuracy", *, property: str | int | None = None
) -> PartialScorer:
    """Make a scorer of scikit-learn's leave out entries that have no label.

    Parameters
    ----------
    metric : str or callable, default="accuracy"
        A name that ``scoring`` takes, such as "balanced_accuracy", "f1_macro",
        "neg_log_loss", "roc_auc_ovr" or "neg_brier_score", or
        "neg_expected_calibration_error"; or a scorer, as of
        :func:`sklearn.metrics.make_scorer`.
    property : str, int or None, default=None
        The property to score, by its name or its position among the columns of `y`.
        None takes the mean over those that have a label among the rows.

    Returns
    -------
    scorer : PartialScorer
        For ``scoring``, of any classifier of one property or several.

    Raises
    ------
    ValueError
        If there is no metric of that name.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.semi_supervised import LabelSpreading
    >>> from skfmvae.model_selection import PartialLabelKFold, partial_scorer
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(60) % 2
    >>> X = rng.normal(size=(60, 2)) + 4 * y[:, None]
    >>> y_partial = np.where(rng.random(60) < 0.4, y, -1)
    >>> scores = cross_val_score(
    ...     LabelSpreading(), X, y_partial,
    ...     cv=PartialLabelKFold(3), scoring=partial_scorer("neg_log_loss"),
    ... )
    >>> scores.shape
    (3,)
    """
    return PartialScorer(metric, property)


class PartialScorer:
    """What `partial_scorer` makes.

    Parameters
    ----------
    metric : str or callable
        A name or a scorer, as for `partial_scorer`.
    property : str, int or None, default=None
        The property to score, likewise.
    """

    def __init__(self, metric: str | Scorer, property: str | int | None = None):
        self.metric = metric
        self.property = property
        if callable(metric):
            self._score = metric
        elif metric == "neg_expected_calibration_error":
            self._score = _neg_expected_calibration_error
        elif metric in get_scorer_names():
            self._score = get_scorer(metric)
        else:
            raise ValueError(
                f"metric={metric!r} is not a scorer; give one, "
                "'neg_expected_calibration_error' or a name of "
                "sklearn.metrics.get_scorer_names()."
            )

    def __repr__(self) -> str:
        return f"partial_scorer({self.metric!r}, property={self.property!r})"

    def __call__(self, estimator: Any, X: Any, y: Any) -> float:
        """Return the score on the entries that are labelled.

        Parameters
        ----------
        estimator : classifier
            Fitted.
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_properties)
            Partial labels, marked as for the estimators.

        Returns
        -------
        score : float
            NaN where no entry of the property, or of any, is labelled.

        Raises
        ------
        ValueError
            If there is no such property, or if -1 is a class of the estimator.
        """
        _refuse_unlabelled_class(estimator)
        columns = columns_of(y)
        known = PartialLabelEncoder().fit(columns).transform(columns) >= 0
        scores = []
        for k in self._positions(estimator, columns):
            rows = np.flatnonzero(known[:, k])
            if len(rows):
                labels = np.array(columns.columns[k][rows].tolist())
                one = _OneProperty(estimator, k if columns.n_dims == 2 else None)
                scores.append(self._score(one, _safe_indexing(X, rows), labels))
        return float(np.mean(scores)) if scores else float("nan")

    def _positions(self, estimator, columns):
        n = len(columns.columns)
        if self.property is None:
            return range(n)
        names = columns.names or list(getattr(estimator, "property_names_", []))[:n]
        if self.property in names:
            return [names.index(self.property)]
        if isinstance(self.property, int) and 0 <= self.property < n:
            return [self.property]
        raise ValueError(
            f"property={self.property!r} is none of those of y; they are "
            f"{names or list(range(n))}."
        )


def _refuse_unlabelled_class(estimator):
    """Raise an error where unlabelled entries were taken for a class."""
    classes = getattr(estimator, "classes_", [])
    for values in classes if isinstance(classes, list) else [classes]:
        if -1 in np.asarray(values).tolist():
            raise ValueError(
                f"{type(estimator).__name__} has -1 among its classes_, but -1 marks "
                "entries without a label: it took them for a class. Fit it to labelled "
                "rows alone; if -1 is a class of yours, give it another value."
            )


def _has_proba(one: _OneProperty) -> bool:
    return hasattr(one.estimator, "predict_proba")


def _has_decision(one: _OneProperty) -> bool:
    return one.position is None and hasattr(one.estimator, "decision_function")


class _OneProperty(ClassifierMixin, BaseEstimator):
    """A fitted classifier of several properties, as one of a single property.

    Parameters
    ----------
    estimator : classifier
    position : int or None
        Of the property; None where the classifier has one only, and no columns.
    """

    def __init__(self, estimator, position):
        self.estimator = estimator
        self.position = position

    def __sklearn_is_fitted__(self):
        return True

    @property
    def classes_(self):
        classes = self.estimator.classes_
        return classes[self.position] if isinstance(classes, list) else classes

    def predict(self, X):
        predicted = np.asarray(self.estimator.predict(X))
        if predicted.ndim == 1:
            return predicted
        return np.array(predicted[:, self.position or 0].tolist())

    @available_if(_has_proba)
    def predict_proba(self, X):
        proba = self.estimator.predict_proba(X)
        return proba[self.position] if isinstance(proba, list) else proba

    @available_if(_has_decision)
    def decision_function(self, X):
        return self.estimator.decision_function(X)


def _neg_expected_calibration_error(estimator, X, y):
    proba = estimator.predict_proba(X)
    return -expected_calibration_error(y, proba, labels=estimator.classes_)
