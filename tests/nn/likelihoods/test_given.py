"""Columns that are given: covariates and exposures."""

import numpy as np
import pytest
import torch
from scipy import sparse, stats
from sklearn.linear_model import LinearRegression

from skfmvae.nn import (
    Categorical,
    Columns,
    Gaussian,
    LikelihoodWithGaps,
    NegativeBinomial,
    Poisson,
    build_given,
    exposure_columns,
)

N = 40


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(0)
    time = rng.uniform(0.5, 8, size=(N, 1))
    rows = np.hstack([rng.poisson([2, 5, 1], size=(N, 3)), time])
    return rows.astype(np.float32)


@pytest.fixture(scope="module")
def readings():
    """Two columns, of which a batch shifts the first, and the batch between them."""
    rng = np.random.default_rng(1)
    batch = rng.integers(0, 3, N)
    rows = [rng.normal(size=N) + 4 * batch, batch, rng.normal(size=N)]
    return np.stack(rows, axis=1).astype(np.float32)


READINGS = Columns(
    {"first": Gaussian(), "batch": Categorical(n_categories=3), "second": Gaussian()}
)


def draws(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# Exposures ----------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["auto", 3])
def test_rates_are_those_of_one_unit_times_the_exposure(counts, source):
    of_time = source == 3
    X = counts if of_time else counts[:, :3]
    module = build_given(Poisson(exposure=source), X, [], 3 if of_time else None)
    exposure = counts[:, 3] if of_time else np.maximum(counts[:, :3].sum(1), 1)
    # torch takes the lower one of two medians
    unit = np.percentile(exposure, 50, method="lower")
    assert module.unit.item() == pytest.approx(unit)
    h = draws(N, 3)
    per_unit = Poisson().build(counts[:, :3])(h).mean.numpy()
    rate = per_unit * (exposure / unit)[:, None]
    expected = stats.poisson.logpmf(counts[:, :3], rate).sum(1)
    found = module(h).log_prob(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_networks_and_neighbours_see_counts_per_unit(counts):
    X = torch.from_numpy(counts)
    module = build_given(NegativeBinomial(exposure=3), counts, [], 3)
    longer = X.clone()
    longer[:, :4] *= 3  # three times the counts in three times the time
    torch.testing.assert_close(module.features(longer), module.features(X))
    np.testing.assert_allclose(
        module.comparable(longer.numpy()), module.comparable(counts), rtol=1e-5
    )
    assert module.n_inputs == module.n_outputs == 3
    in_csr = module.comparable(sparse.csr_array(counts))
    np.testing.assert_allclose(in_csr.toarray(), module.comparable(counts), rtol=1e-5)


def test_a_step_and_back_is_the_row(counts):
    X = torch.from_numpy(counts)
    module = build_given(Poisson(exposure=3), counts, [], 3)
    step = 0.1 * draws(N, 3).abs()
    moved = module.moved(X, step)
    torch.testing.assert_close(module.moved(moved, -step), X, atol=1e-4, rtol=1e-4)
    assert (moved[:, :3] > X[:, :3]).all()
    assert (moved[:, 3] == X[:, 3]).all()


def test_missing_counts_leave_the_exposure_about_what_it_was():
    rng = np.random.default_rng(2)
    X = rng.poisson(20, size=(200, 30)).astype(np.float32)
    X[rng.random(X.shape) < 0.3] = np.nan
    module = build_given(Poisson(exposure="auto"), X, [])
    seen = torch.where(torch.from_numpy(X).isnan(), module.placeholder, torch.tensor(X))
    exposure = module.exposure(seen)
    assert exposure.median().item() == pytest.approx(1, rel=0.01)
    assert exposure.std().item() < 0.1  # it is that of 600 counts in all rows


@pytest.mark.parametrize("wrong", [0.0, -1.0])
def test_exposures_that_are_not_positive_are_refused(counts, wrong):
    X = counts.copy()
    X[5, 3] = wrong
    with pytest.raises(ValueError, match="exposure, column 3, has the value"):
        build_given(Poisson(exposure=3), X, [], 3)


def test_counts_of_a_table_have_one_exposure():
    likelihood = Columns({0: Poisson(exposure="auto"), 1: Poisson(exposure=2)})
    with pytest.raises(ValueError, match="exposures.*give all counts of a table one"):
        exposure_columns(likelihood, 2)
    mixed = Columns({0: Gaussian(), 1: Poisson(exposure="auto"), 2: Poisson()})
    assert exposure_columns(mixed, 3) == ([1], "auto")


def test_counts_without_an_exposure_do_not_take_that_of_others(counts):
    X = counts[:, :3]
    settings = {0: Poisson(exposure="auto"), 1: Poisson(), 2: Poisson(exposure="auto")}
    module = build_given(Columns(settings), X, [])
    h, x = draws(N, 3), torch.from_numpy(X)
    alone = (
        Poisson()
        .build(X[:, [1]])(module.modelled_part._split(h)[1])
        .log_prob(x[:, [1]])
    )
    torch.testing.assert_close(module(h).column_log_prob(x)[:, 1], alone)


# Covariates ---------------------------------------------------------------------------


def test_nothing_given_is_the_likelihood_itself(readings):
    module = build_given(Gaussian(), readings, [])
    assert type(module) is type(Gaussian().build(readings))


def test_covariates_have_no_probability_and_begin_without_effect(readings):
    x = torch.from_numpy(readings)
    module = build_given(READINGS, readings, [1])
    h = draws(N, 2)
    alone = Gaussian().build(readings[:, [0, 2]])(h).log_prob(x[:, [0, 2]])
    torch.testing.assert_close(module(h).log_prob(x), alone)
    assert (module(h).column_log_prob(x)[:, 1] == 0).all()


def test_covariates_shift_and_scale_the_outputs_of_the_decoder(readings):
    x = torch.from_numpy(readings)
    module = build_given(READINGS, readings, [1])
    torch.nn.init.normal_(module.effect.weight)
    torch.nn.init.normal_(module.effect.bias)
    h = draws(N, 2)
    one_hot = torch.nn.functional.one_hot(x[:, 1].long(), 3).float()
    log_scale, shift = (one_hot @ module.effect.weight.T + module.effect.bias).chunk(
        2, dim=1
    )
    inner = Gaussian().build(readings[:, [0, 2]])
    expected = inner(h * log_scale.exp() + shift).log_prob(x[:, [0, 2]])
    torch.testing.assert_close(module(h).log_prob(x), expected)


def test_networks_and_neighbours_see_residuals():
    """Among rows that are alike, though a batch has more of some kinds than others."""
    rng = np.random.default_rng(0)
    batch = np.repeat([0, 1], 300)
    kind = np.concatenate([rng.choice(5, 300, p=[0.3, 0.3, 0.2, 0.1, 0.1])] * 2)
    kind[300:] = 4 - kind[300:]
    noise, shift = rng.normal(size=(600, 8)), rng.normal(scale=2, size=8)
    columns = noise + 6 * rng.normal(size=(5, 8))[kind] + np.outer(batch, shift)
    X = np.hstack([batch[:, None], columns]).astype(np.float32)
    settings = {"batch": Categorical(n_categories=2)}
    settings |= {f"column {j}": Gaussian() for j in range(8)}
    module = build_given(Columns(settings), X, [0])
    std = columns.std(axis=0)
    of_all = LinearRegression().fit(batch[:, None], columns).coef_[:, 0]
    assert np.abs(of_all - shift).max() > 1  # for the kinds' sake
    for seen in (module.features(torch.from_numpy(X)).numpy(), module.comparable(X)):
        assert seen.shape == (600, 8)
        np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-5)
        removed = columns / std - seen
        np.testing.assert_allclose(
            removed[batch == 1].mean(0) - removed[batch == 0].mean(0),
            shift / std,
            atol=0.05,
        )


def test_what_is_decoded_takes_covariates_from_rows_or_their_middle(readings):
    module = LikelihoodWithGaps(build_given(READINGS, readings, [1]), has_gaps=False)
    torch.nn.init.normal_(module.columns.effect.weight)
    h, x = draws(4, 2), torch.tensor([[0.0, 2.0, 0.0], [0.0, 1.0, 0.0]])
    middle = np.percentile(readings[:, 1], 50, method="lower")
    assert (module.expectation(module(h))[:, 1] == middle).all()
    with module.given(x):
        found = module.expectation(module(h))
    assert found[:, 1].tolist() == [2, 2, 1, 1]  # two draws of each row
    for row, batch in zip(range(4), [2, 2, 1, 1], strict=True):
        own = torch.tensor([[0.0, batch, 0.0]])
        with module.given(own):
            alone = module.expectation(module(h[[row]]))
        torch.testing.assert_close(found[[row]], alone)


def test_a_table_of_nothing_but_covariates_is_refused(readings):
    with pytest.raises(ValueError, match="covariates name all columns"):
        build_given(READINGS, readings, [0, 1, 2])
