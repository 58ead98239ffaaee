"""Training on a stream: new rows and new labels, part by part."""

from __future__ import annotations

import copy
import math
import warnings
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length, check_random_state

from skfmvae._utils.compat import fit_context
from skfmvae._utils.folds import hidden_label_folds
from skfmvae._utils.missing import masked_as_nan
from skfmvae._utils.types import MatrixLike
from skfmvae.columns import stacked_rows
from skfmvae.columns.encoder import UNSEEN
from skfmvae.targets import TargetEncoder, declared_classes, unlabelled_columns

from .checks import check_device, check_weights
from .cross_fitting import (
    N_FOLDS,
    HiddenPredictions,
    everything_predicted,
    limit_hidden,
)
from .distributed import check_same, common_random_state, join_group
from .guards import all_or_nothing
from .judging import UNHELPFUL_ROWS, Judgement
from .reservoir import Reservoir, StreamedRows
from .rows import RowsMixin
from .settings import check_settings, settings_of

__all__ = ["StreamingMixin"]

# Rows that are kept, as many as global parameters are set from:
# docs/decisions/039-partial-fit.md.
CAPACITY = 10_000
# How many times as many rows have to be seen for a model to begin anew; with 1.5 all
# beginnings together take about three times as long as the last one. Tuned on digits
# alone: docs/decisions/039-partial-fit.md.
GROWTH = 1.5
# Steps of a call that begins no model, at the least, and its highest learning rate in
# units of `lr`. Tuned on digits alone: docs/decisions/039-partial-fit.md.
LEAST_STEPS = 10
RATE = 0.3


class StreamingMixin(RowsMixin):
    """Learn from rows that come in parts."""

    calibrate: bool
    device: Any
    lr: float
    random_state: Any
    judgement_: Judgement
    n_components_: Any
    n_samples_fit_: int
    reservoir_: Reservoir
    _fit_targets: Any
    _learn: Any
    _raise_if_interrupted: Any

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: MatrixLike,
        y: Any = None,
        sample_weight: MatrixLike | None = None,
        classes: Any = None,
    ):
        """Learn from further rows.

        The first call is a fit of its rows. Up to 10,000 of the rows seen are kept with
        the estimator: labelled ones and a uniform sample of the others. While none has
        been dropped, the model begins anew from all of them once they are half as many
        again, or a row does not suit its likelihood: what was learned of columns,
        likelihood, scales and missing entries from a small first part does not last.
        Any other call trains the model on the new rows and on rows that were kept, and
        keeps the average over all rows seen; its time does not grow with their number.

        Labels are predicted before the model learns from them, and these predictions
        calibrate probabilities and deviations.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows, in one form for all parts.
        y : array-like of shape (n_samples,) or (n_samples, n_properties), default=None
            Property values, as for `fit`, with the same columns in all parts. None
            stands for no label.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, relative to those of all parts; None stands for ones.
        classes : array-like, list of array-like or dict, default=None
            All classes that labels will have: those of the only property, of each
            discrete column of `y`, or by the names of properties. They are needed at
            the first call alone, and only if its labels lack some of them.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            When the data or a parameter is not usable, or a class is new and no
            component is left for it; the estimator is then what it was before the call.
        FloatingPointError
            When the loss stops being finite; likewise.
        KeyboardInterrupt
            When interrupted, as for `fit`.

        Notes
        -----
        `max_epochs` counts for the first call and where the model begins anew. After a
        `fit`, whose rows are not kept, the model goes on and never begins anew. Once
        rows have been dropped, missing entries in columns that had none until then
        count as zeros of the standardised column for the encoder, as in `predict`.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import make_blobs
        >>> from skfmvae import FactorialMixtureVAE
        >>> X, y = make_blobs(200, centers=3, n_features=5, random_state=0)
        >>> y[np.arange(200) % 10 > 0] = -1  # a label on every tenth row
        >>> model = FactorialMixtureVAE(random_state=0)
        >>> for rows in np.split(np.arange(200), 4):
        ...     model = model.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        >>> model.n_samples_fit_, model.predict_proba(X).shape
        (200, (200, 3))
        """
        with all_or_nothing(self):
            check_settings(self)
            join_group()
            self.device_ = check_device(self.device)
            reservoir = self._stream_so_far()
            seed = self.random_state if reservoir.seed is None else reservoir.seed
            random_state = common_random_state(check_random_state(seed))
            is_first = "net_" not in vars(self)
            rows = self._check_X(X, reset=is_first)
            self.targets_ = self._targets_of_part(y, classes, rows.shape[0])
            codes, quantities = self.targets_.transform(y, rows.shape[0])
            check_consistent_length(rows, codes)
            check_same(self, rows, codes, quantities, sample_weight)
            part = StreamedRows(
                X,
                codes,
                self.targets_.quantities.inverse(quantities),
                weight=_raw_weights(sample_weight, rows),
                predicted=self._test_before_training(rows, codes, quantities),
                n_taught=np.full(len(codes), reservoir.n_seen[1]),
            )
            n_before = 0 if is_first else self.n_samples_fit_
            self.n_samples_fit_ = n_before + len(part)
            begins = is_first or self._begins_anew(reservoir, rows)
            known = part
            if begins and not is_first:
                known = reservoir.joined(part)
                rows = self._check_X(known.X, reset=True)
                self.targets_ = _rescaled(self.targets_, known.quantities)
            elif len(reservoir) and not begins:
                known, rows = self._with_drawn(part, rows, reservoir, random_state)
            self._learn_from(known, rows, random_state, begins)
            changes = {"n_begun": len(known)} if begins else {}
            self.reservoir_ = reservoir.after(part, CAPACITY, random_state, **changes)
        self._raise_if_interrupted()
        return self

    def _stream_so_far(self):
        """Return what is kept of the stream; nothing before the first call."""
        if "reservoir_" in vars(self):
            return self.reservoir_
        return Reservoir(
            rows=None,
            keys=np.empty(0),
            n_seen=(0, 0),
            n_begun=0,
            has_all="net_" not in vars(self),
            seed=None,
        )

    def _targets_of_part(self, y, classes, n_samples):
        """Return the encoder of targets, with what is new in those of a part."""
        declared = declared_classes(classes, y)
        if "net_" in vars(self):
            targets = self.targets_
        elif y is None and declared:
            return self._fit_targets(unlabelled_columns(declared, n_samples), declared)
        else:
            targets = self._fit_targets(y, declared)
        for name, values in declared.items():
            for value in values.tolist():
                targets.labels.code_of(name, value)
        return targets.extended(y)

    def _test_before_training(self, rows, codes, quantities):
        """Return what the model says of labelled rows that it has not seen."""
        sizes = [*self.n_components_.values(), *[quantities.shape[1]] * 2]
        predicted = np.full((len(codes), sum(sizes)), np.nan)
        labelled = (codes >= 0).any(axis=1) | ~np.isnan(quantities).all(axis=1)
        if "net_" in vars(self) and self.calibrate and labelled.any():
            *log_proba, mean, std = self._map_rows(
                partial(everything_predicted, self._model), rows[labelled]
            )
            encoder = self.targets_.quantities
            quantities = encoder.inverse(mean), std * encoder.scale
            predicted[labelled] = np.hstack([*log_proba, *quantities])
        return predicted

    def _begins_anew(self, reservoir, rows):
        """Return whether a model of all rows is due, and they are there to begin it."""
        if not reservoir.has_all:
            return False
        if len(reservoir) + rows.shape[0] >= GROWTH * reservoir.n_begun:
            return True
        try:
            self._model.likelihood.check_support(rows)
        except ValueError:
            return True
        return False

    def _with_drawn(self, part, rows, reservoir, random_state):
        """Return the rows of a part and some that were kept, and all their values."""
        least = LEAST_STEPS * settings_of(self, "batch_size").rows
        drawn = reservoir.draw(max(len(part), least), random_state)
        with warnings.catch_warnings():
            # Who gave them was warned before.
            warnings.filterwarnings("ignore", UNSEEN)
            drawn_rows = self._check_X(drawn.X)
        return part.followed_by(drawn), stacked_rows(rows, drawn_rows)

    def _learn_from(self, known, rows, random_state, begins):
        """Begin a model from rows, or train the one there is on them."""
        training: dict[str, Any] = {}
        if not begins:
            n_batches = max(1, len(known) // settings_of(self, "batch_size").rows)
            training = {
                "earlier": self.net_,
                "n_epochs": math.ceil(LEAST_STEPS / n_batches),
                "n_samples": self.n_samples_fit_,
                "lr": RATE * self.lr,
            }
        encoder = self.targets_.quantities
        with warnings.catch_warnings():
            if not begins:  # it would be a new test with every part
                warnings.filterwarnings("ignore", UNHELPFUL_ROWS)
            self._learn(
                rows,
                known.codes,
                encoder.standardised(known.quantities),
                known.weight / known.weight.mean(),
                random_state=random_state,
                predict_hidden=partial(_test_then_train, known, self.targets_),
                **training,
            )
        self.judgement_.hidden_proba = {}  # which has positions in the rows of a fit


def _rescaled(targets, quantities):
    """Return targets whose quantities have the scales of all that are known."""
    encoder = copy.copy(targets.quantities).rescaled(quantities)
    return TargetEncoder(targets.labels, encoder)


def _raw_weights(sample_weight, rows):
    """Return weights that are not relative to those of the same part alone."""
    if sample_weight is None:
        return np.ones(rows.shape[0])
    scale = np.mean(masked_as_nan(sample_weight))
    return check_weights(sample_weight, rows) * scale


def _test_then_train(known, targets, preparation, random_state):
    """Return what was predicted of labels before the model saw them.

    By models that had seen at least half as many labelled rows as the last one: earlier
    ones say little of the model there is. Folds are those in which the linear
    classifier, with which predictions are compared, does not see labels.
    """
    if preparation.labelled.chosen is not None:
        known = known.choose(preparation.labelled.chosen.numpy())
    encoder = targets.quantities
    sizes = [*map(len, targets.labels.values), *[encoder.n_quantities] * 2]
    *log_proba, mean, std = np.split(known.predicted, np.cumsum(sizes)[:-1], axis=1)
    folds = np.hstack(
        [
            hidden_label_folds(known.codes, N_FOLDS, random_state),
            np.where(np.isnan(known.quantities), -1, 0),
        ]
    )
    was_tested = ~np.isnan(known.predicted).all(axis=1)
    is_late = 2 * known.n_taught >= known.n_taught.max()
    folds[~(was_tested & is_late)] = -1
    limit_hidden(folds, random_state)
    is_quantity = folds[:, len(log_proba) :] >= 0
    return HiddenPredictions(
        folds,
        [values[folds[:, k] >= 0] for k, values in enumerate(log_proba)],
        np.where(is_quantity, (known.quantities - mean) / encoder.scale, np.nan),
        np.where(is_quantity, std / encoder.scale, np.nan),
    )
