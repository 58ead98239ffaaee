import numpy as np
import pytest

from skfmvae._utils.folds import hidden_label_folds


@pytest.fixture
def codes():
    rng = np.random.default_rng(0)
    codes = rng.choice(4, size=(200, 2), p=[0.5, 0.3, 0.15, 0.05])
    codes[rng.random(codes.shape) < 0.6] = -1
    codes[codes[:, 1] == 3, 1] = -1
    codes[7, 1] = 3  # the only label of its class
    return codes


def test_every_label_but_the_only_one_of_a_class_is_hidden_once(codes):
    folds = hidden_label_folds(codes, 5, np.random.RandomState(0))
    hidden = codes >= 0
    hidden[7, 1] = False
    np.testing.assert_array_equal(folds >= 0, hidden)
    assert folds.max() == 4


def test_folds_are_even_within_classes_and_in_all(codes):
    folds = hidden_label_folds(codes, 5, np.random.RandomState(0))
    for column, fold in zip(codes.T, folds.T, strict=True):
        assert np.ptp(np.bincount(fold[fold >= 0], minlength=5)) <= 1
        for code in range(4):
            of_class = fold[(column == code) & (fold >= 0)]
            if len(of_class):
                assert np.ptp(np.bincount(of_class, minlength=5)) <= 1


@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_every_fold_leaves_a_label_of_each_class(codes, n_folds):
    folds = hidden_label_folds(codes, n_folds, np.random.RandomState(1))
    for number in range(n_folds):
        rest = np.where(folds == number, -1, codes)
        for k in range(2):
            assert set(rest[:, k]) == set(codes[:, k])


def test_the_order_of_rows_decides_nothing(codes):
    """Which labels share a fold is drawn, so that sorted rows do not bias it."""
    column = np.repeat([0, 1], 50)[:, None]
    a, b = (hidden_label_folds(column, 2, np.random.RandomState(s)) for s in (0, 1))
    assert (a != b).any()
