"""Rows of composed digits: to fit, to test, and for a network that reads them.

Rows are MNIST's digits in four colours, on four backgrounds, at four angles, of which
a quarter of the 640 combinations never occurs in training. Test rows show test images,
or training images that were held out.
"""

from common import mnist
from scipy.ndimage import gaussian_filter
from sklearn.model_selection import train_test_split
from supervised import SupervisedNet

from skfmvae.datasets import (
    COMPOSED_DIGITS_COLUMNS,
    hold_out_composed_digits,
    make_composed_digits,
)

NAMES = COMPOSED_DIGITS_COLUMNS
SIZES = (10, 4, 4, 4)
N_TEST = 2000  # rows of seen combinations, and of unseen ones
READER_ROWS, READER_EPOCHS = 40_000, 8
# In pixels, of equal parts of the rows that the reader learns from: generated rows are
# smoother than true ones, and a network that saw sharp ones alone calls white pink.
READER_BLURS = (0.0, 0.5, 1.0, 1.5)


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


def fit_reader(network, seed, held_out):
    """Return a network like `network` that reads all properties of all combinations."""
    train, _ = images(held_out)
    X, y = make_composed_digits(READER_ROWS, random_state=seed + 30_000, **train)
    for number, blur in enumerate(READER_BLURS):
        some = X[number :: len(READER_BLURS)].reshape(-1, 3, 28, 28)
        some = gaussian_filter(some, (0, 0, blur, blur))
        X[number :: len(READER_BLURS)] = some.reshape(len(some), -1)
    return SupervisedNet(network, SIZES, n_epochs=READER_EPOCHS, seed=seed).fit(X, y)
