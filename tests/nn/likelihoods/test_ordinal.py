"""Ordered categories."""

import numpy as np
import pytest
import torch
from scipy.stats import logistic

from skfmvae.nn import Ordinal

SIZES = [2, 3, 6]
X = np.random.default_rng(0).integers(0, SIZES, size=(80, 3)).astype(np.float32)


def drawn_module():
    """Return a module with thresholds anywhere, in double precision."""
    module = Ordinal(SIZES).build(X).double()
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        parameter.data.normal_(generator=generator)
    return module


def probabilities(module, h):
    """Return those of all codes (n, D, 6), by the columns' thresholds and scipy."""
    thresholds = module.thresholds.detach().numpy()
    found = np.zeros((*h.shape, max(SIZES)))
    for j, size in enumerate(SIZES):
        below = logistic.cdf(thresholds[j, : size - 1] - h[:, [j]])
        ends = np.zeros((len(h), 1)), below, np.ones((len(h), 1))
        found[:, j, :size] = np.diff(np.concatenate(ends, axis=1), axis=1)
    return found


def codes(c, n=9):
    return torch.full((n, len(SIZES)), float(c)).double()


def column_log_prob(module, h, c):
    return module(h).base_dist.log_prob(codes(c, len(h)))


def test_probabilities_are_differences_of_the_logistic_distribution():
    module = drawn_module()
    h = 2 * torch.randn(9, 3, generator=torch.Generator().manual_seed(1)).double()
    expected = probabilities(module, h.numpy())
    for c in range(max(SIZES)):
        found = column_log_prob(module, h, c).exp().detach()
        np.testing.assert_allclose(found, expected[:, :, c], rtol=1e-9, atol=1e-300)


def test_they_sum_to_one_however_many_codes_a_column_has():
    module = drawn_module()
    h = torch.linspace(-50, 50, 27).double().view(9, 3)
    total = sum(column_log_prob(module, h, c).exp() for c in range(max(SIZES)))
    torch.testing.assert_close(total.detach(), torch.ones(9, 3).double())


def test_thresholds_increase_whatever_is_learned():
    module = drawn_module()
    module.raw_steps.data.fill_(-100.0)
    thresholds = module.thresholds[2].detach()
    assert (thresholds.diff() > 0).all()
    assert module(torch.zeros(1, 3).double()).base_dist.probs[0, 2].min() > 0


@pytest.mark.parametrize("gaps", [False, True])
def test_it_starts_at_the_smoothed_shares_of_the_codes(gaps, container):
    rows = X.copy()
    if gaps:
        rows[::7, 2] = np.nan
    module = Ordinal(SIZES).build(container(rows))
    at_zero = module(torch.zeros(1, 3)).base_dist.probs[0].detach()
    for j, size in enumerate(SIZES):
        known = rows[~np.isnan(rows[:, j]), j].astype(int)
        counts = np.bincount(known, minlength=size) + 1  # as if each was seen once more
        np.testing.assert_allclose(
            at_zero[j, :size], counts / counts.sum(), rtol=1e-4, atol=1e-6
        )


@pytest.mark.parametrize("h", [-1e4, -50.0, 50.0, 1e4])
def test_extreme_outputs_have_finite_gradients_for_every_code(h):
    module = Ordinal(SIZES).build(X)
    for c in range(max(SIZES)):
        own = [j for j, size in enumerate(SIZES) if c < size]
        outputs = torch.full((1, 3), h, requires_grad=True)
        of_columns = module(outputs).base_dist.log_prob(codes(c, 1))[0, own]
        assert of_columns.isfinite().all()
        module.zero_grad()
        of_columns.sum().backward()
        gradients = [outputs.grad, *(p.grad for p in module.parameters())]
        assert all(gradient.isfinite().all() for gradient in gradients)


def least_absolute_error(proba):
    """Return the code of the least expected distance, by trying all of them."""
    values = np.arange(len(proba))
    return np.argmin([(proba * abs(values - guess)).sum() for guess in values])


def test_the_expectation_is_never_further_from_a_value_than_another_code():
    module = drawn_module()
    h = 3 * torch.randn(40, 3, generator=torch.Generator().manual_seed(2)).double()
    proba = probabilities(module, h.numpy())
    expected = np.apply_along_axis(least_absolute_error, 2, proba)
    found = module.expectation(module(h))
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(expected[:, 2])) > 3


def test_the_weighted_expectation_is_the_median_of_the_mixture():
    module = drawn_module()
    generator = torch.Generator().manual_seed(3)
    h = 3 * torch.randn(20, 3, generator=generator).double()
    weight = torch.rand(4, 5, generator=generator).double()
    weight /= weight.sum(1, keepdim=True)
    proba = probabilities(module, h.numpy()).reshape(4, 5, 3, -1)
    mixed = np.einsum("ns,nsdc->ndc", weight, proba)
    expected = np.apply_along_axis(least_absolute_error, 2, mixed)
    found = module.weighted_expectation(module(h), weight)
    np.testing.assert_array_equal(found, expected)


def test_sizes_are_those_of_the_columns_by_default():
    module = Ordinal().build(X)
    assert module.sizes.tolist() == SIZES
    assert module.n_outputs == 3
    only_zero = Ordinal().build(np.zeros((4, 1)))
    assert only_zero.sizes.tolist() == [2]


def test_a_code_past_those_of_its_own_column_is_named(container):
    module = Ordinal(SIZES).build(container(X))
    rows = np.zeros((3, 3), dtype=np.float32)
    rows[1, 2] = 5
    module.check_support(container(rows))
    rows[2, 1] = 3
    message = "value 3.0 in row 2, column 1 is not in 0, 1, ..., n_categories - 1"
    with pytest.raises(ValueError, match=message):
        module.check_support(container(rows))


def test_there_is_no_step_between_codes():
    module, x = Ordinal(SIZES).build(X), torch.from_numpy(X)
    torch.testing.assert_close(module.moved(x, torch.ones_like(x)), x)
