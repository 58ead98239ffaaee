"""A fitted estimator of several columns of `y`, seen as one of a single column."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

from skfmvae.targets import narrowed

from .targets import Targets

__all__ = ["one_column", "refuse_unlabelled_class"]


def _has_proba(one: _OneLabel) -> bool:
    return hasattr(one.estimator, "predict_proba")


def _has_decision(one: _OneLabel) -> bool:
    several = isinstance(getattr(one.estimator, "classes_", None), list)
    return not several and hasattr(one.estimator, "decision_function")


class _OneColumn(BaseEstimator):
    """A fitted estimator of several properties, seen as one of a single column of `y`.

    Parameters
    ----------
    estimator : estimator
        Of all columns of `y`, or of those of labels.
    targets : Targets
        The columns of `y`.
    position : int
        Position of the column in `y`.
    """

    def __init__(self, estimator, targets, position):
        self.estimator = estimator
        self.targets = targets
        self.position = position

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, X):
        predicted = np.asarray(self.estimator.predict(X))
        predicted = predicted.reshape(len(predicted), -1)
        labels = self.targets.labels
        for columns in (list(range(len(self.targets.columns))), labels):
            if len(columns) == predicted.shape[1] and self.position in columns:
                column = predicted[:, columns.index(self.position)]
                return narrowed(column)
        raise ValueError(
            f"the estimator predicts {predicted.shape[1]} columns, but y has "
            f"{len(self.targets.columns)}, of which {len(labels)} are labels; score "
            "the columns that it predicts."
        )


class _OneLabel(ClassifierMixin, _OneColumn):
    """The same with the classes and probabilities of the column."""

    @property
    def classes_(self):
        return self._own(self.estimator.classes_)

    @available_if(_has_proba)
    def predict_proba(self, X):
        return self._own(self.estimator.predict_proba(X))

    @available_if(_has_decision)
    def decision_function(self, X):
        return self.estimator.decision_function(X)

    def _own(self, by_label):
        if not isinstance(by_label, list):
            return by_label
        return by_label[self.targets.labels.index(self.position)]


class _OneQuantity(RegressorMixin, _OneColumn):
    """The same with predictions that are numbers."""

    def predict(self, X):
        return super().predict(X).astype(np.float64)


def one_column(estimator: Any, targets: Targets, position: int) -> Any:
    """Return a fitted estimator of several columns as one of a single column.

    Parameters
    ----------
    estimator : estimator
        Of all columns of `y`, or of those of labels.
    targets : Targets
        The columns of `y`.
    position : int
        Position of the column in `y`.

    Returns
    -------
    estimator : classifier or regressor
        Its class has the name of the estimator's, which errors then show.
    """
    kind = _OneLabel if position in targets.labels else _OneQuantity
    named = type(type(estimator).__name__, (kind,), {})
    return named(estimator, targets, position)


def refuse_unlabelled_class(estimator: Any) -> None:
    """Raise an error if -1 is one of the classes.

    Parameters
    ----------
    estimator : estimator
        Fitted.

    Raises
    ------
    ValueError
        If it took entries without a label for a class.
    """
    classes = getattr(estimator, "classes_", [])
    for values in classes if isinstance(classes, list) else [classes]:
        if -1 in np.asarray(values).tolist():
            raise ValueError(
                f"{type(estimator).__name__} has -1 among its classes_, but -1 marks "
                "entries without a label: it took them for a class. Fit it to labelled "
                "rows alone; if -1 is a class of yours, give it another value."
            )
