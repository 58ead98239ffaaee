"""Classifiers of rows with gaps: ours, boosting, and imputers before a linear one."""

import numpy as np
from imputers import IMPUTERS, OneHot, fit_some
from ours import OURS, Columns, fit_ours
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

BOOSTING = "gradient boosting"
THEN_LINEAR = {
    f"{imputer}, then logistic regression": imputer
    for imputer in ("mean or mode", "kNN", "ridge by column")
}
CLASSIFIERS = (*OURS, BOOSTING, *THEN_LINEAR)
REFERENCE = "mean or mode, then logistic regression"


def classify(method, X, y, X_test, kinds, seed, least_leaf=20):
    """Fit a classifier; return its classes of test rows, and probabilities.

    Parameters
    ----------
    method : str
        One of `CLASSIFIERS`. Imputers learn of all rows, as ours do.
    X : ndarray of shape (n, D)
        Rows; NaN are gaps.
    y : int ndarray of shape (n,)
        Classes; -1 where they are unknown.
    X_test : ndarray of shape (m, D)
    kinds : sequence of D str
    seed : int
    least_leaf : int, default=20
        Fewest rows in a leaf of gradient boosting.

    Returns
    -------
    guess : int ndarray of shape (m,)
    proba : ndarray of shape (m, n_classes)
    """
    known = y >= 0
    if method in OURS:
        columns, model = fit_ours(method, X, y, kinds, seed)
        rows = columns.encode(X_test)
    elif method == BOOSTING:
        columns = Columns(X, kinds)
        model = HistGradientBoostingClassifier(
            min_samples_leaf=least_leaf,
            categorical_features=np.array(kinds) == "cat",
            random_state=seed,
        ).fit(columns.encode(X)[known], y[known])
        rows = columns.encode(X_test)
    else:
        one_hot = OneHot(X, kinds)
        Z = one_hot.encode(X)
        imputer = IMPUTERS[THEN_LINEAR[method]](one_hot.blocks, seed)
        fit_some(imputer, Z, seed)
        model = LogisticRegression(max_iter=1000)
        model.fit(imputer.transform(Z[known]), y[known])
        rows = imputer.transform(one_hot.encode(X_test))
    return model.predict(rows), model.predict_proba(rows)
