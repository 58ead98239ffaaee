"""Predictions of tables whose numbers have a Gaussian likelihood or a nonparanormal.

    OMP_NUM_THREADS=1 python benchmarks/margins.py --held-out
    OMP_NUM_THREADS=1 python benchmarks/margins.py --save

Tables come as frames, so that "auto" is the likelihood of each column's kind, and
"nonparanormal" stands for that of all numbers; categories keep theirs. With
``--held-out`` unlabelled training rows of other draws are scored, of the tables that
settings are chosen on. Each fit is a line of ``build/margins.jsonl``, so that a run
that is stopped goes on there; ``--fresh`` forgets methods, after a change of them.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from generate import CLASS, frame_and_classes
from ours import OURS
from report import DECISIONS, ROOT, add_save, report
from tables import (
    CHOSEN_ON,
    CONFIRMED_ON,
    HELD_OUT,
    KEY,
    append_lines,
    forget,
    hide_labels,
    missing,
    read_lines,
    scores,
    split_rows,
)
from threadpoolctl import threadpool_limits

WORDS = ("auto", "nonparanormal")
METHODS = tuple(f"{name}, {word}" for name in OURS for word in WORDS)
BUDGETS = (5, 20)  # labels of each class
MOST_ROWS = 4000  # to train on
PAGE = DECISIONS / "040-generated-rows.md"


def run(table, n_labels, draw, method):
    """Fit once; return the line of the fit."""
    frame, y = frame_and_classes(table)
    train, test = split_rows(y, draw, MOST_ROWS)
    partial = hide_labels(y[train], n_labels, draw)
    if draw >= HELD_OUT:
        test = train[partial < 0]
    estimator, _, word = method.partition(", ")
    model = OURS[estimator](likelihood=word, random_state=draw)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        model.fit(frame.iloc[train], partial)
        seconds = time.process_time() - start
        X = frame.iloc[test]
        found = scores(y[test], model.predict(X), model.predict_proba(X))
    line = dict(zip(KEY, (table, n_labels, draw, method), strict=True))
    return line | found | {"seconds": seconds}


def report_lines(lines, spread, save):
    """Report how accuracy and log loss of each estimator change, by table."""
    cells = lines.groupby(["method", "table", "n_labels"])
    cells = cells[["accuracy", "log_loss"]].mean()
    rows = []
    for name in OURS:
        before, after = (cells.loc[f"{name}, {word}"] for word in WORDS)
        change = (after - before).dropna()
        for n_labels, of_budget in change.groupby("n_labels"):
            of_tables = of_budget.droplevel("n_labels")
            rows.append(
                [f"{name}, {n_labels} labels"]
                + [change_of(of_tables.mean())]
                + [change_of(row) for _, row in of_tables.iterrows()]
            )
    report(
        "Changes of predictions by the nonparanormal likelihood",
        ["accuracy, %; log loss", "mean", *sorted(lines["table"].unique())],
        rows,
        f"{spread}; less those of the likelihoods of kinds",
        save,
        PAGE,
    )
    print(np.round(cells.groupby("method").mean(), 4))
    print(lines.groupby("method")["seconds"].mean().round(2))


def change_of(row):
    """Return the cell of a change."""
    return f"{100 * row['accuracy']:+.1f}; {row['log_loss']:+.2f}"


def main():
    """Fit what has no line yet, one after the other, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = (*CHOSEN_ON, *CONFIRMED_ON, *CLASS)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--only-tables", nargs="+", choices=names)
    parser.add_argument("--budgets", nargs="+", type=int, default=BUDGETS)
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--lines", type=Path, default=ROOT / "build" / "margins.jsonl")
    parser.add_argument("--fresh", nargs="+", choices=METHODS, default=())
    add_save(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    forget(arguments.lines, arguments.fresh)
    first = HELD_OUT if arguments.held_out else 0
    tables = arguments.only_tables or (CHOSEN_ON if arguments.held_out else names)
    tasks = [
        (table, n_labels, draw, method)
        for draw in range(first, first + arguments.draws)
        for n_labels in arguments.budgets
        for table in tables
        for method in METHODS
    ]
    left = missing(tasks, read_lines(arguments.lines))
    append_lines((run(*task) for task in left), arguments.lines)
    lines = read_lines(arguments.lines)
    wanted = set(tasks)
    lines = lines[[task in wanted for task in lines[KEY].itertuples(False, None)]]
    rows = "held-out" if arguments.held_out else "test"
    report_lines(lines, f"{arguments.draws} draws of {rows} rows", arguments.save)


if __name__ == "__main__":
    main()
