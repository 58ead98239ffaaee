import numpy as np
import pytest
import torch
from torch import nn

from skfmvae.models import Batch, Labels
from skfmvae.neighbour_graph import StepSpace, build_neighbour_graph
from skfmvae.regularizers import VirtualAdversarial
from skfmvae.regularizers.virtual_adversarial import adversarial_direction

N, D = 30, 4
LABELS = {0: 0, 1: 1, 2: 2, 3: 0}


class Classifier(nn.Module):
    """What a regularizer may know of a model."""

    def __init__(self, sizes=(3,)):
        super().__init__()
        torch.manual_seed(0)
        self.heads = nn.ModuleList(nn.Linear(D, size) for size in sizes)

    def property_log_proba(self, x):
        return [head(x).log_softmax(1) for head in self.heads]

    def predict_moved(self, x, step):
        return self.property_log_proba(x + step)


def value_of(regularizer, graph, batch, model, unit=0.7):
    """Return the loss of a batch with a seed of its own."""
    loss = regularizer.begin(graph, StepSpace(unit, None, D), batch.labels.codes)
    torch.manual_seed(0)
    return loss(model.predict_moved, batch, model.property_log_proba(batch.x))


def test_the_direction_is_the_first_eigenvector_of_the_hessian():
    model = Classifier().double()
    x = torch.randn(1, D, dtype=torch.float64)
    p = model.property_log_proba(x)[0].detach()

    def divergence(step):
        q = model.property_log_proba(x + step)[0]
        return (p.exp() * (p - q)).sum(1)

    hessian = torch.autograd.functional.hessian(
        lambda step: divergence(step).sum(), torch.zeros_like(x)
    ).reshape(D, D)
    first = torch.linalg.eigh(hessian).eigenvectors[:, -1]
    start = torch.randn_like(x)
    direction = adversarial_direction(divergence, start, probe=1e-4, n_iter=30)[0]
    assert abs(direction @ first).item() == pytest.approx(1, abs=1e-4)
    assert direction.norm().item() == pytest.approx(1)


def test_the_target_has_no_gradient(make_batch):
    """Moved rows follow the predictions of the rows, which do not follow them."""
    model, batch = Classifier(), make_batch({row: row % 3 for row in range(N - 1)})
    loss = VirtualAdversarial().begin(None, StepSpace(0.7, None, D), batch.labels.codes)
    [target] = model.property_log_proba(batch.x)
    target = target.detach().requires_grad_()
    loss(model.predict_moved, batch, [target]).backward()
    assert target.grad is None
    assert model.heads[0].weight.grad.abs().max() > 0


def test_the_loss_exceeds_that_of_random_steps(make_batch):
    model, batch = Classifier(), make_batch({row: row % 3 for row in range(N - 1)})
    value = value_of(VirtualAdversarial(radius=0.5), None, batch, model) * N
    log_proba = model.property_log_proba(batch.x)[0]
    for seed in range(5):
        torch.manual_seed(seed)
        step = nn.functional.normalize(torch.randn(N, D)) * 0.5 * 0.7
        moved = model.property_log_proba(batch.x + step)[0]
        random = (log_proba.exp() * (log_proba - moved)).sum(1).mean()
        assert value > random


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_steps_count_as_far_as_neighbours_are_reliable(
    make_batch, make_graph, with_reliability, share
):
    model, batch = Classifier(), make_batch(LABELS)
    graph = make_graph(batch)
    full, part = (
        value_of(VirtualAdversarial(), with_reliability(graph, k), batch, model).item()
        for k in (1.0, share)
    )
    assert full > 0
    assert part == pytest.approx(share * full)
    # Without a graph there is nothing to judge by.
    alone = value_of(VirtualAdversarial(), None, batch, model).item()
    assert alone == pytest.approx(full)


def test_properties_without_labels_or_with_all_do_not_count(make_batch):
    all_known = {row: row % 2 for row in range(N)}
    batch = make_batch({0: 0, 1: 1, 2: 2}, {}, {5: 1, 6: 0}, all_known)
    model = Classifier(sizes=(3, 4, 2, 2))
    value = value_of(VirtualAdversarial(), None, batch, model)
    value.backward()
    assert torch.isfinite(value)
    has_gradient = [
        head.weight.grad is not None and bool(head.weight.grad.any())
        for head in model.heads
    ]
    assert has_gradient == [True, False, True, False]


def test_steps_are_measured_among_whitened_components(with_reliability):
    """Four objects under strong lights: only 50 of 60 directions are stepped in."""
    rng = np.random.default_rng(0)
    n, y = 400, np.arange(400) % 4
    X = rng.normal(scale=0.05, size=(n, 60))
    X[:, :3] += rng.normal(scale=5, size=(n, 3))
    X[:, -4:] += np.eye(4)[y]
    turn = np.linalg.qr(rng.normal(size=(60, 60)))[0]
    X = (X @ turn).astype(np.float32)
    codes = np.where(np.arange(n) < 40, y, -1)[:, None]
    graph = with_reliability(build_neighbour_graph(X, codes, [4]), 1.0)
    steps = graph.steps
    x, codes = torch.from_numpy(X), torch.from_numpy(codes)
    batch = Batch(x, Labels(codes, torch.empty(n, 0)), torch.ones(n), torch.arange(n))
    torch.manual_seed(0)
    layer = nn.Linear(60, 4)
    seen = []

    def predict(rows, step=0.0):
        rows = rows + step
        seen.append(rows.detach().numpy())
        return [layer(rows).log_softmax(1)]

    loss = VirtualAdversarial(radius=0.5).begin(graph, steps, codes)
    loss(predict, batch, predict(x))
    along, rest, *_ = np.linalg.lstsq(steps.axes.T, (seen[-1] - X).T, rcond=None)
    length = np.linalg.norm(along, axis=0)
    np.testing.assert_allclose(length, 0.5 * steps.unit, rtol=1e-2)
    # What is no multiple of an axis is left: ten directions that hardly vary.
    np.testing.assert_allclose(rest, 0, atol=1e-8)
