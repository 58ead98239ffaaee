import numpy as np

from skfmvae import FactorialMixtureVAE
from skfmvae.nn import MLP
from skfmvae.training import BatchSize


class Count:
    """Counts the rows and the labelled rows of every batch."""

    def __init__(self):
        self.sizes = []

    def __call__(self, x):
        self.sizes.append(len(x))
        return x


def test_batches_hold_so_many_rows_and_labelled_ones():
    """Of 200 rows 8 are labelled: 2 of 50, to which 10 are added for 12."""
    X = np.random.default_rng(0).normal(size=(200, 4))
    y = np.where(np.arange(200) < 8, np.arange(200) % 2, -1)
    count = Count()
    FactorialMixtureVAE(
        encoder=MLP(hidden=(8,)),
        decoder=MLP(hidden=(8,)),
        batch_size=BatchSize(50, labelled=12),
        augmentation=count,
        neighbours=None,
        adversarial=None,
        calibrate=False,
        max_epochs=1,
        random_state=0,
    ).fit(X, y)
    assert count.sizes == [60] * 4
