"""What comes out means what it should: read by a classifier, measured, compared."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.svm import SVC

# Digits with 100 labels ---------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return (X / 16).astype(np.float32), y


@pytest.fixture(scope="module")
def fitted(Estimator, digits):
    X, y = digits
    rng = np.random.default_rng(0)
    kept = [rng.choice(np.flatnonzero(y == d), 10, replace=False) for d in range(10)]
    partial = np.full_like(y, -1)
    partial[kept] = y[kept]
    return Estimator(max_epochs=35, calibrate=False, random_state=0).fit(X, partial)


@pytest.fixture(scope="module")
def read(digits):
    """Return a reader of digits that learned from the real rows and all labels."""
    return SVC(C=10).fit(*digits).predict


def test_sampled_digits_are_those_asked_for(fitted, digits, read):
    asked = np.repeat(np.arange(10), 100)
    X, y = fitted.sample(1000, {"property_0": asked}, random_state=0, draw="mean")
    np.testing.assert_array_equal(y, asked)
    assert np.mean(read(X) == asked) >= 0.95
    # And not ten pictures over and over: those of a digit differ as real ones do.
    rows, labels = digits
    real, drawn = (
        np.mean([Z[z == digit].var(axis=0).sum() for digit in range(10)])
        for Z, z in ((rows, labels), (X, asked))
    )
    assert 0.2 * real < drawn < real


def test_one_digit_for_all_sampled_rows(fitted, read):
    X, y = fitted.sample(100, {"property_0": 4}, random_state=0, draw="mean")
    assert (y == 4).all()
    assert np.mean(read(X) == 4) >= 0.9


def test_digits_are_drawn_where_none_is_asked_for(fitted, read):
    X, y = fitted.sample(1000, random_state=0, draw="mean")
    assert np.bincount(y, minlength=10).min() > 50
    assert np.mean(read(X) == y) >= 0.9


def test_intervened_digits_are_those_asked_for(fitted, digits, read):
    X, _ = digits
    asked = np.arange(1000) % 10
    changed = fitted.intervene(X[:1000], {"property_0": asked})
    assert np.mean(read(changed) == asked) >= 0.9


def test_an_intervention_keeps_the_row(fitted, digits):
    """Digits that lay to the left still do: so much of a row is no matter of which."""
    X, _ = digits

    def position(rows):
        """Return the horizontal centre of mass."""
        images = rows.reshape(-1, 8, 8)
        return (images * np.arange(8)).sum(axis=(1, 2)) / images.sum(axis=(1, 2))

    before = position(fitted.reconstruct(X[:500]))
    kept = [
        np.corrcoef(before, position(fitted.intervene(X[:500], {"property_0": d})))
        for d in range(10)
    ]
    assert np.mean(kept, axis=0)[0, 1] > 0.3


def test_imposing_what_a_row_has_changes_nothing(fitted, digits):
    X, _ = digits
    same = fitted.intervene(X, {"property_0": fitted.predict(X)})
    np.testing.assert_allclose(same, fitted.reconstruct(X), atol=1e-5)
    nothing = fitted.intervene(X, {})
    np.testing.assert_allclose(nothing, fitted.reconstruct(X), atol=1e-5)


def test_reconstructions_are_close(fitted, digits, read):
    X, y = digits
    new = fitted.reconstruct(X)
    assert ((X - new) ** 2).mean() < 0.5 * X.var(axis=0).mean()
    assert np.mean(read(new) == y) > 0.9
    np.testing.assert_array_equal(new, fitted.inverse_transform(fitted.transform(X)))


def test_real_rows_are_more_probable_than_shuffled_ones(fitted, digits):
    X, _ = digits
    X = X[:200]
    shuffled = np.random.default_rng(0).permuted(X, axis=1)
    higher = fitted.score_samples(X, 10) > fitted.score_samples(shuffled, 10)
    assert np.mean(higher) > 0.99


def test_the_bound_rises_with_the_draws(fitted, digits):
    """One bound of many draws is above the mean of many bounds of few of them."""
    X, _ = digits
    model = fitted.net_.module_
    x = torch.as_tensor(X[:50], device=fitted.device_)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(30, model.n_latents, generator=generator).to(x.device)
    weights = model.log_weights(x, noise)
    bounds = [
        (weights.unflatten(1, (-1, n)).logsumexp(dim=2) - np.log(n)).mean(dim=1)
        for n in (1, 5, 30)
    ]
    torch.testing.assert_close(bounds[2], model.log_marginal(x, noise))
    assert (bounds[0] + 1e-3 < bounds[1]).all()
    assert (bounds[1] + 1e-4 < bounds[2]).all()


def test_score_without_labels_is_the_mean_bound(fitted, digits):
    X, _ = digits
    assert fitted.score(X[:50]) == fitted.score_samples(X[:50]).mean()


def test_nothing_collapsed(fitted, digits):
    """Rows are clear about their digit, and every digit is that of some."""
    X, y = digits
    proba = fitted.predict_proba(X)
    proportion = proba.mean(axis=0)
    assert proportion.min() > 0.05
    of_the_mean = -(proportion * np.log(proportion)).sum()
    mean = -(proba * np.log(np.maximum(proba, 1e-300))).sum(axis=1).mean()
    assert of_the_mean > 0.95 * np.log(10)
    assert mean < 0.2 * np.log(10)
    assert np.mean(fitted.predict(X) == y) > 0.85


# Two properties -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_read():
    """Return a reader of the rows in `two_properties`, by the nearest centre."""
    return lambda X: np.stack([X[:, :2].argmax(axis=1), X[:, 3:].argmax(axis=1)], 1)


@pytest.mark.parametrize("changed", [0, 1])
def test_changing_one_property_leaves_the_other(
    make_learner, two_properties, two_read, changed
):
    X, numbers, y = two_properties
    np.testing.assert_array_equal(two_read(X), numbers)
    estimator = make_learner().fit(X, y)
    asked = numbers.copy()
    asked[:, changed] = np.random.default_rng(0).permutation(numbers[:, changed])
    X_new = estimator.intervene(X, {f"property_{changed}": asked[:, changed]})
    assert np.mean(two_read(X_new) == asked, axis=0).min() >= 0.95
    assert np.mean(estimator.predict(X_new) == asked, axis=0).min() >= 0.95


def test_both_properties_can_be_asked_for(Estimator, two_properties, two_read):
    X, numbers, y = two_properties
    estimator = Estimator(calibrate=False, random_state=0).fit(X, y)
    asked = {"property_0": numbers[:, 0], "property_1": numbers[:, 1]}
    X_new, y_new = estimator.sample(len(X), asked, random_state=0)
    np.testing.assert_array_equal(y_new, numbers)
    assert np.mean(two_read(X_new) == numbers, axis=0).min() >= 0.95
    # One that is not asked for comes out as it was drawn.
    X_new, y_new = estimator.sample(200, {"property_0": 1}, random_state=0)
    assert (y_new[:, 0] == 1).all()
    assert len(np.unique(y_new[:, 1])) == 3
    assert np.mean(two_read(X_new) == y_new, axis=0).min() >= 0.95
