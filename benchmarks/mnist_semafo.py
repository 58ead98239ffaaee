"""SemafoVAE on MNIST with 220 labels (0.4 %): error, and control of samples.

    OMP_NUM_THREADS=1 python benchmarks/mnist_semafo.py             # test rows
    OMP_NUM_THREADS=1 python benchmarks/mnist_semafo.py --held-out  # training rows
    OMP_NUM_THREADS=1 python benchmarks/mnist_semafo.py --picture samples.png

Samples are read by a convolutional network that was trained on all 60,000 labels.
Settings are chosen with ``--held-out``, which never looks at the test rows.
"""

import argparse
import time

import numpy as np
import torch
from common import keep_labels, mnist
from joblib import Parallel, delayed
from report import DECISIONS, add_save, report
from sklearn.model_selection import train_test_split
from supervised import SupervisedNet

from skfmvae import SemafoVAE
from skfmvae.estimators import LabelAutoencoder, SemafoObjective
from skfmvae.metrics import controllability
from skfmvae.nn import MLP, Conv
from skfmvae.training import BatchSize

N_LABELLED = 220
SETTINGS = {
    "encoder": MLP(hidden=(800, 400)),
    "decoder": MLP(hidden=(400, 800)),
    "latent_dim": 128,
    "label_autoencoder": LabelAutoencoder(prior_hidden=(256, 256)),
    "objective": SemafoObjective(
        gamma_y=100.0, beta_u=10.0, beta_label=0.1, transitive=2.0
    ),
    "batch_size": BatchSize(256, labelled=64),
    "lr": 2e-3,
    "adversarial": None,
    "max_epochs": 12,
}


def run(draw, held_out, reader):
    """Return the estimator and what it came to."""
    X, y, X_test, y_test = rows(held_out)
    torch.set_num_threads(1)
    partial = keep_labels(y, N_LABELLED, random_state=draw)
    start = time.perf_counter()
    estimator = SemafoVAE(random_state=draw, **SETTINGS).fit(X, partial)
    seconds = time.perf_counter() - start
    error = 100 * np.mean(estimator.predict(X_test) != y_test)
    control = 100 * controllability(estimator, reader, 5000, random_state=draw).mean
    print(f"draw {draw}: {error:.2f}, {control:.2f}, {seconds:.0f} s", flush=True)
    return estimator, (error, control, seconds)


def rows(held_out):
    """Return rows to fit and rows to score."""
    X, y, X_test, y_test = mnist()
    if held_out:
        X, X_test, y, y_test = train_test_split(
            X, y, test_size=10_000, stratify=y, random_state=0
        )
    return X, y, X_test, y_test


def draw_samples(estimator, path):
    """Write ten samples of each digit to a picture."""
    import matplotlib.pyplot as plt

    from skfmvae.plotting import SamplesDisplay

    SamplesDisplay.from_estimator(estimator, random_state=0)
    plt.savefig(path, dpi=80)


def main():
    """Print mean and standard deviation over draws of the labels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--picture", help="where to draw samples of the first fit")
    add_save(parser)
    arguments = parser.parse_args()
    # Other labels are drawn to choose settings than to report.
    first = 1000 if arguments.held_out else 0
    X, y, X_test, y_test = rows(arguments.held_out)
    reader = SupervisedNet(Conv(channels=(16, 32)), [10], n_epochs=5, seed=0).fit(X, y)
    error = 100 * np.mean(reader.predict(X_test)[:, 0] != y_test)
    print(f"error of the network that reads samples: {error:.2f} %", flush=True)
    fits = Parallel(arguments.jobs)(
        delayed(run)(draw, arguments.held_out, reader)
        for draw in range(first, first + arguments.draws)
    )
    results = [result for _, result in fits]
    pairs = zip(np.mean(results, axis=0), np.std(results, axis=0), strict=True)
    report(
        "SemafoVAE on MNIST with 220 labels",
        ["draws", "error, %", "samples read as asked, %", "s a fit"],
        [[str(len(results)), *(f"{mean:.2f} ({sd:.2f})" for mean, sd in pairs)]],
        f"{len(results)} draws of labels and weights, {arguments.jobs} fits at a time; "
        "mean (sd)",
        arguments.save,
        DECISIONS / "029-semafo-weights.md",
    )
    if arguments.picture:
        draw_samples(fits[0][0], arguments.picture)


if __name__ == "__main__":
    main()
