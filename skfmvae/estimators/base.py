"""The scikit-learn face that every estimator shares: parameters and `fit`."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length, check_random_state

from skfmvae._utils.compat import HasMethods, Interval, StrOptions, fit_context
from skfmvae._utils.missing import missing_rate
from skfmvae._utils.random import redirect_modules, redirected_draws
from skfmvae._utils.types import MatrixLike
from skfmvae.images import ImageAugmentation
from skfmvae.models.base import Model
from skfmvae.nn import LIKELIHOODS, NETWORKS, LikelihoodWithGaps, build_given
from skfmvae.regularizers import Neighbours, VirtualAdversarial
from skfmvae.targets import PartialLabelEncoder, TargetEncoder
from skfmvae.training import BatchSize, Objective, Rows

from .checks import check_device, check_weights
from .generation import GenerationMixin
from .guards import all_or_nothing, plain_torch, seeded
from .imputation import ImputationMixin
from .judging import judge
from .prediction import PredictionMixin
from .saving import SavingMixin
from .settings import SettingsMixin, check_settings
from .training import OPTIMIZERS, prepare, train

__all__ = ["BaseVAE"]


class BaseVAE(
    SettingsMixin,
    PredictionMixin,
    GenerationMixin,
    ImputationMixin,
    SavingMixin,
    ClassifierMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Base class of all estimators: everything that does not depend on the model.

    A subclass names its parameters in ``__init__`` and builds its model in
    `_build_model`. The parameters that are read here and in the trainer are those of
    `_parameter_constraints`, to which a subclass adds its own.
    """

    _parameter_constraints: dict = {
        "property_components": [None, Interval(Integral, 1, None, closed="left"), dict],
        "n_discovered": [Interval(Integral, 0, None, closed="left")],
        "encoder": [StrOptions({"mlp", "conv"}), HasMethods("build_encoder"), callable],
        "decoder": [StrOptions({"mlp", "conv"}), HasMethods("build_decoder"), callable],
        "categorical_features": [None, StrOptions({"from_dtype"}), "array-like"],
        "covariates": [None, "array-like"],
        "likelihood": [str, dict, HasMethods("build")],
        "objective": [None, Objective],
        "optimizer": [StrOptions(set(OPTIMIZERS)), callable],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 2, None, closed="left"), BatchSize],
        "augmentation": [None, StrOptions({"image"}), HasMethods("build"), callable],
        "max_epochs": [None, Interval(Integral, 1, None, closed="left")],
        "calibrate": ["boolean"],
        "neighbours": [None, StrOptions({"graph"}), Neighbours],
        "adversarial": [None, StrOptions({"virtual"}), VirtualAdversarial],
        "callbacks": [None, list],
        "device": [str, torch.device],
        "random_state": ["random_state"],
        "verbose": [Interval(Integral, 0, None, closed="left")],
    }

    _defaults: Mapping[str, Mapping[Any, type]] = {
        "encoder": NETWORKS,
        "decoder": NETWORKS,
        "likelihood": LIKELIHOODS,
        "objective": {None: Objective},
        "augmentation": {"image": ImageAugmentation},
        "batch_size": {Integral: BatchSize},
        "neighbours": {"graph": Neighbours},
        "adversarial": {"virtual": VirtualAdversarial},
    }

    @abstractmethod
    def _build_model(self, n_features: int, likelihood, n_components: dict) -> Model:
        """Return the untrained model of properties with so many components each."""

    def _fit_targets(self, y) -> TargetEncoder:
        """Learn what the columns of `y` are; all of them are labels here."""
        labels = PartialLabelEncoder().fit(
            y, self.property_components, n_discovered=self.n_discovered
        )
        labels.warn(y)
        return TargetEncoder(labels)

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: MatrixLike, y: Any = None, sample_weight: MatrixLike | None = None
    ):
        """Fit the model to partly labelled rows.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows. Float32 in C order is used without a copy.
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
            epoch, without being calibrated, or, before one is complete, what it was
            before the call.

        Warns
        -----
        UserWarning
            When a column of labels has a single class, has a number of their own on
            more than half of its labelled rows, or has -1, which marks unlabelled
            entries, beside other negative numbers. Likewise when
            float32 merges values of a column of `X`, and when a logistic regression on
            the labelled rows alone predicts hidden labels better than the model.
        """
        with all_or_nothing(self):
            check_settings(self)
            self.device_ = check_device(self.device)
            X = self._check_X(X, reset=True)
            self.missing_rate_ = missing_rate(X)
            self.targets_ = self._fit_targets(y)
            codes, quantities = self.targets_.transform(y, X.shape[0])
            check_consistent_length(X, codes, quantities)
            if sample_weight is not None:
                sample_weight = check_weights(sample_weight, X)
            random_state = check_random_state(self.random_state)
            with plain_torch(self.device_), seeded(random_state):
                build_model = partial(self._untrained_model, X)
                model = build_model()
                self.n_samples_fit_ = X.shape[0]
                rows = Rows(X, codes, sample_weight, self.device_, quantities)
                preparation = prepare(self, model, rows, random_state)
                self.net_ = train(self, model, preparation)
                self.n_iter_ = self.net_.n_complete_epochs_
                self.judgement_ = judge(self, build_model, preparation, random_state)
        if self.net_.interrupted_ or self.judgement_.is_interrupted:
            raise KeyboardInterrupt(
                f"The model is that of epoch {self.n_iter_}, the last complete one."
            )
        return self

    def _untrained_model(self, X):
        with redirected_draws():  # layers initialise themselves
            likelihood = build_given(
                self.likelihood_, X, self.covariate_columns_, self.exposure_column_
            )
            likelihood = LikelihoodWithGaps(likelihood, bool(self.missing_rate_.any()))
            model = self._build_model(X.shape[1], likelihood, self.n_components_)
        redirect_modules(model)
        return model

    @property
    def classes_(self) -> np.ndarray | list[np.ndarray]:
        """The values of every discrete property of `y`: an array, or a list of them."""
        labels = self.targets_.labels
        values = labels.values[: labels.n_outputs]
        if not values:
            raise AttributeError("There are no classes, as no property is discrete.")
        return values if labels.multi_output else values[0]

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
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []
        return tags
