"""The prior of a graphical model: its density and draws, against enumeration."""

import itertools
import math

import pytest
import torch
from scipy import stats
from torch import nn
from torch.distributions import Normal

from skfmvae.models import Continuous, Discrete, GraphicalModel, Labels, Latent
from skfmvae.models.graphical_prior import GraphicalPrior
from skfmvae.models.variables import Variables

NAN = math.nan
DISCRETE = GraphicalModel(
    {"a": Discrete(3), "b": Discrete(2), "c": Discrete(2)},
    generative={"b": ["a"], "c": ["a", "b"]},
)
MIXED = GraphicalModel(
    {"size": Discrete(3), "kind": Discrete(2), "light": Continuous(2), "z": Latent(2)},
    generative={"z": ["kind"], "kind": ["size"], "x": ["z", "light"]},
)


def make_prior(graph):
    """Return a prior that has learned something, in float64."""
    torch.manual_seed(0)
    prior = GraphicalPrior(graph, Variables(graph))
    for parameter in prior.parameters():  # which start level
        nn.init.normal_(parameter, std=0.5)
    for network in prior.networks:
        if len(list(network.parameters())):
            network[-1].weight.data /= 4
    return prior.double()


def one_hot(code, size):
    return nn.functional.one_hot(torch.as_tensor(code), size).double()


def parameters(prior, v, **values):
    """Return the parameters of p(v | parents), given one row of these."""
    values = {name: value.view(1, -1) for name, value in values.items()}
    seen = prior.variables.as_inputs(values, list(values))
    return prior.networks[prior.number[v]](seen)[0]


def normal(parameters):
    mean, log_variance = parameters.chunk(2)
    return Normal(mean, torch.exp(log_variance / 2))


def nothing_known(prior, n):
    return prior.variables.nothing_known(n, prior.like)


def frequencies(codes, sizes):
    """Return how often every joint assignment of codes occurs, as a table."""
    number = torch.zeros(len(codes), dtype=torch.int64)
    for column, size in zip(codes.T, sizes, strict=True):
        number = number * size + column
    return number.bincount(minlength=math.prod(sizes)).view(*sizes)


def joint_table(prior):
    """Return p(a, b, c) of every joint assignment, one at a time."""
    table = torch.zeros(3, 2, 2, dtype=torch.float64)
    for a, b, c in itertools.product(range(3), range(2), range(2)):
        cause = one_hot(a, 3)
        p_b = parameters(prior, "b", a=cause).softmax(0)[b]
        p_c = parameters(prior, "c", a=cause, b=one_hot(b, 2)).softmax(0)[c]
        table[a, b, c] = p_b * p_c / 3
    return table.detach()


# Density ------------------------------------------------------------------------------


def test_a_prior_is_level_at_first():
    """Uniform over values, and standard normal, whatever the parents are."""
    prior = GraphicalPrior(MIXED, Variables(MIXED))
    values = {
        "size": torch.eye(3)[[0, 2]],
        "kind": torch.eye(2)[[1, 0]],
        "light": torch.randn(2, 2),
        "z": torch.randn(2, 2),
    }
    for v, size in (("size", 3), ("kind", 2)):
        found = prior.log_prob(v, values)
        torch.testing.assert_close(found, torch.full((2,), -math.log(size)))
    for v in ("light", "z"):
        expected = Normal(0.0, 1.0).log_prob(values[v]).sum(1)
        torch.testing.assert_close(prior.log_prob(v, values), expected)


def test_probabilities_are_those_of_a_table():
    prior = make_prior(DISCRETE)
    expected = joint_table(prior)
    codes = torch.cartesian_prod(*map(torch.arange, (3, 2, 2)))
    values = {
        v: one_hot(code, size)
        for (v, size), code in zip(
            prior.variables.n_components.items(), codes.T, strict=True
        )
    }
    log_p = sum(prior.log_prob(v, values) for v in values)
    torch.testing.assert_close(log_p.exp().view(3, 2, 2), expected)
    assert log_p.exp().sum().item() == pytest.approx(1.0)
    assert expected.std() > 0.01


def test_a_latent_has_the_density_that_its_parents_give():
    prior = make_prior(MIXED)
    for kind in range(2):
        z = torch.randn(1, 2, dtype=torch.float64)
        values = {"kind": one_hot([kind], 2), "z": z}
        p_z = normal(parameters(prior, "z", kind=one_hot(kind, 2)))
        expected = p_z.log_prob(z[0]).sum()
        torch.testing.assert_close(prior.log_prob("z", values)[0], expected)
        torch.testing.assert_close(prior.gaussian("z", values).mean[0], p_z.mean)


# Draws --------------------------------------------------------------------------------


def test_draws_are_as_frequent_as_the_table_has_them():
    prior, n = make_prior(DISCRETE), 20_000
    torch.manual_seed(1)
    z, drawn = prior.sample(nothing_known(prior, n))
    found = frequencies(drawn.codes, (3, 2, 2)).numpy()
    expected = n * joint_table(prior).numpy()
    assert stats.chisquare(found.ravel(), expected.ravel()).pvalue > 0.001
    for v, value in prior.variables.apart(z).items():
        assert torch.equal(value.argmax(1), prior.variables.code(v, drawn))
        assert torch.equal(value.sum(1), torch.ones(n).double())


@pytest.mark.parametrize("known", [[1, 1, 0], [-1, 1, -1], [-1, -1, 1], [-1, 0, 1]])
def test_draws_suit_what_is_given_further_down(known):
    """Bayes' rule over the table: causes given their effects."""
    prior, n = make_prior(DISCRETE), 2_500
    codes = torch.tensor([known]).repeat(n, 1)
    labels = Labels(codes, torch.empty(n, 0, dtype=torch.float64))
    torch.manual_seed(1)
    _, drawn = prior.sample(labels)
    given = codes >= 0
    assert torch.equal(drawn.codes[given], codes[given])
    assert torch.equal(codes, torch.tensor([known]).repeat(n, 1))
    table = joint_table(prior)
    suits = torch.zeros_like(table)
    suits[tuple(slice(None) if code < 0 else code for code in known)] = 1.0
    expected = table * suits / (table * suits).sum()
    found = frequencies(drawn.codes, (3, 2, 2)) / n
    torch.testing.assert_close(found.double(), expected, atol=0.04, rtol=0)


def test_draws_follow_the_priors_of_what_is_given():
    prior, n = make_prior(MIXED), 20_000
    wanted = nothing_known(prior, n)
    wanted.codes[:, 0] = 2
    wanted.quantities[: n // 2] = 0.25
    torch.manual_seed(0)
    z, drawn = prior.sample(wanted)
    assert (drawn.codes[:, 0] == 2).all()
    assert (drawn.quantities[: n // 2] == 0.25).all()
    torch.testing.assert_close(
        drawn.quantities[n // 2 :].mean(0), torch.zeros(2).double(), rtol=0, atol=0.04
    )
    p_kind = parameters(prior, "kind", size=one_hot(2, 3)).softmax(0)
    found = torch.bincount(drawn.codes[:, 1]) / n
    torch.testing.assert_close(found, p_kind.float(), rtol=0, atol=0.02)
    block = z[:, prior.variables.blocks["z"]]
    for kind in range(2):
        p_z = normal(parameters(prior, "z", kind=one_hot(kind, 2)))
        of_kind = block[drawn.codes[:, 1] == kind]
        torch.testing.assert_close(of_kind.mean(0), p_z.mean, rtol=0, atol=0.1)
        torch.testing.assert_close(of_kind.std(0), p_z.stddev, rtol=0.05, atol=0.0)
    kinds = z[:, prior.variables.blocks["kind"]].argmax(1)
    torch.testing.assert_close(kinds, drawn.codes[:, 1])


# Interventions ------------------------------------------------------------------------


def values_before(n=6):
    torch.manual_seed(2)
    return {
        "size": torch.randn(n, 3).double().softmax(1),
        "kind": torch.randn(n, 2).double().softmax(1),
        "light": torch.randn(n, 2).double(),
        "z": torch.randn(n, 2).double(),
    }


def test_an_intervention_keeps_where_a_latent_lies_in_its_prior():
    prior, before = make_prior(MIXED), values_before()
    kind = before["kind"].argmax(1)
    wanted = nothing_known(prior, 6)
    wanted.codes[:, 1] = 1 - kind
    after = prior.intervene(before, wanted)
    for v in ("size", "light"):
        assert torch.equal(after[v], before[v])
    assert torch.equal(after["kind"], one_hot(1 - kind, 2))
    for i in range(6):
        old = normal(parameters(prior, "z", kind=before["kind"][i]))
        new = normal(parameters(prior, "z", kind=after["kind"][i]))
        torch.testing.assert_close(
            (after["z"][i] - new.mean) / new.stddev,
            (before["z"][i] - old.mean) / old.stddev,
        )
    assert (after["z"] - before["z"]).abs().max() > 0.1


def test_an_intervention_to_what_is_likeliest_changes_nothing():
    prior, before = make_prior(MIXED), values_before()
    wanted = nothing_known(prior, 6)
    wanted.codes[:, 1] = before["kind"].argmax(1)
    after = prior.intervene(before, wanted)
    for v in ("size", "kind", "light"):
        assert torch.equal(after[v], before[v])
    torch.testing.assert_close(after["z"], before["z"])


def test_a_quantity_is_imposed_on_the_rows_where_it_is_given():
    prior, before = make_prior(MIXED), values_before()
    wanted = nothing_known(prior, 6)
    wanted.quantities[::2] = 0.5
    after = prior.intervene(before, wanted)
    assert (after["light"][::2] == 0.5).all()
    assert torch.equal(after["light"][1::2], before["light"][1::2])
    for v in ("size", "kind"):
        assert torch.equal(after[v], before[v])
    torch.testing.assert_close(after["z"], before["z"])
