"""What every model shares, against a linear Gaussian one whose density is known."""

import math

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal

from skfmvae.models import Evaluation, Labels, Model, Term

N_INPUTS, N_LATENTS, SCALE = 4, 2, 0.5


class Linear(Model):
    """Rows ``W f(z) + b`` with noise, and an encoder that fits them badly."""

    def __init__(self, bend=lambda z: z):
        super().__init__()
        generator = torch.Generator().manual_seed(0)

        def random(*shape):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        self.latent_blocks = {"first": slice(0, 1), "second": slice(1, N_LATENTS)}
        self.n_inputs = N_INPUTS
        self.n_components = {"shape": 3, "colour": 2}
        self.loadings, self.mean = random(N_INPUTS, N_LATENTS), random(N_INPUTS)
        self.to_latents = 0.1 * random(N_LATENTS, N_INPUTS)
        self.bend = bend

    def encode(self, x):
        return Normal(x @ self.to_latents.T, torch.tensor([1.2, 0.8]).double())

    def expectation(self, z):
        return self.bend(z) @ self.loadings.T + self.mean

    def decode(self, z):
        return Independent(Normal(self.expectation(z), SCALE), 1)

    def log_prior(self, z):
        return Normal(0.0, 1.0).log_prob(z).sum(1)

    def terms(self, x, labels):
        return Evaluation({}, [], None)

    def property_log_proba(self, x):
        return []

    def sample_latents(self, labels):
        return torch.randn(len(labels.codes), N_LATENTS), labels

    def intervene(self, x, labels):
        return self.encode(x).mean


def bent(z):
    return z + 0.5 * z.sin()


def normal_draws(*shape, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


# The marginal density -----------------------------------------------------------------


@pytest.mark.parametrize("n_draws", [1, 7])
def test_the_marginal_of_a_linear_model_is_exact(n_draws):
    """Its posterior is Gaussian, so the refined proposal is the posterior itself."""
    model, x = Linear(), normal_draws(5, N_INPUTS)
    covariance = model.loadings @ model.loadings.T + SCALE**2 * torch.eye(N_INPUTS)
    expected = MultivariateNormal(model.mean, covariance).log_prob(x)
    found = model.log_marginal(x, normal_draws(n_draws, N_LATENTS, seed=2))
    torch.testing.assert_close(found, expected)


def test_the_marginal_of_a_bent_model_is_the_integral():
    model, x = Linear(bent), normal_draws(3, N_INPUTS)
    axis = torch.linspace(-7, 7, 601, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    log_joint = torch.stack(
        [model.decode(grid).log_prob(row) + model.log_prior(grid) for row in x]
    )
    expected = log_joint.logsumexp(1) + 2 * (axis[1] - axis[0]).log()
    noise = normal_draws(20_000, N_LATENTS, seed=2)
    found = model.log_marginal(x, noise)
    torch.testing.assert_close(found, expected, atol=0.02, rtol=0)
    # The bound of a few of the draws is lower on average.
    few = model.log_weights(x, noise).unflatten(1, (-1, 2)).logsumexp(2) - math.log(2)
    assert (few.mean(1) < expected).all()


def test_weights_of_draws_and_rows_do_not_depend_on_each_other():
    """Though draws are decoded in chunks: here 1,500 for three rows."""
    model, x = Linear(bent), normal_draws(3, N_INPUTS)
    noise = normal_draws(500, N_LATENTS, seed=2)
    weights = model.log_weights(x, noise)
    assert weights.shape == (3, 500)
    torch.testing.assert_close(model.log_weights(x, noise[400:]), weights[:, 400:])
    torch.testing.assert_close(model.log_weights(x[1:2], noise), weights[1:2])
    assert weights.std(1).min() > 0.01


def test_importance_weights_are_a_loop_over_rows_and_draws():
    model, x = Linear(bent), normal_draws(3, N_INPUTS)
    noise = normal_draws(3, 5, N_LATENTS, seed=2)
    found = model.importance_sampler(x)(noise).log_weight
    posterior = model.encode(x)
    for i in range(3):
        q = Normal(posterior.mean[i], posterior.stddev[i])
        for s in range(5):
            z = q.mean + q.stddev * noise[i, s]
            row = Normal(model.expectation(z[None])[0], SCALE).log_prob(x[i]).sum()
            prior = Normal(0.0, 1.0).log_prob(z).sum()
            expected = row + prior - q.log_prob(z).sum()
            torch.testing.assert_close(found[i, s], expected)


# The protocol -------------------------------------------------------------------------


def test_a_model_says_these_things_itself():
    assert Model.__abstractmethods__ == {
        "terms",
        "encode",
        "property_log_proba",
        "decode",
        "expectation",
        "sample_latents",
        "intervene",
        "log_prior",
    }


def test_hooks_have_a_default_that_does_nothing():
    model, x = Linear(), normal_draws(3, N_INPUTS)
    labels = Labels(torch.full((3, 2), -1), torch.empty(3, 0))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.begin_training([True, False])
    model.begin_epoch(0.0, 3, lambda: pytest.fail("no sample of the rows is needed"))
    model.update_globals(model.terms(x, labels).latents, torch.ones(3), 3)
    assert model.state_dict().keys() == before.keys()
    assert model.has_started
    assert model.global_kl() == 0.0
    assert model.property_blocks == {}
    assert model.independent_properties == ["shape", "colour"]
    quantities = model.quantity_distribution(x)
    assert quantities.mean.shape == quantities.stddev.shape == (3, 0)


def test_latents_are_as_many_as_their_blocks_take():
    model = Linear()
    assert model.n_latents == N_LATENTS
    model.latent_blocks = {"z": slice(3, 7), "u": slice(0, 3)}
    assert model.n_latents == 7


@pytest.mark.parametrize(
    ("rows", "is_empty"),
    [(None, False), ([True, False], False), ([False, False], True)],
)
def test_a_term_of_no_row_is_empty(rows, is_empty):
    rows = rows if rows is None else torch.tensor(rows)
    assert Term(torch.zeros(2), rows=rows).is_empty == is_empty
