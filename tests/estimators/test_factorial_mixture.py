"""What only FactorialMixtureVAE has: its settings, its mixtures, exact densities."""

import copy
import re

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch
from scipy.special import logsumexp
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import NearestCentroid
from skorch.callbacks import Callback

from skfmvae import FactorialMixtureVAE
from skfmvae.estimators import Mixture
from skfmvae.nn import MLP, Gaussian


@pytest.fixture(scope="session")
def Estimator():
    """Let the fixtures that make estimators make only this one."""
    return FactorialMixtureVAE


# Mixture ------------------------------------------------------------------------------


def test_grid_search_reaches_the_mixture(partial_blobs):
    X, y = partial_blobs
    grid = {"mixture__covariance_type": ["full", "diag", "spherical"]}
    search = GridSearchCV(
        FactorialMixtureVAE(mixture=Mixture(), max_epochs=2, random_state=0),
        grid,
        cv=KFold(2, shuffle=True, random_state=0),
        error_score="raise",
    ).fit(X, y)
    best = search.best_estimator_
    assert best.mixture.covariance_type == best.net_.module_.mixtures[0].covariance_type
    assert len(set(search.cv_results_["mean_test_score"])) > 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("covariance_type", "tied"),
        ("weight_concentration_prior", 0.0),
        ("mean_precision_prior", -1.0),
        ("degrees_of_freedom_prior", 0.0),
        ("covariance_prior", 0.0),
        ("covariance_prior", -2.0),
        ("warmup", -0.1),
        ("warmup", 1.5),
        ("delay", -1.0),
        ("forgetting_rate", 0.5),
        ("forgetting_rate", 1.1),
    ],
)
def test_bad_settings_are_refused(blobs, name, value):
    estimator = FactorialMixtureVAE(mixture=Mixture(**{name: value}), max_epochs=1)
    with pytest.raises(ValueError, match=f"{name}.*{re.escape(str(value))}"):
        estimator.fit(*blobs)
    assert not hasattr(estimator, "net_")


def test_settings_reach_the_mixture(blobs):
    """As priors, by the names that scikit-learn's mixture gives them."""
    settings = {
        "covariance_type": "spherical",
        "weight_concentration_prior": 3.0,
        "mean_precision_prior": 0.5,
        "degrees_of_freedom_prior": 7.0,
        "covariance_prior": 2.0,
    }
    seen = []

    class Watch(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(copy.deepcopy(net.module_.mixtures[0]))

    FactorialMixtureVAE(
        mixture=Mixture(**settings, warmup=1.0),
        property_dim=4,
        max_epochs=3,
        callbacks=[Watch()],
    ).fit(*blobs)
    # With so long a warm-up the posterior is the prior until the last epoch.
    *_, mixture, last = seen
    assert (last.mean_precision > 0.5).all()
    assert mixture.covariance_type == "spherical"
    assert (mixture.weight_concentration == 3.0).all()
    assert (mixture.mean_precision == 0.5).all()
    assert (mixture.degrees_of_freedom == 7.0).all()
    assert (mixture.scale_inv == 2.0).all()


# Clusters and spare components --------------------------------------------------------


def test_clusters_are_those_of_the_data(blobs):
    X, number = blobs
    estimator = FactorialMixtureVAE(property_components=3, random_state=0).fit(X)
    # Every cluster is one centre and the other way round.
    pairs = set(zip(estimator.predict(X).tolist(), number.tolist(), strict=True))
    assert len(pairs) == 3


@pytest.mark.parametrize("components", [3, {"kind": 3}], ids=["int", "dict"])
def test_spare_components_find_a_new_class(blobs, components):
    X, number = blobs
    words = np.array(["ant", "bee", None], dtype=object)[number]
    y = pd.Series(np.where(np.arange(150) < 60, words, None), name="kind")
    estimator = FactorialMixtureVAE(components, calibrate=False, random_state=0)
    estimator.fit(X, y)
    assert estimator.classes_.tolist() == ["ant", "bee", "new_1"]
    expected = np.array(["ant", "bee", "new_1"])[number]
    assert np.mean(estimator.predict(X) == expected) > 0.95
    # The new class can be asked for like any other.
    X_new, y_new = estimator.sample(500, {"kind": "new_1"}, random_state=0)
    assert set(y_new) == {"new_1"}
    centres = NearestCentroid().fit(X, number)
    assert np.mean(centres.predict(X_new) == 2) > 0.9
    assert np.abs(X_new.mean(axis=0) - X[number == 2].mean(axis=0)).max() < 1.0


def test_regularizers_leave_a_new_class_alone(blobs):
    X, number = blobs
    y = np.where((np.arange(150) < 60) & (number < 2), number, -1)
    estimator = FactorialMixtureVAE(
        3,
        neighbours="graph",
        adversarial="virtual",
        calibrate=False,
        random_state=0,
    ).fit(X, y)
    assert np.mean(estimator.predict(X) == number) > 0.95


def test_drawn_properties_follow_the_class_proportions(make_learner, blobs):
    X, number = blobs
    few = np.concatenate([np.flatnonzero(number == c)[: 40 // 4**c] for c in range(3)])
    estimator = make_learner().fit(X[few], number[few])
    _, y = estimator.sample(2000, random_state=0)
    proportions = np.bincount(y, minlength=3) / 2000
    np.testing.assert_allclose(proportions, np.array([40, 10, 2]) / 52, atol=0.05)


def test_a_combination_never_seen(two_properties):
    """It is recognised and generated: what the factorisation buys.

    The decoder is linear because no prior keeps another from bending where no row is.
    """
    X, numbers, y = two_properties
    unseen = (numbers == [1, 2]).all(axis=1)
    estimator = FactorialMixtureVAE(
        decoder=MLP(hidden=()), calibrate=False, random_state=0
    ).fit(X[~unseen], y[~unseen])
    predicted = estimator.predict(X[unseen])
    assert np.mean((predicted == [1, 2]).all(axis=1)) >= 0.9

    def share_read(rows):
        read = np.stack([rows[:, :2].argmax(axis=1), rows[:, 3:].argmax(axis=1)], 1)
        return np.mean((read == [1, 2]).all(axis=1))

    wanted = {"property_0": 1, "property_1": 2}
    assert share_read(estimator.intervene(X[~unseen], wanted)) >= 0.95
    assert share_read(estimator.sample(500, wanted, random_state=0)[0]) >= 0.8


# Densities ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def on_a_line():
    """Return a fit with one latent, a linear decoder and known noise, and its rows."""
    rng = np.random.default_rng(0)
    number = np.arange(200) % 2
    X = np.array([[2.0, 0.0, -1.0], [-2.0, 1.0, 1.0]])[number]
    X = X + rng.normal(scale=0.5, size=X.shape)
    estimator = FactorialMixtureVAE(
        property_dim=1,
        style_dim=0,
        decoder=torch.nn.Linear,
        likelihood=Gaussian(learn_scale=False, scale=[0.5, 0.6, 0.7]),
        calibrate=False,
        random_state=0,
    )
    return estimator.fit(X, np.where(np.arange(200) < 50, number, -1)), X


@pytest.fixture(scope="module")
def exact(on_a_line):
    """Integrate ``p(x | z) p(z)`` over the one latent by the trapezoidal rule."""
    estimator, X = on_a_line
    model = estimator.net_.module_
    grid = np.linspace(-30.0, 30.0, 20_001)[:, None]
    mixture = {
        name: value.cpu().numpy().astype(np.float64)[0]
        for name, value in model.mixtures[0].state_dict().items()
    }
    # Bishop (2006), equations 10.81 and 10.82, with one dimension.
    beta, nu = mixture["mean_precision"], mixture["degrees_of_freedom"]
    scale = np.sqrt((1 + beta) / (beta * nu) * mixture["scale_inv"][:, 0])
    alpha = mixture["weight_concentration"]
    log_prior = logsumexp(
        scipy.stats.t.logpdf(grid, nu, mixture["means"][:, 0], scale),
        b=alpha / alpha.sum(),
        axis=1,
    )
    # The decoder gives locations in standardised columns.
    weight, bias = (p.detach().cpu().numpy() for p in model.decoder.parameters())
    location = X.mean(axis=0) + X.std(axis=0) * (grid * weight[:, 0] + bias)
    log_likelihood = [
        scipy.stats.norm.logpdf(x, location, [0.5, 0.6, 0.7]).sum(axis=1) for x in X
    ]
    return logsumexp(log_likelihood + log_prior, axis=1) + np.log(grid[1] - grid[0])[0]


def test_score_samples_approaches_the_exact_density(on_a_line, exact):
    estimator, X = on_a_line
    many = estimator.score_samples(X, n_draws=5000)
    np.testing.assert_allclose(many, exact, atol=0.05)
    assert many.mean() == pytest.approx(exact.mean(), abs=0.01)


@pytest.mark.parametrize("n_draws", [1, 10])
def test_the_bound_is_below_the_exact_density(on_a_line, exact, n_draws):
    """On average over 500 sets of draws, for every row."""
    estimator, X = on_a_line
    model = estimator.net_.module_
    x = torch.as_tensor(X, dtype=torch.float32, device=estimator.device_)
    noise = torch.randn(500 * n_draws, 1, generator=torch.Generator().manual_seed(0))
    noise = noise.to(x.device)
    sets = model.log_weights(x, noise).unflatten(1, (500, n_draws))
    bounds = (sets.logsumexp(dim=2) - np.log(n_draws)).T.cpu().double().numpy()
    np.testing.assert_allclose(
        bounds[:3],
        [model.log_marginal(x, s).cpu() for s in noise.view(500, -1, 1)[:3]],
        rtol=1e-4,
    )
    error = bounds.std(axis=0) / np.sqrt(len(bounds))
    assert (bounds.mean(axis=0) < exact + 3 * error + 1e-4).all()
    assert bounds.mean() < exact.mean()


@pytest.mark.parametrize(
    ("n_labels", "settings", "expected"),
    [
        (30, {}, 0.05),
        (0, {}, 0.05),
        (0, dict.fromkeys(("neighbours", "adversarial")), 0.2),
        (30, dict.fromkeys(("neighbours", "adversarial")), 0.2),
        (30, {"mixture": Mixture(warmup=0.5)}, 0.5),
    ],
)
def test_mixtures_start_early_where_regularizers_spread_labels(
    blobs, n_labels, settings, expected
):
    X, y = blobs
    started = []

    class Note(Callback):
        def on_epoch_end(self, net, **kwargs):
            started.append(net.module_.mixture_step >= 0)

    y = np.where(np.arange(len(y)) < n_labels, y, -1)
    FactorialMixtureVAE(
        max_epochs=20,
        callbacks=[Note()],
        calibrate=False,
        random_state=0,
        **settings,
    ).fit(X, y)
    # The first epoch to end with mixtures is that which began when they were due.
    assert started.index(True) / 20 == pytest.approx(expected)


def test_mixtures_wait_where_regularizers_spread_nothing():
    """They are on, but with one label of each class there is none to judge by."""
    X = np.random.default_rng(0).normal(size=(300, 20))
    y = np.where(np.arange(300) < 4, np.arange(300), -1)
    on, off = ({}, dict.fromkeys(("neighbours", "adversarial")))
    started = {}
    for name, settings in (("on", on), ("off", off)):
        started[name] = []

        class Note(Callback):
            def on_epoch_end(self, net, **kwargs):
                started[name].append(net.module_.mixture_step >= 0)  # noqa: B023

        FactorialMixtureVAE(
            max_epochs=20,
            callbacks=[Note()],
            calibrate=False,
            random_state=0,
            **settings,
        ).fit(X, y)
    assert started["on"] == started["off"]


@pytest.mark.parametrize("name", ["digit", None])
def test_the_first_latents_have_the_name_of_a_series(blobs, name):
    X, y = blobs
    model = FactorialMixtureVAE(max_epochs=1, random_state=0).fit(
        X, pd.Series(y, name=name)
    )
    assert model.get_feature_names_out()[0] == f"{name or 'property_0'}_0"
