"""Fits that are killed at many moments, for test_resuming.py.

Run as ``python killed_fits.py FOLDER STAGE``, it ends by SIGKILL. Most fits of stage 0
are in forked processes, so that PyTorch is imported once.
"""

import json
import os
import signal
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import skfmvae
from skfmvae.nn import MLP
from skfmvae.training import ModelNet, regularization
from skfmvae.training.checkpoint import CheckpointFile

N_EPOCHS = 6
# Where a fit is killed, in the order of training: before the graph, in a batch of an
# epoch, or in the writing after an epoch.
MOMENTS = [
    ("graph",),
    ("batch", "main", 1, 0),
    ("batch", "main", 1, 3),
    ("fsync", "main", 1),
    ("replace", "main", 1),
    ("written", "main", 1),
    ("batch", "main", 3, 2),
    ("fsync", "main", 3),
    ("batch", "main", 4, 0),
    ("batch", "main", 5, 1),
    ("replace", "main", 5),
    ("batch", "main", 6, 3),
    ("fsync", "main", 6),
    ("written", "main", 6),
    ("batch", "refit-0", 1, 0),
    ("replace", "refit-0", 1),
    ("batch", "refit-0", 3, 1),
    ("written", "refit-0", 3),
    ("batch", "refit-1", 1, 2),
    ("fsync", "refit-1", 1),
]
LAST_MOMENTS = [("batch", "refit-1", 2, 1), ("clear",)]
FEWER = [
    ("batch", "main", 2, 1),
    ("batch", "main", 5, 2),
    ("batch", "refit-0", 1, 1),
    ("batch", "refit-1", 3, 1),
]


def data():
    X, y = load_digits(return_X_y=True)
    X, y = (X[:160] / 16).astype(np.float32), y[:160] % 3
    return X, np.where(np.arange(160) < 60, y, -1)


def make(name, folder=None):
    return getattr(skfmvae, name)(
        encoder=MLP((16,)),
        decoder=MLP((16,)),
        batch_size=40,
        max_epochs=N_EPOCHS,
        checkpoint=folder,
        random_state=0,
    )


def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(moment):
    """Let this process be killed when a fit comes to a moment."""
    kind, *where = moment
    if kind == "graph":
        regularization.build_neighbour_graph = die
    elif kind == "batch":
        step = ModelNet.train_step

        def killed_step(net, batch):
            done = step(net, batch)
            n_batches = len(net.history[-1, "batches"]) - 1
            if [net._checkpoint.path.stem, len(net.history), n_batches] == where:
                die()
            return done

        ModelNet.train_step = killed_step
    elif kind == "clear":
        remove = CheckpointFile.remove

        def killed_remove(file):
            remove(file)
            die()

        CheckpointFile.remove = killed_remove
    else:
        save = CheckpointFile.save

        def killed_save(file, state):
            is_now = [file.path.stem, len(state["history"])] == where
            if is_now and kind != "written":
                setattr(os, kind, die)  # what writing calls, fsync or replace
            save(file, state)
            if is_now:
                die()

        CheckpointFile.save = killed_save


def killed_in_fork(name, folder, moment):
    """Return by which signal a fit in another process has ended."""
    process = os.fork()
    if not process:
        try:
            kill_at(moment)
            make(name, folder).fit(*data())
        finally:
            os._exit(0)
    return -os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def main():
    folder, stage = Path(sys.argv[1]), int(sys.argv[2])
    warnings.simplefilter("ignore")
    first, *others = skfmvae.__all__
    signals = []
    if stage == 0:
        make(first).set_params(max_epochs=1, calibrate=False).fit(*data())  # imports
        signals = [killed_in_fork(first, folder / first, m) for m in MOMENTS]
        for name in others:
            signals += [killed_in_fork(name, folder / name, m) for m in FEWER]
    print(json.dumps(signals), flush=True)
    kill_at(LAST_MOMENTS[stage])
    make(first, folder / first).fit(*data())


if __name__ == "__main__":
    main()
