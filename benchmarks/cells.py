"""Types of blood cells by their genes, with ten labels of each of nine types.

    OMP_NUM_THREADS=1 python benchmarks/cells.py

The estimators, at their defaults, see the counts of genes in a CSR matrix under
likelihood="negative_binomial", or 50 principal components of them under the default
likelihood; what is compared with them sees the components. The file that `common.cells`
reads holds 2,000 of the genes. Components are those of all cells: everything here is
transductive, that is, scores are of the unlabelled rows of `fit`. Nothing is chosen by
them.
"""

import argparse
import time
import warnings
from functools import partial

import numpy as np
import torch
from common import cells
from report import DECISIONS, add_save, mean_and_deviation, report
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler, normalize
from sklearn.semi_supervised import LabelSpreading
from tables import hide_labels, scores

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE

N_LABELS = 10  # of a type, or all that it has
N_COMPONENTS = 50
COLUMNS = ("accuracy, %", "log loss", "calibration error, %", "s a fit")
FORMATS = (".1f", ".2f", ".1f", ".1f")
OURS = (FactorialMixtureVAE, SemiSupervisedVAE, SemafoVAE)

# What each method sees, and how a seed builds it.
METHODS = {
    **{
        f"{ours.__name__}, counts": (
            "counts",
            partial(ours, likelihood="negative_binomial"),
        )
        for ours in OURS
    },
    **{f"{ours.__name__}, components": ("components", ours) for ours in OURS},
    "logistic regression": (
        "components",
        lambda random_state: LogisticRegression(max_iter=1000),
    ),
    "label spreading": (
        "components",
        lambda random_state: LabelSpreading(kernel="knn", n_neighbors=7),
    ),
}


def components(X):
    """Return principal components of counts as single-cell studies compute them.

    Counts become counts per 10,000 of a cell, logarithms of one more, and columns of
    unit variance. Components keep their own variances: with these made equal, the many
    that are noise count as much as the few that tell types apart, and label spreading
    falls from 76 to 52 % of two other draws.
    """
    logs = np.log1p(1e4 * normalize(X.astype(np.float64), norm="l1").toarray())
    pca = PCA(N_COMPONENTS, random_state=0)
    return pca.fit_transform(StandardScaler().fit_transform(logs)).astype(np.float32)


def run(method, rows, y, draw):
    """Fit once; return the figures that `COLUMNS` names.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    rows : dict of str to ndarray or CSR matrix
        By what methods see.
    y : int ndarray of shape (n,)
        Types, of which the draw hides most.
    draw : int
        Seed of the labels that are known, and of the method.
    """
    partial_labels = hide_labels(y, N_LABELS, draw)
    hidden = partial_labels < 0
    sees, build = METHODS[method]
    X, model = rows[sees], build(random_state=draw)
    start = time.perf_counter()
    if method == "logistic regression":
        model.fit(X[~hidden], y[~hidden])
    else:
        model.fit(X, partial_labels)
    seconds = time.perf_counter() - start
    found = scores(y[hidden], model.predict(X[hidden]), model.predict_proba(X[hidden]))
    accuracy, loss, error = (found[n] for n in ("accuracy", "log_loss", "calibration"))
    return [100 * accuracy, loss, 100 * error, seconds]


def main():
    """Fit, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--draws", type=int, default=5)
    add_save(parser)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    X, y = cells()
    rows = {"counts": X, "components": components(X)}
    table = []
    for method in arguments.only:
        found = []
        for draw in range(arguments.draws):
            found.append(run(method, rows, y, draw))
            print(f"{method}, draw {draw}: {np.round(found[-1], 3)}", flush=True)
        table.append([method, *mean_and_deviation(found, FORMATS)])
    report(
        "Types of blood cells",
        [f"{N_LABELS} labels a type", *COLUMNS],
        table,
        f"{arguments.draws} draws of labels, unlabelled rows of fit, one fit at a "
        "time; mean (sd) over draws",
        arguments.save,
        DECISIONS / "038-tables.md",
    )


if __name__ == "__main__":
    main()
