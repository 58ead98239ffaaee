"""How many labels are enough: studies of digits and of tables.

    python benchmarks/label_efficiency.py                  # all of RESULTS.md
    python benchmarks/label_efficiency.py --data wine --held-out
    python benchmarks/label_efficiency.py --data digits --only VAE

Settings are chosen with ``--held-out``, which never looks at a test fold. Finished fits
are kept in ``build/label_efficiency``, so that a study that is stopped goes on there.
"""

import argparse
import warnings
from pathlib import Path

from common import digits, machine
from sklearn.datasets import load_breast_cancer, load_wine, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    StratifiedKFold,
    StratifiedShuffleSplit,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.model_selection import label_efficiency_curve

OUT = Path("build/label_efficiency")

BASELINES = {
    "logistic regression": LogisticRegression(max_iter=1000),
    "SVC": SVC(),
    "random forest": RandomForestClassifier(),
    "gradient boosting": HistGradientBoostingClassifier(),
    "self-training SVC": SelfTrainingClassifier(SVC(probability=True)),
    "label spreading": LabelSpreading(kernel="knn", n_neighbors=7),
}
OURS = (FactorialMixtureVAE, SemiSupervisedVAE, SemafoVAE)


def table(load):
    """Return a loader's rows and labels."""
    return load(return_X_y=True)


def classification():
    """Return 20,000 rows of which 2 of 50 columns, and 2 that repeat them, tell."""
    return make_classification(20_000, 50, random_state=0)


FEW = (10, 20, 50, 100)
DATA = {  # rows and labels, numbers of labels, folds, draws of labels for each fold
    "digits": (digits, (20, 50, 100, 300, 1000), 5, 3),
    "breast cancer": (lambda: table(load_breast_cancer), FEW, 5, 5),
    "wine": (lambda: table(load_wine), FEW, 5, 5),
    "classification": (classification, (10, 30, 100, 1000), 3, 1),
}


def estimators(name):
    """Return ours and the others, by name; tables are standardised first."""
    if name == "digits":
        return BASELINES | {e.__name__: e() for e in OURS}
    ours = {e.__name__: e(likelihood="gaussian") for e in OURS}
    return {
        n: make_pipeline(StandardScaler(), e) for n, e in (BASELINES | ours).items()
    }


def splits(X, y, n_folds, held_out):
    """List the folds; or of the training rows of each, two parts."""
    if len(X) > 10_000:
        folds = StratifiedShuffleSplit(n_folds, test_size=0.2, random_state=0)
    else:
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=0)
    found = list(folds.split(X, y))
    if not held_out:
        return found
    return [
        train_test_split(train, test_size=0.25, stratify=y[train], random_state=fold)
        for fold, (train, _) in enumerate(found)
    ]


def study(name, arguments):
    """Run a study, keep its results, and print the mean accuracies."""
    load, budgets, n_folds, n_repeats = DATA[name]
    X, y = load()
    chosen = {n: e for n, e in estimators(name).items() if arguments.only in n}
    cv = splits(X, y, n_folds, arguments.held_out)
    fewest = min(len(train) for train, _ in cv)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = label_efficiency_curve(
            chosen,
            X,
            y,
            budgets=[budget for budget in budgets if budget <= fewest],
            cv=cv,
            n_repeats=n_repeats,
            random_state=0,
            n_jobs=arguments.jobs,
            cache=OUT / "cache",
            verbose=1,
        )
    part = "held out of training folds" if arguments.held_out else "test folds"
    print(f"\n{name}, {part}, accuracy in % (standard error over {n_folds} folds x ")
    print(f"{n_repeats} draws of labels)\n")
    cells = results.groupby(["estimator", "budget"], sort=False)["test_score"]
    mean, error = 100 * cells.mean().unstack(), 100 * cells.sem().unstack()
    seconds = results.groupby("estimator")["fit_time"].mean()
    print("| labels | " + " | ".join(map(str, mean.columns)) + " | s a fit |")
    print("|---|" + "---|" * (len(mean.columns) + 1))
    for row in mean.index:
        cells = zip(mean.loc[row], error.loc[row], strict=True)
        texts = [f"{m:.1f} ({e:.1f})" for m, e in cells]
        print(f"| {row} | " + " | ".join(texts) + f" | {seconds[row]:.1f} |")
    if not arguments.held_out and not arguments.only:
        results.to_csv(OUT / f"{name.replace(' ', '_')}.csv", index=False)
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=DATA, help="one data set, not all")
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--only", default="", help="estimators with this in their name")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    print(f"{machine()}; {arguments.jobs} processes of one thread each")
    for name in [arguments.data] if arguments.data else DATA:
        study(name, arguments)
