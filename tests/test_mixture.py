"""The variational mixture against scikit-learn, scipy, quadrature and brute force."""

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.mixture import BayesianGaussianMixture

from skfmvae.mixture import VariationalGaussianMixture

COVARIANCE_TYPES = ["full", "diag", "spherical"]
all_types = pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
POSTERIOR = [
    "weight_concentration",
    "mean_precision",
    "means",
    "degrees_of_freedom",
    "scale_inv",
]


# Helpers ------------------------------------------------------------------------------


def generator(seed):
    return torch.Generator().manual_seed(seed)


def random_rows(n, G, C, d, seed=0, dtype=torch.float64, offset=0.0):
    """Return random means, variances and responsibilities of n rows."""
    g = generator(seed)
    mean = offset + 2 * torch.randn(n, G, d, generator=g, dtype=dtype)
    variance = torch.rand(n, G, d, generator=g, dtype=dtype)
    logits = 2 * torch.randn(n, G, C, generator=g, dtype=dtype)
    return mean, variance, logits.softmax(-1)


def random_mixture(covariance_type, G=1, C=3, d=2, seed=0, **parameters):
    """Return a mixture whose posterior is that of 30 random rows."""
    parameters = {"dtype": torch.float64} | parameters
    mixture = VariationalGaussianMixture(
        G, C, d, covariance_type=covariance_type, **parameters
    )
    rows = random_rows(30, G, C, d, seed=seed)
    mixture.natural_step(mixture.statistics(*rows), rate=1.0)
    return mixture


def responsibilities(mixture, z, variance=None):
    logits = mixture.expected_log_density(z, variance) + mixture.expected_log_weights()
    return logits.softmax(-1)


def as_matrices(mixture, attribute="scale_inv"):
    """Return ``W^-1`` as full matrices (G, C, d, d), whatever the covariance type."""
    value = getattr(mixture, attribute).numpy()
    d = mixture.n_features
    if mixture.covariance_type == "full":
        return value
    if mixture.covariance_type == "spherical":
        value = np.repeat(value[..., None], d, axis=-1)
    return value[..., None] * np.eye(d)


def restrict(matrices, covariance_type):
    """Lay full matrices (..., d, d) out as the covariance type does."""
    diagonal = np.diagonal(matrices, axis1=-2, axis2=-1)
    return {
        "full": matrices,
        "diag": diagonal,
        "spherical": diagonal.mean(-1),
    }[covariance_type]


def assert_same_posterior(a, b, rtol=1e-9, atol=1e-9):
    for name in POSTERIOR:
        left, right = getattr(a, name), getattr(b, name)
        torch.testing.assert_close(
            left.double(), right.double(), rtol=rtol, atol=atol, msg=name
        )


def known_mixture(n, seed=0):
    """Draw from three well-known normals of weights .5, .3, .2 in two dimensions."""
    rng = np.random.default_rng(seed)
    weights = np.array([0.5, 0.3, 0.2])
    means = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 5.0]])
    scales = np.array([[1.0, 0.5], [0.5, 1.0], [0.7, 0.7]])
    a = rng.choice(3, size=n, p=weights)
    return torch.as_tensor(means[a] + scales[a] * rng.normal(size=(n, 2)))


# Variational Bayes: scikit-learn ------------------------------------------------------

SHAPES = [(40, 2, 1), (60, 4, 2), (150, 3, 5)]


@all_types
@pytest.mark.parametrize(("n", "C", "d"), SHAPES)
def test_full_batches_are_variational_bayes(covariance_type, n, C, d):
    rng = np.random.default_rng(n)
    centres = 3 * rng.normal(size=(C, d))
    X = centres[rng.integers(C, size=n)] + rng.normal(size=(n, d)) @ (
        np.eye(d) + 0.3 * rng.normal(size=(d, d))
    )
    resp = rng.dirichlet(np.ones(C), size=n)
    priors = {
        "weight_concentration_prior": 0.7,
        "mean_precision_prior": 0.3,
        "degrees_of_freedom_prior": d + 1.5,
    }
    theirs = BayesianGaussianMixture(
        n_components=C,
        covariance_type=covariance_type,
        weight_concentration_prior_type="dirichlet_distribution",
        reg_covar=0,
        **priors,
    )
    theirs._check_parameters(X)
    ours = VariationalGaussianMixture(
        1,
        C,
        d,
        covariance_type=covariance_type,
        mean_prior=theirs.mean_prior_,
        covariance_prior=theirs.covariance_prior_,
        dtype=torch.float64,
        **priors,
    )
    z = torch.as_tensor(X).unsqueeze(1)

    gaps = []
    log_resp = np.log(resp)
    r = torch.as_tensor(resp).unsqueeze(1)
    for step in range(10):
        if step:
            log_resp = theirs._e_step(X)[1]
            r = responsibilities(ours, z)
        theirs._m_step(X, log_resp)
        ours.natural_step(ours.statistics(z, None, r), rate=1.0)

        for name in ["weight_concentration", "mean_precision", "means"]:
            expected = getattr(theirs, f"{name}_")
            np.testing.assert_allclose(getattr(ours, name)[0], expected, rtol=1e-6)
        np.testing.assert_allclose(
            ours.degrees_of_freedom[0], theirs.degrees_of_freedom_, rtol=1e-6
        )
        np.testing.assert_allclose(
            ours.covariances[0], theirs.covariances_, rtol=1e-6, atol=1e-9
        )
        joint = ours.expected_log_density(z) + ours.expected_log_weights()
        np.testing.assert_allclose(
            joint[:, 0], theirs._estimate_weighted_log_prob(X), rtol=1e-6, atol=1e-9
        )
        bound = (r * (joint - r.log())).sum() - ours.kl_divergence().sum()
        gaps.append(bound.item() - theirs._compute_lower_bound(log_resp, None))
    np.testing.assert_allclose(gaps, gaps[0], atol=1e-6)


def test_default_priors_are_those_documented():
    default = VariationalGaussianMixture(2, 4, 3)
    stated = VariationalGaussianMixture(
        2,
        4,
        3,
        covariance_type="diag",
        weight_concentration_prior=0.25,
        mean_precision_prior=1.0,
        mean_prior=[0.0, 0.0, 0.0],
        degrees_of_freedom_prior=3.0,
        covariance_prior=[1.0, 1.0, 1.0],
    )
    assert_same_posterior(default, stated, rtol=0, atol=0)
    assert default.means.dtype == torch.get_default_dtype()


@all_types
def test_priors_may_differ_between_subspaces(covariance_type):
    rng = np.random.default_rng(0)
    means = rng.normal(size=(2, 3))
    matrices = np.stack([np.cov(rng.normal(size=(3, 9))) for _ in range(2)])
    priors = restrict(matrices, covariance_type)
    args = {"covariance_type": covariance_type, "dtype": torch.float64}
    both = VariationalGaussianMixture(
        2, 4, 3, mean_prior=means, covariance_prior=priors, **args
    )
    for g in range(2):
        one = VariationalGaussianMixture(
            1, 4, 3, mean_prior=means[g], covariance_prior=priors[g], **args
        )
        torch.testing.assert_close(both.means[g], one.means[0])
        torch.testing.assert_close(both.scale_inv[g], one.scale_inv[0])


# The expected log-density -------------------------------------------------------------


@all_types
def test_variance_agrees_with_quadrature(covariance_type):
    mixture = random_mixture(covariance_type, G=2, C=3, d=2)
    mean, variance, _ = random_rows(5, 2, 3, 2, seed=1)
    # Two Gauss-Hermite nodes per axis, exact for a quadratic: m +- s, of equal weight.
    signs = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]], dtype=torch.float64)
    expected = torch.stack(
        [mixture.expected_log_density(mean + s * variance.sqrt()) for s in signs]
    ).mean(0)
    torch.testing.assert_close(mixture.expected_log_density(mean, variance), expected)


@all_types
def test_expected_log_density_and_divergence_agree_with_monte_carlo(covariance_type):
    n, C, d = 5000, 2, 3
    prior = {"mean_precision_prior": 0.5, "degrees_of_freedom_prior": 5.0}
    mixture = random_mixture(covariance_type, C=C, d=d, **prior)
    m, variance, _ = random_rows(1, 1, C, d, seed=1)
    rng = np.random.default_rng(0)
    alpha = mixture.weight_concentration[0].numpy()
    pi = rng.dirichlet(alpha, size=n)
    log_ratio = scipy.stats.dirichlet.logpdf(pi.T, alpha)
    log_ratio -= scipy.stats.dirichlet.logpdf(pi.T, np.full(C, 1 / C))
    densities = []
    for c in range(C):
        beta, nu = mixture.mean_precision[0, c].item(), mixture.degrees_of_freedom[0, c]
        W = np.linalg.inv(as_matrices(mixture)[0, c])
        q = scipy.stats.wishart(nu.item(), W)
        precision = q.rvs(size=n, random_state=rng)
        columns = np.moveaxis(precision, 0, -1)
        log_det = np.linalg.slogdet(precision)[1]
        root = np.linalg.cholesky(np.linalg.inv(precision))
        noise = np.einsum("nij,nj->ni", root, rng.normal(size=(n, d)))
        mu = mixture.means[0, c].numpy() + noise / np.sqrt(beta)

        def log_normal(x, mean, factor, log_det=log_det, precision=precision):
            quadratic = np.einsum("ni,nij,nj->n", x - mean, precision, x - mean)
            constant = log_det + d * np.log(factor / (2 * np.pi))
            return 0.5 * (constant - factor * quadratic)

        z = rng.normal(m[0].numpy(), variance[0].numpy() ** 0.5, size=(n, d))
        densities.append(log_normal(z, mu, 1.0))
        log_ratio += q.logpdf(columns) + log_normal(
            mu, mixture.means[0, c].numpy(), beta
        )
        log_ratio -= scipy.stats.wishart(5.0, np.eye(d)).logpdf(columns)
        log_ratio -= log_normal(mu, np.zeros(d), 0.5)

    ours = [*mixture.expected_log_density(m, variance)[0, 0], mixture.kl_divergence()]
    for estimate, draws in zip(ours, [*densities, log_ratio], strict=True):
        error = draws.std() / np.sqrt(n)
        assert error < 0.05
        assert abs(estimate.item() - draws.mean()) < 4 * error


@all_types
def test_densities_are_those_of_a_loaded_state(covariance_type):
    """They are derived from it, and no part of it."""
    mixture, (z, variance, _) = (
        random_mixture(covariance_type),
        random_rows(20, 1, 3, 2),
    )
    loaded = VariationalGaussianMixture(
        1, 3, 2, covariance_type=covariance_type, dtype=torch.float64
    )
    state = mixture.state_dict()
    loaded.load_state_dict(state)
    assert set(state) == {*POSTERIOR, "mean_prior", "scale_inv_prior"}
    expected = responsibilities(mixture, z, variance)
    torch.testing.assert_close(responsibilities(loaded, z, variance), expected)


@all_types
def test_divergence_is_zero_at_the_prior_only(covariance_type):
    mixture = VariationalGaussianMixture(
        2, 3, 2, covariance_type=covariance_type, dtype=torch.float64
    )
    torch.testing.assert_close(
        mixture.kl_divergence(), torch.zeros(2, dtype=torch.float64)
    )
    for name in POSTERIOR:
        mixture = VariationalGaussianMixture(
            2, 3, 2, covariance_type=covariance_type, dtype=torch.float64
        )
        getattr(mixture, name)[0] *= 1.5
        if name == "means":
            getattr(mixture, name)[0] += 1.0
        changed, unchanged = mixture.kl_divergence()
        assert changed > 1e-3
        assert unchanged.abs() < 1e-9


@all_types
def test_gradients_reach_mean_and_variance_only(covariance_type):
    mixture = random_mixture(covariance_type, G=2, C=2, d=2)
    mean, variance, r = random_rows(3, 2, 2, 2, seed=1)
    mean.requires_grad_()
    variance.requires_grad_()
    assert torch.autograd.gradcheck(mixture.expected_log_density, (mean, variance))

    r.requires_grad_()
    statistics = mixture.statistics(mean, variance, r)
    assert not statistics.second.requires_grad
    factor = torch.ones((), requires_grad=True)
    mixture.natural_step(statistics * factor, rate=0.5)
    assert not list(mixture.parameters())
    assert not any(buffer.requires_grad for buffer in mixture.buffers())


# Statistics and steps -----------------------------------------------------------------


@all_types
def test_step_is_convex_combination_of_natural_parameters(covariance_type):
    """Loop over rows and components, with moments about zero as METHODS writes them."""
    n, G, C, d, rate = 7, 2, 3, 2, 0.3
    alpha0, beta0, nu0, m0, V0 = 0.4, 2.0, 3.5, np.array([1.0, -1.0]), 1.7 * np.eye(d)
    mixture = random_mixture(
        covariance_type,
        G,
        C,
        d,
        weight_concentration_prior=alpha0,
        mean_precision_prior=beta0,
        degrees_of_freedom_prior=nu0,
        mean_prior=m0,
        covariance_prior=1.7,
    )
    mean, variance, r = random_rows(n, G, C, d, seed=1)
    weight = torch.rand(n, generator=generator(2), dtype=torch.float64)
    expected = {name: np.empty_like(getattr(mixture, name)) for name in POSTERIOR}
    for g in range(G):
        for c in range(C):
            alpha, beta, m, nu = (
                getattr(mixture, k)[g, c].numpy() for k in POSTERIOR[:4]
            )
            eta = [alpha, beta * m, beta, as_matrices(mixture)[g, c], nu]
            eta[3] = eta[3] + beta * np.outer(m, m)
            target = [alpha0, beta0 * m0, beta0, V0 + beta0 * np.outer(m0, m0), nu0]
            for i in range(n):
                w = (weight[i] * r[i, g, c]).item()
                x, s2 = mean[i, g].numpy(), variance[i, g].numpy()
                target[0] += w
                target[1] = target[1] + w * x
                target[2] += w
                target[3] = target[3] + w * (np.outer(x, x) + np.diag(s2))
                target[4] += w
            eta = [(1 - rate) * a + rate * b for a, b in zip(eta, target, strict=True)]
            m = eta[1] / eta[2]
            V = restrict(eta[3] - eta[2] * np.outer(m, m), covariance_type)
            for name, value in zip(
                POSTERIOR, [eta[0], eta[2], m, eta[4], V], strict=True
            ):
                expected[name][g, c] = value
    mixture.natural_step(mixture.statistics(mean, variance, r, weight), rate)
    for name in POSTERIOR:
        np.testing.assert_allclose(getattr(mixture, name), expected[name], rtol=1e-9)


@all_types
def test_statistics_add_up(covariance_type):
    a, b, c, d = (random_mixture(covariance_type, G=2) for _ in range(4))
    mean, variance, r = random_rows(11, 2, 3, 2, seed=1)
    a.natural_step(a.statistics(mean, variance, r), rate=0.6)

    halves = b.statistics(mean[:4], variance[:4], r[:4])
    halves = halves + b.statistics(mean[4:], variance[4:], r[4:])
    b.natural_step(halves, rate=0.6)
    assert_same_posterior(a, b)

    weight = torch.tensor([1.0] * 3 + [0.5] * 8)
    c.natural_step(2 * c.statistics(mean, variance, r, weight), rate=0.6)
    again = [torch.cat([x, x[:3]]) for x in (mean, variance, r)]
    d.natural_step(d.statistics(*again), rate=0.6)
    assert_same_posterior(c, d)


@all_types
def test_subspaces_do_not_touch(covariance_type):
    prior = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    mean, variance, r = random_rows(9, 3, 4, 2, seed=1)
    components = torch.randint(4, (2, 9, 3), generator=generator(2))
    together = random_mixture(covariance_type, G=3, C=4, mean_prior=prior)
    rows = random_rows(30, 3, 4, 2)
    for g in range(3):
        alone = VariationalGaussianMixture(
            1,
            4,
            2,
            covariance_type=covariance_type,
            mean_prior=prior[g],
            dtype=torch.float64,
        )
        cut = slice(g, g + 1)
        statistics = alone.statistics(*(x[:, cut] for x in rows))
        alone.natural_step(statistics, rate=1.0)
        for call in [
            lambda m, s: m.expected_log_density(mean[:, s], variance[:, s]),
            lambda m, s: m.log_predictive(mean[:, s]),
            lambda m, s: m.transport(mean[:, s], *components[:, :, s]),
            lambda m, s: m.kl_divergence()[s] if m is together else m.kl_divergence(),
        ]:
            whole = call(together, slice(None))
            whole = whole[g] if whole.ndim == 1 else whole[:, g]
            torch.testing.assert_close(whole, call(alone, cut).squeeze(-whole.ndim))


@all_types
def test_minibatches_converge_to_the_batch_solution(covariance_type):
    z = known_mixture(1000).unsqueeze(1)
    start = torch.cdist(
        z[:, 0], torch.tensor([[1.5, -0.5], [2.5, 0.5], [0.5, 4.0]], dtype=z.dtype)
    )
    start = torch.nn.functional.one_hot(start.argmin(1), 3).unsqueeze(1)
    batch = VariationalGaussianMixture(
        1, 3, 2, covariance_type=covariance_type, dtype=z.dtype
    )
    batch.natural_step(batch.statistics(z, None, start), rate=1.0)
    stochastic = VariationalGaussianMixture(
        1, 3, 2, covariance_type=covariance_type, dtype=z.dtype
    )
    stochastic.load_state_dict(batch.state_dict())
    for _ in range(60):
        batch.natural_step(batch.statistics(z, None, responsibilities(batch, z)), 1.0)

    # Far from the start, so that staying there would not pass.
    assert (batch.means - stochastic.means).abs().max() > 0.02
    g = generator(0)
    for t in range(1500):
        rows = z[torch.randint(len(z), (100,), generator=g)]
        statistics = stochastic.statistics(
            rows, None, responsibilities(stochastic, rows)
        )
        rate = (t + 5.0) ** -0.9
        stochastic.natural_step(statistics * (len(z) / len(rows)), rate)
    torch.testing.assert_close(stochastic.weights, batch.weights, atol=0.005, rtol=0)
    torch.testing.assert_close(stochastic.means, batch.means, atol=0.01, rtol=0)
    torch.testing.assert_close(
        stochastic.covariances, batch.covariances, atol=0.01, rtol=0.01
    )


@all_types
def test_single_precision_survives_rows_far_from_zero(covariance_type):
    """Scale 0.05 near 50: squares differ in the seventh digit, float32's last."""
    g = generator(0)
    a = torch.randint(2, (400,), generator=g)
    z = 50 + a[:, None, None] + 0.05 * torch.randn(400, 1, 3, generator=g)
    r = torch.nn.functional.one_hot(a, 2).unsqueeze(1)
    single, double = (
        VariationalGaussianMixture(
            1,
            2,
            3,
            covariance_type=covariance_type,
            covariance_prior=1e-4,
            mean_prior=50.0,
            dtype=dtype,
        )
        for dtype in (torch.float32, torch.float64)
    )
    for mixture in (single, double):
        for _ in range(3):
            statistics = mixture.statistics(z, None, r)
            mixture.natural_step(statistics * 100.0, rate=0.9)
    torch.testing.assert_close(
        single.covariances.double(), double.covariances, rtol=1e-3, atol=1e-6
    )
    z64 = z.double()
    for name in ["expected_log_density", "log_predictive"]:
        torch.testing.assert_close(
            getattr(single, name)(z).double(),
            getattr(double, name)(z64),
            rtol=1e-3,
            atol=2e-2,
        )


@all_types
def test_predictive_density_keeps_its_digits_at_a_million_rows(covariance_type):
    single, double = (
        random_mixture(covariance_type, d=4, dtype=dtype)
        for dtype in (torch.float32, torch.float64)
    )
    z, variance, r = random_rows(50, 1, 3, 4, dtype=torch.float32)
    for mixture in (single, double):
        statistics = mixture.statistics(z, variance, r)
        mixture.natural_step(statistics * 20_000.0, rate=1.0)
    torch.testing.assert_close(
        single.log_predictive(z).double(), double.log_predictive(z), atol=1e-3, rtol=0
    )


@pytest.mark.parametrize("covariance_type", ["diag", "spherical"])
def test_rounding_leaves_variances_positive(covariance_type):
    """Equal rows far from a weak prior's mean: all squares cancel."""
    mixture = VariationalGaussianMixture(
        1,
        50,
        3,
        covariance_type=covariance_type,
        covariance_prior=1e-3,
        mean_precision_prior=1e-9,
    )
    z = 1000 + torch.rand(1, 1, 3, generator=generator(0)).expand(500, 1, 3)
    r = torch.rand(500, 1, 50, generator=generator(1))
    mixture.natural_step(mixture.statistics(z, None, r), rate=1.0)
    assert (mixture.scale_inv > 0).all()


def test_full_matrices_are_symmetric_to_the_last_bit():
    for d in range(2, 12):  # matrix products are not, at some of these sizes
        mixture = VariationalGaussianMixture(2, 3, d, covariance_type="full")
        rows = random_rows(100, 2, 3, d, dtype=torch.float32)
        mixture.natural_step(mixture.statistics(*rows), rate=0.7)
        assert torch.equal(mixture.scale_inv, mixture.scale_inv.mT)


def test_module_converts_copies_and_restores():
    mixture = random_mixture("diag", G=2)
    single = random_mixture("diag", G=2, dtype=torch.float32)
    z = random_rows(4, 2, 3, 2, seed=1)[0]
    torch.testing.assert_close(
        single.double().log_predictive(z),
        mixture.log_predictive(z),
        rtol=1e-5,
        atol=1e-5,
    )
    fresh = VariationalGaussianMixture(2, 3, 2, dtype=torch.float64)
    fresh.load_state_dict(mixture.state_dict())
    assert_same_posterior(fresh, mixture, rtol=0, atol=0)
    statistics = mixture.statistics(*random_rows(4, 2, 3, 2, dtype=torch.float32))
    assert statistics.second.dtype == torch.float64


# Predictive density and draws ---------------------------------------------------------


@all_types
def test_predictive_density_is_a_mixture_of_student_t(covariance_type):
    n, G, C, d = 6, 2, 3, 2
    mixture = random_mixture(covariance_type, G, C, d, degrees_of_freedom_prior=1.2)
    z = random_rows(n, G, C, d, seed=1)[0]
    expected = np.zeros((n, G, C))
    for g in range(G):
        for c in range(C):
            beta = mixture.mean_precision[g, c].item()
            df = mixture.degrees_of_freedom[g, c].item() + 1 - d
            scale = as_matrices(mixture)[g, c] * (beta + 1) / (beta * df)
            student = scipy.stats.multivariate_t(mixture.means[g, c].numpy(), scale, df)
            expected[:, g, c] = student.logpdf(z[:, g].numpy())
    np.testing.assert_allclose(mixture.log_predictive_components(z), expected)
    alpha = mixture.weight_concentration.numpy()
    weights = alpha / alpha.sum(-1, keepdims=True)
    np.testing.assert_allclose(
        mixture.log_predictive(z), np.log((weights * np.exp(expected)).sum(-1))
    )


def test_predictive_density_integrates_to_one():
    mixture = random_mixture("diag", d=1, degrees_of_freedom_prior=3.0)
    grid = torch.linspace(-200, 200, 400_001, dtype=torch.float64)
    density = mixture.log_predictive(grid.reshape(-1, 1, 1)).exp()
    assert torch.trapezoid(density[:, 0], grid).item() == pytest.approx(1, abs=1e-5)


@all_types
def test_draws_follow_the_predictive_density(covariance_type):
    """For a Student-t the squared distance over d follows an F distribution."""
    n, d = 4000, 3
    mixture = random_mixture(covariance_type, G=2, C=2, d=d)
    mixture.degrees_of_freedom[1, 0] = 4.5  # few degrees of freedom, heavy tails
    mixture.mean_precision[1, 0] = 0.5
    components = torch.tensor([1, 0]).expand(n, 2)
    z = mixture.sample(components, generator=generator(0))
    again = mixture.sample(components, generator=generator(0))
    assert torch.equal(z, again)
    for g, c in enumerate([1, 0]):
        beta = mixture.mean_precision[g, c].item()
        df = mixture.degrees_of_freedom[g, c].item() + 1 - d
        scale = as_matrices(mixture)[g, c] * (beta + 1) / (beta * df)
        residual = (z[:, g] - mixture.means[g, c]).numpy()
        white = np.linalg.solve(np.linalg.cholesky(scale), residual.T).T
        distance = (white**2).sum(1)
        law = scipy.stats.f(d, df)
        assert scipy.stats.kstest(distance / d, law.cdf).pvalue > 0.01
        # Directions are uniform on the sphere: mean 0 and covariance I / d.
        direction = white / np.sqrt(distance)[:, None]
        np.testing.assert_allclose(direction.mean(0), 0, atol=0.04)
        np.testing.assert_allclose(
            direction.T @ direction / n, np.eye(d) / d, atol=0.025
        )


def test_components_are_drawn_by_their_weights():
    mixture = random_mixture("diag", G=2, C=3)
    mixture.weight_concentration[1] = torch.tensor([1.0, 5.0, 0.5])
    draws = mixture.sample_components(5000, generator=generator(0))
    assert torch.equal(draws, mixture.sample_components(5000, generator=generator(0)))
    for g in range(2):
        counts = np.bincount(draws[:, g], minlength=3)
        alpha = mixture.weight_concentration[g].numpy()
        expected = 5000 * alpha / alpha.sum()
        assert scipy.stats.chisquare(counts, expected).pvalue > 0.01
    assert abs(np.corrcoef(draws.T)[0, 1]) < 5 / 5000**0.5


@all_types
def test_transport_keeps_standardised_residuals(covariance_type):
    n, G, C, d = 8, 2, 3, 3
    mixture = random_mixture(covariance_type, G, C, d)
    z = random_rows(n, G, C, d, seed=1)[0]
    source, target = torch.randint(C, (2, n, G), generator=generator(2))
    moved = mixture.transport(z, source, target)
    matrices = as_matrices(mixture, "covariances")
    for i, g in np.ndindex(n, G):
        white = []
        for point, c in [(z, source), (moved, target)]:
            residual = (point[i, g] - mixture.means[g, c[i, g]]).numpy()
            factor = np.linalg.cholesky(matrices[g, c[i, g]])
            white.append(np.linalg.solve(factor, residual))
        np.testing.assert_allclose(*white)


# Properties that hold for any numbers -------------------------------------------------

settings_used = settings(max_examples=30, deadline=None, derandomize=True)
seeds = st.integers(0, 10**6)


@settings_used
@given(
    covariance_type=st.sampled_from(COVARIANCE_TYPES),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    sizes=st.tuples(*map(st.integers, [1] * 4, [100, 2, 4, 6])),
    seed=seeds,
    rates=st.lists(st.floats(1e-3, 1.0), min_size=1, max_size=4),
    spread=st.floats(0, 10),
    offset=st.floats(-20, 20),
    factor=st.floats(0, 1e4),
)
def test_any_steps_leave_a_proper_posterior(
    covariance_type, dtype, sizes, seed, rates, spread, offset, factor
):
    n, G, C, d = sizes
    mixture = VariationalGaussianMixture(
        G, C, d, covariance_type=covariance_type, dtype=dtype
    )
    for k, rate in enumerate(rates):
        mean, variance, r = random_rows(n, G, C, d, seed + k, dtype=dtype)
        mean, variance = offset + spread * mean, spread * variance
        mixture.natural_step(mixture.statistics(mean, variance, r) * factor, rate)
        matrices = as_matrices(mixture)
        np.testing.assert_array_equal(matrices, matrices.swapaxes(-1, -2))
        assert (np.linalg.eigvalsh(matrices) > 0).all()
        assert (mixture.weight_concentration > 0).all()
        assert (mixture.mean_precision > 0).all()
        assert (mixture.degrees_of_freedom > d - 1).all()
        probs = responsibilities(mixture, mean, variance)
        torch.testing.assert_close(probs.sum(-1), torch.ones(n, G, dtype=dtype))
        assert (mixture.kl_divergence() >= (0 if dtype == torch.float64 else -1)).all()


@settings_used
@given(covariance_type=st.sampled_from(COVARIANCE_TYPES), seed=seeds)
def test_components_have_no_order(covariance_type, seed):
    G, C, d = 2, 4, 2
    order = torch.randperm(C, generator=generator(seed))
    mixture = random_mixture(covariance_type, G, C, d, seed=seed)
    permuted = VariationalGaussianMixture(
        G, C, d, covariance_type=covariance_type, dtype=torch.float64
    )
    mean, variance, r = random_rows(30, G, C, d, seed=seed)
    permuted.natural_step(permuted.statistics(mean, variance, r[..., order]), 1.0)
    for name in POSTERIOR:
        torch.testing.assert_close(
            getattr(permuted, name), getattr(mixture, name)[:, order]
        )
    torch.testing.assert_close(
        permuted.expected_log_density(mean, variance),
        mixture.expected_log_density(mean, variance)[..., order],
    )
    torch.testing.assert_close(permuted.kl_divergence(), mixture.kl_divergence())
    torch.testing.assert_close(
        permuted.log_predictive(mean), mixture.log_predictive(mean)
    )


@settings_used
@given(
    covariance_type=st.sampled_from(COVARIANCE_TYPES),
    seed=seeds,
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_transport_there_and_back_is_the_identity(covariance_type, seed, dtype):
    G, C, d = 2, 3, 3
    mixture = random_mixture(covariance_type, G, C, d, seed=seed, dtype=dtype)
    z = random_rows(5, G, C, d, seed=seed, dtype=dtype)[0]
    source, target = torch.randint(C, (2, 5, G), generator=generator(seed))
    close = {"atol": 1e-4, "rtol": 1e-4} if dtype == torch.float32 else {}
    there = mixture.transport(z, source, target)
    torch.testing.assert_close(mixture.transport(there, target, source), z, **close)
    torch.testing.assert_close(mixture.transport(z, source, source), z, **close)
    means = mixture.means[torch.arange(G), source]
    torch.testing.assert_close(
        mixture.transport(means, source, target),
        mixture.means[torch.arange(G), target],
        **close,
    )


# Errors -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "n_components .* above 0, got 0"),
        ({"n_subspaces": -1}, "n_subspaces .* above 0, got -1"),
        ({"n_features": 0}, "n_features .* above 0, got 0"),
        ({"covariance_type": "tied"}, "covariance_type .*'diag'.* got 'tied'"),
        ({"weight_concentration_prior": 0.0}, "weight_concentration_prior .* got 0.0"),
        ({"mean_precision_prior": -1.0}, "mean_precision_prior .* got -1.0"),
        ({"degrees_of_freedom_prior": 1.0}, "degrees_of_freedom_prior .* above 1"),
        ({"degrees_of_freedom_prior": np.nan}, "degrees_of_freedom_prior .* got nan"),
        (
            {"mean_prior": np.zeros((5, 2))},
            r"mean_prior .*\(3, 2\).* got shape \(5, 2\)",
        ),
        ({"mean_prior": [0.0, np.inf]}, "mean_prior .* finite"),
        ({"covariance_prior": np.eye(2)}, r"covariance_prior .*\(2,\)"),
        ({"covariance_prior": [1.0, 0.0]}, "covariance_prior .* positive definite"),
        ({"covariance_prior": np.nan}, "covariance_prior .* finite"),
        (
            {"covariance_type": "full", "covariance_prior": [[1.0, 2.0], [2.0, 1.0]]},
            "covariance_prior .* positive definite",
        ),
        (
            {"covariance_type": "full", "covariance_prior": [[1.0, 0.5], [0.0, 1.0]]},
            "covariance_prior .* symmetric",
        ),
        ({"covariance_type": "full", "covariance_prior": [1.0, 1.0]}, r"\(2, 2\)"),
        ({"covariance_type": "spherical", "covariance_prior": -2.0}, "got -2.0"),
    ],
)
def test_constructor_says_what_is_wrong(parameters, message):
    sizes = {"n_subspaces": 3, "n_components": 4, "n_features": 2}
    with pytest.raises(ValueError, match=message):
        VariationalGaussianMixture(**sizes | parameters)


def test_methods_say_what_is_wrong():
    mixture = random_mixture("diag", G=2)
    mean, variance, r = random_rows(4, 2, 3, 2)
    statistics = mixture.statistics(mean, variance, r)
    for rate in (0.0, -0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match=r"rate must be in \(0, 1\]"):
            mixture.natural_step(statistics, rate)
    for call in (
        mixture.expected_log_density,
        mixture.log_predictive,
        lambda z: mixture.statistics(z, None, r),
    ):
        with pytest.raises(ValueError, match=r"points .* \(n, 2, 2\), got \(4, 2\)"):
            call(mean[:, 0])
