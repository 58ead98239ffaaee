"""Rows per second of one fit on one process and on two, of one thread each.

    OMP_NUM_THREADS=1 python benchmarks/distributed.py

Rows have the shape of MNIST's, and ten centres. Both kinds of fit take turns, and the
median of the epochs after the first one of each counts. The graph is left out: every
process builds the whole of it, before the first epoch. The ratio of the time for which
the processor worked on the first process does not depend on others that run meanwhile,
nor on waiting for the second.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from report import DECISIONS, add_save, report
from skorch.callbacks import Callback
from step_time import rows_and_labels

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.nn import MLP, Conv
from skfmvae.training import BatchSize

PAGE = DECISIONS / "039-several-processes.md"
PLAIN = {"neighbours": None, "adversarial": None, "calibrate": False}
STEPS = {"neighbours": None, "calibrate": False}
CONV = {"encoder": Conv(), "decoder": Conv()}
WIDE = {"encoder": MLP((1024, 1024)), "decoder": MLP((1024, 1024))}
# Name, estimator, parameters, rows in a batch and in an epoch.
FITS = {
    "dense": (FactorialMixtureVAE, PLAIN, 512, 60_000),
    "dense, 2048 rows": (FactorialMixtureVAE, PLAIN, 2048, 60_000),
    "dense, adversarial steps, 2048": (FactorialMixtureVAE, STEPS, 2048, 20_000),
    "dense, 1024 units, 2048": (FactorialMixtureVAE, PLAIN | WIDE, 2048, 20_000),
    "dense, `SemiSupervisedVAE`": (SemiSupervisedVAE, PLAIN, 512, 10_000),
    "dense, `SemafoVAE`, 2048": (SemafoVAE, PLAIN, 2048, 20_000),
    "convolutions": (FactorialMixtureVAE, PLAIN | CONV, 512, 4_000),
    "convolutions, adversarial steps": (FactorialMixtureVAE, STEPS | CONV, 512, 2_000),
}


class ProcessorTime(Callback):
    """Note the processor time of every epoch, in which no other process matters."""

    def on_train_begin(self, net, **kwargs):
        """Begin a list."""
        self.seconds = []

    def on_epoch_begin(self, net, **kwargs):
        """Start."""
        self.start = time.process_time()

    def on_epoch_end(self, net, **kwargs):
        """Note it."""
        self.seconds.append(time.process_time() - self.start)


def fit(name, n_epochs, path):
    """Fit in this process, alone or with others, and write the seconds of epochs."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    kind, parameters, batch_size, n_rows = FITS[name]
    X, y = rows_and_labels(n_rows)
    timer = ProcessorTime()
    estimator = kind(
        callbacks=[timer],
        batch_size=BatchSize(batch_size),
        max_epochs=n_epochs + 1,
        random_state=0,
        **parameters,
    )
    estimator.fit(X, y)
    if os.environ.get("RANK", "0") == "0":
        history = estimator.net_.history
        result = {"seconds": history[1:, "dur"], "processor": timer.seconds[1:]}
        result["loss"] = history[-1, "train_loss"]
        Path(path).write_text(json.dumps(result), encoding="utf-8")


def measure(n_processes, name, n_epochs):
    """Return the seconds of epochs, and the loss of the last, of a fit."""
    torchrun = "-m torch.distributed.run --standalone --nproc-per-node".split()
    launcher = [*torchrun, str(n_processes)] if n_processes > 1 else []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        own = [__file__, "--fit", name, str(n_epochs), str(path)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, *launcher, *own], check=True, env=environment)
        return json.loads(path.read_text(encoding="utf-8"))


def main():
    """Print the table, or fit as one of its processes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="", help="fits whose name begins so")
    parser.add_argument("--fit", nargs=3, help=argparse.SUPPRESS)
    add_save(parser)
    args = parser.parse_args()
    if args.fit:
        name, n_epochs, path = args.fit
        fit(name, int(n_epochs), path)
        return
    rows = []
    for name, (*_, n_rows) in FITS.items():
        if not name.startswith(args.only):
            continue
        seconds, processor, loss = {1: [], 2: []}, {1: [], 2: []}, {}
        for _ in range(args.rounds):
            for n in seconds:
                found = measure(n, name, args.epochs)
                seconds[n] += found["seconds"]
                processor[n] += found["processor"]
                loss[n] = found["loss"]
        speed = {n: n_rows / np.median(times) for n, times in seconds.items()}
        busy = {n: np.median(times) for n, times in processor.items()}
        rows.append(
            [name, f"{speed[1]:.0f}", f"{speed[2]:.0f}", f"{speed[2] / speed[1]:.2f}"]
            + [f"{busy[1] / busy[2]:.2f}", f"{loss[1]:.4f}, {loss[2]:.4f}"]
        )
        print(rows[-1], flush=True)
    report(
        "Rows per second of one fit on two processes",
        [
            "networks",
            "one process",
            "two",
            "ratio",
            "ratio of processor time",
            "losses of the last epoch",
        ],
        rows,
        "batches of 512 rows unless they say otherwise, median of "
        f"{args.rounds} rounds of {args.epochs} epochs",
        args.save,
        PAGE,
    )


if __name__ == "__main__":
    main()
