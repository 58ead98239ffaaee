"""Error on scikit-learn's digits against the number of labels, and clustering.

    python benchmarks/digits.py             # test folds: the table of RESULTS.md
    python benchmarks/digits.py --held-out  # rows held out of the training folds
    python benchmarks/digits.py --ablation  # one regularizer less, on held-out rows
    python benchmarks/digits.py --only SemiSupervisedVAE  # some rows of the table
    python benchmarks/digits.py --unequal   # classes as frequent as 10 to 1
    python benchmarks/digits.py --clusters  # ten clusters without labels

Settings are chosen with ``--held-out``, which never looks at a test fold.
"""

import argparse
import time
import warnings
from collections import defaultdict

import numpy as np
import torch
from common import digits, keep_labels, unequal_digits
from joblib import Parallel, delayed
from report import DECISIONS, RESULTS, add_save, report
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC
from tables import scores
from threadpoolctl import threadpool_limits

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.nn import MLP
from skfmvae.regularizers import Neighbours
from skfmvae.training import EarlyStopping

BUDGETS = (20, 50, 100, 300)
REGULARIZERS = ("neighbours", "adversarial")
OFF = dict.fromkeys(REGULARIZERS)

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
    **{f"no {name}": FactorialMixtureVAE(**{name: None}) for name in REGULARIZERS},
    "none": FactorialMixtureVAE(**OFF),
    "all, networks in bfloat16": FactorialMixtureVAE(
        encoder=MLP(precision="bfloat16"), decoder=MLP(precision="bfloat16")
    ),
    "all, early stopping": FactorialMixtureVAE(callbacks=[EarlyStopping()]),
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
    """Return error in %, log loss, calibration error in %, and seconds, of one fit."""
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
        guess = estimator.predict(X[test])
        # The digits are the codes of their classes.
        found = {"log_loss": np.nan, "calibration": np.nan}
        if hasattr(estimator, "predict_proba"):
            found = scores(y[test], guess, estimator.predict_proba(X[test]))
    error, calibration = np.mean(guess != y[test]), found["calibration"]
    return 100 * error, found["log_loss"], 100 * calibration, seconds


def label_table(estimators, X, y, budgets, arguments):
    """Return the figures of each estimator at each budget, as cells."""
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
    table = []
    for name in estimators:
        errors, losses, calibration, seconds = np.moveaxis(
            np.array([cells[name, b] for b in budgets]), 2, 0
        )
        row = [f"{e.mean():.2f} ({e.std():.2f})" for e in errors]
        for means, form in ((losses.mean(1), ".2f"), (calibration.mean(1), ".1f")):
            row.append(
                " / ".join("--" if np.isnan(m) else f"{m:{form}}" for m in means)
            )
        table.append([name, *row, f"{seconds.mean():.1f}"])
    return table


def knowing_class_prior(y):
    """Return an estimator that is given how large the classes are."""
    prior = np.bincount(y) / len(y)
    return FactorialMixtureVAE(neighbours=Neighbours(class_prior=prior))


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


def cluster_row(n_seeds, n_jobs, **params):
    """Return how well ten components without labels agree with the digits, as cells."""
    results = Parallel(n_jobs)(
        delayed(cluster)(seed, **params) for seed in range(n_seeds)
    )
    score, used, entropy, seconds = np.transpose(results)
    return [
        f"{score.mean():.3f} ({score.std():.3f})",
        f"{score.min():.3f}, {score.max():.3f}",
        f"{used.min():.0f} of 10",
        f"{entropy.mean():.3f}",
        f"{seconds.mean():.1f}",
    ]


def clusters(arguments):
    """Report clusters without labels, with regularizers and without."""
    report(
        "Digits without labels",
        ["", "adjusted Rand index", "lowest, highest", "fewest components used"]
        + ["entropy, nats", "s a fit"],
        [
            [name, *cluster_row(5, arguments.jobs, **params)]
            for name, params in (("at the defaults", {}), ("no regularizers", OFF))
        ],
        f"5 seeds, all rows, {arguments.jobs} fits at a time; mean (sd) over seeds",
        arguments.save,
    )


def errors(arguments):
    """Report errors by estimators and numbers of labels."""
    heading, page = "Digits", RESULTS
    rows, data, budgets = BASELINES | OURS, digits(), BUDGETS
    if arguments.ablation:
        heading, page = (
            "Digits, one regularizer less",
            DECISIONS / "015-regularizers.md",
        )
        rows, budgets = ABLATION, (20, 100)
    if arguments.unequal:
        heading, page = "Digits of unequal classes", DECISIONS / "009-class-prior.md"
        data, budgets = unequal_digits(), BUDGETS[:3]
        known = knowing_class_prior(data[1])
        rows = rows | {"FactorialMixtureVAE, known class prior": known}
    chosen = {name: rows[name] for name in arguments.only or rows}
    report(
        heading,
        ["error in %", *(f"{b} labels" for b in budgets)]
        + ["log loss", "calibration error in %", "s a fit"],
        label_table(chosen, *data, budgets, arguments),
        f"5 folds x {arguments.seeds} seeds, {arguments.jobs} fits at a time; mean "
        "(sd) over splits",
        arguments.save,
        page,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--ablation", action="store_true")
    parser.add_argument("--unequal", action="store_true")
    parser.add_argument("--clusters", action="store_true")
    parser.add_argument("--only", nargs="+", help="rows of the table, by name")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    add_save(parser)
    arguments = parser.parse_args()
    arguments.held_out |= arguments.ablation
    if arguments.clusters:
        clusters(arguments)
    else:
        errors(arguments)
