"""Imputation as a step of a pipeline."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from skfmvae._utils.compat import HasMethods, fit_context, num_samples
from skfmvae._utils.types import MatrixLike

from .semi_supervised import SemiSupervisedVAE
from .training import default_epochs

__all__ = ["Imputer"]

# Epochs in units of those by default: docs/decisions/038-missing-entries.md.
LONGER = 4


class Imputer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Fill missing entries by what a model expects of them, in a pipeline.

    Parameters
    ----------
    estimator : estimator or None, default=None
        Estimator with a method `impute`, which is cloned; None stands for a
        :class:`SemiSupervisedVAE` without what serves predictions of classes,
        regularizers and calibration, in four times as many epochs. It is fitted without
        labels: those of a pipeline are for its last step.
    random_state : int, RandomState instance or None, default=None
        Seed of the estimator; None leaves that which it has.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of `X`, where all of them are strings.

    See Also
    --------
    sklearn.impute.KNNImputer : Means of the nearest rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skfmvae.estimators import Imputer
    >>> X, y = load_wine(return_X_y=True)
    >>> X[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan
    >>> model = make_pipeline(
    ...     StandardScaler(), Imputer(random_state=0), LogisticRegression()
    ... ).fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        "estimator": [None, HasMethods(["fit", "impute"])],
        "random_state": ["random_state"],
    }

    def __init__(self, estimator: Any = None, *, random_state: Any = None):
        self.estimator = estimator
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: MatrixLike, y: Any = None) -> Imputer:
        """Fit the estimator to rows with missing entries.

        Parameters
        ----------
        X : {array-like, frame, CSR matrix} of shape (n_samples, n_features)
            The rows; NaN, None or ``pd.NA`` marks a missing entry.
        y : None, default=None
            Ignored.

        Returns
        -------
        self : Imputer
            Fitted.

        Raises
        ------
        ValueError
            When the estimator cannot be fitted to the rows.
        """
        estimator = self.estimator
        if estimator is None:
            estimator = SemiSupervisedVAE(
                neighbours=None, adversarial=None, calibrate=False
            )
            n_epochs = default_epochs(num_samples(X), estimator.batch_size)
            estimator.set_params(max_epochs=LONGER * n_epochs)
        estimator = clone(estimator)
        if self.random_state is not None:
            estimator.set_params(random_state=self.random_state)
        self.estimator_ = estimator.fit(X)
        self.n_features_in_ = estimator.n_features_in_
        if hasattr(estimator, "feature_names_in_"):
            self.feature_names_in_ = estimator.feature_names_in_
        return self

    def transform(self, X: MatrixLike) -> Any:
        """Return the rows with their missing entries filled.

        Parameters
        ----------
        X : {array-like, frame, CSR matrix} of shape (n_samples, n_features)
            The rows, which may be others than those of `fit`.

        Returns
        -------
        X_filled : ndarray or frame of shape (n_samples, n_features)
            A frame where `fit` got one.
        """
        check_is_fitted(self)
        return self.estimator_.impute(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = []
        return tags
