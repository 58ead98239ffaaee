"""Labels, levels and what interventions on them keep, in SemafoVAE's model."""

import pytest
import torch
from torch.distributions import Normal


def normal(output):
    mean, log_variance = output.chunk(2, dim=-1)
    return Normal(mean, torch.exp(log_variance / 2))


def test_separate_networks_keep_properties_apart(make_semafo):
    """A label changes its own dimensions of u alone, and is read from them alone."""
    shape, colour = slice(0, 3), slice(3, 5)
    y = torch.tensor([[1, 0, 0, 0, 1], [0, 1, 0, 0, 1], [1, 0, 0, 1, 0]]).double()
    changes = {}
    for separate in (True, False):
        model = make_semafo(separate=separate)
        q_u = normal(model.label_encoder(y))
        logits = model.label_decoder(torch.eye(5).double()) - model.label_decoder(
            torch.zeros(1, 5).double()
        )
        changes[separate] = (
            [
                q_u.mean[0] - q_u.mean[1],  # another shape
                q_u.stddev[0] - q_u.stddev[1],
                logits[shape].sum(0),
            ],
            [
                q_u.mean[0] - q_u.mean[2],  # another colour
                q_u.stddev[0] - q_u.stddev[2],
                logits[colour].sum(0),
            ],
        )
    for separate, (of_shape, of_colour) in changes.items():
        for change in of_shape:
            assert (change[shape].abs() > 1e-6).all()
            assert (change[colour].abs() < 1e-12).all() == separate
        for change in of_colour:
            assert (change[colour].abs() > 1e-6).all()
            assert (change[shape].abs() < 1e-12).all() == separate


@pytest.mark.parametrize("levels", [(), (1,), (1, 2)])
def test_residuals_and_back(make_semafo, make_rows, levels):
    model = make_semafo(levels=levels)
    z = model.encode(make_rows()).mean
    residuals = model.residuals(z)
    torch.testing.assert_close(model.from_residuals(residuals), z)
    assert (residuals - z)[:, model.latent_blocks["z0"]].abs().max() > 0.1
    # What lies at the mean of each prior has no residual.
    expected = model.expect(torch.tensor([[0, 1]]))
    rest = model.residuals(expected)[:, model.latent_blocks["z0"].start :]
    torch.testing.assert_close(rest, torch.zeros_like(rest))


def test_interventions_keep_where_latents_lie_at_the_levels_chosen(
    make_semafo, make_rows, labels_of
):
    model = make_semafo(levels=(1, 2))
    x = make_rows(6)
    blocks = model.latent_blocks
    z, codes = model.locate(x)
    wanted = torch.full_like(codes, -1)
    wanted[:, 0] = (codes[:, 0] + 1) % 3
    wanted[0, 0] = codes[0, 0]  # which it is already
    for chosen in (None, ["z0"], ["z2"], ["z1", "z2"]):
        new = model.intervene(x, labels_of(wanted), chosen)
        torch.testing.assert_close(new[0], z[0], rtol=0, atol=0)
        before, after = model.residuals(z), model.residuals(new)
        assert (new - z)[1:, blocks["u"]].abs().amin(0).max() > 1e-3
        for name in ("z0", "z1", "z2"):
            block = blocks[name]
            if chosen is None or name in chosen:
                torch.testing.assert_close(after[1:, block], before[1:, block])
                assert (new - z)[1:, block].abs().max() > 1e-4
            else:
                assert torch.equal(new[:, block], z[:, block])


def test_labels_reach_rows_through_priors_alone(make_semafo, make_rows):
    """Given the latents, a row does not depend on u; its levels do."""
    model = make_semafo(levels=(1,))
    z = model.encode(make_rows()).mean
    other = z.clone()
    other[:, model.latent_blocks["u"]] += 1.0
    assert torch.equal(model.expectation(z), model.expectation(other))
    assert not torch.equal(model.log_prior(z), model.log_prior(other))


def test_samples_have_the_labels_that_are_given(make_semafo, labels_of):
    model = make_semafo(levels=(2,))
    codes = torch.tensor([[2, -1], [-1, -1], [1, 0]]).repeat(50, 1)
    torch.manual_seed(0)
    z, labels = model.sample_latents(labels_of(codes))
    assert z.shape == (150, model.n_latents)
    known = codes >= 0
    assert torch.equal(labels.codes[known], codes[known])
    assert (labels.codes >= 0).all()
    assert (codes < 0).any()  # what was asked for is left as it was


def test_unknown_labels_are_drawn_to_suit_the_known(make_semafo, labels_of):
    """In proportion to the integral of p(y | u) over u, here by many draws of u."""
    model = make_semafo(n_components={"shape": 3, "colour": 2}, label_hidden=())
    model.label_decoder.networks[0][0].weight.data *= 4
    torch.manual_seed(0)
    with torch.no_grad():
        u = torch.randn(200_000, 5, dtype=torch.float64)
        shape, colour = (p.softmax(1) for p in model.label_decoder(u).split([3, 2], 1))
        joint = shape.T @ colour / len(u)
        expected = joint[:, 1] / joint[:, 1].sum()
        codes = torch.tensor([[-1, 1]]).repeat(20_000, 1)
        _, labels = model.sample_latents(labels_of(codes))
    found = torch.bincount(labels.codes[:, 0], minlength=3) / 20_000
    torch.testing.assert_close(found.double(), expected, atol=0.015, rtol=0)
    assert (expected - joint.sum(1)).abs().max() > 0.03  # it matters what is known


def test_no_block_belongs_to_a_property_alone(make_semafo):
    """Whatever properties are called."""
    assert make_semafo(n_components={"u": 3, "z0": 2}).property_blocks == {}
