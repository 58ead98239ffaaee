"""What hidden labels say of a fit: how good it is, and how certain it may be."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy.special import softmax
from scipy.stats import entropy

from skfmvae.neighbour_graph.reliability import (
    linear_proba,
    probability_better,
    scores_of,
)
from skfmvae.neighbour_graph.subsample import rows_of_graph

from .calibration import (
    fit_temperature,
    lacking_variance,
    temperature_of_entropy,
)
from .cross_fitting import HiddenPredictions
from .training import Preparation

__all__ = ["Judgement", "judge"]

# Rows by which the certainty of two classifiers is compared: a mean over them is exact
# to a few hundredths of a nat.
COMPARED_ROWS = 2000
# Probability from which on another classifier counts as better.
SIGNIFICANT = 0.95
# How the warning begins, for filters.
UNHELPFUL_ROWS = "Unlabelled rows do not help"


@dataclass
class Judgement:
    """What labels that were hidden say of a fit.

    Sample weights count for the temperature. All else counts every label once, and the
    linear classifier learns from all labels alike. After `partial_fit` the labels are
    those that were predicted before the model learned from them.

    Parameters
    ----------
    reliability : dict of str to float
        How far regularizers were relied on for each property with labels, 0 to 1, see
        :class:`~skfmvae.neighbour_graph.reliability.HiddenLabels`; empty without a
        neighbour graph.
    class_prior : dict of str to ndarray of shape (n_values,)
        The class proportions that regularizers took, given or estimated; likewise.
    scores : dict of str to dict
        "accuracy" and "log_loss", in nats, of the hidden labels of each property: by
        the neighbour "graph" and by the "linear" classifier that it was judged against,
        which saw four fifths of the labels, and by the "model", which saw half of them
        and was trained half as long.
    temperature : dict of str to float
        What the log-probabilities of a property are divided by.
    lacking_variance : ndarray of shape (n_quantities,)
        What is added to the predicted variances of the continuous properties, which are
        standardised; see `lacking_variance`.
    residuals : list of ndarray
        What was hidden of each column of the continuous properties less the mean that
        was predicted, in units of the deviation that results.
    hidden_proba : dict of str to (rows, proba)
        Rows of `fit` whose label of a property was hidden from a fit, and its
        probabilities, at the temperature above; empty after `partial_fit`.
    is_interrupted : bool, default=False
        Whether calibration was interrupted; predictions are then as they were trained.
    """

    reliability: dict[str, float]
    class_prior: dict[str, np.ndarray]
    scores: dict[str, dict[str, dict[str, float]]]
    temperature: dict[str, float]
    lacking_variance: np.ndarray
    residuals: list[np.ndarray]
    hidden_proba: dict[str, tuple[np.ndarray, np.ndarray]]
    is_interrupted: bool = False


def judge(
    estimator,
    predict_hidden: Callable[[Preparation, Any], HiddenPredictions],
    preparation: Preparation,
    random_state,
) -> Judgement:
    """Note what the regularizers relied on, and calibrate the predictions.

    Parameters
    ----------
    estimator : BaseVAE
        Whose net is trained.
    predict_hidden : callable
        Returns predictions of what is known that did not see it, of the labelled rows
        of a preparation; its second argument is `random_state`.
    preparation : Preparation
        Of the training.
    random_state : RandomState
        That draws what is hidden.

    Returns
    -------
    judgement : Judgement
        What was found.

    Warns
    -----
    UserWarning
        When a logistic regression on the labelled rows predicts hidden labels better.
    """
    labelled, graph = preparation.labelled, preparation.regularization.graph
    n_components = estimator.n_components_
    judgement = Judgement(
        reliability={},
        class_prior={},
        scores={},
        temperature=dict.fromkeys(n_components, 1.0),
        lacking_variance=np.zeros(labelled.quantities.shape[1]),
        residuals=[np.empty(0)] * labelled.quantities.shape[1],
        hidden_proba={},
    )
    for name, found in zip(n_components, graph.labels if graph else (), strict=False):
        if found is not None:
            judgement.reliability[name] = found.reliability
            judgement.class_prior[name] = found.class_prior
            judgement.scores[name] = {} if found.hidden is None else found.hidden.scores
    if estimator.calibrate and not estimator.net_.interrupted_:
        uncalibrated = deepcopy(judgement)
        try:
            _calibrate(judgement, estimator, predict_hidden, preparation, random_state)
        except KeyboardInterrupt:
            judgement = replace(uncalibrated, is_interrupted=True)
    if estimator._shown:
        _show(judgement, sys.stderr if estimator._shown == 1 else sys.stdout)
    return judgement


def _calibrate(judgement, estimator, predict_hidden, preparation, random_state):
    """Learn from how hidden labels are predicted."""
    labelled, model = preparation.labelled, estimator.net_.module_
    hidden = predict_hidden(preparation, random_state)
    _calibrate_quantities(judgement, hidden)
    codes = labelled.codes.cpu().numpy()
    n_labels = (codes >= 0).sum(axis=0)
    compared = random_state.permutation(len(labelled))[:COMPARED_ROWS]
    proba = estimator._map_batches(
        lambda batch: model.property_log_proba(batch.x),
        labelled.choose(torch.from_numpy(compared)),
    )
    folds = hidden.folds
    # Of many rows a part will do: labelled ones, for the linear classifier to learn
    # from, and those that are predicted.
    part = rows_of_graph(codes, model.likelihood.n_columns)
    if part is not None:
        part = part[(codes[part] >= 0).any(axis=1)]
        is_hidden = (folds >= 0).any(axis=1)
        part = np.unique(np.concatenate([part, compared, np.flatnonzero(is_hidden)]))
        labelled = labelled.choose(torch.from_numpy(part))
        codes, folds = codes[part], folds[part]
        compared = np.searchsorted(part, compared)
    weight, positions = labelled.weight.cpu().numpy(), np.arange(len(labelled))
    if labelled.chosen is not None:
        positions = labelled.chosen.numpy()
    rows = model.likelihood.comparable(labelled.values())
    for k, (name, n_classes) in enumerate(estimator.n_components_.items()):
        column = codes[:, k]
        if len(np.unique(column[column >= 0])) < 2:
            continue
        linear = partial(linear_proba, rows, n_classes)
        certainty = entropy(linear(column, compared), axis=1).mean()
        # Equal probabilities, with the weight of one more label of each class.
        target = np.average(
            [certainty, np.log(n_classes)], weights=[n_labels[k], n_classes]
        )
        prior = temperature_of_entropy(proba[k], target)
        judged = np.flatnonzero(folds[:, k] >= 0)
        log_proba, true = hidden.log_proba[k], column[judged]
        temperature = fit_temperature(log_proba, true, prior, weight[judged])
        judgement.temperature[name] = temperature
        if not len(judged):
            continue
        by_model = softmax(log_proba / temperature, axis=1)
        judgement.hidden_proba[name] = positions[judged], by_model
        judgement.scores.setdefault(name, {})["model"] = scores_of(true, by_model)
        by_linear = np.empty_like(by_model)
        for fold in np.unique(folds[judged, k]):
            is_hidden = folds[:, k] == fold
            seen = np.where(is_hidden, -1, column)
            by_linear[is_hidden[judged]] = linear(seen, np.flatnonzero(is_hidden))
        _warn_if_behind(name, true, by_model, by_linear)


def _calibrate_quantities(judgement, hidden):
    columns = zip(hidden.residuals.T, hidden.deviations.T, strict=True)
    for k, (residuals, deviations) in enumerate(columns):
        is_hidden = ~np.isnan(residuals)
        residuals, deviations = residuals[is_hidden], deviations[is_hidden]
        variance = lacking_variance(residuals, deviations)
        judgement.lacking_variance[k] = variance
        judgement.residuals[k] = residuals / np.sqrt(deviations**2 + variance)


def _warn_if_behind(name, codes, by_model, by_linear):
    model, linear = (p.argmax(axis=1) == codes for p in (by_model, by_linear))
    if probability_better(linear, model) > SIGNIFICANT:
        warnings.warn(
            f"{UNHELPFUL_ROWS} to predict {name!r}: of {len(codes)} hidden "
            f"labels, logistic regression on the labelled rows predicts "
            f"{linear.mean():.0%}, the model {model.mean():.0%}. Pool both with "
            "skfmvae.ensemble.PartialLabelStacking, or use logistic regression.",
            UserWarning,
            stacklevel=6,
        )


def _show(judgement, file):
    for name, by_teacher in judgement.scores.items():
        right = ", ".join(
            f"{teacher} {scores['accuracy']:.0%}"
            for teacher, scores in by_teacher.items()
        )
        print(
            f"{name}: hidden labels right: {right or 'none could be hidden'}; "
            f"regularizers count {judgement.reliability.get(name, 0):.2f}; "
            f"temperature {judgement.temperature[name]:.2f}",
            file=file,
            flush=True,
        )
