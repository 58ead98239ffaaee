"""The objective, the likelihood and the predictions of SemafoVAE's model."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.distributions import Categorical, MultivariateNormal, Normal
from torch.nn import functional

from skfmvae.models.semafo import FLOOR, LEVEL_FLOOR

N_INPUTS, SCALE, N_LATENTS = 5, 0.75, 3  # of the model


def through(stages, x):
    for stage in stages:
        x = stage(x)
    return x


def softplus_normal(output, floor):
    mean, scale = output.chunk(2, dim=-1)
    return Normal(mean, functional.softplus(scale) + floor)


def normal(output):
    mean, log_variance = output.chunk(2, dim=-1)
    return Normal(mean, torch.exp(log_variance / 2))


# The objective ------------------------------------------------------------------------


@pytest.mark.parametrize("separate", [False, True])
def test_without_levels_the_terms_are_those_of_the_flat_model(
    make_semafo, make_rows, labels_of, monkeypatch, separate
):
    """Written out for one row after the other, with draws at their means."""
    monkeypatch.setattr(Normal, "rsample", lambda self, shape=(): self.mean)
    monkeypatch.setattr(
        torch.Tensor, "exponential_", lambda self, generator=None: self.fill_(2.0)
    )
    model = make_semafo(separate=separate)
    codes = [[2, 1], [-1, 0], [0, -1], [-1, -1]]
    x = make_rows()
    terms = model.terms(x, labels_of(codes)).terms
    for i, (shape, colour) in enumerate(codes):
        q_z = normal(through(model.encoder, x[i]))
        log_q = [p.log_softmax(0) for p in model.classifier(q_z.mean).split([3, 2])]
        # All Gumbel noise is alike, so relaxed labels are probabilities, sharpened.
        y = torch.cat(
            [
                functional.one_hot(torch.tensor(code), len(p)).double()
                if code >= 0
                else (p / 0.5).softmax(0)
                for p, code in zip(log_q, (shape, colour), strict=True)
            ]
        )
        q_u = normal(model.label_encoder(y))
        u = q_u.mean
        logits = model.label_decoder(u).split([3, 2])
        log_y = sum(
            (part * logit.log_softmax(0)).sum()
            for part, logit in zip(y.split([3, 2]), logits, strict=True)
        )
        p_z = softplus_normal(model.prior(u), FLOOR)
        if min(shape, colour) >= 0:
            kl_z = torch.distributions.kl_divergence(q_z, p_z).sum()
        else:
            kl_z = (-q_z.entropy() - p_z.log_prob(q_z.mean)).sum()
        kl_u = 0.5 * (q_u.mean**2 + q_u.variance - 1 - q_u.variance.log()).sum()
        likelihood = Normal(through(model.decoder, q_z.mean), SCALE).log_prob(x[i])
        entropy = sum(
            Categorical(logits=p).entropy()
            for p, code in zip(log_q, (shape, colour), strict=True)
            if code < 0
        )
        which = "labelled" if max(shape, colour) >= 0 else "unlabelled"
        expected = {
            f"log_likelihood_{which}": likelihood.sum(),
            f"log_labels_{which}": log_y,
            f"kl_z0_{which}": kl_z,
            f"kl_u_{which}": kl_u,
            "entropy": entropy,
            "label_shape": log_q[0][shape],
            "label_colour": log_q[1][colour],
        }
        counted = {name: term for name, term in terms.items() if term.rows[i]}
        for name, term in counted.items():
            value = torch.as_tensor(expected[name], dtype=torch.float64)
            torch.testing.assert_close(term.value[i], value)
        missing = {"label_shape"} if shape < 0 else set()
        missing |= {"label_colour"} if colour < 0 else set()
        missing |= {"entropy"} if min(shape, colour) >= 0 else set()
        assert set(counted) == set(expected) - missing


def test_weights_of_the_objective(make_semafo, make_rows, labels_of):
    """As METHODS writes them, divided by the largest weight of a likelihood."""
    objective = {
        "gamma_s": 2.0,
        "gamma_u": 4.0,
        "gamma_y": 3.0,
        "beta_s": 0.5,
        "beta_u": 0.25,
        "beta_label": 0.2,
        "beta_levels": 0.1,
        "transitive": 0.6,
        "label_weight": 0.3,
    }
    model = make_semafo(levels=(1,), **objective)
    terms = model.terms(make_rows(2), labels_of([[1, -1], [-1, -1]])).terms
    found = {name: 4 * term.weight for name, term in terms.items()}
    label = 2 * 3 + 4 * 0.3 * N_INPUTS
    assert found == pytest.approx(
        {
            "log_likelihood_labelled": 2,
            "log_likelihood_unlabelled": 4,
            "log_labels_labelled": 6,
            "log_labels_unlabelled": 12,
            "kl_z0_labelled": -0.5,
            "kl_u_labelled": -0.1,
            "kl_z1_labelled": -0.05,
            "kl_z0_unlabelled": -0.25,
            "kl_u_unlabelled": -0.05,
            "kl_z1_unlabelled": -0.025,
            "entropy": 1,
            "transitive": 0.6,
            "label_shape": label,
            "label_colour": label,
        }
    )
    divergences = {name for name, term in terms.items() if term.is_kl}
    assert divergences == {name for name in terms if name.startswith("kl_")}


def test_unlabelled_rows_wait(make_semafo, make_rows, labels_of):
    model = make_semafo(labelled_phase=0.3, transitive=1.0)
    x, labels = make_rows(2), labels_of([[1, 0], [-1, -1]])

    def waiting(progress, codes, training=True, is_last=False):
        model.train(training)
        model.begin_epoch(progress, 2, lambda: (x, codes, None), is_last)
        terms = model.terms(x, labels).terms
        assert all(terms[name].weight for name in terms if name.endswith("_labelled"))
        weights = [
            terms[name].weight
            for name in terms
            if name.endswith("unlabelled") or name in ("entropy", "transitive")
        ]
        assert len(set(map(bool, weights))) == 1
        if training:
            assert model.has_started == bool(weights[0])
        return not weights[0]

    assert waiting(0.2, labels.codes)
    assert not waiting(0.3, labels.codes)
    assert not waiting(0.2, labels.codes, training=False)
    assert not waiting(0.2, torch.full_like(labels.codes, -1))
    assert not waiting(0.0, labels.codes, is_last=True)


def test_a_restored_model_knows_whether_rows_wait(make_semafo, make_rows, labels_of):
    model, twin = make_semafo(labelled_phase=0.5), make_semafo(labelled_phase=0.5)
    codes = labels_of([[0, 0], [-1, 0]]).codes
    model.begin_epoch(0.25, 2, lambda: (None, codes, None))
    twin.load_state_dict(model.state_dict())
    assert twin.waits is True
    assert twin.progress == 0.25
    assert not twin.has_started


def test_the_transitive_term_comes_late_and_falls(make_semafo, make_rows, labels_of):
    objective = {
        "gamma_u": 1.0,
        "transitive": 0.1,
        "transitive_end": 0.05,
        "transitive_phase": 0.2,
    }
    model = make_semafo(**objective)
    x, labels = make_rows(2), labels_of([[1, 0], [-1, -1]])
    found = []
    for progress in (0.0, 0.1, 0.2, 0.6, 1.0):
        model.begin_epoch(progress, 2, lambda: (x, labels.codes, None))
        found.append(model.terms(x, labels).terms["transitive"].weight)
    assert found == pytest.approx([0.0, 0.0, 0.1, 0.075, 0.05])
    # Held-out rows are scored alike in every epoch.
    model.eval().begin_epoch(0.1, 2, lambda: (x, labels.codes, None))
    assert model.terms(x, labels).terms["transitive"].weight == pytest.approx(0.05)


N_DRAWS = 20_000


def monte_carlo(model, x, labels, levels=()):
    """Return terms of one row, averaged over draws of ours, and of draws by hand."""
    codes = labels.codes
    torch.manual_seed(3)
    with torch.no_grad():
        terms = model.terms(x, labels).terms
        q_z = normal(through(model.encoder, x))
        z = q_z.sample()
        log_q = [p.log_softmax(1) for p in model.classifier(z).split([3, 2], dim=1)]
        y = []
        for k, p in enumerate(log_q):
            drawn = torch.distributions.RelaxedOneHotCategorical(0.5, logits=p).sample()
            given = functional.one_hot(codes[:, k].clamp_min(0), p.shape[1]).double()
            y.append(torch.where((codes[:, k] >= 0)[:, None], given, drawn))
        y = torch.cat(y, dim=1)
        q_u = normal(model.label_encoder(y))
        u = q_u.sample()
        p_z = softplus_normal(model.prior(u), FLOOR)
        hard = [Categorical(logits=p).sample() for p in log_q]
        by_hand = {
            "kl_z0": (q_z.log_prob(z) - p_z.log_prob(z)).sum(1),
            "kl_u": (q_u.log_prob(u) - Normal(0.0, 1.0).log_prob(u)).sum(1),
            "entropy": -sum(
                torch.where(codes[:, k] < 0, p.gather(1, c[:, None])[:, 0], 0.0)
                for k, (p, c) in enumerate(zip(log_q, hard, strict=True))
            ),
        }
        if levels:
            h = model.decoder[0](z)
            e = model.encoder[1](model.encoder[0](x))
            level = model.levels["z1"]
            q = softplus_normal(level.posterior(h, e), LEVEL_FLOOR)
            steered = level.prior(h) + model.level_priors["z1"](u)
            z1 = q.sample()
            p = softplus_normal(steered, LEVEL_FLOOR)
            by_hand["kl_z1"] = (q.log_prob(z1) - p.log_prob(z1)).sum(1)
    return terms, by_hand


@pytest.mark.parametrize("codes", [[2, 1], [2, -1], [-1, -1]])
def test_closed_forms_are_what_draws_average_to(
    make_semafo, make_rows, labels_of, codes
):
    model = make_semafo(levels=(1,))
    x, labels = make_rows(1).expand(N_DRAWS, -1), torch.tensor([codes] * N_DRAWS)
    terms, by_hand = monte_carlo(model, x, labels_of(labels), levels=(1,))
    which = "labelled" if max(codes) >= 0 else "unlabelled"
    for name, values in by_hand.items():
        name = name if name == "entropy" else f"{name}_{which}"
        ours = terms[name].value
        error = math.hypot(values.std().item(), ours.std().item()) / math.sqrt(N_DRAWS)
        assert ours.mean().item() == pytest.approx(
            values.mean().item(), abs=4.5 * error
        )
    if min(codes) >= 0:  # nothing but u is drawn
        assert terms[f"kl_u_{which}"].value.std() < 1e-12


def test_levels_see_another_draw_of_u_than_z0(
    make_semafo, make_rows, labels_of, monkeypatch
):
    """Else a level could rely on the draw that placed z0, which control never has."""
    model, seen = make_semafo(levels=(1,)), {}
    kl_z0, level_prior = model._kl_z0, model._level_prior

    def see_kl_z0(posterior, z0, u, is_closed):
        seen["z0"] = u
        return kl_z0(posterior, z0, u, is_closed)

    def see_level_prior(name, h, level, u):
        seen[name] = u
        return level_prior(name, h, level, u)

    monkeypatch.setattr(model, "_kl_z0", see_kl_z0)
    monkeypatch.setattr(model, "_level_prior", see_level_prior)
    torch.manual_seed(0)
    codes = torch.tensor([[2, 1]]).expand(N_DRAWS, -1)
    with torch.no_grad():
        model.terms(make_rows(1).expand(N_DRAWS, -1), labels_of(codes))
    for of_z0, of_level in zip(seen["z0"].T, seen["z1"].T, strict=True):
        assert stats.ks_2samp(of_z0, of_level).pvalue > 1e-3  # from one distribution
        assert abs(np.corrcoef(of_z0, of_level)[0, 1]) < 0.05


def test_the_transitive_term_teaches_through_generated_rows(
    make_semafo, make_rows, labels_of
):
    """It depends on every network but those it does not pass, and on no row."""
    torch.manual_seed(0)
    model = make_semafo(levels=(2,), transitive=1.0)
    labels = labels_of([[1, -1], [-1, -1], [2, 0]])
    value = model.terms(make_rows(3), labels).terms["transitive"].value
    value.sum().backward()
    taught = {
        name.split(".")[0]
        for name, p in model.named_parameters()
        if p.grad is not None and p.grad.abs().max() > 0
    }
    assert taught == {
        "encoder",
        "decoder",
        "levels",
        "level_priors",
        "prior",
        "label_encoder",
        "classifier",
    }
    torch.manual_seed(5)
    one = model._transitive(labels)
    torch.manual_seed(5)
    assert torch.equal(one, model._transitive(labels))
    assert (one < 0).all()


# The likelihood -----------------------------------------------------------------------


def linear_gaussian(make_semafo, levels):
    """Return a model in which everything is linear, and noise is all that is drawn."""
    model = make_semafo(
        levels=levels,
        n_components={"side": 2},
        hidden=(4,),
        label_hidden=(),
        prior_hidden=(),
    )
    model.decoder[0] = nn.Linear(N_LATENTS, 4).double()
    # Proposals are wider than what they propose for, so that weights are bounded.
    model.label_encoder.networks[0][0].bias.data[2:] += 1.0
    for name, prior in [("z0", model.prior), *model.level_priors.items()]:
        prior[0].weight.data[len(prior[0].bias) // 2 :] = 0.0  # of the deviations
        if name in model.levels:
            level = model.levels[name]
            level.prior.weight.data[len(level.prior.bias) // 2 :] = 0.0
            level._posterior[-1].bias.data[level.n_latents :] += 1.0
            level.merge = level.merge[0]
            level.path = nn.Identity()
    return model


@pytest.mark.parametrize("levels", [(), (1,)])
def test_log_marginal_is_the_integral_over_u_and_all_levels(
    make_semafo, make_rows, levels
):
    model = linear_gaussian(make_semafo, levels)
    x = 0.5 * make_rows(2)
    with torch.no_grad():
        # Rows are linear in where latents lie in their priors.
        zero = torch.zeros(1, model.n_latents, dtype=torch.float64)
        units = torch.eye(model.n_latents, dtype=torch.float64)
        mean = model.expectation(model.from_residuals(zero))[0]
        jacobian = model.expectation(model.from_residuals(units)) - mean
        covariance = jacobian.T @ jacobian + SCALE**2 * torch.eye(N_INPUTS).double()
        exact = MultivariateNormal(mean, covariance).log_prob(x)
        torch.manual_seed(0)
        n_draws = 50_000
        noise = torch.randn(n_draws, 1, model.n_latents, dtype=torch.float64)
        rows = x.expand(n_draws, -1, -1).flatten(0, 1)
        both = noise.expand(-1, len(x), -1).flatten(0, 1)
        log_weights = model._weighted(rows, model._states(rows), both).log_weight
        log_weights = log_weights.view(n_draws, len(x))
        found = log_weights.logsumexp(0) - math.log(n_draws)
        torch.testing.assert_close(found, exact, atol=0.02, rtol=0)
        # The bound of a few of the draws is less, on average.
        few = log_weights.view(-1, 5, len(x)).logsumexp(1) - math.log(5)
        assert (few.mean(0) < exact).all()
        # Latents of which all is linear have a Gaussian posterior: but for u, which is
        # proposed by probabilities, a few draws are enough.
        sets = noise[:2000, 0].split(200)
        found = torch.stack([model.log_marginal(x, draws) for draws in sets])
        torch.testing.assert_close(found.mean(0), exact, atol=0.02, rtol=0)


def test_log_prior_is_that_of_draws(make_semafo):
    """Its mean over draws from the prior is minus the entropy, level by level."""
    model = make_semafo(levels=(1, 2))
    torch.manual_seed(0)
    with torch.no_grad():
        residuals = torch.randn(20_000, model.n_latents, dtype=torch.float64)
        z = model.from_residuals(residuals)
        log_p = model.log_prior(z)
        # The density of the residuals, by the change of variables.
        scale = model.prior_stddev(z)
    expected = Normal(0.0, 1.0).log_prob(residuals).sum(1) - scale.log().sum(1)
    torch.testing.assert_close(log_p, expected)


# Predictions --------------------------------------------------------------------------


def test_predictions_are_averages_over_the_posterior(make_semafo, make_rows):
    model = make_semafo().eval()
    x = make_rows(3)
    torch.manual_seed(0)
    with torch.no_grad():
        z = normal(through(model.encoder, x)).sample((50_000,))
        by_hand = [p.softmax(-1).mean(0) for p in model.classifier(z).split([3, 2], -1)]
        found = [p.exp() for p in model.property_log_proba(x)]
    for ours, theirs in zip(found, by_hand, strict=True):
        torch.testing.assert_close(ours, theirs, atol=0.01, rtol=0)


def test_while_training_they_are_averages_over_eight_draws(make_semafo, make_rows):
    model = make_semafo()
    x = make_rows(5)
    with torch.no_grad():
        q = normal(through(model.encoder, x))
        of_draws = [
            model.classifier(q.mean + q.stddev * draw).split([3, 2], -1)
            for draw in model.draws[:8]
        ]
        found = [p.exp() for p in model.property_log_proba(x)]
    for ours, *theirs in zip(found, *of_draws, strict=True):
        mean = torch.stack([logits.softmax(-1) for logits in theirs]).mean(0)
        torch.testing.assert_close(ours, mean)
