"""Time of a step on unlabelled rows: against Pyro's M2 with parallel enumeration.

    pip install ".[bench]"
    python benchmarks/vs_pyro.py            # the table of RESULTS.md
    python benchmarks/vs_pyro.py --memory   # of a step with 100 classes, apart

Both have the networks of Pyro's tutorial on semi-supervised learning: one hidden layer
of 500 for ``q(y|x)``, ``q(z|x,y)`` and ``p(x|y,z)`` each, ``z`` of size 50, softplus,
ten classes. A step is the bound of 200 unlabelled rows of MNIST, its gradient and the
optimiser; ours includes what the trainer does beside. Each contestant in turn takes ten
steps, the first two untimed, as in training a step follows another of its kind.
"enumerate" sums over all classes of all rows, as Pyro does. "sum-and-sample" leaves
out unlikely classes, of which there are few at first: it is timed from the start and
after 3 and 12 passes over 20,000 rows with 100 labels. "bfloat16" is the networks'
``precision``.
"""

import argparse
import resource
import time
import warnings
from functools import partial

import numpy as np
import torch
from common import keep_labels, mnist
from report import DECISIONS, add_save, report
from torch import nn

from skfmvae import SemiSupervisedVAE
from skfmvae.estimators import Inference
from skfmvae.nn import MLP
from skfmvae.training import Rows

N_FEATURES, HIDDEN, STYLE, BATCH = 784, 500, 50, 200
TURN, UNTIMED = 10, 2  # steps


def pyro_step(n_classes):
    """Return a function that takes one step of Pyro's M2."""
    import pyro
    import pyro.distributions as dist
    from pyro.infer import SVI, TraceEnum_ELBO, config_enumerate
    from pyro.optim import Adam

    def network(n_inputs, n_outputs):
        return nn.Sequential(
            nn.Linear(n_inputs, HIDDEN), nn.Softplus(), nn.Linear(HIDDEN, n_outputs)
        )

    class M2(nn.Module):
        """As the tutorial writes it, for rows without labels."""

        def __init__(self):
            super().__init__()
            self.encoder_y = network(N_FEATURES, n_classes)
            self.encoder_z = network(N_FEATURES + n_classes, 2 * STYLE)
            self.decoder = network(STYLE + n_classes, N_FEATURES)

        def model(self, x):
            """Generate rows."""
            pyro.module("m2", self)
            with pyro.plate("data", len(x)):
                prior = dist.Normal(x.new_zeros(len(x), STYLE), 1.0).to_event(1)
                z = pyro.sample("z", prior)
                level = x.new_full((len(x), n_classes), 1 / n_classes)
                y = pyro.sample("y", dist.OneHotCategorical(level))
                z = z.expand(*y.shape[:-1], STYLE)
                logits = self.decoder(torch.cat([z, y], -1))
                pyro.sample("x", dist.Bernoulli(logits=logits).to_event(1), obs=x)

        def guide(self, x):
            """Recognise them."""
            with pyro.plate("data", len(x)):
                logits = self.encoder_y(x)
                y = pyro.sample("y", dist.OneHotCategorical(logits=logits))
                x = x.expand(*y.shape[:-1], N_FEATURES)
                mean, log_scale = self.encoder_z(torch.cat([x, y], -1)).chunk(2, -1)
                pyro.sample("z", dist.Normal(mean, log_scale.exp()).to_event(1))

    pyro.clear_param_store()
    m2 = M2()
    svi = SVI(
        m2.model,
        config_enumerate(m2.guide, "parallel", expand=True),
        Adam({"lr": 4.2e-4}),
        TraceEnum_ELBO(max_plate_nesting=1),
    )
    return lambda x: svi.step(x)


def our_step(X, y, marginalization, n_classes=10, max_epochs=1, precision="float32"):
    """Return a function that takes one step of ours, the trainer's bookkeeping too."""
    network = MLP(
        hidden=(HIDDEN,), activation="softplus", norm=None, precision=precision
    )
    net = (
        SemiSupervisedVAE(
            property_components=n_classes,
            style_dim=STYLE,
            encoder=network,
            decoder=network,
            likelihood="bernoulli",
            inference=Inference(marginalization=marginalization),
            neighbours=None,
            adversarial=None,
            batch_size=BATCH,
            max_epochs=max_epochs,
            random_state=0,
        )
        .fit(X, y)
        .net_
    )

    def step(x):
        codes = np.full((len(x), 1), -1)
        net.train_step(Rows(x.numpy(), codes)[torch.arange(len(x))])

    return step


def table(n_rounds, save):
    """Report the time of a step of each, and ratios to Pyro's."""
    X, y, _, _ = mnist()
    # Pyro takes ones and zeros alone.
    X = np.round(X[:20_000])
    y = keep_labels(y[:20_000], 100, random_state=0)
    few = X[:BATCH]
    bfloat16 = {"precision": "bfloat16"}
    trained = partial(our_step, X, y, "sum-and-sample")
    steps = {
        "pyro-ppl": pyro_step(10),
        "enumerate": our_step(few, None, "enumerate"),
        "enumerate, bfloat16": our_step(few, None, "enumerate", **bfloat16),
        "sum-and-sample, from the start": our_step(few, None, "sum-and-sample"),
        **{
            f"sum-and-sample, after {n} passes{name}": trained(max_epochs=n, **settings)
            for n in (3, 12)
            for name, settings in (("", {}), (", bfloat16", bfloat16))
        },
    }
    seconds = {name: [] for name in steps}
    batches = torch.from_numpy(X).split(BATCH)
    for first in range(0, TURN * n_rounds, TURN):
        for name, step in steps.items():
            for number, x in enumerate(batches[first : first + TURN]):
                start = time.perf_counter()
                step(x)
                if number >= UNTIMED:
                    seconds[name].append(time.perf_counter() - start)
    slowest = np.median(seconds["pyro-ppl"])
    rows = []
    for name, values in seconds.items():
        low, median, high = 1e3 * np.quantile(values, [0.25, 0.5, 0.75])
        times_faster = f"{1e3 * slowest / median:.1f}"
        rows.append([name, f"{median:.1f}", f"{low:.1f}, {high:.1f}", times_faster])
    report(
        "Against Pyro",
        [f"step on {BATCH} unlabelled rows", "median ms", "quartiles", "times faster"],
        rows,
        f"{n_rounds} turns of {TURN - UNTIMED} steps each",
        save,
    )


def memory(save):
    """Report how much a step with 100 classes adds to the peak of memory."""
    x = torch.rand(BATCH, N_FEATURES)
    few = our_step(x.numpy(), None, "enumerate", n_classes=2)
    many = our_step(x.numpy()[:2], None, "enumerate", n_classes=100)
    few(x)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):
        many(x)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report(
        "Memory of a step",
        ["classes", "rows", "MiB above the peak of a step with 2 classes"],
        [["100", str(BATCH), f"{(after - before) / 1024:.0f}"]],
        "3 steps, the highest peak",
        save,
        DECISIONS / "027-sum-and-sample.md",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--rounds", type=int, default=10)
    add_save(parser)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", module="pyro")
    if arguments.memory:
        memory(arguments.save)
    else:
        table(arguments.rounds, arguments.save)
