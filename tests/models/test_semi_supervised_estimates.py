"""Estimates of the objective of graphical models: sums, gradients and bounds."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal, Normal

from skfmvae.models import (
    Discrete,
    GraphicalModel,
    Latent,
    SemiSupervised,
    marginalization,
    semi_supervised,
)

N_INPUTS, SCALE = 5, 0.75  # of the models
NAN = math.nan
CODES = [[-1, -1], [2, -1], [-1, 1], [0, 1]]


# Sums and gradients -------------------------------------------------------------------


def test_only_the_unobserved_is_enumerated(
    make_semi_supervised, make_rows, labels_of, monkeypatch
):
    model, x = make_semi_supervised(), make_rows()
    n_decoded = []
    model.decoder.register_forward_pre_hook(lambda _, z: n_decoded.append(len(z[0])))
    model.terms(x, labels_of(CODES))
    assert n_decoded == [6 + 2 + 3 + 1]


def test_chunks_change_nothing(
    make_semi_supervised, make_rows, labels_of, total, monkeypatch
):
    x, labels = make_rows(), labels_of(CODES)
    gradients, sizes = [], []
    for chunk in (1000, 5):
        monkeypatch.setattr(semi_supervised, "LARGEST_CHUNK", chunk)
        model = make_semi_supervised()
        model.decoder.register_forward_pre_hook(lambda _, z: sizes.append(len(z[0])))
        torch.manual_seed(0)
        total(model, x, labels).sum().backward()
        gradients.append([p.grad for p in model.parameters() if p.grad is not None])
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)
    assert max(sizes[1:]) == 5


def test_rows_are_decoded_once_for_values_that_they_do_not_depend_on(
    make_semi_supervised, make_rows, labels_of, total, tangled
):
    model, n = make_semi_supervised(tangled), 4
    sizes = []
    model.decoder.register_forward_pre_hook(lambda _, z: sizes.append(len(z[0])))
    nothing = labels_of(np.full((n, 2), -1), np.full((n, 2), np.nan))
    total(model, make_rows(n), nothing)
    assert sizes == [n]  # of 6 n assignments


def test_gradient_of_enumeration_is_that_of_finite_differences(
    make_semi_supervised, make_rows, labels_of, total
):
    model, x, labels = make_semi_supervised(), make_rows(), labels_of(CODES)

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


def test_gradient_of_the_relaxation_is_that_of_enumeration_on_average(
    make_semi_supervised, make_rows, labels_of, total
):
    graph = GraphicalModel({"y": Discrete(3)})
    x = make_rows(1).expand(40_000, -1)
    labels = labels_of(np.full((40_000, 1), -1))
    gradients = []
    for how in ("enumerate", "gumbel"):
        model = make_semi_supervised(graph, marginalization=how, temperature=0.1)
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
    ("how", "bound"),
    [
        ("enumerate", "elbo"),
        ("enumerate", "iwae"),
        ("sum-and-sample", "elbo"),
        ("gumbel", "elbo"),
        ("gumbel", "iwae"),
    ],
)
def test_every_dependence_has_a_gradient(
    make_semi_supervised, make_rows, labels_of, total, tangled, how, bound
):
    model = make_semi_supervised(
        tangled, bound=bound, marginalization=how, n_particles=2
    )
    labels = labels_of(
        [[-1, -1], [2, -1], [-1, 0], [1, 1]],
        [[NAN, NAN], [0.3, -1.0], [NAN, NAN], [1.0, 0.5]],
    )
    total(model, make_rows(), labels).sum().backward()
    for v in tangled.variables:
        i = model.number[v]
        if tangled.parents(v, "recognition"):
            assert model.recognition.joins[i].weight.grad.abs().sum() > 0
        assert model.recognition.tails[i][-1].weight.grad.abs().sum() > 0
        if tangled.parents(v):
            assert model.prior.networks[i][-1].weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("logits", "unlikely", "smallest", "largest"),
    [
        ([3, 2.5, 0, 0, 0], 0.04, 3, 3),  # always one for the 0.09 of three
        ([3, 2.5, -1.5, -1.5, -1.5], 0.04, 2.2, 2.8),  # now and then for 0.02
        ([1, 0, 0, 0, 0], 0.25, 2, 2),  # one for the 0.6 of four, most of the row
    ],
)
def test_sum_and_sample_is_enumeration_on_average(
    make_semi_supervised,
    make_rows,
    labels_of,
    total,
    logits,
    unlikely,
    smallest,
    largest,
    monkeypatch,
    mean_draws,
):
    """In value and in gradient, whichever value is drawn for those not summed over."""
    monkeypatch.setattr(marginalization, "UNLIKELY", unlikely)
    monkeypatch.setattr(semi_supervised, "LARGEST_CHUNK", 100_000)
    graph = GraphicalModel({"y": Discrete(5), "z": Latent(1)}, recognition={"z": ["y"]})
    n = 20_000
    x, labels = make_rows(1).expand(n, -1), labels_of(np.full((n, 1), -1))
    values, gradients, sizes = [], [], []
    for how in ("enumerate", "sum-and-sample"):
        model = make_semi_supervised(graph, marginalization=how)
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


def test_a_constant_likelihood_does_not_move_what_is_drawn(
    make_semi_supervised, make_rows, labels_of, total, monkeypatch
):
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
        model = make_semi_supervised(marginalization="sum-and-sample")
        torch.manual_seed(0)
        total(model, x, labels).sum().backward()
        gradients.append(model.recognition.tails[0][-1].bias.grad)
    torch.testing.assert_close(gradients[1], gradients[0])


# Bounds -------------------------------------------------------------------------------


def linear_gaussian(make_semi_supervised, bound, n_particles):
    """Rows that depend linearly on a latent, recognised by its true posterior."""
    graph = GraphicalModel({"z": Latent(2)})
    model = make_semi_supervised(graph, hidden=(), bound=bound, n_particles=n_particles)
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
def test_the_true_posterior_makes_the_bound_exact(
    make_semi_supervised, make_rows, labels_of, total, n_particles
):
    model, marginal = linear_gaussian(make_semi_supervised, "iwae", n_particles)
    x = make_rows()
    found = total(model, x, labels_of(np.empty((4, 0), dtype=np.int64)))
    torch.testing.assert_close(found, marginal.log_prob(x), rtol=1e-10, atol=1e-10)
    noise = torch.randn(3, 2, dtype=torch.float64)
    torch.testing.assert_close(model.log_marginal(x, noise), marginal.log_prob(x))


def test_the_true_posterior_makes_the_mean_bound_exact(
    make_semi_supervised, make_rows, labels_of, total
):
    model, marginal = linear_gaussian(make_semi_supervised, "elbo", 20_000)
    x = make_rows()
    found = total(model, x, labels_of(np.empty((4, 0), dtype=np.int64)))
    torch.testing.assert_close(found, marginal.log_prob(x), rtol=0, atol=0.05)


@pytest.mark.parametrize("graph", ["m2", "tangled"])
def test_importance_weights_tighten_the_bound(
    make_semi_supervised, make_rows, labels_of, total, graph, request
):
    graph = request.getfixturevalue(graph)
    n = 10_000
    x = make_rows(1).expand(n, -1)
    model = make_semi_supervised(graph)
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


def test_log_marginal_is_the_integral(make_semi_supervised, make_rows):
    graph = GraphicalModel({"y": Discrete(3), "z": Latent(1)}, recognition={"z": ["y"]})
    model, x = make_semi_supervised(graph), make_rows(2)
    grid = torch.linspace(-8, 8, 2001, dtype=torch.float64)
    parts = []
    for y in range(3):
        values = {"y": torch.eye(3)[[y] * len(grid)].double(), "z": grid[:, None]}
        seen = model.variables.as_inputs(values, ["y", "z"])
        rows = Normal(model.decoder(seen)[:, None], SCALE).log_prob(x).sum(-1)
        joint = rows + Normal(0.0, 1.0).log_prob(grid)[:, None] - math.log(3)
        parts.append(torch.logsumexp(joint, 0) + math.log(16 / 2000))
    expected = torch.logsumexp(torch.stack(parts), 0)
    noise = torch.randn(20_000, 4, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        found = model.log_marginal(x, noise)
    torch.testing.assert_close(found, expected, rtol=0, atol=0.02)
