"""Peak resident memory of a fit on MNIST's shape, above the array and the imports.

    python benchmarks/memory.py

Every row of the table is a process of its own: imports, then one float32 array of
60,000 rows of 784 values with 100 labels, then the task. The last column is the most
memory that the process held, less what it held before the task. The fit of a few rows
shows what torch takes whatever the data, above all modules that it loads late.
"""

import argparse
import json
import resource
import subprocess
import sys

from report import DECISIONS, add_save, report

N_ROWS, N_FEATURES, N_LABELS = 60_000, 784, 100
MIB = 2**20


def fit(X, y, **params):
    """Fit at default settings, for two epochs."""
    from skfmvae import FactorialMixtureVAE

    return FactorialMixtureVAE(max_epochs=2, random_state=0, **params).fit(X, y)


def fit_with_early_stopping(X, y):
    """Fit with every tenth row held out."""
    from skfmvae.training import EarlyStopping

    return fit(X, y, callbacks=[EarlyStopping()])


TASKS = {
    "fit": fit,
    "fit of 512 of the rows": lambda X, y: fit(X[:512], y[:512]),
    "fit in batches of 1024": lambda X, y: fit(X, y, batch_size=1024),
    "fit with early stopping": fit_with_early_stopping,
    "fit, then transform": lambda X, y: fit(X, y).transform(X),
    "fit, then reconstruct (179 MiB)": lambda X, y: fit(X, y).reconstruct(X),
}


def peak():
    """Return the most memory that this process held so far, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB


def measure(task):
    """Return peaks in MiB: after the imports, with the array, and of the task."""
    # Imported here, for a process inherits the peak of the one that starts it.
    import numpy as np
    from common import keep_labels

    import skfmvae  # noqa: F401

    imports = peak()
    # Drawn as float32, so that no copy lifts the peak before the fit does.
    X = np.random.default_rng(0).random((N_ROWS, N_FEATURES), dtype=np.float32)
    y = keep_labels(np.arange(N_ROWS) % 10, N_LABELS, random_state=0)
    with_array = peak()
    TASKS[task](X, y)
    return imports, with_array, peak()


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", choices=TASKS, help="measure it here, print JSON")
    add_save(parser)
    arguments = parser.parse_args()
    if arguments.task:
        print(json.dumps(measure(arguments.task)))
        return
    rows = []
    for task in TASKS:
        command = [sys.executable, __file__, "--task", task]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        imports, with_array, most = json.loads(output.stdout)
        peaks = imports, with_array, most - with_array
        rows.append([task, *(f"{value:.0f}" for value in peaks)])
        print(rows[-1], flush=True)
    report(
        "Memory",
        ["", "imports, MiB", "and array, MiB", "peak above both, MiB"],
        rows,
        f"one fit each to {N_ROWS} rows of {N_FEATURES} values",
        arguments.save,
        DECISIONS / "039-large-data.md",
    )


if __name__ == "__main__":
    main()
