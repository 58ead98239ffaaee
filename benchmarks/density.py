"""How probable MNIST's test rows are, without labels: ln p(x) in nats.

    python benchmarks/density.py --only "mixture of 50"  # the table of RESULTS.md
    python benchmarks/density.py --held-out  # 10,000 training rows, to choose settings

Every pixel is set to one or zero once, with its grey value as the probability and a
fixed seed, in training and in test rows. The bound takes 5,000 importance samples of a
row. Networks are dense, and there is one layer of latents.
"""

import argparse
import time
from functools import partial

import numpy as np
import torch
from common import machine, mnist
from sklearn.model_selection import train_test_split

from skfmvae import FactorialMixtureVAE, SemiSupervisedVAE
from skfmvae.estimators import Inference
from skfmvae.models import GraphicalModel, Latent
from skfmvae.nn import MLP
from skfmvae.training import KL

N_LATENTS = 50
NETWORK = MLP(hidden=(500, 500), precision="auto")
SETTINGS = {
    "encoder": NETWORK,
    "decoder": NETWORK,
    "batch_size": 250,
    "lr": 2e-3,
    # The estimators' own decay, 1e-4, leaves training rows further above held-out ones.
    "optimizer": partial(
        torch.optim.AdamW, betas=(0.9, 0.99), weight_decay=0.1, fused=True
    ),
    "kl": KL(warmup=0.1),
    "likelihood": "bernoulli",
}
PLAIN = GraphicalModel({"z": Latent(N_LATENTS)})
CONTESTANTS = {
    "VAE": SemiSupervisedVAE(PLAIN, **SETTINGS),
    "importance-weighted, 5 draws": SemiSupervisedVAE(
        PLAIN, inference=Inference(bound="iwae", n_particles=5), **SETTINGS
    ),
    "mixture of 50": FactorialMixtureVAE(
        property_components=50,
        property_dim=N_LATENTS,
        style_dim=0,
        neighbours=None,
        adversarial=None,
        **SETTINGS,
    ),
}


def rows(held_out):
    """Return binary rows to fit and binary rows to score."""
    X, y, X_test, _ = mnist()
    if held_out:
        X, X_test = train_test_split(X, test_size=10_000, stratify=y, random_state=0)
    rng = np.random.default_rng(0)
    return [(rng.random(part.shape) < part).astype(np.float32) for part in (X, X_test)]


def main():
    """Print a row of the table for each contestant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--epochs", type=int, default=160)
    parser.add_argument("--draws", type=int, default=5000)
    parser.add_argument("--scored", type=int, default=10_000, help="rows")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--only", choices=CONTESTANTS, nargs="+", default=list(CONTESTANTS)
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"{machine()}; {arguments.epochs} epochs, seed {arguments.seed}\n")
    X, X_test = rows(arguments.held_out)
    X_test = X_test[: arguments.scored]
    print(
        "| model | ln p(x) | with 100 draws | of training rows | s a fit | s to score |"
    )
    print("|---|---|---|---|---|---|")
    for name in arguments.only:
        start = time.perf_counter()
        estimator = CONTESTANTS[name].set_params(
            max_epochs=arguments.epochs, random_state=arguments.seed
        )
        estimator.fit(X)
        fitted = time.perf_counter()
        log_p = estimator.score_samples(X_test, arguments.draws).mean()
        seconds = time.perf_counter() - fitted
        few, train = (
            estimator.score_samples(part, 100).mean() for part in (X_test, X[:2000])
        )
        print(
            f"| {name} | {log_p:.2f} | {few:.2f} | {train:.2f} "
            f"| {fitted - start:.0f} | {seconds:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
