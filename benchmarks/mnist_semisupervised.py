"""Error on MNIST of M2 with one hidden layer, by the plain objective alone.

    python benchmarks/mnist_semisupervised.py             # test rows: see RESULTS.md
    python benchmarks/mnist_semisupervised.py --held-out  # rows held out of training

The networks have the sizes of those in Pyro's tutorial on semi-supervised learning: one
hidden layer of 500 units for each of ``q(y|x)``, ``q(z|x,y)`` and ``p(x|y,z)``, and 50
latents. There is no augmentation and no regularizer.
Settings are chosen with ``--held-out``, which never looks at the test rows.
"""

import argparse
import time

import numpy as np
import torch
from common import keep_labels, machine, mnist
from joblib import Parallel, delayed
from sklearn.model_selection import train_test_split

from skfmvae import SemiSupervisedVAE
from skfmvae.estimators import Inference
from skfmvae.nn import MLP
from skfmvae.training import KL

# Labels, and the weight of the classification term, of which few can bear more.
LABEL_WEIGHTS = {100: 0.3, 600: 0.1, 1000: 0.1, 3000: 0.05}
SETTINGS = {
    "encoder": MLP(hidden=(500,), precision="auto"),
    "decoder": MLP(hidden=(500,), norm=None, precision="auto"),
    "style_dim": 50,
    "inference": Inference(prediction="joint"),
    "kl": KL(start=6.0),
    "batch_size": 200,
    "labelled_batch_size": 32,
    "lr": 5e-3,
    "max_epochs": 60,
    "neighbours": None,
    "adversarial": None,
}


def run(n_labelled, draw, held_out):
    """Return errors in %, as predicted and as recognised alone, and the seconds."""
    X, y, X_test, y_test = mnist()
    if held_out:
        X, X_test, y, y_test = train_test_split(
            X, y, test_size=10_000, stratify=y, random_state=0
        )
    torch.set_num_threads(1)
    partial = keep_labels(y, n_labelled, random_state=draw)
    start = time.perf_counter()
    estimator = SemiSupervisedVAE(
        label_weight=LABEL_WEIGHTS[n_labelled], random_state=draw, **SETTINGS
    ).fit(X, partial)
    seconds = time.perf_counter() - start
    errors = []
    for prediction in ("joint", "recognition"):
        estimator.net_.module_.prediction = prediction
        errors.append(100 * np.mean(estimator.predict(X_test) != y_test))
    print(f"{n_labelled} labels, draw {draw}: {errors}, {seconds:.0f} s", flush=True)
    return *errors, seconds


def main():
    """Print a row per number of labels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--labels", type=int, nargs="+", default=list(LABEL_WEIGHTS))
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    # Other labels are drawn to choose settings than to report.
    first = 1000 if arguments.held_out else 0
    draws = range(first, first + arguments.draws)
    print(f"{machine()}; {arguments.jobs} processes of one thread each\n", flush=True)
    results = Parallel(arguments.jobs)(
        delayed(run)(n_labelled, draw, arguments.held_out)
        for n_labelled in arguments.labels
        for draw in draws
    )
    results = np.reshape(results, (len(arguments.labels), len(draws), 3))
    print(
        "\n| labels | error, % (sd) | lowest, highest | recognition alone | s a fit |"
    )
    print("|---|---|---|---|---|")
    for n_labelled, rows in zip(arguments.labels, results, strict=True):
        error, alone, seconds = rows.T
        print(
            f"| {n_labelled} | {error.mean():.2f} ({error.std():.2f}) | "
            f"{error.min():.2f}, {error.max():.2f} | {alone.mean():.2f} "
            f"({alone.std():.2f}) | {seconds.mean():.0f} |"
        )


if __name__ == "__main__":
    main()
