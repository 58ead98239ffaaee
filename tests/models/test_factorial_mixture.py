import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Normal

from skfmvae.estimators import Mixture
from skfmvae.mixture import VariationalGaussianMixture
from skfmvae.models import FactorialMixture, Labels
from skfmvae.models.factorial_mixture import _starting_responsibilities
from skfmvae.nn import Gaussian

N_INPUTS, DIM, STYLE = 4, 2, 3
SIZES = {"shape": 3, "colour": 2, "size": 3}


def make_model(n_components=None, style_dim=STYLE, seed=0, label_weight=0.5, **mixture):
    """Linear networks, Gaussian rows and mixtures set apart at random, in float64."""
    torch.manual_seed(seed)
    n_components = SIZES if n_components is None else n_components
    n_latents = DIM * len(n_components) + style_dim
    likelihood = Gaussian(learn_scale=False, scale=0.7).build(np.eye(N_INPUTS))
    settings = {
        "degrees_of_freedom_prior": 4.0,
        "covariance_prior": 1.0,
        "warmup": 0.0,
        "delay": 1.0,
        "forgetting_rate": 0.7,
    }
    model = FactorialMixture(
        nn.Linear(N_INPUTS, 2 * n_latents),
        nn.Linear(n_latents, N_INPUTS),
        likelihood,
        n_inputs=N_INPUTS,
        n_components=n_components,
        property_dim=DIM,
        style_dim=style_dim,
        label_weight=label_weight,
        mixture=Mixture(**(settings | mixture)),
    ).double()
    x, codes = make_rows(40, n_components)
    model.begin_epoch(0.0, 100, lambda: (x, codes, torch.ones(len(x))))
    return model


def make_rows(n=6, n_components=None):
    n_components = SIZES if n_components is None else n_components
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(n, N_INPUTS, generator=generator, dtype=torch.float64)
    codes = torch.stack(
        [
            torch.randint(-1, size, (n,), generator=generator)
            for size in n_components.values()
        ],
        dim=1,
    )
    return x, codes


def labels_of(codes):
    return Labels(codes, torch.empty(len(codes), 0))


def mixture_of(model, name):
    """Return the mixture of a property and its position in it."""
    k = model.property_names.index(name)
    for mixture, members in zip(model.mixtures, model.subspaces.values(), strict=True):
        if k in members:
            return mixture, members.index(k)
    raise AssertionError(name)


def joint_by_hand(model, name, mean, variance):
    """METHODS: ell_kc + E ln pi_kc of one row, term by term."""
    mixture, g = mixture_of(model, name)
    alpha = mixture.weight_concentration[g]
    joint = []
    for c in range(len(alpha)):
        nu, beta = mixture.degrees_of_freedom[g, c], mixture.mean_precision[g, c]
        w, m = 1 / mixture.scale_inv[g, c], mixture.means[g, c]
        log_det = sum(torch.digamma((nu + 1 - i) / 2) for i in range(1, DIM + 1))
        log_det = log_det + DIM * math.log(2) + w.log().sum()
        distance = (w * (mean - m) ** 2).sum() + (w * variance).sum()
        density = 0.5 * log_det - DIM / 2 * math.log(2 * math.pi)
        density = density - DIM / (2 * beta) - nu / 2 * distance
        joint.append(density + alpha[c].digamma() - alpha.sum().digamma())
    return torch.stack(joint)


def test_terms_are_those_of_the_paper():
    model = make_model()
    x, codes = make_rows()
    torch.manual_seed(3)
    terms = model.terms(x, labels_of(codes)).terms
    posterior = model.encode(x)
    torch.manual_seed(3)
    z = posterior.rsample()
    expected = Normal(
        model.likelihood.mean + model.likelihood.std * model.decoder(z), 0.7
    )
    likelihood = expected.log_prob(x).sum(1)
    torch.testing.assert_close(terms["log_likelihood"].value, likelihood)
    mean, variance = posterior.mean, posterior.variance
    s, v = mean[:, -STYLE:], variance[:, -STYLE:]
    torch.testing.assert_close(
        terms["kl_style"].value, 0.5 * (v + s**2 - 1 - v.log()).sum(1)
    )
    for i in range(len(x)):
        for k, name in enumerate(SIZES):
            block = slice(DIM * k, DIM * (k + 1))
            joint = joint_by_hand(model, name, mean[i, block], variance[i, block])
            entropy = 0.5 * (2 * math.pi * math.e * variance[i, block]).log().sum()
            code = codes[i, k]
            best = joint.logsumexp(0) if code < 0 else joint[code]
            torch.testing.assert_close(terms[f"kl_{name}"].value[i], -entropy - best)
            label = terms[f"label_{name}"]
            assert label.rows[i] == (code >= 0)
            if code >= 0:
                torch.testing.assert_close(label.value[i], joint.log_softmax(0)[code])


def decoded(model, x, codes):
    """Return what is decoded when the terms of some rows are taken."""
    seen = []
    hook = model.decoder.register_forward_pre_hook(lambda _, z: seen.append(z[0]))
    model.terms(x, labels_of(codes))
    hook.remove()
    return seen[0].detach()


def test_blocks_are_resampled_from_what_samples_are_made_of():
    """Where all are, a row's labels are all that the decoder learns of it."""
    model = make_model(property_resampling=1.0, style_resampling=1.0)
    x, codes = torch.full((4000, N_INPUTS), 5.0).double(), torch.tensor([[2, 0, 1]])
    codes = codes.expand(len(x), -1)
    z = decoded(model, x, codes)
    expected, _ = model.sample_latents(labels_of(codes))
    spread = expected.std(0)
    torch.testing.assert_close(
        z.mean(0) / spread, expected.mean(0) / spread, atol=0.15, rtol=0
    )
    torch.testing.assert_close(
        z.std(0) / spread, torch.ones_like(spread), atol=0.15, rtol=0
    )


def test_an_unlabelled_row_is_resampled_from_its_likely_components():
    model = make_model({"shape": 2}, property_resampling=1.0)
    mixture, _ = mixture_of(model, "shape")
    x = make_rows(1)[0].expand(4000, -1)
    p = model.property_log_proba(x[:1])[0][0].exp().detach()
    z = decoded(model, x, torch.full((len(x), 1), -1))
    mean = (p[:, None] * mixture.means[0]).sum(0)
    sd = z[:, :DIM].std(0)
    assert p.min() > 0.01
    torch.testing.assert_close(z[:, :DIM].mean(0) / sd, mean / sd, atol=0.1, rtol=0)


def test_resampling_falls_and_ends_with_training():
    """The proportion of the blocks that are not what was encoded, by progress."""
    model = make_model(property_resampling=0.2, style_resampling=0.5)
    x, codes = make_rows(5000)

    def proportion_resampled():
        torch.manual_seed(3)
        kept = model.encode(x).rsample()
        torch.manual_seed(3)
        changed = (decoded(model, x, codes) != kept).double().mean(0)
        return changed[:-STYLE].mean(), changed[-STYLE:].mean()

    for progress in (0.0, 0.5, 1.0):
        model.begin_epoch(progress, 100, None)
        expected = torch.tensor([0.2, 0.5]).double() * (1 - progress)
        torch.testing.assert_close(
            torch.stack(proportion_resampled()), expected, atol=0.03, rtol=0
        )
    model.begin_epoch(0.0, 100, None)
    model.eval()
    assert sum(proportion_resampled()) == 0


def test_warm_up_takes_no_weight_off_the_style_block():
    """Else style would take over, while it is free, what properties can say."""
    terms = make_model().terms(make_rows()[0], labels_of(make_rows()[1])).terms
    divergences = {name: term for name, term in terms.items() if term.is_kl}
    never_annealed = {n for n, term in divergences.items() if not term.is_annealed}
    assert never_annealed == {"kl_style"}
    assert set(divergences) == {"kl_style", *(f"kl_{name}" for name in SIZES)}


def test_the_label_weight_is_in_units_of_the_columns():
    terms = (
        make_model(label_weight=0.5)
        .terms(make_rows()[0], labels_of(make_rows()[1]))
        .terms
    )
    assert terms["label_shape"].weight == 0.5 * N_INPUTS


def test_property_probabilities_are_the_optimal_responsibilities():
    model = make_model()
    x, _ = make_rows()
    posterior = model.encode(x)
    for k, (name, log_proba) in enumerate(
        zip(SIZES, model.property_log_proba(x), strict=True)
    ):
        block = slice(DIM * k, DIM * (k + 1))
        for i in range(len(x)):
            joint = joint_by_hand(
                model, name, posterior.mean[i, block], posterior.variance[i, block]
            )
            torch.testing.assert_close(log_proba[i].exp(), joint.softmax(0))


def test_grouped_mixtures_equal_separate_ones():
    """Properties of equal size share a mixture module, and nothing else."""
    together = make_model({"a": 3, "b": 3}, style_dim=0)
    mixture = together.mixtures[0]
    x, codes = make_rows(n_components={"a": 3, "b": 3})
    posterior = together.encode(x)
    for k in range(2):
        alone = VariationalGaussianMixture(
            1, 3, DIM, degrees_of_freedom_prior=4.0, dtype=torch.float64
        )
        for name, buffer in alone.named_buffers():
            buffer.copy_(getattr(mixture, name)[k : k + 1])
        block = slice(DIM * k, DIM * (k + 1))
        joint = alone.expected_log_weights() + alone.expected_log_density(
            posterior.mean[:, None, block], posterior.variance[:, None, block]
        )
        torch.testing.assert_close(
            together.property_log_proba(x)[k], joint[:, 0].log_softmax(1)
        )


def test_the_evaluation_holds_the_predictions_it_was_made_from():
    model = make_model()
    x, codes = make_rows()
    torch.testing.assert_close(
        model.terms(x, labels_of(codes)).log_proba, model.property_log_proba(x)
    )


def test_an_update_is_the_natural_step_with_pinned_responsibilities():
    model, twin = make_model(), make_model()
    x, codes = make_rows()
    weight = torch.linspace(0.5, 1.5, len(x), dtype=torch.float64)
    latents = model.terms(x, labels_of(codes)).latents
    model.update_globals(latents, weight, n_samples=600)
    posterior = twin.encode(x)
    rate = (1 + 1.0) ** -0.7
    for k, (name, size) in enumerate(SIZES.items()):
        _, g = mixture_of(twin, name)
        block = slice(DIM * k, DIM * (k + 1))
        free = twin.property_log_proba(x)[k].exp()
        pinned = nn.functional.one_hot(codes[:, k].clamp_min(0), size).double()
        r = torch.where(codes[:, k, None] >= 0, pinned, free)
        count = 100 * (weight[:, None] * r).sum(0)
        before, _ = mixture_of(twin, name)
        after, _ = mixture_of(model, name)
        alpha = before.weight_concentration[g] * (1 - rate) + rate * (1 / size + count)
        torch.testing.assert_close(after.weight_concentration[g], alpha)
        # beta m is a natural parameter; its prior is zero.
        total = 100 * (weight[:, None] * r).T @ posterior.mean[:, block]
        old = before.mean_precision[g, :, None] * before.means[g]
        new = after.mean_precision[g, :, None] * after.means[g]
        torch.testing.assert_close(new, (1 - rate) * old + rate * total)


def test_the_divergence_of_all_mixtures_is_their_sum():
    model = make_model()
    total = sum(mixture.kl_divergence().sum() for mixture in model.mixtures)
    assert model.global_kl() == pytest.approx(total.item())
    assert model.global_kl() > 0


def test_networks_get_gradients_and_mixtures_do_not():
    model = make_model()
    terms = model.terms(make_rows()[0], labels_of(make_rows()[1])).terms
    sum(term.value.sum() for term in terms.values()).backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())
    assert not any(buffer.requires_grad for buffer in model.buffers())


def test_mixtures_wait_for_the_end_of_warm_up():
    model = make_model(warmup=0.5)
    assert model.mixture_step == -1
    x, codes = make_rows(40)
    before = model.property_log_proba(x)[0]
    torch.testing.assert_close(before.exp(), torch.full_like(before, 1 / 3))
    model.begin_epoch(0.5, 40, lambda: (x, codes, torch.ones(len(x))))
    assert model.mixture_step == 0
    after = model.property_log_proba(x)[0].exp()
    assert after.max() > 0.5


def test_mixtures_start_with_the_last_epoch_at_the_latest():
    model = make_model(warmup=1.0)
    x, codes = make_rows(40)
    model.begin_epoch(0.0, 40, lambda: (x, codes, torch.ones(len(x))), is_last=True)
    assert model.has_started
    assert model.property_log_proba(x)[0].exp().max() > 0.5


def test_a_restored_model_goes_on_like_the_original():
    model, twin = make_model(), make_model(seed=1, warmup=0.5)
    x, codes = make_rows(40)
    weight = torch.ones(len(x))
    model.update_globals(model.terms(x, labels_of(codes)).latents, weight, 40)
    twin.load_state_dict(model.state_dict())
    for each in (model, twin):
        torch.manual_seed(2)  # of the draws of terms
        each.begin_epoch(0.25, 40, lambda: pytest.fail("mixtures have started"))
        each.update_globals(each.terms(x, labels_of(codes)).latents, weight, 40)
    assert twin.mixture_step == 2
    for name, value in model.state_dict().items():
        assert torch.equal(twin.state_dict()[name], value), name


def test_a_property_without_regularizers_waits_longer():
    """Its components are equal until then; those of a regularized one go on."""
    torch.manual_seed(0)
    model = make_model({"known": 3, "found": 3}, style_dim=0, warmup=None)
    model.begin_training([True, False])
    x, codes = make_rows(60)
    codes = torch.full((60, 2), -1)
    codes[:12, 0] = torch.arange(12) % 3
    rows = x, codes, torch.ones(60)
    level = torch.full((60, 3), 1 / 3, dtype=torch.float64)
    assert not model.has_started
    model.begin_epoch(0.04, 60, lambda: pytest.fail("nothing is due"))
    model.begin_epoch(0.05, 60, lambda: rows)
    assert not model.has_started
    known, found = model.property_log_proba(x)
    torch.testing.assert_close(found.exp(), level)
    assert known.exp().max() > 0.4
    model.begin_epoch(0.1, 60, lambda: pytest.fail("nothing is due"))
    # Going on is a whole step on all rows, from their present responsibilities.
    twin = copy.deepcopy(model)
    twin.mixture.delay = 0.0
    twin.update_globals(twin.terms(x, labels_of(codes)).latents, torch.ones(60), 60)
    model.begin_epoch(0.2, 60, lambda: rows)
    after, found = model.property_log_proba(x)
    assert found.exp().max() > 0.5
    torch.testing.assert_close(after, twin.property_log_proba(x)[0])
    assert model.has_started
    model.begin_epoch(0.6, 60, lambda: pytest.fail("nothing is due"))
    # Nor is it at the start of another training.
    model.begin_training([False, False])
    model.begin_epoch(0.0, 60, lambda: pytest.fail("nothing is due"))
    assert model.has_started


def test_mixtures_start_from_class_means_and_spare_ones_elsewhere():
    torch.manual_seed(0)
    model = make_model({"a": 3}, style_dim=0, warmup=1.0)
    # Rows in three clumps, of which two have a label each.
    clumps = torch.eye(3, N_INPUTS, dtype=torch.float64) * 50
    x = clumps.repeat_interleave(10, 0) + 0.1 * make_rows(30)[0]
    codes = torch.full((30, 1), -1)
    codes[[0, 1], 0], codes[[10, 11], 0] = 2, 0
    model.begin_epoch(1.0, 30, lambda: (x, codes, torch.ones(len(x))))
    found = model.property_log_proba(x)[0].argmax(1).reshape(3, 10)
    assert found[0].tolist() == [2] * 10
    assert found[1].tolist() == [0] * 10
    assert found[2].tolist() == [1] * 10


def test_the_tightest_of_several_starts_finds_all_clumps():
    """A single k-means start misses one of nine clumps now and then."""
    axis = torch.tensor([0.0, 4.0, 8.0])
    clumps = torch.cartesian_prod(axis, axis).repeat_interleave(20, 0)
    unlabelled, weight = torch.full((180,), -1), torch.ones(180)
    for seed in range(20):
        torch.manual_seed(seed)
        points = clumps + 0.3 * torch.randn(180, 2)
        start = _starting_responsibilities(points, unlabelled, weight, 9)
        found = start.argmax(1).reshape(9, 20)
        assert [len(rows.unique()) for rows in found] == [1] * 9
        assert len(found.unique()) == 9


def test_samples_have_the_asked_properties():
    model = make_model()
    codes = torch.full((4000, 3), -1)
    codes[:, 1] = 1
    torch.manual_seed(0)
    z, (drawn, _) = model.sample_latents(labels_of(codes))
    assert (drawn[:, 1] == 1).all()
    mixture, g = mixture_of(model, "shape")
    share = torch.bincount(drawn[:, 0], minlength=3) / 4000
    np.testing.assert_allclose(share, mixture.weights[g], atol=0.03)
    # Latents of a value centre on its component, style on the origin.
    mixture, g = mixture_of(model, "colour")
    block = z[:, model.latent_blocks["colour"]]
    spread = block.std(0) / 4000**0.5
    assert ((block.mean(0) - mixture.means[g, 1]).abs() < 5 * spread).all()
    assert (z[:, model.latent_blocks["style"]].mean(0).abs() < 0.1).all()


def test_an_intervention_moves_one_block():
    model = make_model()
    x, _ = make_rows()
    z = model.encode(x).mean
    codes = torch.full((len(x), 3), -1)
    torch.testing.assert_close(model.intervene(x, labels_of(codes)), z)
    codes[:, 0] = 2
    moved = model.intervene(x, labels_of(codes))
    block = model.latent_blocks["shape"]
    torch.testing.assert_close(moved[:, block.stop :], z[:, block.stop :])
    current = model.property_log_proba(x)[0].argmax(1)
    stays = current == 2
    torch.testing.assert_close(moved[stays], z[stays])
    assert (moved[~stays, block] != z[~stays, block]).all()


def test_the_prior_density_integrates_to_one():
    model = make_model({"a": 3}, style_dim=0)
    axis = torch.linspace(-60, 60, 1500, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    cell = (axis[1] - axis[0]) ** 2
    total = (model.log_prior(grid).exp() * cell).sum()
    assert total.item() == pytest.approx(1.0, abs=0.01)


def test_the_bound_rises_to_the_exact_marginal():
    """A one-dimensional latent lets ln p(x) be integrated on a grid."""
    torch.manual_seed(0)
    likelihood = Gaussian(learn_scale=False, scale=0.7).build(np.eye(N_INPUTS))
    model = FactorialMixture(
        nn.Linear(N_INPUTS, 2),
        nn.Linear(1, N_INPUTS),
        likelihood,
        n_inputs=N_INPUTS,
        n_components={"a": 2},
        property_dim=1,
        style_dim=0,
        label_weight=1.0,
        mixture=Mixture(warmup=0.0),
    ).double()
    x, codes = make_rows(n_components={"a": 2})
    model.begin_epoch(0.0, 6, lambda: (x, codes, torch.ones(len(x))))
    # A proposal wider than the posterior, so that few draws are enough.
    model.encoder.weight.data.zero_()
    model.encoder.bias.data = torch.tensor([0.0, 2.0], dtype=torch.float64)
    grid = torch.linspace(-300, 300, 400_001, dtype=torch.float64)[:, None]
    log_prior, p = model.log_prior(grid), model.decode(grid)
    exact = torch.stack([(p.log_prob(row) + log_prior).logsumexp(0) for row in x])
    exact = exact + (grid[1] - grid[0]).log()
    noise = torch.randn(4000, 1, dtype=torch.float64)
    few = torch.stack([model.log_marginal(x, eps) for eps in noise[:900].split(3)])
    some = torch.stack([model.log_marginal(x, eps) for eps in noise[:900].split(30)])
    assert (few.mean(0) < some.mean(0)).all()
    for bounds in (few, some):
        assert (bounds.mean(0) < exact + 3 * bounds.std(0) / len(bounds) ** 0.5).all()
    many = model.log_marginal(x, noise)
    torch.testing.assert_close(many, exact, atol=0.02, rtol=0)
