"""What a factorial prior is for: combinations of properties that no row showed.

    OMP_NUM_THREADS=1 python benchmarks/composition.py  # the tables of RESULTS.md
    OMP_NUM_THREADS=1 python benchmarks/composition.py --held-out  # to choose settings
    OMP_NUM_THREADS=1 python benchmarks/composition.py --cost  # time of a step

Rows are MNIST's digits in four colours, on four backgrounds, at four angles, of which
a quarter of the 640 combinations never occurs in training. Each property has 500
labels, on rows of its own. A network that was trained on all labels of all combinations
reads what is generated and changed; its accuracy is the ceiling. Test rows show test
images, or with ``--held-out`` training images that were held out.

- "unseen / seen" is the accuracy on rows of unseen combinations by that on others.
- "generated" rows are of unseen combinations; right is what was asked for.
- "swapped" rows are test rows with one property, that of the column, set to a value
  other than the one that is read; "others kept" are those of which the other three are
  read as before.
- "no labels of" a property: its components are matched to its values, one to one, by
  the rows of seen combinations.

All models have networks of the same sizes and as many latents. "beta-VAE" stands for a
standard normal prior, with a logistic regression for each property on the latents of
the rows with labels. A property is changed there by the difference of the mean latents
of its two values. "flat mixture" is a single mixture with a component for each
combination. Labels of single properties hardly ever name one, so it gets as many of
them in another form: all four properties of 500 rows, so that each combination that is
seen is named at least once. It cannot generate one that has no name, and swaps into
such a one leave the row as it is. It goes without regularizers: a graph of neighbours
has nothing to spread where a combination has one label.
"""

import argparse
import time
from collections import defaultdict

import numpy as np
import pandas as pd
import torch
from common import machine, mnist
from joblib import Parallel, delayed
from scipy.ndimage import gaussian_filter
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from supervised import SupervisedNet
from torch import nn

from skfmvae import FactorialMixtureVAE
from skfmvae.datasets import (
    COMPOSED_DIGITS_COLUMNS,
    hold_out_composed_digits,
    make_composed_digits,
    mask_labels,
)
from skfmvae.estimators import Mixture
from skfmvae.images import OrientedGradients
from skfmvae.nn import Conv
from skfmvae.regularizers import Neighbours
from skfmvae.training import KL

NAMES = COMPOSED_DIGITS_COLUMNS
SIZES = (10, 4, 4, 4)
N_TEST = 2000  # rows of seen combinations, and of unseen ones
PROPERTY_DIM, STYLE_DIM = 8, 16
N_LATENTS = len(NAMES) * PROPERTY_DIM + STYLE_DIM
NETWORK = Conv(channels=(32, 64), hidden=256, precision="auto")
READER_ROWS, READER_EPOCHS = 40_000, 8
# In pixels, of equal parts of the rows that the reader learns from: made rows are
# smoother than true ones, and a network that saw sharp ones alone calls white pink.
READER_BLURS = (0.0, 0.5, 1.0, 1.5)
EDGES = make_pipeline(OrientedGradients(), PCA(60, random_state=0))
AIDS = ("neighbours", "adversarial")
SETTINGS = {
    "property_dim": PROPERTY_DIM,
    "style_dim": STYLE_DIM,
    "encoder": NETWORK,
    "decoder": NETWORK,
    "likelihood": "bernoulli",
    "kl": KL(start=8.0),
    "mixture": Mixture(property_resampling=0.4, style_resampling=0.6),
    "neighbours": Neighbours(features=EDGES, n_rebuilds=0),
    "adversarial": None,
}
FLAT_SETTINGS = {
    **SETTINGS,
    **dict.fromkeys(AIDS),
    "property_components": int(np.prod(SIZES)),
    "property_dim": len(NAMES) * PROPERTY_DIM,
}
BATCH_SIZE, LEARNING_RATE = 128, 3e-3  # of the beta-VAE: our defaults

READER = "reader: all labels, all combinations"
FACTORIAL = "FactorialMixtureVAE"
NO_AIDS = "FactorialMixtureVAE, no regularizers"
NO_REDRAWS = "FactorialMixtureVAE, no redraws"
FLAT = "flat mixture"
BETAS = {"beta-VAE, beta 1": 1.0, "beta-VAE, beta 4": 4.0}
UNLABELLED = {f"no labels of {name}": name for name in NAMES}
CONTESTANTS = [FACTORIAL, NO_AIDS, NO_REDRAWS, *UNLABELLED, *BETAS, FLAT]

COST_PROPERTIES = (5, 10, 20)
COST_VALUES = 4
MOST_COMBINATIONS = 5000  # components of a flat mixture whose time is taken
COST_ROWS, COST_COLUMNS = 4096, 256


# Baselines ----------------------------------------------------------------------------


class BetaVAE:
    """A VAE with a standard normal prior, and logistic regressions on its latents.

    Parameters
    ----------
    beta : float
        Weight of the divergence.
    max_epochs, seed : int
        Passes over the rows; of weights, batches and draws.
    """

    def __init__(self, beta, max_epochs, seed):
        self.beta = beta
        self.max_epochs = max_epochs
        self.seed = seed

    def fit(self, X, y):
        """Fit the networks to all rows, and regressions to those with labels."""
        torch.manual_seed(self.seed)
        self.module_ = nn.ModuleDict(
            {
                "encoder": NETWORK.build_encoder(X.shape[1], 2 * N_LATENTS),
                "decoder": NETWORK.build_decoder(N_LATENTS, X.shape[1]),
            }
        )
        self._train(torch.from_numpy(X))
        Z = self.transform(X)
        self.regressions_ = [
            LogisticRegression(max_iter=1000).fit(Z[column >= 0], column[column >= 0])
            for column in y.T
        ]
        # Of all rows, as they are read where there is no label: rows with a label are
        # few, and differ in other properties by chance.
        found = np.where(y >= 0, y, self._read(Z))
        self.means_ = {
            name: np.stack([Z[column == value].mean(axis=0) for value in range(size)])
            for name, size, column in zip(NAMES, SIZES, found.T, strict=True)
        }
        return self

    def predict(self, X):
        """Return the most probable values, (n, 4)."""
        return self._read(self.transform(X))

    def sample(self, n_samples, properties, random_state):
        """Return rows at draws from the prior, moved to values of properties."""
        rng = np.random.default_rng(random_state)
        Z = rng.standard_normal((n_samples, N_LATENTS), dtype=np.float32)
        return self._decode(self._moved(Z, properties)), None

    def intervene(self, X, properties):
        """Return rows moved to other values of properties."""
        return self._decode(self._moved(self.transform(X), properties))

    def transform(self, X):
        """Return the means of the latents."""
        return self._map("encoder", X)[:, :N_LATENTS]

    def _train(self, X):
        n_batches = len(X) // BATCH_SIZE
        optimizer = torch.optim.AdamW(
            self.module_.parameters(), betas=(0.9, 0.99), weight_decay=1e-4, fused=True
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, LEARNING_RATE, total_steps=self.max_epochs * n_batches
        )
        self.module_.train()
        for _ in range(self.max_epochs):
            for index in torch.randperm(len(X)).tensor_split(n_batches):
                loss = self._loss(X[index])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
        self.module_.eval()

    def _loss(self, x):
        mean, log_variance = self.module_["encoder"](x).chunk(2, dim=1)
        log_variance = log_variance.clamp(-8, 3)  # as in our models
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        misfit = nn.functional.binary_cross_entropy_with_logits(
            self.module_["decoder"](z), x
        )
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return misfit + self.beta * kl / x.shape[1]

    def _read(self, Z):
        return np.stack([model.predict(Z) for model in self.regressions_], axis=1)

    def _moved(self, Z, properties):
        current = dict(zip(NAMES, self._read(Z).T, strict=True))
        for name, values in properties.items():
            means = self.means_[name]
            Z = Z + means[values] - means[current[name]]
        return Z

    def _decode(self, Z):
        return 1 / (1 + np.exp(-self._map("decoder", Z)))

    @torch.no_grad()
    def _map(self, network, rows):
        chunks = torch.from_numpy(rows).split(1024)
        return torch.cat([self.module_[network](chunk) for chunk in chunks]).numpy()


class FlatMixture:
    """A mixture with a component for each combination, read as four properties.

    Parameters
    ----------
    max_epochs, seed : int
        Passes over the rows; of weights, batches and draws.
    """

    def __init__(self, max_epochs, seed):
        self.estimator = FactorialMixtureVAE(
            **FLAT_SETTINGS, max_epochs=max_epochs, random_state=seed
        )

    def fit(self, X, y):
        """Fit to rows that have all their labels or none."""
        labelled = (y >= 0).all(axis=1)
        combination = np.full(len(y), -1)
        combination[labelled] = np.ravel_multi_index(y[labelled].T, SIZES)
        self.named_ = np.unique(combination[labelled])
        self.estimator.fit(X, pd.Series(combination, name="combination"))
        self.module_ = self.estimator.net_.module_
        return self

    def predict(self, X):
        """Return the most probable value of each property, (n, 4)."""
        proba = self._proba(X)
        values = np.unravel_index(self.named_, SIZES)
        return np.stack(
            [
                (proba @ np.eye(size)[value]).argmax(axis=1)
                for size, value in zip(SIZES, values, strict=True)
            ],
            axis=1,
        )

    def intervene(self, X, properties):
        """Return rows with properties changed, where the combination has a name."""
        current = self.named_[self._proba(X).argmax(axis=1)]
        values = dict(zip(NAMES, np.unravel_index(current, SIZES), strict=True))
        wanted = np.ravel_multi_index(tuple((values | properties).values()), SIZES)
        wanted = np.where(np.isin(wanted, self.named_), wanted, current)
        return self.estimator.intervene(X, {"combination": wanted})

    def _proba(self, X):
        # Components without a name come after those with one.
        return self.estimator.predict_proba(X)[:, : len(self.named_)]


# Accuracy and control -----------------------------------------------------------------


def images(held_out):
    """Return digits for training rows and for test rows."""
    X, y, X_test, y_test = mnist()
    if held_out:
        X, X_test, y, y_test = train_test_split(
            X, y, test_size=10_000, stratify=y, random_state=0
        )
    return {"images": X, "labels": y}, {"images": X_test, "labels": y_test}


def rows(seed, n_rows, held_out):
    """Return rows to fit, and test rows of seen and of unseen combinations."""
    train, test = images(held_out)
    absent = hold_out_composed_digits(random_state=seed)
    return (
        make_composed_digits(n_rows, exclude=absent, random_state=seed, **train),
        make_composed_digits(
            N_TEST, exclude=absent, random_state=seed + 10_000, **test
        ),
        make_composed_digits(N_TEST, only=absent, random_state=seed + 20_000, **test),
    )


def fit_reader(seed, held_out):
    """Return a network that reads all properties, fitted to all combinations."""
    train, _ = images(held_out)
    X, y = make_composed_digits(READER_ROWS, random_state=seed + 30_000, **train)
    for number, blur in enumerate(READER_BLURS):
        some = X[number :: len(READER_BLURS)].reshape(-1, 3, 28, 28)
        some = gaussian_filter(some, (0, 0, blur, blur))
        X[number :: len(READER_BLURS)] = some.reshape(len(some), -1)
    return SupervisedNet(NETWORK, SIZES, n_epochs=READER_EPOCHS, seed=seed).fit(X, y)


def few_labels(name, y, n_labels, seed):
    """Return the labels that a contestant is given."""
    if name == FLAT:
        combination = np.ravel_multi_index(y.T, SIZES)
        kept = mask_labels(combination, n_labels, random_state=seed) >= 0
        return np.where(kept[:, None], y, -1)
    few = mask_labels(y, n_labels, random_state=seed)
    if name in UNLABELLED:
        few[:, NAMES.index(UNLABELLED[name])] = -1
    return few


def build(name, max_epochs, seed):
    """Return an untrained contestant."""
    if name == FLAT:
        return FlatMixture(max_epochs, seed)
    if name in BETAS:
        return BetaVAE(BETAS[name], max_epochs, seed)
    estimator = FactorialMixtureVAE(
        **SETTINGS, max_epochs=max_epochs, random_state=seed
    )
    if name == NO_AIDS:
        estimator.set_params(**dict.fromkeys(AIDS))
    if name == NO_REDRAWS:
        estimator.set_params(mixture=None)
    if name in UNLABELLED:
        found = UNLABELLED[name]
        estimator.set_params(property_components={found: SIZES[NAMES.index(found)]})
    return estimator


def shares(right):
    """Return the share of each property, their mean, and the share of rows."""
    return [*right.mean(axis=0), right.mean(), right.all(axis=1).mean()]


def accuracies(predict, seen, unseen):
    """Return the lines about rows of seen and of unseen combinations."""
    lines = {
        name: shares(predict(X) == y)
        for name, (X, y) in {"seen": seen, "unseen": unseen}.items()
    }
    return lines | {"unseen / seen": np.divide(lines["unseen"], lines["seen"])}


def generated(model, reader, Y, seed):
    """Return the line about rows that are generated for combinations."""
    X, _ = model.sample(len(Y), dict(zip(NAMES, Y.T, strict=True)), random_state=seed)
    return {"generated": shares(reader.predict(X) == Y)}


def swapped(model, reader, X, seed):
    """Return the lines about rows of which one property is changed."""
    rng = np.random.default_rng(seed)
    before = reader.predict(X)
    read, kept = [], []
    for k, (name, size) in enumerate(zip(NAMES, SIZES, strict=True)):
        new = (before[:, k] + rng.integers(1, size, size=len(X))) % size
        after = reader.predict(model.intervene(X, {name: new}))
        read.append(np.mean(after[:, k] == new))
        same = np.delete(after == before, k, axis=1)
        kept.append(same.all(axis=1).mean())
    return {
        "swapped: new value read": [*read, np.mean(read), np.nan],
        "swapped: others kept": [*kept, np.mean(kept), np.nan],
    }


def matched(model, name, seen):
    """Return `model.predict` with components of a property matched to its values."""
    X, y = seen
    k = NAMES.index(name)
    counts = confusion_matrix(model.predict(X)[:, k], y[:, k], labels=range(SIZES[k]))
    _, values = linear_sum_assignment(-counts)

    def predict(X):
        codes = model.predict(X)
        codes[:, k] = values[codes[:, k]]
        return codes

    return predict


def run(name, seed, reader, arguments):
    """Return the lines of a contestant, its number of parameters and its seconds."""
    torch.set_num_threads(1)
    (X, y), seen, unseen = rows(seed, arguments.rows, arguments.held_out)
    if name == READER:
        return accuracies(reader.predict, seen, unseen), None
    few = few_labels(name, y, arguments.labels, seed)
    model = build(name, arguments.epochs, seed)
    is_ours = isinstance(model, FactorialMixtureVAE)
    start = time.perf_counter()
    model.fit(X, pd.DataFrame(few, columns=NAMES) if is_ours else few)
    seconds = time.perf_counter() - start
    module = model.net_.module_ if is_ours else model.module_
    costs = sum(tensor.numel() for tensor in module.state_dict().values()), seconds
    if name in UNLABELLED:
        predict = matched(model, UNLABELLED[name], seen)
        return accuracies(predict, seen, unseen), costs
    lines = accuracies(model.predict, seen, unseen)
    if name != FLAT:
        lines |= generated(model, reader, unseen[1], seed)
    lines |= swapped(model, reader, seen[0], seed)
    if arguments.picture and (name, seed) == (FACTORIAL, arguments.seeds[0]):
        draw(model, seen[0], unseen, arguments.picture)
    return lines, costs


def draw(model, X, unseen, path):
    """Write unseen combinations, true and generated, and swaps to a picture."""
    import matplotlib.pyplot as plt

    _, first = np.unique(unseen[1][:, 0], return_index=True)
    asked = unseen[1][first]
    wanted = dict(zip(NAMES, asked.T, strict=True))
    lines = [("unseen: true", unseen[0][first])]
    for number in range(3):
        made, _ = model.sample(len(asked), wanted, random_state=number)
        lines.append(("generated", made))
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


def print_tables(results, costs):
    """Print means and deviations over seeds."""
    columns = [*NAMES, "mean", "all four"]
    print(f"\n| model | % (sd over seeds) | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 2) + "|")
    for (name, line), values in results.items():
        cells = [
            f"{100 * mean:.1f} ({100 * sd:.1f})" if np.isfinite(mean) else "--"
            for mean, sd in zip(
                np.mean(values, axis=0), np.std(values, axis=0), strict=True
            )
        ]
        print(f"| {name} | {line} | {' | '.join(cells)} |")
    print("\n| model | parameters | s a fit (sd over seeds) |\n|---|---|---|")
    for name, pairs in costs.items():
        sizes, seconds = np.transpose(pairs)
        print(
            f"| {name} | {sizes.mean():,.0f} | {seconds.mean():.0f} "
            f"({seconds.std():.0f}) |"
        )


def compare(arguments):
    """Fit all contestants with all seeds and print what came out."""
    seeds = arguments.seeds
    readers = Parallel(arguments.jobs)(
        delayed(fit_reader)(seed, arguments.held_out) for seed in seeds
    )
    tasks = [
        (name, seed, reader, arguments)
        for name in [READER, *arguments.only]
        for seed, reader in zip(seeds, readers, strict=True)
    ]
    results, costs = defaultdict(list), defaultdict(list)
    in_order = Parallel(arguments.jobs, return_as="generator")(
        delayed(run)(*task) for task in tasks
    )
    for (name, seed, *_), (lines, cost) in zip(tasks, in_order, strict=True):
        if cost is not None:
            costs[name].append(cost)
        for line, values in lines.items():
            results[name, line].append(values)
            cells = " ".join(f"{100 * value:.1f}" for value in values)
            print(f"seed {seed}, {name}, {line}: {cells}", flush=True)
    print_tables(results, costs)


# Time of a step -----------------------------------------------------------------------


def step_time(y, **settings):
    """Return the milliseconds of a training step in the fastest of five epochs.

    Other work can only lengthen an epoch. The first one does not count.
    """
    rng = np.random.default_rng(0)
    X = rng.random((COST_ROWS, COST_COLUMNS), dtype=np.float32)
    estimator = FactorialMixtureVAE(
        **settings,
        **dict.fromkeys(AIDS),
        mixture=Mixture(warmup=0.0),
        batch_size=BATCH_SIZE,
        max_epochs=6,
        random_state=0,
    ).fit(X, y)
    least = min(estimator.net_.history[1:, "dur"])
    return 1000 * least / (COST_ROWS // BATCH_SIZE)


def print_costs():
    """Print the time of a step by the number of properties."""
    rng = np.random.default_rng(0)
    fewest = COST_PROPERTIES[0]
    by_name = defaultdict(dict)
    for n in COST_PROPERTIES:
        y = rng.integers(COST_VALUES, size=(COST_ROWS, n))
        by_name["factorial"][n] = step_time(y, property_components=COST_VALUES)
        if COST_VALUES**n <= MOST_COMBINATIONS:
            by_name["flat"][n] = step_time(
                np.ravel_multi_index(y.T, (COST_VALUES,) * n),
                property_components=COST_VALUES**n,
                property_dim=n * FactorialMixtureVAE().property_dim,
            )
    print(
        f"{COST_ROWS} rows of {COST_COLUMNS} values, batches of {BATCH_SIZE}, networks "
        "of the default sizes\n"
    )
    print(
        f"| properties of {COST_VALUES} values | components | ms a step | times that "
        f"of {fewest} | by linear growth | flat mixture: components | ms a step |"
    )
    print("|---" * 7 + "|")
    for n, ms in by_name["factorial"].items():
        growth = ms / by_name["factorial"][fewest]
        flat = by_name["flat"].get(n)
        print(
            f"| {n} | {COST_VALUES * n} | {ms:.1f} | {growth:.2f} | "
            f"{growth * fewest / n:.2f} | {COST_VALUES**n:,} | "
            f"{'--' if flat is None else f'{flat:.1f}'} |"
        )


def main():
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--labels", type=int, default=500, help="of each property")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument(
        "--only", nargs="+", choices=CONTESTANTS, default=CONTESTANTS, metavar="NAME"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--picture", help="where to draw what the first fit generates")
    parser.add_argument("--cost", action="store_true", help="the time of a step alone")
    arguments = parser.parse_args()
    if arguments.cost:
        torch.set_num_threads(1)
        print(f"{machine()}; ", end="")
        print_costs()
    else:
        # Other rows and labels are drawn to choose settings than to report.
        arguments.seeds = [seed + 1000 * arguments.held_out for seed in arguments.seeds]
        print(f"{machine()}; {arguments.jobs} processes of one thread each", flush=True)
        compare(arguments)


if __name__ == "__main__":
    main()
