"""Scales of arrays, for estimators that know those of frames by themselves."""

from __future__ import annotations

from typing import Any

from scipy.sparse import issparse
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from skfmvae.columns.reading import Table, read

__all__ = ["ArrayScaler"]


class ArrayScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Standardise an array of numbers, and leave a frame as it is.

    Columns of frames have kinds, by which the likelihoods of this package choose scales
    of their own. So have arrays with text.

    Attributes
    ----------
    scaler_ : StandardScaler or None
        Fitted; None where `fit` saw a frame or an array with text. Sparse matrices are
        not centred.

    Examples
    --------
    >>> from skfmvae.ensemble.array_scaler import ArrayScaler
    >>> ArrayScaler().fit_transform([[1.0, 0.0], [3.0, 8.0]]).tolist()
    [[-1.0, -1.0], [1.0, 1.0]]
    >>> ArrayScaler().fit_transform([[1.0, "Lyon"], [3.0, "Nice"]])
    [[1.0, 'Lyon'], [3.0, 'Nice']]
    """

    def fit(self, X: Any, y: Any = None) -> ArrayScaler:
        """Learn means and scales.

        Parameters
        ----------
        X : frame, array-like or sparse matrix of shape (n_samples, n_features)
            The rows; entries may be missing.
        y : None, default=None
            Ignored.

        Returns
        -------
        self : ArrayScaler
            Fitted.
        """
        table = read(X)
        self.scaler_ = None
        if isinstance(table, Table):
            validate_data(self, X, skip_check_array=True)
        else:
            is_sparse = issparse(table) or hasattr(
                table, "sparse"
            )  # or a frame that is
            self.scaler_ = StandardScaler(with_mean=not is_sparse).fit(table)
            self.n_features_in_ = self.scaler_.n_features_in_
        return self

    def transform(self, X: Any) -> Any:
        """Return standardised rows.

        Parameters
        ----------
        X : frame, array-like or sparse matrix of shape (n_samples, n_features)
            With the columns that `fit` saw.

        Returns
        -------
        X : object
            An array or a sparse matrix; the argument itself where `fit` saw a frame.
        """
        check_is_fitted(self)
        if self.scaler_ is not None:
            return self.scaler_.transform(read(X))
        validate_data(self, X, reset=False, skip_check_array=True)
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags
