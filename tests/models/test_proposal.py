import math

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal

from skfmvae.models.proposal import LEAST_PRECISION, refined_proposal

N, L = 5, 3


def even_noise(n_latents=L):
    noise = torch.randn(4, n_latents, dtype=torch.float64)
    return torch.cat([noise, -noise])


def gaussian_posteriors(least=1.0, most=9.0):
    """Return means, precisions and log-weights that make them those of the noise."""
    mean = torch.randn(N, L, dtype=torch.float64)
    basis = torch.linalg.qr(torch.randn(N, L, L, dtype=torch.float64))[0]
    values = torch.linspace(least, most, L, dtype=torch.float64)
    precision = basis @ (values[:, None] * basis.mT)

    def log_weights(noise):
        of_rows = MultivariateNormal(mean[:, None], precision_matrix=precision[:, None])
        return of_rows.log_prob(noise) - Normal(0.0, 1.0).log_prob(noise).sum(2)

    return mean, precision, log_weights


def test_a_gaussian_posterior_is_found():
    torch.manual_seed(0)
    mean, precision, log_weights = gaussian_posteriors()
    found = refined_proposal(log_weights, N, even_noise())
    torch.testing.assert_close(found.mean, mean)
    torch.testing.assert_close(found.root @ found.root.mT, precision)


def test_a_posterior_wider_than_the_noise_is_found():
    """Though draws from it are less probable: entropy makes up for that."""
    torch.manual_seed(0)
    found = refined_proposal(lambda e: 0.25 * e.square().sum(2), N, even_noise())
    expected = 0.5 * torch.eye(L, dtype=torch.float64).expand(N, -1, -1)
    torch.testing.assert_close(found.root @ found.root.mT, expected)


def test_draws_are_those_of_the_gaussian():
    torch.manual_seed(0)
    _, precision, log_weights = gaussian_posteriors()
    found = refined_proposal(log_weights, N, even_noise())
    noise = torch.randn(100_000, L, dtype=torch.float64)
    draws = found.place(noise)
    assert draws.shape == (N, len(noise), L)
    covariance = torch.stack([torch.cov(of_row.T) for of_row in draws])
    torch.testing.assert_close(
        covariance, torch.linalg.inv(precision), atol=0.02, rtol=0
    )
    torch.testing.assert_close(draws.mean(1), found.mean, atol=0.02, rtol=0)
    torch.testing.assert_close(found.log_det(), 0.5 * torch.logdet(precision))


def test_no_direction_is_wider_than_allowed():
    torch.manual_seed(0)
    _, _, log_weights = gaussian_posteriors(least=0.01)
    found = refined_proposal(log_weights, N, even_noise())
    values = torch.linalg.eigvalsh(found.root @ found.root.mT)
    expected = torch.tensor([LEAST_PRECISION, (0.01 + 9) / 2, 9.0]).double()
    torch.testing.assert_close(values, expected.expand(N, -1))


def test_very_unequal_precisions_are_borne():
    """In single precision the least of them are lost beside the largest."""
    torch.manual_seed(0)
    basis = torch.linalg.qr(torch.randn(50, L, L))[0]
    root = basis * torch.tensor([1.0, 1e3, 1e6])

    def log_weights(noise):
        return -0.5 * (noise @ root).square().sum(2)

    found = refined_proposal(log_weights, len(root), even_noise().float())
    expected = root @ root.mT
    error = (found.root @ found.root.mT - expected).norm(dim=(1, 2))
    assert (error < 1e-5 * expected.norm(dim=(1, 2))).all()
    assert (found.root.diagonal(dim1=1, dim2=2) > 0).all()


def test_rows_do_not_depend_on_each_other():
    torch.manual_seed(0)
    steepness = torch.rand(N, L, dtype=torch.float64)

    def of_some(rows):
        def log_weights(noise):
            return -(noise * steepness[rows, None]).exp().sum(2)

        return log_weights

    noise = even_noise()
    together = refined_proposal(of_some(slice(None)), N, noise)
    for i in range(N):
        alone = refined_proposal(of_some(slice(i, i + 1)), 1, noise)
        torch.testing.assert_close(alone.mean[0], together.mean[i])
        torch.testing.assert_close(alone.root[0], together.root[i])


def test_the_slope_is_zero_over_what_is_found():
    """As it is where the evidence lower bound is largest, to second order."""
    torch.manual_seed(0)

    def log_weights(noise):
        return (3 * noise - noise.exp()).sum(2)

    noise = even_noise(1)
    slope_before = (3 - noise.exp() - noise).mean()
    found = refined_proposal(log_weights, 1, noise)
    draws = found.place(noise)
    assert (3 - draws.exp() - draws).mean().abs() < 0.05 * slope_before.abs()


@pytest.mark.parametrize(
    "log_weights",
    [
        # So flat at first that a step is far too long.
        lambda noise: -20 * (noise - 2).cosh().log().sum(2),
        # Curved up.
        lambda noise: -((noise.square() - 1).square()).sum(2) + 0.1 * noise.sum(2),
        # Without a finite curvature.
        lambda noise: -noise.abs().sqrt().sum(2),
    ],
    ids=["flat", "curved up", "infinite"],
)
def test_the_bound_never_falls(log_weights):
    torch.manual_seed(0)
    noise = even_noise()

    def bound(draws, log_det):
        target = log_weights(draws) - 0.5 * draws.square().sum(2)
        return target.mean(1) - log_det

    before = bound(noise.expand(2, -1, -1), torch.zeros(2).double())
    found = refined_proposal(log_weights, 2, noise)
    assert found.mean.isfinite().all()
    assert (bound(found.place(noise), found.log_det()) >= before - 1e-12).all()


def test_a_step_that_went_too_far_is_followed_by_a_shorter_one():
    torch.manual_seed(0)

    def log_weights(noise):
        return -20 * (noise - 2).cosh().log().sum(2)

    found = refined_proposal(log_weights, 1, even_noise())
    assert (found.mean - 2).abs().max() < 0.5


def test_importance_samples_add_up_to_the_integral():
    """Of weights that are far from a Gaussian's, by a grid."""

    def log_weights(noise):
        return (2 * torch.sin(3 * noise) - (noise - 1).abs()).sum(2)

    torch.manual_seed(0)
    grid = torch.linspace(-10, 10, 20_001, dtype=torch.float64)[None, :, None]
    log_joint = log_weights(grid) + Normal(0.0, 1.0).log_prob(grid).sum(2)
    exact = log_joint.logsumexp(1) + math.log(1e-3)
    found = refined_proposal(log_weights, 1, even_noise(1))
    noise = torch.randn(200_000, 1, dtype=torch.float64)
    draws = found.place(noise)
    log_q = Normal(0.0, 1.0).log_prob(noise).sum(1) + found.log_det()[:, None]
    log_p = log_weights(draws) + Normal(0.0, 1.0).log_prob(draws).sum(2)
    estimate = (log_p - log_q).logsumexp(1) - math.log(len(noise))
    torch.testing.assert_close(estimate, exact, atol=0.02, rtol=0)
