"""Our estimators on rows with gaps, with the likelihoods of the kinds of columns."""

import numpy as np
from imputers import legal

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.estimators.imputer import LONGER
from skfmvae.estimators.training import default_epochs

OURS = {
    estimator.__name__: estimator
    for estimator in (FactorialMixtureVAE, SemiSupervisedVAE, SemafoVAE)
}
LIKELIHOODS = {
    "real": "gaussian",
    "pos": "log_normal",
    "count": "negative_binomial",
    "cat": "categorical",
    "ordinal": "ordinal",
}
AT_ONCE = 2000  # rows, of which draws are made together


class Columns:
    """Columns as our likelihoods take them: scaled, or codes from 0 on.

    Parameters
    ----------
    X : ndarray of shape (n, D)
        Rows; NaN are gaps.
    kinds : sequence of D str
        Of `LIKELIHOODS`. A positive column that has a zero counts as a real one.
    """

    def __init__(self, X, kinds):
        self.kinds = [
            "real" if kind == "pos" and np.nanmin(values) <= 0 else kind
            for values, kind in zip(X.T, kinds, strict=True)
        ]
        self.likelihood = {j: LIKELIHOODS[kind] for j, kind in enumerate(self.kinds)}
        of_kind = np.array(self.kinds)
        self.categories = {
            int(j): np.unique(X[~np.isnan(X[:, j]), j])
            for j in np.flatnonzero(of_kind == "cat")
        }
        real, ordinal = of_kind == "real", of_kind == "ordinal"
        origin = np.where(real, np.nanmean(X, axis=0), np.nanmin(X, axis=0))
        self.origin = np.where(real | ordinal, origin, 0)
        self.unit = np.where(real, np.nanstd(X, axis=0), 1)
        self.unit[self.unit == 0] = 1

    def encode(self, X):
        """Return the columns of rows; a category that was not seen is missing."""
        coded = (X - self.origin) / self.unit
        for column, known in self.categories.items():
            same = X[:, column, None] == known
            coded[:, column] = np.where(same.any(axis=1), same.argmax(axis=1), np.nan)
        return coded

    def decode(self, coded):
        """Return rows (..., D) of columns (..., D) without gaps."""
        X = coded * self.unit + self.origin
        for column, known in self.categories.items():
            X[..., column] = known[coded[..., column].astype(int)]
        return X


# What `Imputer` goes without, for nothing is predicted but entries; it is longer, too.
TO_IMPUTE = {"neighbours": None, "adversarial": None, "calibrate": False}


def fit_ours(method, X, y, kinds, seed):
    """Return what turns columns, and an estimator that is fitted to them."""
    columns = Columns(X, kinds)
    settings = {}
    if y is None:
        batch_size = OURS[method]().batch_size
        n_epochs = LONGER * default_epochs(len(X), batch_size)
        settings = TO_IMPUTE | {"max_epochs": n_epochs}
    model = OURS[method](likelihood=columns.likelihood, random_state=seed, **settings)
    return columns, model.fit(columns.encode(X), y)


def fill_ours(method, X, kinds, seed):
    """Return rows without gaps, filled by an estimator without labels."""
    columns, model = fit_ours(method, X, None, kinds, seed)
    return legal(columns.decode(model.impute(columns.encode(X))), X, kinds)


def draw_ours(method, X, kinds, n_draws, seed):
    """Return draws (n_draws, n, D) of rows without gaps."""
    columns, model = fit_ours(method, X, None, kinds, seed)
    coded = columns.encode(X)
    draws = [
        model.impute(coded[start : start + AT_ONCE], n_draws=n_draws, random_state=seed)
        for start in range(0, len(X), AT_ONCE)
    ]
    return columns.decode(np.concatenate(draws, axis=1))
