"""What is missing, filled and predicted from, against scikit-learn's imputers.

    OMP_NUM_THREADS=1 python benchmarks/missing.py
    OMP_NUM_THREADS=1 python benchmarks/missing.py --only errors coverage --draws 1
    OMP_NUM_THREADS=1 python benchmarks/missing.py --held-out  # to choose settings
    OMP_NUM_THREADS=1 python benchmarks/missing.py --save

Parts are `PARTS`. The rows of ``errors``, ``classes`` and ``coverage``, and what is
hidden of them, are those that HI-VAE published; ``standardised`` is the experiment of
MIWAE (Mattei, Frellsen 2019). Fillings of ordinals and counts are rounded; those of
categories are the most probable codes. What was published of other imputers comes out
of 10 neighbours and of chains through one-hot columns, standardised as numbers are. For
a reason that `imputers` has, such chains are weak rivals, and chains by column stand
beside them.

With ``--held-out`` nothing is scored that the published tables hide, nor any test row:
a tenth of the entries left, half of the labels left, and unlabelled training rows take
their place. Each fit is a line of ``build/missing.jsonl``, so that a run that is
stopped goes on there; ``--fresh`` forgets methods, after a change of them.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mixed_frames
import numpy as np
import pandas as pd
import torch
from classify_gaps import CLASSIFIERS, REFERENCE, classify
from common import columns_and_classes
from hivae_tables import NAMES, WITH_HIDDEN_CLASSES, mean_error, read
from imputers import IMPUTERS, draw_fills, fill
from ours import OURS, draw_ours, fill_ours
from report import DECISIONS, ROOT, add_save, report
from sklearn.datasets import load_breast_cancer
from tables import (
    CHOSEN_ON,
    CONFIRMED_ON,
    HELD_OUT,
    append_lines,
    forget,
    hide_labels,
    read_lines,
    scores,
    split_rows,
    summary,
)
from tables import missing as without_line
from threadpoolctl import threadpool_limits

KEY = ["part", "table", "setting", "draw", "method"]
N_LABELS = 5  # of a class
MOST_ROWS = 4000  # to train on, of the tables with few labels, and of intervals
SEED = 1234  # of MIWAE's experiment
OUTSIDE = 0.1  # of an interval
CHAIN = "Bayesian ridge, one-hot"
N_DRAWS = {CHAIN: 19, **dict.fromkeys(OURS, 99)}
PAGE = DECISIONS / "038-missing-entries.md"


def hide_more(known, draw, share):
    """Return which of the known entries a draw hides too."""
    return known & (np.random.default_rng(draw).random(known.shape) < share)


def hidden_entries(table, share, draw):
    """Return which entries nobody sees, and which of them are scored."""
    hidden = table.masks[f"missing_{share}_{draw % HELD_OUT + 1}"]
    if draw < HELD_OUT:
        return hidden, hidden
    scored = hide_more(~hidden & ~np.isnan(table.rows), draw, 0.1)
    return hidden | scored, scored


def filled(method, X, kinds, seed):
    """Return rows without gaps."""
    return (fill_ours if method in OURS else fill)(method, X, kinds, seed)


def errors(name, share, draw, method):
    """Return the mean error of columns of a published table."""
    table = read(name)
    hidden, scored = hidden_entries(table, share, draw)
    rows = filled(method, table.with_gaps(hidden), table.kinds, draw)
    return {"error": mean_error(table, rows, scored)}


def standardised(name, share, draw, method):
    """Return the squared error on breast cancer, whose gaps MIWAE's notebook draws."""
    X = load_breast_cancer().data
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    random = np.random.RandomState(SEED + draw % HELD_OUT)
    hidden = np.zeros(X.shape, dtype=bool)
    hidden.flat[random.choice(X.size, X.size * share // 100, replace=False)] = True
    scored = hide_more(~hidden, draw, 0.1) if draw >= HELD_OUT else hidden
    gaps = np.where(hidden | scored, np.nan, X)
    rows = filled(method, gaps, X.shape[1] * ("real",), draw)
    return {"error": float(np.mean((rows - X)[scored] ** 2))}


def hidden_classes(name, which, draw, method):
    """Return scores of classes that are hidden, alone or with a tenth of the rest."""
    table = read(name)
    hidden = table.masks[f"missing_{which}_{draw % HELD_OUT + 1}"]
    X = table.with_gaps(hidden)[:, :-1]
    y = pd.factorize(table.rows[:, -1], sort=True)[0]
    scored = hidden[:, -1]
    partial = np.where(scored, -1, y)
    if draw >= HELD_OUT:
        scored = hide_more(~scored, draw, 0.5)
        partial = np.where(scored, -1, partial)
    found = classify(method, X, partial, X[scored], table.kinds[:-1], draw)
    return scores(y[scored], *found)


def coverage(name, share, draw, method):
    """Return which shares of hidden numbers lie in intervals of multiple imputation."""
    table = read(name).some_rows(MOST_ROWS, draw)
    hidden, scored = hidden_entries(table, share, draw)
    X, n_draws = table.with_gaps(hidden), N_DRAWS[method]
    if method in OURS:
        draws = draw_ours(method, X, table.kinds, n_draws, draw)
    else:
        draws = draw_fills(X, table.kinds, n_draws, draw)
    scored = scored & ~np.isnan(table.rows) & (np.array(table.kinds) != "cat")
    inside, ties_split = shares_inside(table.rows[scored], draws[:, scored], draw)
    return {"inside": 100 * inside, "ties_split": 100 * ties_split}


def shares_inside(truth, draws, seed):
    """Return which shares of values lie in intervals that are to hold 90 % of them.

    With m draws and k = 0.05 (m + 1), the interval from the k-th smallest draw to the
    k-th largest holds a further draw in just 90 % of cases, if draws have no ties. With
    ties it holds more; if the rank of a value among equal draws is drawn as well, the
    ranks between are 90 % again.

    Parameters
    ----------
    truth : ndarray of shape (n,)
    draws : ndarray of shape (m, n)
        19 draws, 39, 59 and so on, so that k is a whole number.
    seed : int
        Of ranks among equal draws.

    Returns
    -------
    inside, ties_split : float
    """
    n_draws = len(draws)
    k = round(OUTSIDE / 2 * (n_draws + 1))
    below, equal = (draws < truth).sum(axis=0), (draws == truth).sum(axis=0)
    inside = (below + equal >= k) & (below <= n_draws - k)
    rank = below + np.random.default_rng(seed).integers(equal + 1)
    between = (rank >= k) & (rank <= n_draws - k)
    return float(inside.mean()), float(between.mean())


def few_labels(name, share, draw, method):
    """Return scores of classes of a table with few labels and hidden entries."""
    frame, y = columns_and_classes(name)
    train, test = split_rows(y, draw, MOST_ROWS)
    X, kinds = codes_of_frame(frame, train)
    X[np.random.default_rng(draw).random(X.shape) < share / 100] = np.nan
    partial = hide_labels(y[train], N_LABELS, draw)
    if draw >= HELD_OUT:
        test = train[partial < 0]
    found = classify(method, X[train], partial, X[test], kinds, draw, least_leaf=1)
    return {"n_classes": int(y.max()) + 1} | scores(y[test], *found)


def codes_of_frame(frame, train):
    """Return numbers and codes of categories, (n, D), and kinds of columns.

    Categories that no training row has are missing.
    """
    columns, kinds = [], []
    for _, values in frame.items():
        if pd.api.types.is_numeric_dtype(values):
            columns.append(values.to_numpy(dtype=np.float64))
            kinds.append("real")
        else:
            known = sorted(values.iloc[train].dropna().unique())
            codes = pd.Index(known).get_indexer(values)
            columns.append(np.where(codes < 0, np.nan, codes))
            kinds.append("cat")
    return np.column_stack(columns), tuple(kinds)


def mixed(name, n_labels, draw, method):
    """Return figures of rows as frames, or with one-hot columns."""
    return mixed_frames.compare(name, n_labels, draw, method, draw >= HELD_OUT)


@dataclass(frozen=True)
class Part:
    """A part of the comparison.

    Parameters
    ----------
    run : callable
        Takes a table, a setting, a draw and a method; returns figures by name.
    tables, settings, methods : tuple
    headings : dict of str to (str, str)
        Of each figure to report, the heading of its table and the format.
    cell : str
        What a column of the table says of "{table}" and "{setting}".
    most_draws : int
    """

    run: Callable
    tables: tuple
    settings: tuple
    methods: tuple
    headings: dict
    cell: str = "{table}, {setting} %"
    most_draws: int = 5


PARTS = {
    "errors": Part(
        errors,
        NAMES,
        (20, 50),
        (*IMPUTERS, *OURS),
        {"error": ("Errors of filled entries", ".3f")},
        most_draws=3,
    ),
    "standardised": Part(
        standardised,
        ("breast cancer",),
        (50,),
        (*IMPUTERS, *OURS),
        {"error": ("Squared errors of filled entries", ".3f")},
    ),
    "classes": Part(
        hidden_classes,
        WITH_HIDDEN_CLASSES,
        ("050", "1050"),
        CLASSIFIERS,
        {"accuracy": ("Accuracy of hidden classes", ".3f")},
        "{table}, mask {setting}",
    ),
    "coverage": Part(
        coverage,
        NAMES,
        (20, 50),
        tuple(N_DRAWS),
        {
            "inside": ("Hidden numbers in intervals of 90 %", ".1f"),
            "ties_split": ("Hidden numbers in such intervals, ties split", ".1f"),
        },
        most_draws=3,
    ),
    "tables": Part(
        few_labels,
        CHOSEN_ON + CONFIRMED_ON,
        (30,),
        CLASSIFIERS,
        {"accuracy": ("Tables with few labels, 30 % of entries missing", ".3f")},
        "{table}",
    ),
    "frames": Part(
        mixed,
        mixed_frames.FRAMES,
        (N_LABELS,),
        mixed_frames.METHODS,
        {
            "accuracy": ("Mixed frames, accuracy", ".3f"),
            "log_likelihood": ("Mixed frames, nats a row", ".1f"),
            "real": ("Mixed frames, samples of real categories", ".3f"),
        },
        "{table}",
    ),
}


def run(part, table, setting, draw, method):
    """Fit once; return the line of the fit."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        figures = PARTS[part].run(table, setting, draw, method)
    line = dict(zip(KEY, (part, table, setting, draw, method), strict=True))
    return line | figures | {"seconds": time.process_time() - start}


def report_part(name, lines, spread, save):
    """Report the tables of a part."""
    part = PARTS[name]
    methods = [method for method in part.methods if method in set(lines["method"])]
    cells = [
        (table, setting)
        for table in part.tables
        for setting in part.settings
        if ((lines["table"] == table) & (lines["setting"] == setting)).any()
    ]
    groups = lines.groupby(["method", "table", "setting"])
    for figure, (heading, form) in part.headings.items():
        mean, deviation = groups[figure].mean(), groups[figure].std(ddof=0)
        rows = [
            [method]
            + [
                f"{mean[key]:{form}} ({deviation[key]:{form}})" if key in mean else "--"
                for key in ((method, *cell) for cell in cells)
            ]
            for method in methods
        ]
        columns = [part.cell.format(table=t, setting=s) for t, s in cells]
        report(heading, ["", *columns], rows, spread, save, PAGE)


def report_gains(lines, spread, save):
    """Report gains over the reference on the tables with few labels."""
    complete = lines.groupby(["table", "draw"])["method"].transform("nunique")
    lines = lines[complete == lines["method"].nunique()]
    if REFERENCE not in set(lines["method"]):
        return
    figures = summary(lines.assign(n_labels=N_LABELS), REFERENCE)
    rows = [
        [
            method,
            f"{row['gain']:+.1f}",
            f"{row['below']:.0f}",
            f"{row['rank']:.1f}",
            f"{100 * row['no_higher_loss']:.0f}",
            f"{row['loss']:.2f}",
            f"{100 * row['calibration']:.1f}",
            f"{row['seconds']:.2f}",
        ]
        for method, row in figures.iterrows()
    ]
    report(
        "Gains with few labels, 30 % of entries missing",
        ["", f"accuracy less that of {REFERENCE}, %", "tables below it", "mean rank"]
        + ["tables with no higher log loss, %", "mean log loss"]
        + ["calibration error, %", "s a fit"],
        rows,
        f"{spread}; below is by more than 2 points and 2 standard errors",
        save,
        PAGE,
    )


def parse():
    """Return the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--only-tables", nargs="+")
    parser.add_argument("--only-methods", nargs="+")
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--lines", type=Path, default=ROOT / "build" / "missing.jsonl")
    parser.add_argument("--fresh", nargs="+", default=())
    add_save(parser)
    return parser.parse_args()


def tasks_of(arguments):
    """Return (part, table, setting, draw, method) of each fit that is asked for."""
    first = HELD_OUT if arguments.held_out else 0
    return [
        (name, table, setting, draw, method)
        for name in arguments.only
        for table in PARTS[name].tables
        if table in (arguments.only_tables or PARTS[name].tables)
        for setting in PARTS[name].settings
        for draw in range(first, first + min(arguments.draws, PARTS[name].most_draws))
        for method in PARTS[name].methods
        if method in (arguments.only_methods or PARTS[name].methods)
    ]


def main():
    """Fit what has no line yet, one after the other, and report."""
    arguments = parse()
    torch.set_num_threads(1)
    forget(arguments.lines, arguments.fresh)
    tasks = tasks_of(arguments)
    left = without_line(tasks, read_lines(arguments.lines, KEY), KEY)
    append_lines((run(*task) for task in left), arguments.lines)
    lines = read_lines(arguments.lines, KEY)
    wanted = set(tasks)
    lines = lines[[task in wanted for task in lines[KEY].itertuples(False, None)]]
    for name in arguments.only:
        of_part = lines[lines["part"] == name]
        n_draws = min(arguments.draws, PARTS[name].most_draws)
        what = "held-out entries" if arguments.held_out else "hidden entries or rows"
        spread = f"{n_draws} draws, {what}, one fit at a time; mean (sd) over draws"
        report_part(name, of_part, spread, arguments.save)
        if name == "tables":
            report_gains(of_part, spread, arguments.save)


if __name__ == "__main__":
    main()
