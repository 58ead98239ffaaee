"""Real and generated rows as numbers, for metrics that compare them."""

from __future__ import annotations

from typing import Any

from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_consistent_length

from skfmvae.columns import ColumnVectorizer

__all__ = ["as_numbers", "comparable", "judge", "labels_of"]


def as_numbers(vectorizer, X, *others):
    """Return real rows and others as arrays, by what is learned of the real ones.

    Parameters
    ----------
    vectorizer : ColumnVectorizer
        It is fitted to `X`.
    X : frame, array-like or CSR matrix of shape (n_samples, n_features)
        Real rows.
    *others : frame, array-like or CSR matrix of shape (n_samples, n_features)
        Rows with the same columns.

    Returns
    -------
    arrays : list of ndarray of shape (n_samples, n_features_out)
        Of `X`, then of the others.
    """
    vectorizer.fit(X)
    arrays = (vectorizer.transform(rows) for rows in (X, *others))
    return [rows.toarray() if issparse(rows) else rows for rows in arrays]


def comparable(X, *others):
    """Return rows as arrays of which every column counts about as much.

    Numbers are in standard deviations of `X`. Codes of categories are halved, so that
    two categories differ by one in the sum of absolute differences.

    Parameters
    ----------
    X : frame, array-like or CSR matrix of shape (n_samples, n_features)
        Real rows.
    *others : frame, array-like or CSR matrix of shape (n_samples, n_features)
        Rows with the same columns.

    Returns
    -------
    arrays : list of ndarray of shape (n_samples, n_features_out)
        Of `X`, then of the others.
    """
    vectorizer = ColumnVectorizer()
    arrays = as_numbers(vectorizer, X, *others)
    places = getattr(vectorizer.transformer_, "output_indices_", {})
    codes = places.get("categories", slice(0))
    for rows in arrays:
        rows[:, codes] /= 2
    return arrays


def judge(classifier, random_state) -> Any:
    """Return an unfitted classifier.

    Parameters
    ----------
    classifier : classifier or None
        None stands for gradient boosting.
    random_state : int, RandomState instance or None
        Seed of the default.

    Returns
    -------
    classifier : classifier
        A copy of what was given.
    """
    if classifier is None:
        return HistGradientBoostingClassifier(random_state=random_state)
    return clone(classifier)


def labels_of(X, y):
    """Return the labels of rows as an array.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The rows.
    y : array-like of shape (n_samples,)
        One label for each row.

    Returns
    -------
    y : ndarray of shape (n_samples,)
        The labels.
    """
    y = column_or_1d(y)
    check_consistent_length(X, y)
    return y
