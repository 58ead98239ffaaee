"""Control over the properties of generated rows, judged by another classifier."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skfmvae._utils.checks import check_whole

from ._columns import named_columns

__all__ = ["PropertyShares", "controllability", "labelled_properties", "specificity"]


class PropertyShares(NamedTuple):
    """The result of `controllability` and `specificity`.

    Parameters
    ----------
    mean : float
        Mean over the properties.
    by_property : dict of str to float
        Share of each property, in [0, 1].
    """

    mean: float
    by_property: dict[str, float]


def controllability(
    estimator: Any,
    classifier: Any,
    n_samples: int = 1000,
    *,
    Y: Any = None,
    random_state: Any = None,
    draw: str = "mean",
) -> PropertyShares:
    """Return the share of generated rows in which a classifier finds the chosen values.

    Values of all discrete properties with labels at ``estimator.fit`` are chosen
    together. By default they are drawn uniformly and independently from the classes
    with labels; `Y` gives other combinations, such as those that no row had at `fit`.
    The classifier's own errors count.

    Parameters
    ----------
    estimator : FactorialMixtureVAE, SemiSupervisedVAE or SemafoVAE
        Fitted to labels. Its method ``sample`` generates the rows.
    classifier : object with ``predict(X)``
        Fitted to the same properties, in the same order, on other rows. Predicts shape
        (n_samples,), or (n_samples, n_properties).
    n_samples : int, default=1000
        Number of rows where `Y` is None.
    Y : array-like of shape (n_samples,) or (n_samples, n_properties), default=None
        Combinations to choose, in the order of the properties at `fit`. One row is
        generated for each; repeat a combination for more rows.
    random_state : int, RandomState instance or None, default=None
        Seed of the values and of the rows.
    draw : {"mean", "row"}, default="mean"
        As for ``estimator.sample``. Means show what a property does without the noise
        of single columns, and the figures that papers report are of means.

    Returns
    -------
    shares : PropertyShares
        Shares of the rows in which the classifier predicts the chosen value.

    Raises
    ------
    ValueError
        If `estimator` was fitted without labels, if `Y` has unknown values, or if
        `classifier` predicts other properties.

    See Also
    --------
    specificity : Whether other properties are kept.

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
    properties = labelled_properties(estimator)
    random_state = check_random_state(random_state)
    if Y is not None:
        wanted = _wanted(Y, properties)
    else:
        check_whole("n_samples", n_samples, 1)
        wanted = {
            name: values[random_state.randint(len(values), size=n_samples)]
            for name, values in properties.items()
        }
    n_samples = len(next(iter(wanted.values())))
    X, _ = estimator.sample(n_samples, wanted, random_state=random_state, draw=draw)
    predicted = _predictions(classifier, X, properties)
    return _shares(
        {name: np.mean(predicted[name] == wanted[name]) for name in properties}
    )


def specificity(
    estimator: Any, classifier: Any, X: Any, *, random_state: Any = None
) -> PropertyShares:
    """Return the share of other properties that keep their value when one is changed.

    Each discrete property with labels at ``estimator.fit`` is changed in turn, on every
    row, from the value that the classifier predicts to another one, drawn uniformly.
    Another property is kept if the classifier predicts the same value on the changed
    row as on the row itself. Errors of reconstruction therefore count, and so do errors
    of the classifier that the change causes or removes.

    An intervention without effect has a specificity of one, so consider
    `controllability`, too.

    Parameters
    ----------
    estimator : FactorialMixtureVAE, SemiSupervisedVAE or SemafoVAE
        Fitted to labels of two or more discrete properties. Its method ``intervene``
        changes the rows.
    classifier : object with ``predict(X)``
        Fitted to the same properties, in the same order, on other rows. Predicts shape
        (n_samples, n_properties).
    X : {array-like, CSR matrix} of shape (n_samples, n_features)
        The rows to change.
    random_state : int, RandomState instance or None, default=None
        Seed of the new values.

    Returns
    -------
    shares : PropertyShares
        For each property that was changed, the share of the other properties, over all
        rows, that are kept.

    Raises
    ------
    ValueError
        If `estimator` was fitted to labels of fewer than two properties or of a
        property with one value, or if `classifier` predicts other properties.

    See Also
    --------
    controllability : Whether generated rows have the chosen properties.

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
    properties = labelled_properties(estimator)
    if len(properties) < 2:
        raise ValueError(
            f"estimator got labels of the discrete properties {list(properties)}; "
            "specificity compares one that changes with others, so fit it to two or "
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
    before = _predictions(classifier, X, properties)
    kept = {}
    for name, values in properties.items():
        is_other = values != before[name][:, None]
        # From (0, 1], so that another value never ties with the present one.
        draws = 1 - random_state.random_sample(is_other.shape)
        new = values[(is_other * draws).argmax(axis=1)]
        after = _predictions(
            classifier, estimator.intervene(X, {name: new}), properties
        )
        others = [other for other in properties if other != name]
        kept[name] = np.mean([after[other] == before[other] for other in others])
    return _shares(kept)


def labelled_properties(estimator: Any) -> dict[str, np.ndarray]:
    """Return the classes with labels at `fit`, by the names of the properties.

    Parameters
    ----------
    estimator : FactorialMixtureVAE, SemiSupervisedVAE or SemafoVAE
        Fitted.

    Returns
    -------
    properties : dict of str to ndarray
        Without discovered properties.

    Raises
    ------
    ValueError
        If there are none.
    """
    check_is_fitted(estimator)
    labels = estimator.targets_.labels
    classes = dict(zip(labels.property_names, labels.classes, strict=True))
    properties = {name: values for name, values in classes.items() if len(values)}
    if not properties:
        raise ValueError(
            "estimator got no labels of a discrete property, so there is nothing to "
            "choose; fit it to some."
        )
    return properties


def _wanted(Y, properties):
    """Return the columns of chosen combinations by the names of the properties."""
    names, columns = named_columns(Y, "Y")
    expected = list(properties)
    # The name of a series is ignored.
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


def _predictions(classifier, X, properties):
    """Return a classifier's predictions, by the names of the properties."""
    _, columns = named_columns(classifier.predict(X), "the prediction of classifier")
    if len(columns) != len(properties):
        raise ValueError(
            f"classifier predicts {len(columns)} columns; expected are those of the "
            f"estimator's labelled properties, in their order: {list(properties)}."
        )
    for (name, values), column in zip(properties.items(), columns, strict=True):
        predicted, known = column.tolist()[0], values.tolist()[0]
        if isinstance(predicted, str) != isinstance(known, str):
            raise ValueError(
                f"classifier predicts {predicted!r} for property {name!r}, of which "
                f"the estimator has values such as {known!r}; fit both to values of "
                "one kind."
            )
    return dict(zip(properties, columns, strict=True))


def _shares(by_property):
    by_property = {name: float(share) for name, share in by_property.items()}
    return PropertyShares(float(np.mean(list(by_property.values()))), by_property)
