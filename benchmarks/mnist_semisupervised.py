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
from common import keep_labels, mnist
from joblib import Parallel, delayed
from report import add_save, report
from sklearn.model_selection import train_test_split

from skfmvae import SemiSupervisedVAE
from skfmvae.estimators import Inference
from skfmvae.nn import MLP
from skfmvae.training import Objective

# Labels, and the weight of the classification term, of which few can bear more.
LABEL_WEIGHTS = {100: 0.3, 600: 0.1, 1000: 0.1, 3000: 0.05}
SETTINGS = {
    "encoder": MLP(hidden=(500,), precision="auto"),
    "decoder": MLP(hidden=(500,), norm=None, precision="auto"),
    "style_dim": 50,
    "inference": Inference(prediction="joint"),
    "batch_size": 200,
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
    objective = Objective(label_weight=LABEL_WEIGHTS[n_labelled], kl_start=6.0)
    estimator = SemiSupervisedVAE(
        objective=objective, random_state=draw, **SETTINGS
    ).fit(X, partial)
    seconds = time.perf_counter() - start
    errors = []
    for prediction in ("joint", "recognition"):
        estimator.net_.module_.inference.prediction = prediction
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
    add_save(parser)
    arguments = parser.parse_args()
    # Other labels are drawn to choose settings than to report.
    first = 1000 if arguments.held_out else 0
    draws = range(first, first + arguments.draws)
    results = Parallel(arguments.jobs)(
        delayed(run)(n_labelled, draw, arguments.held_out)
        for n_labelled in arguments.labels
        for draw in draws
    )
    results = np.reshape(results, (len(arguments.labels), len(draws), 3))
    table = []
    for n_labelled, rows in zip(arguments.labels, results, strict=True):
        error, alone, seconds = rows.T
        table.append(
            [
                str(n_labelled),
                f"{error.mean():.2f} ({error.std():.2f})",
                f"{error.min():.2f}, {error.max():.2f}",
                f"{alone.mean():.2f} ({alone.std():.2f})",
                f"{seconds.mean():.0f}",
            ]
        )
    report(
        "MNIST by M2, one hidden layer",
        ["labels", "error, %", "lowest, highest", "recognition alone, %", "s a fit"],
        table,
        f"{arguments.draws} draws of labels and weights, {arguments.jobs} fits at a "
        "time; mean (sd)",
        arguments.save,
    )


if __name__ == "__main__":
    main()
