"""Scorers of labelled entries alone, for one property or several."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from numbers import Integral
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import brier_score_loss, get_scorer, get_scorer_names
from sklearn.utils import check_array
from sklearn.utils.metadata_routing import MetadataRequest

from skfmvae._utils.compat import safe_indexing
from skfmvae._utils.missing import masked_as_nan
from skfmvae.metrics import expected_calibration_error
from skfmvae.targets import narrowed

from .single_column import one_column, refuse_unlabelled_class
from .targets import Targets, read_targets

__all__ = ["PartialScorer", "partial_scorer"]

# A function of a fitted estimator of one property, rows, and known values. It may have
# the keyword sample_weight.
Scorer = Callable[..., float]


def partial_scorer(
    metric: str | Scorer = "accuracy", *, property: str | int | None = None
) -> PartialScorer:
    """Return a scikit-learn scorer that leaves out entries without a label.

    Parameters
    ----------
    metric : str or callable, default="accuracy"
        A name of scikit-learn's ``scoring``, such as "balanced_accuracy", "f1_macro",
        "neg_log_loss", "roc_auc_ovr" or "neg_brier_score", or
        "neg_expected_calibration_error"; for a quantity the name of a metric of
        regression, such as "r2"; or a scorer, as of
        :func:`sklearn.metrics.make_scorer`.
    property : str, int or None, default=None
        The property to score, by its name or its position among the columns of `y`; for
        a quantity of several columns, one of these. None takes the mean over the
        properties with a label among the rows, or over quantities where `y` has no
        labels.

    Returns
    -------
    scorer : PartialScorer
        For ``scoring``, of any classifier of one property or several. A column is a
        quantity if it is one in the estimator's graphical model, or if any of its
        numbers is fractional.

    Raises
    ------
    ValueError
        If there is no metric of that name.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.semi_supervised import LabelSpreading
    >>> from skfmvae.model_selection import PartialLabelKFold, partial_scorer
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(60) % 2
    >>> X = rng.normal(size=(60, 2)) + 4 * y[:, None]
    >>> y_partial = np.where(rng.random(60) < 0.4, y, -1)
    >>> scores = cross_val_score(
    ...     LabelSpreading(), X, y_partial,
    ...     cv=PartialLabelKFold(3), scoring=partial_scorer("neg_log_loss"),
    ... )
    >>> scores.shape
    (3,)
    """
    return PartialScorer(metric, property)


class PartialScorer:
    """A scorer that leaves out entries without a label.

    Parameters
    ----------
    metric : str or callable
        A name or a scorer, as for `partial_scorer`.
    property : str, int or None, default=None
        The property to score, as for `partial_scorer`.
    """

    def __init__(self, metric: str | Scorer, property: str | int | None = None):
        self.metric = metric
        self.property = property
        self._weight_request: bool | str | None = None
        if callable(metric):
            self._score = metric
        elif metric in OWN:
            self._score = OWN[metric]
        elif metric in get_scorer_names():
            self._score = get_scorer(metric)
        else:
            raise ValueError(
                f"metric={metric!r} is not a scorer; give one, "
                "'neg_expected_calibration_error' or a name of "
                "sklearn.metrics.get_scorer_names()."
            )

    def __repr__(self) -> str:
        return f"partial_scorer({self.metric!r}, property={self.property!r})"

    def __call__(
        self, estimator: Any, X: Any, y: Any, sample_weight: Any = None
    ) -> float:
        """Return the score on the entries that are labelled.

        Parameters
        ----------
        estimator : classifier
            Fitted.
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_properties)
            Partial labels, marked as for the estimators.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, for metrics that take them.

        Returns
        -------
        score : float
            NaN where no row of positive weight has a label of the property, or of any.

        Raises
        ------
        ValueError
            If there is no such property, if the estimator does not predict it or has
            -1 among its classes, if the metric is one of labels but the property a
            quantity, if the metric has no weights, or if weights are negative, not
            finite or not one for each row.
        """
        refuse_unlabelled_class(estimator)
        targets = read_targets(y, estimator)
        known = targets.codes >= 0
        weights = None
        if sample_weight is not None:
            self._check_takes_weight()
            weights = _check_weight(sample_weight, len(known))
            known &= weights[:, None] > 0
        scores = []
        for k in self.positions(targets):
            rows = np.flatnonzero(known[:, k])
            if not len(rows):
                continue
            values = narrowed(targets.columns[k][rows])
            # Only where given, since a metric may have no weights.
            weight = {} if weights is None else {"sample_weight": weights[rows]}
            one = one_column(estimator, targets, k)
            try:
                score = self._score(one, safe_indexing(X, rows), values, **weight)
            except Exception as error:
                if k in targets.labels or _scores_quantities(self._score):
                    raise
                name = targets.names[k] if targets.names else k
                raise ValueError(
                    f"property {name!r} is a quantity, which metric={self.metric!r} "
                    "does not score; give a metric of a regression, such as 'r2', or "
                    "the property of a label."
                ) from error
            scores.append(score)
        return float(np.mean(scores)) if scores else float("nan")

    def positions(self, targets: Targets) -> list[int]:
        """Return the columns that the score is the mean over.

        Parameters
        ----------
        targets : Targets
            The columns of `y`.

        Returns
        -------
        positions : list of int
            Among the columns of `y`.

        Raises
        ------
        ValueError
            If there is no such property.
        """
        n, names = len(targets.columns), targets.names or []
        if self.property is None:
            return targets.scored
        if self.property in names:
            return [names.index(self.property)]
        if isinstance(self.property, Integral) and 0 <= self.property < n:
            return [int(self.property)]
        raise ValueError(
            f"property={self.property!r} is none of those of y; they are "
            f"{names or list(range(n))}."
        )

    def set_score_request(self, *, sample_weight: bool | str | None) -> PartialScorer:
        """Set whether `sample_weight` is requested, as for scikit-learn's scorers.

        Parameters
        ----------
        sample_weight : bool, str or None
            True requests it, False does not, a string requests it by that name, and
            None raises an error where it is passed.

        Returns
        -------
        scorer : PartialScorer
            Itself.

        Raises
        ------
        RuntimeError
            If metadata routing is not enabled.
        """
        if not get_config()["enable_metadata_routing"]:
            raise RuntimeError(
                "set_score_request needs metadata routing; enable it by "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
        self._weight_request = sample_weight
        return self

    def get_metadata_routing(self) -> MetadataRequest:
        """Return the requested metadata.

        Returns
        -------
        request : MetadataRequest
            Of the method `score`, as for scikit-learn's scorers.
        """
        request = MetadataRequest(owner=repr(self))
        request.score.add_request(param="sample_weight", alias=self._weight_request)
        return request

    def _accept_sample_weight(self):
        # scikit-learn calls this where metadata are not routed.
        return "sample_weight" in self._parameters()

    def _check_takes_weight(self):
        kinds = {parameter.kind for parameter in self._parameters().values()}
        if not (self._accept_sample_weight() or Parameter.VAR_KEYWORD in kinds):
            raise ValueError(
                f"metric={self.metric!r} takes no sample_weight; leave the weights "
                "out, or give a metric with a parameter of that name."
            )

    def _parameters(self):
        # A scorer of scikit-learn has the parameters of its function.
        return signature(getattr(self._score, "_score_func", self._score)).parameters


def _check_weight(sample_weight, n_samples):
    weight = check_array(
        masked_as_nan(sample_weight),
        ensure_2d=False,
        dtype=np.float64,
        input_name="sample_weight",
    )
    if weight.shape != (n_samples,) or (weight < 0).any():
        raise ValueError(
            f"sample_weight has shape {weight.shape} and values from {weight.min()}; "
            f"give {n_samples} numbers, one for each row, none of them negative."
        )
    return weight


class _Exact(RegressorMixin, BaseEstimator):
    """Predicts the rows themselves."""

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, X):
        return X


def _scores_quantities(score):
    """Return whether a scorer accepts fractional numbers, here predicted exactly."""
    numbers = np.array([0.5, 1.5, 2.5])
    try:
        score(_Exact(), numbers, numbers)
    except Exception:
        return False
    return True


def _neg_brier_score(estimator, X, y, sample_weight=None):
    # Class by class, since scikit-learn before 1.7 has it for two classes alone.
    proba, classes = estimator.predict_proba(X), estimator.classes_
    unknown = set(y.tolist()) - set(classes.tolist())
    if unknown:
        raise ValueError(
            f"y holds {sorted(unknown)}, which the estimator gives no probability: its "
            f"classes_ are {classes.tolist()}. Score rows of these alone."
        )
    losses = [
        brier_score_loss(
            y == value, column, sample_weight=sample_weight, pos_label=True
        )
        for value, column in zip(classes, proba.T, strict=True)
    ]
    # For two classes it is the loss of one, as in scikit-learn.
    return -sum(losses) / (2 if len(losses) == 2 else 1)


def _neg_expected_calibration_error(estimator, X, y, sample_weight=None):
    return -expected_calibration_error(
        y,
        estimator.predict_proba(X),
        labels=estimator.classes_,
        sample_weight=sample_weight,
    )


OWN: dict[str, Scorer] = {
    "neg_brier_score": _neg_brier_score,
    "neg_expected_calibration_error": _neg_expected_calibration_error,
}
