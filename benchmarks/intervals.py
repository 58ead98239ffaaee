"""How many values intervals hold, of quantities known on 30 % of the rows.

    OMP_NUM_THREADS=1 python benchmarks/intervals.py
    OMP_NUM_THREADS=1 python benchmarks/intervals.py --only diabetes wine --draws 20

SemiSupervisedVAE at its defaults, with a graph of the quantity and a style, learns of
all training rows. Ridge regression, whose penalty cross-validation chooses, learns of
those with a known quantity. Each draw takes 70 % of the rows to train and the others
to test, and nothing is chosen by its figures. Columns are standardised by the training
rows, the quantities are not.
"""

import argparse
import time
import warnings

import numpy as np
import pandas as pd
import torch
from common import DATA_FOLDER
from report import DECISIONS, add_save, mean_and_deviation, report
from sklearn.datasets import load_diabetes, load_wine, make_friedman1
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skfmvae import SemiSupervisedVAE
from skfmvae.datasets import make_lit_objects
from skfmvae.models import Continuous, GraphicalModel, Latent

SHARE_KNOWN, SHARE_TESTED = 0.3, 0.3
COVERAGES = (0.5, 0.9)
MOST_ROWS = 4000
PENALTIES = np.geomspace(1e-2, 1e4, 13)


def diabetes(draw):
    """Return patients, and the progress of their disease."""
    return load_diabetes(return_X_y=True)


def wine(draw):
    """Return chemical analyses of wines, and their alcohol, the first column."""
    X, _ = load_wine(return_X_y=True)
    return X[:, 1:], X[:, 0]


def adult(draw):
    """Return people of a census, categories one-hot, and their hours of work a week.

    All entries of an unknown category are zero.
    """
    with np.load(DATA_FOLDER / "hivae" / "adult.npz") as data:
        rows, kind = data["data"], data["kind"]
    rows = pd.DataFrame(np.random.default_rng(draw).permutation(rows)[:MOST_ROWS])
    hours = rows.pop(rows.columns[-1])
    categories = [column for column in rows if kind[column] == "cat"]
    return pd.get_dummies(rows, columns=categories, dtype=float), hours


def lit_objects(draw):
    """Return images of objects, and the direction of the light, three numbers."""
    X, y = make_lit_objects(3000, random_state=draw)
    return X, y[:, 1:]


def friedman1(draw):
    """Return uniform columns, and a function of five of the ten with unit noise."""
    return make_friedman1(1000, noise=1.0, random_state=draw)


DATA = {
    "diabetes": diabetes,
    "wine": wine,
    "adult": adult,
    "lit objects": lit_objects,
    "friedman1": friedman1,
}


def split(name, draw):
    """Return training rows and quantities, test rows and quantities.

    Quantities are (n, d), those of the training rows NaN where they are unknown.
    """
    X, y = (np.asarray(values, dtype=np.float64) for values in DATA[name](draw))
    X, X_test, y, y_test = train_test_split(
        X, y.reshape(len(y), -1), test_size=SHARE_TESTED, random_state=draw
    )
    unknown = np.random.default_rng(draw).permutation(len(y))
    y[unknown[round(SHARE_KNOWN * len(y)) :]] = np.nan
    scaler = StandardScaler().fit(X)
    return scaler.transform(X), y, scaler.transform(X_test), y_test


def build(n_quantities, draw, **settings):
    """Return an estimator of some quantities, with a style as wide as by default."""
    graph = GraphicalModel({"amount": Continuous(n_quantities), "style": Latent()})
    return SemiSupervisedVAE(graph, random_state=draw, **settings)


def share_inside(interval, y):
    """Return the share of all values that lie in their intervals."""
    lower, upper = interval
    return np.mean((lower <= y) & (y <= upper))


def mean_width(interval, y):
    """Return the mean width of intervals in standard deviations of the quantities."""
    lower, upper = interval
    return np.mean((upper - lower) / y.std(axis=0))


def run(name, draw):
    """Return the figures of one draw, as `COLUMNS` names them."""
    X, y, X_test, y_test = split(name, draw)
    known = ~np.isnan(y[:, 0])
    ridge = RidgeCV(PENALTIES).fit(X[known], y[known])
    figures = [r2_score(y_test, ridge.predict(X_test).reshape(y_test.shape))]
    for calibrate in (True, False):
        model = build(y.shape[1], draw, calibrate=calibrate)
        start = time.perf_counter()
        model.fit(X, y)
        seconds = time.perf_counter() - start
        half, most = (model.property_interval(X_test, c)["amount"] for c in COVERAGES)
        if calibrate:
            score = model.score(X_test, y_test)
            width, calibrated_seconds = mean_width(most, y_test), seconds
        figures += [100 * share_inside(interval, y_test) for interval in (half, most)]
    return [score, *figures, width, calibrated_seconds]


COLUMNS = (
    ("R²", "R² of ridge", "inside 50 %, %", "inside 90 %, %")
    + ("inside 50 %, uncalibrated, %", "inside 90 %, uncalibrated, %")
    + ("width of 90 %, sd", "s a fit")
)  # fmt: skip
FORMATS = (".3f", ".3f", ".1f", ".1f", ".1f", ".1f", ".2f", ".1f")


def main():
    """Fit, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--draws", type=int, default=5)
    add_save(parser)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    rows = []
    for name in arguments.only:
        found = []
        for draw in range(arguments.draws):
            found.append(run(name, draw))
            print(f"{name}, draw {draw}: {np.round(found[-1], 3)}", flush=True)
        n_known = np.count_nonzero(~np.isnan(split(name, 0)[1][:, 0]))
        rows.append([name, str(n_known), *mean_and_deviation(found, FORMATS)])
    report(
        "Intervals of quantities",
        ["", "known values", *COLUMNS],
        rows,
        f"{arguments.draws} draws of rows, one fit at a time; mean (sd) over draws",
        arguments.save,
        DECISIONS / "037-calibration.md",
    )


if __name__ == "__main__":
    main()
