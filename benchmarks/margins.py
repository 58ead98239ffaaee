"""Predictions of tables by the likelihood of their numbers.

    OMP_NUM_THREADS=1 python benchmarks/margins.py --held-out
    OMP_NUM_THREADS=1 python benchmarks/margins.py --save

Tables come as frames, so that "auto" is the likelihood of each column's kind, or a
Gaussian for all where there are numbers alone. The other words are those of all
numbers; categories keep theirs.

With ``--held-out`` unlabelled training rows of other draws are scored, of the tables
that settings are chosen on. Each fit is a line of ``build/margins.jsonl``, so that a
run that is stopped goes on there; ``--fresh`` forgets methods, after a change of them.
"""

import argparse
import time
import warnings
from pathlib import Path

import torch
from generate import CLASS, frame_and_classes
from ours import OURS
from report import DECISIONS, ROOT, add_save, report
from tables import (
    CELL,
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

WORDS = ("auto", "gaussian", "nonparanormal")
METHODS = tuple(f"{name}, {word}" for name in OURS for word in WORDS)
MIXED = ("crx", "german", *CLASS)  # elsewhere "auto" is a Gaussian for all numbers
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
    """Report how the words change accuracy and log loss of each estimator."""
    lines = lines.set_index([*CELL, "draw", "method"])[["accuracy", "log_loss"]]
    tables = lines.index.unique("table").sort_values()
    rows = []
    for method in METHODS:
        name, _, word = method.partition(", ")
        if word == WORDS[0] or method not in lines.index.unique("method"):
            continue
        change = lines.xs(method, level="method").sub(
            lines.xs(f"{name}, {WORDS[0]}", level="method")
        )
        for n_labels, of_budget in change.dropna().groupby("n_labels"):
            by_table = of_budget.groupby("table").mean()
            cells = [change_of(by_table.mean())]
            for table in tables:
                known = table in by_table.index
                cells.append(change_of(by_table.loc[table]) if known else "--")
            rows.append([f"{method}, {n_labels} labels", *cells])
    report(
        "Changes of predictions by the likelihood of numbers",
        ["accuracy, %; log loss", "mean", *tables],
        rows,
        f"{spread}; less those of likelihoods by kind",
        save,
        PAGE,
    )


def change_of(row):
    """Return the cell of a change."""
    return f"{100 * row['accuracy']:+.1f}; {row['log_loss']:+.2f}"


def main():
    """Fit what has no line yet, one after the other, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = (*CHOSEN_ON, *CONFIRMED_ON, *CLASS)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--only-tables", nargs="+", choices=names)
    parser.add_argument("--only-words", nargs="+", choices=WORDS, default=WORDS)
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
        if (word := method.partition(", ")[2]) in arguments.only_words
        and (word != "gaussian" or table in MIXED)
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
