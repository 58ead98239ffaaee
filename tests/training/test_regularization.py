import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Normal

from skfmvae.neighbour_graph import NeighbourGraph
from skfmvae.neighbour_graph.edges import nearest_neighbour_graph
from skfmvae.nn.likelihoods import BernoulliModule
from skfmvae.regularizers import Neighbours, VirtualAdversarial
from skfmvae.regularizers.base import Regularizer
from skfmvae.training import Rows
from skfmvae.training.regularization import RegularizerTerms

N, D, C = 40, 4, 3


class Linear(nn.Module):
    """What regularizers may know of a model; its latents are the columns of the
    rows."""

    n_components = {"property": C}
    independent_properties = ("property",)
    property_blocks = {"property": slice(1, 3)}
    n_latents = D

    def __init__(self):
        super().__init__()
        self.likelihood = BernoulliModule(D)  # which moves no row
        self.head = nn.Linear(D, C)

    def encode(self, x):
        assert not self.training
        return Normal(x, 1.0)

    def property_log_proba(self, x):
        return [torch.log_softmax(self.head(x), dim=1)]


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Linear()


def make_rows(n_labelled=6):
    X = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)
    codes = np.where(np.arange(N) < n_labelled, np.arange(N) % C, -1)
    return Rows(X, codes[:, None])


class Constant(Regularizer):
    """A regularizer of known loss that notes what it is given."""

    moves_rows = False
    needs_graph = True

    def __init__(self, name, weight, value, n_rebuilds=0):
        self.name = name
        self.weight = weight
        self.value = value
        self.n_rebuilds = n_rebuilds
        self.graphs, self.seen = [], []

    def begin(self, graph, codes):
        self.graphs.append(graph)

        def loss(predict, batch, log_proba):
            self.seen.append((predict(batch.x, torch.zeros(D)), log_proba))
            return torch.tensor(self.value)

        return loss


def test_an_independent_property_that_nobody_labelled_is_looked_for(model):
    """Though the other is known on all rows."""
    rng = np.random.default_rng(0)
    known, hidden = rng.integers(C, size=(2, 300))
    X = np.concatenate([9 * np.eye(C)[known], 3 * np.eye(C)[hidden]], axis=1)
    X = (X + rng.normal(scale=0.3, size=X.shape)).astype(np.float32)
    rows = Rows(X, np.stack([known, np.full(300, -1)], axis=1))
    model.n_components = {"property": C, "hidden": C}
    for independent in (["property", "hidden"], ["property"]):
        model.independent_properties = independent
        terms = RegularizerTerms([Constant("a", 1.0, 1.0)], model, rows)
        np.testing.assert_array_equal(terms.rows.codes[:, 0], known)
        seeded = terms.rows.codes[:, 1].numpy()
        assert (seeded >= 0).any() == ("hidden" in independent)
        pairs = {*zip(seeded[seeded >= 0], hidden[seeded >= 0], strict=True)}
        assert len(pairs) == (C if "hidden" in independent else 0)


def test_the_total_is_the_weighted_sum_and_grows_in(model):
    regularizers = [Constant("a", 2.0, 5.0), Constant("b", 0.5, 8.0)]
    rows = make_rows()
    terms = RegularizerTerms(regularizers, model, rows)
    batch = rows[torch.arange(10)]
    for progress, growth in ((0.0, 0.0), (0.05, 0.5), (0.1, 1.0), (0.9, 1.0)):
        log_proba = model.property_log_proba(batch.x)
        losses, total = terms(batch, log_proba, progress)
        assert {name: loss.item() for name, loss in losses.items()} == {"a": 5, "b": 8}
        assert total.item() == pytest.approx(growth * (2 * 5 + 0.5 * 8))
    assert regularizers[0].graphs[0] is regularizers[1].graphs[0]


def test_aids_see_predictions_at_a_temperature(model):
    """The log-odds of any two classes are a third of the model's."""
    regularizer = Constant("a", 1.0, 1.0)
    rows = make_rows()
    batch = rows[torch.arange(10)]
    (logits,) = log_proba = model.property_log_proba(batch.x)
    RegularizerTerms([regularizer], model, rows)(batch, log_proba, 0.5)
    for (predicted,) in regularizer.seen[0]:
        torch.testing.assert_close(predicted.exp().sum(1), torch.ones(10))
        odds = predicted[:, :1] - predicted
        torch.testing.assert_close(odds, (logits[:, :1] - logits) / 3)


@pytest.mark.parametrize("training", [True, False])
def test_batch_normalisation_does_not_remember_rows_that_aids_move(model, training):
    model.head = nn.Sequential(nn.BatchNorm1d(D), nn.Linear(D, C)).train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    regularizer, rows = Constant("a", 1.0, 1.0), make_rows()
    batch = rows[torch.arange(10)]
    log_proba = [torch.zeros(10, C)]
    RegularizerTerms([regularizer], model, rows)(batch, log_proba, 0.5)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    # It normalises as ever: by the batch in training, else by what it remembers.
    expected = torch.log_softmax(model.property_log_proba(batch.x)[0] / 3, dim=1)
    torch.testing.assert_close(regularizer.seen[0][0][0], expected)
    assert model.head[0].track_running_stats


def test_with_nothing_to_infer_there_is_no_aid(model):
    regularizer = Constant("a", 1.0, 1.0)
    rows = make_rows(N)
    terms = RegularizerTerms([regularizer], model, rows)
    assert not terms
    assert terms.rows is rows
    assert regularizer.graphs == []


def test_without_discrete_properties_there_is_no_aid(model):
    X = np.zeros((N, D), dtype=np.float32)
    codes = np.empty((N, 0), dtype=np.int64)
    assert not RegularizerTerms([Constant("a", 1.0, 1.0)], model, Rows(X, codes))


def test_seeds_of_clusters_stand_for_labels(model):
    regularizer = Constant("a", 1.0, 1.0)
    rows = make_rows(0)
    terms = RegularizerTerms([regularizer], model, rows)
    seeded = terms.rows.codes[:, 0]
    assert {*seeded.tolist()} == {-1, 0, 1, 2}
    np.testing.assert_array_equal(regularizer.graphs[0].codes[:, 0], seeded)
    assert regularizer.graphs[0].propagated[0] is not None
    # What the caller gave stays as it is.
    assert (rows.codes == -1).all()
    labelled = make_rows(6)
    codes = RegularizerTerms([regularizer], model, labelled).rows.codes
    torch.testing.assert_close(codes, labelled.codes)


def test_neighbours_in_the_propertys_latents_join_at_even_distances(model):
    regularizers = [Constant("a", 1.0, 1.0, n_rebuilds=2), Constant("b", 1.0, 1.0)]
    rows = make_rows()
    terms = RegularizerTerms(regularizers, model, rows)
    built = []
    for epoch in range(10):
        terms.begin_epoch(epoch / 10)
        built.append(len(regularizers[0].graphs) - 1)
    assert built == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]  # from 1/3 and from 2/3
    assert len(regularizers[1].graphs) == 3
    first, second, third = regularizers[0].graphs
    latents, _ = nearest_neighbour_graph(rows.values()[:, 1:3], 5)
    # The latents are those of the time: here the same, and not there twice.
    for joined in (second, third):
        np.testing.assert_allclose(
            joined.weights.toarray(), (first.weights + latents).toarray()
        )


def test_the_graph_is_that_which_the_neighbours_ask_for(model):
    rows = make_rows()
    regularizers = [VirtualAdversarial(), Neighbours(n_neighbors=2, alpha=0.5)]
    graph = RegularizerTerms(regularizers, model, rows).graph
    expected = NeighbourGraph(
        rows.values(), rows.codes.numpy(), [C], n_neighbors=2, alpha=0.5
    )
    np.testing.assert_array_equal(graph.weights.toarray(), expected.weights.toarray())
    np.testing.assert_array_equal(graph.propagated[0], expected.propagated[0])
