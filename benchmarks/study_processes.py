"""Time of a study on 1 and 2 processes, and the bytes that Dask moves for it.

    python benchmarks/study_processes.py

The study fits a FactorialMixtureVAE and a logistic regression to digits with few
labels. Its processes are this one, joblib's, or workers of a Dask cluster on this
machine; with a single Dask worker joblib would compute in this process. A study before
has them import the package, and the best time of all rounds counts. The last rows have
the times where nothing limits threads, neither a study nor training, so that each
process has as many as there are cores and two processes fight over them.

The second table has what goes over the loopback interface, whatever it be, while quick
fits to large data run on two Dask workers.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import torch
from common import digits
from distributed import Client
from joblib import parallel_config
from report import DECISIONS, add_save, report
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from skfmvae import FactorialMixtureVAE
from skfmvae.model_selection import label_efficiency_curve

DASK = "distributed.cli.dask_"
MB = 1e6


def study(n_epochs, n_jobs=None):
    """Return the scores of 16 fits, and the seconds they took."""
    models = {
        "VAE": FactorialMixtureVAE(max_epochs=n_epochs),
        "logistic": LogisticRegression(max_iter=1000),
    }
    settings = {"budgets": [50, 200], "cv": 4, "random_state": 0, "n_jobs": n_jobs}
    start = time.perf_counter()
    results = label_efficiency_curve(models, *digits(), **settings)
    return results["test_score"].to_numpy(), time.perf_counter() - start


def lift_limits():
    """Let studies and training of this process use all threads."""
    from skfmvae._utils import threads
    from skfmvae.model_selection import parallel, tasks

    parallel.one_thread = tasks.one_thread = contextlib.nullcontext
    threads.SMALL_STEP = 0
    torch.set_num_threads(os.cpu_count())


@contextlib.contextmanager
def cluster(n_workers):
    """Yield the client of a cluster of processes with one task at a time each."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        file = Path(folder) / "scheduler.json"
        roles = [["scheduler", "--port", "0"]]
        roles += [["worker", "--nthreads", "1", "--no-nanny"]] * n_workers
        for role, *options in roles:
            options += ["--scheduler-file", file, "--no-dashboard"]
            options += ["--host", "127.0.0.1"]
            process = subprocess.Popen(
                [sys.executable, "-m", DASK + role, *options],
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
        with Client(scheduler_file=str(file)) as client:
            client.wait_for_workers(n_workers)
            yield client


def best(n_epochs, n_rounds, n_jobs=None):
    """Return the scores and the best time."""
    rounds = [study(n_epochs, n_jobs) for _ in range(n_rounds)]
    return rounds[0][0], min(seconds for _, seconds in rounds)


def times(*arguments):
    """Yield a name, the scores and the seconds for each kind of processes."""
    study(1)
    yield "1, this one", *best(*arguments)
    study(1, n_jobs=2)
    yield "2 of joblib", *best(*arguments, n_jobs=2)
    with cluster(2) as client, parallel_config("dask"):
        study(1)
        yield "2 Dask workers", *best(*arguments)
        client.run(lift_limits)
        yield "2 Dask workers, all threads", *best(*arguments)
    lift_limits()
    yield "1, this one, all threads", *best(*arguments)


def moved(n_features, n_repeats):
    """Return the bytes of the data, the number of fits, and the bytes moved."""
    X = np.random.default_rng(0).random((500, n_features))
    y = np.arange(500) % 2
    before = psutil.net_io_counters(pernic=True)["lo"].bytes_sent
    results = label_efficiency_curve(
        {"dummy": DummyClassifier()}, X, y, budgets=[20], cv=2, n_repeats=n_repeats
    )
    after = psutil.net_io_counters(pernic=True)["lo"].bytes_sent
    return X.nbytes, len(results), after - before


def main():
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    add_save(parser)
    arguments = parser.parse_args()
    page = DECISIONS / "031-threads.md"
    rows, expected = [], None
    for name, scores, seconds in times(arguments.epochs, arguments.rounds):
        expected = scores if expected is None else expected
        same = "the same" if (scores == expected).all() else "differ"
        rows.append([name, f"{seconds:.1f}", same])
        print(rows[-1], flush=True)
    report(
        "Studies on several processes",
        ["processes", "s", "scores"],
        rows,
        f"16 fits, the best of {arguments.rounds} rounds",
        arguments.save,
        page,
    )
    rows = []
    with cluster(2), parallel_config("dask"):
        study(1)
        for n_features, n_repeats in [(5_000, 5), (5_000, 50), (50_000, 5)]:
            size, n_fits, n_bytes = moved(n_features, n_repeats)
            rows.append([f"{size / MB:.0f}", str(n_fits), f"{n_bytes / MB:.0f}"])
    report(
        "Data moved by Dask",
        ["data, MB", "fits", "moved to two workers, MB"],
        rows,
        "one study each",
        arguments.save,
        page,
    )


if __name__ == "__main__":
    main()
