"""Rows as people have them, as complete numbers for any classifier."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from skfmvae._utils.compat import feature_names_in

from .encoder import UNSEEN, ColumnEncoder

__all__ = ["ColumnVectorizer"]


class ColumnVectorizer(TransformerMixin, BaseEstimator):
    """Turn columns of any kind into complete numbers, for classifiers that need them.

    Missing numbers are replaced by the mean, and numbers are standardised. Booleans,
    dates (in days) and codes of ordered categories count as numbers. Other categories
    are one-hot encoded; missing ones, and those that `fit` did not see, are all zeros.
    Columns of numbers come first, then those of categories.

    Parameters
    ----------
    categorical_features : "from_dtype", None, or array-like, default="from_dtype"
        Columns that hold categories, as for :class:`ColumnEncoder`.
    standardize : bool, default=True
        Whether numbers are standardised and completed. If False they stay as they are,
        with NaN where missing, as forests and gradient boosting take them.

    Attributes
    ----------
    encoder_ : ColumnEncoder
        What the columns hold.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of `X`, where all of them are strings.

    See Also
    --------
    skfmvae.estimators.Imputer : Fills gaps by what the other columns say.

    Notes
    -----
    Sparse matrices stay sparse: they are scaled, but not centred. A column of text may
    differ on every row, as these may be the few of a table that have a label; with more
    than a thousand values, or dates as text, it is refused.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.columns import ColumnVectorizer
    >>> X = np.array([["Lyon", 3.0], ["Nice", None], [None, 5.0]], dtype=object)
    >>> vectorizer = ColumnVectorizer().fit(X)
    >>> vectorizer.get_feature_names_out().tolist()
    ['x1', 'x0_Lyon', 'x0_Nice']
    >>> vectorizer.transform(X).round(2).tolist()
    [[-1.22, 1.0, 0.0], [0.0, 0.0, 1.0], [1.22, 0.0, 0.0]]
    """

    def __init__(
        self, categorical_features: Any = "from_dtype", *, standardize: bool = True
    ):
        self.categorical_features = categorical_features
        self.standardize = standardize

    def fit(self, X: Any, y: Any = None) -> ColumnVectorizer:
        """Learn categories, means and scales.

        Parameters
        ----------
        X : frame, array-like or sparse matrix of shape (n_samples, n_features)
            A frame of pandas, polars, PyArrow or another library that narwhals knows.
        y : None, default=None
            Ignored.

        Returns
        -------
        self : ColumnVectorizer
            Fitted.

        Raises
        ------
        TypeError
            If an entry is neither a number nor a string, or a frame is not in memory.
        ValueError
            If a column holds what :class:`ColumnEncoder` refuses.
        """
        self.encoder_ = ColumnEncoder(self.categorical_features, few_rows=True).fit(X)
        values = self._values(X, reset=True)
        numbers: Any = FunctionTransformer(accept_sparse=True)
        if self.standardize:
            numbers = make_pipeline(
                # A column may be empty where rows are few.
                SimpleImputer(keep_empty_features=True),
                StandardScaler(with_mean=not issparse(values)),
            )
        sizes = [len(categories) for categories in self._categories()]
        if any(sizes):
            one_hot = OneHotEncoder(
                categories=[np.arange(size) for size in sizes if size],
                handle_unknown="ignore",
                sparse_output=False,
            )
            numbers = ColumnTransformer(
                [
                    ("numbers", numbers, np.equal(sizes, 0)),
                    ("categories", one_hot, np.greater(sizes, 0)),
                ]
            )
        self.transformer_ = numbers.set_output(transform="default").fit(values)
        return self

    def transform(self, X: Any) -> Any:
        """Return rows as complete numbers.

        Parameters
        ----------
        X : frame, array-like or sparse matrix of shape (n_samples, n_features)
            With the columns that `fit` saw.

        Returns
        -------
        values : ndarray or sparse matrix of shape (n_samples, n_features_out)
            Sparse where `X` is.

        Raises
        ------
        TypeError
            If an entry is neither a number nor a string.
        ValueError
            If columns have other names or another number than at `fit`, if one holds
            something else than at `fit`, or infinity.
        """
        check_is_fitted(self)
        return self.transformer_.transform(self._values(X, reset=False))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the columns of `X`; None for those of `fit`, or x0, x1, ...

        Returns
        -------
        names : ndarray of str objects of shape (n_features_out,)
            Those of columns of categories with the category, as in "town_Lyon".
        """
        check_is_fitted(self)
        names = feature_names_in(self, input_features)
        by_name = list(zip(names, self._categories(), strict=True))
        numbers = [name for name, categories in by_name if not len(categories)]
        one_hot = [f"{name}_{value}" for name, values in by_name for value in values]
        return np.array([*numbers, *one_hot], dtype=object)

    def _values(self, X, reset):
        """Return numbers and codes, with NaN for missing entries."""
        if self.encoder_.columns is not None:
            validate_data(self, X, reset=reset, skip_check_array=True)
        with warnings.catch_warnings():
            # That they are zeros is what `transform` promises.
            warnings.filterwarnings("ignore", UNSEEN, UserWarning)
            X = self.encoder_.transform(X)
        if self.encoder_.columns is not None:
            return X
        return validate_data(
            self,
            X,
            reset=reset,
            accept_sparse=["csr", "csc"],
            dtype="numeric",
            ensure_all_finite="allow-nan",
        )

    def _categories(self):
        """Return the categories of each column that is one-hot encoded, else none."""
        columns = self.encoder_.columns
        if columns is None:
            return [()] * self.n_features_in_
        return [
            column.categories
            if column.categories is not None
            and column.kind != "ordinal"
            and column.holds != "booleans"
            else ()
            for column in columns
        ]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags
