"""Classifiers of one property, fitted to partial labels of several."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from skfmvae._utils.compat import BaseSearchCV, safe_indexing
from skfmvae.targets import PartialLabelEncoder, columns_of

__all__ = [
    "PerProperty",
    "final_estimator",
    "is_semi_supervised",
    "takes_partial_labels",
    "weight_params",
]


def takes_partial_labels(estimator: Any) -> bool:
    """Return whether an estimator takes partial labels of several properties.

    Parameters
    ----------
    estimator : object
        A pipeline or a search stands for its final estimator.

    Returns
    -------
    bool
        True for the estimators of this package.
    """
    # A method that only estimators of partial labels have, whatever their class.
    return hasattr(final_estimator(estimator), "property_proba")


def is_semi_supervised(estimator: Any) -> bool:
    """Return whether an estimator takes rows without a label, marked by -1.

    Parameters
    ----------
    estimator : object
        A pipeline or a search stands for its final estimator.

    Returns
    -------
    bool
        True for the classifiers of :mod:`sklearn.semi_supervised`.
    """
    parents = type(final_estimator(estimator)).__mro__
    return any(p.__module__.startswith("sklearn.semi_supervised") for p in parents)


def final_estimator(estimator: Any) -> Any:
    """Return the estimator that predicts inside pipelines and searches.

    Parameters
    ----------
    estimator : object
        Fitted or not.

    Returns
    -------
    estimator : object
        The last step of a pipeline, the best estimator of a fitted search, the only
        one of an unfitted search, or else the argument itself.
    """
    if isinstance(estimator, Pipeline):
        return final_estimator(estimator.steps[-1][1])
    if isinstance(estimator, BaseSearchCV):
        return final_estimator(
            getattr(estimator, "best_estimator_", estimator.estimator)
        )
    return estimator


def weight_params(estimator: Any, sample_weight: np.ndarray | None) -> dict[str, Any]:
    """Return the arguments of `fit` by which an estimator gets weights of rows.

    Parameters
    ----------
    estimator : estimator
        A pipeline gives them to its last step, a search to its estimator. Where
        scikit-learn routes metadata, those get them that request them.
    sample_weight : ndarray of shape (n_samples,) or None
        The weights; None for no weights.

    Returns
    -------
    params : dict of str to ndarray
        Empty for estimators that take no weights.
    """
    if sample_weight is None:
        return {}
    if get_config()["enable_metadata_routing"]:
        router = get_routing_for_object(estimator)
        takes = bool(router.consumes("fit", ["sample_weight"]))
    elif isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        params = weight_params(last, sample_weight)
        return {f"{name}__{key}": value for key, value in params.items()}
    elif isinstance(estimator, BaseSearchCV):
        return weight_params(estimator.estimator, sample_weight)
    else:
        takes = has_fit_parameter(estimator, "sample_weight")
    return {"sample_weight": sample_weight} if takes else {}


def _has_proba(self: PerProperty) -> bool:
    return hasattr(self.estimator, "predict_proba")


def _has_decision(self: PerProperty) -> bool:
    one = len(getattr(self, "estimators_", [None])) == 1
    return one and hasattr(self.estimator, "decision_function")


class PerProperty(ClassifierMixin, BaseEstimator):
    """One clone of a classifier for each property of partial labels.

    Where all labels of a property are of one class, this class is predicted for all
    rows.

    Parameters
    ----------
    estimator : classifier
        Of a single property.
    semi_supervised : bool, default=False
        Whether clones are fitted to all rows, with -1 on those without a label; else
        each is fitted to the rows with a label of its property.

    Attributes
    ----------
    estimators_ : list of classifier
        The fitted clones.
    classes_ : ndarray, or a list of them
        The classes of each property; a list where `y` had several columns.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skfmvae.ensemble.per_property import PerProperty
    >>> X = [[0.0], [0.1], [1.0], [1.1]]
    >>> y = [["a", "x"], [None, "x"], ["b", None], ["b", "y"]]
    >>> model = PerProperty(KNeighborsClassifier(1)).fit(X, y)
    >>> model.predict([[0.2]]).tolist()
    [['a', 'x']]
    """

    def __init__(self, estimator: Any, *, semi_supervised: bool = False):
        self.estimator = estimator
        self.semi_supervised = semi_supervised

    def fit(
        self, X: Any, y: Any, sample_weight: np.ndarray | None = None
    ) -> PerProperty:
        """Fit a clone to each property.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_properties)
            Partial labels, marked as for the estimators of this package.
        sample_weight : ndarray of shape (n_samples,), default=None
            Weights of the rows, for classifiers that take them.

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
            if (code[labelled] == code[labelled[0]]).all():
                estimator = DummyClassifier()
                estimator.fit(safe_indexing(X, labelled), code[labelled])
            else:
                rows = np.arange(len(code)) if self.semi_supervised else labelled
                weight = None if sample_weight is None else sample_weight[rows]
                estimator = clone(self.estimator)
                estimator.fit(
                    X if self.semi_supervised else safe_indexing(X, rows),
                    code[rows],
                    **weight_params(estimator, weight),
                )
            self.estimators_.append(estimator)
        classes = self.labels_.classes
        self.classes_ = classes if self.labels_.multi_output else classes[0]
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict the class of every property.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_properties)
            Classes of the same type as the labels at `fit`.
        """
        check_is_fitted(self)
        codes = [estimator.predict(X) for estimator in self.estimators_]
        return self.labels_.inverse(np.stack(codes, axis=1))

    @available_if(_has_proba)
    def predict_proba(self, X: Any) -> np.ndarray | list[np.ndarray]:
        """Predict the probability of every class of every property.

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
        """Return the decision function of the classifier of a single property.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
            The classifier's own.
        """
        check_is_fitted(self)
        return self.estimators_[0].decision_function(X)
