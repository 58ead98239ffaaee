"""Objective, predictions and generation of graphical models, worked out by hand."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Normal

from skfmvae.models import (
    Continuous,
    Discrete,
    GraphicalModel,
    Latent,
)

N_INPUTS, SCALE = 5, 0.75  # of the models
NAN = math.nan


def seen(proba, length=None):
    """Return a discrete variable as networks see it: centred, a value so long.

    Alone it has unit variance in every column where level; beside Gaussian variables
    all discrete ones are twice as long as these expect to be.
    """
    size = len(proba)
    length = math.sqrt(size) if length is None else length
    return (proba - 1 / size) * length / math.sqrt(1 - 1 / size)


def one_hot(code, size, length=None):
    """Return a value as networks see it."""
    return seen(nn.functional.one_hot(torch.as_tensor(code), size).double(), length)


def output(model, v, x, *parents):
    """Return the parameters of q(v | x, parents) for one row."""
    i = model.number[v]
    features = model.recognition.read(x[None])[i]
    values = torch.cat(parents)[None] if parents else None
    return model.recognition(i, features, values)[0]


def prior_output(model, v, *parents):
    """Return the parameters of p(v | parents)."""
    return model.prior.networks[model.number[v]](torch.cat(parents)[None])[0]


def normal(parameters):
    mean, log_variance = parameters.chunk(2)
    return Normal(mean, torch.exp(log_variance / 2))


def m2_by_hand(model, x, shape, colour):
    """Sum over what is unobserved of q (ln p - ln q), one value at a time."""
    log_q = {v: torch.log_softmax(output(model, v, x), 0) for v in ("shape", "colour")}
    value = 0.0
    for s in range(3) if shape < 0 else [shape]:
        for c in range(2) if colour < 0 else [colour]:
            parents = [one_hot(s, 3), one_hot(c, 2)]
            posterior = normal(output(model, "style", x, *parents))
            z = posterior.mean
            beside = [one_hot(s, 3, 2.0), one_hot(c, 2, 2.0)]
            rows = Normal(model.decoder(torch.cat([*beside, z])[None])[0], SCALE)
            divergence = 0.5 * (
                posterior.variance + z**2 - 1 - posterior.variance.log()
            )
            bound = rows.log_prob(x).sum() - divergence.sum()
            bound = bound - math.log(3) - math.log(2)
            weight = 1.0
            if shape < 0:
                weight, bound = (
                    weight * log_q["shape"][s].exp(),
                    bound - log_q["shape"][s],
                )
            if colour < 0:
                weight = weight * log_q["colour"][c].exp()
                bound = bound - log_q["colour"][c]
            value = value + weight * bound
    alpha = model.label_weight * N_INPUTS
    if shape >= 0:
        value = value + alpha * log_q["shape"][shape]
    if colour >= 0:
        value = value + alpha * log_q["colour"][colour]
    return value


CODES = [[-1, -1], [2, -1], [-1, 1], [0, 1]]


def test_independent_properties_are_those_the_prior_joins_with_no_other(
    make_semi_supervised, tangled
):
    assert make_semi_supervised().independent_properties == ["shape", "colour"]
    assert make_semi_supervised(tangled).independent_properties == []
    leaf = GraphicalModel(
        {"a": Discrete(2), "b": Discrete(2), "c": Discrete(2), "z": Latent(2)},
        generative={"b": ["z"], "z": ["c"], "x": ["a", "z"]},
    )
    assert make_semi_supervised(leaf).independent_properties == ["a"]


def test_enumeration_is_a_loop_over_values(
    make_semi_supervised, make_rows, labels_of, total, mean_draws
):
    model, x = make_semi_supervised(), make_rows()
    expected = [
        m2_by_hand(model, row, *codes) for row, codes in zip(x, CODES, strict=True)
    ]
    found = total(model, x, labels_of(CODES))
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-10, atol=1e-10)


def test_weights_of_draws_when_an_observation_depends_on_them(
    make_semi_supervised, make_rows, labels_of, total
):
    """They are q(y | x, z), self-normalised; ln q(y | x) is the log of their mean."""
    graph = GraphicalModel(
        {"y": Discrete(3), "z": Latent(2)},
        generative={"x": ["z"], "y": ["z"]},
        recognition={"y": ["z"]},
    )
    n_particles = 4
    model, x = make_semi_supervised(graph, n_particles=n_particles), make_rows(1)
    torch.manual_seed(7)
    found = total(model, x, labels_of([[1]]))[0]
    torch.manual_seed(7)
    posterior = normal(output(model, "z", x[0]))
    draws = posterior.mean + posterior.stddev * torch.randn(n_particles, 2).double()
    torch.manual_seed(7)
    draws = Normal(
        posterior.mean.expand(n_particles, -1), posterior.stddev.expand(n_particles, -1)
    ).rsample()
    log_q_y, ratio = [], []
    for z in draws:
        log_q = torch.log_softmax(output(model, "y", x[0], z), 0)[1]
        log_p = torch.log_softmax(prior_output(model, "y", z), 0)[1]
        rows = Normal(model.decoder(z[None])[0], SCALE).log_prob(x[0]).sum()
        kl = 0.5 * (
            posterior.variance + posterior.mean**2 - 1 - posterior.variance.log()
        )
        log_q_y.append(log_q)
        ratio.append(rows + log_p - kl.sum() - log_q)
    log_q_y, ratio = torch.stack(log_q_y), torch.stack(ratio)
    weights = torch.softmax(log_q_y, 0)
    alpha = model.label_weight * N_INPUTS
    of_label = torch.logsumexp(log_q_y, 0) - math.log(n_particles)
    expected = (weights * ratio).sum() + (1 + alpha) * of_label
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_a_bound_in_a_tangled_graph_is_one(
    make_semi_supervised, make_rows, labels_of, total, tangled
):
    """The mean over draws of ln p - ln q, by hand, one draw at a time."""
    model, x = make_semi_supervised(tangled), make_rows(1)
    n = 4000
    nothing = labels_of(np.full((n, 2), -1), np.full((n, 2), NAN))
    with torch.no_grad():
        found = total(model, x.expand(n, -1), nothing)
        values = []
        for _ in range(n):
            q_light = normal(output(model, "light", x[0]))
            q_z = normal(output(model, "z", x[0]))
            light, z = q_light.sample(), q_z.sample()
            q_size = torch.log_softmax(output(model, "size", x[0], z), 0)
            q_kind = torch.log_softmax(output(model, "kind", x[0], z, light), 0)
            size = torch.distributions.Categorical(logits=q_size).sample()
            kind = torch.distributions.Categorical(logits=q_kind).sample()
            p_kind = prior_output(model, "kind", one_hot(size, 3))
            p_z = normal(prior_output(model, "z", one_hot(kind, 2)))
            rows = Normal(model.decoder(torch.cat([z, light])[None])[0], SCALE)
            values.append(
                rows.log_prob(x[0]).sum()
                + p_z.log_prob(z).sum()
                + Normal(0.0, 1.0).log_prob(light).sum()
                + torch.log_softmax(p_kind, 0)[kind]
                - math.log(3)
                - q_light.log_prob(light).sum()
                - q_z.log_prob(z).sum()
                - q_size[size]
                - q_kind[kind]
            )
    values = torch.stack(values)
    error = (values.std() + found.std()) / math.sqrt(n)
    assert abs(values.mean() - found.mean()) < 4 * error


def test_predictions_average_over_what_they_depend_on(
    make_semi_supervised, make_rows, tangled
):
    model, x = make_semi_supervised(tangled), make_rows(1)
    size, kind = model.property_log_proba(x)
    q_z = normal(output(model, "z", x[0]))
    q_light = normal(output(model, "light", x[0]))
    draws = [(q_z.sample(), q_light.sample()) for _ in range(2000)]
    by_hand = torch.stack(
        [torch.softmax(output(model, "kind", x[0], z, light), 0) for z, light in draws]
    ).mean(0)
    torch.testing.assert_close(kind[0].exp(), by_hand, rtol=0, atol=0.05)
    by_hand = torch.stack(
        [torch.softmax(output(model, "size", x[0], z), 0) for z, _ in draws]
    ).mean(0)
    torch.testing.assert_close(size[0].exp(), by_hand, rtol=0, atol=0.05)
    quantities = model.quantity_distribution(x)
    torch.testing.assert_close(quantities.mean[0], q_light.mean)
    torch.testing.assert_close(quantities.stddev[0], q_light.stddev)


def test_predictions_in_a_chain_are_sums(make_semi_supervised, make_rows):
    graph = GraphicalModel(
        {"a": Discrete(2), "b": Discrete(3), "c": Continuous(1)},
        recognition={"b": ["a"], "c": ["b"]},
    )
    model, x = make_semi_supervised(graph), make_rows(1)
    log_proba = model.property_log_proba(x)
    a = torch.softmax(output(model, "a", x[0]), 0)
    b = sum(
        a[i] * torch.softmax(output(model, "b", x[0], one_hot(i, 2)), 0)
        for i in range(2)
    )
    torch.testing.assert_close(log_proba[0][0].exp(), a)
    torch.testing.assert_close(log_proba[1][0].exp(), b)
    parts = [normal(output(model, "c", x[0], one_hot(i, 3))) for i in range(3)]
    mean = sum(p * part.mean for p, part in zip(b, parts, strict=True))
    square = sum(
        p * (part.variance + part.mean**2) for p, part in zip(b, parts, strict=True)
    )
    quantities = model.quantity_distribution(x)
    torch.testing.assert_close(quantities.mean[0], mean)
    torch.testing.assert_close(quantities.variance[0], square - mean**2)


def test_joint_predictions_weigh_values_by_their_bounds(
    make_semi_supervised, make_rows, labels_of, total
):
    """As one would by hand: the objective of each value, were it observed."""
    model, x = (
        make_semi_supervised(label_weight=0.0, prediction="joint").eval(),
        make_rows(2),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Normal, "rsample", lambda self, shape=(): self.mean)
        bound = torch.stack(
            [
                total(model, x, labels_of([[s, c]] * 2))
                for s in range(3)
                for c in range(2)
            ],
            dim=1,
        )
    q = [
        torch.stack([torch.log_softmax(output(model, v, row), 0) for row in x])
        for v in ("shape", "colour")
    ]
    score = bound.view(2, 3, 2) + q[0][:, :, None] + q[1][:, None, :]
    joint = torch.softmax(score.flatten(1), 1).view(2, 3, 2)
    shape, colour = model.property_log_proba(x)
    torch.testing.assert_close(shape.exp(), joint.sum(2))
    torch.testing.assert_close(colour.exp(), joint.sum(1))
    # Regularizers see what is recognised.
    model.train()
    torch.testing.assert_close(model.property_log_proba(x)[0], q[0])


def test_the_prior_density_is_that_of_its_factors(
    make_semi_supervised, make_rows, tangled
):
    model, x = make_semi_supervised(tangled), make_rows(4)
    z = model.encode(x).mean
    z[:, model.latent_blocks["kind"]] = torch.eye(2).double()[[0, 1, 1, 0]]
    z[:, model.latent_blocks["size"]] = torch.eye(3).double()[[2, 0, 1, 1]]
    log_p = model.log_prior(z)
    for i in range(4):
        size, kind, at, light = (
            z[i, model.latent_blocks[v]] for v in ("size", "kind", "z", "light")
        )
        p_kind = prior_output(model, "kind", seen(size)).log_softmax(0)
        p_z = normal(prior_output(model, "z", seen(kind)))
        expected = -math.log(3) + (kind * p_kind).sum() + p_z.log_prob(at).sum()
        expected = expected + Normal(0.0, 1.0).log_prob(light).sum()
        torch.testing.assert_close(log_p[i], expected)


def test_imposing_a_quantity_changes_it_alone(
    make_semi_supervised, make_rows, labels_of, tangled
):
    model, x = make_semi_supervised(tangled), make_rows(3)
    wanted = labels_of(np.full((3, 2), -1), np.full((3, 2), 0.5))
    before, after = model.encode(x).mean, model.intervene(x, wanted)
    block = model.latent_blocks["light"]
    assert (after[:, block] == 0.5).all()
    rest = torch.ones(model.n_latents, dtype=torch.bool)
    rest[block] = False
    torch.testing.assert_close(after[:, rest], before[:, rest])


def test_weights_of_the_objective(make_semi_supervised, make_rows, labels_of, total):
    x, labels = make_rows(), labels_of(CODES)
    values = []
    for weights in ({}, {"supervised_weight": 3.0}, {"label_weight": 0.0}):
        model = make_semi_supervised(**weights)
        torch.manual_seed(0)
        values.append(total(model, x, labels))
    plain, supervised, unlabelled = values
    torch.testing.assert_close(supervised[0], plain[0])
    torch.testing.assert_close(supervised[1:], 3 * plain[1:])
    model = make_semi_supervised()
    log_q = [torch.log_softmax(output(model, "shape", row), 0) for row in x]
    torch.testing.assert_close(plain[1] - unlabelled[1], 2.5 * log_q[1][2])
