import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal, Normal

from skfmvae.estimators import Inference
from skfmvae.models import (
    Continuous,
    Discrete,
    GraphicalModel,
    Labels,
    Latent,
    SemiSupervised,
    marginalization,
    semi_supervised,
)
from skfmvae.nn import MLP, Gaussian, build_branches, build_network

N_INPUTS, SCALE = 5, 0.75  # exact in float32 too
NAN = math.nan

M2 = GraphicalModel(
    {"shape": Discrete(3), "colour": Discrete(2), "style": Latent(2)},
    recognition={"style": ["shape", "colour"]},
)
# Recognised against the direction in which rows are generated, and in a chain.
TANGLED = GraphicalModel(
    {"size": Discrete(3), "kind": Discrete(2), "light": Continuous(2), "z": Latent(2)},
    generative={"z": ["kind"], "kind": ["size"], "x": ["z", "light"]},
    recognition={"size": ["z"], "kind": ["z", "light"]},
)


def make_model(graph=M2, seed=0, hidden=(6,), label_weight=0.5, **inference):
    """Small networks without normalisation and Gaussian rows, in float64."""
    torch.manual_seed(seed)
    likelihood = Gaussian(learn_scale=False, scale=SCALE).build(np.eye(N_INPUTS))
    likelihood.mean[:], likelihood.std[:] = 0.0, 1.0
    network = MLP(hidden=hidden, norm=None, activation="tanh")
    inference = {"marginalization": "enumerate"} | inference
    model = SemiSupervised(
        graph,
        partial(build_branches, network, N_INPUTS),
        partial(build_network, network, "decoder", n_outputs=N_INPUTS),
        likelihood,
        n_inputs=N_INPUTS,
        label_weight=label_weight,
        inference=Inference(**inference),
    )
    for prior in model.prior.networks:  # which start level
        for parameter in prior.parameters():
            nn.init.normal_(parameter, std=0.5)
    return model.double()


def make_rows(n=4, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, N_INPUTS, generator=generator, dtype=torch.float64)


def labels_of(codes, quantities=None):
    codes = torch.as_tensor(codes)
    if quantities is None:
        quantities = torch.empty(len(codes), 0, dtype=torch.float64)
    return Labels(codes, torch.as_tensor(quantities, dtype=torch.float64))


def total(model, x, labels):
    """Return the objective of every row, the classification term included."""
    terms = model.terms(x, labels).terms
    return sum(
        term.weight
        * torch.where(
            torch.ones(len(x), dtype=torch.bool) if term.rows is None else term.rows,
            term.value,
            0.0,
        )
        for term in terms.values()
    )


def mean_draws(monkeypatch):
    monkeypatch.setattr(Normal, "rsample", lambda self, shape=(): self.mean)


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


# Enumeration --------------------------------------------------------------------------


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


def test_independent_properties_are_those_the_prior_joins_with_no_other():
    assert make_model(M2).independent_properties == ["shape", "colour"]
    assert make_model(TANGLED).independent_properties == []
    leaf = GraphicalModel(
        {"a": Discrete(2), "b": Discrete(2), "c": Discrete(2), "z": Latent(2)},
        generative={"b": ["z"], "z": ["c"], "x": ["a", "z"]},
    )
    assert make_model(leaf).independent_properties == ["a"]


def test_enumeration_is_a_loop_over_values(monkeypatch):
    mean_draws(monkeypatch)
    model, x = make_model(), make_rows()
    expected = [
        m2_by_hand(model, row, *codes) for row, codes in zip(x, CODES, strict=True)
    ]
    found = total(model, x, labels_of(CODES))
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-10, atol=1e-10)


def test_only_the_unobserved_is_enumerated(monkeypatch):
    model, x = make_model(), make_rows()
    n_decoded = []
    model.decoder.register_forward_pre_hook(lambda _, z: n_decoded.append(len(z[0])))
    model.terms(x, labels_of(CODES))
    assert n_decoded == [6 + 2 + 3 + 1]


def test_chunks_change_nothing(monkeypatch):
    x, labels = make_rows(), labels_of(CODES)
    gradients, sizes = [], []
    for chunk in (1000, 5):
        monkeypatch.setattr(semi_supervised, "LARGEST_CHUNK", chunk)
        model = make_model()
        model.decoder.register_forward_pre_hook(lambda _, z: sizes.append(len(z[0])))
        torch.manual_seed(0)
        total(model, x, labels).sum().backward()
        gradients.append([p.grad for p in model.parameters() if p.grad is not None])
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)
    assert max(sizes[1:]) == 5


def test_gradient_of_enumeration_is_that_of_finite_differences():
    model, x, labels = make_model(), make_rows(), labels_of(CODES)

    def objective():
        torch.manual_seed(5)
        return total(model, x, labels).sum()

    objective().backward()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is None:
                continue
            flat, gradient = parameter.view(-1), parameter.grad.view(-1)
            for i in {0, len(flat) // 2, len(flat) - 1}:
                step = torch.zeros_like(flat)
                step[i] = 1e-5
                flat += step
                high = objective()
                flat -= 2 * step
                low = objective()
                flat += step
                expected = (high - low) / 2e-5
                torch.testing.assert_close(gradient[i], expected, rtol=1e-5, atol=1e-6)


def test_gradient_of_the_relaxation_is_that_of_enumeration_on_average():
    graph = GraphicalModel({"y": Discrete(3)})
    x = make_rows(1).expand(40_000, -1)
    labels = labels_of(np.full((40_000, 1), -1))
    gradients = []
    for how in ("enumerate", "gumbel"):
        model = make_model(graph, marginalization=how, temperature=0.1)
        with torch.no_grad():  # assignments that are clearly better or worse
            for parameter in model.decoder.parameters():
                parameter *= 2
        torch.manual_seed(0)
        total(model, x, labels).mean().backward()
        gradients.append(model.recognition.tails[0][-1].bias.grad)
    exact, relaxed = gradients
    assert exact.abs().max() > 0.1
    torch.testing.assert_close(relaxed, exact, rtol=0.1, atol=0.02)


@pytest.mark.parametrize(
    ("logits", "unlikely", "smallest", "largest"),
    [
        ([3, 2.5, 0, 0, 0], 0.04, 3, 3),  # always one for the 0.09 of three
        ([3, 2.5, -1.5, -1.5, -1.5], 0.04, 2.2, 2.8),  # now and then for 0.02
        ([1, 0, 0, 0, 0], 0.25, 2, 2),  # one for the 0.6 of four, most of the row
    ],
)
def test_sum_and_sample_is_enumeration_on_average(
    logits, unlikely, smallest, largest, monkeypatch
):
    """In value and in gradient, whichever value is drawn for those not summed over."""
    monkeypatch.setattr(marginalization, "UNLIKELY", unlikely)
    monkeypatch.setattr(semi_supervised, "LARGEST_CHUNK", 100_000)
    mean_draws(monkeypatch)
    graph = GraphicalModel({"y": Discrete(5), "z": Latent(1)}, recognition={"z": ["y"]})
    n = 20_000
    x, labels = make_rows(1).expand(n, -1), labels_of(np.full((n, 1), -1))
    values, gradients, sizes = [], [], []
    for how in ("enumerate", "sum-and-sample"):
        model = make_model(graph, marginalization=how)
        model.recognition.tails[0][-1].bias.data[:] = torch.tensor(logits)
        sizes.clear()
        model.decoder.register_forward_pre_hook(lambda _, z: sizes.append(len(z[0])))
        torch.manual_seed(0)
        objective = total(model, x, labels).mean()
        objective.backward()
        values.append(objective.detach())
        gradients.append(model.recognition.tails[0][-1].bias.grad)
        least, most = (5, 5) if how == "enumerate" else (smallest, largest)
        assert n * least <= sum(sizes) <= n * most
    torch.testing.assert_close(values[1], values[0], rtol=0.01, atol=0)
    assert gradients[0].abs().max() > 0.05
    torch.testing.assert_close(gradients[1], gradients[0], rtol=0.1, atol=0.01)


def test_a_constant_likelihood_does_not_move_what_is_drawn(monkeypatch):
    """The same draws have the same gradient, however improbable all rows are."""
    likelihood = SemiSupervised._log_likelihood
    x, labels = make_rows(50), labels_of(np.full((50, 2), -1))
    gradients = []
    for constant in (0.0, 1e4):
        monkeypatch.setattr(
            SemiSupervised,
            "_log_likelihood",
            lambda *args, c=constant: likelihood(*args) - c,
        )
        model = make_model(marginalization="sum-and-sample")
        torch.manual_seed(0)
        total(model, x, labels).sum().backward()
        gradients.append(model.recognition.tails[0][-1].bias.grad)
    torch.testing.assert_close(gradients[1], gradients[0])


def test_rows_are_decoded_once_for_values_that_they_do_not_depend_on():
    model, n = make_model(TANGLED), 4
    sizes = []
    model.decoder.register_forward_pre_hook(lambda _, z: sizes.append(len(z[0])))
    nothing = labels_of(np.full((n, 2), -1), np.full((n, 2), np.nan))
    total(model, make_rows(n), nothing)
    assert sizes == [n]  # of 6 n assignments


# Importance weights, and bounds -------------------------------------------------------


def test_weights_of_draws_when_an_observation_depends_on_them():
    """They are q(y | x, z), self-normalised; ln q(y | x) is the log of their mean."""
    graph = GraphicalModel(
        {"y": Discrete(3), "z": Latent(2)},
        generative={"x": ["z"], "y": ["z"]},
        recognition={"y": ["z"]},
    )
    n_particles = 4
    model, x = make_model(graph, n_particles=n_particles), make_rows(1)
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


def linear_gaussian(bound, n_particles):
    """Rows that depend linearly on a latent, recognised by its true posterior."""
    graph = GraphicalModel({"z": Latent(2)})
    model = make_model(graph, hidden=(), bound=bound, n_particles=n_particles)
    decoder = model.decoder[-1]
    loadings, mean = decoder.weight.detach(), decoder.bias.detach()
    covariance = torch.linalg.inv(torch.eye(2) + loadings.T @ loadings / SCALE**2)
    # The posterior is diagonal where loadings are orthogonal.
    q, _ = torch.linalg.qr(loadings)
    decoder.weight.data = loadings = q * torch.tensor([0.5, 1.5])
    covariance = torch.linalg.inv(
        torch.eye(2).double() + loadings.T @ loadings / SCALE**2
    )
    gain = covariance @ loadings.T / SCALE**2
    model.recognition.trunk.weight.data[:2] = gain
    model.recognition.trunk.bias.data[:2] = -gain @ mean
    model.recognition.trunk.weight.data[2:] = 0.0
    model.recognition.trunk.bias.data[2:] = covariance.diagonal().log()
    marginal = loadings @ loadings.T + SCALE**2 * torch.eye(N_INPUTS)
    return model, MultivariateNormal(mean, marginal)


@pytest.mark.parametrize("n_particles", [1, 5])
def test_the_true_posterior_makes_the_bound_exact(n_particles):
    model, marginal = linear_gaussian("iwae", n_particles)
    x = make_rows()
    found = total(model, x, labels_of(np.empty((4, 0), dtype=np.int64)))
    torch.testing.assert_close(found, marginal.log_prob(x), rtol=1e-10, atol=1e-10)
    noise = torch.randn(3, 2, dtype=torch.float64)
    torch.testing.assert_close(model.log_marginal(x, noise), marginal.log_prob(x))


def test_the_true_posterior_makes_the_mean_bound_exact():
    model, marginal = linear_gaussian("elbo", 20_000)
    x = make_rows()
    found = total(model, x, labels_of(np.empty((4, 0), dtype=np.int64)))
    torch.testing.assert_close(found, marginal.log_prob(x), rtol=0, atol=0.05)


@pytest.mark.parametrize("graph", [M2, TANGLED], ids=["m2", "tangled"])
def test_importance_weights_tighten_the_bound(graph):
    n = 10_000
    x = make_rows(1).expand(n, -1)
    model = make_model(graph)
    n_quantities = 2 * len(graph.continuous)
    nothing = labels_of(np.full((n, 2), -1), np.full((n, n_quantities), NAN))
    bounds, errors = [], []
    for bound, n_particles in [("elbo", 1), ("iwae", 1), ("iwae", 3), ("iwae", 10)]:
        model.inference.set_params(bound=bound, n_particles=n_particles)
        with torch.no_grad():
            values = total(model, x, nothing)
        bounds.append(values.mean())
        errors.append(values.std() / math.sqrt(n))
    elbo, *iwae = bounds
    assert abs(iwae[0] - elbo) < 4 * (errors[0] + errors[1])
    assert iwae[0] + 4 * errors[1] < iwae[1] - 4 * errors[2]
    assert iwae[1] + 4 * errors[2] < iwae[2] - 4 * errors[3]
    with torch.no_grad():
        best = model.log_marginal(x[:1], torch.randn(20_000, model.n_latents).double())
    assert iwae[2] < best[0]


def test_log_marginal_is_the_integral():
    graph = GraphicalModel({"y": Discrete(3), "z": Latent(1)}, recognition={"z": ["y"]})
    model, x = make_model(graph), make_rows(2)
    grid = torch.linspace(-8, 8, 2001, dtype=torch.float64)
    parts = []
    for y in range(3):
        values = torch.cat([one_hot(y, 3, 2.0).expand(len(grid), -1), grid[:, None]], 1)
        rows = Normal(model.decoder(values)[:, None], SCALE).log_prob(x).sum(-1)
        joint = rows + Normal(0.0, 1.0).log_prob(grid)[:, None] - math.log(3)
        parts.append(torch.logsumexp(joint, 0) + math.log(16 / 2000))
    expected = torch.logsumexp(torch.stack(parts), 0)
    noise = torch.randn(20_000, 4, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        found = model.log_marginal(x, noise)
    torch.testing.assert_close(found, expected, rtol=0, atol=0.02)


# Tangled graphs -----------------------------------------------------------------------


TANGLED_LABELS = labels_of(
    [[-1, -1], [2, -1], [-1, 0], [1, 1]],
    [[NAN, NAN], [0.3, -1.0], [NAN, NAN], [1.0, 0.5]],
)


@pytest.mark.parametrize(
    ("how", "bound"),
    [
        ("enumerate", "elbo"),
        ("enumerate", "iwae"),
        ("sum-and-sample", "elbo"),
        ("gumbel", "elbo"),
        ("gumbel", "iwae"),
    ],
)
def test_every_dependence_has_a_gradient(how, bound):
    model = make_model(TANGLED, bound=bound, marginalization=how, n_particles=2)
    total(model, make_rows(), TANGLED_LABELS).sum().backward()
    for v in TANGLED.variables:
        i = model.number[v]
        if TANGLED.parents(v, "recognition"):
            assert model.recognition.joins[i].weight.grad.abs().sum() > 0
        assert model.recognition.tails[i][-1].weight.grad.abs().sum() > 0
        if TANGLED.parents(v):
            assert model.prior.networks[i][-1].weight.grad.abs().sum() > 0


def test_a_bound_in_a_tangled_graph_is_one():
    """The mean over draws of ln p - ln q, by hand, one draw at a time."""
    model, x = make_model(TANGLED), make_rows(1)
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


def test_predictions_average_over_what_they_depend_on():
    model, x = make_model(TANGLED), make_rows(1)
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


def test_predictions_in_a_chain_are_sums():
    graph = GraphicalModel(
        {"a": Discrete(2), "b": Discrete(3), "c": Continuous(1)},
        recognition={"b": ["a"], "c": ["b"]},
    )
    model, x = make_model(graph), make_rows(1)
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


def test_joint_predictions_weigh_values_by_their_bounds():
    """As one would by hand: the objective of each value, were it observed."""
    model, x = make_model(label_weight=0.0, prediction="joint").eval(), make_rows(2)
    with pytest.MonkeyPatch.context() as patch:
        mean_draws(patch)
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


# Generation ---------------------------------------------------------------------------


def test_the_prior_density_is_that_of_its_factors():
    model, x = make_model(TANGLED), make_rows(4)
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


def test_imposing_a_quantity_changes_it_alone():
    model, x = make_model(TANGLED), make_rows(3)
    wanted = labels_of(np.full((3, 2), -1), np.full((3, 2), 0.5))
    before, after = model.encode(x).mean, model.intervene(x, wanted)
    block = model.latent_blocks["light"]
    assert (after[:, block] == 0.5).all()
    rest = torch.ones(model.n_latents, dtype=torch.bool)
    rest[block] = False
    torch.testing.assert_close(after[:, rest], before[:, rest])


def test_weights_of_the_objective():
    x, labels = make_rows(), labels_of(CODES)
    values = []
    for weights in ({}, {"supervised_weight": 3.0}, {"label_weight": 0.0}):
        model = make_model(**weights)
        torch.manual_seed(0)
        values.append(total(model, x, labels))
    plain, supervised, unlabelled = values
    torch.testing.assert_close(supervised[0], plain[0])
    torch.testing.assert_close(supervised[1:], 3 * plain[1:])
    model = make_model()
    log_q = [torch.log_softmax(output(model, "shape", row), 0) for row in x]
    torch.testing.assert_close(plain[1] - unlabelled[1], 2.5 * log_q[1][2])
