"""Styles of digits: how much rows of one digit vary, and what a change of it keeps.

    OMP_NUM_THREADS=1 python benchmarks/styles.py           # scikit-learn's digits
    OMP_NUM_THREADS=1 python benchmarks/styles.py --mnist   # with convolutions

Digits: 100 labels, 60 % of the rows to fit. MNIST: 220 labels among 20,000 training
rows; rows to change and those that a reader learns from are other training rows, and
test rows are not read. Both at the defaults. A reader that knows all labels says which
digit a row shows, and slant, thickness and size are moments of images.
"""

import argparse
import time
import warnings

import numpy as np
import torch
from common import keep_labels, mnist
from ours import OURS
from report import DECISIONS, RESULTS, add_save, mean_and_deviation, report
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC
from supervised import SupervisedNet

from skfmvae.metrics import detection_score, style_correlation
from skfmvae.nn import Conv

FIGURES = {
    "error": ("error, %", ".2f"),
    "nats": ("styles, nats", ".1f"),
    "rows": ("rows read as asked, %", ".1f"),
    "means": ("means, %", ".1f"),
    "sd": ("sd over that of real rows", ".2f"),
    "changed": ("changed as asked, %", ".1f"),
    "slant": ("slant kept", ".2f"),
    "thickness": ("thickness", ".2f"),
    "size": ("size", ".2f"),
    "detection": ("detection", ".2f"),
    "seconds": ("s", ".0f"),
}
STYLES = ("slant", "thickness", "size")


def styles(X):
    """Return slant, thickness (mean ink) and size of square images of digits."""
    side = int(X.shape[1] ** 0.5)
    images = X.reshape(-1, side, side).clip(0)
    down, across = np.mgrid[:side, :side]
    ink = images.sum((1, 2)) + 1e-9

    def mean(of):
        return (images * of).sum((1, 2)) / ink

    x = across - mean(across)[:, None, None]
    y = down - mean(down)[:, None, None]
    slant = mean(x * y) / (mean(y * y) + 1e-9)
    return np.stack([slant, ink, np.sqrt(mean(x * x + y * y))], axis=1)


class Network(ClassifierMixin, BaseEstimator):
    """A convolutional network, as a classifier.

    Parameters
    ----------
    n_epochs : int
        Passes over the rows.
    """

    def __init__(self, n_epochs=3):
        self.n_epochs = n_epochs

    def fit(self, X, y):
        """Fit it to labels 0 to C - 1."""
        self.classes_ = np.unique(y)
        network = Conv(channels=(16, 32))
        sizes = [len(self.classes_)]
        self.net_ = SupervisedNet(network, sizes, self.n_epochs, seed=0)
        self.net_.fit(np.asarray(X, dtype=np.float32), np.asarray(y))
        return self

    def predict(self, X):
        """Return the most probable labels."""
        return self.net_.predict(np.asarray(X))[:, 0]

    @torch.no_grad()
    def decision_function(self, X):
        """Return the log-odds of the second of two labels."""
        logits = self.net_.net_(torch.from_numpy(np.asarray(X, dtype=np.float32)))
        return (logits[:, 1] - logits[:, 0]).numpy()


def digits(draw):
    """Return rows to fit, held-out rows and a reader of scikit-learn's digits."""
    X, y = load_digits(return_X_y=True)
    X, X_new, y, y_new = train_test_split(
        X / 16, y, test_size=0.4, random_state=draw, stratify=y
    )
    return X, y, X_new, y_new, SVC(C=10).fit(X, y)


def of_mnist(draw):
    """Return the same of MNIST's training rows."""
    X, y = mnist()[:2]
    order = np.random.default_rng(draw).permutation(len(X))
    fit, new, read = order[:20_000], order[20_000:22_000], order[30_000:]
    return X[fit], y[fit], X[new], y[new], Network().fit(X[read], y[read])


def measure(estimator, rows, draw, n_labels, settings):
    """Return the figures of one fit."""
    X, y, X_new, y_new, reader = rows
    partial = keep_labels(y, n_labels, random_state=draw)
    model = OURS[estimator](random_state=draw, calibrate=False, **settings)
    start = time.process_time()
    model.fit(X, partial)
    seconds = time.process_time() - start
    last = model.net_.history[-1]
    divergences = {
        key: last[key]
        for key in last
        if key.startswith("train_kl_") and not key.endswith("_labelled")
    }
    asked = np.repeat(np.arange(10), len(X_new) // 10)
    drawn, means = (
        model.sample(len(asked), {"property_0": asked}, random_state=draw, draw=kind)[0]
        for kind in ("row", "mean")
    )
    spread = [
        np.sqrt(drawn[asked == d].var(0).mean() / X[y == d].var(0).mean())
        for d in range(10)
    ]
    other = (y_new + 1 + np.arange(len(y_new)) % 9) % 10
    changed = model.intervene(X_new, {"property_0": other})
    kept = style_correlation(model, X_new, y_new, styles, random_state=draw)
    judge = Network(n_epochs=5) if X.shape[1] > 64 else SVC(C=10)
    return {
        "error": 100 * np.mean(model.predict(X_new) != y_new),
        # What is left once the digit is said.
        "nats": sum(divergences.values()) - np.log(10),
        "rows": 100 * np.mean(reader.predict(drawn) == asked),
        "means": 100 * np.mean(reader.predict(means) == asked),
        "sd": np.mean(spread),
        "changed": 100 * np.mean(reader.predict(changed) == other),
        "detection": detection_score(X_new, drawn, classifier=judge, random_state=draw),
        "seconds": seconds,
    } | dict(zip(STYLES, kept, strict=True))


def main():
    """Fit the three estimators to some draws of labels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", action="store_true", help="in place of the digits")
    parser.add_argument("--draws", type=int, default=3, help="of rows and labels")
    parser.add_argument(
        "--likelihoods", nargs="+", default=["auto"], help="to compare, by name"
    )
    parser.add_argument("--estimators", nargs="+", default=list(OURS))
    add_save(parser)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)
    settings = {}
    if arguments.mnist:
        settings = {"encoder": Conv(), "decoder": Conv()}
    found = {}
    for draw in range(arguments.draws):
        rows = (of_mnist if arguments.mnist else digits)(draw)
        for estimator in arguments.estimators:
            for likelihood in arguments.likelihoods:
                figures = measure(
                    estimator,
                    rows,
                    draw,
                    220 if arguments.mnist else 100,
                    settings | {"likelihood": likelihood},
                )
                found.setdefault((estimator, likelihood), []).append(figures)
                text = ", ".join(f"{key} {figures[key]:.2f}" for key in FIGURES)
                print(f"{estimator}, {likelihood}, draw {draw}: {text}", flush=True)
    heads, forms = zip(*FIGURES.values(), strict=True)
    report(
        "Styles of MNIST's digits" if arguments.mnist else "Styles of digits",
        ["estimator", "likelihood", *heads],
        [
            [
                *key,
                *mean_and_deviation([[f[name] for name in FIGURES] for f in of], forms),
            ]
            for key, of in found.items()
        ],
        f"{arguments.draws} draws of rows and labels; mean (sd)",
        arguments.save,
        DECISIONS / "038-grey-values.md" if arguments.mnist else RESULTS,
    )


if __name__ == "__main__":
    main()
