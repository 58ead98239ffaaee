"""What each regularizer gains on data that are not digits.

    OMP_NUM_THREADS=1 python benchmarks/regularizers.py
    OMP_NUM_THREADS=1 python benchmarks/regularizers.py --estimator SemafoVAE

Errors are on a third of the rows, which nothing is chosen by: the regularizers have
their default settings. Draws are of the split, the labels and the fit.
"""

import argparse
import time

import numpy as np
import torch
from joblib import Parallel, delayed
from report import DECISIONS, add_save, report
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.datasets import make_lit_objects, make_sprites, mask_labels
from skfmvae.regularizers import Neighbours

REGULARIZERS = ("neighbours", "adversarial")
VARIANTS = {
    "all regularizers": {},
    **{f"no {name}": {name: None} for name in REGULARIZERS},
    "no rebuilds of the graph": {"neighbours": Neighbours(n_rebuilds=0)},
    "none": dict.fromkeys(REGULARIZERS),
}
ESTIMATORS = {
    e.__name__: e for e in (FactorialMixtureVAE, SemiSupervisedVAE, SemafoVAE)
}


def table(load):
    """Return a table, its columns standardised, and its classes."""
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def sprites():
    """Return sprites and their shapes, of which other properties are not known."""
    X, y = make_sprites(
        2000, n_scales=3, n_orientations=4, n_positions=4, jitter=1.0, random_state=0
    )
    return X, y[:, 0]


def lit_objects():
    """Return objects under some light, and which object it is."""
    X, y = make_lit_objects(1500, random_state=0)
    return X, y[:, 0].astype(int)


# Rows and labels, the number of labels, and settings that suit the rows.
DATA = {
    "breast cancer": (
        lambda: table(load_breast_cancer),
        20,
        {"likelihood": "gaussian"},
    ),
    "wine": (lambda: table(load_wine), 20, {"likelihood": "gaussian"}),
    "sprites": (sprites, 300, {"max_epochs": 30}),
    "lit objects": (lit_objects, 100, {}),
}


def run(data, variant, draw, name):
    """Return the error in % and the seconds of a fit."""
    torch.set_num_threads(1)
    load, n_labels, settings = DATA[data]
    X, y = load()
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=1 / 3, stratify=y, random_state=draw
    )
    partial = mask_labels(y, n_labels, random_state=draw)
    estimator = ESTIMATORS[name](random_state=draw, **settings, **VARIANTS[variant])
    start = time.perf_counter()
    estimator.fit(X, partial)
    seconds = time.perf_counter() - start
    return 100 * np.mean(estimator.predict(X_test) != y_test), seconds


def main():
    """Print errors, and what they are more than in the first row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=DATA, nargs="+", default=list(DATA))
    parser.add_argument(
        "--estimator", choices=ESTIMATORS, default="FactorialMixtureVAE"
    )
    parser.add_argument(
        "--variants", choices=VARIANTS, nargs="+", default=list(VARIANTS)
    )
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="draw to begin with")
    parser.add_argument("--jobs", type=int, default=2)
    add_save(parser)
    arguments = parser.parse_args()
    tasks = [
        (data, variant, draw, arguments.estimator)
        for variant in arguments.variants
        for data in arguments.only
        for draw in range(arguments.first, arguments.first + arguments.draws)
    ]
    results = Parallel(arguments.jobs)(delayed(run)(*task) for task in tasks)
    shape = len(arguments.variants), len(arguments.only), arguments.draws, 2
    results = np.reshape(results, shape)
    heads = [f"{data}, {DATA[data][1]} labels" for data in arguments.only]
    table = []
    for variant, of_variant in zip(arguments.variants, results, strict=True):
        errors, seconds = np.moveaxis(of_variant, 2, 0)
        more = of_variant[:, :, 0] - results[0, :, :, 0]
        deviations = more.std(axis=1, ddof=1) / arguments.draws**0.5
        cells = [
            f"{e.mean():.1f} ({e.std():.1f}), {m.mean():+.1f} ({d:.1f})"
            for e, m, d in zip(errors, more, deviations, strict=True)
        ]
        table.append([variant, *cells, f"{seconds.mean():.1f}"])
    report(
        "Regularizers on data that are not digits",
        ["error in %, and more than in the first row", *heads, "s a fit"],
        table,
        f"{arguments.estimator}, {arguments.draws} draws, {arguments.jobs} fits at a "
        "time; mean (sd), difference (standard error)",
        arguments.save,
        DECISIONS / "015-regularizers.md",
    )


if __name__ == "__main__":
    main()
