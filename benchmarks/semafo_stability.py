"""Twenty seeds of SemafoVAE at its defaults: all learn, and use their latents.

    OMP_NUM_THREADS=1 python benchmarks/semafo_stability.py

Digits with 50 labels, and 1,000 sprites with a tenth of the labels of each of five
properties. Nothing but the seed is set. A loss is finite where all terms of all epochs
are. A dimension of ``z0`` is alive where its posterior means have a standard deviation
of over a tenth of the posteriors' own. ``u`` is in use where a sample's labels are read
as they were asked for: labels reach rows through ``u`` alone.
"""

import argparse
import time

import numpy as np
import torch
from common import digits, keep_labels
from joblib import Parallel, delayed
from report import DECISIONS, add_save, report

from skfmvae import SemafoVAE
from skfmvae.datasets import make_sprites, mask_labels

N_SAMPLES = 1000


def few_digits(seed):
    """Return digits, all their labels and 50 of them."""
    X, y = digits()
    return X, y[:, None], keep_labels(y, 50, random_state=seed)[:, None]


def few_sprites(seed):
    """Return sprites, all their labels and a tenth of them."""
    X, y = make_sprites(
        1000, n_scales=6, n_orientations=4, n_positions=4, jitter=0.5, random_state=seed
    )
    return X, y, mask_labels(y, fraction=0.1, stratify=None, random_state=seed)


DATA = {"digits": few_digits, "sprites": few_sprites}


def run(data, seed):
    """Return what one fit came to."""
    torch.set_num_threads(1)
    X, y, partial = DATA[data](seed)
    start = time.perf_counter()
    estimator = SemafoVAE(random_state=seed).fit(X, partial)
    seconds = time.perf_counter() - start
    history = estimator.net_.history
    terms = [
        value
        for epoch in history
        for name, value in epoch.items()
        if name.startswith("train_") and isinstance(value, float)
    ]
    latents = estimator.net_.module_.encode(torch.from_numpy(X))
    block = estimator.net_.module_.latent_blocks["z0"]
    means, stddevs = latents.mean[:, block], latents.stddev[:, block]
    alive = (means.std(0) > 0.1 * stddevs.mean(0)).sum()
    generated, asked = estimator.sample(N_SAMPLES, random_state=seed, draw="mean")
    read = np.reshape(estimator.predict(generated), (N_SAMPLES, -1))
    asked = np.reshape(asked, (N_SAMPLES, -1))
    hidden = partial < 0
    found = np.reshape(estimator.predict(X), y.shape)
    last = history[-1]
    return {
        "finite": bool(np.isfinite(terms).all()),
        "alive": int(alive),
        "kl_z0": last["train_kl_z0_unlabelled"],
        "kl_u": last["train_kl_u_unlabelled"],
        "samples read as asked, %": 100 * np.mean(read == asked),
        "right, %": 100 * np.mean((found == y)[hidden]),
        "s a fit": seconds,
    }


def main():
    """Print the mean over seeds and the extremes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--data", nargs="+", default=list(DATA))
    parser.add_argument("--jobs", type=int, default=2)
    add_save(parser)
    arguments = parser.parse_args()
    rows = []
    for data in arguments.data:
        fits = Parallel(arguments.jobs)(
            delayed(run)(data, seed) for seed in range(arguments.seeds)
        )
        finite = sum(fit.pop("finite") for fit in fits)
        values = ([fit[key] for fit in fits] for key in fits[0])
        cells = [f"{np.mean(v):.1f} ({min(v):.1f} to {max(v):.1f})" for v in values]
        rows.append([data, f"{finite} of {len(fits)}", *cells])
    report(
        "Seeds of SemafoVAE at its defaults",
        ["", "finite losses", *fits[0]],
        rows,
        f"{arguments.seeds} seeds, {arguments.jobs} fits at a time; mean (lowest to "
        "highest)",
        arguments.save,
        DECISIONS / "029-semafo-weights.md",
    )


if __name__ == "__main__":
    main()
