"""The skorch net that trains every model."""

from __future__ import annotations

import math
from copy import deepcopy
from functools import partial
from itertools import chain
from typing import Any

import torch
from skorch import NeuralNet
from skorch.history import History

from skfmvae._utils.distributed import shared
from skfmvae._utils.random import (
    generator_for,
    redirected_draws,
    restart_draws_apart,
)
from skfmvae._utils.threads import one_thread_if_small
from skfmvae.nn.batch_norm import whole_batch_norms

from .checkpoint import CheckpointFile
from .distributed import equal_weights, sum_gradients
from .interrupts import noted_interrupts
from .net_state import load_net_state, net_state
from .objective import Loss
from .rows import BatchIterator

__all__ = ["ModelNet"]

# Rows from whose latents a model sets its global parameters: enough for class means
# and clusters in ten dimensions, in the time of a few steps. No trial is recorded.
SUBSAMPLE = 10_000

# What a copy of a net goes without: the second name of its module, rows, and the
# optimiser, which is twice as large as the module.
ONLY_FOR_TRAINING = (
    "module",
    "train_split",
    "optimizer_",
    "_regularization",
    "_checkpoint",
    "_complete",
)


class ModelNet(NeuralNet):
    """Train a :class:`~skfmvae.models.base.Model` on :class:`~skfmvae.training.Rows`.

    ``fit(rows, regularization=...)`` runs skorch's loop; what differs is that a batch
    gives named terms, that the model learns its global parameters after each step, that
    an interrupted fit goes back to the last complete epoch: `interrupted_` is then
    true, and `n_complete_epochs_` the number of that epoch. A fit with a checkpoint
    goes on from there, and keeps it up to date. The history holds the mean of every
    term, in nats per row, as ``train_<term>`` and ``valid_<term>``, and the divergence
    of the global parameters, spread over the rows, as ``kl_globals``.

    A pickle or a copy holds the model once and the history, but not what only training
    needs: it predicts, and trains no further. It is loaded to the device of the net,
    or to the CPU where there is no such device.

    Parameters
    ----------
    module : Model
    criterion : type, default=Loss
    iterator_train, iterator_valid : type, default=BatchIterator
    iterator_train__shuffle : bool, default=True
    train_split : callable or None, default=None
    **kwargs
        As for :class:`skorch.NeuralNet`.

    Raises
    ------
    FloatingPointError
        When the loss stops being finite.
    """

    _complete: dict[str, Any] | None

    def __init__(
        self,
        module,
        criterion=Loss,
        *,
        iterator_train=BatchIterator,
        iterator_valid=BatchIterator,
        iterator_train__shuffle=True,
        train_split=None,
        **kwargs,
    ):
        super().__init__(
            module,
            criterion,
            iterator_train=iterator_train,
            iterator_valid=iterator_valid,
            iterator_train__shuffle=iterator_train__shuffle,
            train_split=train_split,
            **kwargs,
        )

    def n_steps(self, rows) -> int:
        """Return the number of steps that fitting these rows will take."""
        return self.max_epochs * len(self.get_iterator(rows, training=True))

    def fit_loop(
        self,
        X,
        y=None,
        epochs=None,
        regularization=None,
        checkpoint: CheckpointFile | None = None,
        is_trained=False,
        n_samples=None,
        **fit_params,
    ):
        """Run the epochs; on interruption keep the last complete one.

        Parameters
        ----------
        X : Rows
            The training rows.
        y : None, default=None
            Ignored: rows have their labels.
        epochs : int or None, default=None
            None stands for `max_epochs`.
        regularization : RegularizerTerms or None, default=None
            What regularizers add to the loss; its terms are recorded by their names.
        checkpoint : CheckpointFile or None, default=None
            From which training goes on, and where its state is kept.
        is_trained : bool, default=False
            Whether the model was trained before: whatever changes over a training, such
            as the weight of the divergences, is then what it was at the end of that.
        n_samples : int or None, default=None
            Number of rows of the data, of which `X` may be a sample; None stands for
            those of `X`.
        **fit_params : dict
            As for :class:`skorch.NeuralNet`.
        """
        self._regularization, self._checkpoint = regularization, checkpoint
        self._is_trained = is_trained
        self._n_samples = len(X) if n_samples is None else n_samples
        self._n_steps = self.n_steps(X)
        self._step = 0
        self.n_complete_epochs_ = 0
        self.interrupted_ = self._between_epochs = False
        equal_weights(self.module_)
        with noted_interrupts() as signals, whole_batch_norms(self.module_):
            try:
                self.module_.begin_training(self._regularized(X))
                with one_thread_if_small(self.module_, self.batch_size):
                    n_left = self._resume(self.max_epochs if epochs is None else epochs)
                    super().fit_loop(X, y, epochs=n_left, **fit_params)
                self._save(is_finished=True)
                return self
            except KeyboardInterrupt:
                # skorch swallows it. Callbacks such as its EarlyStopping raise one
                # between epochs to stop; any other has to reach the caller.
                self.interrupted_ = not self._between_epochs or bool(signals)
                self._restore_complete_epoch()
                if not self.interrupted_ and self.n_complete_epochs_:
                    self._save(is_finished=True)
                raise
            finally:
                self._complete = self._regularization = self._checkpoint = None

    def notify(self, method_name, **kwargs):
        """Call the callbacks; they draw from the fit's own generators, too."""
        with redirected_draws():
            super().notify(method_name, **kwargs)
        if method_name == "on_epoch_end":  # of which the callbacks' state is a part
            self._save(is_finished=False)

    def on_epoch_begin(self, net, dataset_train=None, **kwargs):
        """Prepare the model and restart the means of the terms."""
        self._between_epochs = False
        super().on_epoch_begin(net, dataset_train=dataset_train, **kwargs)
        restart_draws_apart(len(self.history))
        subsample = partial(_subsample, dataset_train)
        is_last = len(self.history) == self.max_epochs
        self.module_.begin_epoch(self._progress, self._n_samples, subsample, is_last)
        if self._regularization:
            self._regularization.begin_epoch(self._progress)
        self._term_sums: dict[str, dict[str, float]] = {"train": {}, "valid": {}}
        self._between_epochs = True

    def on_batch_begin(self, net, **kwargs):
        """Note that the epoch is under way."""
        super().on_batch_begin(net, **kwargs)
        self._between_epochs = False

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        """Correct what skorch takes for the size of a batch that processes share."""
        super().on_batch_end(net, batch=batch, training=training, **kwargs)
        if batch.share is not None:
            prefix = "train" if training else "valid"
            self.history.record_batch(f"{prefix}_batch_size", batch.share.total)

    def on_epoch_end(self, net, **kwargs):
        """Record the means of the terms and remember the epoch as complete."""
        for prefix, sums in self._term_sums.items():
            n_batches = self.history[-1].get(f"{prefix}_batch_count", 0)
            for name, value in sums.items():
                self.history.record(f"{prefix}_{name}", value / n_batches)
        self.history.record("kl_globals", self.module_.global_kl() / self._n_samples)
        self._remember_complete_epoch()
        self._between_epochs = True

    def train_step(self, batch, **fit_params):
        """Take one step of the optimiser, then of the global parameters."""
        with shared(batch.share):
            step = super().train_step(batch, **fit_params)
            latents = step["evaluation"].latents
            self.module_.update_globals(latents, batch.weight, self._n_samples)
        self._step += 1
        return step

    def train_step_single(self, batch, **fit_params):
        """Compute the loss of a batch and its gradient."""
        if not self.module_.training:
            self._set_training(True)
        with self.module_.likelihood.hiding(batch.x):
            step = self._evaluate(batch, "train", self._progress)
            if self._regularization:
                log_proba = step["evaluation"].log_proba
                means, loss = self._regularization(batch, log_proba, self._progress)
                self._record("train", means)
                step["loss"] = step["loss"] + loss
        step["loss"].backward()
        sum_gradients(self.module_)
        return step

    def validation_step(self, batch, **fit_params):
        """Compute the loss of held-out rows, the divergences at full weight."""
        self._set_training(False)
        with torch.no_grad(), shared(batch.share):
            return self._evaluate(batch, "valid", progress=1.0)

    def _regularized(self, rows):
        """Return of which properties regularizers bear on unlabelled rows."""
        if self._regularization:
            return self._regularization.regularized
        return [False] * rows.codes.shape[1]

    @property
    def _progress(self) -> float:
        return 1.0 if self._is_trained else self._step / self._n_steps

    def _evaluate(self, batch, prefix, progress):
        evaluation = self.module_.terms(batch.x, batch.labels)
        loss, means = self.criterion_(
            evaluation.terms, batch.weight, self.module_.n_inputs, progress
        )
        if prefix == "valid":
            # Held-out rows have no labels: what speaks of labels alone has no mean.
            terms = evaluation.terms.items()
            means = {name: means[name] for name, term in terms if not term.is_empty}
        self._record(prefix, means)
        return {"loss": loss, "y_pred": None, "evaluation": evaluation}

    def _record(self, prefix, means):
        """Add the means of a batch to those of the epoch; all must be finite."""
        sums = self._term_sums[prefix]
        values = torch.stack([value.detach() for value in means.values()]).tolist()
        for name, value in zip(means, values, strict=True):
            sums[name] = sums.get(name, 0.0) + value
        if not all(map(math.isfinite, values)):
            named = zip(means, values, strict=True)
            culprits = [name for name, value in named if not math.isfinite(value)]
            self._raise_not_finite("loss", culprits)

    def check_parameters(self) -> None:
        """Check what the last step has left, which no loss shows any more.

        Raises
        ------
        FloatingPointError
            When a parameter or a buffer of the model is not finite.
        """
        state = self.module_.state_dict().items()
        values = {name: v for name, v in state if isinstance(v, torch.Tensor)}
        culprits = [name for name, v in values.items() if not v.isfinite().all()]
        if culprits:
            self._raise_not_finite("model", culprits)

    def continue_history(self, earlier: History) -> None:
        """Put the epochs of an earlier training before those of this one."""
        for epoch in self.history:
            epoch["epoch"] += len(earlier)
        self.history_ = History([*deepcopy(earlier), *self.history])

    def _raise_not_finite(self, what, culprits):
        raise FloatingPointError(
            f"The {what} is not finite in epoch {len(self.history)}: "
            f"{', '.join(culprits)} overflowed. Try a lower lr "
            f"(now {self.lr:g}), scaling the columns of X, or clipping gradients "
            "with callbacks=[skorch.callbacks.GradientNormClipping(1.0)]."
        )

    def __getstate__(self):
        state = self.__dict__ | dict.fromkeys(ONLY_FOR_TRAINING)
        # skorch's word for a net that refuses to be trained.
        state |= {"callbacks": [], "callbacks_": [], "_trimmed_for_prediction": True}
        tensors = chain(self.module_.parameters(), self.module_.buffers())
        if any(tensor.device.type != "cpu" for tensor in tensors):
            state["module_"] = deepcopy(self.module_).cpu()
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        try:
            device = torch.empty(0, device=self.device).device
        except (RuntimeError, AssertionError):
            device = torch.device("cpu")
        module = self.module_.to(device)
        self.__dict__.update(device=device, module=module, module_=module)

    def _save(self, is_finished):
        """Bring the checkpoint up to date, if there is one and it is time."""
        checkpoint, n_complete = self._checkpoint, len(self.history)
        if checkpoint is None:
            return
        # After the last epoch the training is about to be finished.
        is_due = n_complete % checkpoint.every == 0 and n_complete < self.max_epochs
        if is_finished or is_due:
            state = net_state(self) | {"step": self._step, "is_finished": is_finished}
            if self._regularization:
                state["regularization"] = self._regularization.state()
            checkpoint.save(state)

    def _resume(self, n_epochs) -> int:
        """Go to where the checkpoint is, if any; return how many epochs are left."""
        state = self._checkpoint and self._checkpoint.load()
        if not state:
            return n_epochs
        load_net_state(self, state)
        if self._regularization:
            self._regularization.load_state(state["regularization"])
        self._step = state["step"]
        self._remember_complete_epoch()
        return 0 if state["is_finished"] else n_epochs - len(self.history)

    def _remember_complete_epoch(self):
        # A deep copy of all takes as long as half a step of a small model.
        self._complete = {
            name: value.clone() if isinstance(value, torch.Tensor) else deepcopy(value)
            for name, value in self.module_.state_dict().items()
        }
        self.n_complete_epochs_ = len(self.history)

    def _restore_complete_epoch(self):
        n_complete, self.n_complete_epochs_ = self.n_complete_epochs_, 0
        if not n_complete:
            return
        self.module_.load_state_dict(self._complete)
        del self.history[n_complete:]
        # Only now: a second interrupt on the way leaves no complete epoch.
        self.n_complete_epochs_ = n_complete


def _subsample(rows):
    """Return values, codes and weights of a sample of rows, labelled ones first."""
    labelled = (rows.codes >= 0).any(1).float().cpu()
    priority = labelled + torch.rand(
        len(rows), generator=generator_for(labelled.device)
    )
    index = priority.topk(min(len(rows), SUBSAMPLE)).indices
    batch = rows[index]
    return batch.x, batch.labels.codes, batch.weight
