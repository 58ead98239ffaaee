"""Labels on graphs of rows whose columns are on one scale, or on their own.

    python benchmarks/column_scale.py
    python benchmarks/column_scale.py --only wine cells --draws 10

Errors are on unlabelled training rows; no test row is read. Columns are as they come,
each standardised, or as the likelihood has them, which estimators use: standardised for
a Gaussian, unless columns share a unit, and logarithms for counts.
"""

import argparse

import numpy as np
from common import cells, mnist, table
from joblib import Parallel, delayed
from report import DECISIONS, add_save, report
from scipy.sparse import issparse
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.preprocessing import StandardScaler

from skfmvae.datasets import make_lit_objects, mask_labels
from skfmvae.neighbour_graph import build_neighbour_graph
from skfmvae.nn import resolve_likelihood

LABELS = (5, 20)  # of each class
MOST_ROWS = 3000
TABLES = (
    ("heart", "australian", "german", "vehicle", "segment", "satimage")
    + ("penbased", "vowel", "phoneme", "magic")
)  # fmt: skip


def lit_objects():
    """Return objects under some light, and which object it is."""
    X, y = make_lit_objects(1500, random_state=0)
    return 255 * X, y[:, 0].astype(int)


# Rows and classes, and the likelihood that suits them.
DATA = {
    "wine": (lambda: load_wine(return_X_y=True), "gaussian"),
    "breast cancer": (lambda: load_breast_cancer(return_X_y=True), "gaussian"),
    **{name: (lambda name=name: table(name), "gaussian") for name in TABLES},
    "digits, 0 to 16": (lambda: load_digits(return_X_y=True), "gaussian"),
    "MNIST, 0 to 255": (lambda: (255 * mnist()[0][:3000], mnist()[1]), "gaussian"),
    "lit objects, 0 to 255": (lit_objects, "gaussian"),
    "cells": (cells, "poisson"),
}


def scales(X, likelihood):
    """Return rows by the name of the scale that their columns are on."""
    dense = X.toarray() if issparse(X) else X
    module = resolve_likelihood(likelihood, X).build(X)
    return {
        "as they come": X,
        "each standardised": StandardScaler().fit_transform(dense).astype(np.float32),
        "as the likelihood has them": module.comparable(X),
    }


def errors(name, n_labels, draw):
    """Return the error in % of labels propagated on the graph of each scale."""
    load, likelihood = DATA[name]
    X, y = load()
    rows = np.random.default_rng(draw).permutation(X.shape[0])[:MOST_ROWS]
    X, y = X[rows].astype(np.float32), np.unique(y[rows], return_inverse=True)[1]
    n_classes = y.max() + 1
    codes = mask_labels(y, n_labels * n_classes, random_state=draw)
    hidden = codes < 0
    found = {}
    for scale, Z in scales(X, likelihood).items():
        graph = build_neighbour_graph(Z, codes[:, None], [n_classes])
        guess = graph.labels[0].proba.argmax(axis=1)
        found[scale] = 100 * np.mean(guess[hidden] != y[hidden])
    return found


def main():
    """Print means and deviations over the draws of rows and labels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=DATA, nargs="+", default=list(DATA))
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    add_save(parser)
    arguments = parser.parse_args()
    tasks = [
        (name, n_labels, draw)
        for name in arguments.only
        for n_labels in LABELS
        for draw in range(arguments.draws)
    ]
    results = Parallel(arguments.jobs)(delayed(errors)(*task) for task in tasks)
    table = []
    for name in arguments.only:
        for n_labels in LABELS:
            of_row = [
                found
                for task, found in zip(tasks, results, strict=True)
                if task[:2] == (name, n_labels)
            ]
            found = ([found[scale] for found in of_row] for scale in of_row[0])
            cells_of_row = [f"{np.mean(v):.1f} ({np.std(v):.1f})" for v in found]
            table.append([name, str(n_labels), *cells_of_row])
    report(
        "The scale of columns",
        ["error in %", "labels a class", *results[0]],
        table,
        f"{arguments.draws} draws of rows and labels; mean (sd)",
        arguments.save,
        DECISIONS / "001-column-scale.md",
    )


if __name__ == "__main__":
    main()
