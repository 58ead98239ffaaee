"""Training on a stream: new rows and new labels, part by part."""

from __future__ import annotations

import copy
import math
import warnings
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_consistent_length, check_random_state

from skfmvae._utils.compat import fit_context, num_samples
from skfmvae._utils.missing import masked_as_nan
from skfmvae._utils.types import MatrixLike
from skfmvae.columns import stacked_rows
from skfmvae.columns.encoder import UNSEEN
from skfmvae.targets import TargetEncoder, declared_classes, unlabelled_columns

from .checks import check_device, check_weights
from .cross_fitting import (
    MOST_HIDDEN,
    N_FOLDS,
    HiddenPredictions,
    everything_predicted,
)
from .guards import all_or_nothing
from .reservoir import Reservoir, StreamedRows
from .rows import RowsMixin
from .settings import check_settings

__all__ = ["StreamingMixin"]

# Rows that are kept, as many as global parameters are set from.
CAPACITY = 10_000
# How often as many rows as before have to be seen for a model to begin anew: with 2,
# all beginnings together take about as long as the last two.
GROWTH = 2
# Steps of a call, at the least.
LEAST_STEPS = 10


class StreamingMixin(RowsMixin):
    """Learn from rows that come in parts."""

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
        been dropped, the model begins anew from all of them whenever they have doubled,
        or a row does not suit its likelihood: what was learned of columns, likelihood,
        scales and missing entries from a small first part does not last. Any other call
        trains the model on the new rows and on rows that were kept, and keeps the
        average over all rows seen; its time does not grow with their number.

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
            self.device_ = check_device(self.device)
            reservoir = self._stream_so_far()
            random_state = copy.deepcopy(reservoir.random_state)
            is_first = "net_" not in vars(self)
            rows = self._check_X(X, reset=is_first)
            y, declared = self._declared(y, classes, len_of(rows))
            if is_first:
                self.targets_ = self._fit_targets(y, declared)
            self.targets_ = self.targets_.extended(y)
            part = self._streamed(X, rows, y, sample_weight, reservoir, random_state)
            begins = is_first or self._begins_anew(reservoir, rows)
            self.n_samples_fit_ = len(part) + (
                0 if is_first else self.n_samples_fit_
            )
            n_known = sum(reservoir.n_seen[1:]) + int(part.is_labelled.sum())
            if begins:
                known = reservoir.joined(part)
                if not is_first:
                    rows = self._check_X(known.X, reset=True)
                    self.targets_ = _rescaled(self.targets_, known.quantities)
                count, length = np.ones(len(known)), {}
            else:
                known, rows, count = self._with_drawn(
                    part, rows, reservoir, random_state
                )
                n_batches = max(1, len(known) // self.batch_size)
                length = {
                    "n_epochs": math.ceil(LEAST_STEPS / n_batches),
                    "n_samples": self.n_samples_fit_,
                }
            weight = known.weight * count
            quantities = self.targets_.quantities.standardised(known.quantities)
            self._learn(
                (rows, known.codes, weight / weight.mean(), quantities),
                random_state,
                earlier=None if begins else self.net_,
                predict_hidden=partial(
                    _test_then_train, known, self.targets_, n_known=n_known
                ),
                **length,
            )
            changes = {"n_begun": len(known)} if begins else {}
            self.reservoir_ = reservoir.after(
                part, CAPACITY, random_state=random_state, **changes
            )
        self._raise_if_interrupted()
        return self

    def _stream_so_far(self):
        """Return what is kept of the stream; nothing before the first call."""
        if "reservoir_" in vars(self):
            return self.reservoir_
        return Reservoir(
            rows=None,
            n_seen=(0, 0),
            n_begun=0,
            has_all="net_" not in vars(self),
            random_state=check_random_state(self.random_state),
        )

    def _declared(self, y, classes, n_samples):
        """Return `y`, with columns if classes have names, and the declared classes."""
        declared = declared_classes(classes, y)
        if y is None and declared:
            y = unlabelled_columns(declared, n_samples)
        return y, declared

    def _streamed(self, X, rows, y, sample_weight, reservoir, random_state):
        """Return the rows of a part, and what the model says of them so far."""
        codes, quantities = self.targets_.transform(y, rows.shape[0])
        check_consistent_length(rows, codes)
        weight = np.ones(len(codes))
        if sample_weight is not None:
            scale = np.mean(masked_as_nan(sample_weight))
            weight = check_weights(sample_weight, rows) * scale
        targets = self.targets_.quantities
        sizes = [*self.n_components_.values(), *[targets.n_quantities] * 2]
        part = StreamedRows(
            X,
            codes,
            targets.inverse(quantities),
            weight,
            key=random_state.uniform(size=len(codes)),
            predicted=np.full((len(codes), sum(sizes)), np.nan),
            n_taught=np.full(len(codes), reservoir.n_seen[1]),
        )
        labelled = np.flatnonzero(part.is_labelled)
        if "net_" in vars(self) and self.calibrate and len(labelled):
            *log_proba, mean, std = self._map_rows(
                partial(everything_predicted, self._model), rows[labelled]
            )
            mean, std = targets.inverse(mean), std * targets.scale
            part.predicted[labelled] = np.hstack([*log_proba, mean, std])
        return part

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
        """Return a part with rows that were kept, and as how many each one counts."""
        if not len(reservoir):
            return part, rows, np.ones(len(part))
        n = max(len(part), LEAST_STEPS * self.batch_size)
        drawn, count = reservoir.draw(n, random_state)
        with warnings.catch_warnings():
            # Who gave them was warned before.
            warnings.filterwarnings("ignore", UNSEEN)
            drawn_rows = self._check_X(drawn.X)
        known = part.followed_by(drawn)
        rows = stacked_rows(rows, drawn_rows)
        return known, rows, np.concatenate([np.ones(len(part)), count])


def len_of(rows):
    return rows.shape[0]


def _rescaled(targets, quantities):
    """Return targets whose quantities have the scales of all that are known."""
    encoder = copy.copy(targets.quantities).rescaled(quantities)
    return TargetEncoder(targets.labels, encoder)


def _test_then_train(known, targets, preparation, random_state, *, n_known):
    """Return what was predicted of labels before the model saw them.

    By models that had seen at least half of the labels: earlier ones say little of the
    model there is. Folds are for what else learns from labels, and are drawn.
    """
    if preparation.labelled.chosen is not None:
        known = known.choose(preparation.labelled.chosen.numpy())
    encoder = targets.quantities
    sizes = [*map(len, targets.labels.values), *[encoder.n_quantities] * 2]
    *log_proba, mean, std = np.split(known.predicted, np.cumsum(sizes)[:-1], axis=1)
    residuals = (known.quantities - mean) / encoder.scale
    is_known = np.hstack([known.codes >= 0, ~np.isnan(known.quantities)])
    is_predicted = np.isfinite(known.predicted).any(axis=1)
    is_late = 2 * known.n_taught >= n_known
    is_hidden = is_known & (is_predicted & is_late)[:, None]
    for column in is_hidden.T:
        hidden = random_state.permutation(np.flatnonzero(column))
        column[hidden[MOST_HIDDEN:]] = False
    folds = random_state.randint(N_FOLDS, size=is_hidden.shape)
    hidden_quantities = is_hidden[:, len(log_proba) :]
    return HiddenPredictions(
        np.where(is_hidden, folds, -1),
        log_proba,
        np.where(hidden_quantities, residuals, np.nan),
        np.where(hidden_quantities, std / encoder.scale, np.nan),
    )
