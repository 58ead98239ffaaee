import warnings

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from skorch.callbacks import Callback

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.estimators import cross_fitting, judging
from skfmvae.estimators.training import train
from skfmvae.metrics import expected_calibration_error
from skfmvae.models import Continuous, GraphicalModel, Latent
from skfmvae.neighbour_graph.reliability import linear_proba
from skfmvae.nn import MLP
from skfmvae.training import EarlyStopping

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


def labelled_blobs(per_class):
    X, y = make_blobs(300, centers=3, n_features=4, cluster_std=4.0, random_state=0)
    partial = np.full(300, -1)
    for c in range(3):
        partial[np.flatnonzero(y == c)[:per_class]] = c
    return X.astype(np.float32), partial


@pytest.mark.parametrize("per_class", [1, 4])
def test_before_labels_are_hidden_certainty_is_that_of_a_linear_classifier(
    per_class, monkeypatch
):
    """Averaged with equal probabilities, which weigh as one more label a class."""
    monkeypatch.setattr(judging, "fit_temperature", lambda p, codes, prior, w: prior)
    X, partial = labelled_blobs(per_class)
    estimator = FactorialMixtureVAE(max_epochs=10, **SMALL).fit(X, partial)
    labelled = partial >= 0
    rows = estimator.net_.module_.likelihood.comparable(X)
    linear = LogisticRegression(max_iter=1000).fit(rows[labelled], partial[labelled])
    certainty = entropy(linear.predict_proba(rows), axis=1).mean()
    wanted = (per_class * certainty + np.log(3)) / (per_class + 1)
    found = entropy(estimator.predict_proba(X), axis=1).mean()
    assert found == pytest.approx(wanted, abs=5e-3)


def test_one_label_a_class_cannot_be_judged():
    estimator = FactorialMixtureVAE(max_epochs=2, **SMALL).fit(*labelled_blobs(1))
    assert estimator.judgement_.scores == {"property_0": {}}
    assert estimator.judgement_.reliability == {"property_0": 0.0}


def test_temperatures_count_sample_weights(overlapping, monkeypatch):
    weights = []

    def spied(log_proba, codes, prior, weight):
        weights.append(weight)
        return prior

    monkeypatch.setattr(judging, "fit_temperature", spied)
    X, _, partial, _ = overlapping
    sample_weight = np.random.default_rng(0).random(1000)
    estimator = FactorialMixtureVAE(max_epochs=1, **SMALL)
    estimator.fit(X, partial, sample_weight=sample_weight)
    expected = (sample_weight / sample_weight.mean())[partial >= 0]
    np.testing.assert_allclose(weights, [expected], rtol=1e-6)


def two_columns(partial):
    return np.stack([partial, np.where(partial < 0, -1, 1 - partial)], axis=1)


def test_an_interrupt_leaves_all_uncalibrated(overlapping, monkeypatch):
    """And not one property calibrated and the other not."""
    n_calls = []

    def interrupted(*args):
        n_calls.append(1)
        if len(n_calls) == 2:
            raise KeyboardInterrupt
        return 7.0

    monkeypatch.setattr(judging, "fit_temperature", interrupted)
    X, _, partial, _ = overlapping
    estimator = FactorialMixtureVAE(max_epochs=2, **SMALL)
    with pytest.raises(KeyboardInterrupt, match="that of epoch 2"):
        estimator.fit(X, two_columns(partial))
    assert len(n_calls) == 2
    judgement = estimator.judgement_
    assert judgement.is_interrupted
    assert judgement.temperature == {"property_0": 1.0, "property_1": 1.0}
    assert not judgement.hidden_proba
    assert "model" not in judgement.scores["property_0"]
    plain = FactorialMixtureVAE(max_epochs=2, calibrate=False, **SMALL)
    expected = plain.fit(X, two_columns(partial)).predict_proba(X)
    np.testing.assert_array_equal(estimator.predict_proba(X), expected)


def test_an_interrupted_fit_is_not_calibrated(overlapping):
    class Stop(Callback):
        def on_batch_end(self, net, **kwargs):
            if len(net.history) == 2:
                raise KeyboardInterrupt

    X, _, partial, _ = overlapping
    estimator = FactorialMixtureVAE(max_epochs=3, callbacks=[Stop()], **SMALL)
    with pytest.raises(KeyboardInterrupt, match="that of epoch 1"):
        estimator.fit(X, partial)
    assert estimator.judgement_.temperature == {"property_0": 1.0}
    assert not estimator.judgement_.hidden_proba


def test_a_refit_that_is_interrupted_interrupts_the_fit(overlapping, monkeypatch):
    def interrupted(*args):
        net = train(*args)
        net.interrupted_ = True
        return net

    monkeypatch.setattr(cross_fitting, "train", interrupted)
    X, _, partial, _ = overlapping
    estimator = FactorialMixtureVAE(max_epochs=2, **SMALL)
    with pytest.raises(KeyboardInterrupt, match="that of epoch 2"):
        estimator.fit(X, partial)
    assert estimator.judgement_.is_interrupted


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


@pytest.mark.parametrize(("probability", "n_warnings"), [(0.94, 0), (0.96, 1)])
def test_a_warning_needs_what_chance_does_not_explain(
    overlapping, monkeypatch, probability, n_warnings
):
    monkeypatch.setattr(judging, "probability_better", lambda *_: probability)
    X, _, partial, _ = overlapping
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        FactorialMixtureVAE(max_epochs=1, **SMALL).fit(X, partial)
    assert len(caught) == n_warnings


@pytest.mark.parametrize("callbacks", [None, [EarlyStopping()]])
def test_a_part_with_all_labels_judges_as_all_rows_do(
    overlapping, monkeypatch, callbacks
):
    X, _, partial, _ = overlapping
    judgements = []
    for rows_of_graph in (
        lambda codes, n_columns: None,
        lambda codes, n_columns: np.flatnonzero(
            (codes[:, 0] >= 0) | (np.arange(len(codes)) % 3 == 0)
        ),
    ):
        monkeypatch.setattr(judging, "rows_of_graph", rows_of_graph)
        monkeypatch.setattr(judging, "COMPARED_ROWS", 50)
        model = SemiSupervisedVAE(max_epochs=2, callbacks=callbacks, **SMALL)
        judgements.append(model.fit(X, partial).judgement_)
    of_all, of_part = judgements
    assert of_part.temperature == of_all.temperature
    assert of_part.scores == of_all.scores
    for (rows, proba), (same_rows, same_proba) in zip(
        of_all.hidden_proba.values(), of_part.hidden_proba.values(), strict=True
    ):
        np.testing.assert_array_equal(rows, same_rows)
        np.testing.assert_array_equal(proba, same_proba)


def test_many_rows_are_compared_by_a_sample(overlapping, monkeypatch):
    compared = []

    def spied(rows, n_classes, codes, wanted):
        # What is predicted to be judged is not seen.
        assert not compared or (codes[wanted] < 0).all()
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
