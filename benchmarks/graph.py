"""The neighbour graph: its time and memory, and the errors of labels spread over it.

    python benchmarks/graph.py
    python benchmarks/graph.py --search
    python benchmarks/graph.py --spread
    python benchmarks/graph.py --prior

The second searches neighbours among up to 500,000 rows, MNIST moved by up to two
pixels, exactly and approximately. The others compare how far labels spread, and what is
assumed of the class prior. All errors are on unlabelled training rows; no test row is
read.
"""

import argparse
import re
import time
import tracemalloc
from pathlib import Path

import numpy as np
from common import digits, keep_labels, mnist, unequal_digits
from report import DECISIONS, add_save, report
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfmvae.images import ImageDistortion, OrientedGradients
from skfmvae.neighbour_graph import build_neighbour_graph
from skfmvae.neighbour_graph.class_prior import estimate_class_prior
from skfmvae.neighbour_graph.components import principal_components
from skfmvae.neighbour_graph.edges import N_CANDIDATES, self_scaled_weights
from skfmvae.neighbour_graph.propagation import default_alpha, label_probabilities
from skfmvae.neighbour_graph.search import nearest_candidates, nearest_rows

N_NEIGHBORS = 5
EDGES = {
    "digits": OrientedGradients(cell_size=2),
    "MNIST": make_pipeline(
        OrientedGradients(n_orientations=16, cell_size=3), PCA(100, random_state=0)
    ),
}
DISTORTION = {"digits": ImageDistortion(warp=1), "MNIST": ImageDistortion()}
N_ROWS = (60_000, 100_000, 200_000, 500_000)
SPREADS = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15)  # 1 - alpha
N_SAMPLED = 2000  # rows that are searched exactly, to time that and to judge the other


def cost_table():
    """Return time, peak memory while building and memory kept, by number of rows."""
    small = [cost(X[:1500], y[:1500]) for X, y in (digits(), mnist()[:2])]
    return [*small, cost(*mnist()[:2])]


def cost(X, y):
    """Return one row of the table; time and memory are measured in turn."""
    codes = keep_labels(y, 100, random_state=0)[:, None]
    start = time.perf_counter()
    graph = build_neighbour_graph(X, codes, [10], n_neighbors=N_NEIGHBORS)
    seconds = time.perf_counter() - start
    tracemalloc.start()
    build_neighbour_graph(X, codes, [10], n_neighbors=N_NEIGHBORS)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    weights = graph.weights
    kept = weights.data.nbytes + weights.indices.nbytes + weights.indptr.nbytes
    kept = (kept + graph.labels[0].proba.nbytes) / 2**20
    cells = len(X), X.shape[1], f"{seconds:.1f}", f"{peak:.0f}", f"{kept:.1f}"
    return [str(cell) for cell in cells]


def prior_table(n_draws):
    """Return the error of propagation on several graphs, by class prior."""
    tables = {
        "digits": (*digits(), (20, 50, 100, 300)),
        "digits, 10 to 1": (*unequal_digits(), (20, 50, 100)),
        "MNIST": (*mnist()[:2], (20, 50, 100, 300)),
    }
    rows = []
    for name, (X, y, budgets) in tables.items():
        distances = nearest_rows(principal_components(X), N_NEIGHBORS)
        rows += prior_rows(name, distances, y, budgets, n_draws)
    for name, features in EDGES.items():
        X, y, budgets = tables[name]
        found = features.fit_transform(X)
        distances = nearest_rows(found, N_NEIGHBORS)
        rows += prior_rows(f"{name}, edges", distances, y, budgets, n_draws)
        candidates = nearest_rows(found, N_CANDIDATES)
        distances = nearest_candidates(DISTORTION[name], X, candidates, N_NEIGHBORS)
        rows += prior_rows(f"{name}, edges, distorted", distances, y, budgets, n_draws)
    return rows


def prior_rows(name, distances, y, budgets, n_draws):
    """Return the error of propagation, by what is assumed of the class prior."""
    weights = self_scaled_weights(distances)
    n_classes = len(np.unique(y))
    errors = np.zeros((3, len(budgets), n_draws))
    for b, n_labelled in enumerate(budgets):
        for draw in range(n_draws):
            codes = keep_labels(y, n_labelled, random_state=1000 + draw)
            priors = (
                np.full(n_classes, 1 / n_classes),
                estimate_class_prior(distances, codes, n_classes),
                np.bincount(y) / len(y),
            )
            for kind, prior in enumerate(priors):
                proba = label_probabilities(weights, codes, default_alpha(codes), prior)
                found = proba.argmax(axis=1)
                errors[kind, b, draw] = 100 * np.mean((found != y)[codes < 0])
    return [
        [name, kind]
        + [f"{e.mean():.1f} ({e.std():.1f})" for e in values]
        + [""] * (4 - len(budgets))
        for kind, values in zip(("equal", "estimated", "true"), errors, strict=True)
    ]


def spread_table(n_draws):
    """Return the error of propagation by how far labels spread, and by the rule."""
    rows = []
    tables = {
        "digits": (*digits(), (20, 50, 100, 300)),
        "breast cancer": (*scaled(load_breast_cancer), (10, 20, 50, 100)),
        "wine": (*scaled(load_wine), (6, 12, 24)),
    }
    for name, (X, y, budgets) in tables.items():
        distances = nearest_rows(X, N_NEIGHBORS)
        rows += spread_rows(name, distances, y, budgets, n_draws)
    X, y = mnist()[:2]
    candidates = nearest_rows(EDGES["MNIST"].fit_transform(X), N_CANDIDATES)
    distances = nearest_candidates(DISTORTION["MNIST"], X, candidates, N_NEIGHBORS)
    budgets = 20, 100, 300, 1000
    return rows + spread_rows("MNIST, edges, distorted", distances, y, budgets, n_draws)


def spread_rows(name, distances, y, budgets, n_draws):
    """Return the lines of some data, one per number of labels."""
    table = []
    weights = self_scaled_weights(distances)
    n_classes = len(np.unique(y))
    for n_labelled in budgets:
        errors = np.empty((n_draws, len(SPREADS) + 1))
        for draw in range(n_draws):
            codes = keep_labels(y, n_labelled, random_state=1000 + draw)
            prior = estimate_class_prior(distances, codes, n_classes)
            alphas = [*(1 - spread for spread in SPREADS), default_alpha(codes)]
            for a, alpha in enumerate(alphas):
                found = label_probabilities(weights, codes, alpha, prior).argmax(axis=1)
                errors[draw, a] = 100 * np.mean((found != y)[codes < 0])
        cells = [f"{error:.2f}" for error in errors.mean(axis=0)]
        cells[-1] += f" ({errors[:, -1].std():.2f}; {1 - default_alpha(codes):.3f})"
        table.append([name, str(n_labelled), *cells])
        print(table[-1], flush=True)
    return table


def scaled(load):
    """Return the rows of a table, their columns scaled to unit variance, and labels."""
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def search_table():
    """Return time, recall and memory of both searches, and the time of the rest."""
    X, y = moved_mnist(max(N_ROWS))
    nearest_rows(X[:1000], N_NEIGHBORS, exact_up_to=0)  # compiles itself
    return [search(X[:n], y[:n]) for n in N_ROWS]


def search(X, y):
    """Return one row of the table."""
    before = peak(anew=True)
    start = time.perf_counter()
    found = nearest_rows(X, N_NEIGHBORS, exact_up_to=0)
    approximate = time.perf_counter() - start
    codes = keep_labels(y, 100, random_state=0)[:, None]
    start = time.perf_counter()
    build_neighbour_graph(X, codes, [10], n_neighbors=N_NEIGHBORS, exact_up_to=0)
    rest = time.perf_counter() - start - approximate
    above = peak() - before
    sampled = np.random.default_rng(0).choice(len(X), N_SAMPLED, replace=False)
    start = time.perf_counter()
    distances, _ = NearestNeighbors().fit(X).kneighbors(X[sampled], N_NEIGHBORS + 1)
    exact = (time.perf_counter() - start) * len(X) / N_SAMPLED
    # What is as near as the last neighbour is right, for there are twins.
    last = distances[:, -1:] * (1 + 1e-5)
    recall = 100 * np.mean(found.data.reshape(len(X), -1)[sampled] <= last)
    row = [str(len(X)), f"{exact:.0f}", f"{approximate:.1f}", f"{recall:.1f}"]
    row += [f"{rest:.1f}", f"{above:.0f}"]
    print(row, flush=True)
    return row


def moved_mnist(n):
    """Return MNIST and moved copies of it, as principal components, and the labels."""
    images, y = mnist()[:2]
    rng = np.random.default_rng(0)
    which = np.arange(n) % len(images)
    steps = rng.integers(-2, 3, size=(n, 2))
    steps[: len(images)] = 0
    pca = PCA(50, random_state=0).fit(images)
    X = np.empty((n, 50), np.float32)
    for step in np.unique(steps, axis=0):
        rows = np.flatnonzero((steps == step).all(axis=1))
        moved = np.roll(images[which[rows]].reshape(-1, 28, 28), step, axis=(1, 2))
        X[rows] = pca.transform(moved.reshape(-1, 784))
    return X, y[which]


def peak(anew=False):
    """Return the most memory that this process held, in MiB, as Linux reports it.

    Memory of compiled code is missing from what tracemalloc reports.
    """
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) / 2**10


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--search", action="store_true")
    parser.add_argument("--spread", action="store_true")
    parser.add_argument("--prior", action="store_true")
    add_save(parser)
    arguments = parser.parse_args()
    draws = f"{arguments.draws} draws of even labels"
    if arguments.search:
        report(
            "Exact and approximate search",
            ["rows", "exact, s", "approximate, s", "recall, %", "rest, s", "peak, MiB"],
            search_table(),
            f"recall and exact time of {N_SAMPLED} rows",
            arguments.save,
            DECISIONS / "003-neighbour-search.md",
        )
    elif arguments.spread:
        report(
            "Error by 1 - alpha",
            [
                "rows, error in %",
                "labels",
                *map(str, SPREADS),
                "the rule (sd; 1 - alpha)",
            ],
            spread_table(arguments.draws),
            f"{draws}; mean",
            arguments.save,
            DECISIONS / "007-label-spread.md",
        )
    elif arguments.prior:
        report(
            "Error by class prior",
            ["rows, error in %", "class prior"]
            + [f"{n} labels" for n in (20, 50, 100, 300)],
            prior_table(arguments.draws),
            f"{draws}; mean (sd)",
            arguments.save,
            DECISIONS / "009-class-prior.md",
        )
    else:
        report(
            "The neighbour graph",
            ["rows", "columns", "s", "peak, MiB", "kept, MiB"],
            cost_table(),
            "built once; memory of NumPy's and SciPy's arrays",
            arguments.save,
            DECISIONS / "003-neighbour-search.md",
        )
