"""How the parameters of an estimator become a training."""

from __future__ import annotations

import math
import sys
from typing import Any, NamedTuple

import numpy as np
import torch
from skorch.callbacks import Callback, LRScheduler
from skorch.helper import predefined_split
from torch.optim.lr_scheduler import OneCycleLR

from skfmvae.training import (
    CheckpointFolder,
    EarlyStopping,
    EpochBar,
    ModelNet,
    RegularizerTerms,
    Rows,
    build_regularizer_terms,
    graph_part,
)
from skfmvae.training.checkpoint import MAIN

from .settings import settings_of

__all__ = [
    "OPTIMIZERS",
    "Preparation",
    "build_net",
    "default_epochs",
    "prepare",
    "train",
]

# Passes over so many rows; the root of the number of rows and the least number of steps
# are for more and for few rows: docs/decisions/023-epochs.md.
N_EPOCHS, OF_ROWS, MIN_STEPS = 25, 1500, 100

REGULARIZERS = ("neighbours", "adversarial")

# Momenta and weight decay were tuned on digits and MNIST alone:
# docs/decisions/022-optimiser.md.
OPTIMIZERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "adamw": (
        torch.optim.AdamW,
        {"betas": (0.9, 0.99), "weight_decay": 1e-4, "fused": True},
    ),
    "adam": (torch.optim.Adam, {"fused": True}),
    "sgd": (torch.optim.SGD, {"momentum": 0.9, "fused": True}),
}


class Preparation(NamedTuple):
    """What a training starts from, beside the model.

    Parameters
    ----------
    rows : Rows
        To train on; seeds of clusters stand for labels.
    held_out : Rows or None
        For early stopping.
    labelled : Rows
        Those to train on, with their labels alone.
    regularization : RegularizerTerms
        The losses of the regularizers on these rows.
    checkpoints : CheckpointFolder or None, default=None
        Where the state of the training is kept.
    """

    rows: Rows
    held_out: Rows | None
    labelled: Rows
    regularization: RegularizerTerms
    checkpoints: CheckpointFolder | None = None


def prepare(
    estimator, model, rows, random_state, checkpoints: CheckpointFolder | None = None
) -> Preparation:
    """Part the rows, and prepare the regularizers of a model.

    Parameters
    ----------
    estimator : BaseVAE
        Its parameters are checked, and it knows its likelihood and device.
    model : Model
        Untrained, or trained on other rows.
    rows : Rows
        Of which early stopping holds some out.
    random_state : RandomState
        That draws which rows these are.
    checkpoints : CheckpointFolder or None, default=None
        Where the state of the training is kept.

    Returns
    -------
    preparation : Preparation
        For `train`.

    Raises
    ------
    ValueError
        When parameters do not go together or leave too few rows.
    """
    held_out = None
    early_stopping = _early_stopping(estimator)
    if early_stopping:
        rows, held_out = _hold_out(early_stopping, rows, random_state)
    regularization = _regularization(estimator, model, rows)
    return Preparation(regularization.rows, held_out, rows, regularization, checkpoints)


def train(
    estimator,
    model,
    preparation: Preparation,
    name: str = MAIN,
    *,
    earlier: ModelNet | None = None,
    n_epochs: int | None = None,
    n_samples: int | None = None,
    lr: float | None = None,
) -> ModelNet:
    """Train a model as the parameters of an estimator say.

    Parameters
    ----------
    estimator : BaseVAE
        Its parameters are checked, and it knows its likelihood and device.
    model : Model
        Untrained, or a copy of that of `earlier`.
    preparation : Preparation
        For this model, see `prepare`.
    name : str, default="main"
        Under which the state of the training is kept.
    earlier : ModelNet or None, default=None
        The net that has trained the model before, whose history goes on.
    n_epochs : int or None, default=None
        Passes over the rows; None leaves it to the parameters.
    n_samples : int or None, default=None
        Number of rows of the data where those of `preparation` are a sample.
    lr : float or None, default=None
        Highest learning rate; None stands for that of the parameters.

    Returns
    -------
    net : ModelNet
        Which holds the model, ready to predict: after an interrupt, that of the last
        complete epoch, see `ModelNet.interrupted_`.

    Raises
    ------
    KeyboardInterrupt
        When training is interrupted before an epoch is complete.
    FloatingPointError
        When the loss, or at the end a parameter, is not finite.
    """
    rows, held_out = preparation.rows, preparation.held_out
    n_in_batch = settings_of(estimator, "batch_size").rows
    net = build_net(
        estimator,
        model,
        max_epochs=n_epochs
        or estimator.max_epochs
        or default_epochs(len(rows), n_in_batch),
        lr=lr or estimator.lr,
        train_split=predefined_split(held_out) if held_out else None,
    )
    net.set_params(callbacks=_callbacks(estimator, net, held_out, net.n_steps(rows)))
    if estimator._shown < 2:
        net.set_params(callbacks__print_log=None)
    checkpoints = preparation.checkpoints
    net.fit(
        rows,
        regularization=preparation.regularization,
        checkpoint=checkpoints.file(name) if checkpoints else None,
        is_trained=earlier is not None,
        n_samples=n_samples,
    )
    if not net.n_complete_epochs_:
        raise KeyboardInterrupt
    net.check_parameters()
    net.module_.eval()
    if earlier is not None:
        net.continue_history(earlier.history)
    return net


def build_net(estimator, model, **params) -> ModelNet:
    """Return the net that trains a model, or has trained it.

    Parameters
    ----------
    estimator : BaseVAE
        Its parameters are checked, and it knows its likelihood and device.
    model : Model
        Trained or not.
    **params : dict
        Of the net, beside those that follow from the estimator.

    Returns
    -------
    net : ModelNet
        Not initialized.
    """
    optimizer, settings = OPTIMIZERS.get(estimator.optimizer, (estimator.optimizer, {}))
    batch_size = settings_of(estimator, "batch_size")
    params = {"lr": estimator.lr} | params
    return ModelNet(
        model,
        criterion__objective=settings_of(estimator, "objective"),
        optimizer=optimizer,
        **{f"optimizer__{name}": value for name, value in settings.items()},
        batch_size=batch_size.rows,
        iterator_train__labelled_batch_size=batch_size.labelled,
        iterator_train__augmentation=_augmentation(estimator),
        device=estimator.device_,
        verbose=estimator._shown,
        **params,
    )


def _regularization(estimator, model, rows):
    """Prepare the regularizers that are on and make sense for the likelihood."""
    settings = [settings_of(estimator, name) for name in REGULARIZERS]
    moves_allowed = estimator.likelihood_.allows_steps
    chosen = [s for s in settings if s and (moves_allowed or not s.moves_rows)]
    if (
        estimator._shown
        and any(s.needs_neighbour_graph for s in chosen)
        and not rows.all_known
    ):
        # To where the progress is shown: a bar, or skorch's table.
        file = sys.stderr if estimator._shown == 1 else sys.stdout
        part = graph_part(chosen, model, rows)
        some = "" if part is None else f"{len(part)} of "
        print(f"finding neighbours of {some}{len(rows)} rows", file=file, flush=True)
    return build_regularizer_terms(chosen, model, rows)


def _early_stopping(estimator):
    """Return the settings of early stopping among the callbacks, None without."""
    found = [c for c in estimator.callbacks or [] if isinstance(c, EarlyStopping)]
    if len(found) > 1:
        raise ValueError(f"callbacks holds {len(found)} EarlyStopping; give one.")
    return found[0] if found else None


def _hold_out(early_stopping, rows, random_state):
    """Return rows to train on, and others without their labels, which are few."""
    n_held_out = math.ceil(len(rows) * early_stopping.validation_fraction)
    n_kept = len(rows) - n_held_out
    if n_kept < 2:
        raise ValueError(
            f"callbacks: {early_stopping!r} leaves {n_kept} of {len(rows)} rows to "
            "train on; lower its validation_fraction."
        )
    order = random_state.permutation(len(rows))
    labelled = rows.known().any(1).numpy()
    order = order[np.argsort(labelled[order], kind="stable")]
    kept = torch.from_numpy(np.sort(order[n_held_out:]))
    held_out = torch.from_numpy(order[:n_held_out])
    return rows.choose(kept), rows.choose(held_out).without_labels()


def _augmentation(estimator):
    """Return the function that changes batches, if any."""
    if estimator.augmentation is None:
        return None
    if not estimator.likelihood_.allows_steps:
        raise ValueError(
            f"augmentation={estimator.augmentation!r} would change the categories of "
            f"likelihood={estimator.likelihood!r} into others; use augmentation=None."
        )
    settings = settings_of(estimator, "augmentation")
    if not hasattr(settings, "build"):
        return settings
    return settings.build(estimator.n_features_in_)


def _callbacks(estimator, net, held_out, n_steps):
    """List ours, less those that the user replaces by name, then the user's."""
    ours: dict[str, Callback] = {
        "lr_schedule": LRScheduler(
            OneCycleLR, max_lr=net.lr, total_steps=n_steps, step_every="batch"
        )
    }
    if estimator._shown == 1:
        ours["progress"] = EpochBar()
    early_stopping = _early_stopping(estimator)
    theirs = [c for c in estimator.callbacks or [] if c is not early_stopping]
    replaced = {item[0] for item in theirs if isinstance(item, tuple)}
    callbacks = [item for item in ours.items() if item[0] not in replaced] + theirs
    if held_out:
        # Last, for it ends the epoch at once when it stops.
        callbacks.append(("early_stopping", early_stopping.callback()))
    return callbacks


def default_epochs(n_rows, batch_size):
    """Return how many passes are enough: fewer over more rows, but more steps.

    Parameters
    ----------
    n_rows, batch_size : int
        Number of rows, and of those in a batch.

    Returns
    -------
    n_epochs : int
        What ``max_epochs=None`` stands for.
    """
    n_epochs = N_EPOCHS * (OF_ROWS / n_rows) ** 0.5
    n_batches = max(1, n_rows // batch_size)
    return math.ceil(max(n_epochs, MIN_STEPS / n_batches))
