"""What a classifier learns from generated rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state

from skfmvae.columns import ColumnVectorizer

from ._generated import as_numbers, judge, labels_of

__all__ = ["utility_score"]


def utility_score(
    X_train: Any,
    y_train: Any,
    X_test: Any,
    y_test: Any,
    X_generated: Any,
    y_generated: Any,
    *,
    classifier: Any = None,
    scoring: Any = "f1_macro",
    random_state: Any = None,
) -> float:
    """Return how much a classifier learns from generated rows, relative to real ones.

    The score on real test rows of a classifier that was trained on generated rows,
    divided by that of the same classifier trained on real rows: 1 if generated rows
    serve as well (train on synthetic, test on real: Esteban et al. 2017, section 4.1;
    machine learning efficacy: Xu et al. 2019, section 5.1).

    Parameters
    ----------
    X_train : frame, array-like or CSR matrix of shape (n_train, n_features)
        Real rows, those that the estimator was fitted to.
    y_train : array-like of shape (n_train,)
        Their labels, complete.
    X_test : frame, array-like or CSR matrix of shape (n_test, n_features)
        Other real rows.
    y_test : array-like of shape (n_test,)
        Their labels.
    X_generated : frame, array-like or CSR matrix of shape (n_generated, n_features)
        Generated rows. A fair comparison has as many as `X_train`.
    y_generated : array-like of shape (n_generated,)
        Their labels.
    classifier : classifier or None, default=None
        None stands for `HistGradientBoostingClassifier`. It gets the columns as
        numbers, by ``ColumnVectorizer(standardize=False)``, with NaN where missing.
    scoring : str or callable, default="f1_macro"
        A scorer, as in scikit-learn, whose values are positive.
    random_state : int or None, default=None
        Seed of the default classifier, the same for both of its fits.

    Returns
    -------
    ratio : float
        Above 1 where generated rows serve better than real ones.

    Raises
    ------
    ValueError
        If columns differ, if labels of training rows or of generated ones have a
        single value, or if the score of real rows is not positive.

    See Also
    --------
    detection_score : How well a classifier tells generated rows from real ones.

    References
    ----------
    C. Esteban, S. L. Hyland and G. Rätsch, "Real-valued (medical) time series
    generation with recurrent conditional GANs", 2017, https://arxiv.org/abs/1706.02633.

    L. Xu, M. Skoularidou, A. Cuesta-Infante and K. Veeramachaneni, "Modeling tabular
    data using conditional GAN", NeurIPS 2019, https://arxiv.org/abs/1907.00503.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.metrics import utility_score
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(300) % 2
    >>> X = 4.0 * y[:, None] + rng.normal(size=(300, 2))
    >>> real = X[:100], y[:100], X[100:200], y[100:200]
    >>> utility_score(*real, X[200:], y[200:], random_state=0) > 0.9
    True
    >>> utility_score(*real, X[200:], 1 - y[200:], random_state=0) < 0.1
    True
    """
    seed = check_random_state(random_state).randint(2**31 - 1)
    X_train, X_test, X_generated = as_numbers(
        ColumnVectorizer(standardize=False), X_train, X_test, X_generated
    )
    scores = {}
    for name, X, y in (
        ("y_train", X_train, y_train),
        ("y_generated", X_generated, y_generated),
    ):
        y = labels_of(X, y)
        if len(np.unique(y)) < 2:
            raise ValueError(
                f"{name} has one value, {y.tolist()[0]!r}; a classifier needs rows of "
                "two or more."
            )
        fitted = judge(classifier, seed).fit(X, y)
        score = check_scoring(fitted, scoring=scoring)
        scores[name] = score(fitted, X_test, labels_of(X_test, y_test))
    if not scores["y_train"] > 0:
        raise ValueError(
            f"With scoring={scoring!r} real rows have the score "
            f"{scores['y_train']:g}, and no ratio to it means anything; choose a "
            "scorer with positive values."
        )
    return float(scores["y_generated"] / scores["y_train"])
