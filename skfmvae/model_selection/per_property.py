"""How classifiers that know nothing of partial labels are fitted to them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skfmvae.estimators._base import BaseVAE
from skfmvae.targets import PartialLabelEncoder, columns_of

__all__ = ["PerProperty", "deciding", "is_semi_supervised", "takes_partial_labels"]


def takes_partial_labels(estimator: Any) -> bool:
    """Tell whether an estimator takes partial labels of several properties itself.

    Parameters
    ----------
    estimator : object
        Where it is a pipeline or a search, what ends or fills it decides.

    Returns
    -------
    bool
        True for the estimators of this package.
    """
    return isinstance(deciding(estimator), BaseVAE)


def is_semi_supervised(estimator: Any) -> bool:
    """Tell whether an estimator takes rows without a label, marked by -1.

    Parameters
    ----------
    estimator : object
        Where it is a pipeline or a search, what ends or fills it decides.

    Returns
    -------
    bool
        True for the classifiers of :mod:`sklearn.semi_supervised`.
    """
    parents = type(deciding(estimator)).__mro__
    return any(p.__module__.startswith("sklearn.semi_supervised") for p in parents)


def deciding(estimator: Any) -> Any:
    """Return the estimator that predicts, within pipelines and searches.

    Parameters
    ----------
    estimator : object
        Fitted or not.

    Returns
    -------
    estimator : object
        The last step of a pipeline, the best or else the only estimator of a search;
        any other is returned itself.
    """
    if isinstance(estimator, Pipeline):
        return deciding(estimator.steps[-1][1])
    if isinstance(estimator, BaseSearchCV):
        return deciding(getattr(estimator, "best_estimator_", estimator.estimator))
    return estimator


def _has_proba(self: PerProperty) -> bool:
    return hasattr(self.estimator, "predict_proba")


def _has_decision(self: PerProperty) -> bool:
    one = len(getattr(self, "estimators_", [None])) == 1
    return one and hasattr(self.estimator, "decision_function")


class PerProperty(ClassifierMixin, BaseEstimator):
    """One clone of a classifier for each property of partial labels.

    A property of which one value alone is labelled is predicted to have that value
    everywhere.

    Parameters
    ----------
    estimator : classifier
        Of a single property.
    semi_supervised : bool, default=False
        Whether it sees rows without a label too, marked by -1; else a clone is fitted
        to the rows that have a label of its property.

    Attributes
    ----------
    estimators_ : list of classifier
        The fitted clones.
    classes_ : ndarray, or a list of them
        The values of each property; a list where `y` had several columns.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skfmvae.model_selection.per_property import PerProperty
    >>> X = [[0.0], [0.1], [1.0], [1.1]]
    >>> y = [["a", "x"], [None, "x"], ["b", None], ["b", "y"]]
    >>> model = PerProperty(KNeighborsClassifier(1)).fit(X, y)
    >>> model.predict([[0.2]]).tolist()
    [['a', 'x']]
    """

    def __init__(self, estimator: Any, *, semi_supervised: bool = False):
        self.estimator = estimator
        self.semi_supervised = semi_supervised

    def fit(self, X: Any, y: Any) -> PerProperty:
        """Fit a clone to each property.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_properties)
            Partial labels, marked as for the estimators of this package.

        Returns
        -------
        self : PerProperty
            The fitted classifier.

        Raises
        ------
        ValueError
            If a property has no label at all.
        """
        columns = columns_of(y)
        self.labels_ = PartialLabelEncoder().fit(columns)
        self.estimators_ = []
        codes = self.labels_.transform(columns)
        for name, code in zip(self.labels_.property_names, codes.T, strict=True):
            labelled = np.flatnonzero(code >= 0)
            if not len(labelled):
                raise ValueError(f"property {name!r} has no label to learn from.")
            one_value = (code[labelled] == code[labelled[0]]).all()
            estimator = DummyClassifier() if one_value else clone(self.estimator)
            if one_value or not self.semi_supervised:
                estimator.fit(_safe_indexing(X, labelled), code[labelled])
            else:
                estimator.fit(X, code)
            self.estimators_.append(estimator)
        classes = self.labels_.classes
        self.classes_ = classes if self.labels_.multi_output else classes[0]
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict the values of every property.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_properties)
            Values of the kind that `fit` got.
        """
        check_is_fitted(self)
        codes = [estimator.predict(X) for estimator in self.estimators_]
        return self.labels_.inverse(np.stack(codes, axis=1))

    @available_if(_has_proba)
    def predict_proba(self, X: Any) -> np.ndarray | list[np.ndarray]:
        """Predict the probability of every value of every property.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes), or a list of them
            In the order of `classes_`.
        """
        check_is_fitted(self)
        proba = [estimator.predict_proba(X) for estimator in self.estimators_]
        return proba if self.labels_.multi_output else proba[0]

    @available_if(_has_decision)
    def decision_function(self, X: Any) -> np.ndarray:
        """Return what the classifier of a single property decides by.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
            As the classifier gives it.
        """
        check_is_fitted(self)
        return self.estimators_[0].decision_function(X)
