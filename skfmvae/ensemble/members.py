"""Members of an ensemble: what they may be, their fits, and what they predict."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from skfmvae._utils.checks import refuse
from skfmvae._utils.compat import safe_indexing
from skfmvae.estimators.judging import UNHELPFUL_ROWS
from skfmvae.targets import PartialLabelEncoder, codes_by_value, keep_entries

from .per_property import takes_partial_labels, weight_params

__all__ = [
    "check_members",
    "class_proba",
    "fit_member",
    "own_hidden_proba",
    "predict_hidden",
]


def check_members(ensemble: Any, members: Any) -> list[tuple[str, Any]]:
    """Return the members of an ensemble but for those that are dropped.

    Parameters
    ----------
    ensemble : estimator
        That has the parameter `estimators`.
    members : list of (str, estimator)
        Its value.

    Returns
    -------
    members : list of (str, classifier)
        The pairs whose second part is not "drop".

    Raises
    ------
    ValueError
        If these are no pairs of distinct names and classifiers with `predict_proba`.
    """
    example = "give pairs such as [('logistic', LogisticRegression())]"
    if not members or not all(_is_pair(member) for member in members):
        refuse(ensemble, "estimators", members, example)
    names = [name for name, _ in members]
    for name in names:
        if names.count(name) > 1:
            remedy = f"{name!r} names several members; give each a name of its own"
            refuse(ensemble, "estimators", names, remedy)
        if "__" in name or name in ensemble.get_params(deep=False):
            remedy = (
                f"rename {name!r}, as set_params needs names without '__' and other "
                "than those of parameters"
            )
            refuse(ensemble, "estimators", names, remedy)
    kept = [(name, member) for name, member in members if not _is_dropped(member)]
    if not kept:
        refuse(ensemble, "estimators", members, "keep one member that is not 'drop'")
    for name, member in kept:
        _check_member(ensemble, name, member)
    return kept


def _is_pair(member: Any) -> bool:
    is_pair = isinstance(member, tuple | list) and len(member) == 2
    return is_pair and isinstance(member[0], str)


def _is_dropped(member: Any) -> bool:
    return isinstance(member, str) and member == "drop"


def _check_member(ensemble: Any, name: str, member: Any) -> None:
    if isinstance(member, type):
        remedy = f"member {name!r} is a class; give an object, {member.__name__}()"
        refuse(ensemble, "estimators", [(name, member)], remedy)
    if not (hasattr(member, "fit") and is_classifier(member)):
        remedy = f"member {name!r} is no classifier; give an unfitted one"
        refuse(ensemble, "estimators", [(name, member)], remedy)
    if not hasattr(member, "predict_proba"):
        remedy = (
            f"member {name!r} has no predict_proba, and probabilities are what is "
            "pooled; wrap it in sklearn.calibration.CalibratedClassifierCV"
        )
        refuse(ensemble, "estimators", [(name, member)], remedy)


def fit_member(member: Any, X: Any, y: Any, sample_weight: np.ndarray | None) -> Any:
    """Return a fitted clone of a member.

    Parameters
    ----------
    member : classifier
        That takes partial labels.
    X : array-like of shape (n_samples, n_features)
        The rows.
    y : ndarray, Series or DataFrame of shape (n_samples,) or (n_samples, n_properties)
        Partial labels.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows, for members that take them.

    Returns
    -------
    fitted : classifier
        The clone.
    """
    fitted = clone(member)
    with warnings.catch_warnings():
        # The remedy that this warning names is the ensemble.
        warnings.filterwarnings("ignore", UNHELPFUL_ROWS, UserWarning)
        return fitted.fit(X, y, **weight_params(fitted, sample_weight))


def predict_hidden(
    member: Any,
    X: Any,
    y: Any,
    sample_weight: np.ndarray | None,
    hidden: np.ndarray,
    labels: PartialLabelEncoder,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return what a member predicts of rows after a fit without some of their labels.

    Parameters
    ----------
    member : classifier
        That takes partial labels.
    X : array-like of shape (n_samples, n_features)
        The rows.
    y : ndarray, Series or DataFrame of shape (n_samples,) or (n_samples, n_properties)
        Partial labels.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    hidden : bool ndarray of shape (n_samples, n_properties)
        The labels that it must not see.
    labels : PartialLabelEncoder
        Fitted to `y`.

    Returns
    -------
    rows : int ndarray of shape (n_rows,)
        Those with a hidden label.
    proba : list of ndarray of shape (n_rows, n_classes)
        For each property.
    """
    visible = keep_entries(y, ~hidden.reshape(y.shape))
    rows = np.flatnonzero(hidden.any(axis=1))
    with warnings.catch_warnings():
        # The fit to all labels warns already. And -1, which then marks hidden labels,
        # may stand beside negative classes that were no reason to warn.
        warnings.simplefilter("ignore", UserWarning)
        fitted = fit_member(member, X, visible, sample_weight)
        return rows, class_proba(fitted, safe_indexing(X, rows), labels)


def class_proba(fitted: Any, X: Any, labels: PartialLabelEncoder) -> list[np.ndarray]:
    """Return the probability that a member gives to every class of every property.

    Parameters
    ----------
    fitted : classifier
        A fitted member.
    X : array-like of shape (n_samples, n_features)
        The rows.
    labels : PartialLabelEncoder
        Of the ensemble.

    Returns
    -------
    proba : list of ndarray of shape (n_samples, n_classes)
        For each property, in the order of the ensemble's classes.
    """
    proba = fitted.predict_proba(X)
    return _in_order(proba if labels.multi_output else [proba], fitted, labels)


def own_hidden_proba(
    fitted: Any, labels: PartialLabelEncoder
) -> list[np.ndarray] | None:
    """Return what a member says it predicted of labels that it hid from itself.

    That is its attribute ``hidden_proba_``, for each property an array of shape
    (n_samples, n_classes), NaN on rows whose label was not hidden. In a pipeline, the
    steps before must have learned nothing from labels, or they were not hidden.

    Parameters
    ----------
    fitted : classifier
        A fitted member.
    labels : PartialLabelEncoder
        Of the ensemble.

    Returns
    -------
    proba : list of ndarray of shape (n_samples, n_classes) or None
        None where it has none.
    """
    if isinstance(fitted, Pipeline):
        *before, (_, last) = fitted.steps
        if any(_learns_labels(step) for _, step in before):
            return None
        return own_hidden_proba(last, labels)
    # Members of one property each are shown codes of labels, and encode them again.
    if not takes_partial_labels(fitted):
        return None
    proba = getattr(fitted, "hidden_proba_", None)
    return None if proba is None else _in_order(proba, fitted, labels)


def _learns_labels(step: Any) -> bool:
    return hasattr(step, "fit") and get_tags(step).target_tags.required


def _in_order(
    proba: Sequence[np.ndarray], fitted: Any, labels: PartialLabelEncoder
) -> list[np.ndarray]:
    """Return probabilities in the order of the ensemble's classes.

    A class that the member does not know has none of its probability; one that only the
    member knows, such as a component without labels, is left out: what is pooled need
    not be normalised.
    """
    classes = fitted.classes_ if labels.multi_output else [fitted.classes_]
    ordered = []
    for p, own, values in zip(proba, classes, labels.classes, strict=True):
        codes = codes_by_value(own.tolist(), values.tolist(), "a member", unknown=-1)
        known = codes >= 0
        ordered.append(np.zeros((len(p), len(values))))
        ordered[-1][:, codes[known]] = np.asarray(p)[:, known]
    return ordered
