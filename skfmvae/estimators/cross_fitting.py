"""Predictions of labels by fits that did not see them."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from skorch.callbacks import GradientNormClipping, LRScheduler, ParamMapper
from torch import Tensor

from skfmvae._utils.folds import hidden_label_folds
from skfmvae.models.base import Model

from .settings import settings_of
from .training import Preparation, default_epochs, train

__all__ = [
    "HiddenPredictions",
    "everything_predicted",
    "limit_hidden",
    "predict_hidden_labels",
]

# Refits, each without its share of the labels, and their length as a share of the
# fit's: together they take as long as the fit. docs/decisions/037-calibration.md.
N_FOLDS, SHARE_OF_EPOCHS = 2, 0.5
# Labels of a property that are hidden in all: the standard error of an accuracy is then
# a hundredth, and the other labels can all be seen.
MOST_HIDDEN = 2000
# Callbacks without which a user's fit would be another one; others watch it or keep it.
KEPT_CALLBACKS = (GradientNormClipping, LRScheduler, ParamMapper)


@dataclass(frozen=True, eq=False)
class HiddenPredictions:
    """What refits predict where they did not see what is known.

    Parameters
    ----------
    folds : int64 ndarray of shape (n, K + Q)
        By which refit an entry was predicted; -1 where it was not hidden.
    log_proba : list of ndarray of shape (n, C_k)
        Log-probabilities of the hidden labels of each discrete property, NaN elsewhere.
    residuals : ndarray of shape (n, Q)
        What is known of the continuous properties, standardised, less the mean that was
        predicted; NaN elsewhere.
    deviations : ndarray of shape (n, Q)
        The deviations that were predicted, likewise.
    """

    folds: np.ndarray
    log_proba: list[np.ndarray]
    residuals: np.ndarray
    deviations: np.ndarray


def predict_hidden_labels(
    estimator, build_model: Callable[[], Model], preparation: Preparation, random_state
) -> HiddenPredictions:
    """Train the model again without each fold of what is known, and predict that.

    Parameters
    ----------
    estimator : BaseVAE
        Fitted.
    build_model : callable
        Returns an untrained model.
    preparation : Preparation
        Of the fit.
    random_state : RandomState
        That draws the folds.

    Returns
    -------
    hidden : HiddenPredictions
        Of all that was hidden.

    Raises
    ------
    KeyboardInterrupt
        When a refit is interrupted.
    """
    labelled = preparation.labelled
    blocks = estimator.targets_.quantities.blocks
    folds = _folds(labelled, blocks, random_state)
    refit = copy.copy(estimator)
    refit.max_epochs = math.ceil(SHARE_OF_EPOCHS * _n_epochs(estimator, labelled))
    refit.callbacks = [c for c in estimator.callbacks or [] if _is_kept(c)]
    refit.verbose = 0
    sizes = estimator.n_components_.values()
    log_proba = [np.full((len(folds), n), np.nan) for n in sizes]
    quantities = labelled.quantities.cpu().numpy()
    residuals, deviations = np.full((2, *quantities.shape), np.nan)
    for fold in range(N_FOLDS):
        is_hidden = folds == fold
        rows = np.flatnonzero(is_hidden.any(axis=1))
        if not len(rows):
            continue
        model, without = build_model(), torch.from_numpy(is_hidden)
        regularization = preparation.regularization.without(without, model)
        refit.net_ = train(
            refit,
            model,
            Preparation(
                regularization.rows,
                None,
                labelled,
                regularization,
                preparation.checkpoints,
            ),
            f"refit-{fold}",
        )
        if refit.net_.interrupted_:
            raise KeyboardInterrupt
        *found, mean, stddev = refit._map_batches(
            lambda batch, model=model: everything_predicted(model, batch.x),
            labelled.choose(torch.from_numpy(rows)),
        )
        for k, values in enumerate(found):
            hidden = is_hidden[rows, k]
            log_proba[k][rows[hidden]] = values[hidden]
        hidden = is_hidden[rows, len(found) :]
        residuals[rows] = np.where(hidden, quantities[rows] - mean, residuals[rows])
        deviations[rows] = np.where(hidden, stddev, deviations[rows])
    return HiddenPredictions(folds, log_proba, residuals, deviations)


def _folds(labelled, blocks, random_state):
    """Return which refit does not see what is known, as `HiddenPredictions.folds`."""
    codes = labelled.codes.cpu().numpy()
    known = ~labelled.quantities.isnan().cpu().numpy()
    # The columns of a quantity are hidden together; all its values are of one class.
    firsts = np.where(known[:, [block.start for block in blocks.values()]], 0, -1)
    folds = hidden_label_folds(np.hstack([codes, firsts]), N_FOLDS, random_state)
    limit_hidden(folds, random_state)
    sizes = [block.stop - block.start for block in blocks.values()]
    return np.repeat(folds, [1] * codes.shape[1] + sizes, axis=1)


def _n_epochs(estimator, rows):
    """Return how many epochs a fit from the start would take to be as good.

    A model that was trained before has had more than those of its last training.
    """
    enough = default_epochs(len(rows), settings_of(estimator, "batch_size").rows)
    return max(estimator.net_.n_complete_epochs_, min(estimator.n_iter_, enough))


def _is_kept(callback):
    named = callback[1] if isinstance(callback, tuple) else callback
    return named is None or isinstance(named, KEPT_CALLBACKS)


def limit_hidden(folds: np.ndarray, random_state) -> None:
    """Let no more than `MOST_HIDDEN` entries of each column be hidden.

    Parameters
    ----------
    folds : int64 ndarray of shape (n, K)
        As `HiddenPredictions.folds`; they are changed.
    random_state : RandomState
        That draws which entries stay hidden.
    """
    for fold in folds.T:
        hidden = random_state.permutation(np.flatnonzero(fold >= 0))
        fold[hidden[MOST_HIDDEN:]] = -1


def everything_predicted(model: Model, x: Tensor) -> list[Tensor]:
    """Return all that a model says of the properties of rows.

    Parameters
    ----------
    model : Model
        Trained.
    x : Tensor of shape (n, D)
        The rows.

    Returns
    -------
    predictions : list of Tensor
        Log-probabilities of each discrete property, shape (n, C_k), then means and
        deviations of the continuous ones, shape (n, Q).
    """
    quantities = model.quantity_distribution(x)
    return [*model.property_log_proba(x), quantities.mean, quantities.stddev]
