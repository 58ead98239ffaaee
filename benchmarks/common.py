"""Data that the benchmarks share, and partial labels."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from sklearn.datasets import fetch_openml, load_digits

DATA_FOLDER = Path(os.environ.get("SKFMVAE_DATA", "~/.cache/skfmvae")).expanduser()


def digits():
    """Return scikit-learn's digits: rows in [0, 1] and their labels."""
    X, y = load_digits(return_X_y=True)
    return (X / 16).astype(np.float32), y


def unequal_digits():
    """Return digits of which the first is ten times as frequent as the last."""
    X, y = digits()
    counts = np.geomspace(170, 17, 10).round().astype(int)
    kept = [np.flatnonzero(y == c)[:count] for c, count in enumerate(counts)]
    kept = np.sort(np.concatenate(kept))
    return X[kept], y[kept]


def mnist():
    """Return MNIST: training rows and labels, test rows and labels, in [0, 1]."""
    path = DATA_FOLDER / "mnist.npz"
    if path.exists():
        with np.load(path) as data:
            parts = [data[name] for name in ("X_train", "y_train", "X_test", "y_test")]
    else:
        X, y = fetch_openml("mnist_784", return_X_y=True, as_frame=False)
        parts = [X[:60_000], y[:60_000], X[60_000:], y[60_000:]]
    X_train, y_train, X_test, y_test = parts
    return (
        _unit_rows(X_train),
        y_train.astype(np.int64),
        _unit_rows(X_test),
        y_test.astype(np.int64),
    )


def table(name):
    """Return the rows of a table, categories one-hot and gaps filled, and classes."""
    frame, y = columns_and_classes(name)
    frame = pd.get_dummies(frame, dtype=np.float32)
    frame = frame.fillna(frame.mean())
    return frame.to_numpy(np.float32), y


def columns_and_classes(name):
    """Return the columns of a table as they come, a data frame, and classes."""
    frame = pd.read_csv(DATA_FOLDER / "tables" / f"{name}.csv.gz")
    classes = frame.pop("class")
    return frame, pd.factorize(classes, sort=True)[0]


def cells():
    """Return counts of genes in blood cells, a CSR matrix, and types of cells."""
    with np.load(DATA_FOLDER / "cells" / "pbmc3k.npz") as data:
        parts = [data[name] for name in ("data", "indices", "indptr")]
        X = csr_matrix(tuple(parts), shape=tuple(data["shape"]))
        return X.astype(np.float32), np.unique(data["cell_type"], return_inverse=True)[
            1
        ]


def keep_labels(y, n_labelled, random_state):
    """Return `y` with all but `n_labelled` labels, balanced over classes, as -1."""
    rng = np.random.default_rng(random_state)
    classes = np.unique(y)
    kept = [
        rng.choice(np.flatnonzero(y == c), n_labelled // len(classes), replace=False)
        for c in classes
    ]
    partial = np.full_like(y, -1)
    kept = np.concatenate(kept)
    partial[kept] = y[kept]
    return partial


def _unit_rows(X):
    return X.reshape(len(X), -1).astype(np.float32) / 255
