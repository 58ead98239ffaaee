"""Rows that are unlike those that a model was fitted to."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from .model_file import SavedModel

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["low_score", "scores_of_rows"]

# One row in a hundred like those of the table counts as unusual.
SHARE_UNUSUAL = 0.01
# Of the rows that a fit does not see: with fewer than 10, "one in a hundred" says
# nothing; with 2000, 20 of them are below, which is right to a fifth.
SHARE_HIDDEN, FEWEST_HIDDEN, MOST_HIDDEN = 0.2, 10, 2000


def scores_of_rows(model: SavedModel, X: DataFrame) -> np.ndarray:
    """Return how probable rows are, as if nothing were missing.

    Missing entries are filled with what is expected there. So rows with and without
    gaps have comparable scores, and what is missing makes no row unusual.

    Parameters
    ----------
    model : SavedModel
        The model.
    X : DataFrame of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    scores : ndarray of shape (n_samples,)
        Nats per row.
    """
    filled, estimator = model.filled(X), model.estimator
    counts = [c.name for c in estimator.columns_.columns if c.kind == "count"]
    filled[counts] = filled[counts].round()
    return estimator.score_samples(filled)


def low_score(
    model: SavedModel, X: DataFrame, y: DataFrame | Series, random_state: Any
) -> float | None:
    """Return the score that few rows like those of the fit are below.

    A model gives the rows that it was fitted to higher scores than others, the more so
    the fewer they are. So a part of them is hidden from another fit, and scored by it.

    Parameters
    ----------
    model : SavedModel
        Fitted to these rows.
    X : DataFrame of shape (n_samples, n_features)
        The rows.
    y : DataFrame or Series of shape (n_samples, n_targets) or (n_samples,)
        Their labels.
    random_state : int, RandomState instance or None
        Draws the rows that are hidden.

    Returns
    -------
    score : float or None
        One hidden row in a hundred has a lower one. None where rows are too few.
    """
    n_hidden = min(int(SHARE_HIDDEN * len(X)), MOST_HIDDEN)
    if n_hidden < FEWEST_HIDDEN:
        return None
    order = check_random_state(random_state).permutation(len(X))
    hidden, seen = order[:n_hidden], np.sort(order[n_hidden:])
    with warnings.catch_warnings():
        # The fit to all rows gave them.
        warnings.simplefilter("ignore")
        other = clone(model.estimator).set_params(calibrate=False)
        other.fit(X.iloc[seen], y.iloc[seen])
        scores = scores_of_rows(replace(model, estimator=other), X.iloc[hidden])
    return float(np.quantile(scores, SHARE_UNUSUAL))
