"""Time per epoch of `fit`: against a loop written by hand, and with regularizers.

    python benchmarks/step_time.py

The loop by hand is plain PyTorch over a copy of the same modules, with the same
mathematics, optimiser, schedule and batches: what a competent user would write for one
labelled property, without history. Each epoch of a fit is followed by an epoch of the
loop from the same state of the fit's generator, so both do the same work under the same
load of the machine. First a small fit checks that both end with the same parameters.

Regularizers are off there. Further columns have the time of an epoch with each of them
and with all, against none; the graph, built once before the first epoch, is apart, in
``benchmarks/graph.py``. A second table has what part of an epoch images are changed in,
at the default networks and at those of ``benchmarks/mnist.py``.
"""

import argparse
import copy
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import numpy as np
import torch
from common import keep_labels
from mnist import SETTINGS
from report import DECISIONS, add_save, report
from skorch.callbacks import Callback
from torch import nn
from torch.distributions import Normal, kl_divergence

from skfmvae import FactorialMixtureVAE
from skfmvae._utils.random import generator_for
from skfmvae.estimators import settings_of
from skfmvae.images import ImageAugmentation
from skfmvae.training import Objective

N_FEATURES, N_LABELS = 784, 100
BATCH_SIZES = (64, 256, 1024)
REGULARIZERS = ("neighbours", "adversarial")
OFF = dict.fromkeys(REGULARIZERS)
NETWORKS = {
    "default": {},
    "convolutions": {n: SETTINGS[n] for n in ("encoder", "decoder", "adversarial")},
}
AUGMENTATIONS = {
    "default": ImageAugmentation(),
    "bends": ImageAugmentation(warp=1.0),
    "bends, erases": ImageAugmentation(warp=1.0, erase=0.3),
}


class ByHand:
    """Train a factorial mixture of one property, every step written out."""

    def __init__(self, model, estimator, X, codes, generator):
        self.model = model
        self.generator = generator
        self.X, self.codes = torch.from_numpy(X), torch.from_numpy(codes)
        self.n_rows = len(X)
        batch_size = settings_of(estimator, "batch_size")
        self.n_batches = self.n_rows // batch_size.rows
        self.n_steps = estimator.max_epochs * self.n_batches
        self.step = 0
        self.labelled = torch.nonzero(self.codes >= 0).squeeze(1)
        n_labelled_rows = batch_size.rows * len(self.labelled) / self.n_rows
        n_missing = round(batch_size.labelled - n_labelled_rows)
        self.n_drawn = max(0, n_missing)
        visits = torch.ones(self.n_rows)
        visits[self.labelled] += self.n_batches * self.n_drawn / len(self.labelled)
        self.weight = visits.mean() / visits
        self.optimizer = torch.optim.AdamW(
            model.parameters(),
            lr=estimator.lr,
            betas=(0.9, 0.99),
            weight_decay=1e-4,
            fused=True,
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, max_lr=estimator.lr, total_steps=self.n_steps
        )

    def epoch(self):
        """Visit every row once."""
        self.model.begin_epoch(self.step / self.n_steps, self.n_rows, self.some_rows)
        self.model.train()
        order = torch.randperm(self.n_rows, generator=self.generator)
        drawn = torch.randint(
            len(self.labelled),
            (self.n_batches, self.n_drawn),
            generator=self.generator,
        )
        for number, index in enumerate(order.tensor_split(self.n_batches)):
            index = torch.cat([index, self.labelled[drawn[number]]])
            x, code, weight = self.X[index], self.codes[index], self.weight[index]
            self.optimizer.zero_grad()
            loss, mean, variance, joint = self.loss(x, code, weight)
            if not loss.isfinite():
                raise FloatingPointError("The loss is not finite.")
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            if self.model.mixture_step >= 0:
                self.step_mixture(mean, variance, joint, code, weight)
            self.step += 1

    def some_rows(self):
        """Return values, codes and weights of 10,000 rows, the labelled ones first."""
        drawn = torch.rand(self.n_rows, generator=self.generator)
        priority = (self.codes >= 0).float() + drawn
        index = priority.topk(min(self.n_rows, 10_000)).indices
        return self.X[index], self.codes[index, None], torch.ones(len(index))

    def loss(self, x, code, weight):
        """Return the loss, moments of q(z | x) and the log-joint of z and the code."""
        model, size = self.model, self.model.property_dim
        mean, log_variance = model.encoder(x).chunk(2, dim=1)
        std = torch.exp(0.5 * log_variance.clamp(-8, 3))
        q = Normal(mean, std, validate_args=False)
        noise = torch.empty_like(mean).normal_(generator=self.generator)
        logits = model.decoder(mean + std * noise)
        log_likelihood = (x * logits - nn.functional.softplus(logits)).sum(1)
        style = Normal(mean[:, size:], std[:, size:], validate_args=False)
        kl_style = kl_divergence(style, Normal(0.0, 1.0)).sum(1)
        mixture, mean, variance = (
            model.mixtures[0],
            mean[:, :size],
            q.variance[:, :size],
        )
        joint = mixture.expected_log_density(mean[:, None], variance[:, None])[:, 0]
        joint = joint + mixture.expected_log_weights()[0]
        known = code >= 0
        evidence = joint.logsumexp(1)
        pinned = joint.gather(1, code.clamp_min(0)[:, None]).squeeze(1)
        entropy = q.entropy()[:, :size].sum(1)
        kl_property = -entropy - torch.where(known, pinned, evidence)
        annealing = min(1.0, self.step / self.n_steps / Objective().kl_warmup)
        bound = log_likelihood - kl_style - annealing * kl_property
        label = (known * weight * (pinned - evidence)).sum() / (known * weight).sum()
        loss = -(weight * bound).mean() / N_FEATURES - model.label_weight * label
        return loss, mean.detach(), variance.detach(), joint.detach()

    @torch.no_grad()
    def step_mixture(self, mean, variance, joint, code, weight):
        """Take a natural-gradient step of the mixture."""
        model, mixture = self.model, self.model.mixtures[0]
        settings = model.mixture
        pinned = nn.functional.one_hot(code.clamp_min(0), joint.shape[1]).float()
        r = torch.where((code >= 0)[:, None], pinned, joint.softmax(1))
        statistics = mixture.statistics(
            mean[:, None], variance[:, None], r[:, None], weight
        )
        model.mixture_step += 1
        rate = (model.mixture_step + settings.delay) ** -settings.forgetting_rate
        mixture.natural_step(statistics * (self.n_rows / len(weight)), rate)


class Interleaved(Callback):
    """Time every epoch of a fit, then one by hand from the same random state.

    In a thread of its own: what callbacks draw is redirected to the generators of the
    fit, which slows every operation.

    Attributes
    ----------
    fit_times, hand_times : list of float
        Seconds of each epoch.
    """

    def __init__(self, estimator):
        self.estimator = estimator
        self.thread = ThreadPoolExecutor(1)

    def on_train_begin(self, net, X=None, **kwargs):
        """Copy the untrained model."""
        codes = X.codes[:, 0].numpy()
        model = copy.deepcopy(net.module_)
        self.generator = generator_for(torch.device("cpu"))
        self.by_hand = ByHand(model, self.estimator, X.x.numpy(), codes, self.generator)
        self.fit_times, self.hand_times = [], []
        self.random_state = self.generator.get_state()
        self.start = time.perf_counter()

    def on_epoch_end(self, net, **kwargs):
        """Note the time of the fit's epoch and follow it by hand."""
        self.fit_times.append(time.perf_counter() - self.start)
        after = self.generator.get_state()
        self.generator.set_state(self.random_state)
        start = time.perf_counter()
        self.thread.submit(copy_context().run, self.by_hand.epoch).result()
        self.hand_times.append(time.perf_counter() - start)
        self.generator.set_state(after)
        self.random_state = after
        self.start = time.perf_counter()


def rows_and_labels(n_rows):
    """Return rows of MNIST's shape around ten centres, and 100 labels of these.

    Without centres no neighbour would be right, and regularizers, seeing that, idle.
    """
    rng = np.random.default_rng(0)
    y = np.arange(n_rows) % 10
    centres = rng.random((10, N_FEATURES), dtype=np.float32)
    X = (centres[y] + rng.random((n_rows, N_FEATURES), dtype=np.float32)) / 2
    return X, keep_labels(y, N_LABELS, random_state=0)


def check_same_mathematics():
    """Raise if fit and loop differ by more than rounding after two short epochs.

    Eight steps: each multiplies the differences that rounding makes.
    """
    X, y = rows_and_labels(1024)
    estimator = FactorialMixtureVAE(batch_size=256, max_epochs=2, random_state=0, **OFF)
    timer = Interleaved(estimator)
    estimator.set_params(callbacks=[timer]).fit(X, y)
    fit, hand = (
        torch.cat([tensor.float().flatten() for tensor in model.state_dict().values()])
        for model in (estimator.net_.module_, timer.by_hand.model)
    )
    difference = float((fit - hand).norm() / fit.norm())
    if not difference < 1e-4:
        raise RuntimeError(
            f"The loop by hand ends {difference:.1e} from the fit: its mathematics is "
            "no longer the estimator's. Bring it up to date."
        )


def compare(X, y, batch_size, n_epochs, n_rounds):
    """Return the seconds per epoch of the fit and of the loop by hand, epoch by epoch.

    The first epoch of each round warms up and does not count.
    """
    fit_times, hand_times = [], []
    for seed in range(n_rounds):
        estimator = FactorialMixtureVAE(
            batch_size=batch_size, max_epochs=n_epochs + 1, random_state=seed, **OFF
        )
        timer = Interleaved(estimator)
        estimator.set_params(callbacks=[timer]).fit(X, y)
        fit_times += timer.fit_times[1:]
        hand_times += timer.hand_times[1:]
    return np.array(fit_times), np.array(hand_times)


def with_regularizers(X, y, batch_size, n_epochs, n_rounds):
    """Return the median seconds per epoch with no regularizer, each one, and all."""
    defaults = FactorialMixtureVAE().get_params(deep=False)
    on = {name: defaults[name] for name in REGULARIZERS}
    choices = {"none": OFF}
    choices |= {name: OFF | {name: on[name]} for name in REGULARIZERS}
    choices["all"] = on
    times = {name: [] for name in choices}
    for seed in range(n_rounds):
        for name, regularizers in choices.items():
            estimator = FactorialMixtureVAE(
                batch_size=batch_size,
                max_epochs=n_epochs + 1,
                random_state=seed,
                **regularizers,
            )
            times[name] += estimator.fit(X, y).net_.history[1:, "dur"]
    return {name: np.median(seconds) for name, seconds in times.items()}


class Timed:
    """Change batches and add up the seconds that it takes."""

    def __init__(self, augmentation):
        self.augment = augmentation.build(N_FEATURES)
        self.seconds = 0.0

    def __call__(self, x):
        """Return changed rows."""
        start = time.perf_counter()
        changed = self.augment(x)
        self.seconds += time.perf_counter() - start
        return changed


def share_of_augmentation(X, y, networks, augmentation, batch_size, n_epochs):
    """Return the share of the time of epochs in which batches are changed, in %."""
    augment = Timed(augmentation)
    estimator = FactorialMixtureVAE(
        batch_size=batch_size,
        max_epochs=n_epochs,
        augmentation=augment,
        random_state=0,
        **networks,
    )
    estimator.fit(X, y)
    return 100 * augment.seconds / sum(estimator.net_.history[:, "dur"])


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=4, help="in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    add_save(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    check_same_mathematics()
    X, y = rows_and_labels(arguments.rows)
    epochs = arguments.epochs, arguments.rounds
    table = []
    for batch_size in BATCH_SIZES:
        fit, hand = compare(X, y, batch_size, *epochs)
        low, ratio, high = np.quantile(fit / hand, [0.25, 0.5, 0.75])
        cells = [f"{np.median(fit):.2f}", f"{np.median(hand):.2f}"]
        cells.append(f"{ratio:.2f} ({low:.2f} to {high:.2f})")
        times = with_regularizers(X, y, batch_size, *epochs)
        plain = times.pop("none")
        cells += [f"{plain:.2f}", *(f"x {t / plain:.2f}" for t in times.values())]
        table.append([str(batch_size), *cells])
        print(table[-1], flush=True)
    rounds = f"{arguments.rows} rows of {N_FEATURES} values, {arguments.rounds} rounds"
    report(
        "Time per epoch",
        ["batch size", "fit, s", "by hand, s", "ratio"]
        + ["no regularizer, s", *REGULARIZERS, "all"],
        table,
        f"{rounds} of {arguments.epochs} epochs; median (quartiles)",
        arguments.save,
    )
    table = [
        [name, str(batch_size)]
        + [
            f"{share_of_augmentation(X, y, networks, a, batch_size, 3):.1f} %"
            for a in AUGMENTATIONS.values()
        ]
        for name, networks in NETWORKS.items()
        for batch_size in BATCH_SIZES
    ]
    report(
        "Augmentation, share of an epoch",
        ["networks", "batch size", *AUGMENTATIONS],
        table,
        f"{arguments.rows} rows of {N_FEATURES} values, one fit each of 3 epochs",
        arguments.save,
        DECISIONS / "025-augmentation.md",
    )


if __name__ == "__main__":
    main()
