"""Measures of disentanglement, where factors are known, and of control.

The first three ask whether single latents stand for single factors: `Z` is what
``transform`` returned, `Y` has the true values of the factors. The last two ask whether
generated rows have the properties that they should, as an independent classifier reads
them.
"""

from __future__ import annotations

from numbers import Integral
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
from sklearn.utils.validation import check_is_fitted

from skfmvae.labels import Columns, PartialLabelEncoder, columns_of

__all__ = [
    "DCIScores",
    "PropertyShares",
    "controllability",
    "dci",
    "expected_calibration_error",
    "mutual_information_gap",
    "separated_attribute_predictability",
    "specificity",
]


class DCIScores(NamedTuple):
    """What `dci` returns.

    Parameters
    ----------
    disentanglement : float
        From 0 to 1, where every latent that matters does so for one factor.
    completeness : float
        From 0 to 1, where every factor is predicted from one latent.
    informativeness : float
        Mean accuracy of the predictions on held-out rows.
    importances : ndarray of shape (n_latents, n_factors)
        What each latent contributes to the prediction of each factor.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    importances: np.ndarray


class PropertyShares(NamedTuple):
    """What `controllability` and `specificity` return.

    Parameters
    ----------
    mean : float
        Mean over the properties.
    by_property : dict of str to float
        Share of each property, in [0, 1].
    """

    mean: float
    by_property: dict[str, float]


# Known factors ------------------------------------------------------------------------


def mutual_information_gap(Z: ArrayLike, Y: Any, *, n_bins: int = 20) -> float:
    r"""Return how much more one latent knows of a factor than any other does.

    With :math:`I` the mutual information and :math:`H` the entropy, the gap of factor
    :math:`k` is that between the two latents that know most of it,

    .. math::
        \frac{1}{H(y_k)} \left( I(z_{(1)}; y_k) - I(z_{(2)}; y_k) \right)

    and the mean over the factors is returned [1]_. :math:`I` is computed from counts,
    after each latent is cut into bins of equal width [2]_. On few rows it is too large,
    of latents that say nothing most of all.

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
        From 0 to 1, where each factor is known from one latent, and from it alone.

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
    if not isinstance(n_bins, Integral) or int(n_bins) < 2:
        raise ValueError(f"n_bins={n_bins!r} should be a whole number of at least 2.")
    Z, codes = _check_code(Z, Y, min_latents=2)
    information = np.empty((Z.shape[1], codes.shape[1]))
    for i, z in enumerate(Z.T):
        inner_edges = np.linspace(z.min(), z.max(), n_bins + 1)[1:-1]
        bins = np.digitize(z, inner_edges)
        for j, y in enumerate(codes.T):
            information[i, j] = mutual_info_score(y, bins)
    return _mean_gap(information / [entropy(np.bincount(y)) for y in codes.T])


def separated_attribute_predictability(Z: ArrayLike, Y: Any) -> float:
    """Return how much better one latent predicts a factor than any other does.

    The score of a latent for a factor is the balanced accuracy of thresholds on this
    latent alone, on the rows to which they are fitted; that of a constant latent is 0.
    The gap of a factor is that between its two best latents, and the mean over the
    factors is returned [1]_. The thresholds are those of a decision tree with as many
    leaves as the factor has values.

    Where one latent says all and the others nothing of a factor with `C` values, the
    gap is ``1 - 1 / C``: guessing is right as often as `1 / C`.

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
    Z, codes = _check_code(Z, Y, min_latents=2)
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
    - informativeness is the mean accuracy on held-out rows, for which the authors have
      an error.

    Constant latents do not count among the :math:`D`, so that they change nothing. A
    single factor cannot be mixed with others, nor can a single latent be one of
    several: its entropy is 0. Of a factor for which no latent is of any importance,
    completeness is 0.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_latents)
        Latents.
    Y : array-like of shape (n_samples,) or (n_samples, n_factors)
        True values of the factors: whole numbers, strings or booleans.
    estimator : classifier or None, default=None
        Cloned and fitted for each factor, to latents that are standardised; has
        ``feature_importances_`` then. None stands for a random forest of 50 trees, on
        half as many rows each. They try all latents at each split, and their leaves
        hold half a percent of the rows or more: otherwise they make much use of latents
        that say nothing.
    test_size : float or int, default=0.25
        Share or number of the rows that are held out, the same for all factors.
    random_state : int, RandomState instance or None, default=None
        Seed of the split, and of the forest.

    Returns
    -------
    scores : DCIScores
        The three, and the importances they are made of.

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
    Z, codes = _check_code(Z, Y, min_latents=1)
    live = np.flatnonzero(np.ptp(Z, axis=0))
    if not live.size:
        raise ValueError("all columns of Z are constant; give latents that vary.")
    random_state = check_random_state(random_state)
    if estimator is None:
        estimator = RandomForestClassifier(
            50,
            max_features=None,
            min_samples_leaf=0.005,
            max_samples=0.5,
            random_state=random_state.randint(2**31),
        )
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
        # Rounding may put those of boosted trees below zero.
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


def _concentration(weights):
    """Return 1 less the entropy of each row over that of equal weights."""
    weights = np.where(weights.any(axis=1, keepdims=True), weights, 1)
    n = weights.shape[1]
    return 1 - entropy(weights, axis=1) / np.log(max(n, 2))


def _mean_gap(scores):
    """Return the mean over columns of what the largest entry has over the next."""
    *_, second, first = np.sort(scores, axis=0)
    return float(np.mean(first - second))


def _check_code(Z: Any, Y: Any, min_latents: int) -> tuple[np.ndarray, np.ndarray]:
    """Return latents as floats and factors as codes, of which there are several."""
    Z = check_array(Z, dtype=np.float64, input_name="Z")
    if Z.shape[1] < min_latents:
        raise ValueError(
            f"Z has {Z.shape[1]} column; a gap is between two, so give at least "
            f"{min_latents}."
        )
    names, columns = _columns(Y, "Y")
    if len(columns[0]) != len(Z):
        raise ValueError(f"Z has {len(Z)} rows and Y {len(columns[0])}; give as many.")
    codes = np.empty((len(Z), len(columns)), dtype=np.int64)
    for j, column in enumerate(columns):
        name = names[j] if names else j
        only = Columns(["column"], [column], 1)
        try:
            codes[:, j] = PartialLabelEncoder().fit(only).transform(only)[:, 0]
        except ValueError as error:
            raise ValueError(
                f"column {name!r} of Y holds no known values of a factor ({error})"
            ) from error
        unlabelled = codes[:, j] == -1
        if unlabelled.any():
            raise ValueError(
                f"column {name!r} of Y holds {column[unlabelled][0]} in row "
                f"{unlabelled.argmax()}, the mark of a missing label; leave such rows "
                "out of Z and Y."
            )
        if not codes[:, j].any():
            raise ValueError(
                f"column {name!r} of Y has no value but {column.tolist()[0]!r}, which "
                "any latent predicts; leave the column out."
            )
    return Z, codes


def _columns(values, what):
    """Return names, or None, and columns of an array-like or a frame."""
    try:
        names, columns, _ = columns_of(values)
    except ValueError as error:
        raise ValueError(f"{what} has no columns that can be read ({error})") from error
    return names, columns


# Control ------------------------------------------------------------------------------


def controllability(
    estimator: Any,
    classifier: Any,
    n_samples: int = 1000,
    *,
    Y: Any = None,
    random_state: Any = None,
) -> PropertyShares:
    """Return in how many generated rows a classifier reads what was asked for.

    All discrete properties that were labelled at ``estimator.fit`` are asked for at
    once. By default their values are drawn evenly and independently of each other,
    from those that had labels; `Y` says which combinations to ask for instead, such as
    those that no row showed at `fit`. The classifier's own errors count.

    Parameters
    ----------
    estimator : FactorialMixtureVAE, SemiSupervisedVAE or SemafoVAE
        Fitted to labels. Its ``sample`` generates the rows.
    classifier : object with ``predict(X)``
        Fitted to the same properties, in the same order, on rows of its own. Predicts
        shape (n_samples,), or (n_samples, n_properties).
    n_samples : int, default=1000
        Number of rows, where `Y` does not give one each.
    Y : array-like of shape (n_samples,) or (n_samples, n_properties), default=None
        Wanted combinations, in the order of the properties at `fit`. One row is
        generated for each; repeat a combination to ask for it more often.
    random_state : int, RandomState instance or None, default=None
        Seed of the values and of the rows.

    Returns
    -------
    shares : PropertyShares
        Of the rows in which the classifier reads the value asked for.

    Raises
    ------
    ValueError
        If `estimator` is not fitted or got no labels, if `Y` asks for unknown values,
        or if `classifier` reads other properties.

    See Also
    --------
    specificity : Whether other properties stay as they were.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skfmvae import SemiSupervisedVAE
    >>> from skfmvae.metrics import controllability
    >>> rng = np.random.default_rng(0)
    >>> Y = rng.integers(2, size=(400, 2))
    >>> X = 4.0 * Y + rng.normal(size=(400, 2))
    >>> classifier = KNeighborsClassifier().fit(X[200:], Y[200:])
    >>> estimator = SemiSupervisedVAE(style_dim=0, max_epochs=30, random_state=0)
    >>> estimator = estimator.fit(X[:200], Y[:200])
    >>> shares = controllability(estimator, classifier, random_state=0)
    >>> shares.mean > 0.9
    True
    >>> list(shares.by_property)
    ['property_0', 'property_1']
    """
    properties = _labelled_properties(estimator)
    random_state = check_random_state(random_state)
    if Y is not None:
        wanted = _wanted(Y, properties)
    elif not isinstance(n_samples, Integral) or int(n_samples) < 1:
        raise ValueError(
            f"n_samples={n_samples!r} should be a whole number of at least 1."
        )
    else:
        wanted = {
            name: values[random_state.randint(len(values), size=n_samples)]
            for name, values in properties.items()
        }
    n_samples = len(next(iter(wanted.values())))
    X, _ = estimator.sample(n_samples, wanted, random_state=random_state)
    read = _read(classifier, X, properties)
    return _shares({name: np.mean(read[name] == wanted[name]) for name in properties})


def specificity(
    estimator: Any, classifier: Any, X: Any, *, random_state: Any = None
) -> PropertyShares:
    """Return how many other properties keep their value where one is changed.

    Each discrete property that was labelled at ``estimator.fit`` is changed in turn, on
    every row, from what the classifier reads to another of its values, drawn evenly.
    The other properties are kept where the classifier reads on the changed row what it
    read on the row itself. What the estimator fails to reconstruct thus counts, and so
    do the classifier's errors that the change makes or undoes.

    An intervention without effect is specific, so read this beside `controllability`.

    Parameters
    ----------
    estimator : FactorialMixtureVAE, SemiSupervisedVAE or SemafoVAE
        Fitted to labels of two or more discrete properties. Its ``intervene`` changes
        the rows.
    classifier : object with ``predict(X)``
        Fitted to the same properties, in the same order, on rows of its own. Predicts
        shape (n_samples, n_properties).
    X : {array-like, CSR matrix} of shape (n_samples, n_features)
        The rows to change.
    random_state : int, RandomState instance or None, default=None
        Seed of the new values.

    Returns
    -------
    shares : PropertyShares
        By the property that was changed: of the other properties, over all rows, those
        that are read unchanged.

    Raises
    ------
    ValueError
        If `estimator` is not fitted, got labels of fewer than two properties or of a
        property with one value, or if `classifier` reads other properties.

    See Also
    --------
    controllability : Whether properties that are asked for are there.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skfmvae import SemiSupervisedVAE
    >>> from skfmvae.metrics import specificity
    >>> rng = np.random.default_rng(0)
    >>> Y = rng.integers(2, size=(400, 2))
    >>> X = 4.0 * Y + rng.normal(size=(400, 2))
    >>> classifier = KNeighborsClassifier().fit(X[200:], Y[200:])
    >>> estimator = SemiSupervisedVAE(style_dim=0, max_epochs=30, random_state=0)
    >>> estimator = estimator.fit(X[:200], Y[:200])
    >>> specificity(estimator, classifier, X[200:], random_state=0).mean > 0.9
    True
    """
    properties = _labelled_properties(estimator)
    if len(properties) < 2:
        raise ValueError(
            f"estimator got labels of the discrete properties {list(properties)}; "
            "specificity is about what others do when one changes, so fit it to two or "
            "more."
        )
    for name, values in properties.items():
        if len(values) < 2:
            raise ValueError(
                f"property {name!r} of the estimator has no value but "
                f"{values.tolist()[0]!r}, so it cannot change; fit the estimator to "
                "labels of two or more values."
            )
    random_state = check_random_state(random_state)
    before = _read(classifier, X, properties)
    kept = {}
    for name, values in properties.items():
        is_other = values != before[name][:, None]
        # From (0, 1], so that no other value ties with the present one.
        draws = 1 - random_state.random_sample(is_other.shape)
        new = values[(is_other * draws).argmax(axis=1)]
        after = _read(classifier, estimator.intervene(X, {name: new}), properties)
        others = [other for other in properties if other != name]
        kept[name] = np.mean([after[other] == before[other] for other in others])
    return _shares(kept)


def _labelled_properties(estimator):
    """Return the values that had labels at `fit`, by the names of the properties."""
    check_is_fitted(estimator)
    labels = estimator.labels_
    classes = dict(zip(labels.property_names, labels.classes, strict=True))
    properties = {name: values for name, values in classes.items() if len(values)}
    if not properties:
        raise ValueError(
            "estimator got no labels of a discrete property, so there is nothing to "
            "ask for; fit it to some."
        )
    return properties


def _wanted(Y, properties):
    """Return the columns of wanted combinations by the names of the properties."""
    names, columns = _columns(Y, "Y")
    expected = list(properties)
    # A series may go by any name.
    named = names is not None and hasattr(Y, "columns")
    if len(columns) != len(expected) or named and names != expected:
        raise ValueError(
            f"Y has {len(columns)} columns{f' {names}' if named else ''}; expected are "
            f"those of the estimator's labelled properties, in their order: {expected}."
        )
    for (name, values), column in zip(properties.items(), columns, strict=True):
        known = set(values.tolist())
        unknown = [value for value in column.tolist() if value not in known]
        if unknown:
            raise ValueError(
                f"Y asks for {unknown[0]!r} of property {name!r}, whose values are "
                f"{values.tolist()}; ask for one of these on each row."
            )
    return dict(zip(expected, columns, strict=True))


def _read(classifier, X, properties):
    """Return what a classifier reads on rows, by the names of the properties."""
    _, columns = _columns(classifier.predict(X), "what classifier predicts")
    if len(columns) != len(properties):
        raise ValueError(
            f"classifier predicts {len(columns)} columns; expected are those of the "
            f"estimator's labelled properties, in their order: {list(properties)}."
        )
    for (name, values), column in zip(properties.items(), columns, strict=True):
        read, known = column.tolist()[0], values.tolist()[0]
        if isinstance(read, str) != isinstance(known, str):
            raise ValueError(
                f"classifier predicts {read!r} for property {name!r}, of which the "
                f"estimator has values such as {known!r}; fit both to values of one "
                "kind."
            )
    return dict(zip(properties, columns, strict=True))


def _shares(by_property):
    by_property = {name: float(share) for name, share in by_property.items()}
    return PropertyShares(float(np.mean(list(by_property.values()))), by_property)


# Calibration --------------------------------------------------------------------------


def expected_calibration_error(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    n_bins: int = 15,
) -> float:
    """Return how far confidence is from accuracy, on average over bins of confidence.

    The confidence of a row is the highest of its probabilities. Bins are of equal
    width in (0, 1] and weigh as their rows [1]_.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Known labels.
    y_proba : array-like of shape (n_samples, n_classes)
        Probabilities.
    labels : array-like of shape (n_classes,), default=None
        What the columns stand for, such as ``estimator.classes_``. None takes the
        sorted values of `y_true`.
    n_bins : int, default=15
        Number of bins.

    Returns
    -------
    error : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If `y_proba` has not a row for each label and a column for each class.

    References
    ----------
    .. [1] C. Guo et al. (2017). On Calibration of Modern Neural Networks. Equation 3.
       https://arxiv.org/abs/1706.04599.

    Examples
    --------
    >>> from skfmvae.metrics import expected_calibration_error
    >>> proba = [[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]]
    >>> round(expected_calibration_error([0, 1, 1, 1], proba), 2)
    0.3
    """
    true = np.asarray(y_true)
    proba = check_array(y_proba, input_name="y_proba")
    classes = np.unique(true) if labels is None else np.asarray(labels)
    if proba.shape != (len(true), len(classes)):
        raise ValueError(
            f"y_proba has shape {proba.shape}; expected are {len(true)} rows, as "
            f"y_true has, and {len(classes)} columns, one for each of the labels."
        )
    confidence = proba.max(axis=1)
    is_right = classes[proba.argmax(axis=1)] == true
    bins = np.ceil(confidence * n_bins).astype(int)
    gaps = np.bincount(bins, is_right - confidence)
    return float(np.abs(gaps).sum() / len(true))
