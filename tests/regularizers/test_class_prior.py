import numpy as np
import pytest
import torch

from skfmvae.regularizers.class_prior import (
    DistributionAlignment,
    ExpectationRegularization,
)

N, N_LABELLED = 30, 4
PRIOR = torch.tensor([0.4, 0.3, 0.3])
SCARCE = torch.tensor([0.5, 0.45, 0.05])  # of the last class less than half of 0.3


@pytest.fixture
def batch(make_batch):
    return make_batch({row: row % 3 for row in range(N_LABELLED)})


def losses(expectation, batch, probas, codes=None):
    """Return the loss of one batch after the other."""
    codes = batch.labels.codes[:, 0] if codes is None else codes
    return [expectation.loss(batch, codes, p.expand(N, 3).log()) for p in probas]


def test_alignment_divides_odds_by_those_of_the_mean(monkeypatch):
    monkeypatch.setattr("skfmvae.regularizers.class_prior.ALIGNMENT_DECAY", 0.0)
    align = DistributionAlignment(torch.tensor([0.5, 0.5]))
    proba = torch.tensor([[0.8, 0.2], [0.8, 0.2]])
    # The mean is (0.8, 0.2): the odds of 4 to 1 are divided by themselves.
    np.testing.assert_allclose(align(proba, torch.ones(2)), 0.5)
    proba = torch.tensor([[0.9, 0.1], [0.6, 0.4]])
    aligned = align(proba, torch.tensor([1.0, 3.0]))
    mean = (0.9 + 3 * 0.6) / 4
    odds = 0.9 / 0.1 * (1 - mean) / mean
    assert aligned[0, 0].item() == pytest.approx(odds / (1 + odds))


def test_alignment_is_by_the_mean_over_many_batches():
    """One batch moves the mean by a hundredth of what it differs."""
    align = DistributionAlignment(torch.tensor([0.75, 0.25]))
    proba = torch.tensor([[0.5, 0.5], [0.5, 0.5]])
    for n_batches in range(1, 4):
        mean = 0.5 + 0.25 * 0.99**n_batches
        odds = 0.75 / mean * (1 - mean) / 0.25
        expected = torch.tensor([odds, 1.0]).expand(2, 2) / (1 + odds)
        torch.testing.assert_close(align(proba, torch.ones(2)), expected)


def test_a_class_that_nearly_vanishes_costs_its_divergence(batch):
    """As far as its mean prediction on unlabelled rows is less than half its prior."""
    *_, value = losses(ExpectationRegularization(PRIOR), batch, 400 * [SCARCE])
    expected = 0.3 * np.log(0.3 / 0.05 / 2)
    assert value.item() == pytest.approx(expected, rel=1e-3)


def test_a_class_above_half_of_its_prior_costs_nothing(batch):
    enough = torch.tensor([0.6, 0.24, 0.16])
    expectation = ExpectationRegularization(PRIOR)
    assert max(losses(expectation, batch, 400 * [enough])) == 0


def test_one_batch_of_other_classes_costs_nothing(batch):
    """The mean is over many batches, as few rows cannot hold each of many classes."""
    expectation = ExpectationRegularization(PRIOR)
    assert losses(expectation, batch, [SCARCE]) == [0]


def test_one_batch_with_all_classes_does_not_end_the_cost(batch):
    """It moves the mean by 3 % of what it differs."""
    expectation = ExpectationRegularization(PRIOR)
    *_, value = losses(expectation, batch, 400 * [SCARCE] + [PRIOR])
    mean = 0.97 * 0.05 + 0.03 * 0.3
    assert value.item() == pytest.approx(0.3 * np.log(0.3 / mean / 2), rel=1e-3)


def test_the_gradient_is_that_of_the_batch_mean(batch):
    expectation = ExpectationRegularization(PRIOR)
    losses(expectation, batch, 400 * [SCARCE])
    # Rows differ, but for the mean of those without a label.
    noise = torch.rand(N, 1, generator=torch.Generator().manual_seed(0))
    noise = 0.1 * noise * torch.tensor([1.0, -1.0, 0.0])
    noise[N_LABELLED:] -= noise[N_LABELLED:].mean(0)
    proba = (SCARCE + noise).requires_grad_()
    value = expectation.loss(batch, batch.labels.codes[:, 0], proba.log())
    (slope,) = torch.autograd.grad(value, proba)
    expected = torch.zeros(N, 3)
    expected[N_LABELLED:, 2] = -0.3 / 0.05 / (N - N_LABELLED)
    torch.testing.assert_close(slope, expected, rtol=1e-3, atol=1e-6)


def test_a_batch_of_labelled_rows_changes_nothing(batch):
    expectation = ExpectationRegularization(PRIOR)
    *_, before = losses(expectation, batch, 400 * [SCARCE])
    losses(expectation, batch, [PRIOR], codes=torch.ones(N, dtype=torch.long))
    (after,) = losses(expectation, batch, [SCARCE])
    assert after.item() == pytest.approx(before.item(), rel=1e-3)
