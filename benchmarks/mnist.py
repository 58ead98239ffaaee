"""Error on MNIST: 60,000 rows, 100 labels, dense networks, no augmentation.

    python benchmarks/mnist.py             # test rows: the table of RESULTS.md
    python benchmarks/mnist.py --held-out  # 10,000 rows held out of the training rows

Settings are chosen with ``--held-out``, which never looks at the test rows.
"""

import argparse
import time

import numpy as np
from common import keep_labels, machine, mnist
from sklearn.model_selection import train_test_split

from skfmvae import FactorialMixtureVAE
from skfmvae.metrics import expected_calibration_error
from skfmvae.nn import MLP

SETTINGS = {
    "encoder": MLP(hidden=(800, 400)),
    "decoder": MLP(hidden=(400,)),
    "style_dim": 32,
    "batch_size": 256,
    "labelled_batch_size": 64,
    "lr": 2e-3,
    "max_epochs": 24,
}


def main():
    """Print a row per draw of the labels, then mean and standard deviation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--draws", type=int, default=5)
    arguments = parser.parse_args()
    X, y, X_test, y_test = mnist()
    if arguments.held_out:
        X, X_test, y, y_test = train_test_split(
            X, y, test_size=10_000, stratify=y, random_state=0
        )
    # Other labels are drawn to choose settings than to report.
    first = 1000 if arguments.held_out else 0
    print(f"{machine()}\n")
    print("| draw | error, % | error on unlabelled rows, % | calibration, % | s |")
    print("|---|---|---|---|---|")
    results = []
    for draw in range(first, first + arguments.draws):
        partial = keep_labels(y, arguments.labels, random_state=draw)
        start = time.perf_counter()
        estimator = FactorialMixtureVAE(random_state=draw, **SETTINGS)
        estimator.fit(X, partial)
        seconds = time.perf_counter() - start
        proba = estimator.predict_proba(X_test)
        wrong = estimator.classes_[proba.argmax(axis=1)] != y_test
        transductive = (estimator.predict(X) != y)[partial < 0]
        calibration = expected_calibration_error(
            y_test, proba, labels=estimator.classes_
        )
        shares = wrong.mean(), transductive.mean(), calibration
        results.append([*(100 * share for share in shares), seconds])
        print_row(draw, results[-1])
    print_row("mean", np.mean(results, axis=0))
    print_row("sd", np.std(results, axis=0))


def print_row(name, values):
    """Print a row of the table."""
    *percentages, seconds = values
    cells = " | ".join(f"{value:.2f}" for value in percentages)
    print(f"| {name} | {cells} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
