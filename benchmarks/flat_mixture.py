"""A baseline of composition: one mixture with a component for each combination.

Labels of single properties hardly ever name a combination, so it gets as many labels in
another form: all properties of some rows, so that each combination that is seen is
named at least once. It cannot generate one that has no name, and swaps into such a one
leave the row unchanged.
"""

import numpy as np
import pandas as pd
from composed_rows import NAMES, SIZES


class FlatMixture:
    """A mixture with a component for each combination, read as four properties.

    Parameters
    ----------
    estimator : FactorialMixtureVAE
        Untrained, of one property with a component for each combination.
    """

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y):
        """Fit to rows that have all their labels or none."""
        labelled = (y >= 0).all(axis=1)
        combination = np.full(len(y), -1)
        combination[labelled] = np.ravel_multi_index(y[labelled].T, SIZES)
        self.named_ = np.unique(combination[labelled])
        self.estimator.fit(X, pd.Series(combination, name="combination"))
        self.module_ = self.estimator.net_.module_
        return self

    def predict(self, X):
        """Return the most probable value of each property, (n, 4)."""
        proba = self._proba(X)
        values = np.unravel_index(self.named_, SIZES)
        return np.stack(
            [
                (proba @ np.eye(size)[value]).argmax(axis=1)
                for size, value in zip(SIZES, values, strict=True)
            ],
            axis=1,
        )

    def intervene(self, X, properties):
        """Return rows with properties changed, where the combination has a name."""
        current = self.named_[self._proba(X).argmax(axis=1)]
        values = dict(zip(NAMES, np.unravel_index(current, SIZES), strict=True))
        wanted = np.ravel_multi_index(tuple((values | properties).values()), SIZES)
        wanted = np.where(np.isin(wanted, self.named_), wanted, current)
        return self.estimator.intervene(X, {"combination": wanted})

    def _proba(self, X):
        # Components without a name come after those with one.
        return self.estimator.predict_proba(X)[:, : len(self.named_)]
