"""The scikit-learn face that every estimator shares."""

from __future__ import annotations

import copy
import warnings
from abc import ABCMeta, abstractmethod
from collections.abc import Hashable, Mapping
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.metrics import r2_score
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skfmvae._utils.checks import check_whole, masked_as_nan
from skfmvae._utils.compat import (
    HasMethods,
    Interval,
    StrOptions,
    fit_context,
)
from skfmvae._utils.random import redirect_modules, redirected_draws
from skfmvae.images import ImageAugmentation
from skfmvae.models.base import Labels, Model
from skfmvae.nn import LIKELIHOODS, NETWORKS, column_origin, resolve_likelihood
from skfmvae.regularizers import Neighbours, VirtualAdversarial
from skfmvae.targets import PartialLabelEncoder, QuantityEncoder
from skfmvae.training import KL, EarlyStopping, Rows

from ._checks import (
    check_counted,
    check_device,
    check_finite,
    check_object,
    check_weights,
)
from ._guards import all_or_nothing, plain_torch, seeded
from ._precision import is_exact, to_float32, warn_of_merged_values
from ._training import OPTIMIZERS, train

__all__ = ["BaseVAE"]

# An array-like, a frame or a CSR matrix: no type says that.
MatrixLike: TypeAlias = Any

# Rows that are computed together. Matrix products of very few rows round otherwise
# than those of many, so small chunks are filled up: a row's values never depend on
# the rows beside it.
LARGEST_CHUNK, SMALLEST_CHUNK = 1024, 32


class BaseVAE(ClassifierMixin, TransformerMixin, BaseEstimator, metaclass=ABCMeta):
    """Everything about an estimator that does not depend on its model.

    A subclass names its parameters and builds its model; the parameters read here
    are the ones in `_parameter_constraints`.
    """

    _parameter_constraints: dict = {
        "property_components": [None, Interval(Integral, 1, None, closed="left"), dict],
        "n_discovered": [Interval(Integral, 0, None, closed="left")],
        "encoder": [StrOptions({"mlp", "conv"}), HasMethods("build_encoder"), callable],
        "decoder": [StrOptions({"mlp", "conv"}), HasMethods("build_decoder"), callable],
        "likelihood": [str, HasMethods("build")],
        "kl": [None, KL],
        "optimizer": [StrOptions(set(OPTIMIZERS)), callable],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "labelled_batch_size": [Interval(Integral, 0, None, closed="left")],
        "augmentation": [None, StrOptions({"image"}), HasMethods("build"), callable],
        "max_epochs": [None, Interval(Integral, 1, None, closed="left")],
        "early_stopping": [None, "boolean", EarlyStopping],
        "neighbours": [None, StrOptions({"graph"}), Neighbours],
        "adversarial": [None, StrOptions({"virtual"}), VirtualAdversarial],
        "callbacks": [None, list],
        "device": [str, torch.device],
        "random_state": ["random_state"],
        "verbose": [Interval(Integral, 0, None, closed="left")],
    }

    likelihood_: Any
    origin_: np.ndarray | None

    # The settings that a short value of a parameter stands for.
    _defaults: Mapping[str, Mapping[Any, type]] = {
        "encoder": NETWORKS,
        "decoder": NETWORKS,
        "likelihood": LIKELIHOODS,
        "kl": {None: KL},
        "augmentation": {"image": ImageAugmentation},
        "early_stopping": {True: EarlyStopping},
        "neighbours": {"graph": Neighbours},
        "adversarial": {"virtual": VirtualAdversarial},
    }

    @abstractmethod
    def _build_model(self, n_features: int, likelihood, n_components: dict) -> Model:
        """Return the untrained model of properties with so many components each."""

    def _read_targets(self, y):
        """Learn what the columns of `y` are, labels or, for some models, quantities."""
        self.quantities_ = QuantityEncoder({}).fit(None)
        self.labels_ = PartialLabelEncoder().fit(
            y, self.property_components, n_discovered=self.n_discovered
        )
        self.labels_.warn(y)

    # Parameters ---------------------------------------------------------------------

    def set_params(self, **params: Any):
        """Set parameters, those of settings by names such as ``kl__warmup``.

        A word that stands for default settings, such as ``neighbours="graph"``, gives
        way to these where one of theirs is set.

        Parameters
        ----------
        **params : dict
            Values by name.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If there is no such parameter, or settings that are off are to be changed.
        """
        known = self.get_params(deep=False)
        for key in params:
            name, is_nested, _ = key.partition("__")
            if not is_nested or name not in known:
                continue
            value = params.get(name, known[name])
            settings = self._settings(name, value)
            if not hasattr(settings, "set_params"):
                raise ValueError(self._no_settings(name, value, key))
            params = params | {name: settings}
        try:
            return super().set_params(**params)
        except AttributeError as error:  # of a word or None within settings
            raise ValueError(
                f"{', '.join(params)} cannot be set: {error}. What is to have "
                "parameters of its own has to be an object first."
            ) from error

    def _settings(self, name, value):
        """Return the settings that a value of a parameter stands for, or the value."""
        if not isinstance(value, Hashable):
            return value
        make = self._defaults.get(name, {}).get(value)
        return value if make is None else make()

    def _no_settings(self, name, value, key):
        parameter = key.split("__")[1]
        made = (make() for make in self._defaults.get(name, {}).values())
        having = [settings for settings in made if hasattr(settings, parameter)]
        message = f"{key} cannot be set: {name}={value!r} has no parameters of its own."
        if having:
            message += f" Set it to an object first: {name}={having[0]!r}."
        return message

    # Fitting ------------------------------------------------------------------------

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: MatrixLike, y: Any = None, sample_weight: MatrixLike | None = None
    ):
        """Fit the model to partly labelled rows.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows. Float32 in C order is used as it is, without a copy.
        y : array-like of shape (n_samples,) or (n_samples, n_properties), default=None
            Property values; -1 (where numeric), None, NaN or ``pd.NA`` marks an
            unlabelled entry, and so does a mask. A column without any label is
            discovered.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, relative to each other.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            When the data or a parameter is not usable; the estimator is then what it
            was before the call.
        FloatingPointError
            When the loss stops being finite; likewise.
        KeyboardInterrupt
            When interrupted. The estimator is then fitted as far as the last complete
            epoch, or, before one is complete, what it was before the call.

        Warns
        -----
        UserWarning
            When a column of labels has a single class, has a number of their own on
            more than half of its labelled rows, or has -1, which marks unlabelled
            entries, beside other negative numbers. Likewise when
            float32 merges values of a column of `X`.
        """
        with all_or_nothing(self):
            for name, settings in self.get_params(deep=False).items():
                if hasattr(settings, "_parameter_constraints"):
                    check_object(name, settings)
                    settings._validate_params()
            self.device_ = check_device(self.device)
            X = self._check_X(X, reset=True)
            self._read_targets(y)
            codes = self.labels_.transform(self.quantities_.rest(y), X.shape[0])
            quantities = self.quantities_.transform(y, X.shape[0])
            check_consistent_length(X, codes, quantities)
            if sample_weight is not None:
                sample_weight = check_weights(sample_weight, X)
            random_state = check_random_state(self.random_state)
            with plain_torch(self.device_), seeded(random_state):
                with redirected_draws():  # layers initialise themselves
                    likelihood = self.likelihood_.build(X)
                    model = self._build_model(
                        X.shape[1], likelihood, self.n_components_
                    )
                redirect_modules(model)
                rows = Rows(X, codes, sample_weight, self.device_, quantities)
                self.net_ = train(self, model, rows, random_state)
            self.n_iter_ = self.net_.n_complete_epochs_
        if self.net_.interrupted_:
            raise KeyboardInterrupt(
                f"The model is that of epoch {self.n_iter_}, the last complete one."
            )
        return self

    # Prediction ---------------------------------------------------------------------

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
        codes = self._most_probable(X)
        if not self.quantities_.columns:
            return self.labels_.inverse(codes)
        return self._values(codes, self._quantity_distribution(X)[0])

    def _most_probable(self, X):
        """Return the codes of the most probable values of the properties of `y`."""
        proba = self._property_proba(X)[: self.labels_.n_outputs]
        codes = np.empty((X.shape[0], len(proba)), dtype=np.int64)
        for k, p in enumerate(proba):
            codes[:, k] = p.argmax(axis=1)
        return codes

    def _values(self, codes, quantities):
        """Return rows of `y` as `fit` got them."""
        labels = self.labels_.inverse(codes) if codes.shape[1] else None
        return self.quantities_.join(labels, quantities)

    def predict_proba(self, X: MatrixLike) -> np.ndarray | list[np.ndarray]:
        """Predict the probability of every value of every discrete property of `y`.

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
        proba = self._property_proba(self._check_X(X))[: self.labels_.n_outputs]
        return proba if self.labels_.multi_output else proba[0]

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
        mean, std = self._quantity_distribution(self._check_X(X))
        mean, std = self.quantities_.inverse(mean), std * self.quantities_.scale
        blocks = self.quantities_.blocks.items()
        return {name: (mean[:, block], std[:, block]) for name, block in blocks}

    def _quantity_distribution(self, X):
        def moments(x):
            distribution = self._model.quantity_distribution(x)
            return [distribution.mean, distribution.stddev]

        return self._map_rows(moments, X)

    def _property_proba(self, X):
        def normalised(x):
            # Twice in float64, so that rows sum to one to its precision; on the CPU, as
            # not every device has it.
            log_proba = self._model.property_log_proba(x)
            return [torch.softmax(p.cpu().double(), dim=1) for p in log_proba]

        return self._map_rows(normalised, X)

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
        if not (self.labels_.n_columns or self.quantities_.columns):
            raise ValueError(
                "fit had no y, so there are no predictions to compare y with; call "
                "score(X) for the mean bound on ln p(x)."
            )
        X = self._check_X(X)
        if not self.labels_.n_columns:
            return self._score_quantities(X, y, sample_weight)
        # A value that fit never saw is labelled, and wrong.
        labels = self.quantities_.rest(y)
        codes = self.labels_.transform(labels, X.shape[0], unknown=-2)
        codes = codes[:, : self.labels_.n_columns]
        check_consistent_length(X, codes)
        weight = check_weights(sample_weight, X)
        counted = check_counted(codes != -1, weight)
        self.labels_.warn_of_marks(labels)
        correct = self._most_probable(X) == codes
        weight = np.broadcast_to(weight[:, None], codes.shape)
        return float(np.average(correct[counted], weights=weight[counted]))

    def _score_quantities(self, X, y, sample_weight):
        """Return the mean R² of all columns of quantities, over rows where known."""
        true = self.quantities_.transform(y, X.shape[0])
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
        # In single precision some processors round a row by its place among others,
        # which Newton's steps to the proposal enlarge. Apple's GPUs have no double.
        device = torch.device("cpu") if self.device_.type == "mps" else self.device_
        with plain_torch(device):
            generator = torch.Generator().manual_seed(0)
            noise = torch.randn(n_draws, self._model.n_latents, generator=generator)
            noise = noise.to(device).double()
            model = copy.deepcopy(self._model).to(device).double()

            def bound(x):
                return [model.log_marginal(x.to(noise), noise)]

            return self._map_rows(bound, X)[0]

    # Representation and generation --------------------------------------------------

    def transform(self, X: MatrixLike) -> np.ndarray:
        """Return the posterior means of the latent blocks.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        Z : float32 ndarray of shape (n_samples, n_latents)
            The blocks side by side, see `get_feature_names_out`.
        """
        X = self._check_X(X)
        return self._map_rows(lambda x: [self._model.encode(x).mean], X)[0]

    def inverse_transform(self, Z: MatrixLike) -> np.ndarray:
        """Return the rows that latents are expected to give.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_latents)
            Latents as `transform` returns them.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Decoded expectations, in float32, or where columns lie too far from zero for
            it, see `origin_`, in float64.

        Raises
        ------
        ValueError
            When `Z` has another number of columns.
        """
        check_is_fitted(self)
        Z = check_array(masked_as_nan(Z), dtype=np.float32, order="C", input_name="Z")
        if Z.shape[1] != self._model.n_latents:
            raise ValueError(
                f"Z has {Z.shape[1]} columns, but transform gives "
                f"{self._model.n_latents}. Pass what transform returned."
            )
        X = self._map_rows(lambda z: [self._model.expectation(z)], Z)[0]
        return self._from_origin(X)

    def reconstruct(self, X: MatrixLike) -> np.ndarray:
        """Return every row as the model sees it: encoded, then decoded.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features)
            Decoded expectations, as from `inverse_transform`.
        """
        return self.inverse_transform(self.transform(X))

    def intervene(self, X: MatrixLike, properties: Mapping[str, Any]) -> np.ndarray:
        """Return the rows with some properties changed and the rest kept.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows.
        properties : dict of str to value or array-like of shape (n_samples,)
            New values by property name, one for all rows or one each. An entry that
            is unlabelled, such as None or NaN, leaves its row alone.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features)
            Decoded expectations, as from `inverse_transform`.

        Raises
        ------
        ValueError
            When a property or a value is unknown.
        """
        check_is_fitted(self)
        return self._intervene(X, properties, self._model.intervene)

    def _intervene(self, X, properties, intervene):
        """Decode what a method of the model makes of the rows with new properties."""
        X = self._check_X(X)
        codes, quantities = self._wanted(properties, X.shape[0])
        rows = Rows(X, codes, device=self.device_, quantities=quantities)

        def changed(batch):
            z = intervene(batch.x, batch.labels)
            return [self._model.expectation(z)]

        return self._from_origin(self._map_batches(changed, rows)[0])

    def sample(
        self,
        n_samples: int = 1,
        properties: Mapping[str, Any] | None = None,
        random_state: Any = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Generate rows, with chosen properties where wanted.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.
        properties : dict of str to value or array-like of shape (n_samples,), \
                default=None
            Values by property name, one for all rows or one each. Properties that are
            not named are drawn, and so are entries that are unlabelled, such as None
            or NaN.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            The expectation of the likelihood at each drawn latent, as from
            `inverse_transform`.
        y : ndarray of shape (n_samples,) or (n_samples, n_properties)
            The values of the properties of `y`, as `predict` returns them.

        Raises
        ------
        ValueError
            When a property or a value is unknown, or `n_samples` is no whole number
            of at least 1.
        """
        check_is_fitted(self)
        check_whole("n_samples", n_samples, 1)
        wanted = self._wanted(properties or {}, n_samples)
        random_state = check_random_state(random_state)
        with plain_torch(self.device_), torch.no_grad(), seeded(random_state):
            labels = Labels(*(torch.from_numpy(w).to(self.device_) for w in wanted))
            with redirected_draws():
                z, labels = self._model.sample_latents(labels)
            X = self.inverse_transform(z.cpu().numpy())
            codes, quantities = (values.cpu().numpy() for values in labels)
        return X, self._values(codes[:, : self.labels_.n_outputs], quantities)

    def _wanted(self, properties, n_samples):
        """Return codes and standardised quantities of rows with chosen properties."""
        quantities = self.quantities_.values_of(properties, n_samples)
        labels = {
            name: value
            for name, value in properties.items()
            if name not in self.quantities_.blocks
        }
        return self.labels_.codes_of(labels, n_samples), quantities

    # What scikit-learn asks for -----------------------------------------------------

    @property
    def classes_(self) -> np.ndarray | list[np.ndarray]:
        """The values of every discrete property of `y`: an array, or a list of them."""
        values = self.labels_.values[: self.labels_.n_outputs]
        if not values:
            raise AttributeError("There are no classes, as no property is discrete.")
        return values if self.labels_.multi_output else values[0]

    @property
    def n_components_(self) -> dict[str, int]:
        """Number of values of every discrete property."""
        sizes = map(len, self.labels_.values)
        return dict(zip(self.property_names_, sizes, strict=True))

    @property
    def property_names_(self) -> list[str]:
        """Names of the discrete properties of `y`, then of the discovered ones."""
        return self.labels_.property_names

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the columns that `transform` returns.

        Parameters
        ----------
        input_features : array-like, default=None
            Ignored.

        Returns
        -------
        names : ndarray of str of shape (n_latents,)
            The name of the block and the number of the column in it.
        """
        check_is_fitted(self)
        return np.array(
            [
                f"{name}_{column}"
                for name, block in self._model.latent_blocks.items()
                for column in range(block.stop - block.start)
            ],
            dtype=object,
        )

    def __setstate__(self, state):
        super().__setstate__(state)
        if hasattr(self, "net_"):  # which is where it can be on this machine
            self.device_ = self.net_.device

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.target_tags.multi_output = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    @property
    def _model(self) -> Model:
        return self.net_.module_

    # Rows in, arrays out ------------------------------------------------------------

    def _check_X(self, X, reset=False):
        """Return rows in float32, and learn when `reset` how they become that."""
        if not reset:
            check_is_fitted(self)
        X = masked_as_nan(X)
        X = validate_data(
            self,
            X,
            accept_sparse="csr",
            dtype=np.float32 if is_exact(X) else [np.float64, np.float32],
            order="C",
            ensure_all_finite=False,
            ensure_min_samples=2 if reset else 1,
            reset=reset,
        )
        if issparse(X) and not X.has_canonical_format:
            X = X.copy()  # checks see entries one by one, also those stored in parts
            X.sum_duplicates()
        names = getattr(self, "feature_names_in_", None)
        check_finite(X, names)
        if not reset:
            if self.origin_ is not None and X.dtype == np.float32:
                warnings.warn(
                    "fit got columns of X so far from zero that float32, which X is in "
                    "now, does not hold their values; give X in float64.",
                    UserWarning,
                    stacklevel=3,
                )
            return to_float32(X, self.origin_)
        rows = to_float32(X)
        self.likelihood_ = resolve_likelihood(self.likelihood, rows)
        self.origin_ = column_origin(self.likelihood_, X)
        if self.origin_ is not None:
            rows = to_float32(X, self.origin_)
        if X.dtype != np.float32:
            warn_of_merged_values(X, rows, names)
        return rows

    def _from_origin(self, X):
        """Return rows that the model made in the data's own units."""
        return X if self.origin_ is None else X + self.origin_

    def _map_rows(self, function, X):
        no_codes = np.full((X.shape[0], 0), -1)
        rows = Rows(X, no_codes, device=self.device_)
        return self._map_batches(lambda batch: function(batch.x), rows)

    def _map_batches(self, function, rows):
        """Apply a function to chunks of rows and join what it lists."""
        chunks = []
        with plain_torch(self.device_), torch.no_grad():
            for index in torch.arange(len(rows)).split(LARGEST_CHUNK):
                n = len(index)
                filled = index[torch.arange(max(n, SMALLEST_CHUNK)) % n]
                outputs = function(rows[filled])
                chunks.append([output[:n].cpu().numpy() for output in outputs])
        return [np.concatenate(outputs) for outputs in zip(*chunks, strict=True)]
