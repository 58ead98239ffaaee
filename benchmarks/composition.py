"""What a factorial prior is for: combinations of properties that no row showed.

    OMP_NUM_THREADS=1 python benchmarks/composition.py
    OMP_NUM_THREADS=1 python benchmarks/composition.py --baselines
    OMP_NUM_THREADS=1 python benchmarks/composition.py --unlabelled
    OMP_NUM_THREADS=1 python benchmarks/composition.py --held-out  # to choose settings

Each property of `composed_rows.py` has 500 labels, on rows of its own. A network that
was trained on all labels of all combinations reads what is generated and changed; its
accuracy is the ceiling. With ``--unlabelled`` one property at a time has no label: its
components are matched to its values, one to one, by the rows of seen combinations.
``--baselines`` adds other models, and ours without regularizers or resampling.
`composition_scores.py` says what the lines are.
"""

import argparse
import time
from collections import defaultdict

import numpy as np
import pandas as pd
import torch
from composed_rows import NAMES, SIZES, fit_reader, rows
from composition_models import (
    CONTESTANTS,
    FACTORIAL,
    FLAT,
    NETWORK,
    UNLABELLED,
    build,
    few_labels,
)
from composition_scores import accuracies, generated, matched, rates, swapped
from joblib import Parallel, delayed
from report import DECISIONS, RESULTS, add_save, report

from skfmvae import FactorialMixtureVAE

READER = "reader: all labels, all combinations"


def run(name, seed, reader, arguments):
    """Return the lines of a contestant, and the seconds of its fit."""
    torch.set_num_threads(1)
    (X, y), seen, unseen = rows(seed, arguments.rows, arguments.held_out)
    if name == READER:
        return {"unseen": rates(reader.predict(unseen[0]) == unseen[1])}, np.nan
    few = few_labels(name, y, arguments.labels, seed)
    model = build(name, arguments.epochs, seed)
    is_ours = isinstance(model, FactorialMixtureVAE)
    start = time.perf_counter()
    model.fit(X, pd.DataFrame(few, columns=NAMES) if is_ours else few)
    seconds = time.perf_counter() - start
    if name in UNLABELLED:
        predict = matched(model, UNLABELLED[name], seen)
        return {"unseen": rates(predict(unseen[0]) == unseen[1])}, seconds
    lines = accuracies(model.predict, seen, unseen)
    if name != FLAT:
        lines |= generated(model, reader, unseen[1], seed)
    lines |= swapped(model, reader, seen[0], seed)
    if arguments.picture and (name, seed) == (FACTORIAL, arguments.seeds[0]):
        draw(model, seen[0], unseen, arguments.picture)
    return lines, seconds


def draw(model, X, unseen, path):
    """Write unseen combinations, true and generated, and swaps to a picture."""
    import matplotlib.pyplot as plt

    _, first = np.unique(unseen[1][:, 0], return_index=True)
    asked = unseen[1][first]
    wanted = dict(zip(NAMES, asked.T, strict=True))
    lines = [("unseen: true", unseen[0][first])]
    for number in range(3):
        drawn, _ = model.sample(len(asked), wanted, number, draw="mean")
        lines.append(("generated", drawn))
    X = X[: len(asked)]
    lines += [("test row", X), ("reconstructed", model.reconstruct(X))]
    current = model.predict(X)
    for k, name in enumerate(NAMES):
        new = (current[:, k] + 1) % SIZES[k]
        lines.append((f"next {name}", model.intervene(X, {name: new})))
    figure, axes = plt.subplots(
        len(lines), len(asked), figsize=(8, 8), layout="constrained"
    )
    for line, (label, shown) in zip(axes, lines, strict=True):
        line[0].set_ylabel(label, rotation=0, ha="right", va="center")
        for ax, row in zip(line, shown, strict=True):
            ax.imshow(row.reshape(3, 28, 28).transpose(1, 2, 0).clip(0, 1))
            ax.set(xticks=[], yticks=[])
    figure.savefig(path, dpi=100)


def compare(arguments):
    """Fit contestants with all seeds; return what came out, by contestant and line."""
    seeds = arguments.seeds
    readers = Parallel(arguments.jobs)(
        delayed(fit_reader)(NETWORK, seed, arguments.held_out) for seed in seeds
    )
    tasks = [
        (name, seed, reader, arguments)
        for name in [READER, *arguments.only]
        for seed, reader in zip(seeds, readers, strict=True)
    ]
    results = defaultdict(list)
    in_order = Parallel(arguments.jobs, return_as="generator")(
        delayed(run)(*task) for task in tasks
    )
    for (name, seed, *_), (lines, seconds) in zip(tasks, in_order, strict=True):
        for line, values in lines.items():
            results[name, line].append([*(100 * v for v in values), seconds])
            cells = " ".join(f"{100 * value:.1f}" for value in values)
            print(f"seed {seed}, {name}, {line}: {cells}", flush=True)
    return results


def cells(values):
    """Return the mean and deviation of each column, and of the seconds the mean."""
    pairs = zip(np.mean(values, axis=0), np.std(values, axis=0), strict=True)
    *figures, (seconds, _) = pairs
    found = [f"{m:.1f} ({s:.1f})" if np.isfinite(m) else "--" for m, s in figures]
    return [*found, f"{seconds:.0f}" if np.isfinite(seconds) else "--"]


def main():
    """Print the table that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--labels", type=int, default=500, help="of each property")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--held-out", action="store_true")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--baselines", action="store_true")
    which.add_argument("--unlabelled", action="store_true")
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, metavar="NAME")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--picture", help="where to draw what the first fit generates")
    add_save(parser)
    arguments = parser.parse_args()
    heading, page, contestants = "Composition", RESULTS, [FACTORIAL]
    if arguments.baselines:
        heading, page = "Composition: baselines", DECISIONS / "020-resampling.md"
        contestants = [name for name in CONTESTANTS if name not in UNLABELLED]
    if arguments.unlabelled:
        heading, contestants = "A property without labels", list(UNLABELLED)
    arguments.only = arguments.only or contestants
    # Other rows and labels are drawn to choose settings than to report.
    arguments.seeds = [seed + 1000 * arguments.held_out for seed in arguments.seeds]
    results = compare(arguments)
    report(
        heading,
        ["model", "% of rows", *NAMES, "mean", "all four", "s a fit"],
        [[name, line, *cells(values)] for (name, line), values in results.items()],
        f"seeds {arguments.seeds}, {arguments.jobs} fits at a time; mean (sd) over "
        "seeds",
        arguments.save,
        page,
    )


if __name__ == "__main__":
    main()
