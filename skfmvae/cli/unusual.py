"""Rows that are unlike those that a model was fitted to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state

from .model_file import SavedModel

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["low_score", "scores_of_rows"]

# One row in a hundred of the table counts as unusual.
SHARE_UNUSUAL = 0.01
# The share among other rows is then right to a fifth of it: 20 rows lie below.
SCORED_ROWS = 2000


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


def low_score(estimator: Any, X: Any, random_state: Any) -> float:
    """Return the score that few of the rows of the fit are below.

    Parameters
    ----------
    estimator : BaseVAE
        Fitted to these rows.
    X : DataFrame of shape (n_samples, n_features)
        The rows, of which a sample is scored if they are many.
    random_state : int, RandomState instance or None
        Draws the sample.

    Returns
    -------
    score : float
        One in a hundred rows has a lower one.
    """
    random_state = check_random_state(random_state)
    sample = random_state.permutation(len(X))[:SCORED_ROWS]
    scores = scores_of_rows(estimator, X.iloc[np.sort(sample)])
    return float(np.quantile(scores, SHARE_UNUSUAL))
