"""Digits in a stream of small parts, against one fit of the same rows.

    python benchmarks/stream.py
    python benchmarks/stream.py --only SemafoVAE --seeds 1

Rows are those that ``digits.py --held-out`` trains on and scores: 1,077 rows, 100 of
them with a label, and 360 rows beside them, of the first fold of each seed. No test row
is read. Labels are spread over the parts as they come.
"""

import argparse
import time
import warnings

import numpy as np
import torch
from common import digits, keep_labels
from digits import splits
from joblib import Parallel, delayed
from report import DECISIONS, add_save, mean_and_deviation, report
from tables import scores

import skfmvae

N_LABELS, N_PARTS = 100, 50


def judged(estimator, X, y):
    """Return the error in % and the log loss."""
    found = scores(y, guess := estimator.predict(X), estimator.predict_proba(X))
    return [100 * np.mean(guess != y), found["log_loss"]]


def run(name, seed, train, rest):
    """Return errors, log losses and seconds of one fit, and of a stream."""
    X, y = digits()
    torch.set_num_threads(1)
    partial = keep_labels(y[train], N_LABELS, random_state=100 * seed)
    once = getattr(skfmvae, name)(random_state=10 * seed)
    stream = getattr(skfmvae, name)(random_state=10 * seed)
    order = np.random.default_rng(seed).permutation(len(train))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        once.fit(X[train], partial)
        middle = time.process_time()
        for part in np.array_split(order, N_PARTS):
            stream.partial_fit(X[train[part]], partial[part], classes=np.unique(y))
        end = time.process_time()
    return [
        *judged(once, X[rest], y[rest]),
        middle - start,
        *judged(stream, X[rest], y[rest]),
        end - middle,
    ]


def main(arguments):
    """Report errors by estimators."""
    chosen = [
        (seed, train, rest)
        for seed, fold, train, rest in splits(digits()[1], True, arguments.seeds)
        if fold == 0
    ]
    rows = []
    for name in arguments.only or skfmvae.__all__:
        figures = Parallel(arguments.jobs)(
            delayed(run)(name, *split) for split in chosen
        )
        rows.append(
            [name, *mean_and_deviation(figures, [".2f", ".2f", ".0f"] * 2)],
        )
    report(
        "A stream of digits",
        ["", "one fit: error in %", "log loss", "s"]
        + [f"{N_PARTS} parts: error in %", "log loss", "s"],
        rows,
        f"{arguments.seeds} seeds, mean (sd); s of processor time",
        arguments.save,
        DECISIONS / "039-partial-fit.md",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", help="estimators, by name")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    add_save(parser)
    main(parser.parse_args())
