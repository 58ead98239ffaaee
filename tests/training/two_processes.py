"""Fit in one process, then in two that it forks, and pickle what each of them finds.

    python tests/training/two_processes.py FOLDER

Forks come from a fresh interpreter of one thread, which spares them its imports.
"""

import contextlib
import io
import os
import pickle
import socket
import sys
import traceback
import warnings
from pathlib import Path

import numpy as np
import torch
from sklearn.base import clone
from skorch.callbacks import Callback

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.estimators import Levels
from skfmvae.nn import MLP, Conv
from skfmvae.training import EarlyStopping

# Ten steps. AdamW divides by the size of gradients, so that one which is zero but for
# rounding moves weights as far as others: it multiplies differences, SGD does not.
SETTINGS = {
    "max_epochs": 2,
    "batch_size": 64,
    "optimizer": "sgd",
    "random_state": 0,
}
PLAIN = {**SETTINGS, "neighbours": None, "adversarial": None, "calibrate": False}
IMAGES = {"encoder": Conv((4, 8)), "decoder": Conv((4, 8)), "levels": Levels([1], 2)}
TWO_STEPS = {**PLAIN, "optimizer": "adamw", "batch_size": 160, "max_epochs": 1}
FITS = {
    "mixture": FactorialMixtureVAE(**SETTINGS),
    "semi-supervised": SemiSupervisedVAE(calibrate=False, **SETTINGS),
    "semafo": SemafoVAE(calibrate=False, **SETTINGS),
    "gaps": SemiSupervisedVAE(callbacks=[EarlyStopping()], **PLAIN),
    "images": SemafoVAE(**IMAGES, **PLAIN),
    "adamw": FactorialMixtureVAE(**TWO_STEPS),
    "bfloat16": SemafoVAE(encoder=MLP(precision="bfloat16"), **TWO_STEPS),
}
NOT_THE_SAME = {
    "seedless": FactorialMixtureVAE(**PLAIN).set_params(random_state=None),
    "dropout": SemiSupervisedVAE(decoder=MLP(dropout=0.5), **PLAIN),
}


def data(name):
    """Return 320 rows around three centres, a fifth of them with a label."""
    rng = np.random.default_rng(0)
    y = np.arange(320) % 3
    X = 2 * rng.normal(size=(3, 16))[y] + rng.normal(size=(320, 16))
    if name == "gaps":
        X[rng.random(X.shape) < 0.1] = np.nan
    return X, np.where(np.arange(320) < 64, y, -1)


def found_by(estimator, X, y):
    """Return the history of a fit, its predictions and what hidden labels said."""
    estimator.fit(X, y)
    history = [
        {name: value for name, value in epoch.items() if isinstance(value, float)}
        for epoch in estimator.net_.history
    ]
    for epoch in history:
        del epoch["dur"]
    temperature = estimator.judgement_.temperature["property_0"]
    return history, estimator.predict_proba(X), temperature, estimator.n_iter_


def error_of(estimator, X, y):
    """Return the message of the error that `fit` raises."""
    try:
        estimator.fit(X, y)
    except (ValueError, RuntimeError) as error:
        return type(error).__name__, str(error), hasattr(estimator, "net_")
    return None


class Death(Callback):
    """End the process in the second epoch."""

    def on_epoch_begin(self, net, **kwargs):
        """Leave at once, as a process does that the system kills."""
        if len(net.history) == 2:
            os._exit(1)


class Beginning(Callback):
    """Note the epoch that a fit begins with."""

    def on_train_begin(self, net, **kwargs):
        """Forget the last fit."""
        self.first = None

    def on_epoch_begin(self, net, **kwargs):
        """Note the first one."""
        self.first = self.first or len(net.history)


def fit_shared(rank, folder):
    """Fit as one of two processes, of which the second dies."""
    fits = FITS | NOT_THE_SAME
    found = {name: found_by(estimator, *data(name)) for name, estimator in fits.items()}
    X, y = data("")
    plain = FactorialMixtureVAE(**PLAIN)
    found["other data"] = error_of(plain, X + rank, y)
    found["other labels"] = error_of(plain, X, np.roll(y, rank))
    other = FactorialMixtureVAE(**PLAIN).set_params(lr=0.01 + rank)
    found["other parameters"] = error_of(other, X, y)
    with contextlib.redirect_stderr(io.StringIO()) as shown:
        FactorialMixtureVAE(verbose=1, **PLAIN).fit(X, y)
    found["shown"] = shown.getvalue()
    save(found, folder, f"rank_{rank}")
    dying = clone(NOT_THE_SAME["dropout"]).set_params(checkpoint=folder / "checkpoint")
    dying.set_params(callbacks=[Beginning(), *[Death()] * rank])
    save(error_of(dying, X, y), folder, "survivor")


def go_on(rank, folder):
    """Go on from the checkpoint as one of two processes."""
    again = clone(NOT_THE_SAME["dropout"]).set_params(checkpoint=folder / "checkpoint")
    began = Beginning()
    again.set_params(callbacks=[began])
    found = found_by(again, *data(""))
    save((found, began.first), folder, f"again_{rank}")


def save(found, folder, name):
    """Pickle what was found."""
    (folder / f"{name}.pickle").write_bytes(pickle.dumps(found))


def main(folder):
    """Save what one process found, each of two, the survivor, and two that go on."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # too short a fit for unlabelled rows to help
    found = {name: found_by(estimator, *data(name)) for name, estimator in FITS.items()}
    save(found, folder, "one")
    for part in (fit_shared, go_on):
        on_two_processes(part, folder)


def on_two_processes(function, folder):
    """Call a function in two processes with the variables that torchrun sets."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    children = []
    for rank in range(2):
        child = os.fork()
        if not child:
            os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2"}
            try:
                function(rank, folder)
            except BaseException:
                traceback.print_exc()
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
