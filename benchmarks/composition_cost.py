"""Time of a training step by the number of properties: linear, or a combination each.

    OMP_NUM_THREADS=1 python benchmarks/composition_cost.py

The flat mixture has a component for each combination, in one subspace of as many
dimensions. Networks and subspaces have their default sizes, and all rows all labels.
"""

import argparse

import numpy as np
import torch
from report import DECISIONS, add_save, report

from skfmvae import FactorialMixtureVAE
from skfmvae.estimators import Mixture

N_PROPERTIES = (5, 10, 20)
N_VALUES = 4
MOST_COMBINATIONS = 5000  # components of a flat mixture whose time is taken
N_ROWS, N_COLUMNS = 4096, 256
BATCH_SIZE = 128


def step_time(y, **settings):
    """Return the milliseconds of a training step in the fastest of five epochs.

    Other work can only lengthen an epoch. The first one does not count.
    """
    rng = np.random.default_rng(0)
    X = rng.random((N_ROWS, N_COLUMNS), dtype=np.float32)
    estimator = FactorialMixtureVAE(
        **settings,
        neighbours=None,
        adversarial=None,
        mixture=Mixture(warmup=0.0),
        batch_size=BATCH_SIZE,
        max_epochs=6,
        random_state=0,
    ).fit(X, y)
    least = min(estimator.net_.history[1:, "dur"])
    return 1000 * least / (N_ROWS // BATCH_SIZE)


def times():
    """Return milliseconds of a step, by number of properties, of both mixtures."""
    rng = np.random.default_rng(0)
    factorial, flat = {}, {}
    for n in N_PROPERTIES:
        y = rng.integers(N_VALUES, size=(N_ROWS, n))
        factorial[n] = step_time(y, property_components=N_VALUES)
        if N_VALUES**n <= MOST_COMBINATIONS:
            flat[n] = step_time(
                np.ravel_multi_index(y.T, (N_VALUES,) * n),
                property_components=N_VALUES**n,
                property_dim=n * FactorialMixtureVAE().property_dim,
            )
    return factorial, flat


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_save(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    factorial, flat = times()
    fewest = N_PROPERTIES[0]
    table = []
    for n, ms in factorial.items():
        growth = ms / factorial[fewest]
        flat_ms = f"{flat[n]:.1f}" if n in flat else "--"
        row = [str(n), str(N_VALUES * n), f"{ms:.1f}", f"{growth:.2f}"]
        row += [f"{growth * fewest / n:.2f}", f"{N_VALUES**n:,}", flat_ms]
        table.append(row)
    report(
        "Time of a step by the number of properties",
        [f"properties of {N_VALUES} values", "components", "ms a step"]
        + [f"times that of {fewest}", "by linear growth"]
        + ["flat mixture: components", "ms a step"],
        table,
        f"{N_ROWS} rows of {N_COLUMNS} values, batches of {BATCH_SIZE}, the fastest of "
        "five epochs",
        arguments.save,
        DECISIONS / "033-joint-properties.md",
    )


if __name__ == "__main__":
    main()
