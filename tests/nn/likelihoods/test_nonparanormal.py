"""Numbers through their normal scores."""

import numpy as np
import pandas as pd
import pytest
import torch
from mpmath import mp
from scipy import integrate, sparse, stats

from skfmvae import FactorialMixtureVAE
from skfmvae._utils import large
from skfmvae.nn import Nonparanormal
from skfmvae.nn.likelihoods import nonparanormal
from skfmvae.nn.likelihoods.nonparanormal import N_KNOTS, _log_probability

N = 400
RNG = np.random.default_rng(0)
SKEWED = RNG.exponential(size=N) ** 2
WITH_ZEROS = np.where(RNG.random(N) < 0.4, 0, RNG.normal(3, 1, N))
WHOLE = np.r_[RNG.integers(20, 30, N - 1), 45]  # the last one occurs once
X = np.column_stack([SKEWED, WITH_ZEROS, WHOLE]).astype(np.float32)


@pytest.fixture(scope="module")
def module():
    return built(X)


def built(rows, log_scale=-0.1):
    module = Nonparanormal().build(rows)
    module.log_scale.data[:] = log_scale
    return module.double()


def column_log_prob(module, h, values):
    """Return log-probabilities (n,) of values of the first column at one output."""
    rows = torch.zeros(len(values), module.n_columns).double()
    rows[:, 0] = torch.as_tensor(values)
    distribution = module(torch.full_like(rows, h))
    return distribution.base_dist.log_prob(rows)[:, 0].detach().numpy()


def is_atom(module, values):
    rows = torch.zeros(len(values), module.n_columns).double()
    rows[:, 0] = torch.as_tensor(values)
    return module.intervals(rows)[0][:, 0].numpy()


# The density --------------------------------------------------------------------------


@pytest.mark.parametrize("h", [-8.0, -0.7, 0.0, 2.5])
@pytest.mark.parametrize("j", range(3))
def test_sums_and_integrals_make_one(j, h):
    """Sums over values that rows share, integrals over all others."""
    module = built(X[:, [j]])
    known = np.unique(X[:, j]).astype(np.float64)
    shared = known[is_atom(module, known)]
    assert len(shared) == [0, 1, 10][j]
    total = np.exp(column_log_prob(module, h, shared)).sum()
    # Between knots it is a normal density: Gauss-Legendre has an error of rounding.
    far = 30 * known.std() * np.array([-1, 1]) + known[[0, -1]]
    ends = np.sort(np.r_[known, far, np.linspace(*far, 500)])
    nodes, weights = np.polynomial.legendre.leggauss(20)
    half = np.diff(ends)[:, None] / 2
    at = ends[:-1, None] + half * (1 + nodes)
    density = np.exp(column_log_prob(module, h, at.ravel())).reshape(at.shape)
    total += (density * weights * half).sum()
    np.testing.assert_allclose(total, 1, atol=1e-5)


def test_the_density_of_normal_values_is_normal():
    values = stats.norm.ppf((np.arange(1000) + 0.5) / 1000, 50, 7)
    module = built(values[:, None], np.log(0.5 - 0.01) / 5)
    at = np.linspace(35, 65, 31)
    found = column_log_prob(module, 1.0, at)
    # A score of mean 1 and deviation 0.5, in units of 7.
    np.testing.assert_allclose(found, stats.norm.logpdf(at, 57, 3.5), atol=0.02)


def test_a_shared_value_has_the_probability_of_its_rows():
    module = built(X[:, [2]], np.log(1 - 0.01) / 5)
    values, counts = np.unique(WHOLE, return_counts=True)
    found = np.exp(column_log_prob(module, 0.0, values))[:-1]
    np.testing.assert_allclose(found, counts[:-1] / N, rtol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_probabilities_of_intervals_are_exact_in_the_tails(dtype):
    low = np.array([-3e4, -40.0, -6.0, -1.0, -0.01, 0.3, 5.0, 39.0, 2e4, -5.0])
    high = np.array([-2e4, -39.0, -5.9, -0.98, 0.02, 9.0, 5.5, 2e4, 3e4, 6.0])
    ends = [torch.tensor(e, dtype=dtype, requires_grad=True) for e in (low, high)]
    found = _log_probability(*ends)
    found.sum().backward()
    mp.dps = 30
    mp_ends = [[mp.mpf(float(e)) for e in end.detach()] for end in ends]
    for i, (a, b) in enumerate(zip(*mp_ends, strict=True)):
        probability = (mp.erfc(a / mp.sqrt(2)) - mp.erfc(b / mp.sqrt(2))) / 2
        if a + b < 0:
            probability = (mp.erfc(-b / mp.sqrt(2)) - mp.erfc(-a / mp.sqrt(2))) / 2
        expected = [
            mp.log(probability),
            *(s * mp.npdf(e) / probability for s, e in ((-1, a), (1, b))),
        ]
        for value, exact in zip(
            (found.detach()[i], ends[0].grad[i], ends[1].grad[i]), expected, strict=True
        ):
            np.testing.assert_allclose(float(value), float(exact), rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("value", [-1e30, -50.0, 0.5, 22.5, 40.0, 1e30])
@pytest.mark.parametrize("n_rows", [N, 4000])
def test_what_was_not_seen_is_not_impossible(value, n_rows):
    """With fewer knots than there is room for, and with all."""
    rows = X if n_rows == N else RNG.normal(size=(n_rows, 3)).astype(np.float32)
    module = Nonparanormal().build(rows)
    assert bool((module.values < nonparanormal.PAST).all()) == (n_rows > N)
    assert module.features(torch.from_numpy(rows)).isfinite().all()
    h = torch.zeros(1, 3, requires_grad=True)
    log_prob = module(h).log_prob(torch.full((1, 3), value))
    log_prob.sum().backward()
    assert log_prob.isfinite().all()
    assert h.grad.isfinite().all()
    assert module.log_scale.grad.isfinite().all()
    assert module.features(torch.full((1, 3), value)).isfinite().all()


# Draws and means ----------------------------------------------------------------------


def test_draws_have_the_margins_of_the_rows():
    module = built(X, np.log(1 - 0.01) / 5)
    torch.manual_seed(0)
    drawn = module(torch.zeros(20_000, 3).double()).sample().numpy()
    assert (drawn >= X.min(0)).all()
    assert (drawn <= X.max(0)).all()
    for column, real in zip(drawn.T, X.T, strict=True):
        assert stats.ks_2samp(column, real).statistic < 0.02
    assert np.isin(drawn[:, 2], WHOLE).mean() > 0.99


def test_draws_have_the_probabilities_that_are_scored(module):
    torch.manual_seed(0)
    drawn = module(torch.full((20_000, 3), 0.8).double()).sample().numpy()
    module = built(X[:, [1]])
    expected = np.exp(column_log_prob(module, 0.8, [0.0]))[0]
    assert abs((drawn[:, 1] == 0).mean() - expected) < 0.01
    density = lambda x: np.exp(column_log_prob(module, 0.8, [x]))[0]  # noqa: E731
    expected = integrate.quad(density, 2, 3, limit=200, epsabs=1e-4)[0]
    assert abs(((drawn[:, 1] > 2) & (drawn[:, 1] < 3)).mean() - expected) < 0.015


@pytest.mark.parametrize("h", [-20.0, -1.0, 0.5, 20.0])
def test_the_expectation_is_the_mean_of_values(module, h):
    distribution = module(torch.full((2, 3), h).double())
    scores = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    scores = h + scores[:, None] * module.scale.detach().numpy()
    expected = module.quantiles(torch.from_numpy(scores)).mean(0).numpy()
    found = module.expectation(distribution).detach().numpy()
    assert (np.abs(found - expected) < np.ptp(X, axis=0) / 128).all()
    weight = torch.tensor([[0.3, 0.7]]).double()
    weighed = module.weighted_expectation(distribution, weight).detach()
    np.testing.assert_allclose(weighed, found[:1])


# What networks see --------------------------------------------------------------------


def test_networks_see_normal_scores(module):
    seen = module.features(torch.from_numpy(X).double()).numpy()
    # Every fifth row is a knot.
    rank = stats.rankdata(X[:, 0]) - 0.5
    assert np.abs(N * stats.norm.cdf(seen[:, 0]) - rank).max() < 5
    assert np.abs(N * stats.norm.cdf(seen[:, 0]) - rank).mean() < 1
    ends = [np.mean(WITH_ZEROS < 0), np.mean(WITH_ZEROS <= 0)]
    zero = stats.truncnorm(*stats.norm.ppf(ends)).mean()
    np.testing.assert_allclose(seen[WITH_ZEROS == 0, 1], zero, atol=0.01)
    np.testing.assert_allclose(seen.mean(0), 0, atol=0.01)


def test_what_networks_see_rises_with_the_value(module):
    rows = torch.linspace(-20, 60, 5000).double()[:, None].expand(-1, 3)
    assert (module.features(rows).diff(dim=0) > 0).all()


# Which rows it is learned from --------------------------------------------------------


def knots(module):
    return [module.values, module.scores, module.seen]


def assert_same_knots(rows, others):
    for found, expected in zip(
        *(knots(Nonparanormal().build(given)) for given in (rows, others)), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_missing_entries_are_left_out():
    rows = np.vstack([X, np.full((50, 3), np.nan)]).astype(np.float32)
    rows[:3, 2] = np.nan
    module = Nonparanormal().build(rows)
    for j in range(3):
        alone = Nonparanormal().build(rows[~np.isnan(rows[:, j]), j : j + 1])
        for found, expected in zip(knots(module), knots(alone), strict=True):
            np.testing.assert_array_equal(found[j], expected[0])
    empty = Nonparanormal().build(np.full((4, 1), np.nan, dtype=np.float32))
    found = empty(torch.zeros(2, 1)).log_prob(torch.tensor([[0.0], [1.5]]))
    expected = stats.norm.logpdf([0, 1.5], 0, 1.01)
    np.testing.assert_allclose(found.detach(), expected, atol=1e-5)


def test_sparse_rows_and_memory_maps_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(large, "BLOCK_SIZE", 30)
    file = np.memmap(tmp_path / "rows", np.float32, "w+", shape=X.shape)
    file[:] = X
    view = large.RowView(file, [0, 1, 2])
    for rows in (sparse.csr_matrix(X), file, view):
        assert_same_knots(rows, X)


def test_of_many_rows_some_are_enough(monkeypatch):
    rows = np.random.default_rng(1).normal(size=(100_000, 1)).astype(np.float32)
    of_all = Nonparanormal().build(rows)
    monkeypatch.setattr(nonparanormal, "MOST_VALUES", 10_000)
    of_some = Nonparanormal().build(rows)
    assert_same_knots(rows, rows[::10])
    scores = [module.features(torch.from_numpy(rows)) for module in (of_all, of_some)]
    torch.testing.assert_close(*map(torch.special.ndtr, scores), rtol=0, atol=0.02)


def test_knots_have_room_for_values_that_are_shared():
    """80 values of 1 % each, and others on a fifth of the rows."""
    rng = np.random.default_rng(0)
    shared = np.repeat(np.arange(80), 1250) * 1000.0
    column = np.r_[shared, rng.normal(500, 1, 20_000)].astype(np.float32)
    module = Nonparanormal().build(column[:, None]).double()
    assert is_atom(module, np.unique(shared)).all()
    assert (module.values < nonparanormal.PAST).sum() == N_KNOTS
    drawn = module.quantiles(torch.randn(20_000, 1).double()).numpy()
    assert stats.ks_2samp(drawn[:, 0], column).statistic < 0.02


# With the rest ------------------------------------------------------------------------


def test_whole_numbers_of_a_frame_come_back_whole():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, 200),
            "gain": np.where(rng.random(200) < 0.7, 0, rng.integers(1, 9999, 200)),
            "word": pd.Categorical(rng.choice(list("abc"), 200)),
        }
    )
    y = np.where(np.arange(200) < 40, np.arange(200) % 2, -1)
    model = FactorialMixtureVAE(
        likelihood="nonparanormal", max_epochs=5, random_state=0
    ).fit(frame, y)
    rows, _ = model.sample(500, random_state=0)
    assert (rows.dtypes == frame.dtypes).all()
    assert rows["age"].between(18, 89).all()
    assert abs((rows["gain"] == 0).mean() - (frame["gain"] == 0).mean()) < 0.1
    assert np.isfinite(model.score_samples(frame)).all()
