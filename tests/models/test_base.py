"""What every model shares, against a linear Gaussian one whose density is known."""

import copy
import math

import numpy as np
import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal

from skfmvae._utils.random import redirected_draws, seeded_draws
from skfmvae.models import Evaluation, Labels, Model, Term
from skfmvae.nn import LikelihoodModule, LikelihoodWithGaps

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


# Missing entries ----------------------------------------------------------------------


class WithGaps(Linear):
    """The same, with a likelihood that leaves out what is missing."""

    class Likelihood(LikelihoodModule):
        name, support, remedy = "Factors", "all numbers", "nothing"

        def features(self, x):
            return x

        def forward(self, h):
            return Independent(Normal(h, SCALE), 1)

        def in_support(self, values):
            return np.isfinite(values)

    def __init__(self):
        super().__init__()
        columns = self.Likelihood(N_INPUTS)
        self.likelihood = LikelihoodWithGaps(columns, has_gaps=False).eval()

    def encode(self, x):
        return super().encode(self.likelihood.features(x))

    def decode(self, z):
        return self.likelihood(self.expectation(z))


IS_GAP = torch.tensor(
    [
        [False, False, False, False],
        [True, False, False, False],
        [False, True, False, True],
        [True, True, True, False],
        [True, True, True, True],
    ]
)


def joint_normal(model):
    covariance = model.loadings @ model.loadings.T
    return model.mean, covariance + SCALE**2 * torch.eye(N_INPUTS)


def given_the_observed(model, row, gaps):
    """Return mean and covariance of the missing entries, in closed form."""
    mean, covariance = joint_normal(model)
    of_both = covariance[gaps][:, ~gaps]
    slopes = torch.linalg.solve(covariance[~gaps][:, ~gaps], of_both.T).T
    expected = mean[gaps] + slopes @ (row[~gaps] - mean[~gaps])
    return expected, covariance[gaps][:, gaps] - slopes @ of_both.T


@pytest.fixture(scope="module")
def factors():
    """Return the model, complete rows of it and the same rows with gaps."""
    model = WithGaps()
    torch.manual_seed(0)
    complete = MultivariateNormal(*joint_normal(model)).sample((len(IS_GAP),))
    return model, complete, complete.masked_fill(IS_GAP, torch.nan)


def test_the_marginal_of_rows_with_gaps_is_that_of_what_is_observed(factors):
    model, complete, x = factors
    mean, covariance = joint_normal(model)
    found = model.log_marginal(x, normal_draws(7, N_LATENTS, seed=2))
    for row, gaps, log_p in zip(complete, IS_GAP, found, strict=True):
        expected = torch.zeros(()).double()
        if not gaps.all():
            own = MultivariateNormal(mean[~gaps], covariance[~gaps][:, ~gaps])
            expected = own.log_prob(row[~gaps])
        torch.testing.assert_close(log_p, expected)


def test_gaps_are_filled_by_the_conditional_expectation(factors):
    """Within five standard errors of importance sampling, which ten batches show."""
    model, complete, x = factors
    batches = torch.stack(
        [model.fill(x, normal_draws(5000, N_LATENTS, seed=s)) for s in range(10)]
    )
    error = batches.std(0) / 10**0.5
    assert error.max() < 0.03
    for i, gaps in enumerate(IS_GAP[:-1]):
        expected, _ = given_the_observed(model, complete[i], gaps)
        away = (batches.mean(0)[i, gaps] - expected).abs()
        assert (away < 5 * error[i, gaps]).all()
    # Of nothing, the prior's.
    away = (batches.mean(0)[-1] - model.mean).abs()
    assert (away < 5 * error[-1]).all()


def test_what_fills_a_row_does_not_depend_on_the_rows_beside(factors):
    model, _, x = factors
    noise = normal_draws(50, N_LATENTS, seed=2)
    torch.testing.assert_close(model.fill(x[2:3], noise), model.fill(x, noise)[2:3])


def test_draws_that_fill_gaps_have_the_conditional_moments(factors):
    model, complete, x = factors
    torch.manual_seed(0)
    n_draws = 4000
    drawn = model.draw_filled(x, normal_draws(20_000, N_LATENTS, seed=2), n_draws)
    assert drawn.shape == (n_draws, *x.shape)
    for i, gaps in enumerate(IS_GAP):
        if not gaps.any():
            continue
        mean, covariance = given_the_observed(model, complete[i], gaps)
        found = drawn[:, i, gaps]
        # The resampled latents are some of 20,000 weighted ones: the error of these
        # adds to that of the draws, which is that of 4,000.
        error = (covariance.diagonal() / n_draws).sqrt()
        assert ((found.mean(0) - mean).abs() < 8 * error).all()
        deviation = covariance.diagonal().sqrt()
        scale = deviation[:, None] * deviation
        away = (torch.cov(found.T).view(scale.shape) - covariance) / scale
        assert away.abs().max() < 8 * (2 / n_draws) ** 0.5


def test_draws_that_fill_gaps_follow_the_seed(factors):
    model, _, x = factors
    noise, drawn = normal_draws(50, N_LATENTS, seed=2), []
    for seed in (0, 0, 1):
        with seeded_draws(seed), redirected_draws():
            drawn.append(model.draw_filled(x, noise, 2))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


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


class Counting(Linear):
    """A model that training changes in numbers beside its tensors."""

    training_state = ("n_steps", "share", "flags")

    def __init__(self):
        super().__init__()
        self.n_steps, self.share, self.flags = -1, 0.0, [False, False]


def test_the_state_dict_holds_numbers_that_training_changes():
    model, twin = Counting(), Counting()
    model.n_steps, model.share, model.flags = 7, 0.25, [True, False]
    state = copy.deepcopy(model.state_dict())
    model.n_steps, model.flags[1] = 8, True
    twin.load_state_dict(state)
    assert (twin.n_steps, twin.share, twin.flags) == (7, 0.25, [True, False])
    assert type(twin.n_steps) is int
    assert all(isinstance(value, torch.Tensor) for value in state.values())


def test_a_training_state_of_another_model_is_refused():
    with pytest.raises(ValueError, match=r"Counting keeps \['n_steps', .* \(0,\)"):
        Counting().load_state_dict(Linear().state_dict())


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
