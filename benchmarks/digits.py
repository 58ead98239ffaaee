"""Error on scikit-learn's digits against the number of labels, and clustering.

    python benchmarks/digits.py             # test folds: the table of RESULTS.md
    python benchmarks/digits.py --held-out  # rows held out of the training folds
    python benchmarks/digits.py --ablation  # one learning aid less, on held-out rows

Settings are chosen with ``--held-out``, which never looks at a test fold.
"""

import argparse
import time
import warnings
from collections import defaultdict

import numpy as np
import torch
from common import digits, keep_labels, machine
from joblib import Parallel, delayed
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from skfmvae import FactorialMixtureVAE

BUDGETS = (20, 50, 100, 300)
AIDS = {
    "neighbours": "graph",
    "adversarial": "virtual",
    "pseudo_labels": "aligned",
    "averaging": "exponential",
}


def ours(**params):
    """Return a fit-and-predict function of our estimator."""

    def fit_predict(X, y, X_test, seed):
        estimator = FactorialMixtureVAE(random_state=seed, **params)
        return estimator.fit(X, y).predict(X_test)

    return fit_predict


def supervised(make):
    """Return a fit-and-predict function that sees the labelled rows alone."""

    def fit_predict(X, y, X_test, seed):
        labelled = y != -1
        return make().fit(X[labelled], y[labelled]).predict(X_test)

    return fit_predict


def semi_supervised(make):
    """Return a fit-and-predict function that sees all rows."""

    def fit_predict(X, y, X_test, seed):
        return make().fit(X, y).predict(X_test)

    return fit_predict


METHODS = {
    "logistic regression": supervised(lambda: LogisticRegression(max_iter=1000)),
    "SVC": supervised(lambda: SVC(gamma="scale", C=10)),
    "self-training SVC": semi_supervised(
        lambda: SelfTrainingClassifier(SVC(C=10, probability=True, random_state=0))
    ),
    "label spreading, 7 neighbours": semi_supervised(
        lambda: LabelSpreading(kernel="knn", n_neighbors=7)
    ),
    "label spreading, rbf": semi_supervised(lambda: LabelSpreading(gamma=20)),
    "FactorialMixtureVAE": ours(),
    "FactorialMixtureVAE, learning aids": ours(**AIDS),
}
ABLATION = {
    "all learning aids": ours(**AIDS),
    **{f"no {name}": ours(**(AIDS | {name: None})) for name in AIDS},
}


def splits(held_out, n_seeds):
    """Yield ``(seed, fold, training rows, rows to score)`` of every split."""
    X, y = digits()
    for seed in range(n_seeds):
        folds = StratifiedKFold(5, shuffle=True, random_state=seed).split(X, y)
        for fold, (train, test) in enumerate(folds):
            if held_out:
                train, test = train_test_split(
                    train, test_size=0.25, stratify=y[train], random_state=fold
                )
            yield seed, fold, train, test


def run(fit_predict, n_labelled, seed, fold, train, test):
    """Return the test error in % and the seconds of one fit."""
    X, y = digits()
    partial = keep_labels(y[train], n_labelled, random_state=100 * seed + fold)
    torch.set_num_threads(1)
    start = time.perf_counter()
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predicted = fit_predict(X[train], partial, X[test], seed=10 * seed + fold)
    seconds = time.perf_counter() - start
    return 100 * np.mean(predicted != y[test]), seconds


def label_table(methods, budgets, held_out, n_seeds, n_jobs):
    """Print mean error, its spread over splits and the time, per method and budget."""
    tasks = [
        (name, n_labelled, split)
        for name in methods
        for n_labelled in budgets
        for split in splits(held_out, n_seeds)
    ]
    results = Parallel(n_jobs)(
        delayed(run)(methods[name], n_labelled, *split)
        for name, n_labelled, split in tasks
    )
    cells = defaultdict(list)
    for (name, n_labelled, _), result in zip(tasks, results, strict=True):
        cells[name, n_labelled].append(result)
    print(
        f"| error in % (sd over {len(cells[name, n_labelled])} splits) | "
        + " | ".join(f"{b} labels" for b in budgets)
        + " | s a fit |"
    )
    print("|---|" + "---|" * (len(budgets) + 1))
    for name in methods:
        errors = [np.array(cells[name, b]) for b in budgets]
        row = [f"{e[:, 0].mean():.2f} ({e[:, 0].std():.2f})" for e in errors]
        seconds = np.mean([e[:, 1].mean() for e in errors])
        print(f"| {name} | " + " | ".join(row) + f" | {seconds:.1f} |")


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
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    print(f"{machine()}; {arguments.jobs} processes of one thread each\n")
    if arguments.ablation:
        label_table(ABLATION, (20, 100), True, arguments.seeds, arguments.jobs)
    else:
        held_out, n_seeds = arguments.held_out, arguments.seeds
        label_table(METHODS, BUDGETS, held_out, n_seeds, arguments.jobs)
        print()
        cluster_table(5, arguments.jobs)
