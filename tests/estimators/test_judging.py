import warnings

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.estimators import judging
from skfmvae.metrics import expected_calibration_error
from skfmvae.models import Continuous, GraphicalModel, Latent
from skfmvae.neighbour_graph.reliability import linear_proba
from skfmvae.nn import MLP

SMALL = {"encoder": MLP(hidden=(32,)), "decoder": MLP(hidden=(32,)), "random_state": 0}


@pytest.fixture
def overlapping():
    """Return rows of two Gaussians, labels of 100 of them, and the true posterior."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=1000)
    X = rng.normal(size=(1000, 4)) + 0.7 * y[:, None]
    posterior = 1 / (1 + np.exp(-(0.7 * X - 0.245).sum(axis=1)))
    return X, y, np.where(np.arange(1000) < 100, y, -1), posterior


@pytest.mark.parametrize(
    "make",
    [FactorialMixtureVAE, SemiSupervisedVAE, SemafoVAE],
    ids=lambda m: m.__name__,
)
def test_probabilities_come_near_those_of_a_known_posterior(make, overlapping):
    X, y, partial, posterior = overlapping
    new = slice(100, None)
    losses, errors = [], []
    for calibrate in (False, True):
        estimator = make(max_epochs=20, calibrate=calibrate, **SMALL).fit(X, partial)
        proba = estimator.predict_proba(X[new])
        losses.append(log_loss(y[new], proba))
        errors.append(expected_calibration_error(y[new], proba))
    best = log_loss(y[new], posterior[new])
    assert losses[1] < best + 0.2
    assert losses[1] < losses[0]
    assert errors[1] < errors[0]


def test_one_label_a_class_gives_half_the_certainty_of_a_linear_classifier():
    X, y = make_blobs(300, centers=3, n_features=4, cluster_std=4.0, random_state=0)
    partial = np.full(300, -1)
    partial[[np.flatnonzero(y == c)[0] for c in range(3)]] = [0, 1, 2]
    estimator = FactorialMixtureVAE(max_epochs=10, **SMALL).fit(X, partial)
    labelled = partial >= 0
    rows = estimator.net_.module_.likelihood.comparable(X.astype(np.float32))
    linear = LogisticRegression(max_iter=1000).fit(rows[labelled], y[labelled])
    wanted = (entropy(linear.predict_proba(rows), axis=1).mean() + np.log(3)) / 2
    found = entropy(estimator.predict_proba(X), axis=1).mean()
    assert found == pytest.approx(wanted, abs=5e-3)
    assert estimator.judgement_.scores == {"property_0": {}}
    assert estimator.judgement_.reliability == {"property_0": 0.0}


def test_scores_are_those_of_the_hidden_predictions(overlapping):
    X, y, partial, _ = overlapping
    estimator = FactorialMixtureVAE(max_epochs=5, **SMALL).fit(X, partial)
    scores = estimator.judgement_.scores["property_0"]
    assert list(scores) == ["graph", "linear", "model"]
    proba = estimator.hidden_proba_[0][:100]
    found = accuracy_score(y[:100], proba.argmax(axis=1))
    assert scores["model"]["accuracy"] == found
    assert scores["model"]["log_loss"] == pytest.approx(log_loss(y[:100], proba))


def test_all_is_silent_without_labels(overlapping, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimator = FactorialMixtureVAE(2, max_epochs=2, **SMALL).fit(overlapping[0])
    assert capsys.readouterr() == ("", "")
    assert estimator.judgement_.temperature == {"discovered_0": 1.0}
    assert estimator.judgement_.scores["discovered_0"] == {}
    assert np.isnan(estimator.hidden_proba_[0]).all()


def test_what_was_found_is_shown_if_asked_for(overlapping, capsys):
    X, _, partial, _ = overlapping
    FactorialMixtureVAE(max_epochs=2, verbose=1, **SMALL).fit(X, partial)
    shown = capsys.readouterr().err
    assert "property_0: hidden labels right: graph" in shown
    assert "temperature" in shown


def test_a_warning_says_where_the_labelled_rows_alone_are_better(overlapping):
    """Trained for an epoch, the model knows nothing yet."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=400)
    X = rng.normal(size=(400, 20))
    X[:, 0] += 6 * y
    partial = np.where(np.arange(400) < 200, y, -1)
    estimator = FactorialMixtureVAE(
        max_epochs=1, neighbours=None, adversarial=None, lr=1e-6, **SMALL
    )
    with pytest.warns(UserWarning, match="do not help to predict 'property_0'.*Pool"):
        estimator.fit(X, partial)


def test_many_rows_are_compared_by_a_sample(overlapping, monkeypatch):
    compared = []

    def spied(rows, n_classes, codes, wanted):
        compared.append(len(wanted))
        return linear_proba(rows, n_classes, codes, wanted)

    monkeypatch.setattr(judging, "linear_proba", spied)
    monkeypatch.setattr(judging, "COMPARED_ROWS", 70)
    X, _, partial, _ = overlapping
    FactorialMixtureVAE(max_epochs=2, **SMALL).fit(X, partial)
    assert compared == [70, 50, 50]  # then the hidden labels of each of the two fits


@pytest.fixture(scope="module")
def noisy():
    """Return rows, a quantity that has noise of one deviation, and part of it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 5))
    y = 10 * (X[:, 0] + 0.5 * X[:, 1] + rng.normal(size=900))
    return X, y, np.where(np.arange(900) < 150, y, np.nan)


def fit_quantity(X, y, **settings):
    graph = GraphicalModel({"amount": Continuous(), "style": Latent(3)})
    return SemiSupervisedVAE(graph, max_epochs=30, **settings, **SMALL).fit(X, y)


def test_intervals_cover_as_many_new_values_as_asked_for(noisy):
    X, y, partial = noisy
    estimator = fit_quantity(X, partial)
    for coverage in (0.5, 0.9):
        lower, upper = estimator.property_interval(X[150:], coverage)["amount"]
        inside = (lower[:, 0] <= y[150:]) & (y[150:] <= upper[:, 0])
        # Three standard errors of the share of 150 residuals.
        assert inside.mean() == pytest.approx(
            coverage, abs=3 * np.sqrt(coverage * (1 - coverage) / 150)
        )
    mean, std = estimator.property_distribution(X[150:])["amount"]
    residual = np.sqrt(np.mean(((y[150:] - mean[:, 0]) / std[:, 0]) ** 2))
    # Refits that saw fewer values err more, so that deviations are rather too large.
    assert residual == pytest.approx(0.9, abs=0.2)
    np.testing.assert_allclose((lower + upper) / 2, mean, rtol=1e-5, atol=1e-4)


@pytest.fixture(scope="module")
def uncalibrated(noisy):
    X, _, partial = noisy
    return fit_quantity(X, partial, calibrate=False)


def test_without_calibration_intervals_are_gaussian(noisy, uncalibrated):
    X, *_ = noisy
    estimator = uncalibrated
    mean, std = estimator.property_distribution(X)["amount"]
    lower, upper = estimator.property_interval(X, 0.9)["amount"]
    np.testing.assert_allclose(upper - lower, 2 * 1.6448536 * std, rtol=1e-4)


@pytest.mark.parametrize("coverage", [0.0, 1.0, 90])
def test_a_coverage_is_a_share(noisy, uncalibrated, coverage):
    X, *_ = noisy
    with pytest.raises(ValueError, match=f"coverage={coverage!r}.*between 0 and 1"):
        uncalibrated.property_interval(X, coverage)
