import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import entropy, norm, t

from skfmvae.estimators.calibration import (
    fit_temperature,
    interval_factor,
    lacking_variance,
    temperature_of_entropy,
)


def made_predictions(n=20_000, n_classes=4, factor=1.0, seed=0):
    """Return log-probabilities that are a factor too certain, and drawn labels."""
    rng = np.random.default_rng(seed)
    log_proba = log_softmax(rng.normal(scale=2, size=(n, n_classes)), axis=1)
    cumulative = np.exp(log_proba).cumsum(axis=1)
    codes = (rng.random((n, 1)) > cumulative[:, :-1]).sum(axis=1)
    return factor * log_proba, codes


@pytest.mark.parametrize("factor", [0.5, 1.0, 6.0])
def test_many_hidden_labels_show_how_much_too_certain_predictions_are(factor):
    log_proba, codes = made_predictions(factor=factor)
    assert fit_temperature(log_proba, codes, prior=1.0) == pytest.approx(
        factor, rel=0.03
    )


@pytest.mark.parametrize("n", [0, 3, 40])
def test_the_temperature_is_the_most_probable_one_given_its_prior(n):
    """Against the best of many temperatures, by the plain formula."""
    log_proba, codes = made_predictions(n, factor=5.0)
    candidates = np.linspace(-3, 8, 5001)
    losses = [
        -log_softmax(log_proba / np.exp(c), axis=1)[np.arange(n), codes].sum()
        + (c - np.log(2.0)) ** 2 / 2
        for c in candidates
    ]
    expected = np.exp(candidates[np.argmin(losses)])
    assert fit_temperature(log_proba, codes, 2.0) == pytest.approx(expected, rel=5e-3)


def test_a_weight_counts_as_so_many_labels():
    log_proba, codes = made_predictions(30, factor=5.0)
    weight = np.arange(30) % 3
    repeated = np.repeat(np.arange(30), weight)
    assert fit_temperature(log_proba, codes, 2.0, weight) == pytest.approx(
        fit_temperature(log_proba[repeated], codes[repeated], 2.0), rel=1e-4
    )


@pytest.mark.parametrize("wanted", [0.1, 0.7, 1.3])
def test_predictions_get_the_mean_entropy_that_is_asked_for(wanted):
    log_proba, _ = made_predictions(500, factor=9.0)
    temperature = temperature_of_entropy(log_proba, wanted)
    tempered = np.exp(log_softmax(log_proba / temperature, axis=1))
    assert entropy(tempered, axis=1).mean() == pytest.approx(wanted, abs=1e-3)


def test_an_entropy_that_no_temperature_gives_takes_the_nearest():
    log_proba, _ = made_predictions(50)
    hot, cold = (temperature_of_entropy(log_proba, e) for e in (np.log(4), 0.0))
    assert hot == pytest.approx(np.exp(8))
    assert cold == pytest.approx(np.exp(-3))


def test_deviations_get_the_variance_that_they_lack():
    rng = np.random.default_rng(0)
    predicted = rng.uniform(0.01, 2, size=20_000)
    residuals = rng.normal(scale=np.sqrt(predicted**2 + 9))
    assert lacking_variance(residuals, predicted) == pytest.approx(9, rel=0.05)
    # Deviations that are large enough stay.
    assert lacking_variance(rng.normal(scale=predicted / 2), predicted) == 0
    assert lacking_variance(np.empty(0), np.empty(0)) == 0
    variance = lacking_variance(residuals[:7], predicted[:7])
    scaled = residuals[:7] / np.sqrt(predicted[:7] ** 2 + variance)
    assert np.mean(scaled**2) == pytest.approx(1)


def test_few_residuals_give_the_quantiles_of_students_t():
    residuals = np.array([1.0, -2.0, 2.0])
    expected = np.sqrt(3) * t.ppf(0.95, 3)
    assert interval_factor(residuals, 0.9) == pytest.approx(expected)
    assert interval_factor(np.empty(0), 0.9) == pytest.approx(norm.ppf(0.95))


@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_intervals_cover_as_many_values_to_come_whatever_their_distribution(coverage):
    rng = np.random.default_rng(0)
    covered = [
        np.mean(np.abs(rng.standard_cauchy(200)) <= interval_factor(seen, coverage))
        for seen in rng.standard_cauchy((400, 39))
    ]
    # (n + 1) coverage is whole, so that the expected share is exact.
    assert np.mean(covered) == pytest.approx(coverage, abs=0.012)
