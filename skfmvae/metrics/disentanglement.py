"""Disentanglement: whether single latents represent single, known factors.

`Z` is the result of ``transform``, and `Y` has the true values of the factors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import entropy
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score, mutual_info_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import check_array, check_random_state

from skfmvae._utils.checks import check_whole
from skfmvae.targets import Columns, PartialLabelEncoder

from ._columns import named_columns

__all__ = [
    "DCIScores",
    "dci",
    "mutual_information_gap",
    "separated_attribute_predictability",
]


class DCIScores(NamedTuple):
    """The result of `dci`.

    Parameters
    ----------
    disentanglement : float
        From 0 to 1; 1 if every latent of any importance is so for one factor.
    completeness : float
        From 0 to 1; 1 if every factor is predicted from one latent.
    informativeness : float
        Mean accuracy of the predictions on held-out rows.
    importances : ndarray of shape (n_latents, n_factors)
        The importance of each latent in the prediction of each factor.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    importances: np.ndarray


def mutual_information_gap(Z: ArrayLike, Y: Any, *, n_bins: int = 20) -> float:
    r"""Return the gap in mutual information between the two best latents of a factor.

    With :math:`I` the mutual information and :math:`H` the entropy, the gap of factor
    :math:`k` is that between the two latents with the most information about it,

    .. math::
        \frac{1}{H(y_k)} \left( I(z_{(1)}; y_k) - I(z_{(2)}; y_k) \right)

    and the mean over the factors is returned [1]_. :math:`I` is computed from counts of
    each latent in bins of equal width [2]_. On few rows it is biased upwards, most of
    all for latents without information.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_latents)
        Latents, two or more.
    Y : array-like of shape (n_samples,) or (n_samples, n_factors)
        True values of the factors: whole numbers, strings or booleans.
    n_bins : int, default=20
        Number of bins between the least and the largest value of a latent.

    Returns
    -------
    gap : float
        From 0 to 1; 1 if each factor is determined by one latent, and by it alone.

    Raises
    ------
    ValueError
        If `Z` or `Y` cannot be used, or a factor has one value only.

    References
    ----------
    .. [1] R. T. Q. Chen, X. Li, R. Grosse, D. Duvenaud (2018). Isolating Sources of
       Disentanglement in Variational Autoencoders, section 4.1.
       https://arxiv.org/abs/1802.04942.
    .. [2] F. Locatello et al. (2019). Challenging Common Assumptions in the
       Unsupervised Learning of Disentangled Representations.
       https://arxiv.org/abs/1811.12359.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.metrics import mutual_information_gap
    >>> Y = np.indices((4, 3)).reshape(2, -1).T
    >>> round(mutual_information_gap(-2.0 * Y, Y), 3)
    1.0
    >>> mixed = np.column_stack([Y.sum(axis=1), Y[:, 0] - Y[:, 1]])
    >>> round(mutual_information_gap(mixed, Y), 3)
    0.0
    """
    check_whole("n_bins", n_bins, 2)
    Z, codes = _check_input(Z, Y, min_latents=2)
    information = np.empty((Z.shape[1], codes.shape[1]))
    for i, z in enumerate(Z.T):
        inner_edges = np.linspace(z.min(), z.max(), n_bins + 1)[1:-1]
        bins = np.digitize(z, inner_edges)
        for j, y in enumerate(codes.T):
            information[i, j] = mutual_info_score(y, bins)
    return _mean_gap(information / [entropy(np.bincount(y)) for y in codes.T])


def separated_attribute_predictability(Z: ArrayLike, Y: Any) -> float:
    """Return the gap in accuracy between the two best latents of a factor.

    The score of a latent for a factor is the balanced accuracy of thresholds on this
    latent alone, on the rows to which they are fitted; that of a constant latent is 0.
    The gap of a factor is that between its two best latents, and the mean over the
    factors is returned [1]_. The thresholds are those of a decision tree with as many
    leaves as the factor has values.

    If one latent determines a factor of `C` values and the others have no information
    about it, the gap is ``1 - 1 / C``, since the accuracy of guessing is `1 / C`.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_latents)
        Latents, two or more.
    Y : array-like of shape (n_samples,) or (n_samples, n_factors)
        True values of the factors: whole numbers, strings or booleans.

    Returns
    -------
    gap : float
        In [0, 1].

    Raises
    ------
    ValueError
        If `Z` or `Y` cannot be used, or a factor has one value only.

    References
    ----------
    .. [1] A. Kumar, P. Sattigeri, A. Balakrishnan (2018). Variational Inference of
       Disentangled Latent Concepts from Unlabeled Observations, section 3.
       https://arxiv.org/abs/1711.00848.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.metrics import separated_attribute_predictability
    >>> Y = np.indices((4, 4)).reshape(2, -1).T
    >>> separated_attribute_predictability(-2.0 * Y, Y)
    0.75
    """
    Z, codes = _check_input(Z, Y, min_latents=2)
    scores = np.zeros((Z.shape[1], codes.shape[1]))
    standardised = StandardScaler().fit_transform(Z)  # trees round to 1e-7
    for i in np.flatnonzero(np.ptp(Z, axis=0)):
        z = standardised[:, [i]]
        for j, y in enumerate(codes.T):
            tree = DecisionTreeClassifier(
                max_leaf_nodes=y.max() + 1, class_weight="balanced", random_state=0
            )
            scores[i, j] = balanced_accuracy_score(y, tree.fit(z, y).predict(z))
    return _mean_gap(scores)


def dci(
    Z: ArrayLike,
    Y: Any,
    estimator: Any = None,
    *,
    test_size: float = 0.25,
    random_state: Any = None,
) -> DCIScores:
    r"""Return disentanglement, completeness and informativeness of latents.

    A classifier per factor predicts it from all latents. Let :math:`R_{ij}` be the
    importance of latent :math:`i` for factor :math:`j`, and :math:`H_n` the entropy of
    weights that are made to sum to one, in units of :math:`\ln n` [1]_:

    - disentanglement is the mean of :math:`1 - H_K(R_{i \cdot})` over the latents,
      weighted by :math:`\sum_j R_{ij}`, with :math:`K` factors;
    - completeness is the mean of :math:`1 - H_D(R_{\cdot j})` over the factors, with
      :math:`D` latents;
    - informativeness is the mean accuracy on held-out rows, in place of the authors'
      error.

    Constant latents do not count among the :math:`D` and change no score. The entropy
    over a single factor or a single latent is 0. The completeness of a factor for which
    all latents have zero importance is 0.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_latents)
        Latents.
    Y : array-like of shape (n_samples,) or (n_samples, n_factors)
        True values of the factors: whole numbers, strings or booleans.
    estimator : classifier or None, default=None
        A clone is fitted to standardised latents for each factor, and must then have
        ``feature_importances_``. None stands for a random forest of 50 trees, each on
        half of the rows. They consider all latents at each split, and their leaves hold
        at least half a percent of the rows: otherwise latents without information get
        much importance.
    test_size : float or int, default=0.25
        Share or number of the rows that are held out, the same for all factors.
    random_state : int, RandomState instance or None, default=None
        Seed of the split, and of the forest.

    Returns
    -------
    scores : DCIScores
        The three scores and the importances.

    Raises
    ------
    ValueError
        If `Z` or `Y` cannot be used, a factor has one value only, or `estimator` has no
        importances.

    References
    ----------
    .. [1] C. Eastwood, C. K. I. Williams (2018). A Framework for the Quantitative
       Evaluation of Disentangled Representations.
       https://openreview.net/forum?id=By-7dz-AZ.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.metrics import dci
    >>> Y = np.indices((4, 3, 10)).reshape(3, -1).T[:, :2]
    >>> scores = dci(-2.0 * Y, Y, random_state=0)
    >>> [round(score, 2) for score in scores[:3]]
    [1.0, 1.0, 1.0]
    """
    Z, codes = _check_input(Z, Y, min_latents=1)
    live = np.flatnonzero(np.ptp(Z, axis=0))
    if not live.size:
        raise ValueError("all columns of Z are constant; give latents that vary.")
    random_state = check_random_state(random_state)
    if estimator is None:
        estimator = _forest(random_state.randint(2**31))
    Z_train, Z_test, codes_train, codes_test = train_test_split(
        StandardScaler().fit_transform(Z[:, live]),
        codes,
        test_size=test_size,
        random_state=random_state,
    )
    importances = np.zeros((Z.shape[1], codes.shape[1]))
    accuracy = np.empty(codes.shape[1])
    for j in range(codes.shape[1]):
        classifier = clone(estimator).fit(Z_train, codes_train[:, j])
        if not hasattr(classifier, "feature_importances_"):
            raise ValueError(
                f"estimator={estimator!r} has no feature_importances_ once fitted; "
                "give a forest or boosted trees."
            )
        # Rounding may make those of boosted trees negative.
        importances[live, j] = np.maximum(classifier.feature_importances_, 0)
        accuracy[j] = np.mean(classifier.predict(Z_test) == codes_test[:, j])
    weight = importances[live].sum(axis=1)
    concentration = _concentration(importances[live])
    return DCIScores(
        float(weight @ concentration / weight.sum()) if weight.any() else 0.0,
        float(np.mean(_concentration(importances[live].T))),
        float(np.mean(accuracy)),
        importances,
    )


def _forest(seed):
    return RandomForestClassifier(
        50,
        max_features=None,
        min_samples_leaf=0.005,
        max_samples=0.5,
        random_state=seed,
    )


def _concentration(weights):
    """Return 1 less the entropy of each row over that of equal weights."""
    weights = np.where(weights.any(axis=1, keepdims=True), weights, 1)
    n = weights.shape[1]
    return 1 - entropy(weights, axis=1) / np.log(max(n, 2))


def _mean_gap(scores):
    """Return the mean over columns of the largest entry less the second largest."""
    *_, second, first = np.sort(scores, axis=0)
    return float(np.mean(first - second))


def _check_input(Z: Any, Y: Any, min_latents: int) -> tuple[np.ndarray, np.ndarray]:
    """Return latents as floats and factors as encoded labels of several classes."""
    Z = check_array(Z, dtype=np.float64, input_name="Z")
    if Z.shape[1] < min_latents:
        raise ValueError(
            f"Z has {Z.shape[1]} column; a gap is between two, so give at least "
            f"{min_latents}."
        )
    names, columns = named_columns(Y, "Y")
    if len(columns[0]) != len(Z):
        raise ValueError(f"Z has {len(Z)} rows and Y {len(columns[0])}; give as many.")
    shown = names or range(len(columns))
    codes = [_codes(*pair) for pair in zip(columns, shown, strict=True)]
    return Z, np.stack(codes, axis=1)


def _codes(column: np.ndarray, name: str | int) -> np.ndarray:
    """Return the encoded labels of a factor, all of them known."""
    only = Columns(["column"], [column], 1)
    try:
        codes = PartialLabelEncoder().fit(only).transform(only)[:, 0]
    except ValueError as error:
        raise ValueError(
            f"column {name!r} of Y holds no known values of a factor ({error})"
        ) from error
    unlabelled = codes == -1
    if unlabelled.any():
        raise ValueError(
            f"column {name!r} of Y holds {column[unlabelled][0]} in row "
            f"{unlabelled.argmax()}, the mark of a missing label; leave such rows "
            "out of Z and Y."
        )
    if not codes.any():
        raise ValueError(
            f"column {name!r} of Y has no value but {column.tolist()[0]!r}, which "
            "any latent predicts; leave the column out."
        )
    return codes
