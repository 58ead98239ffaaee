"""Sums, means and choices over the assignments of each row, against loops."""

import math

import pytest
import torch
from torch.distributions import Normal

from skfmvae.models.joint_assignments import JointAssignments

N_ROWS = 3
ROW = torch.tensor([2, 0, 1, 1, 0, 2, 0, 1])


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64)


@pytest.fixture
def assignments():
    torch.manual_seed(0)
    m = len(ROW)
    return JointAssignments(
        N_ROWS,
        ROW,
        particle=torch.arange(m) % 2,
        log_weight=random(m),
        log_known=random(m),
        log_likelihood=random(m),
        values={"shape": random(m, 3).softmax(1), "z": random(m, 2)},
        log_proba={"shape": random(m)},
        gaussians={"z": torch.stack([random(m, 2), random(m, 2).exp()])},
    )


def members(i):
    return [m for m, row in enumerate(ROW.tolist()) if row == i]


def test_at_first_every_row_has_an_assignment_for_each_draw():
    begun = JointAssignments.begin(2, 3, random(0))
    assert len(begun) == 6
    assert begun.row.tolist() == [0, 0, 0, 1, 1, 1]
    assert begun.particle.tolist() == list(range(6))
    torch.testing.assert_close(begun.log_weight.exp(), torch.full((6,), 1 / 3).double())
    assert not begun.log_known.any()
    assert not begun.log_likelihood.any()
    assert begun.values == begun.log_proba == begun.gaussians == {}


@pytest.mark.parametrize("shape", [(), (4,)])
def test_sums_are_those_of_a_loop(assignments, shape):
    values = (random(len(ROW), *shape) * 300).requires_grad_()  # exp() overflows
    found = assignments.log_sum_over_rows(values)
    expected = torch.stack([values[members(i)].logsumexp(0) for i in range(N_ROWS)])
    torch.testing.assert_close(found, expected)
    factor = random(N_ROWS, *shape)
    gradients = [
        torch.autograd.grad((factor * sums).sum(), values, retain_graph=True)[0]
        for sums in (found, expected)
    ]
    torch.testing.assert_close(*gradients)


def test_assignments_of_no_weight_add_nothing(assignments):
    values = random(len(ROW))
    values[members(0)[:2]] = -math.inf
    values[members(1)] = -math.inf
    found = assignments.log_sum_over_rows(values)
    assert found[0] == values[members(0)[2]]
    assert found[1] == -math.inf
    assert found[2].isfinite()


def test_the_sum_over_one_assignment_of_each_row_is_its_value():
    begun, values = JointAssignments.begin(4, 1, random(0)), random(4, 2)
    assert torch.equal(begun.log_sum_over_rows(values), values)


def test_means_are_those_of_a_loop(assignments):
    values, log_share = random(len(ROW), 2), random(len(ROW))
    found = assignments.mean_over_rows(values, log_share)
    for i in range(N_ROWS):
        expected = sum(log_share[m].exp() * values[m] for m in members(i))
        torch.testing.assert_close(found[i], expected)


def test_the_likeliest_assignment_is_found_by_a_loop(assignments):
    values = random(len(ROW))
    values[members(1)] = -math.inf  # any of them will do
    found = assignments.argmax_over_rows(values).tolist()
    for i in (0, 2):
        assert found[i] == max(members(i), key=lambda m: values[m])
    assert found[1] in members(1)


def test_evidence_is_the_mean_of_what_is_known(assignments):
    """``ln sum_m w_m q_m - ln sum_m w_m`` of each row."""
    found = assignments.evidence()
    for i in range(N_ROWS):
        weights = [assignments.log_weight[m].exp() for m in members(i)]
        known = [assignments.log_known[m].exp() for m in members(i)]
        weighted = sum(w * q for w, q in zip(weights, known, strict=True))
        torch.testing.assert_close(found[i], (weighted / sum(weights)).log())


def test_densities_of_both_kinds_of_variables(assignments):
    assert torch.equal(assignments.log_q("shape"), assignments.log_proba["shape"])
    mean, stddev = assignments.gaussians["z"]
    found = assignments.log_q("z")
    for m in range(len(ROW)):
        normal = Normal(mean[m], stddev[m])
        expected = normal.log_prob(assignments.values["z"][m]).sum()
        torch.testing.assert_close(found[m], expected)


def test_a_selection_holds_everything_of_what_it_chooses(assignments):
    index = torch.tensor([5, 0, 0, 7])
    chosen = assignments.select(index)
    assert len(chosen) == 4
    assert chosen.n_rows == N_ROWS
    for name in ("row", "particle", "log_weight", "log_known", "log_likelihood"):
        assert torch.equal(getattr(chosen, name), getattr(assignments, name)[index])
    for v in ("shape", "z"):
        assert torch.equal(chosen.values[v], assignments.values[v][index])
        assert torch.equal(chosen.log_q(v), assignments.log_q(v)[index])
