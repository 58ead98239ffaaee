"""Accuracy and honesty of classifiers on ordinary tables with few labels.

    OMP_NUM_THREADS=1 python benchmarks/tables.py --held-out  # to choose settings
    python benchmarks/tables.py            # test rows of the tables they were chosen on
    python benchmarks/tables.py --confirm  # test rows of tables that nothing saw before
    python benchmarks/tables.py --all --save
    python benchmarks/tables.py --fresh SemafoVAE  # after a change of this method

Settings are chosen with ``--held-out``, which scores unlabelled training rows of other
draws and never looks at a test row of its draw, nor at a table that is to confirm them.
Each fit is a line of ``build/tables.jsonl``, known by table, labels, draw and method,
so that a run that is stopped goes on there. Other settings, such as ``--most-rows``,
need another file: ``--lines``.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from common import columns_and_classes
from joblib import Parallel, delayed
from report import DECISIONS, ROOT, add_save, report
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.metrics import expected_calibration_error

CHOSEN_ON = (
    ("australian", "bands", "crx", "german", "heart", "penbased")
    + ("satimage", "splice", "vehicle")
)  # fmt: skip
CONFIRMED_ON = (
    ("contraceptive", "ionosphere", "led7digit", "magic", "mammographic")
    + ("mushroom", "phoneme", "segment", "vowel")
)  # fmt: skip
BUDGETS = (1, 5, 20)  # labels of each class
HELD_OUT = 1000  # the first draw for choosing settings
KEY = ["table", "n_labels", "draw", "method"]
CELL = KEY[:2]
REFERENCE = "logistic regression"


def stacking(n_labels, seed):
    """Return the stack; what the other methods need exists without it."""
    from skfmvae.ensemble import PartialLabelStacking

    return PartialLabelStacking(random_state=seed)


# Each of the labels of a class and a seed. As a user would have it with so few labels:
# leaves of one row, for 20 rows are more than there are, and no more neighbours than a
# class has labels. The probabilities of the SVC are the only ones that scikit-learn
# gives where a class has a single label.
METHODS = {
    "FactorialMixtureVAE": lambda n, seed: FactorialMixtureVAE(random_state=seed),
    "SemiSupervisedVAE": lambda n, seed: SemiSupervisedVAE(random_state=seed),
    "SemafoVAE": lambda n, seed: SemafoVAE(random_state=seed),
    "PartialLabelStacking": stacking,
    REFERENCE: lambda n, seed: LogisticRegression(max_iter=1000),
    "SVC": lambda n, seed: SVC(probability=True, random_state=seed),
    "random forest": lambda n, seed: RandomForestClassifier(200, random_state=seed),
    "gradient boosting": lambda n, seed: HistGradientBoostingClassifier(
        min_samples_leaf=1, random_state=seed
    ),
    "kNN": lambda n, seed: KNeighborsClassifier(min(5, n)),
    "label spreading": lambda n, seed: LabelSpreading(kernel="knn", n_neighbors=7),
    "self-training": lambda n, seed: SelfTrainingClassifier(
        LogisticRegression(max_iter=1000)
    ),
}
SEE_LABELLED_ROWS_ALONE = (
    {REFERENCE, "SVC", "random forest"} | {"gradient boosting", "kNN"}
)  # fmt: skip


def split_rows(y, draw, most_rows):
    """Return the positions of training rows, and those of test rows."""
    train, test = train_test_split(
        np.arange(len(y)), test_size=0.3, stratify=y, random_state=draw
    )
    return train[:most_rows], test  # in random order


def split(name, draw, most_rows):
    """Return training rows and classes, test rows and classes.

    What is learned of columns is learned of training rows.
    """
    frame, y = columns_and_classes(name)
    train, test = split_rows(y, draw, most_rows)
    columns = make_column_transformer(
        (SimpleImputer(), make_column_selector(dtype_include="number")),
        (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            make_column_selector(dtype_exclude="number"),
        ),
    )
    scale = make_pipeline(columns, StandardScaler()).fit(frame.iloc[train])
    X_train, X_test = (
        scale.transform(frame.iloc[rows]).astype(np.float32) for rows in (train, test)
    )
    return X_train, y[train], X_test, y[test]


def hide_labels(y, n_labels, draw):
    """Return `y` with -1 for all but `n_labels` of each class, or all that it has.

    The labels of a draw are among those of any greater number.
    """
    rng = np.random.default_rng(draw)
    kept = np.concatenate(
        [rng.permutation(np.flatnonzero(y == c))[:n_labels] for c in np.unique(y)]
    )
    partial = np.full_like(y, -1)
    partial[kept] = y[kept]
    return partial


def run(table, n_labels, draw, method, most_rows):
    """Fit once; return the line of the fit."""
    X, y, X_test, y_test = split(table, draw, most_rows)
    partial = hide_labels(y, n_labels, draw)
    if draw >= HELD_OUT:
        X_test, y_test = X[partial < 0], y[partial < 0]
    if method in SEE_LABELLED_ROWS_ALONE:
        X, partial = X[partial >= 0], partial[partial >= 0]
    model = METHODS[method](n_labels, draw)
    torch.set_num_threads(1)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        model.fit(X, partial)
        seconds = time.process_time() - start
        guess, proba = model.predict(X_test), model.predict_proba(X_test)
    line = dict(zip(KEY, (table, n_labels, draw, method), strict=True))
    line |= {"n_classes": int(y.max()) + 1, "seconds": seconds}
    return line | scores(y_test, guess, proba)


def scores(y, guess, proba):
    """Return accuracy, log loss in nats and calibration error of codes of classes.

    Label spreading gives NaN to rows that no label reaches; they may be of any class.
    Probabilities of 0 count as 1e-15, as scikit-learn long had it.
    """
    proba = np.asarray(proba, dtype=np.float64)
    proba = np.where(np.isnan(proba), 1 / proba.shape[1], proba)
    of_truth = np.maximum(proba[np.arange(len(y)), y], 1e-15)
    return {
        "accuracy": float(np.mean(guess == y)),
        "log_loss": float(-np.log(of_truth).mean()),
        "calibration": float(
            expected_calibration_error(y, proba, labels=np.arange(proba.shape[1]))
        ),
    }


def read_lines(path, key=KEY):
    """Return the lines of a file, a data frame; without the file, an empty one."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return pd.DataFrame(
        [json.loads(line) for line in text.splitlines()], columns=None if text else key
    )


def forget(path, methods):
    """Take the lines of some methods out of a file."""
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if json.loads(line)["method"] not in methods]
        path.write_text("".join(kept), encoding="utf-8")


def missing(tasks, lines, key=KEY):
    """Return the tasks that have no line yet."""
    found = set(lines[key].itertuples(index=False, name=None))
    return [task for task in tasks if task not in found]


def append_lines(found, path):
    """Write lines into a file as they come."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        for line in found:
            print(json.dumps(line), file=file, flush=True)


def complete(tasks, lines):
    """Return the lines of tasks, of those cells of which every task has one."""
    left = {task[:2] for task in missing(tasks, lines)}
    wanted = {task for task in tasks if task[:2] not in left}
    found = lines[KEY].itertuples(index=False, name=None)
    return lines[[task in wanted for task in found]]


def summary(lines, reference=REFERENCE):
    """Return figures of each method over cells, which are tables by labels.

    Parameters
    ----------
    lines : DataFrame
        Fits of all methods, the reference among them, to the same draws of each cell.
    reference : str
        The method that gains are over.

    Returns
    -------
    DataFrame
        Gains in accuracy over the reference, in points; below, the number of cells that
        are lower by more than two points and by two standard errors of the paired
        difference; mean rank, 1 for the highest accuracy; the share of cells with no
        higher log loss than the reference; and the highest excess of log loss over that
        of a guess, in nats.
    """
    accuracy, loss, calibration, seconds = (
        lines.pivot(index=KEY[:3], columns="method", values=name)
        for name in ("accuracy", "log_loss", "calibration", "seconds")
    )
    differences = 100 * accuracy.sub(accuracy[reference], axis=0)
    gains, errors = differences.groupby(CELL).mean(), differences.groupby(CELL).sem()
    ranks = accuracy.groupby(CELL).mean().rank(axis=1, ascending=False)
    losses = loss.groupby(CELL).mean()
    guess = np.log(lines.groupby(CELL)["n_classes"].first())
    by_labels = gains.groupby("n_labels").mean().T.add_prefix("gain_")
    return by_labels.assign(
        gain=gains.mean(),
        below=((gains < -2) & (gains < -2 * errors)).sum(),
        rank=ranks.mean(),
        no_higher_loss=losses.le(losses[reference], axis=0).mean(),
        excess=losses.sub(guess, axis=0).max(),
        loss=losses.mean(),
        calibration=calibration.groupby(CELL).mean().mean(),
        seconds=seconds.mean(),
    )


def summary_rows(figures, methods):
    """Return the cells of the table of methods."""
    gains = [name for name in figures if name.startswith("gain_")]
    return [
        [
            method,
            " / ".join(f"{row[name]:+.1f}" for name in gains),
            f"{row['gain']:+.1f}",
            f"{row['below']:.0f}",
            f"{row['rank']:.1f}",
            f"{100 * row['no_higher_loss']:.0f}",
            f"{row['excess']:+.2f}",
            f"{row['loss']:.2f}",
            f"{100 * row['calibration']:.1f}",
            f"{row['seconds']:.2f}",
        ]
        for method, row in ((method, figures.loc[method]) for method in methods)
    ]


def report_all(tasks, lines, arguments):
    """Report the table of methods, and one of tables at five labels of a class."""
    lines = complete(tasks, lines)
    if lines.empty:
        print("No cell is complete.")
        return
    n_cells = len(lines.groupby(CELL))
    labels = " / ".join(str(n) for n in sorted(lines["n_labels"].unique()))
    spread = (
        f"{arguments.draws} draws of {'held-out' if arguments.held_out else 'test'} "
        f"rows, {n_cells} of {len({task[:2] for task in tasks})} cells complete"
    )
    report(
        "Tables with few labels",
        [f"{labels} labels a class", "accuracy less that of logistic regression, %"]
        + ["mean", f"cells below it, of {n_cells}", "mean rank"]
        + ["cells with no higher log loss, %", "highest log loss less ln C"]
        + ["mean log loss", "calibration error, %", "s a fit"],
        summary_rows(summary(lines), arguments.only_methods),
        f"{spread}; below is by more than 2 points and 2 standard errors",
        arguments.save,
    )
    at_five = lines[lines["n_labels"] == 5]
    if not at_five.empty:
        accuracy = 100 * at_five.groupby(["method", "table"])["accuracy"].mean()
        accuracy = accuracy.unstack().loc[arguments.only_methods]
        report(
            "Tables with five labels a class",
            ["accuracy, %", *accuracy.columns],
            [
                [name, *(f"{a:.1f}" for a in row)]
                for name, *row in accuracy.itertuples()
            ],
            spread,
            arguments.save,
            DECISIONS / "038-tables.md",
        )


def parse():
    """Return the arguments; the reference is always among the methods."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--held-out", action="store_true")
    which.add_argument("--confirm", action="store_true")
    which.add_argument("--all", action="store_true")
    names = CHOSEN_ON + CONFIRMED_ON
    parser.add_argument("--only-tables", nargs="+", choices=names, default=names)
    parser.add_argument("--only-methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--budgets", nargs="+", type=int, default=BUDGETS)
    parser.add_argument("--draws", type=int, default=5, help="at least 2")
    parser.add_argument("--most-rows", type=int, default=4000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--lines", type=Path, default=ROOT / "build" / "tables.jsonl")
    parser.add_argument("--fresh", nargs="+", choices=METHODS, default=())
    add_save(parser)
    arguments = parser.parse_args()
    if arguments.draws < 2:
        parser.error("a standard error needs two draws")
    asked = {REFERENCE, *arguments.only_methods}
    arguments.only_methods = [name for name in METHODS if name in asked]
    return arguments


def main():
    """Fit what has no line yet, and report."""
    arguments = parse()
    tables = CONFIRMED_ON if arguments.confirm else CHOSEN_ON
    tables += CONFIRMED_ON if arguments.all else ()
    first = HELD_OUT if arguments.held_out else 0
    tasks = [
        (table, n_labels, draw, method)
        for draw in range(first, first + arguments.draws)
        for table in tables
        if table in arguments.only_tables
        for n_labels in arguments.budgets
        for method in arguments.only_methods
    ]
    forget(arguments.lines, arguments.fresh)
    left = missing(tasks, read_lines(arguments.lines))
    found = Parallel(arguments.jobs, return_as="generator_unordered")(
        delayed(run)(*task, arguments.most_rows) for task in left
    )
    append_lines(found, arguments.lines)
    report_all(tasks, read_lines(arguments.lines), arguments)


if __name__ == "__main__":
    main()
