"""How many labels are enough: studies of digits, of tables and of two properties.

    python benchmarks/label_efficiency.py                  # all studies
    python benchmarks/label_efficiency.py wine --held-out  # one, on training rows
    python benchmarks/label_efficiency.py digits --only VAE

Settings are chosen with ``--held-out``, which never looks at a test fold. Finished fits
are kept in ``build/label_efficiency``, so that a study that is stopped goes on there;
delete the folder when the code of an estimator has changed.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from common import digits
from report import DECISIONS, add_save, report
from sklearn.datasets import load_breast_cancer, load_wine, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    StratifiedShuffleSplit,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.datasets import SPRITES_COLUMNS, make_sprites
from skfmvae.model_selection import (
    PartialLabelKFold,
    compare_estimators,
    label_efficiency_curve,
    partial_scorer,
)
from skfmvae.plotting import LabelEfficiencyDisplay

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


# Each study gives the estimators, rows, labels, numbers of labels, folds, and draws of
# labels for each fold.


def digits_study():
    """Return the study of digits, for the figure of the README."""
    estimators = {e.__name__: e() for e in OURS} | BASELINES
    return estimators, *digits(), (20, 50, 100, 300, 1000), 3, 1


def table_study(rows_and_labels, budgets=(10, 20, 50, 100), n_folds=5, n_repeats=1):
    """Return a study of a table, whose columns are standardised first."""
    ours = {e.__name__: e(likelihood="gaussian") for e in OURS}
    estimators = {
        name: make_pipeline(StandardScaler(), estimator)
        for name, estimator in (ours | BASELINES).items()
    }
    return estimators, *rows_and_labels, budgets, n_folds, n_repeats


def classification_study():
    """Return a study of 20,000 rows, where 4 of 50 columns are informative."""
    table = make_classification(20_000, 50, random_state=0)
    return table_study(table, (10, 30, 100), 3, 1)


def search_study():
    """Return the study of a search for settings among the few labels."""
    settings = {"style_dim": [2, 20], "objective__label_weight": [0.3, 3.0]}
    search = GridSearchCV(
        FactorialMixtureVAE(max_epochs=40),
        settings,
        cv=PartialLabelKFold(3),
        scoring=partial_scorer(),
    )
    return (
        {"as given": search.estimator, "searched": search},
        *digits(),
        (50,),
        5,
        1,
    )


STUDIES = {
    "breast cancer": lambda: table_study(load_breast_cancer(return_X_y=True)),
    "wine": lambda: table_study(load_wine(return_X_y=True)),
    "classification": classification_study,
    "digits": digits_study,
    "search": search_study,
}
# By the heading of a table: the page that it stands in, and its studies.
TABLES = {
    "Label-efficiency studies": (
        DECISIONS / "038-tables.md",
        ["breast cancer", "wine", "classification", "digits"],
    ),
    "A search among few labels": (DECISIONS / "032-search.md", ["search"]),
    "One property beside others": (
        DECISIONS / "033-joint-properties.md",
        ["two properties"],
    ),
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


def run(estimators, X, y, **settings):
    """Run a study, and go on with one that was stopped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return label_efficiency_curve(
            estimators, X, y, random_state=0, cache=OUT / "cache", verbose=1, **settings
        )


def cells(name, results):
    """Return the mean accuracies by estimator, as cells by the head of a column."""
    by_budget = results.groupby(["estimator", "budget"], sort=False)["test_score"]
    mean, error = 100 * by_budget.mean(), 100 * by_budget.sem()
    table = pd.DataFrame({"mean": mean, "error": error}).apply(
        lambda cell: f"{cell['mean']:.1f} ({cell['error']:.1f})", axis=1
    )
    table = table.unstack()
    table.columns = [f"{name}, {budget}" for budget in table.columns]
    seconds = results.groupby("estimator")["fit_time"].mean()
    table[f"{name}, s a fit"] = [
        f"{seconds[estimator]:.1f}" for estimator in table.index
    ]
    print(f"\n{name}\n{table.to_string()}", flush=True)
    return table


def study(name, arguments):
    """Run one of the studies by rows and labels; keep its figure, return its cells."""
    estimators, X, y, budgets, n_folds, n_repeats = STUDIES[name]()
    n_repeats = arguments.repeats or n_repeats
    cv = splits(X, y, n_folds, arguments.held_out)
    fewest = min(len(train) for train, _ in cv)
    results = run(
        {n: e for n, e in estimators.items() if arguments.only in n},
        X,
        y,
        budgets=[budget for budget in budgets if budget <= fewest],
        cv=cv,
        n_repeats=n_repeats,
        n_jobs=arguments.jobs,
    )
    if not (arguments.held_out or arguments.only):
        file = OUT / name.replace(" ", "_")
        results.to_csv(f"{file}.csv", index=False)
        display = LabelEfficiencyDisplay(results, confidence=0.68).plot()
        # A few that guess would press all others together.
        lowest = results["test_score"].quantile(0.05)
        display.ax_.set(ylabel="accuracy", ylim=(lowest, 1.0))
        display.figure_.savefig(f"{file}.png", dpi=110)
    return cells(name, results)


def two_properties(arguments):
    """Learn the shape of sprites beside labels of where and how they lie, or not."""
    X, y = make_sprites(
        2000, n_scales=3, n_orientations=4, n_positions=4, jitter=1.0, random_state=0
    )
    y = pd.DataFrame(y, columns=SPRITES_COLUMNS[: y.shape[1]])
    model = FactorialMixtureVAE(max_epochs=30)
    cv = splits(X, y["shape"], 5, arguments.held_out)
    budgets = (30, 100, 300)
    settings = {"cv": cv, "n_jobs": arguments.jobs}
    alone = run({"shape alone": model}, X, y["shape"], budgets=budgets, **settings)
    # What is not named keeps all its labels.
    beside = run(
        {"beside labels of the rest": model},
        X,
        y,
        budgets=[{"shape": budget} for budget in budgets],
        **settings,
    )
    beside["test_score"] = beside["test_score_shape"]
    results = pd.concat([alone, beside], join="inner", ignore_index=True)
    print("\n", compare_estimators(results, *results["estimator"].unique()[::-1]))
    return cells("shape of sprites", results)


def main():
    """Run studies, and report the tables that they stand in."""
    names = [*STUDIES, "two properties"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("studies", nargs="*", choices=[*names, []], metavar="study")
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--only", default="", help="estimators with this in their name")
    parser.add_argument("--repeats", type=int, help="draws of labels for each fold")
    parser.add_argument("--jobs", type=int, default=2)
    add_save(parser)
    arguments = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    np.set_printoptions(precision=3)
    for heading, (page, of_table) in TABLES.items():
        found = [
            two_properties(arguments)
            if name == "two properties"
            else study(name, arguments)
            for name in of_table
            if name in (arguments.studies or names)
        ]
        if found:
            table = pd.concat(found, axis=1).fillna("--")
            report(
                heading,
                ["accuracy in %, by labels", *table.columns],
                table.reset_index().to_numpy(),
                f"one fit for each split, {arguments.jobs} at a time; mean (standard "
                "error) over splits",
                arguments.save,
                page,
            )


if __name__ == "__main__":
    main()
