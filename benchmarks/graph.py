"""The graph of nearest neighbours: its time and memory, and what labels on it give.

    python benchmarks/graph.py

All errors are on unlabelled training rows; no test row is read.
"""

import argparse
import time
import tracemalloc

import numpy as np
from common import digits, keep_labels, machine, mnist, unequal_digits

from skfmvae.training.graph import (
    NeighbourGraph,
    estimate_shares,
    match_shares,
    nearest_neighbour_graph,
    propagate,
    spread_for,
)

N_NEIGHBORS = 5


def cost_table():
    """Print time, peak memory while building and memory kept, by number of rows."""
    print("| rows | columns | s | peak, MiB | kept, MiB |")
    print("|---|---|---|---|---|")
    for X, y in ((X[:1500], y[:1500]) for X, y in (digits(), mnist()[:2])):
        print_cost(X, y)
    print_cost(*mnist()[:2])


def print_cost(X, y):
    """Print one row of the table; time and memory are measured in turn."""
    codes = keep_labels(y, 100, random_state=0)[:, None]
    start = time.perf_counter()
    graph = NeighbourGraph(X, codes, [10], N_NEIGHBORS)
    seconds = time.perf_counter() - start
    tracemalloc.start()
    NeighbourGraph(X, codes, [10], N_NEIGHBORS)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    weights = graph.weights
    kept = weights.data.nbytes + weights.indices.nbytes + weights.indptr.nbytes
    kept = (kept + graph.propagated[0].nbytes) / 2**20
    print(f"| {len(X)} | {X.shape[1]} | {seconds:.1f} | {peak:.0f} | {kept:.1f} |")


def error_table(name, X, y, budgets, n_draws):
    """Print the error of propagation, by what is assumed of the classes' shares."""
    weights, distances = nearest_neighbour_graph(X, N_NEIGHBORS)
    n_classes = len(np.unique(y))
    errors = np.zeros((3, len(budgets), n_draws))
    for b, n_labelled in enumerate(budgets):
        for draw in range(n_draws):
            codes = keep_labels(y, n_labelled, random_state=1000 + draw)
            scores = propagate(weights, codes, n_classes, spread_for(codes))
            shares = (
                np.full(n_classes, 1 / n_classes),
                estimate_shares(distances, codes, n_classes),
                np.bincount(y) / len(y),
            )
            for kind, share in enumerate(shares):
                found = match_shares(scores, share).argmax(axis=1)
                errors[kind, b, draw] = 100 * np.mean((found != y)[codes < 0])
    for kind, values in zip(("equal", "estimated", "true"), errors, strict=True):
        cells = " | ".join(f"{e.mean():.1f} ({e.std():.1f})" for e in values)
        print(f"| {name} | {kind} | {cells} |" + " |" * (4 - len(budgets)), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10)
    n_draws = parser.parse_args().draws
    print(f"{machine()}\n")
    cost_table()
    print(f"\nError in % (sd over {n_draws} draws of even labels)\n")
    print("| rows | shares | 20 labels | 50 labels | 100 labels | 300 labels |")
    print("|---|---|---|---|---|---|")
    error_table("digits", *digits(), (20, 50, 100, 300), n_draws)
    error_table("digits, 10 to 1", *unequal_digits(), (20, 50, 100), n_draws)
    error_table("MNIST", *mnist()[:2], (20, 50, 100, 300), n_draws)
