from dataclasses import replace

import numpy as np
import pytest
import torch

from skfmvae.models import Batch, Labels
from skfmvae.regularizers import Neighbours

N = 30
LABELS = {0: 0, 1: 1, 2: 2, 3: 0}


def constant(*proba):
    """Return predictions of one property that are the same for every row."""
    return [torch.tensor(proba, dtype=torch.float32).log().expand(N, len(proba))]


def varied(*sizes):
    """Return predictions of properties that differ between rows."""
    generator = torch.Generator().manual_seed(0)
    logits = [torch.randn(N, size, generator=generator) for size in sizes]
    return [values.log_softmax(1).requires_grad_() for values in logits]


def expected_loss(graph, average, log_proba, propagated_share=0.3):
    """Return the mean cross-entropy of the unlabelled rows, times their share."""
    w = graph.weights.toarray()
    total = 0.0
    for i in np.flatnonzero(graph.codes[:, 0] < 0):
        around = w[i] @ average / w[i].sum()
        own = graph.labels[0].proba[i]
        target = ((1 - propagated_share) * around + propagated_share * own) ** 2
        total -= (target / target.sum()) @ log_proba[0][i].detach().numpy()
    return total / N


def begin(graph):
    loss = Neighbours().begin(graph, None, torch.from_numpy(graph.codes))
    loss.begin_epoch()
    return loss


def known_rows(graph, values):
    """Return values in which labelled rows have their class for sure."""
    known = graph.codes[:, 0] >= 0
    values[known] = np.eye(values.shape[1])[graph.codes[known, 0]]
    return values


def test_the_first_target_is_that_of_the_formula(make_batch, make_graph):
    batch = make_batch(LABELS)
    graph, log_proba = make_graph(batch), varied(3)
    average = known_rows(graph, graph.labels[0].proba.copy())
    value = begin(graph)(None, batch, log_proba)
    expected = expected_loss(graph, average, log_proba)
    assert value.item() == pytest.approx(expected, rel=1e-4)


def test_rows_that_are_not_in_the_graph_have_no_loss(make_batch, make_graph):
    """The mean is over those that are, and the weight by the share of all rows."""
    batch = make_batch(LABELS)
    graph, log_proba = make_graph(batch), varied(3)
    expected = begin(graph)(None, batch, log_proba) / ((N - len(LABELS)) / N)
    every_second = np.arange(0, 2 * N, 2)
    codes = torch.full((2 * N, 1), -1)
    codes[every_second] = batch.labels.codes
    everything = Batch(
        torch.zeros(2 * N, 4),
        Labels(codes, torch.empty(2 * N, 0)),
        torch.ones(2 * N),
        torch.arange(2 * N),
    )
    predicted = torch.randn(2 * N, 3).log_softmax(1)
    predicted[every_second] = log_proba[0]
    graph = replace(graph, rows=every_second)
    loss = Neighbours().begin(graph, None, codes)
    loss.begin_epoch()
    before = loss.ensembles[0].average.clone()
    value = loss(None, everything, [predicted]) / ((2 * N - len(LABELS)) / (2 * N))
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)
    moved = (loss.ensembles[0].average != before).any(1)
    assert moved.tolist() == (batch.labels.codes[:, 0] < 0).tolist()


def test_the_running_average_follows_aligned_predictions(make_batch, make_graph):
    """By a fifth of each, on unlabelled rows; labelled ones keep their class.

    Predictions are the same for every row, so that aligned ones follow from the prior
    and the mean, which moves by a hundredth.
    """
    batch, n_batches = make_batch(LABELS), 3
    graph, proba = make_graph(batch), np.array([0.1, 0.7, 0.2])
    loss, log_proba = begin(graph), constant(*proba)
    prior = graph.labels[0].class_prior
    average, mean = known_rows(graph, graph.labels[0].proba.copy()), prior
    for _ in range(n_batches):
        loss(None, batch, log_proba)
        mean = 0.99 * mean + 0.01 * proba
        aligned = proba * prior / mean
        average = 0.8 * average + 0.2 * aligned / aligned.sum()
        known_rows(graph, average)
    loss.begin_epoch()
    value = loss(None, batch, log_proba).item()
    assert value == pytest.approx(expected_loss(graph, average, log_proba), rel=1e-5)
    assert abs(aligned / aligned.sum() - proba).max() > 1e-3


def test_memory_is_all_that_batches_leave(make_batch, make_graph, with_reliability):
    """Copied into a new loss it gives the same targets and alignment."""
    batch, log_proba = make_batch(LABELS), varied(3)
    graph = with_reliability(make_graph(batch), 0.4)  # so that both losses count
    loss, other = begin(graph), begin(graph)
    for _ in range(3):
        loss(None, batch, log_proba)
    assert len(loss.memory) == 3
    for tensor, values in zip(other.memory, loss.memory, strict=True):
        assert not torch.equal(tensor, values)
        tensor.copy_(values)
    for _ in range(2):
        loss.begin_epoch()
        other.begin_epoch()
        value = loss(None, batch, log_proba)
        assert torch.equal(other(None, batch, log_proba), value)


def test_targets_change_with_the_epoch_alone(make_batch, make_graph):
    batch = make_batch(LABELS)
    loss, log_proba = begin(make_graph(batch)), constant(0.1, 0.7, 0.2)
    first = loss(None, batch, log_proba)
    assert torch.equal(loss(None, batch, log_proba), first)
    loss.begin_epoch()
    assert (loss(None, batch, log_proba) - first).abs() > 1e-3


def test_alignment_keeps_averages_from_becoming_one_class(make_batch, make_graph):
    """Predictions of a class that is too frequent by far move averages to the prior."""
    batch = make_batch(LABELS)
    graph = make_graph(batch)
    loss, log_proba = begin(graph), constant(0.98, 0.01, 0.01)
    for _ in range(1000):
        loss(None, batch, log_proba)
    average = known_rows(graph, np.tile(graph.labels[0].class_prior, (N, 1)))
    loss.begin_epoch()
    value = loss(None, batch, log_proba).item()
    assert value == pytest.approx(expected_loss(graph, average, log_proba), rel=1e-2)


def test_a_class_without_labels_is_not_ruled_out(make_batch, make_graph):
    """Averages start equal, and neither propagated labels nor a prior draw rows away.

    There are no seeds here, of which a graph gives some where it can.
    """
    batch = make_batch({0: 0, 1: 1})
    graph = replace(make_graph(batch), codes=batch.labels.codes.numpy())
    labels = graph.labels[0]
    labels = replace(labels, class_prior=np.array([0.5, 0.5, 0.0]))
    graph = replace(graph, labels=(labels,))
    proba = np.array([0.1, 0.2, 0.7])
    loss, log_proba = begin(graph), constant(*proba)
    average = known_rows(graph, np.full((N, 3), 1 / 3))
    for _ in range(3):
        loss.begin_epoch()
        expected = expected_loss(graph, average, log_proba, propagated_share=0.0)
        value = loss(None, batch, log_proba).item()
        assert value == pytest.approx(expected, rel=1e-5)
        average = known_rows(graph, 0.8 * average + 0.2 * proba)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_neighbours_count_as_far_as_they_are_reliable(
    make_batch, make_graph, with_reliability, share
):
    """Each property for itself."""
    batch = make_batch({0: 0, 1: 1, 2: 2}, {5: 1, 6: 0})
    graph, log_proba = make_graph(batch, (3, 2)), varied(3, 2)

    def value(*reliability):
        return begin(with_reliability(graph, *reliability))(
            None, batch, log_proba
        ).item()

    expected = share * value(1.0, 1.0) + (1 - share) * value(1.0, 0.0)
    assert value(1.0, share) == pytest.approx(expected)
    both, neither = value(1.0, 1.0), value(0.0, 0.0)
    assert value(1.0, 0.0) + value(0.0, 1.0) == pytest.approx(both + neither)
    assert abs(value(1.0, 1.0) - value(1.0, 0.0)) > 0.1


@pytest.mark.parametrize("share", [1.0, 0.75])
def test_where_they_are_not_reliable_classes_are_kept_from_vanishing(
    make_batch, make_graph, with_reliability, share
):
    """By the divergence from the class prior, times the share of unlabelled rows."""
    batch = make_batch(LABELS)
    graph = make_graph(batch)
    prior = graph.labels[0].class_prior
    scarce = [0.5, 0.45, 0.05]
    loss, value = begin(with_reliability(graph, 1 - share)), 0.0
    reliable = begin(with_reliability(graph, 1.0))
    for _ in range(400):  # in which the running mean becomes that of the batch
        value = loss(None, batch, constant(*scarce)).item()
        neighbours = reliable(None, batch, constant(*scarce)).item()
    divergence = prior[2] * np.log(prior[2] / 0.05 / 2)
    expected = share * divergence * (N - 4) / N + (1 - share) * neighbours
    assert value == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("reliability", [0.0, 1.0])
def test_properties_add_up_without_those_that_have_no_label_or_all(
    make_batch, make_graph, with_reliability, reliability
):
    all_known = {row: row % 2 for row in range(N)}
    batch = make_batch({0: 0, 1: 1, 2: 2}, {}, {5: 1, 6: 0}, all_known)
    graph = with_reliability(
        make_graph(batch, (3, 4, 2, 2)), 1.0, None, 1.0, reliability
    )
    log_proba = varied(3, 4, 2, 2)
    value = begin(graph)(None, batch, log_proba)
    value.backward()
    assert torch.isfinite(value)
    assert [values.grad is not None for values in log_proba] == [1, 0, 1, 0]
    alone = [make_batch({0: 0, 1: 1, 2: 2}), make_batch({5: 1, 6: 0})]
    expected = 0.0
    for some, size, predictions in zip(alone, (3, 2), log_proba[::2], strict=True):
        of_one = with_reliability(make_graph(some, (size,)), 1.0)
        expected += begin(of_one)(None, some, [predictions]).item()
    assert value.item() == pytest.approx(expected)


def test_the_settings_of_the_graph_are_those_of_the_parameters():
    settings = {"n_neighbors": 3, "alpha": 0.5, "n_candidates": 8, "exact_up_to": 9}
    neighbours = Neighbours(**settings, features="f", distance="d", memory="m")
    expected = settings | {"features": "f", "distance": "d", "memory": "m"}
    found = neighbours.neighbour_graph_settings({"kind": 2})
    assert found == expected | {"class_prior": [None]}


def test_fewer_candidates_than_neighbours_are_refused():
    neighbours = Neighbours(n_neighbors=9, n_candidates=8, distance=np.subtract)
    with pytest.raises(ValueError, match="n_candidates=8 .* n_neighbors=9"):
        neighbours.neighbour_graph_settings({"kind": 2})


def test_a_class_prior_belongs_to_the_property_that_it_names():
    def priors(class_prior, **n_values):
        neighbours = Neighbours(class_prior=class_prior)
        return neighbours.neighbour_graph_settings(n_values)["class_prior"]

    np.testing.assert_allclose(priors([0.2, 0.8], kind=2), [[0.2, 0.8]])
    none, size = priors({"size": [0.5, 0.25, 0.25]}, kind=2, size=3)
    assert none is None
    np.testing.assert_allclose(size, [0.5, 0.25, 0.25])
    with pytest.raises(ValueError, match=r"which of the properties \['kind', 'size'\]"):
        priors([0.2, 0.8], kind=2, size=3)
    with pytest.raises(ValueError, match=r"unknown properties \['colour'\]"):
        priors({"colour": [0.2, 0.8]}, kind=2)


@pytest.mark.parametrize(
    "class_prior", [[0.5, 0.6], [1.0], [1.0, 0.0], ["a", "b"], [[0.5, 0.5]]]
)
def test_what_is_no_class_prior_is_refused(class_prior):
    neighbours = Neighbours(class_prior=class_prior)
    with pytest.raises(ValueError, match="class_prior of 'kind' should be 2 positive"):
        neighbours.neighbour_graph_settings({"kind": 2})
