"""Rows with missing entries, against the observed columns alone."""

import copy

import numpy as np
import pytest
import torch

from skfmvae.nn import (
    Bernoulli,
    Categorical,
    Columns,
    Gaussian,
    LikelihoodWithGaps,
    LogNormal,
    NegativeBinomial,
    Ordinal,
    Poisson,
)
from skfmvae.nn.likelihoods import gaps as module_of_gaps

N, D = 60, 4
MIXED = Columns({0: Gaussian(), 1: Categorical(3), 2: LogNormal(), 3: Ordinal(4)})
SETTINGS = [
    Bernoulli(),
    Gaussian(),
    LogNormal(),
    Categorical(3),
    Ordinal(3),
    Poisson(),
    NegativeBinomial(),
    MIXED,
]
each_likelihood = pytest.mark.parametrize("settings", SETTINGS, ids=repr)

IS_GAP = np.random.default_rng(1).random((N, D)) < 0.3
IS_GAP[3] = True  # nothing observed


def complete_rows(settings):
    rng = np.random.default_rng(0)
    rows = {
        Gaussian: rng.normal([5, -1, 0, 100], [1, 0.1, 3, 20], (N, D)),
        LogNormal: np.exp(rng.normal([0, 1, 2, -3], 0.5, (N, D))),
        Columns: np.column_stack(
            [
                rng.normal(5, 1, N),
                rng.integers(0, 3, N),
                np.exp(rng.normal(0, 1, N)),
                rng.integers(0, 4, N),
            ]
        ),
        Bernoulli: rng.integers(0, 2, (N, D)),
    }.get(type(settings), rng.integers(0, 3, (N, D)))
    return rows.astype(np.float32)


def with_gaps(rows):
    return np.where(IS_GAP, np.float32(np.nan), rows)


def build(settings, rows, has_gaps=True):
    return LikelihoodWithGaps(settings.build(rows), has_gaps).double()


def outputs(module, n=N):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, module.n_outputs, generator=generator).double()


def tensor(rows):
    return torch.from_numpy(rows).double()


@each_likelihood
@pytest.mark.parametrize("has_gaps", [False, True])
def test_the_log_probability_is_that_of_what_is_observed(settings, has_gaps):
    """The sum of the columns that are, in a loop over the entries of whole rows."""
    complete = complete_rows(settings)
    module = build(settings, with_gaps(complete), has_gaps)
    module.train(has_gaps)  # without gaps in training, rows to come may have some
    h = outputs(module)
    inner = module.columns(h)
    each = getattr(inner, "column_log_prob", None)(tensor(complete)).detach()
    torch.testing.assert_close(inner.log_prob(tensor(complete)), each.sum(1))
    found = module(h).log_prob(tensor(with_gaps(complete)))
    for i in range(N):
        expected = sum(float(each[i, j]) for j in range(D) if not IS_GAP[i, j])
        assert found[i].item() == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert found[3] == 0


@each_likelihood
def test_gradients_are_finite_and_nothing_flows_from_what_is_missing(settings):
    complete = complete_rows(settings)
    module = build(settings, with_gaps(complete)).train()
    h = outputs(module).requires_grad_()
    module(h).log_prob(tensor(with_gaps(complete))).sum().backward()
    assert h.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in module.parameters())
    of_gaps = torch.from_numpy(IS_GAP)[:, module.feature_columns]
    assert (h.grad[of_gaps] == 0).all()
    assert (h.grad[~of_gaps] != 0).any()


@each_likelihood
@pytest.mark.parametrize("has_gaps", [False, True])
def test_nothing_depends_on_what_stands_for_a_missing_entry(settings, has_gaps):
    complete = complete_rows(settings)
    rows = with_gaps(complete)
    module = build(settings, rows, has_gaps).eval()
    other = copy.deepcopy(module)
    other.columns.placeholder = module.columns.placeholder + 1
    h, x = outputs(module), tensor(rows)
    step = torch.full((N, module.columns.n_inputs), 0.1).double()
    for found, expected in [
        (other(h).log_prob(x), module(h).log_prob(x)),
        (other.features(x), module.features(x)),
        (other.comparable(rows), module.comparable(rows)),
        (other.moved(x, step), module.moved(x, step)),
    ]:
        np.testing.assert_array_equal(
            np.asarray(torch.as_tensor(found).detach()),
            np.asarray(torch.as_tensor(expected).detach()),
        )


@each_likelihood
def test_networks_see_zeros_in_gaps_and_where_they_are(settings):
    complete = complete_rows(settings)
    module = build(settings, with_gaps(complete))
    features = module.features(tensor(with_gaps(complete)))
    assert features.shape == (N, module.n_inputs)
    values, mask = features.split([module.columns.n_inputs, D], dim=1)
    np.testing.assert_array_equal(mask, IS_GAP)
    expected = module.columns.features(tensor(complete))
    of_gaps = torch.from_numpy(IS_GAP)[:, module.feature_columns]
    torch.testing.assert_close(values, expected.masked_fill(of_gaps, 0))


@each_likelihood
def test_gaps_may_come_in_training_where_there_were_none(settings):
    """Networks see zeros there, as in predictions, and nothing has a probability."""
    complete = complete_rows(settings)
    rows = with_gaps(complete)
    module = build(settings, complete, has_gaps=False).train()
    module.skips_search = False
    of_gaps = torch.from_numpy(IS_GAP)[:, module.feature_columns]
    assert (module.features(tensor(rows))[of_gaps] == 0).all()
    h = outputs(module).requires_grad_()
    module(h).log_prob(tensor(rows)).sum().backward()
    assert h.grad.isfinite().all()
    step = torch.full((N, module.columns.n_inputs), 0.1).double()
    moved = module.moved(tensor(rows), step)
    np.testing.assert_array_equal(moved.isnan(), IS_GAP)
    in_evaluation = module.eval()(h).log_prob(tensor(rows))
    torch.testing.assert_close(module.train()(h).log_prob(tensor(rows)), in_evaluation)


@each_likelihood
def test_without_gaps_everything_is_that_of_complete_rows(settings):
    rows = complete_rows(settings)
    inner = settings.build(rows)
    module = LikelihoodWithGaps(copy.deepcopy(inner), has_gaps=False)
    x, h = torch.from_numpy(rows), outputs(module).float()
    step = torch.full((N, inner.n_inputs), 0.1)
    assert (module.n_inputs, module.n_outputs) == (inner.n_inputs, inner.n_outputs)
    for is_training in (True, False):
        module.train(is_training)
        state = torch.get_rng_state()
        with module.hiding(x):
            pairs = [
                (module.features(x), inner.features(x)),
                (module(h).log_prob(x), inner(h).log_prob(x)),
                (module.expectation(module(h)), inner.expectation(inner(h))),
                (module.moved(x, step), inner.moved(x, step)),
            ]
        assert torch.equal(torch.get_rng_state(), state)  # and draws nothing
        for found, expected in pairs:
            assert torch.equal(found, expected)
    np.testing.assert_array_equal(module.comparable(rows), inner.comparable(rows))
    assert list(module.state_dict().values()) == [] or all(
        torch.equal(a, b)
        for a, b in zip(
            module.state_dict().values(), inner.state_dict().values(), strict=True
        )
    )


@each_likelihood
def test_gaps_may_come_after_a_fit_to_complete_rows(settings):
    """Networks see zero, without a mask."""
    rows = complete_rows(settings)
    module = build(settings, rows, has_gaps=False).eval()
    found = module.features(tensor(with_gaps(rows)))
    of_gaps = torch.from_numpy(IS_GAP)[:, module.feature_columns]
    expected = module.columns.features(tensor(rows)).masked_fill(of_gaps, 0)
    torch.testing.assert_close(found, expected)


@each_likelihood
def test_comparable_rows_hold_means_in_gaps(settings, container):
    complete = complete_rows(settings)
    rows = with_gaps(complete)
    module = LikelihoodWithGaps(settings.build(container(rows)), True)
    found = module.comparable(container(rows))
    expected = module.columns.comparable(complete)
    gaps = IS_GAP[:, module.feature_columns]
    expected = np.where(gaps, np.nan, expected)
    expected = np.where(gaps, np.nanmean(expected, axis=0), expected)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert found.dtype == np.float32


def test_a_column_of_nothing_but_gaps_is_comparable():
    rows = complete_rows(Gaussian())
    rows[:, 1] = np.nan
    module = LikelihoodWithGaps(Gaussian().build(rows), True)
    assert np.isfinite(module.comparable(rows)).all()
    np.testing.assert_array_equal(module.comparable(rows)[:, 1], 0)


@each_likelihood
def test_a_step_leaves_gaps(settings):
    rows = with_gaps(complete_rows(settings))
    module = build(settings, rows)
    step = torch.full((N, module.columns.n_inputs), 0.1).double()
    found = module.moved(tensor(rows), step)
    np.testing.assert_array_equal(found.isnan(), IS_GAP)
    expected = module.columns.moved(tensor(complete_rows(settings)), step)
    observed = ~torch.from_numpy(IS_GAP)
    torch.testing.assert_close(found[observed], expected[observed])


def test_support_leaves_out_what_is_missing(container):
    rows = with_gaps(complete_rows(LogNormal()))
    module = LikelihoodWithGaps(LogNormal().build(container(rows)), True)
    module.check_support(container(rows))
    assert module.in_support(rows).all()
    rows[7, 2] = -1
    assert not module.in_support(rows)[7, 2]
    with pytest.raises(ValueError, match="row 7, column 2"):
        module.check_support(container(rows))


def test_weighted_expectations_and_draws_are_those_of_complete_rows():
    rows = complete_rows(MIXED)
    module = build(MIXED, with_gaps(rows))
    h = outputs(module, n=12)
    weight = torch.full((4, 3), 1 / 3).double()
    torch.testing.assert_close(
        module.weighted_expectation(module(h), weight),
        module.columns.weighted_expectation(module.columns(h), weight),
    )
    torch.manual_seed(0)
    found = module(h).sample((2,))
    torch.manual_seed(0)
    torch.testing.assert_close(found, module.columns(h).sample((2,)))


# Hiding -------------------------------------------------------------------------------


def hidden_in_a_step(module, x):
    """Return what networks do not see of a batch although it is there."""
    with module.hiding(x):
        first, second = module.features(x), module.features(x.clone())
    assert torch.equal(first, second)  # the same in all of a step
    mask = first[:, -x.shape[1] :] > 0
    assert (first[:, : x.shape[1]][mask] == 0).all()
    return mask & ~x.isnan()


@pytest.fixture(scope="module")
def many():
    x = torch.randn(4000, 50, generator=torch.Generator().manual_seed(0)) + 9
    x[:, ::5] = torch.nan  # 10 of 50 columns
    return x, LikelihoodWithGaps(Gaussian().build(x.numpy()), True)


def test_rows_hide_different_shares_up_to_a_half(many):
    x, module = many
    torch.manual_seed(0)
    hidden = hidden_in_a_step(module, x)[:, ~x.isnan().any(0)].float()
    share = hidden.mean(1)
    # The share of a row is uniform, and 40 entries are drawn with it: no share is
    # further from it than five standard errors.
    n, most = hidden.shape[1], module_of_gaps.MOST_HIDDEN
    assert share.max() < most + 5 * (most * (1 - most) / n) ** 0.5
    assert abs(share.mean() - most / 2) < 5 * (most / 12**0.5) / 4000**0.5
    within = most / 2 * (1 - most / 2) / n
    assert share.var() == pytest.approx(most**2 / 12 + within, rel=0.1)
    # Every column alike.
    assert (hidden.mean(0) - most / 2).abs().max() < 5 * 0.43 / 4000**0.5


def test_steps_differ_and_nothing_is_hidden_between_them(many):
    x, module = many
    first, second = hidden_in_a_step(module, x), hidden_in_a_step(module, x)
    assert (first != second).any()
    torch.testing.assert_close(
        module.features(x)[:, 50:], x.isnan().float(), rtol=0, atol=0
    )


def test_what_is_hidden_counts_in_the_likelihood(many):
    x, module = many
    h = torch.zeros(len(x), 50)
    expected = module(h).log_prob(x)
    with module.hiding(x):
        assert torch.equal(module(h).log_prob(x), expected)


def test_an_error_in_a_step_ends_the_hiding(many):
    x, module = many
    expected = module.features(x)
    with pytest.raises(RuntimeError, match="step"), module.hiding(x):
        raise RuntimeError("in the step")
    assert torch.equal(module.features(x), expected)


def test_seeds_decide_what_is_hidden(many):
    x, module = many
    masks = []
    for _ in range(2):
        torch.manual_seed(7)
        masks.append(hidden_in_a_step(module, x))
    assert torch.equal(*masks)
