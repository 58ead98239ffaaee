"""Generated rows of tables beside those of SMOTE and of another autoencoder.

    OMP_NUM_THREADS=1 python benchmarks/generate.py
    OMP_NUM_THREADS=1 python benchmarks/generate.py --save

Rows are judged as data: by what a classifier learns from them, by how well one tells
them from real rows, and by whether they copy training rows. It needs ``pip install
imbalanced-learn`` and ``pip install --no-deps ctgan rdt faker``: rdt asks for an older
pandas, and works without. Each fit is a line of ``build/generate.jsonl``, known by
table, draw and method, so that a run that is stopped goes on there; ``--fresh`` forgets
methods, after a change of them.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from common import columns_and_classes
from generators import METHODS, generate
from hivae_tables import read
from report import DECISIONS, ROOT, add_save, report
from scipy.stats import ks_2samp
from sklearn.model_selection import train_test_split
from tables import append_lines, forget, read_lines
from tables import missing as without_line
from threadpoolctl import threadpool_limits

from skfmvae.columns import ColumnVectorizer
from skfmvae.metrics import (
    detection_score,
    diversity,
    neighbour_distance_ratio,
    utility_score,
)

KEY = ["table", "draw", "method"]
TABLES = ("crx", "german", "satimage", "magic", "adult", "default_credit")
CLASS = {"adult": 8, "default_credit": -1}  # sex, and whether they paid
MOST_ROWS = 4000  # to train on
FIGURES = {
    "utility": ("utility", ".2f"),
    "detection": ("detection", ".2f"),
    "nearer": ("nearer to training rows", ".2f"),
    "diversity": ("diversity", ".2f"),
    "numbers": ("margins of numbers", ".2f"),
    "categories": ("margins of categories", ".2f"),
    "correlations": ("correlations", ".3f"),
    "seconds": ("s", ".0f"),
}
PAGE = DECISIONS / "040-generated-rows.md"


def frame_and_classes(name):
    """Return the complete rows of a table, a data frame, and classes."""
    if name not in CLASS:
        frame, y = columns_and_classes(name)
        words = frame.select_dtypes(exclude="number").columns
        return frame.astype(dict.fromkeys(words, "category")), y
    table = read(name)
    frame = pd.DataFrame(table.rows).add_prefix("column_").dropna()
    for column, kind in zip(frame, table.kinds, strict=True):
        if (frame[column] == frame[column].round()).all():
            frame[column] = frame[column].astype(int)
        if kind in {"cat", "ordinal"}:
            values = frame[column].astype(int)
            known = sorted(values.unique())
            is_ordered = kind == "ordinal"
            words = pd.CategoricalDtype([str(v) for v in known], is_ordered)
            frame[column] = values.astype(str).astype(words)
    y = frame.pop(frame.columns[CLASS[name]])
    return frame.reset_index(drop=True), pd.factorize(y, sort=True)[0]


def split(name, draw):
    """Return training rows and classes, test rows and classes."""
    frame, y = frame_and_classes(name)
    rows = np.arange(len(y))
    most = round(MOST_ROWS / 0.7)
    if len(rows) > most:
        rows, _ = train_test_split(rows, train_size=most, stratify=y, random_state=draw)
    train, test = train_test_split(
        rows, test_size=0.3, stratify=y[rows], random_state=draw
    )
    parts = (frame.iloc[some].reset_index(drop=True) for some in (train, test))
    X_train, X_test = parts
    return X_train, y[train], X_test, y[test]


def run(table, draw, method):
    """Fit and generate once; return the line of the fit."""
    parts = split(table, draw)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        drawn = generate(method, *parts[:2], draw)
        seconds = time.process_time() - start
        figures = judged(*parts, *drawn, draw)
    return (
        dict(zip(KEY, (table, draw, method), strict=True))
        | figures
        | {"seconds": seconds}
    )


def judged(X, y, X_test, y_test, X_new, y_new, seed):
    """Return the figures of generated rows and their classes."""
    some = np.random.default_rng(seed).permutation(len(X_new))[: len(X_test)]
    real = (X, y, X_test, y_test)
    return {
        "utility": utility_score(*real, X_new, y_new, random_state=seed),
        "detection": detection_score(X_test, X_new.iloc[some], random_state=seed),
        "nearer": neighbour_distance_ratio(X, X_test, X_new, random_state=seed),
        "diversity": diversity(X, y, X_new, y_new).mean,
        "numbers": mean_margin(X, X_new, "number"),
        "categories": mean_margin(X, X_new, "category"),
        "correlations": correlation_error(X, X_new),
    }


def margins(X, X_new, kind):
    """Return how far each column is from real, in [0, 1], by its name.

    The largest difference of distribution functions of numbers; half the sum of
    absolute differences of the shares of categories (total variation).
    """
    apart = {}
    for name in X.select_dtypes(kind):
        if kind == "number":
            apart[name] = float(ks_2samp(X[name], X_new[name]).statistic)
        else:
            shares = (f[name].value_counts(normalize=True) for f in (X, X_new))
            first, second = next(shares).align(next(shares), fill_value=0)
            apart[name] = float((first - second).abs().sum() / 2)
    return apart


def mean_margin(X, X_new, kind):
    """Return the mean of `margins`, None without a column of the kind."""
    apart = margins(X, X_new, kind)
    return float(np.mean(list(apart.values()))) if apart else None


def correlations(vectorizer, X):
    """Return correlations of ranks between all columns, categories one-hot."""
    return pd.DataFrame(vectorizer.transform(X)).rank().corr().to_numpy()


def correlation_error(X, X_new):
    """Return the mean absolute error of the correlations of ranks."""
    vectorizer = ColumnVectorizer().fit(X)
    error = np.abs(correlations(vectorizer, X) - correlations(vectorizer, X_new))
    above = np.triu_indices(len(error), 1)
    return float(np.nanmean(error[above]))


def report_lines(lines, n_draws, save):
    """Report a table of figures over tables, and one for each figure of interest."""
    spread = f"{n_draws} draws of rows, 70 % to train on; mean over draws"
    methods = [method for method in METHODS if method in set(lines["method"])]
    means = lines.groupby(["method", "table"])[list(FIGURES)].mean()
    report(
        "Generated rows, means of tables",
        ["", *(heading for heading, _ in FIGURES.values())],
        [
            [method]
            + [
                f"{means.loc[method][f].mean():{form}}"
                for f, (_, form) in FIGURES.items()
            ]
            for method in methods
        ],
        f"{spread} and over {lines['table'].nunique()} tables",
        save,
        PAGE,
    )
    tables = [table for table in TABLES if table in set(lines["table"])]
    report(
        "Generated rows by table",
        ["utility, detection, nearer", *tables],
        [
            [method]
            + [
                ", ".join(
                    f"{means.loc[(method, table), f]:.2f}"
                    for f in ("utility", "detection", "nearer")
                )
                if (method, table) in means.index
                else "--"
                for table in tables
            ]
            for method in methods
        ],
        spread,
        save,
        PAGE,
    )


def main():
    """Fit what has no line yet, one after the other, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only-tables", nargs="+", choices=TABLES, default=TABLES)
    parser.add_argument("--only-methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--lines", type=Path, default=ROOT / "build" / "generate.jsonl")
    parser.add_argument("--fresh", nargs="+", choices=METHODS, default=())
    add_save(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    forget(arguments.lines, arguments.fresh)
    tasks = [
        (table, draw, method)
        for draw in range(arguments.draws)
        for table in arguments.only_tables
        for method in arguments.only_methods
    ]
    left = without_line(tasks, read_lines(arguments.lines, KEY), KEY)
    append_lines((run(*task) for task in left), arguments.lines)
    lines = read_lines(arguments.lines, KEY)
    wanted = set(tasks)
    lines = lines[[task in wanted for task in lines[KEY].itertuples(False, None)]]
    report_lines(lines, arguments.draws, arguments.save)


if __name__ == "__main__":
    main()
