"""Sprites with five properties, of which few are labelled: reading and control.

    python benchmarks/sprites.py                 # the table of RESULTS.md
    python benchmarks/sprites.py --seeds 100     # another seed, to choose settings

20,000 sprites of 32 x 32 pixels: three shapes, six scales, four orientations, four
places in x and in y. Each property has labels on 1 % or 10 % of the rows, drawn for
each alone. A few combinations of shape, scale and x are left out of training. All
contestants have convolutional networks of the same sizes. Rows that they generate and
change are read by a network that was trained on all labels of all combinations, whose
accuracy is the first line.
"""

import argparse
import time

import numpy as np
import torch
from common import machine
from torch import nn

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.datasets import SPRITES_COLUMNS, make_sprites, mask_labels
from skfmvae.metrics import controllability, dci, specificity
from skfmvae.nn import Conv

NAMES = SPRITES_COLUMNS[:5]
SIZES = (3, 6, 4, 4, 4)
GRID = {"n_scales": 6, "n_orientations": 4, "n_positions": 4, "jitter": 0.5}
HELD_OUT = [
    {"shape": shape, "scale": scale, "x": x}
    for shape, scale, x in [
        (0, 1, 2),
        (0, 4, 0),
        (1, 0, 1),
        (1, 3, 3),
        (2, 2, 0),
        (2, 5, 2),
    ]
]
NETWORK = Conv(channels=(32, 64, 128), hidden=256)
COMMON = {"encoder": NETWORK, "decoder": NETWORK, "likelihood": "bernoulli"}
# Rows near each other are of one place rather than of one shape: no graph.
PLAIN = {"neighbours": None, "adversarial": None, "pseudo_labels": None}
CONTESTANTS = {
    "FactorialMixtureVAE": (FactorialMixtureVAE, {}),
    "SemiSupervisedVAE": (SemiSupervisedVAE, {}),
    "SemafoVAE": (SemafoVAE, {}),
}


class ConvNet:
    """A supervised network of the encoder's size, on whatever labels there are."""

    def __init__(self, n_epochs, seed):
        self.n_epochs = n_epochs
        self.seed = seed

    def fit(self, X, y):
        """Train with the mean over the properties of the loss on labelled rows."""
        torch.manual_seed(self.seed)
        keep = (y >= 0).any(1)
        X, y = torch.from_numpy(X[keep]), torch.from_numpy(y[keep])
        self.network = NETWORK.build_encoder(X.shape[1], sum(SIZES))
        n_batches = max(1, len(X) // 128)
        optimizer = torch.optim.AdamW(self.network.parameters(), lr=3e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 3e-3, total_steps=self.n_epochs * n_batches
        )
        for _ in range(self.n_epochs):
            for index in torch.randperm(len(X)).tensor_split(n_batches):
                logits = self.network(X[index]).split(SIZES, dim=1)
                loss = sum(
                    nn.functional.cross_entropy(part, code, ignore_index=-1)
                    for part, code in zip(logits, y[index].T, strict=True)
                    if (code >= 0).any()
                )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
        self.network.eval()
        return self

    @torch.no_grad()
    def predict(self, X):
        """Return the most probable values, (n, 5)."""
        chunks = torch.from_numpy(np.asarray(X, dtype=np.float32)).split(1024)
        logits = torch.cat([self.network(chunk) for chunk in chunks]).split(SIZES, 1)
        return torch.stack([part.argmax(1) for part in logits], dim=1).numpy()


def report(name, fraction, seed, *values):
    """Print a line of the table."""
    cells = [f"{100 * v:.1f}" if isinstance(v, float) else str(v) for v in values]
    print(f"| {name} | {fraction} | {seed} | {' | '.join(cells)} |", flush=True)


def run(seed, fractions, names, max_epochs):
    """Print a line for each contestant and share of labels."""
    X, y = make_sprites(20_000, exclude=HELD_OUT, random_state=seed, **GRID)
    X_test, y_test = make_sprites(
        2_000, exclude=HELD_OUT, random_state=seed + 10_000, **GRID
    )
    everything = make_sprites(20_000, random_state=seed + 20_000, **GRID)
    _, unseen = make_sprites(1_000, only=HELD_OUT, random_state=seed + 30_000, **GRID)
    reader = ConvNet(12, seed).fit(*everything)
    accuracy = [float(a) for a in np.mean(reader.predict(X_test) == y_test, axis=0)]
    report("ceiling: all labels", "", seed, *accuracy, float(np.mean(accuracy)))
    for fraction in fractions:
        partial = mask_labels(y, fraction=fraction, stratify=None, random_state=seed)
        supervised = ConvNet(round(60 / fraction**0.5 / 3), seed).fit(X, partial)
        hits = np.mean(supervised.predict(X_test) == y_test, axis=0)
        accuracy = [float(a) for a in hits]
        report("supervised", fraction, seed, *accuracy, float(np.mean(accuracy)))
        for name in names:
            Estimator, settings = CONTESTANTS[name]
            start = time.perf_counter()
            estimator = Estimator(
                max_epochs=max_epochs, random_state=seed, **COMMON, **PLAIN, **settings
            ).fit(X, partial)
            seconds = time.perf_counter() - start
            hits = np.mean(estimator.predict(X_test) == y_test, axis=0)
            accuracy = [float(a) for a in hits]
            asked = {"classifier": reader, "random_state": seed}
            report(
                name,
                fraction,
                seed,
                *accuracy,
                float(np.mean(accuracy)),
                controllability(estimator, **asked).mean,
                specificity(estimator, X=X_test, **asked).mean,
                dci(
                    estimator.transform(X_test), y_test, random_state=0
                ).disentanglement,
                controllability(estimator, Y=unseen, **asked).mean,
                f"{seconds:.0f} s",
            )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--fractions", type=float, nargs="+", default=[0.1, 0.01])
    parser.add_argument("--only", nargs="+", default=list(CONTESTANTS))
    parser.add_argument("--epochs", type=int, default=30)
    arguments = parser.parse_args()
    print(f"{machine()}\n")
    columns = [*NAMES, "mean", "controlled", "specific", "DCI", "unseen", "fit"]
    print(f"| % | labelled | seed | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 3) + "|")
    for seed in arguments.seeds:
        run(seed, arguments.fractions, arguments.only, arguments.epochs)


if __name__ == "__main__":
    main()
