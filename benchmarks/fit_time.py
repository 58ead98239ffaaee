"""Time of default fits, of their parts and of large fits, in steps of a bare VAE.

    OMP_NUM_THREADS=1 python benchmarks/fit_time.py
    OMP_NUM_THREADS=1 python benchmarks/fit_time.py --only wide
    python benchmarks/fit_time.py --only threads  # on idle cores

A bare step is what anyone would write by hand: a plain VAE of the same networks, AdamW,
a batch of as many rows. One is taken before each step of a fit and timed apart, so that
other work beside it slows both.
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import torch
from common import digits, keep_labels
from report import add_save, report
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from skorch.callbacks import Callback
from threadpoolctl import threadpool_limits
from torch import nn

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.neighbour_graph import build_neighbour_graph

ESTIMATORS = {
    "FactorialMixtureVAE": FactorialMixtureVAE,
    "SemiSupervisedVAE": SemiSupervisedVAE,
    "SemafoVAE": SemafoVAE,
}
OFF = {"neighbours": None, "adversarial": None}
N_LATENTS = 26  # of FactorialMixtureVAE with one property
N_ROWS_PER_STEP = 160  # 128 and 32 labelled ones


def network(*sizes):
    """Return a fully connected network with batch normalisation, as the default has."""
    *hidden, n_outputs = pairwise(sizes)
    layers = []
    for n_from, n_to in hidden:
        layers += [nn.Linear(n_from, n_to), nn.BatchNorm1d(n_to), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(*n_outputs))


class BareVAE:
    """A plain VAE of values in [0, 1], and a step of its training."""

    def __init__(self, n_columns):
        self.encoder = network(n_columns, 256, 256, 2 * N_LATENTS)
        self.decoder = network(N_LATENTS, 256, 256, n_columns)
        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.optimizer = torch.optim.AdamW(parameters, lr=1e-3, fused=True)
        self.x = torch.rand(N_ROWS_PER_STEP, n_columns)

    def step(self):
        """Take a step."""
        mean, log_variance = self.encoder(self.x).chunk(2, dim=1)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        cross_entropy = nn.functional.binary_cross_entropy_with_logits(
            self.decoder(z), self.x, reduction="none"
        )
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
        self.optimizer.zero_grad()
        (cross_entropy.sum(1) + kl.sum(1)).mean().backward()
        self.optimizer.step()

    def timed_step(self):
        """Take a step and return its processor seconds."""
        start = time.process_time()
        self.step()
        return time.process_time() - start


class Beside(Callback):
    """Take a bare step before each step of a fit.

    In a thread of its own: what callbacks draw is redirected to the generators of the
    fit, which slows every operation.

    Attributes
    ----------
    bare : list of float
        Processor seconds of each bare step.
    epochs : list of float
        Processor seconds of each epoch's own steps.
    """

    def __init__(self, bare):
        self.bare_vae, self.thread = bare, ThreadPoolExecutor(1)
        self.bare, self.epochs = [], []

    def on_epoch_begin(self, net, **kwargs):
        """Start the clock of the epoch."""
        self.start, self.n_before = time.process_time(), len(self.bare)

    def on_batch_begin(self, net, **kwargs):
        """Take a bare step."""
        self.bare.append(self.thread.submit(self.bare_vae.timed_step).result())

    def on_epoch_end(self, net, **kwargs):
        """Note what the epoch took."""
        seconds = time.process_time() - self.start
        self.epochs.append(seconds - sum(self.bare[self.n_before :]))


def fit_beside(estimator, X, y, bare):
    """Return the processor seconds of a fit, of its median step, and of a bare one."""
    beside = Beside(bare)
    start = time.process_time()
    estimator.set_params(callbacks=[beside]).fit(X, y)
    seconds = time.process_time() - start - sum(beside.bare)
    n_batches = len(beside.bare) / len(beside.epochs)
    step = np.median(beside.epochs) / n_batches
    return seconds, step, np.median(beside.bare)


def digits_table(n_rounds):
    """Return fits and steps in bare steps, for every estimator."""
    X, y = digits()
    X, _, y, _ = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
    bare, rows = BareVAE(X.shape[1]), []
    for name, estimator in ESTIMATORS.items():
        fits, steps, plain, seconds = [], [], [], []
        for seed in range(n_rounds):
            partial = keep_labels(y, 100, random_state=seed)
            fit, step, unit = fit_beside(estimator(random_state=seed), X, partial, bare)
            fits.append(fit / unit)
            steps.append(step / unit)
            seconds.append(fit)
            _, step, unit = fit_beside(
                estimator(random_state=seed, **OFF), X, partial, bare
            )
            plain.append(step / unit)
        cells = [spread(fits, 0), spread(steps, 2), spread(plain, 2)]
        rows.append([name, *cells, spread(seconds, 1)])
    return rows


def graph_table(n_rounds):
    """Return the bare steps that the graph takes: building, judging, two rebuilds."""
    X, y = digits()
    X, _, y, _ = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
    bare, parts = BareVAE(X.shape[1]), []
    latents = FactorialMixtureVAE(max_epochs=5, random_state=0).fit(X, y).transform(X)
    for seed in range(n_rounds):
        codes = keep_labels(y, 100, random_state=seed)[:, None]
        start = time.process_time()
        graph = build_neighbour_graph(X, codes, [10])
        built = time.process_time()
        for _ in range(2):
            graph.joined(latents[:, :10])
        joined = time.process_time()
        for _ in range(50):
            bare.step()
        unit = (time.process_time() - joined) / 50
        parts.append([(built - start) / unit, (joined - built) / unit])
    built, joined = np.transpose(parts)
    return [[spread(built, 0), spread(joined, 0), spread(built + joined, 0)]]


def wide_table(n_rounds):
    """Return seconds and errors of fits to 20,000 rows of 50 columns."""
    rows = []
    for name, estimator in ESTIMATORS.items():
        seconds, errors = [], []
        for seed in range(n_rounds):
            X, y = make_classification(
                26_000,
                50,
                n_informative=10,
                n_classes=5,
                n_clusters_per_class=2,
                random_state=seed,
            )
            X, X_test, y, y_test = train_test_split(
                X.astype(np.float32), y, train_size=20_000, random_state=0
            )
            partial = keep_labels(y, 200, random_state=seed)
            start = time.process_time()
            model = estimator(random_state=seed).fit(X, partial)
            seconds.append(time.process_time() - start)
            errors.append(100 * np.mean(model.predict(X_test) != y_test))
        rows.append([name, spread(seconds, 1), spread(errors, 1)])
    return rows


def spread(values, n_digits):
    """Return mean and deviation."""
    return f"{np.mean(values):.{n_digits}f} ({np.std(values):.{n_digits}f})"


def score_table(n_rounds):
    """Return seconds and mean bounds of 500 rows that were not fitted."""
    X, y = digits()
    X, X_test, y, _ = train_test_split(X, y, test_size=500, stratify=y, random_state=0)
    rows = []
    for name, estimator in ESTIMATORS.items():
        seconds, bounds = [], []
        for seed in range(n_rounds):
            partial = keep_labels(y, 100, random_state=seed)
            model = estimator(random_state=seed).fit(X, partial)
            start = time.process_time()
            bounds.append(model.score_samples(X_test).mean())
            seconds.append(time.process_time() - start)
        rows.append([name, spread(seconds, 2), spread(bounds, 2)])
    return rows


def threads_table(n_rounds):
    """Return seconds of fits on one thread and on two."""
    X, y = digits()
    wide = np.random.default_rng(0).random((10_000, 784), dtype=np.float32)
    partial = np.where(np.arange(10_000) % 100, -1, np.arange(10_000) // 100 % 10)
    data = {
        "digits": (X, keep_labels(y, 100, random_state=0)),
        "10,000 x 784": (wide, partial),
    }
    rows = []
    for name, (rows_, labels) in data.items():
        seconds = {1: [], 2: []}
        for seed in range(n_rounds):
            for n_threads, taken in seconds.items():
                torch.set_num_threads(n_threads)
                with threadpool_limits(n_threads):
                    start = time.perf_counter()
                    FactorialMixtureVAE(random_state=seed).fit(rows_, labels)
                    taken.append(time.perf_counter() - start)
        rows.append([name, *(spread(taken, 1) for taken in seconds.values())])
    return rows


TABLES = {
    "digits": (
        digits_table,
        "Default fits to digits",
        ["", "fit, bare steps", "step", "step, no regularizers", "processor s"],
        "1,437 rows, 100 labels; in bare steps taken between those of the fits",
    ),
    "graph": (
        graph_table,
        "The neighbour graph of digits",
        ["built and judged, bare steps", "two rebuilds", "both"],
        "1,437 rows, 100 labels",
    ),
    "wide": (
        wide_table,
        "Default fits to 20,000 rows of 50 columns",
        ["", "processor s", "error, %"],
        "`make_classification`, 5 classes, 200 labels, other 6,000 rows",
    ),
    "score": (
        score_table,
        "Scoring 500 digits",
        ["", "processor s", "mean bound, nats"],
        "rows that were not fitted",
    ),
    "threads": (
        threads_table,
        "Default fits on one thread and on two",
        ["", "one thread, s", "two threads, s"],
        "seconds that passed",
    ),
}


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=TABLES, nargs="+", default=list(TABLES))
    parser.add_argument("--rounds", type=int, default=3)
    add_save(parser)
    arguments = parser.parse_args()
    for name in arguments.only:
        if name != "threads":
            torch.set_num_threads(1)
        measure, heading, columns, what = TABLES[name]
        rows = measure(arguments.rounds)
        what = f"{what}, {arguments.rounds} rounds; mean (sd)"
        report(heading, columns, rows, what, arguments.save)


if __name__ == "__main__":
    main()
