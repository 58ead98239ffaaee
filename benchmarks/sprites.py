"""Sprites with five properties, of which few are labelled: reading and control.

    OMP_NUM_THREADS=1 python benchmarks/sprites.py  # the table of RESULTS.md
    OMP_NUM_THREADS=1 python benchmarks/sprites.py --seeds 100  # to choose settings

20,000 sprites of 32 x 32 pixels: three shapes, six scales, four orientations, four
positions in x and in y. Each property has labels on 1 % or 10 % of the rows, drawn for
each alone. A few combinations of shape, scale and x are left out of training. All
networks have convolutions of the same sizes. Rows that are generated and changed are
read by a network that was trained on all labels of all combinations, whose accuracy is
the first line.
"""

import argparse
import time
from collections import defaultdict

import numpy as np
import torch
from joblib import Parallel, delayed
from report import add_save, report
from sklearn.semi_supervised import LabelSpreading
from supervised import SupervisedNet

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.datasets import SPRITES_COLUMNS, make_sprites, mask_labels
from skfmvae.estimators import LabelAutoencoder
from skfmvae.metrics import controllability, dci, specificity
from skfmvae.nn import Conv

NAMES = SPRITES_COLUMNS[:5]
SIZES = (3, 6, 4, 4, 4)
GRID = {"n_scales": 6, "n_orientations": 4, "n_positions": 4, "jitter": 0.5}
HELD_OUT = [
    {"shape": shape, "scale": scale, "x": x}
    for shape, scale, x in [
        (0, 1, 2),
        (0, 4, 0),
        (1, 0, 1),
        (1, 3, 3),
        (2, 2, 0),
        (2, 5, 2),
    ]
]
NETWORK = Conv(channels=(16, 32, 64), hidden=256)
COMMON = {
    "encoder": NETWORK,
    "decoder": NETWORK,
    "likelihood": "bernoulli",
    "lr": 3e-3,
    "adversarial": None,
}
CONTESTANTS = {
    "FactorialMixtureVAE": FactorialMixtureVAE(**COMMON),
    "SemiSupervisedVAE": SemiSupervisedVAE(**COMMON),
    "SemafoVAE": SemafoVAE(
        latent_dim=64, label_autoencoder=LabelAutoencoder(separate=True), **COMMON
    ),
}
# By the share of labels: passes over the labelled rows of the supervised network, and
# the graph of neighbours, which holds the model back where there are many labels.
PASSES = {0.01: 200, 0.1: 30}
NEIGHBOURS = {0.01: "graph", 0.1: None}


class LabelSpreadings:
    """Label spreading, a property at a time."""

    def fit(self, X, y):
        """Spread the labels of each property."""
        self.models_ = [
            LabelSpreading(kernel="knn", n_neighbors=7).fit(X, column) for column in y.T
        ]
        return self

    def predict(self, X):
        """Return the most probable values, (n, 5)."""
        return np.stack([model.predict(X) for model in self.models_], axis=1)


def rows(seed, fraction):
    """Return rows to fit, partial labels, and test rows with all of theirs."""
    X, y = make_sprites(20_000, exclude=HELD_OUT, random_state=seed, **GRID)
    partial = mask_labels(y, fraction=fraction, stratify=None, random_state=seed)
    test = make_sprites(2_000, exclude=HELD_OUT, random_state=seed + 10_000, **GRID)
    return X, partial, *test


def fit_reader(seed):
    """Return a network that reads all properties, fitted to all combinations."""
    X, y = make_sprites(20_000, random_state=seed + 20_000, **GRID)
    return SupervisedNet(NETWORK, SIZES, n_epochs=12, seed=seed).fit(X, y)


def accuracies(estimator, X, y):
    """Return the share of rows in which each property is right, and their mean."""
    by_property = np.mean(estimator.predict(X) == y, axis=0)
    return [*by_property, by_property.mean()]


def run(name, fraction, seed, max_epochs, reader):
    """Return the figures of one contestant."""
    torch.set_num_threads(1)
    X, partial, X_test, y_test = rows(seed, fraction)
    if name == "ceiling: all labels":
        return accuracies(reader, X_test, y_test)
    if name == "supervised":
        supervised = SupervisedNet(NETWORK, SIZES, PASSES[fraction], seed)
        return accuracies(supervised.fit(X, partial), X_test, y_test)
    if name == "label spreading":
        return accuracies(LabelSpreadings().fit(X, partial), X_test, y_test)
    start = time.perf_counter()
    estimator = CONTESTANTS[name].set_params(
        neighbours=NEIGHBOURS[fraction], max_epochs=max_epochs, random_state=seed
    )
    estimator.fit(X, partial)
    seconds = time.perf_counter() - start
    _, unseen = make_sprites(1_000, only=HELD_OUT, random_state=seed + 30_000, **GRID)
    asked = {"classifier": reader, "random_state": seed}
    return [
        *accuracies(estimator, X_test, y_test),
        controllability(estimator, **asked).mean,
        specificity(estimator, X=X_test, **asked).mean,
        dci(estimator.transform(X_test), y_test, random_state=0).disentanglement,
        controllability(estimator, Y=unseen, **asked).mean,
        seconds / 100,
    ]


def main():
    """Print the figures of each fit, then their means and deviations over seeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--fractions", type=float, nargs="+", default=[*PASSES])
    parser.add_argument("--only", nargs="+", default=list(CONTESTANTS))
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--jobs", type=int, default=2)
    add_save(parser)
    arguments = parser.parse_args()
    lines = [("ceiling: all labels", 1.0)]
    for fraction in arguments.fractions:
        for name in ["supervised", "label spreading", *arguments.only]:
            lines.append((name, fraction))
    readers = Parallel(arguments.jobs)(map(delayed(fit_reader), arguments.seeds))
    tasks = [
        (*line, seed, arguments.epochs, reader)
        for seed, reader in zip(arguments.seeds, readers, strict=True)
        for line in lines
    ]
    results = defaultdict(list)
    in_order = Parallel(arguments.jobs, return_as="generator")(
        delayed(run)(*task) for task in tasks
    )
    for (name, fraction, seed, *_), values in zip(tasks, in_order, strict=True):
        results[name, fraction].append(values)
        cells = " ".join(f"{100 * value:.1f}" for value in values)
        print(f"seed {seed}, {fraction}, {name}: {cells}", flush=True)
    columns = [*NAMES, "mean", "controlled", "specific", "DCI", "unseen", "s a fit"]
    table = []
    for name, fraction in lines:
        mean, sd = (f(results[name, fraction], axis=0) for f in (np.mean, np.std))
        cells = [
            f"{100 * m:.1f} ({100 * s:.1f})" for m, s in zip(mean, sd, strict=True)
        ]
        cells += [""] * (len(columns) - len(cells))
        table.append([name, f"{100 * fraction:.0f} %", *cells])
    report(
        "Sprites: reading and control",
        ["%", "labelled", *columns],
        table,
        f"seeds {arguments.seeds}, {arguments.jobs} fits at a time; mean (sd) over "
        "seeds",
        arguments.save,
    )


if __name__ == "__main__":
    main()
