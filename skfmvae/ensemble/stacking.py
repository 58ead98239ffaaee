"""Classifiers that predict together, weighted by labels that are hidden in turn."""

from __future__ import annotations

from contextlib import suppress
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils import Bunch, check_random_state, get_tags, indexable
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from skfmvae._utils.compat import (
    BaseComposition,
    Interval,
    check_sample_weight,
    fit_context,
)
from skfmvae._utils.folds import hidden_label_folds
from skfmvae._utils.missing import masked_as_nan
from skfmvae._utils.seeds import seeded_clone
from skfmvae._utils.types import MatrixLike
from skfmvae.columns import ColumnVectorizer
from skfmvae.estimators import SemiSupervisedVAE
from skfmvae.estimators.checks import check_weights
from skfmvae.estimators.guards import all_or_nothing
from skfmvae.estimators.prediction import labelled_accuracy

from .array_scaler import ArrayScaler
from .members import (
    check_members,
    class_proba,
    fit_member,
    own_hidden_proba,
    predict_hidden,
)
from .per_property import PerProperty, is_semi_supervised, takes_partial_labels
from .pooling import fit_weights, floored_log, pool
from .targets import read_labels

__all__ = ["PartialLabelStacking"]


def default_members() -> list[tuple[str, Any]]:
    """Return the members of an ensemble that is given none.

    Returns
    -------
    members : list of (str, classifier)
        One that learns from rows without labels, a linear one and one of trees.
    """
    logistic = LogisticRegression(max_iter=1000)
    forest = RandomForestClassifier(n_estimators=300)
    return [
        ("vae", make_pipeline(ArrayScaler(), SemiSupervisedVAE())),
        ("logistic", make_pipeline(ColumnVectorizer(), logistic)),
        ("forest", make_pipeline(ColumnVectorizer(standardize=False), forest)),
    ]


class PartialLabelStacking(ClassifierMixin, BaseComposition):
    """Classifiers of any kind, pooled by how well they predict hidden labels.

    The pool is log-linear: for each property, ``p ∝ ∏_m p_m^{w_m}`` over the members.
    Labels are hidden in folds, members are fitted without them and predict them, and
    the weights ``w_m ≥ 0`` minimise the log loss of all hidden labels plus
    ``shrinkage / 2 · |w - w0|²``, where ``w0`` is one over the number of members. At
    the end each member is fitted to all labels.

    Any classifier of scikit-learn's kind with ``predict_proba`` may be a member. The
    estimators of this package, also at the end of a pipeline or in a search, are fitted
    to all rows and properties at once, with the labels that are hidden or missing
    unlabelled. For other classifiers there is a clone for each property. Those of
    :mod:`sklearn.semi_supervised` are fitted to all rows, the others to the rows with a
    label.

    Parameters
    ----------
    estimators : list of (str, classifier) or None, default=None
        The members and their names; "drop" in place of a classifier leaves it out. None
        stands for "vae", a :class:`~skfmvae.SemiSupervisedVAE`, of the standardised
        columns of an array and of a frame as it is; "logistic", a logistic regression
        of standardised and one-hot columns; and "forest", a random forest of one-hot
        ones. They take frames with text, categories and dates, and missing entries.
    n_folds : int, default=5
        Number of times that each member is fitted without some of the labels. A member
        that has done this itself, and says so by an attribute ``hidden_proba_``, is not
        fitted again.
    shrinkage : float, default=10.0
        Strength of the pull of the weights to equal ones, in nats: with many more
        labels than that, the labels decide.
    n_jobs : int or None, default=None
        Number of fits at a time, as in scikit-learn.
    random_state : int, RandomState instance or None, default=None
        Draws the folds, and seeds the members that have no seed of their own.
    verbose : int, default=0
        Verbosity of the parallel fits.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or a list of them
        The classes of each property; a list where `y` had several columns.
    weights_ : dict of str to float, or dict of str to dict
        The weight of each member in the pool; where `y` had several columns, such a
        dict for each property.
    estimators_ : list of classifier
        The members, fitted to all labels. A classifier of single properties that is
        fitted to one predicts positions in `classes_`, as in scikit-learn's
        ``StackingClassifier``; fitted to several, it has a list `estimators_` of its
        own, one for each.
    named_estimators_ : :class:`~sklearn.utils.Bunch`
        The members by their names; "drop" for those that are left out.
    property_names_ : list of str
        Names of the columns of `y`.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of `X`, where all of them are strings.

    See Also
    --------
    sklearn.ensemble.StackingClassifier : The same idea for rows that are all labelled.

    Notes
    -----
    The only label of a class is never hidden, so that members know all classes in every
    fold; where no label of a property can be hidden, weights are ``w0``. A weighted
    geometric mean lets a member that is sure overrule others that are not, and its
    weights need not sum to one: where all members are overconfident, they are small.
    Equal weights are where they start as nothing is known of the members; with some
    twenty labels, they are hardly worse than fitted ones.

    Probabilities of members below ``1 / (n + K)``, with ``n`` labels of ``K`` classes,
    count as that, as no member can know of less (Laplace's rule of succession). One
    that says NaN of a row leaves it to the others.

    References
    ----------
    Genest, Zidek (1986), `Combining probability distributions: a critique and an
    annotated bibliography <https://doi.org/10.1214/ss/1177013825>`_.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skfmvae.datasets import mask_labels
    >>> from skfmvae.ensemble import PartialLabelStacking
    >>> X, y = load_iris(return_X_y=True)
    >>> y_partial = mask_labels(y, 15, random_state=0)
    >>> members = [
    ...     ("logistic", LogisticRegression(max_iter=1000)),
    ...     ("forest", RandomForestClassifier(20)),
    ... ]
    >>> stacking = PartialLabelStacking(members, random_state=0).fit(X, y_partial)
    >>> list(stacking.weights_)
    ['logistic', 'forest']
    >>> print(f"{stacking.score(X, y):.1f}")
    0.9
    """

    _parameter_constraints: dict = {
        "estimators": [None, list],
        "n_folds": [Interval(Integral, 2, None, closed="left")],
        "shrinkage": [Interval(Real, 0, None, closed="neither")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimators: list[tuple[str, Any]] | None = None,
        *,
        n_folds: int = 5,
        shrinkage: float = 10.0,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        self.estimators = estimators
        self.n_folds = n_folds
        self.shrinkage = shrinkage
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, those of members by names such as ``logistic__C``.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the members and their parameters.

        Returns
        -------
        params : dict
            Values by name.
        """
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params: Any) -> PartialLabelStacking:
        """Set parameters, those of members by names such as ``logistic__C``.

        Where `estimators` is None, it becomes the list that None stands for if a member
        of it is named.

        Parameters
        ----------
        **params : dict
            Values by name.

        Returns
        -------
        self : object
            The estimator.
        """
        members = default_members()
        named = {key.partition("__")[0] for key in params}
        if self.estimators is None and named & set(dict(members)):
            params.setdefault("estimators", members)
        self._set_params("estimators", **params)
        return self

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: MatrixLike, y: Any, sample_weight: MatrixLike | None = None):
        """Fit the members to partly labelled rows, and weigh them by hidden labels.

        Parameters
        ----------
        X : {array-like, frame, sparse matrix} of shape (n_samples, n_features)
            The rows, which members get unchanged.
        y : array-like of shape (n_samples,) or (n_samples, n_properties)
            Property values; -1 (where numeric), None, NaN or ``pd.NA`` marks an
            unlabelled entry, and so does a mask.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, for the members that take them and for the log loss of
            hidden labels. The last step of a pipeline gets them.

        Returns
        -------
        self : object
            The fitted ensemble.

        Raises
        ------
        ValueError
            If a column of `y` has no label or holds a quantity, or if `estimators` is
            no list of named classifiers with ``predict_proba``.
        """
        with all_or_nothing(self):
            (X,) = indexable(masked_as_nan(X))
            members = self._given_members()
            self._check_X(X, reset=True)
            y, self.labels_ = read_labels(y)
            codes = self.labels_.transform(y)
            self._n_labels = (codes >= 0).sum(axis=0).tolist()
            check_consistent_length(X, codes)
            counted = check_weights(sample_weight, X)
            # Members get weights as they come, whose scale means much to some.
            if sample_weight is not None:
                sample_weight = check_sample_weight(masked_as_nan(sample_weight), X)
            random_state = check_random_state(self.random_state)
            folds = hidden_label_folds(codes, self.n_folds, random_state)
            prepared = {
                name: _prepare(member, random_state) for name, member in members.items()
            }
            run = Parallel(n_jobs=self.n_jobs, verbose=self.verbose)
            data = X, y, sample_weight
            fitted = run(
                delayed(fit_member)(member, *data) for member in prepared.values()
            )
            self._members = dict(zip(prepared, fitted, strict=True))
            hidden_proba = self._hidden_proba(run, prepared, data, folds)
            self._fit_weights(hidden_proba, codes, counted)
            self._expose()
        return self

    def _given_members(self):
        """Return the members that are not dropped, by name."""
        members = default_members() if self.estimators is None else self.estimators
        return dict(check_members(self, members))

    def _hidden_proba(self, run, members, data, folds):
        """Return what each member predicts of hidden labels, NaN for others.

        By member, and then by property, of shape (n_samples, n_classes).
        """
        own = {m: own_hidden_proba(self._members[m], self.labels_) for m in members}
        others = [name for name, proba in own.items() if proba is None]
        tasks = [(name, f) for name in others for f in np.unique(folds[folds >= 0])]
        results = run(
            delayed(predict_hidden)(members[name], *data, folds == f, self.labels_)
            for name, f in tasks
        )
        crossed = {
            name: [np.full((len(folds), len(c)), np.nan) for c in self.labels_.classes]
            for name in others
        }
        for (name, f), (rows, proba) in zip(tasks, results, strict=True):
            for k, p in enumerate(proba):
                here = folds[rows, k] == f
                crossed[name][k][rows[here]] = p[here]
        return list((own | crossed).values())

    def _fit_weights(self, hidden_proba, codes, counted):
        """Learn the weights of each property from labels that no member has seen."""
        names = list(self._members)
        start = np.full(len(names), 1 / len(names))
        weights = {}
        for k, name in enumerate(self.labels_.property_names):
            log_proba = floored_log(
                np.stack([own[k] for own in hidden_proba]), self._n_labels[k]
            )
            judged = (codes[:, k] >= 0) & np.isfinite(log_proba).all(axis=(0, 2))
            fitted = fit_weights(
                log_proba[:, judged],
                codes[judged, k],
                start,
                self.shrinkage,
                counted[judged],
            )
            weights[name] = dict(zip(names, fitted.tolist(), strict=True))
        self.weights_ = weights if self.labels_.multi_output else weights[name]

    def _expose(self):
        """Set the attributes that scikit-learn's ensembles have."""
        several = self.labels_.multi_output
        self.classes_ = self.labels_.classes if several else self.labels_.classes[0]
        self.estimators_ = [
            m.estimators_[0] if isinstance(m, PerProperty) and not several else m
            for m in self._members.values()
        ]
        dropped = {name: "drop" for name, _ in self.estimators or []}
        fitted = dict(zip(self._members, self.estimators_, strict=True))
        self.named_estimators_ = Bunch(**(dropped | fitted))

    @property
    def property_names_(self) -> list[str]:
        """Names of the columns of `y`."""
        return self.labels_.property_names

    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict the most probable class of every property.

        Parameters
        ----------
        X : {array-like, frame, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_properties)
            Classes of the same type as the labels at `fit`.
        """
        codes = self._most_probable(X)
        return self.labels_.inverse(codes)

    def predict_proba(self, X: MatrixLike) -> np.ndarray | list[np.ndarray]:
        """Predict the probability of every class of every property.

        Parameters
        ----------
        X : {array-like, frame, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes), or a list of them
            In the order of `classes_`; a list where `y` had several columns.
        """
        proba = list(self.property_proba(X).values())
        return proba if self.labels_.multi_output else proba[0]

    def property_proba(self, X: MatrixLike) -> dict[str, np.ndarray]:
        """Predict the probabilities of every property, by its name.

        Parameters
        ----------
        X : {array-like, frame, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        proba : dict of str to ndarray of shape (n_samples, n_classes)
            By the names in `property_names_`.
        """
        check_is_fitted(self)
        (X,) = indexable(masked_as_nan(X))
        self._check_X(X)
        by_member = [
            class_proba(member, X, self.labels_) for member in self._members.values()
        ]
        pooled = {}
        for k, name in enumerate(self.property_names_):
            own = self.weights_[name] if self.labels_.multi_output else self.weights_
            log_proba = floored_log(
                np.stack([proba[k] for proba in by_member]), self._n_labels[k]
            )
            # A member that says NaN says nothing: all classes alike.
            log_proba = np.nan_to_num(log_proba, nan=0.0)
            pooled[name] = pool(log_proba, list(own.values()))
        return pooled

    def score(
        self, X: MatrixLike, y: Any, sample_weight: MatrixLike | None = None
    ) -> float:
        """Return the accuracy over labelled entries.

        Parameters
        ----------
        X : {array-like, frame, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_properties)
            True classes; unlabelled entries do not count, and a class that `fit` never
            saw counts as mistaken.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            Between 0 and 1.

        Raises
        ------
        ValueError
            If no row of positive weight has a label.
        """
        check_is_fitted(self)
        codes = self.labels_.transform(y, unknown=-2)
        check_consistent_length(X, codes)
        self.labels_.warn_of_marks(y)
        return labelled_accuracy(codes, sample_weight, lambda: self._most_probable(X))

    def _most_probable(self, X):
        proba = self.property_proba(X).values()
        return np.stack([p.argmax(axis=1) for p in proba], axis=1)

    def _check_X(self, X, reset=False):
        """Learn or check the number and the names of the columns; members do more."""
        if getattr(getattr(X, "dtype", None), "kind", None) == "c":
            raise ValueError("Complex data not supported in X; give real numbers.")
        if getattr(X, "ndim", 2) == 2:
            validate_data(self, X, reset=reset, skip_check_array=True)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "weights_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        takes = tags.input_tags
        if self.estimators is None:
            takes.sparse = takes.allow_nan = takes.string = takes.categorical = True
            return tags
        with suppress(Exception):  # of what is no list of members, which fit refuses
            kept = [member for _, member in self.estimators if member != "drop"]
            members = [get_tags(member).input_tags for member in kept]
            takes.sparse = all(m.sparse for m in members)
            takes.allow_nan = all(m.allow_nan for m in members)
            takes.string = all(m.string for m in members)
            takes.categorical = all(m.categorical for m in members)
        return tags


def _prepare(member, random_state):
    """Return a member with seeds that takes partial labels of several properties."""
    member = seeded_clone(member, random_state)
    if takes_partial_labels(member):
        return member
    return PerProperty(member, semi_supervised=is_semi_supervised(member))
