"""What holds for every likelihood."""

import re

import numpy as np
import pytest
import torch
from scipy import sparse, stats
from scipy.spatial.distance import pdist
from sklearn.base import clone
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfmvae._utils import large
from skfmvae.nn import (
    Bernoulli,
    Categorical,
    CensoredGaussian,
    Columns,
    ContinuousBernoulli,
    Gaussian,
    LogNormal,
    NegativeBinomial,
    Nonparanormal,
    Ordinal,
    Poisson,
)

SETTINGS = [
    Bernoulli(),
    ContinuousBernoulli(),
    CensoredGaussian(),
    Gaussian(),
    Gaussian(learn_scale=False, scale=0.5),
    LogNormal(),
    Nonparanormal(),
    Categorical(),
    Ordinal(),
    Poisson(),
    NegativeBinomial(),
    Columns({0: LogNormal(), 1: Gaussian(), 2: Poisson(), 3: LogNormal()}),
]
OF_CODES = (Categorical, Ordinal)
OF_INTENSITIES = (Bernoulli, ContinuousBernoulli, CensoredGaussian)
OF_NUMBERS = [s for s in SETTINGS if not isinstance(s, OF_CODES)]


def draw_rows(settings, n=50, seed=0):
    """Rows that suit the likelihood; the last column is constant."""
    rng = np.random.default_rng(seed)
    rows = {
        "Bernoulli": rng.uniform(size=(n, 4)),
        "ContinuousBernoulli": rng.uniform(size=(n, 4)),
        "CensoredGaussian": rng.normal(0.5, [0.5, 0.2, 0.01, 0], (n, 4)).clip(0, 1),
        "Gaussian": rng.normal([3, -20, 0, 0], [1, 10, 0.01, 0], size=(n, 4)),
        "LogNormal": np.exp(rng.normal([3, -9, 0, 0], [0.5, 2, 0.01, 0], (n, 4))),
        "Nonparanormal": rng.integers([-9, -9, -9, 0], [-7, -6, -4, 1], (n, 4)),
        "Categorical": rng.integers(0, 3, size=(n, 4)),
        "Ordinal": rng.integers(0, [2, 3, 5, 1], size=(n, 4)),
        "Poisson": rng.poisson([0.2, 3, 100, 0], size=(n, 4)),
        "NegativeBinomial": rng.negative_binomial(2, [0.9, 0.5, 0.01, 1], size=(n, 4)),
        "Columns": np.column_stack(
            [
                np.exp(rng.normal(2, 1, n)),
                rng.normal(-20, 10, n),
                rng.poisson(3, n),
                np.ones(n),
            ]
        ),
    }[type(settings).__name__]
    return rows.astype(np.float32)


def outputs(module, n=50, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, module.n_outputs, generator=generator, dtype=torch.float64)


def positive_part(h):
    return np.log1p(np.exp(h) * (np.e - 1)) + 1e-6


def score_intervals(X):
    """The normal scores between which each value lies, where all have ties."""
    below, up_to = ((op(X[:, None], X).sum(0)) for op in (np.less, np.less_equal))
    return stats.norm.ppf((below + 0.01) / len(X)), stats.norm.ppf(
        (up_to - 0.01) / len(X)
    )


def reference_log_prob(settings, X, h):
    """The log-likelihood of each value, by scipy."""
    if isinstance(settings, Columns):
        columns = [
            reference_log_prob(of, X[:, [j]], h[:, [j]])
            for j, of in settings.by_column.items()
        ]
        return np.concatenate(columns, axis=1)
    if isinstance(settings, Bernoulli):
        # a value in between is the probability of a one
        white, black = (stats.bernoulli.logpmf(k, 1 / (1 + np.exp(-h))) for k in (1, 0))
        return X * white + (1 - X) * black
    if isinstance(settings, ContinuousBernoulli):
        # proportional to exp(h x), whose integral over [0, 1] is (exp(h) - 1) / h
        return X * h - np.log(np.expm1(h) / h)
    if isinstance(settings, CensoredGaussian):
        unit = np.sqrt(X[:, :3].var(0).mean())
        variable = stats.norm(X.mean(0) + unit * h, unit * 1.01)
        at_limit = np.where(X == 0, variable.logcdf(0), variable.logsf(1))
        return np.where((X == 0) | (X == 1), at_limit, variable.logpdf(X))
    if isinstance(settings, Gaussian):
        std = np.where(X.std(0) < 1e-6, 1, X.std(0))
        scale = std * 1.01 if settings.learn_scale else settings.scale
        return stats.norm.logpdf(X, X.mean(0) + std * h, scale)
    if isinstance(settings, LogNormal):
        mean, std = np.log(X).mean(0), np.log(X).std(0)
        std = np.where(std < 1e-6, 1, std)
        return stats.lognorm.logpdf(X, std * 1.01, scale=np.exp(mean + std * h))
    if isinstance(settings, Nonparanormal):
        low, high = score_intervals(X)
        of_scores = stats.norm(h, 1.01)
        return np.log(of_scores.cdf(high) - of_scores.cdf(low))
    mean = np.maximum(X.mean(0), 1 / len(X)) * positive_part(h)
    if isinstance(settings, Poisson):
        return stats.poisson.logpmf(X, mean)
    successes = 1 / 1.0001
    return stats.nbinom.logpmf(X, successes, successes / (successes + mean))


@pytest.mark.parametrize("settings", OF_NUMBERS, ids=repr)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_log_prob_is_scipys(settings, dtype, container):
    X = draw_rows(settings)
    module = settings.build(container(X)).to(dtype)
    h = outputs(module)
    distribution = module(h.to(dtype))
    expected = reference_log_prob(settings, X.astype(np.float64), h.numpy()).sum(1)
    assert distribution.batch_shape == (50,)
    assert distribution.event_shape == (4,)
    found = distribution.log_prob(torch.from_numpy(X).to(dtype))
    assert found.dtype == dtype
    np.testing.assert_allclose(found.detach(), expected, rtol=2e-5, atol=2e-4)


@pytest.mark.parametrize(
    ("settings", "support"),
    [
        (Bernoulli(), np.arange(2)),
        (Categorical(n_categories=5), np.arange(5)),
        (Ordinal(n_categories=5), np.arange(5)),
        (Poisson(), np.arange(2000)),
        (NegativeBinomial(), np.arange(200_000)),
    ],
    ids=repr,
)
def test_discrete_likelihoods_sum_to_one(settings, support):
    module = settings.build(np.array([[0.0], [1.0]], dtype=np.float32)).double()
    h = torch.linspace(-9, 9, 7 * module.n_outputs).double().reshape(7, -1)
    rows = torch.from_numpy(support.astype(np.float64))[:, None, None]
    total = module(h).log_prob(rows.expand(-1, 7, 1)).exp().sum(0)
    torch.testing.assert_close(total, torch.ones(7).double())


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_expectation_is_the_mean_of_draws(settings):
    """Or the mode of categories, or the median of ordered ones."""
    module = settings.build(draw_rows(settings))
    distribution = module(outputs(module, n=3).float())
    torch.manual_seed(0)
    draws = distribution.sample((20_000,)).double()
    expectation = module.expectation(distribution).double()
    assert expectation.shape == (3, 4)
    if isinstance(settings, Categorical):
        torch.testing.assert_close(draws.mode(0).values, expectation)
    elif isinstance(settings, Ordinal):
        torch.testing.assert_close(draws.median(0).values, expectation)
    else:
        error = (draws.mean(0) - expectation) / (draws.std(0) / 20_000**0.5 + 1e-6)
        assert error.abs().max() < 5


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
@pytest.mark.parametrize("extreme", [-1e4, 1e4])
def test_extreme_outputs_stay_finite(settings, extreme):
    X = draw_rows(settings)
    module = settings.build(X)
    signs = torch.tensor([1.0, -1.0]).repeat(module.n_outputs // 2)
    h = (extreme * signs).expand(len(X), -1).clone().requires_grad_()
    distribution = module(h)
    log_prob = distribution.log_prob(torch.from_numpy(X))
    log_prob.sum().backward()
    assert log_prob.isfinite().all()
    assert module.expectation(distribution).isfinite().all()
    assert h.grad.isfinite().all()
    for parameter in module.parameters():
        assert parameter.grad.isfinite().all()


@pytest.mark.parametrize(
    "settings", [Gaussian(), LogNormal(), NegativeBinomial(), Poisson()], ids=repr
)
def test_maximum_likelihood_finds_the_moments(settings):
    """The best constant output and noise are those of the data."""
    X = draw_rows(settings, n=2000)[:, :3]
    module = settings.build(X)
    h = torch.zeros(1, 3, requires_grad=True)
    optimizer = torch.optim.Adam([h, *module.parameters()], lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        loss = -module(h).log_prob(torch.from_numpy(X)).mean()
        loss.backward()
        optimizer.step()
    if isinstance(settings, LogNormal):
        logs = module(h).base_dist
        np.testing.assert_allclose(logs.loc.detach()[0], np.log(X).mean(0), atol=0.05)
        np.testing.assert_allclose(module.scale.detach(), np.log(X).std(0), rtol=0.05)
        return
    np.testing.assert_allclose(
        module.expectation(module(h)).detach()[0], X.mean(0), rtol=0.05, atol=0.01
    )
    if isinstance(settings, Gaussian):
        np.testing.assert_allclose(module.scale.detach(), X.std(0), rtol=0.05)
    if isinstance(settings, NegativeBinomial):
        # the rare counts of the first column say little about it
        np.testing.assert_allclose(module.dispersion.detach()[1:], 1 / 2, rtol=0.1)


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_features(settings, container, monkeypatch):
    monkeypatch.setattr(large, "BLOCK_SIZE", 28)  # 7 rows a block
    X = draw_rows(settings)
    module = settings.build(container(X))
    if isinstance(settings, OF_INTENSITIES):
        expected = X
    elif isinstance(settings, (Gaussian, Ordinal)):
        expected = StandardScaler().fit_transform(X.astype(np.float64))
    elif isinstance(settings, LogNormal):
        expected = StandardScaler().fit_transform(np.log(X.astype(np.float64)))
    elif isinstance(settings, Nonparanormal):
        expected = stats.truncnorm(*score_intervals(X)).mean()
    elif isinstance(settings, Columns):
        Z = np.log(X, where=[True, False, False, True], out=X.astype(np.float64))
        Z[:, 2] = np.log1p(Z[:, 2])
        expected = StandardScaler().fit_transform(Z)
        expected[:, 2] *= Z[:, 2].std()
    elif isinstance(settings, Categorical):
        by_column = OneHotEncoder(sparse_output=False).fit_transform(X)
        expected = by_column.reshape(50, 4, 3).transpose(0, 2, 1).reshape(50, 12)
    else:
        expected = StandardScaler(with_std=False).fit_transform(np.log1p(X))
    found = module.features(torch.from_numpy(X))
    assert found.dtype == torch.float32
    assert module.n_inputs == found.shape[1]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_distances_are_taken_on_one_scale(settings, container):
    X = draw_rows(settings)
    module = settings.build(container(X))
    if isinstance(settings, (Gaussian, Nonparanormal)):
        Z = X.astype(np.float64)
        expected = pdist(StandardScaler().fit_transform(Z))
        if container is not np.asarray:  # one unit, of the columns that vary
            expected = pdist(Z) / np.sqrt(X[:, :3].var(axis=0).mean())
    elif isinstance(settings, Categorical):
        expected = np.sqrt(2 * X.shape[1] * pdist(X, "hamming"))
    elif isinstance(settings, OF_INTENSITIES):
        expected = pdist(X)
    elif isinstance(settings, (Ordinal, LogNormal, Columns)):
        expected = pdist(module.features(torch.from_numpy(X)))
    else:
        expected = pdist(np.log1p(X))
    rows = module.comparable(container(X))
    rows = rows.toarray() if sparse.issparse(rows) else rows
    np.testing.assert_allclose(pdist(rows), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("settings", OF_NUMBERS, ids=repr)
def test_a_step_is_one_among_comparable_rows(settings):
    X = draw_rows(settings)
    module = settings.build(X)
    step = np.linspace(0, 0.5, X.size, dtype=np.float32).reshape(X.shape)
    moved = module.moved(torch.from_numpy(X), torch.from_numpy(step)).numpy()
    np.testing.assert_allclose(
        module.comparable(moved), module.comparable(X) + step, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_features_and_outputs_of_one_row_do_not_depend_on_others(settings):
    X = torch.from_numpy(draw_rows(settings))
    module = settings.build(X.numpy())
    h = outputs(module)
    torch.testing.assert_close(module.features(X)[7:8], module.features(X[7:8]))
    torch.testing.assert_close(
        module(h).log_prob(X)[7:8], module(h[7:8]).log_prob(X[7:8])
    )


@pytest.mark.parametrize("block_size", [1, 9, 2**20])
@pytest.mark.parametrize(
    ("settings", "value", "support"),
    [
        (Bernoulli(), 1.5, "[0, 1]; scale the columns"),
        (Bernoulli(), -0.5, "[0, 1]; scale the columns"),
        (Gaussian(), np.inf, "the finite numbers; remove or impute"),
        (Nonparanormal(), -np.inf, "the finite numbers; remove or impute"),
        (Categorical(), 0.5, "0, 1, 2, ...; encode the columns"),
        (Categorical(), np.inf, "0, 1, 2, ...; encode the columns"),
        (Categorical(n_categories=3), 3, "0, 1, ..., 2; encode the columns"),
        (Ordinal(n_categories=3), 3, "0, 1, ..., n_categories - 1; encode the"),
        (Ordinal(), 1.5, "0, 1, 2, ...; encode the columns"),
        (Poisson(), -1, "the counts 0, 1, 2, ...; use likelihood='gaussian'"),
        (NegativeBinomial(), 2.5, "the counts 0, 1, 2, ...; use likelihood="),
    ],
)
def test_values_outside_the_support_are_named(
    settings, value, support, block_size, container, monkeypatch
):
    monkeypatch.setattr(large, "BLOCK_SIZE", block_size)
    X = np.zeros((7, 4), dtype=np.float32)
    X[[0, 2, 5], [3, 0, 1]] = 1
    module = settings.build(container(X))
    X[4, 2] = value
    X[6, 1] = value
    name = type(settings).__name__
    message = f"{name} likelihood: the value {value} in row 4, column 2 is not in "
    # numbers are shown as NumPy shows those of the data
    message = re.escape(message).replace(re.escape(str(value)), f"{value}(.0)?")
    with pytest.raises(ValueError, match=message + re.escape(support)):
        settings.build(container(X))
    with pytest.raises(ValueError, match=message):
        module.check_support(container(X))
    module.check_support(container(X[:4]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Gaussian(min_scale=0), "min_scale=0 "),
        (Gaussian(min_scale=1), "min_scale=1 "),
        (Gaussian(scale=0.0), "scale=0.0 .*positive"),
        (Gaussian(scale=[1.0, 2.0]), "scale=.*each of the 4 columns"),
        (Gaussian(scale=np.inf), "scale=inf"),
        (Categorical(n_categories=1), "n_categories=1 .*from 2"),
        (Categorical(n_categories=2.5), "n_categories=2.5"),
        (Categorical(n_categories=[2, 3]), "n_categories=.*one for each"),
        (Ordinal(n_categories=[2, 3, 1, 2]), "n_categories=.*from 2"),
    ],
)
def test_settings_are_checked_when_building(settings, message):
    with pytest.raises(ValueError, match=f"{type(settings).__name__}: {message}"):
        clone(settings).build(np.zeros((3, 4), dtype=np.float32))


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_a_module_is_restored_from_its_state(settings):
    X = draw_rows(settings)
    module = settings.build(X)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    if isinstance(settings, OF_CODES):
        settings = type(settings)(module.sizes)
    restored = settings.build(module.placeholder[None].numpy())
    restored.load_state_dict(module.state_dict())
    h, x = outputs(module).float(), torch.from_numpy(X)
    torch.testing.assert_close(restored.features(x), module.features(x))
    torch.testing.assert_close(restored(h).log_prob(x), module(h).log_prob(x))
