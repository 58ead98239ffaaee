"""The scikit-learn face that every estimator shares: parameters and `fit`."""

from __future__ import annotations

import os
from abc import ABCMeta, abstractmethod
from collections.abc import Mapping
from copy import deepcopy
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length, check_random_state

from skfmvae._utils.compat import HasMethods, Interval, StrOptions, fit_context
from skfmvae._utils.distributed import rank
from skfmvae._utils.missing import missing_rate
from skfmvae._utils.random import redirect_modules, redirected_draws
from skfmvae._utils.types import MatrixLike
from skfmvae.images import ImageAugmentation
from skfmvae.models.base import Model
from skfmvae.nn import LIKELIHOODS, NETWORKS, LikelihoodWithGaps, build_given
from skfmvae.regularizers import Neighbours, VirtualAdversarial
from skfmvae.targets import PartialLabelEncoder, TargetEncoder
from skfmvae.training import BatchSize, Checkpoint, Objective, Rows

from .checks import check_device, check_weights
from .cross_fitting import predict_hidden_labels
from .distributed import check_same, common_random_state, join_group
from .generation import GenerationMixin
from .guards import all_or_nothing, plain_torch, seeded
from .imputation import ImputationMixin
from .judging import judge
from .prediction import PredictionMixin
from .resuming import resumable
from .saving import SavingMixin
from .settings import SettingsMixin, check_settings
from .streaming import StreamingMixin
from .training import OPTIMIZERS, prepare, train

__all__ = ["BaseVAE"]


class BaseVAE(
    SettingsMixin,
    PredictionMixin,
    GenerationMixin,
    ImputationMixin,
    SavingMixin,
    StreamingMixin,
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
        "checkpoint": [None, str, os.PathLike, Checkpoint],
        "device": [str, torch.device],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
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
        "checkpoint": {str: Checkpoint, os.PathLike: Checkpoint},
    }

    @abstractmethod
    def _build_model(self, n_features: int, likelihood, n_components: dict) -> Model:
        """Return the untrained model of properties with so many components each."""

    def _fit_targets(self, y, declared=None) -> TargetEncoder:
        """Learn what the columns of `y` are; all of them are labels here.

        `declared` holds classes of properties that are not to be learned from `y`.
        """
        labels = PartialLabelEncoder().fit(
            y,
            self.property_components,
            n_discovered=self.n_discovered,
            declared=declared,
        )
        labels.warn(y)
        return TargetEncoder(labels)

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: MatrixLike, y: Any = None, sample_weight: MatrixLike | None = None
    ):
        """Fit the model to partly labelled rows.

        With ``warm_start=True``, a fitted estimator goes on from its model: the rows
        have to have the same columns, and `y` the same properties, whose new classes
        need components without a label. Likelihood and scales stay, and missing entries
        in columns without any before are zeros to the encoder.

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
        RuntimeError
            When another process that shares the fit has ended; likewise.
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
            join_group()
            self.device_ = check_device(self.device)
            self.__dict__.pop("reservoir_", None)
            earlier = vars(self).get("net_") if self.warm_start else None
            X = self._check_X(X, reset=earlier is None)
            if earlier is None:
                self.targets_ = self._fit_targets(y)
            else:
                self.targets_ = self.targets_.extended(y)
            codes, quantities = self.targets_.transform(y, X.shape[0])
            check_consistent_length(X, codes, quantities)
            if sample_weight is not None:
                sample_weight = check_weights(sample_weight, X)
            check_same(self, X, codes, quantities, sample_weight)
            random_state = check_random_state(self.random_state)
            self.n_samples_fit_ = X.shape[0]
            data = X, codes, quantities, sample_weight
            with resumable(self, *data, random_state, earlier) as checkpoints:
                self._learn(
                    *data,
                    random_state=random_state,
                    earlier=earlier,
                    checkpoints=checkpoints,
                )
                if checkpoints and not self._is_interrupted:
                    checkpoints.clear()
        self._raise_if_interrupted()
        return self

    def _learn(
        self,
        X,
        codes,
        quantities,
        sample_weight,
        *,
        random_state,
        earlier=None,
        checkpoints=None,
        predict_hidden=None,
        **training,
    ):
        """Train a model, a new one or that of an earlier net, and calibrate it."""
        with plain_torch(self.device_), seeded(common_random_state(random_state)):
            self.missing_rate_ = missing_rate(X)
            build_model = partial(self._untrained_model, X)
            model = (
                build_model() if earlier is None else self._trained_model(earlier, X)
            )
            rows = Rows(X, codes, sample_weight, self.device_, quantities)
            preparation = prepare(self, model, rows, random_state, checkpoints)
            self.net_ = train(self, model, preparation, earlier=earlier, **training)
            self.n_iter_ = len(self.net_.history)
            if predict_hidden is None:
                predict_hidden = partial(predict_hidden_labels, self, build_model)
            self.judgement_ = judge(self, predict_hidden, preparation, random_state)

    @property
    def _is_interrupted(self):
        return self.net_.interrupted_ or self.judgement_.is_interrupted

    def _raise_if_interrupted(self):
        if self._is_interrupted:
            raise KeyboardInterrupt(
                f"The model is that of epoch {self.n_iter_}, the last complete one."
            )

    def _trained_model(self, net, X):
        """Return a copy of a trained model that can be trained on further rows."""
        if X.shape[0] < 2:  # as scikit-learn says where a fit begins
            raise ValueError(
                f"X has {X.shape[0]} row, while a minimum of 2 is required to train; "
                "give more rows at a time."
            )
        net.module_.likelihood.check_support(X)
        model = deepcopy(net.module_)
        likelihood = model.likelihood
        likelihood.skips_search = not (likelihood.has_gaps or self.missing_rate_.any())
        return model

    @property
    def _shown(self):
        """How much to show: of the processes that share a fit, the first one shows."""
        return 0 if rank() else self.verbose

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
