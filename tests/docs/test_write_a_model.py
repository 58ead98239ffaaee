"""The model that a page writes, put through what every model should pass."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score
from sklearn.utils import estimator_checks

from skfmvae.models import Labels
from skfmvae.nn import MLP, Bernoulli
from skfmvae.training import Objective

PAGE = Path(__file__).parents[2] / "docs" / "write_a_model.md"
N_INPUTS = 5


@pytest.fixture(scope="module")
def page():
    """Return what the page defines, without the fits between its classes."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    namespace = {}
    for block in blocks:
        if "\nclass " in block:
            exec(compile(block, str(PAGE), "exec"), namespace)
    return namespace


@pytest.fixture(scope="module")
def model(page):
    """Return an untrained model of one latent, with components of different shape."""
    torch.manual_seed(0)
    likelihood = Bernoulli().build(np.eye(N_INPUTS, dtype=np.float32))
    network = MLP(hidden=(8,), norm=None)
    model = page["GaussianMixture"](
        network.build_encoder(N_INPUTS, 2),
        network.build_decoder(1, N_INPUTS),
        likelihood,
        N_INPUTS,
        {"kind": 3},
        n_latents=1,
        alpha=1.0,
    ).double()
    with torch.no_grad():
        model.logits.copy_(torch.tensor([0.0, 1.0, -1.0]))
        model.mean.copy_(torch.tensor([[-1.0], [0.3], [2.0]]))
        model.log_scale.copy_(torch.tensor([[0.0], [0.2], [0.4]]))
    return model.requires_grad_(False)


@pytest.fixture(scope="module")
def x():
    return torch.randint(2, (6, N_INPUTS)).double()


@pytest.fixture(scope="module")
def grid():
    return torch.linspace(-15, 15, 6001, dtype=torch.float64)[:, None]


@pytest.fixture(scope="module")
def exact(model, x, grid):
    """Return ``ln p(x, c)`` by quadrature over the latent, (n, C)."""
    nothing = torch.zeros_like(grid)
    log_prior = model._log_joint(grid, nothing)
    likelihood = model.decode(grid)
    step = (grid[1] - grid[0]).log()
    return torch.stack(
        [
            (likelihood.log_prob(row)[:, None] + log_prior).logsumexp(0) + step
            for row in x
        ]
    )


def labels_of(codes):
    return Labels(codes[:, None], torch.empty(len(codes), 0))


def unknown(n):
    return labels_of(torch.full((n,), -1))


def bound_of(terms):
    return terms["log_likelihood"].value - terms["kl"].value


@pytest.mark.parametrize("code", [-1, 0, 2])
def test_the_terms_bound_the_exact_likelihood(model, x, exact, code):
    torch.manual_seed(0)
    n_draws = 2000
    codes = torch.full((len(x) * n_draws,), code)
    terms = model.terms(x.repeat(n_draws, 1), labels_of(codes)).terms
    bounds = bound_of(terms).view(n_draws, -1)
    log_p = exact.logsumexp(1) if code < 0 else exact[:, code]
    error = bounds.std(0) / n_draws**0.5
    assert (bounds.mean(0) < log_p + 3 * error).all()


def test_the_kl_of_the_terms_is_that_of_its_definition(model, x):
    """With the best ``q(c)`` the divergence is ``E ln q(z) q(c) / p(z, c)``."""
    q = model.encode(x)
    torch.manual_seed(0)
    z = q.mean + q.stddev * torch.randn(20_000, *q.mean.shape).double()
    joint = model._log_joint(z.flatten(0, 1), torch.zeros(1, 1)).view(*z.shape[:2], -1)
    log_q_c = model.property_log_proba(x)[0]
    sampled = q.log_prob(z).sum(2) + (log_q_c.exp() * (log_q_c - joint)).sum(2)
    kl = model.terms(x, unknown(len(x))).terms["kl"].value
    torch.testing.assert_close(sampled.mean(0), kl, atol=0.05, rtol=0)


def test_the_importance_weighted_bound_is_nearly_exact(model, x, exact):
    torch.manual_seed(0)
    noise = torch.randn(4000, 1, dtype=torch.float64)
    log_p = exact.logsumexp(1)
    few = torch.stack([model.log_marginal(x, some) for some in noise[:900].split(3)])
    assert (few.mean(0) < log_p + 3 * few.std(0) / len(few) ** 0.5).all()
    torch.testing.assert_close(model.log_marginal(x, noise), log_p, atol=0.02, rtol=0)


def test_draws_follow_the_prior(model, grid):
    density = model.log_prior(grid).exp()
    cumulative = (density * (grid[1] - grid[0])).cumsum(0)
    assert cumulative[-1].item() == pytest.approx(1, abs=1e-6)
    torch.manual_seed(0)
    z, drawn = model.sample_latents(unknown(20_000))
    places = torch.searchsorted(grid[:, 0], z[:, 0].double().contiguous())
    shares = (torch.arange(20_000) + 0.5) / 20_000
    distance = (cumulative[places].sort().values - shares).abs().max()
    assert distance < 0.015  # Kolmogorov-Smirnov, 1.6 / sqrt(20,000) at 1 %
    counts = drawn.codes[:, 0].bincount(minlength=3) / 20_000
    torch.testing.assert_close(
        counts.double(), model.logits.softmax(0), atol=0.02, rtol=0
    )


def test_draws_keep_the_properties_that_are_asked_for(model):
    codes = torch.arange(30_000) % 4 - 1
    z, drawn = model.sample_latents(labels_of(codes))
    known = codes >= 0
    assert (drawn.codes[known, 0] == codes[known]).all()
    for c, (mean, log_scale) in enumerate(
        zip(model.mean, model.log_scale, strict=True)
    ):
        of_code = z[codes == c].double()
        torch.testing.assert_close(of_code.mean(0), mean, atol=0.1, rtol=0)
        torch.testing.assert_close(of_code.std(0).log(), log_scale, atol=0.05, rtol=0)


def test_predictions_of_the_terms_are_those_of_the_model(model, x):
    evaluation = model.terms(x, unknown(len(x)))
    torch.testing.assert_close(evaluation.log_proba, model.property_log_proba(x))


def test_labels_count_where_they_are_known(model, x):
    codes = torch.tensor([0, -1, 2, -1, -1, 1])
    term = model.terms(x, labels_of(codes)).terms["label"]
    assert term.rows.tolist() == (codes >= 0).tolist()
    assert term.weight == N_INPUTS
    expected = model.property_log_proba(x)[0][[0, 2, 5], [0, 2, 1]]
    torch.testing.assert_close(term.value[term.rows], expected)


def test_an_intervention_changes_what_it_should_and_nothing_else(model, x):
    z, current = model.encode(x).mean, model.property_log_proba(x)[0].argmax(1)
    for unchanged in (unknown(len(x)), labels_of(current)):
        torch.testing.assert_close(model.intervene(x, unchanged), z)
    wanted = (current + 1) % 3
    moved = model.intervene(x, labels_of(wanted))

    def position(z, code):
        return (z - model.mean[code]) / model.log_scale[code].exp()

    torch.testing.assert_close(position(moved, wanted), position(z, current))


# The estimator ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "check",
    [
        "check_no_attributes_set_in_init",
        "check_parameters_default_constructible",
        "check_get_params_invariance",
        "check_estimators_overwrite_params",
        "check_dict_unchanged",
        "check_estimators_fit_returns_self",
        "check_estimators_unfitted",
        "check_n_features_in",
        "check_classifiers_train",
        "check_transformer_general",
        "check_methods_subset_invariance",
    ],
)
def test_scikit_learns_checks(page, check):
    """Without regularizers, as these are the same for all estimators, and slow."""
    n_epochs = 25 if check == "check_classifiers_train" else 2
    estimator = page["GaussianMixtureVAE"](
        max_epochs=n_epochs, neighbours=None, adversarial=None
    )
    getattr(estimator_checks, check)("GaussianMixtureVAE", estimator)


@pytest.fixture(scope="module")
def blobs():
    X, y = make_blobs(300, n_features=4, centers=3, cluster_std=0.5, random_state=0)
    return X.astype(np.float32), y


def test_a_clone_learns_the_same(page, blobs):
    X, y = blobs
    y = np.where(np.arange(len(y)) < 15, y, -1)
    estimator = page["GaussianMixtureVAE"](max_epochs=3, random_state=0)
    proba = [clone(estimator).fit(X, y).predict_proba(X) for _ in range(2)]
    np.testing.assert_array_equal(*proba)


def test_settings_reach_the_model(page, blobs):
    estimator = page["GaussianMixtureVAE"](
        max_epochs=1, n_latents=2, objective=Objective(label_weight=3.0)
    )
    model = estimator.fit(*blobs).net_.module_
    assert model.label_weight == 3.0 * 4
    assert model.n_latents == 2


def test_two_properties_are_refused(page, blobs):
    X, y = blobs
    with pytest.raises(ValueError, match="2 columns"):
        page["GaussianMixtureVAE"](max_epochs=1).fit(X, np.stack([y, y], axis=1))


def test_k_means_starts_the_components(page, blobs):
    X, y = blobs

    class Estimator(page["GaussianMixtureVAE"]):
        def _build_model(self, *args):
            model = super()._build_model(*args)
            model.__class__ = page["StartedByKMeans"]
            assert not model.has_started
            return model

    estimator = Estimator(
        property_components=3,
        n_latents=2,
        max_epochs=30,
        neighbours=None,
        adversarial=None,
        random_state=0,
    ).fit(X)
    assert estimator.net_.module_.has_started
    assert adjusted_rand_score(y, estimator.predict(X)) > 0.9
