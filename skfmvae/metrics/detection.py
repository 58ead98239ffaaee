"""How well a classifier finds out which rows are generated."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.utils import check_random_state

from skfmvae.columns import ColumnVectorizer

from ._generated import as_numbers, judge

__all__ = ["detection_score"]


def detection_score(
    X: Any,
    X_generated: Any,
    *,
    classifier: Any = None,
    cv: int = 5,
    random_state: Any = None,
) -> float:
    """Return how well a classifier tells generated rows from real ones.

    This is the cross-validated area under the ROC curve, the probability that a
    generated row looks more like one than a real row does: 0.5 if the classifier
    cannot tell, 1 if it always can (classifier two-sample test, Lopez-Paz and Oquab
    2017, section 3, with the area in place of the accuracy).

    Parameters
    ----------
    X : frame, array-like or CSR matrix of shape (n_samples, n_features)
        Real rows, best ones that the estimator was not fitted to.
    X_generated : frame, array-like or CSR matrix of shape (n_generated, n_features)
        Generated rows with the same columns.
    classifier : classifier or None, default=None
        None stands for `HistGradientBoostingClassifier`. It gets the columns as
        numbers, by ``ColumnVectorizer(standardize=False)``, with NaN where missing.
    cv : int, default=5
        Number of folds.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds and of the default classifier.

    Returns
    -------
    area : float
        Mean over the folds, in [0, 1].

    Raises
    ------
    ValueError
        If columns differ, or one kind of rows is fewer than `cv`.

    See Also
    --------
    utility_score : Whether a classifier can learn from generated rows.

    Notes
    -----
    If rows of `X` were copied, the classifier meets each in both roles, and the area
    falls below 0.5. `neighbour_distance_ratio` finds copies.

    References
    ----------
    D. Lopez-Paz and M. Oquab, "Revisiting classifier two-sample tests", ICLR 2017,
    https://arxiv.org/abs/1610.06545.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.metrics import detection_score
    >>> rng = np.random.default_rng(0)
    >>> X, alike = rng.normal(size=(2, 200, 3))
    >>> abs(detection_score(X, alike, random_state=0) - 0.5) < 0.1
    True
    >>> detection_score(X, alike + 5, random_state=0)
    1.0
    """
    random_state = check_random_state(random_state)
    rows = as_numbers(ColumnVectorizer(standardize=False), X, X_generated)
    is_generated = np.repeat([0, 1], [len(some) for some in rows])
    return float(
        cross_val_score(
            judge(classifier, random_state),
            np.concatenate(rows),
            is_generated,
            scoring="roc_auc",
            cv=StratifiedKFold(cv, shuffle=True, random_state=random_state),
            error_score="raise",
        ).mean()
    )
