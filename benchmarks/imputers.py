"""Imputers that fill gaps in columns of any kind: scikit-learn's, and chains by column.

What they are compared with sees the columns as they come. These need numbers:
standardised columns, and categories one-hot, also standardised. A row's gap in a
category is a gap in all of its one-hot columns.

In a chain of scikit-learn's `IterativeImputer` the one-hot columns of a category
predict each other. Where the category is missing they are filled by its frequencies,
and these are what the chain returns: on breast, 20 % missing, 42 % of classes are wrong
where a chain without those columns gets 4 % wrong. `ByColumn` is this other chain: a
column's one-hot codes together, from all other columns.
"""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.ensemble import ExtraTreesRegressor

# Without this scikit-learn keeps the iterative imputer from being imported.
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.linear_model import BayesianRidge, Ridge

MOST_ROWS = 7000  # that an imputer learns of; it fills all
N_NEIGHBORS = 10


class OneHot:
    """Rows as numbers, standardised, categories one-hot; gaps stay gaps.

    Parameters
    ----------
    X : ndarray of shape (n, D)
        Rows to learn categories, means and deviations of; NaN are gaps.
    kinds : sequence of D str
        "cat" for codes of categories.
    """

    def __init__(self, X, kinds):
        self.categories = [
            np.unique(values[~np.isnan(values)]) if kind == "cat" else None
            for values, kind in zip(X.T, kinds, strict=True)
        ]
        ends = np.cumsum([1 if c is None else len(c) for c in self.categories])
        self.blocks = [
            slice(start, end) for start, end in zip([0, *ends], ends, strict=False)
        ]
        Z = self._codes(X)
        self.mean = np.nanmean(Z, axis=0)
        deviation = np.nanstd(Z, axis=0)
        self.deviation = np.where(deviation > 0, deviation, 1)

    def _codes(self, X):
        return np.column_stack(
            [
                values
                if known is None
                else np.where(
                    np.isnan(values)[:, None], np.nan, values[:, None] == known
                )
                for values, known in zip(X.T, self.categories, strict=True)
            ]
        )

    def encode(self, X):
        """Return numbers of shape (n, number of columns and categories)."""
        return (self._codes(X) - self.mean) / self.deviation

    def decode(self, Z):
        """Return rows, of each category the code that is largest in its own units."""
        Z = Z * self.deviation + self.mean
        parts = [Z[:, block] for block in self.blocks]
        return np.column_stack(
            [
                part if known is None else known[part.argmax(axis=1)]
                for part, known in zip(parts, self.categories, strict=True)
            ]
        )


class ByColumn(TransformerMixin, BaseEstimator):
    """Fill each column from all others, in turn, starting from means.

    Parameters
    ----------
    estimator : regressor of one or several outputs
    blocks : sequence of slice
        The numbers of each column, which have gaps in the same rows.
    n_rounds : int, default=10
        Passes over the columns.
    """

    def __init__(self, estimator, blocks, n_rounds=10):
        self.estimator = estimator
        self.blocks = blocks
        self.n_rounds = n_rounds

    def fit(self, Z, y=None):
        self.mean_ = np.nanmean(Z, axis=0)
        self.steps_ = []
        gaps, filled = np.isnan(Z), np.where(np.isnan(Z), self.mean_, Z)
        for block in self.n_rounds * list(self.blocks):
            gap = gaps[:, block.start]
            targets = filled[~gap, block]
            model = clone(self.estimator).fit(
                np.delete(filled[~gap], block, axis=1),
                targets[:, 0] if targets.shape[1] == 1 else targets,
            )
            self.steps_.append((block, model))
            self._fill(filled, gap, block, model)
        return self

    def transform(self, Z):
        """Return rows without gaps, filled by the chain of `fit`."""
        gaps, filled = np.isnan(Z), np.where(np.isnan(Z), self.mean_, Z)
        for block, model in self.steps_:
            self._fill(filled, gaps[:, block.start], block, model)
        return filled

    @staticmethod
    def _fill(filled, gap, block, model):
        if gap.any():
            guess = model.predict(np.delete(filled[gap], block, axis=1))
            filled[gap, block] = guess.reshape(np.count_nonzero(gap), -1)


def trees(seed):
    """Return trees whose leaves hold three rows: single ones are learned by heart."""
    return ExtraTreesRegressor(50, min_samples_leaf=3, random_state=seed)


# Each of the blocks of one-hot columns and a seed. Trees stop after three rounds.
IMPUTERS = {
    "mean or mode": lambda blocks, seed: SimpleImputer(),
    "kNN": lambda blocks, seed: KNNImputer(n_neighbors=N_NEIGHBORS),
    "Bayesian ridge, one-hot": lambda blocks, seed: IterativeImputer(
        BayesianRidge(), random_state=seed
    ),
    "trees, one-hot": lambda blocks, seed: IterativeImputer(
        trees(seed), max_iter=3, random_state=seed
    ),
    "ridge by column": lambda blocks, seed: ByColumn(Ridge(), blocks),
    "trees by column": lambda blocks, seed: ByColumn(trees(seed), blocks, 3),
}


def fit_some(imputer, Z, seed):
    """Fit an imputer to at most `MOST_ROWS` rows, drawn by the seed."""
    rows = np.random.default_rng(seed).permutation(len(Z))[:MOST_ROWS]
    return imputer.fit(Z[np.sort(rows)])


def fill(method, X, kinds, seed):
    """Return rows without gaps, by one of `IMPUTERS`."""
    one_hot = OneHot(X, kinds)
    Z = one_hot.encode(X)
    imputer = fit_some(IMPUTERS[method](one_hot.blocks, seed), Z, seed)
    return legal(one_hot.decode(imputer.transform(Z)), X, kinds)


def draw_fills(X, kinds, n_draws, seed):
    """Return draws (n_draws, n, D) of rows without gaps, by chains of Bayesian ridge.

    Each chain draws from the posterior predictive distribution of each column.
    """
    one_hot = OneHot(X, kinds)
    Z = one_hot.encode(X)
    draws = []
    for draw in range(n_draws):
        imputer = IterativeImputer(
            BayesianRidge(), sample_posterior=True, random_state=n_draws * seed + draw
        )
        filled = fit_some(imputer, Z, seed).transform(Z)
        draws.append(legal(one_hot.decode(filled), X, kinds))
    return np.stack(draws)


def legal(filled, X, kinds):
    """Return filled rows with ordinals and counts whole, in the range that X has."""
    whole = np.isin(kinds, ("ordinal", "count"))
    lowest, highest = np.nanmin(X, axis=0), np.nanmax(X, axis=0)
    return np.where(whole, np.clip(np.round(filled), lowest, highest), filled)
