"""Time of default fits, of their parts and of scoring, in steps of a bare VAE.

    OMP_NUM_THREADS=1 python benchmarks/fit_time.py
    python benchmarks/fit_time.py --threads  # one thread against two, on idle cores

Calibration has a column of its own; other columns are of fits without it.

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
from report import DECISIONS, add_save, report
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC
from skorch.callbacks import Callback
from threadpoolctl import threadpool_limits
from torch import nn

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.metrics import controllability
from skfmvae.neighbour_graph import build_neighbour_graph

ESTIMATORS = (FactorialMixtureVAE, SemiSupervisedVAE, SemafoVAE)
OFF = {"neighbours": None, "adversarial": None, "calibrate": False}
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
    """Fit; return processor seconds of all, of the median step and of a bare one."""
    beside = Beside(bare)
    start = time.process_time()
    estimator.set_params(callbacks=[beside]).fit(X, y)
    seconds = time.process_time() - start - sum(beside.bare)
    n_batches = len(beside.bare) / len(beside.epochs)
    return seconds, np.median(beside.epochs) / n_batches, np.median(beside.bare)


def on_digits(estimator, bare, seed):
    """Return the figures of a fit to 1,437 digits, 100 of them labelled."""
    X, X_test, partial = split_digits(seed)
    model = estimator(calibrate=False, random_state=seed)
    seconds, step, unit = fit_beside(model, X, partial, bare)
    calibrated = estimator(random_state=seed)
    in_all = fit_beside(calibrated, X, partial, bare)[0]
    plain = estimator(random_state=seed, **OFF)
    _, plain_step, plain_unit = fit_beside(plain, X, partial, bare)
    start = time.process_time()
    model.score_samples(np.resize(X_test, (500, X.shape[1])))
    scoring = time.process_time() - start
    bound = model.score_samples(X_test).mean()
    ratios = seconds / unit, step / unit, plain_step / plain_unit
    more = 100 * (in_all / seconds - 1)
    return [*ratios, more, seconds, scoring, bound, *as_asked(model, X_test, seed)]


def as_asked(model, X, seed):
    """Return the % of sampled and of changed rows that a reader reads as was asked."""
    reader = SVC(C=10).fit(*digits())
    sampled = controllability(model, reader, random_state=seed).mean
    wanted = np.random.default_rng(seed).integers(10, size=len(X))
    changed = model.intervene(X, {model.property_names_[0]: wanted})
    return [100 * sampled, 100 * np.mean(reader.predict(changed) == wanted)]


def on_wide(estimator, seed):
    """Return seconds and error of a fit to 20,000 rows of 50 columns, 200 labelled."""
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
    start = time.process_time()
    model = estimator(calibrate=False, random_state=seed)
    model.fit(X, keep_labels(y, 200, random_state=seed))
    seconds = time.process_time() - start
    return [seconds, 100 * np.mean(model.predict(X_test) != y_test)]


def graph(bare, seed):
    """Return bare steps that the graph takes: building, judging and two rebuilds."""
    X, _, partial = split_digits(seed)
    latents = np.random.default_rng(seed).normal(size=(len(X), 10)).astype(np.float32)
    start = time.process_time()
    built = build_neighbour_graph(X, partial[:, None], [10])
    for _ in range(2):
        built.joined(latents)
    seconds = time.process_time() - start
    return seconds / np.median([bare.timed_step() for _ in range(100)])


def split_digits(seed):
    """Return rows to fit, rows to score, and labels of 100 of the first."""
    X, y = digits()
    X, X_test, y, _ = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
    return X, X_test, keep_labels(y, 100, random_state=seed)


def fits_table(n_rounds):
    """Return the figures of each estimator, and of the graph alone."""
    bare, rows = BareVAE(64), []
    for estimator in ESTIMATORS:
        figures = [
            on_digits(estimator, bare, seed) + on_wide(estimator, seed)
            for seed in range(n_rounds)
        ]
        print(estimator.__name__, np.round(figures, 2).tolist(), flush=True)
        cells = map(spread, np.transpose(figures), (0, 2, 2, 0, 1, 2, 2, 1, 1, 1, 1))
        rows.append([estimator.__name__, *cells])
    graphs = spread([graph(bare, seed) for seed in range(n_rounds)], 0)
    return [*rows, ["the graph alone", graphs, *10 * ["--"]]]


def threads_table(n_rounds):
    """Return seconds of fits on one thread and on two."""
    rng = np.random.default_rng(0)
    wide = rng.random((10_000, 784), dtype=np.float32)
    labels = np.where(np.arange(10_000) % 100, -1, np.arange(10_000) // 100 % 10)
    X, _, partial = split_digits(0)
    rows = []
    for name, data in {"digits": (X, partial), "10,000 x 784": (wide, labels)}.items():
        seconds = {1: [], 2: []}
        for seed in range(n_rounds):
            for n_threads, taken in seconds.items():
                torch.set_num_threads(n_threads)
                with threadpool_limits(n_threads):
                    start = time.perf_counter()
                    FactorialMixtureVAE(random_state=seed).fit(*data)
                    taken.append(time.perf_counter() - start)
        rows.append([name, *(spread(taken, 1) for taken in seconds.values())])
    return rows


def spread(values, n_digits):
    """Return mean and deviation."""
    return f"{np.mean(values):.{n_digits}f} ({np.std(values):.{n_digits}f})"


def main():
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    add_save(parser)
    arguments = parser.parse_args()
    rounds = f"{arguments.rounds} rounds; mean (sd)"
    if arguments.threads:
        report(
            "Default fits on one thread and on two",
            ["seconds", "one thread", "two threads"],
            threads_table(arguments.rounds),
            rounds,
            arguments.save,
            DECISIONS / "031-threads.md",
        )
        return
    torch.set_num_threads(1)
    columns = ["", "digits: fit, bare steps", "step", "step, no regularizers"]
    columns += [
        "calibration, % of the fit",
        "s",
        "s to score 500",
        "bound, nats",
        "sampled as asked, %",
    ]
    columns += ["changed as asked, %", "20,000 x 50: s", "error, %"]
    report(
        "Default fits",
        columns,
        fits_table(arguments.rounds),
        "100 labels of 1,437 digits, 200 of 20,000 rows of `make_classification`, "
        f"processor seconds, {rounds}",
        arguments.save,
    )


if __name__ == "__main__":
    main()
