"""Error on scikit-learn's digits against the number of labels, and clustering.

    python benchmarks/digits.py             # test folds: the table of RESULTS.md
    python benchmarks/digits.py --held-out  # rows held out of the training folds
    python benchmarks/digits.py --ablation  # one regularizer less, on held-out rows
    python benchmarks/digits.py --only SemiSupervisedVAE  # some rows of the table
    python benchmarks/digits.py --unequal   # classes with shares from 10 to 1
    python benchmarks/digits.py --clusters  # ten clusters without labels

Settings are chosen with ``--held-out``, which never looks at a test fold.
"""

import argparse
import time
import warnings
from collections import defaultdict

import numpy as np
import torch
from common import digits, keep_labels, machine, unequal_digits
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.metrics import expected_calibration_error
from skfmvae.nn import MLP
from skfmvae.regularizers import Neighbours
from skfmvae.training import EarlyStopping

BUDGETS = (20, 50, 100, 300)
AIDS = ("neighbours", "adversarial")
OFF = dict.fromkeys(AIDS)

# Each with its estimator, less the random state.
BASELINES = {
    "logistic regression": LogisticRegression(max_iter=1000),
    "SVC": SVC(gamma="scale", C=10),
    "self-training SVC": SelfTrainingClassifier(SVC(C=10, probability=True)),
    "label spreading, 7 neighbours": LabelSpreading(kernel="knn", n_neighbors=7),
    "label spreading, rbf": LabelSpreading(gamma=20),
}
OURS = {
    "FactorialMixtureVAE, no regularizers": FactorialMixtureVAE(**OFF),
    "FactorialMixtureVAE": FactorialMixtureVAE(),
    "SemiSupervisedVAE, no regularizers": SemiSupervisedVAE(**OFF),
    "SemiSupervisedVAE": SemiSupervisedVAE(),
    "SemafoVAE, no regularizers": SemafoVAE(**OFF),
    "SemafoVAE": SemafoVAE(),
}
ABLATION = {
    "all regularizers": FactorialMixtureVAE(),
    **{f"no {name}": FactorialMixtureVAE(**{name: None}) for name in AIDS},
    "none": FactorialMixtureVAE(**OFF),
    "all, networks in bfloat16": FactorialMixtureVAE(
        encoder=MLP(precision="bfloat16"), decoder=MLP(precision="bfloat16")
    ),
    "all, early stopping": FactorialMixtureVAE(early_stopping=EarlyStopping()),
}
SEE_LABELLED_ROWS_ALONE = (LogisticRegression, SVC)


def splits(y, held_out, n_seeds):
    """Yield ``(seed, fold, training rows, rows to score)`` of every split."""
    for seed in range(n_seeds):
        folds = StratifiedKFold(5, shuffle=True, random_state=seed).split(y, y)
        for fold, (train, test) in enumerate(folds):
            if held_out:
                train, test = train_test_split(
                    train, test_size=0.25, stratify=y[train], random_state=fold
                )
            yield seed, fold, train, test


def run(estimator, X, y, n_labelled, seed, fold, train, test):
    """Return error and expected calibration error in %, and seconds, of one fit."""
    partial = keep_labels(y[train], n_labelled, random_state=100 * seed + fold)
    estimator = clone(estimator)
    for name in estimator.get_params():
        if name.split("__")[-1] == "random_state":
            estimator.set_params(**{name: 10 * seed + fold})
    torch.set_num_threads(1)
    start = time.perf_counter()
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(estimator, SEE_LABELLED_ROWS_ALONE):
            labelled = partial != -1
            estimator.fit(X[train][labelled], partial[labelled])
        else:
            estimator.fit(X[train], partial)
        seconds = time.perf_counter() - start
        error = np.mean(estimator.predict(X[test]) != y[test])
        calibration = np.nan
        if hasattr(estimator, "predict_proba"):
            # Label spreading has none to give for rows that no label reaches.
            proba = np.nan_to_num(estimator.predict_proba(X[test]))
            calibration = expected_calibration_error(
                y[test], proba, labels=estimator.classes_
            )
    return 100 * error, 100 * calibration, seconds


def label_table(estimators, X, y, budgets, arguments):
    """Print error, calibration and time of each estimator at each budget."""
    tasks = [
        (name, n_labelled, split)
        for name in estimators
        for n_labelled in budgets
        for split in splits(y, arguments.held_out, arguments.seeds)
    ]
    results = Parallel(arguments.jobs)(
        delayed(run)(estimators[name], X, y, n_labelled, *split)
        for name, n_labelled, split in tasks
    )
    cells = defaultdict(list)
    for (name, n_labelled, _), result in zip(tasks, results, strict=True):
        cells[name, n_labelled].append(result)
    n_splits = len(results) // len(estimators) // len(budgets)
    print(
        f"| error in % (sd over {n_splits} splits) | "
        + " | ".join(f"{b} labels" for b in budgets)
        + " | calibration error in % | s a fit |"
    )
    print("|---|" + "---|" * (len(budgets) + 2))
    for name in estimators:
        errors, calibration, seconds = np.moveaxis(
            np.array([cells[name, b] for b in budgets]), 2, 0
        )
        row = [f"{e.mean():.2f} ({e.std():.2f})" for e in errors]
        means = calibration.mean(axis=1)
        row.append(" / ".join("--" if np.isnan(m) else f"{m:.1f}" for m in means))
        row.append(f"{seconds.mean():.1f}")
        print(f"| {name} | " + " | ".join(row) + " |")
    print()


def knowing_shares(y):
    """Return an estimator that is told how large the classes are."""
    shares = np.bincount(y) / len(y)
    return FactorialMixtureVAE(neighbours=Neighbours(class_prior=shares))


def cluster(seed, **params):
    """Return the adjusted Rand index of a fit without labels, and its seconds."""
    X, y = digits()
    torch.set_num_threads(1)
    start = time.perf_counter()
    estimator = FactorialMixtureVAE(random_state=seed, **params).fit(X)
    found = estimator.predict(X)
    seconds = time.perf_counter() - start
    proba = estimator.predict_proba(X)
    entropy = -(proba * np.log(np.maximum(proba, 1e-12))).sum(1).mean()
    return adjusted_rand_score(y, found), len(np.unique(found)), entropy, seconds


def cluster_table(n_seeds, n_jobs, **params):
    """Print how well ten components without labels agree with the digits."""
    print("| seed | adjusted Rand index | components used | entropy (nats) | s |")
    print("|---|---|---|---|---|")
    results = Parallel(n_jobs)(
        delayed(cluster)(seed, **params) for seed in range(n_seeds)
    )
    for seed, (score, used, entropy, seconds) in enumerate(results):
        print(
            f"| {seed} | {score:.3f} | {used} of 10 | {entropy:.3f} | {seconds:.1f} |"
        )
    print(f"| mean | {np.mean([r[0] for r in results]):.3f} | | | |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--ablation", action="store_true")
    parser.add_argument("--unequal", action="store_true")
    parser.add_argument("--clusters", action="store_true")
    parser.add_argument("--only", default="", help="rows whose name has this in it")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    arguments.held_out |= arguments.ablation
    print(f"{machine()}; {arguments.jobs} processes of one thread each\n")
    if arguments.clusters:
        for title, params in (("defaults", {}), ("no regularizers", OFF)):
            print(f"{title}:\n")
            cluster_table(5, arguments.jobs, **params)
            print()
        raise SystemExit
    rows, data, budgets = BASELINES | OURS, digits(), BUDGETS
    if arguments.ablation:
        rows, budgets = ABLATION, (20, 100)
    if arguments.unequal:
        data, budgets = unequal_digits(), BUDGETS[:3]
        rows = rows | {"FactorialMixtureVAE, known shares": knowing_shares(data[1])}
    chosen = {name: row for name, row in rows.items() if arguments.only in name}
    label_table(chosen, *data, budgets, arguments)
