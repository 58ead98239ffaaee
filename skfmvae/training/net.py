"""The skorch net that trains every model."""

from __future__ import annotations

import math
import warnings
from copy import deepcopy
from functools import partial
from itertools import chain

import torch
from sklearn.exceptions import ConvergenceWarning
from skorch import NeuralNet

from skfmvae._random import generator_for, redirected_draws

from .aid_terms import AidTerms
from .objective import Objective
from .rows import BatchIterator
from .threads import threads_worth_their_wait

__all__ = ["ModelNet"]

N_ROWS_TO_LOOK_AT = 10_000

# What a copy of a net goes without: the second name of its module, rows, and the
# optimiser, which is twice as large as the module.
ONLY_FOR_TRAINING = ("module", "train_split", "optimizer_", "_aid_terms", "_complete")


class ModelNet(NeuralNet):
    """Train a :class:`~skfmvae.models.base.Model` on :class:`~skfmvae.training.Rows`.

    ``fit(rows)`` runs skorch's loop; what differs is that a batch gives named terms,
    that the model learns its global parameters after each step, and that an
    interrupted fit goes back to the last complete epoch. The history holds the mean
    of every term, in nats per row, as ``train_<term>`` and ``valid_<term>``, and the
    divergence of the global parameters, spread over the rows, as ``kl_globals``.

    A pickle or a copy holds the model once and the history, but not what only training
    needs: it predicts, and trains no further. It is loaded to the device of the net,
    or to the CPU where there is no such device.

    Parameters
    ----------
    module : Model
    criterion : type, default=Objective
    iterator_train, iterator_valid : type, default=BatchIterator
    iterator_train__shuffle : bool, default=True
    train_split : callable or None, default=None
    aids : sequence of Aid, default=()
        What else to learn from unlabelled rows; the terms are recorded by their names.
    **kwargs
        As for :class:`skorch.NeuralNet`.

    Raises
    ------
    FloatingPointError
        When the loss stops being finite.
    """

    _aid_terms: AidTerms | None = None  # only while fitting

    def __init__(
        self,
        module,
        criterion=Objective,
        *,
        iterator_train=BatchIterator,
        iterator_valid=BatchIterator,
        iterator_train__shuffle=True,
        train_split=None,
        aids=(),
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
        self.aids = aids

    def n_steps(self, rows) -> int:
        """Return the number of steps that fitting these rows will take."""
        return self.max_epochs * len(self.get_iterator(rows, training=True))

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """Run the epochs; on interruption keep the last complete one."""
        self._n_samples = len(X)
        self._n_steps = self.n_steps(X)
        self._step = 0
        self.n_complete_epochs_ = 0
        self._aid_terms = AidTerms(self.aids, self.module_, X)
        X = self._aid_terms.rows
        try:
            with threads_worth_their_wait(self.module_, self.batch_size):
                return super().fit_loop(X, y, epochs=epochs, **fit_params)
        except KeyboardInterrupt:
            # skorch swallows it; with no complete epoch the caller must raise it anew.
            # Between epochs it is how callbacks such as skorch's EarlyStopping stop.
            in_an_epoch = len(self.history) > self.n_complete_epochs_
            if self.n_complete_epochs_ and in_an_epoch:
                self._restore_complete_epoch()
                warnings.warn(
                    "Fitting was interrupted: the model is that of epoch "
                    f"{self.n_complete_epochs_}, the last complete one.",
                    ConvergenceWarning,
                    stacklevel=2,
                )
            raise
        finally:
            self._complete = None
            self._aid_terms = None

    def notify(self, method_name, **kwargs):
        """Call the callbacks; they draw from the fit's own generators, too."""
        with redirected_draws():
            super().notify(method_name, **kwargs)

    def on_epoch_begin(self, net, dataset_train=None, **kwargs):
        """Let the model look at rows and start the means of the terms afresh."""
        super().on_epoch_begin(net, dataset_train=dataset_train, **kwargs)
        look_at_rows = partial(_look_at, dataset_train)
        is_last = len(self.history) == self.max_epochs
        self.module_.begin_epoch(self._progress, self._n_samples, look_at_rows, is_last)
        if self._aid_terms:
            self._aid_terms.begin_epoch(self._progress)
        self._term_sums: dict[str, dict[str, float]] = {"train": {}, "valid": {}}

    def on_epoch_end(self, net, **kwargs):
        """Record the means of the terms and remember the epoch as complete."""
        for prefix, sums in self._term_sums.items():
            n_batches = self.history[-1].get(f"{prefix}_batch_count", 0)
            for name, value in sums.items():
                self.history.record(f"{prefix}_{name}", value / n_batches)
        self.history.record("kl_globals", self.module_.global_kl() / self._n_samples)
        # A deep copy of all takes as long as half a step of a small model.
        self._complete = {
            name: value.clone() if isinstance(value, torch.Tensor) else deepcopy(value)
            for name, value in self.module_.state_dict().items()
        }
        self.n_complete_epochs_ = len(self.history)

    def train_step(self, batch, **fit_params):
        """Take one step of the optimiser, then of the global parameters."""
        step = super().train_step(batch, **fit_params)
        latents = step["evaluation"].latents
        self.module_.update_globals(latents, batch.weight, self._n_samples)
        self._step += 1
        return step

    def train_step_single(self, batch, **fit_params):
        """Compute the loss of a batch and its gradient."""
        if not self.module_.training:
            self._set_training(True)
        step = self._evaluate(batch, "train", self._progress)
        if self._aid_terms:
            log_proba = step["evaluation"].log_proba
            means, loss = self._aid_terms(batch, log_proba, self._progress)
            self._record("train", means)
            step["loss"] = step["loss"] + loss
        step["loss"].backward()
        return step

    def validation_step(self, batch, **fit_params):
        """Compute the loss of held-out rows, the divergences at full weight."""
        self._set_training(False)
        with torch.no_grad():
            return self._evaluate(batch, "valid", progress=1.0)

    @property
    def _progress(self) -> float:
        return self._step / self._n_steps

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
            self._raise_not_finite(dict(zip(means, values, strict=True)))

    def _raise_not_finite(self, means):
        culprits = [name for name, value in means.items() if not math.isfinite(value)]
        raise FloatingPointError(
            f"The loss is not finite in epoch {len(self.history)}: "
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

    def _restore_complete_epoch(self):
        self.module_.load_state_dict(self._complete)
        while len(self.history) > self.n_complete_epochs_:
            self.history.pop()


def _look_at(rows):
    """Return values, codes and weights of at most so many rows, labelled ones first."""
    labelled = (rows.codes >= 0).any(1).float().cpu()
    priority = labelled + torch.rand(
        len(rows), generator=generator_for(labelled.device)
    )
    index = priority.topk(min(len(rows), N_ROWS_TO_LOOK_AT)).indices
    batch = rows[index]
    return batch.x, batch.labels.codes, batch.weight
