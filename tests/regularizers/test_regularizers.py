import numpy as np
import pytest
import torch
from torch import nn

from skfmvae.models import Batch, Labels
from skfmvae.neighbour_graph import NeighbourGraph
from skfmvae.regularizers import Neighbours, VirtualAdversarial
from skfmvae.regularizers.base import Alignment
from skfmvae.regularizers.virtual_adversarial import adversarial_direction

N, D = 30, 4


class Classifier(nn.Module):
    """What a regularizer may know of a model."""

    def __init__(self, sizes=(3,), seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.heads = nn.ModuleList(nn.Linear(D, size) for size in sizes)

    def property_log_proba(self, x):
        return [head(x).log_softmax(1) for head in self.heads]

    def predict_moved(self, x, step):
        return self.property_log_proba(x + step)


def make_batch(codes, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, D)).astype(np.float32)
    index = torch.arange(N)
    labels = Labels(codes, torch.empty(N, 0))
    return Batch(torch.from_numpy(X), labels, torch.ones(N), index)


def make_codes(*columns):
    """One column per dict of row to code."""
    codes = torch.full((N, len(columns)), -1)
    for k, column in enumerate(columns):
        for row, code in column.items():
            codes[row, k] = code
    return codes


ONE_PROPERTY = make_codes({0: 0, 1: 1, 2: 2, 3: 0})


def begin(regularizer, batch, sizes=(3,)):
    graph = NeighbourGraph(batch.x.numpy(), batch.labels.codes.numpy(), list(sizes))
    return regularizer.begin(graph, batch.labels.codes), graph


def test_the_adversarial_direction_is_the_hessians_first_eigenvector():
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


def test_the_adversarial_loss_exceeds_that_of_random_steps():
    model, batch = Classifier(), make_batch(ONE_PROPERTY)
    loss, graph = begin(VirtualAdversarial(radius=0.5), batch)
    log_proba = model.property_log_proba(batch.x)
    value = loss(model.predict_moved, batch, log_proba)
    for seed in range(5):
        torch.manual_seed(seed)
        step = nn.functional.normalize(torch.randn(N, D)) * 0.5 * graph.unit
        moved = model.property_log_proba(batch.x + step)[0]
        random = (log_proba[0].exp() * (log_proba[0] - moved)).sum(1).mean()
        assert value > random


def test_alignment_on_a_made_example():
    align = Alignment(torch.tensor([0.5, 0.5]), decay=0.0)
    proba = torch.tensor([[0.8, 0.2], [0.8, 0.2]])
    # The mean is (0.8, 0.2): the odds of 4 to 1 are divided by themselves.
    np.testing.assert_allclose(align(proba, torch.ones(2)), 0.5)
    proba = torch.tensor([[0.9, 0.1], [0.6, 0.4]])
    aligned = align(proba, torch.tensor([1.0, 3.0]))
    mean = (0.9 + 3 * 0.6) / 4
    odds = 0.9 / 0.1 * (1 - mean) / mean
    assert aligned[0, 0].item() == pytest.approx(odds / (1 + odds))


def test_the_first_target_is_that_of_the_formula():
    model, batch = Classifier(), make_batch(ONE_PROPERTY)
    loss, graph = begin(Neighbours(anchor=0.25, sharpness=3.0), batch)
    log_proba = model.property_log_proba(batch.x)
    memory = graph.propagated[0].copy()
    for row, code in {0: 0, 1: 1, 2: 2, 3: 0}.items():
        memory[row] = np.eye(3)[code]
    w = graph.weights.toarray()
    total = 0.0
    for i in range(4, N):
        around = w[i] @ memory / w[i].sum()
        target = (0.75 * around + 0.25 * graph.propagated[0][i]) ** 3
        total -= (target / target.sum()) @ log_proba[0][i].detach().numpy()
    value = loss(model.predict_moved, batch, log_proba)
    # The mean over unlabelled rows, times their share.
    assert value.item() == pytest.approx(total / N, rel=1e-4)


def test_the_memory_follows_the_model_and_keeps_the_labels():
    batch = make_batch(ONE_PROPERTY)
    loss, graph = begin(Neighbours(anchor=0.0, sharpness=1.0, memory_rate=1.0), batch)
    sure = torch.full((N, 3), -20.0)
    sure[:, 1] = 0.0
    log_proba = [sure.log_softmax(1)]
    loss(None, batch, log_proba)
    second = loss(None, batch, log_proba)
    # All but the labelled rows are now remembered as class 1.
    memory = np.tile([0.0, 1.0, 0.0], (N, 1))
    for row, code in {0: 0, 1: 1, 2: 2, 3: 0}.items():
        memory[row] = np.eye(3)[code]
    w = graph.weights.toarray()
    target = (w / w.sum(1, keepdims=True) @ memory)[4:]
    expected = -(target * log_proba[0][4:].numpy()).sum() / N
    assert second.item() == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("kappa", "share"), [(0.5, 0), (0.65, 0.25), (0.9, 1)])
def test_neighbours_count_as_far_as_they_agree_with_labels(kappa, share):
    """Each property for itself."""
    model = Classifier(sizes=(3, 2))
    batch = make_batch(make_codes({0: 0, 1: 1, 2: 2}, {5: 1, 6: 0}))
    graph = NeighbourGraph(batch.x.numpy(), batch.labels.codes.numpy(), [3, 2])
    log_proba = model.property_log_proba(batch.x)

    def value(*agreement):
        graph.agreement = list(agreement)
        loss = Neighbours().begin(graph, batch.labels.codes)
        return loss(None, batch, log_proba).item()

    expected = share * value(1.0, 1.0) + (1 - share) * value(1.0, 0.0)
    assert value(1.0, kappa) == pytest.approx(expected)
    both, neither = value(1.0, 1.0), value(0.0, 0.0)
    assert value(1.0, 0.0) + value(0.0, 1.0) == pytest.approx(both + neither)
    assert abs(value(1.0, 1.0) - value(1.0, 0.0)) > 0.1


def test_what_is_left_of_neighbours_that_differ_are_classes_that_nearly_vanish():
    """The divergence of those whose mean prediction is less than half their share."""
    batch = make_batch(ONE_PROPERTY)
    graph = NeighbourGraph(batch.x.numpy(), batch.labels.codes.numpy(), [3])
    graph.agreement = [0.0]
    share = graph.shares[0]
    loss = Neighbours().begin(graph, batch.labels.codes)
    # Rows differ, but for the mean of those without a label.
    noise = 0.1 * torch.rand(N, 1) * torch.tensor([1.0, -1.0, 0.0])
    noise[4:] -= noise[4:].mean(0)
    scarce = torch.tensor([0.5, 0.45, 0.05]) + noise
    enough = torch.tensor(share).float() * torch.tensor([1.3, 0.7, 1.0])
    enough = (enough / enough.sum()).expand(N, 3)

    def after_many_batches(proba):
        for _ in range(400):  # in which the running mean becomes that of the batch
            value = loss(None, batch, [proba.log()])
        return value

    assert after_many_batches(enough) == 0
    scarce.requires_grad_()
    value = after_many_batches(scarce)
    lack = share[2] * np.log(share[2] / 0.05 / 2)
    assert value.item() == pytest.approx(lack * (N - 4) / N, rel=1e-3)
    (slope,) = torch.autograd.grad(value, scarce)
    expected = torch.zeros(N, 3)
    expected[4:, 2] = -share[2] / 0.05 / N
    torch.testing.assert_close(slope, expected, rtol=1e-3, atol=1e-6)
    # A batch whose rows all have labels says nothing.
    labels = batch.labels._replace(codes=torch.ones_like(batch.labels.codes))
    loss(None, batch._replace(labels=labels), [scarce.log()])
    assert loss(None, batch, [scarce.log()]).item() == pytest.approx(value.item(), 1e-3)


@pytest.mark.parametrize(("kappa", "share"), [(0.5, 0), (0.65, 0.25), (0.9, 1)])
def test_adversarial_steps_count_as_far_as_neighbours_agree_with_labels(kappa, share):
    model = Classifier()
    batch = make_batch(ONE_PROPERTY)
    graph = NeighbourGraph(batch.x.numpy(), batch.labels.codes.numpy(), [3])
    log_proba = model.property_log_proba(batch.x)
    losses = []
    for graph.agreement in ([1.0], [kappa]):
        torch.manual_seed(0)
        loss = VirtualAdversarial().begin(graph, batch.labels.codes)
        losses.append(loss(model.predict_moved, batch, log_proba).item())
    assert losses[0] > 0
    assert losses[1] == pytest.approx(share * losses[0])


@pytest.mark.parametrize("regularizer", [Neighbours(), VirtualAdversarial()])
def test_properties_add_up_but_for_those_without_labels_or_with_all(regularizer):
    known = {row: row % 2 for row in range(N)}
    codes = make_codes({0: 0, 1: 1, 2: 2}, {}, {5: 1, 6: 0}, known)
    model = Classifier(sizes=(3, 4, 2, 2))
    batch = make_batch(codes)
    _, graph = begin(regularizer, batch, (3, 4, 2, 2))
    graph.agreement[3] = 1.0
    loss = regularizer.begin(graph, codes)
    value = loss(model.predict_moved, batch, model.property_log_proba(batch.x))
    value.backward()
    assert torch.isfinite(value)
    assert model.heads[1].weight.grad is None or not model.heads[1].weight.grad.any()
    assert model.heads[0].weight.grad.any()
    assert model.heads[2].weight.grad.any()
    # Nothing is computed for it.
    assert model.heads[3].weight.grad is None


def test_a_class_that_nobody_labelled_is_not_ruled_out():
    """A row of a spare component is not drawn to the labelled ones by the anchor."""
    batch = make_batch(make_codes({0: 0, 1: 1}))
    loss, _ = begin(Neighbours(memory_rate=1.0, sharpness=1.0), batch)
    spare = torch.full((N, 3), -20.0)
    spare[:, 2] = 0.0
    log_proba = [spare.log_softmax(1)]
    before = loss(None, batch, log_proba)
    after = loss(None, batch, log_proba)
    assert after < before
