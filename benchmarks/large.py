"""Fits to many rows on disk: time, memory and accuracy, on two threads.

    OMP_NUM_THREADS=2 python benchmarks/large.py

Rows are written to files of float32 and opened as memory maps: 50 columns that mix ten
latents nonlinearly, with noise. Of five classes each has four groups of rows, and 1,000
rows are labelled. Every fit is a process of its own, at default settings. Its memory is
the most that it held apart from pages of files, which the system takes back when it
needs them, less what it held after a fit of 600 rows; mapped pages are listed beside.
The cost of a row is in processor time: of the epochs of the training, of the whole fit
and of `predict`. Accuracy is that on 10,000 other rows, and beside it that of a
logistic regression on the labelled rows.

The second table has maps of 4 GB, in a few hundred steps of each fit: the statistics,
the neighbour graph and calibration run on them in full.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from report import DECISIONS, add_save, report
from skorch.callbacks import Callback

PAGE = DECISIONS / "039-large-data.md"
N_COLUMNS, N_CLASSES, N_GROUPS, N_LATENTS = 50, 5, 20, 10
N_LABELS, N_TEST = 1000, 10_000
ROWS = (10_000, 100_000, 1_000_000)
MAPS = {"float32": 1000, "uint8": 784}  # columns
MAP_BYTES = 4_000_000_000
BLOCK = 10_000  # rows that are made together
MIB = 2**20


def make_rows(n, rng, structure):
    """Return rows and their classes."""
    import numpy as np

    centres, mix = structure
    group = rng.integers(N_GROUPS, size=n)
    z = centres[group] + rng.normal(size=(n, N_LATENTS))
    X = np.tanh(z @ mix[0] / 3) @ mix[1] + 0.3 * rng.normal(size=(n, N_COLUMNS))
    return X.astype(np.float32), group % N_CLASSES


def make_structure(rng):
    """Return what is the same for all rows: centres of groups, and two mixing maps."""
    centres = 2 * rng.normal(size=(N_GROUPS, N_LATENTS))
    mix = rng.normal(size=(N_LATENTS, N_COLUMNS)), rng.normal(size=2 * (N_COLUMNS,))
    return centres, (mix[0], mix[1] / N_COLUMNS**0.5)


def open_rows(path, n):
    """Write rows to a file, and return a map of it, classes and rows to test on."""
    import numpy as np

    rng = np.random.default_rng(0)
    structure = make_structure(rng)
    X = np.memmap(path, np.float32, "w+", shape=(n, N_COLUMNS))
    y = np.empty(n, dtype=np.int64)
    for start in range(0, n, BLOCK):
        block = slice(start, start + BLOCK)
        X[block], y[block] = make_rows(len(y[block]), rng, structure)
    X.flush()
    X = np.memmap(path, np.float32, "r", shape=(n, N_COLUMNS))
    return X, y, *make_rows(N_TEST, rng, structure)


def open_map(path, dtype):
    """Write random rows to a file of 4 GB, and return a map of it."""
    import numpy as np

    rng, n_columns = np.random.default_rng(0), MAPS[dtype]
    n = MAP_BYTES // (n_columns * np.dtype(dtype).itemsize)
    X = np.memmap(path, dtype, "w+", shape=(n, n_columns))
    for start in range(0, n, BLOCK):
        rows = X[start : start + BLOCK]
        rows[:] = 255 * rng.random(rows.shape, dtype=np.float32)
    X.flush()
    return np.memmap(path, dtype, "r", shape=X.shape)


class Peak(threading.Thread):
    """Watches how much memory this process holds."""

    def __init__(self):
        super().__init__(daemon=True)
        self.start_again()

    def start_again(self):
        """Forget the most that was held."""
        self.before = held()
        self.most = dict(self.before)

    def run(self):
        """Look every few milliseconds."""
        while True:
            self.most = {kind: max(n, self.most[kind]) for kind, n in held().items()}
            time.sleep(0.005)

    def above(self, kind):
        """Return the most memory of a kind that was added, in MiB."""
        return self.most[kind] - self.before[kind]


def held():
    """Return what this process holds, in MiB: in memory alone, and pages of files."""
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split(":") for line in status)
    return {kind: int(fields[kind].split()[0]) / 1024 for kind in KINDS}


KINDS = ("RssAnon", "RssFile")


def timed(function, *arguments):
    """Return a result, and seconds by the clock and of processors."""
    start = time.perf_counter(), time.process_time()
    result = function(*arguments)
    seconds = time.perf_counter() - start[0], time.process_time() - start[1]
    return result, *seconds


class ProcessorTime(Callback):
    """Adds up the processor time of epochs."""

    def initialize(self):
        """Start at zero."""
        self.seconds = 0.0

    def on_epoch_begin(self, net, **kwargs):
        """Start the clock."""
        self.start = time.process_time()

    def on_epoch_end(self, net, **kwargs):
        """Stop it."""
        self.seconds += time.process_time() - self.start


def partly(y):
    """Return labels of which 1,000 are left."""
    import numpy as np

    left = np.random.default_rng(1).permutation(len(y))[:N_LABELS]
    partial = np.full(len(y), -1)
    partial[left] = y[left]
    return partial


def warmed_up(Estimator, X, **params):
    """Return a running `Peak`, after a small fit that loads and compiles."""
    model = Estimator(max_epochs=1, random_state=0, **params)
    model.fit(X[:600], [0, 1, 2] * 40 + 480 * [-1]).predict(X[:600])
    peak = Peak()
    peak.start()
    return peak


def fit_rows(name, n):
    """Fit an estimator to rows on disk, and return figures."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    import skfmvae

    Estimator = getattr(skfmvae, name)
    with tempfile.NamedTemporaryFile() as file:
        X, y, X_test, y_test = open_rows(file.name, n)
        partial = partly(y)
        peak, epochs = warmed_up(Estimator, X), ProcessorTime()
        model = Estimator(random_state=0, callbacks=[epochs])
        _, seconds, in_all = timed(model.fit, X, partial)
        _, _, predict = timed(model.predict, X)
        known = np.flatnonzero(partial >= 0)
        linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        linear.fit(X[known], partial[known])
        return {
            "epochs": model.n_iter_,
            "seconds": seconds,
            "of a row and epoch": epochs.seconds / n / model.n_iter_,
            "of a row in all": in_all / n,
            "predict": predict / n,
            **{kind: peak.above(kind) for kind in KINDS},
            "accuracy": model.score(X_test, y_test),
            "linear": linear.score(X_test, y_test),
        }


def fit_map(name, dtype, n_steps):
    """Fit an estimator to a large map for some steps, and return figures."""
    import numpy as np

    import skfmvae
    from skfmvae.nn import Bernoulli
    from skfmvae.training.rows import BatchIterator

    Estimator = getattr(skfmvae, name)
    params = {"likelihood": Bernoulli(scale=255)} if dtype == "uint8" else {}
    whole = BatchIterator.__iter__

    def some(batches):
        for number, batch in enumerate(whole(batches)):
            if number == n_steps:
                return
            yield batch

    with tempfile.NamedTemporaryFile() as file:
        X = open_map(file.name, dtype)
        peak = warmed_up(Estimator, X, **params)
        BatchIterator.__iter__ = some
        y = np.full(len(X), -1)
        y[:N_LABELS] = np.arange(N_LABELS) % 4
        start = time.perf_counter()
        model = Estimator(max_epochs=1, random_state=0, **params).fit(X, y)
        found = {"fit, s": time.perf_counter() - start, "fit": peak.above("RssAnon")}
        for method in ("predict", "transform"):
            peak.start_again()
            result = getattr(model, method)(X)
            found[method] = max(peak.above("RssAnon") - result.nbytes / MIB, 0)
            found["RssFile"] = peak.above("RssFile")
        return found


def measured(*arguments):
    """Return the figures of a task, which runs in a process of its own."""
    command = [sys.executable, __file__, *map(str, arguments)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(output.stdout.splitlines()[-1])
    print(*arguments, found, file=sys.stderr, flush=True)
    return found


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--estimators", nargs="+", default=["SemiSupervisedVAE"])
    parser.add_argument("--rows", nargs="*", type=int, default=ROWS)
    parser.add_argument("--maps", nargs="*", choices=MAPS, default=list(MAPS))
    parser.add_argument("--steps", type=int, default=200, help="of fits to the maps")
    parser.add_argument("--task", nargs=2, metavar=("NAME", "DATA"), help="print JSON")
    add_save(parser)
    arguments = parser.parse_args()
    if arguments.task:
        name, data = arguments.task
        is_map = data in MAPS
        found = fit_map(name, data, arguments.steps) if is_map else None
        print(json.dumps(found or fit_rows(name, int(data))))
        return
    forms = {
        "epochs": ".0f",
        "seconds": ".0f",
        "of a row and epoch": ".0f",
        "of a row in all": ".0f",
        "predict": ".0f",
        "RssAnon": ".0f",
        "RssFile": ".0f",
        "accuracy": ".3f",
        "linear": ".3f",
    }
    rows = []
    for name in arguments.estimators:
        for n in arguments.rows:
            found = measured("--task", name, n)
            for key in ("of a row and epoch", "of a row in all", "predict"):
                found[key] *= 1e6
            cells = [f"{found[key]:{form}}" for key, form in forms.items()]
            rows.append([name, f"{n:,}", *cells])
    if rows:
        report(
            "Many rows on disk",
            [
                *("", "rows", "epochs", "fit, s", "a row and epoch, µs"),
                *("a row in all, µs", "predict, µs", "memory, MiB", "mapped, MiB"),
                *("accuracy", "logistic regression"),
            ],
            rows,
            f"one fit each, {N_LABELS} labels",
            arguments.save,
            PAGE,
        )
    rows = []
    for name in arguments.estimators:
        for dtype in arguments.maps:
            found = measured("--task", name, dtype, "--steps", arguments.steps)
            keys = ("fit, s", "fit", "predict", "transform", "RssFile")
            rows.append([name, dtype, *(f"{found[key]:.0f}" for key in keys)])
    if rows:
        report(
            "Memory with maps of 4 GB",
            [
                *("", "values", "fit, s", "fit, MiB", "predict, MiB above its result"),
                *("transform, MiB above its result", "mapped, MiB"),
            ],
            rows,
            f"one fit each, {arguments.steps} steps of each training",
            arguments.save,
            PAGE,
        )


if __name__ == "__main__":
    main()
