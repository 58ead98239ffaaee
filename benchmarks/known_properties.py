"""SemiSupervisedVAE on data with known properties: lit objects and several digits.

    python benchmarks/known_properties.py             # test rows: see RESULTS.md
    python benchmarks/known_properties.py --held-out  # other seeds, to choose settings

5,000 lit objects with 10 % of the identities and 10 % of the lights labelled, on rows
of their own, against a multilayer perceptron and a random forest of scikit-learn on the
same labels; every test row is then put under another light, and compared with its true
rendering. 4,000 canvases of up to three digits, with 5 % of the counts labelled. Each
seed draws other rows; 1,000 more of them are for testing.
"""

import argparse
import time
import warnings
from collections import defaultdict

import numpy as np
import torch
from report import add_save, report
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import nn

from skfmvae import SemiSupervisedVAE
from skfmvae.datasets import make_lit_objects, make_multi_digits, mask_labels
from skfmvae.estimators import Inference
from skfmvae.models import Continuous, Discrete, GraphicalModel

GRAPH = GraphicalModel({"identity": Discrete(), "light": Continuous(3)})
LIT_OBJECTS = {
    "graphical_model": GRAPH,
    "inference": Inference(prediction="joint"),
    "lr": 3e-3,
    "max_epochs": 100,
    "adversarial": None,
}


def convolve_and_average(n_inputs, n_outputs):
    """Build an encoder that finds what is on a canvas, wherever it lies."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 32, 32)),
        nn.Conv2d(1, 16, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.BatchNorm1d(16),
        nn.Linear(16, n_outputs),
    )


MULTI_DIGITS = {
    "encoder": convolve_and_average,
    "lr": 3e-3,
    "max_epochs": 20,
    "neighbours": None,
    "adversarial": None,
}


def angles(lights, others):
    """Return the angles between directions, in degrees."""
    lights = lights / np.linalg.norm(lights, axis=1, keepdims=True)
    return np.degrees(np.arccos(np.clip((lights * others).sum(axis=1), -1, 1)))


def lit_objects(seed):
    """Yield ``(model, identity error in %, median angle, rows closer in %, s)``."""
    X, y = make_lit_objects(6000, random_state=seed)
    groups = {"identity": [0], "light": [1, 2, 3]}
    X, X_test, y, y_test = X[:5000], X[5000:], y[:5000], y[5000:]
    partial = mask_labels(
        y, fraction=0.1, stratify=None, per_property=groups, random_state=seed
    )
    identity, light = y_test[:, 0], y_test[:, 1:]
    named, lit = ~np.isnan(partial[:, 0]), ~np.isnan(partial[:, 1])
    pairs = {
        "multilayer perceptron": (
            MLPClassifier((256,), max_iter=500, random_state=seed),
            MLPRegressor(hidden_layer_sizes=(256,), max_iter=500, random_state=seed),
        ),
        "random forest": (
            RandomForestClassifier(300, random_state=seed),
            RandomForestRegressor(100, max_features=0.1, random_state=seed),
        ),
    }
    for name, (classifier, regressor) in pairs.items():
        start = time.perf_counter()
        classifier.fit(X[named], y[named, 0])
        regressor.fit(X[lit], y[lit, 1:])
        seconds = time.perf_counter() - start
        error = 100 * np.mean(classifier.predict(X_test) != identity)
        angle = np.median(angles(regressor.predict(X_test), light))
        yield name, error, angle, np.nan, seconds

    start = time.perf_counter()
    model = SemiSupervisedVAE(**LIT_OBJECTS, random_state=seed).fit(X, partial)
    seconds = time.perf_counter() - start
    found = model.predict(X_test)
    error = 100 * np.mean(found[:, 0] != identity)
    new = make_lit_objects(1000, random_state=1000 + seed)[1][:, 1:]
    truth, _ = make_lit_objects(identity=identity.astype(int), light=new)
    relit = model.intervene(X_test, {"light": new})
    closer = ((relit - truth) ** 2).mean(1) < ((X_test - truth) ** 2).mean(1)
    angle = np.median(angles(found[:, 1:], light))
    yield "SemiSupervisedVAE", error, angle, 100 * closer.mean(), seconds


def multi_digits(seed):
    """Yield ``(model, error of the count in %, seconds)``."""
    X, y = make_multi_digits(5000, random_state=seed)
    X, X_test, y, y_test = X[:4000], X[4000:], y[:4000], y[4000:]
    partial = mask_labels(y[:, 0], fraction=0.05, random_state=seed)
    known = partial >= 0
    models = {
        "logistic regression on the sum": make_pipeline(
            FunctionTransformer(lambda X: X.sum(axis=1, keepdims=True)),
            StandardScaler(),
            LogisticRegression(C=100),
        ),
        "multilayer perceptron": MLPClassifier((256,), max_iter=500, random_state=seed),
        "random forest": RandomForestClassifier(300, random_state=seed),
        "SemiSupervisedVAE": SemiSupervisedVAE(**MULTI_DIGITS, random_state=seed),
    }
    for name, model in models.items():
        start = time.perf_counter()
        if name == "SemiSupervisedVAE":
            model.fit(X, partial)
        else:
            model.fit(X[known], partial[known])
        seconds = time.perf_counter() - start
        yield name, 100 * np.mean(model.predict(X_test) != y_test[:, 0]), seconds


def table(experiment, seeds):
    """Return the mean of every figure over seeds, and the deviation, as cells."""
    figures = defaultdict(list)
    for seed in seeds:
        for name, *values in experiment(seed):
            figures[name].append(values)
            print(f"seed {seed}: {name} {np.round(values, 2)}", flush=True)
    return {
        name: [
            f"{mean:.2f} ({sd:.2f})" if np.isfinite(mean) else "--"
            for mean, sd in zip(
                np.mean(rows, axis=0), np.std(rows, axis=0), strict=True
            )
        ]
        for name, rows in figures.items()
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    add_save(parser)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    torch.set_num_threads(1)
    first = 100 if arguments.held_out else 0
    seeds = range(first, first + arguments.seeds)
    lit, counted = table(lit_objects, seeds), table(multi_digits, seeds)
    missing = ["--"]
    report(
        "Data with known properties",
        ["", "identity error, %", "median angle, degrees", "relit closer, %", "s a fit"]
        + ["count error, %", "s a fit"],
        [
            [name, *lit.get(name, 4 * missing), *counted.get(name, 2 * missing)]
            for name in dict.fromkeys([*counted, *lit])
        ],
        f"{arguments.seeds} seeds, one fit at a time; mean (sd) over seeds",
        arguments.save,
    )
