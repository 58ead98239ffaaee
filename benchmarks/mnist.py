"""Error on MNIST's test rows with 0, 20, 100 and 1,000 labels among 60,000 rows.

    python benchmarks/mnist.py             # every row of the table
    python benchmarks/mnist.py --only "20 labels"
    python benchmarks/mnist.py --held-out  # 10,000 training rows

The graph of neighbours is built once for all draws, into build/graph, and its time
printed apart. Settings are chosen with ``--held-out``, which never looks at the test
rows and draws other labels. All rows of the table have the same settings, but for
augmentation, and for one with the learning rate and the epochs of default fits.
Unlabelled components are matched to digits, one to one, as suits the scored
rows best (Hungarian assignment).
"""

import argparse
import time

import numpy as np
from common import keep_labels, mnist
from joblib import Parallel, delayed
from report import add_save, report
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import PCA
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skfmvae import FactorialMixtureVAE
from skfmvae.images import ImageAugmentation, ImageDistortion, OrientedGradients
from skfmvae.metrics import expected_calibration_error
from skfmvae.neighbour_graph import build_neighbour_graph
from skfmvae.nn import MLP, Conv
from skfmvae.regularizers import Neighbours
from skfmvae.training import BatchSize

FEATURES = make_pipeline(
    OrientedGradients(n_orientations=16, cell_size=3), PCA(100, random_state=0)
)
SETTINGS = {
    "encoder": Conv((32, 64, 128), (5, 3, 3), pooling="max", precision="auto"),
    "decoder": MLP(hidden=(400,), precision="auto"),
    "style_dim": 32,
    "neighbours": Neighbours(
        weight=5.0,
        features=FEATURES,
        distance=ImageDistortion(),
        n_candidates=30,
        memory="build/graph",
    ),
    "adversarial": None,
    "batch_size": BatchSize(256, labelled=64),
    "lr": 2e-3,
    "max_epochs": 25,
}
AUGMENTATION = ImageAugmentation(rotate=7.5, scale=0.07, shear=0.07, warp=0.7)
QUICK = {"lr": FactorialMixtureVAE().lr, "max_epochs": None}
TABLE = {
    "no labels": (0, {}),
    "50 labels, of 0 to 4 alone": (50, {}),
    "20 labels": (20, {}),
    "100 labels": (100, {}),
    "100 labels, default epochs": (100, QUICK),
    "100 labels, augmented": (100, {"augmentation": AUGMENTATION}),
    "1000 labels, augmented": (1000, {"augmentation": AUGMENTATION}),
}


def run(row, draw, held_out):
    """Fit with one draw of the labels; return percentages and seconds."""
    X, y, X_test, y_test = rows(held_out)
    n_labelled, changes = TABLE[row]
    if row.endswith("alone"):
        partial = keep_labels(y, 2 * n_labelled, random_state=draw)
        partial[partial > 4] = -1
    else:
        partial = keep_labels(y, n_labelled, random_state=draw)
    start = time.perf_counter()
    estimator = FactorialMixtureVAE(
        property_components=10, random_state=draw, **SETTINGS | changes
    ).fit(X, partial)
    seconds = time.perf_counter() - start
    proba = estimator.predict_proba(X_test)
    digits = matched(y_test, proba.argmax(axis=1), np.unique(partial[partial >= 0]))
    wrong = digits[proba.argmax(axis=1)] != y_test
    found = digits[estimator.predict_proba(X).argmax(axis=1)]
    transductive = (found != y)[partial < 0]
    order = digits.argsort()
    calibration = expected_calibration_error(
        y_test, proba[:, order], labels=digits[order]
    )
    rates = wrong.mean(), transductive.mean(), calibration
    result = [*(100 * rate for rate in rates), seconds]
    print(f"{row}, draw {draw}: {' '.join(f'{v:.2f}' for v in result)}", flush=True)
    return result


def search(held_out):
    """Find the neighbours of the rows, for all fits; return the seconds it took."""
    X, y, _, _ = rows(held_out)
    start = time.perf_counter()
    settings = SETTINGS["neighbours"].neighbour_graph_settings({"digit": 10})
    build_neighbour_graph(X, keep_labels(y, 100, 0)[:, None], [10], **settings)
    return time.perf_counter() - start


def matched(y, components, known):
    """Return the digit of each component, of which the first are known."""
    free = np.setdiff1d(np.arange(10), known)
    counts = confusion_matrix(y, components, labels=np.arange(10))[free, len(known) :]
    digit, component = linear_sum_assignment(counts, maximize=True)
    digits = np.arange(10)
    digits[: len(known)] = known
    digits[len(known) + component] = free[digit]
    return digits


def rows(held_out):
    """Return rows to fit and rows to score."""
    X, y, X_test, y_test = mnist()
    if held_out:
        X, X_test, y, y_test = train_test_split(
            X, y, test_size=10_000, stratify=y, random_state=0
        )
    return X, y, X_test, y_test


def main():
    """Print a line per fit, then a table of means and deviations over the draws."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--only", choices=TABLE, nargs="+", default=list(TABLE))
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="draw to begin with")
    parser.add_argument("--jobs", type=int, default=1, help="fits at a time")
    add_save(parser)
    arguments = parser.parse_args()
    first = arguments.first + 1000 * arguments.held_out
    seconds = search(arguments.held_out)
    tasks = [
        (row, draw)
        for row in arguments.only
        for draw in range(first, first + arguments.draws)
    ]
    results = Parallel(n_jobs=arguments.jobs)(
        delayed(run)(*task, arguments.held_out) for task in tasks
    )
    table = []
    for row in arguments.only:
        of_row = [r for r, task in zip(results, tasks, strict=True) if task[0] == row]
        table.append([row, *cells(np.array(of_row))])
    report(
        "MNIST with 0 to 1,000 labels",
        ["labels", "error, %", "lowest, highest", "unlabelled, %", "ECE, %", "s a fit"],
        table,
        f"{arguments.draws} draws of labels and weights, {arguments.jobs} fits at a "
        f"time, neighbours found once in {seconds:.0f} s; mean (sd)",
        arguments.save,
    )


def cells(results):
    """Return the cells of a row of the table."""
    error, transductive, calibration, seconds = results.T
    return [
        f"{error.mean():.2f} ({error.std():.2f})",
        f"{error.min():.2f}, {error.max():.2f}",
        f"{transductive.mean():.2f} ({transductive.std():.2f})",
        f"{calibration.mean():.2f} ({calibration.std():.2f})",
        f"{seconds.mean():.0f}",
    ]


if __name__ == "__main__":
    main()
