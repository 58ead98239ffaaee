"""What an estimator says of rows: their properties, and how probable they are."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array, issparse
from sklearn.metrics import r2_score
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted

from skfmvae._utils.checks import check_whole
from skfmvae._utils.large import blocks
from skfmvae._utils.missing import has_missing
from skfmvae._utils.random import redirected_draws
from skfmvae._utils.types import MatrixLike
from skfmvae.models.base import Labels
from skfmvae.nn.folding import fold_norms

from .calibration import interval_factor
from .checks import check_counted, check_weights
from .guards import plain_torch, seeded
from .judging import Judgement
from .rows import RowsMixin

__all__ = ["PredictionMixin", "labelled_accuracy"]

# Draws of the properties from their prior: the standard error of a share is at most
# 0.005.
N_PRIOR_DRAWS = 10_000


def labelled_accuracy(
    codes: np.ndarray,
    sample_weight: MatrixLike | None,
    most_probable: Callable[[], np.ndarray],
) -> float:
    """Return the accuracy over labelled entries.

    Parameters
    ----------
    codes : int64 ndarray of shape (n_samples, n_properties)
        True classes, -1 for unlabelled entries, which do not count.
    sample_weight : array-like of shape (n_samples,) or None
        Weights of the rows.
    most_probable : callable
        Returns the predicted classes; it is called once something counts.

    Returns
    -------
    accuracy : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If no row of positive weight has a label, or weights are not usable.
    """
    weight = check_weights(sample_weight, codes)
    counted = check_counted(codes != -1, weight)
    correct = most_probable() == codes
    weight = np.broadcast_to(weight[:, None], codes.shape)
    return float(np.average(correct[counted], weights=weight[counted]))


class PredictionMixin(RowsMixin):
    """Predict properties and score rows."""

    judgement_: Judgement
    n_samples_fit_: int

    @property
    def property_names_(self) -> list[str]:
        """Names of the discrete properties of `y`, then of the discovered ones."""
        return self.targets_.labels.property_names

    @property
    def n_components_(self) -> dict[str, int]:
        """Number of values of every discrete property."""
        sizes = map(len, self.targets_.labels.values)
        return dict(zip(self.property_names_, sizes, strict=True))

    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict the most probable value of every property of `y`.

        A quantity is predicted by its mean.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_properties)
            Values of the kind that `fit` got. Without any label at `fit`, numbers of
            the components of the first discovered property.
        """
        X = self._check_X(X)
        codes, quantities = self._most_probable(X), np.empty((X.shape[0], 0))
        if self.targets_.quantities.columns:
            quantities = self._quantity_distribution(X)[0]
        return self.targets_.inverse(codes, quantities)

    def _most_probable(self, X):
        """Return the codes of the most probable values of the properties of `y`."""
        proba = self._property_proba(X)[: self.targets_.labels.n_outputs]
        codes = np.empty((X.shape[0], len(proba)), dtype=np.int64)
        for k, p in enumerate(proba):
            codes[:, k] = p.argmax(axis=1)
        return codes

    def predict_proba(self, X: MatrixLike) -> np.ndarray | list[np.ndarray]:
        """Predict the probability of every value of every discrete property of `y`.

        A row with nothing observed has those of the model's prior.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes), or a list of them
            In the order of `classes_`; a list where `y` had several such columns.

        Raises
        ------
        ValueError
            When there is no discrete property.
        """
        check_is_fitted(self)
        if not self.property_names_:
            raise ValueError(
                "There is no discrete property to give probabilities of; use "
                "property_distribution for the continuous ones."
            )
        proba = self._property_proba(self._check_X(X))[: self.targets_.labels.n_outputs]
        return proba if self.targets_.labels.multi_output else proba[0]

    def property_proba(self, X: MatrixLike) -> dict[str, np.ndarray]:
        """Predict the probabilities of every property, discovered ones included.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        proba : dict of str to ndarray of shape (n_samples, n_values)
            By the names in `property_names_`.
        """
        proba = self._property_proba(self._check_X(X))
        return dict(zip(self.property_names_, proba, strict=True))

    def property_distribution(
        self, X: MatrixLike
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Predict the mean and the standard deviation of every continuous property.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        distribution : dict of str to (mean, std)
            By the names of the properties; each of shape (n_samples, n_dims), in the
            units of `y`. Empty where all properties are discrete.
        """
        quantities = self.targets_.quantities
        mean, std = self._quantity_distribution(self._check_X(X))
        mean, std = quantities.inverse(mean), std * quantities.scale
        return {
            name: (mean[:, block], std[:, block])
            for name, block in quantities.blocks.items()
        }

    def property_interval(
        self, X: MatrixLike, coverage: float = 0.9
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Predict an interval for every continuous property.

        It holds a share of the values: as many deviations to both sides of the mean as
        cover that share of the values that were hidden from a part of the fit, see
        :func:`~skfmvae.estimators.calibration.interval_factor`; with
        ``calibrate=False`` those of a Gaussian.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows.
        coverage : float, default=0.9
            The share, between 0 and 1.

        Returns
        -------
        interval : dict of str to (lower, upper)
            By the names of the properties; each of shape (n_samples, n_dims), in the
            units of `y`. Empty where all properties are discrete.

        Raises
        ------
        ValueError
            If `coverage` is not between 0 and 1.
        """
        if not 0 < coverage < 1:
            raise ValueError(
                f"coverage={coverage!r} should lie between 0 and 1, such as 0.9."
            )
        quantities = self.targets_.quantities
        factor = np.array(
            [interval_factor(hidden, coverage) for hidden in self.judgement_.residuals]
        )
        mean, std = self._quantity_distribution(self._check_X(X))
        lower, upper = (
            quantities.inverse(mean + side * factor * std) for side in (-1, 1)
        )
        return {
            name: (lower[:, block], upper[:, block])
            for name, block in quantities.blocks.items()
        }

    def _quantity_distribution(self, X):
        """Return means and deviations, as large as hidden values show them to be."""

        def moments(x):
            distribution = self._model.quantity_distribution(x)
            return [distribution.mean, distribution.stddev]

        mean, std = self._map_rows(moments, X)
        return mean, np.sqrt(std**2 + self.judgement_.lacking_variance)

    @property
    def hidden_proba_(self) -> list[np.ndarray]:
        """Probabilities of labels by fits that did not see them, property by property.

        Each of shape (n_samples, n_values), for the rows of `fit`; NaN for labels that
        were not hidden, and for all after `partial_fit`.
        """
        found = []
        for name, n_values in self.n_components_.items():
            proba = np.full((self.n_samples_fit_, n_values), np.nan)
            if name in self.judgement_.hidden_proba:
                rows, known = self.judgement_.hidden_proba[name]
                proba[rows] = known
            found.append(proba)
        return found

    def _property_proba(self, X):
        temperatures = self.judgement_.temperature.values()

        def normalised(x):
            # Twice in float64, so that rows sum to one to its precision; on the CPU, as
            # not every device has it.
            log_proba = self._model.property_log_proba(x)
            return [
                torch.softmax(values.cpu().double() / temperature, dim=1)
                for values, temperature in zip(log_proba, temperatures, strict=True)
            ]

        proba = self._map_rows(normalised, X)
        of_nothing = _observes_nothing(X)
        if of_nothing.any():
            for p, prior in zip(proba, self._prior_proba(), strict=True):
                p[of_nothing] = prior
        return proba

    def _prior_proba(self):
        """Return the probabilities of every property before a row is seen."""
        unknown = self.targets_.values_of({}, N_PRIOR_DRAWS)
        with plain_torch(self.device_), torch.no_grad(), seeded(check_random_state(0)):
            labels = Labels(*(torch.from_numpy(u).to(self.device_) for u in unknown))
            with redirected_draws():
                codes = self._model.sample_latents(labels)[1].codes.cpu().numpy()
        # As if each value had been drawn once more, so that none is impossible.
        counts = [
            np.bincount(column, minlength=n_values) + 1
            for column, n_values in zip(
                codes.T, self.n_components_.values(), strict=True
            )
        ]
        return [count / count.sum() for count in counts]

    def score(
        self, X: MatrixLike, y: Any = None, sample_weight: MatrixLike | None = None
    ) -> float:
        """Return the accuracy over labelled entries, or without `y` the mean bound.

        Quantities do not count beside labels; where there are none but quantities, the
        score is the mean of their R².

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_properties), default=None
            True values; unlabelled entries do not count. A value that equals the
            predicted one is right whatever its type: True, 1 and 1.0 are one value.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, none of them negative; zero leaves a row out.

        Returns
        -------
        score : float
            Share of the labelled entries that are predicted, or with ``y=None`` the
            mean of `score_samples`, in nats per row.

        Raises
        ------
        ValueError
            When no entry of `y` is labelled on a row with a weight, when weights are
            NaN, infinite, negative or not one for each row, or when `y` holds numbers
            and `fit` got strings, or the reverse.
        """
        if y is None:
            bound = self.score_samples(X)
            return float(np.average(bound, weights=check_weights(sample_weight, bound)))
        labels, quantities = self.targets_.labels, self.targets_.quantities
        if not (labels.n_columns or quantities.columns):
            raise ValueError(
                "fit had no y, so there are no predictions to compare y with; call "
                "score(X) for the mean bound on ln p(x)."
            )
        X = self._check_X(X)
        if not labels.n_columns:
            return self._score_quantities(X, y, sample_weight)
        # A value that fit never saw is labelled, and wrong.
        codes, _ = self.targets_.transform(y, X.shape[0], unknown=-2)
        codes = codes[:, : labels.n_columns]
        check_consistent_length(X, codes)
        labels.warn_of_marks(quantities.rest(y))
        return labelled_accuracy(codes, sample_weight, lambda: self._most_probable(X))

    def _score_quantities(self, X, y, sample_weight):
        """Return the mean R² of all columns of quantities, over rows where known."""
        true = self.targets_.quantities.transform(y, X.shape[0])
        check_consistent_length(X, true)
        predicted = self._quantity_distribution(X)[0]
        weight = check_weights(sample_weight, X)
        counted = check_counted(~np.isnan(true), weight)
        scores = [
            r2_score(true[rows, j], predicted[rows, j], sample_weight=weight[rows])
            for j, rows in enumerate(counted.T)
            if rows.any()
        ]
        return float(np.mean(scores))

    def score_samples(self, X: MatrixLike, n_draws: int = 100) -> np.ndarray:
        """Return a lower bound on ``ln p(x)`` of every row.

        The importance-weighted bound of Burda et al. (2016), equation 8, at the
        posterior predictive of the global parameters; it rises towards ``ln p(x)``
        with `n_draws`. Draws come from a Gaussian that is fitted to each row first, for
        the time of some hundreds of draws: the bound gains most where the encoder knows
        least of a row. All rows share the noise, so the result is deterministic.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows.
        n_draws : int, default=100
            Importance samples per row.

        Returns
        -------
        log_prob : ndarray of shape (n_samples,)
            In nats, in the units of the data.

        Raises
        ------
        ValueError
            If `n_draws` is no whole number of at least 1.
        """
        check_whole("n_draws", n_draws, 1)
        X = self._check_X(X)
        self._model.likelihood.check_support(X)
        # In single precision some processors round a row by its position among others,
        # which Newton's steps to the proposal enlarge. Apple's GPUs have no double.
        device = torch.device("cpu") if self.device_.type == "mps" else self.device_
        with plain_torch(device):
            generator = torch.Generator().manual_seed(0)
            noise = torch.randn(n_draws, self._model.n_latents, generator=generator)
            noise = noise.to(device).double()
            model = copy.deepcopy(self._model).to(device).double()
            # The proposal takes slopes of the noise alone.
            fold_norms(model).requires_grad_(False)

            def bound(x):
                return [model.log_marginal(x.to(noise), noise)]

            log_proba = self._map_rows(bound, X)[0]
        log_proba[_observes_nothing(X)] = 0.0  # whatever the draws say
        return log_proba


def _observes_nothing(X):
    """Return which rows have no entry that is observed."""
    if not has_missing(X):
        return np.zeros(X.shape[0], dtype=bool)
    if issparse(X):
        gaps = csr_array((np.isnan(X.data), X.indices, X.indptr), shape=X.shape)
        return gaps.sum(axis=1) == X.shape[1]
    return np.concatenate([np.isnan(X[rows]).all(axis=1) for rows in blocks(X)])
