import numpy as np
import pytest
import scipy.sparse
import torch
from sklearn.preprocessing import FunctionTransformer
from torch import nn
from torch.distributions import Normal

from skfmvae._utils.random import seeded_draws
from skfmvae.neighbour_graph import build_neighbour_graph, measure_step_space
from skfmvae.neighbour_graph.edges import nearest_neighbour_weights
from skfmvae.nn import Gaussian, LikelihoodWithGaps
from skfmvae.nn.likelihoods.bernoulli import BernoulliModule
from skfmvae.regularizers import Neighbours, VirtualAdversarial
from skfmvae.regularizers.base import Regularizer, RegularizerLoss
from skfmvae.training import Rows
from skfmvae.training.regularization import build_regularizer_terms

N, D, C = 40, 4, 3


class Linear(nn.Module):
    """What regularizers may know of a model; its latents are the columns of the
    rows."""

    n_components = {"property": C}
    independent_properties = ("property",)
    property_blocks = {"property": slice(1, 3)}
    n_latents = D
    consistency_temperature = 3.0

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


class Noted(RegularizerLoss):
    """A loss of known value that notes what it is given."""

    def __init__(self, value, seen):
        self.value = value
        self.seen = seen

    def __call__(self, predict, batch, log_proba):
        self.seen.append((predict(batch.x, torch.zeros(D)), log_proba))
        return torch.tensor(self.value)


class Constant(Regularizer):
    """A regularizer of known loss that notes what it is given."""

    moves_rows = False
    needs_neighbour_graph = True

    def __init__(self, name, weight, value, n_rebuilds=0):
        self.name = name
        self.weight = weight
        self.value = value
        self.n_rebuilds = n_rebuilds
        self.graphs, self.steps, self.seen = [], [], []

    def begin(self, graph, steps, codes):
        self.graphs.append(graph)
        self.steps.append(steps)
        return Noted(self.value, self.seen)


def test_an_independent_property_without_labels_is_discovered(model):
    """Although the other is known on all rows."""
    rng = np.random.default_rng(0)
    known, hidden = rng.integers(C, size=(2, 300))
    X = np.concatenate([9 * np.eye(C)[known], 3 * np.eye(C)[hidden]], axis=1)
    X = (X + rng.normal(scale=0.3, size=X.shape)).astype(np.float32)
    rows = Rows(X, np.stack([known, np.full(300, -1)], axis=1))
    model.n_components = {"property": C, "hidden": C}
    for independent in (["property", "hidden"], ["property"]):
        model.independent_properties = independent
        terms = build_regularizer_terms([Constant("a", 1.0, 1.0)], model, rows)
        np.testing.assert_array_equal(terms.rows.codes[:, 0], known)
        seeded = terms.rows.codes[:, 1].numpy()
        assert (seeded >= 0).any() == ("hidden" in independent)
        pairs = {*zip(seeded[seeded >= 0], hidden[seeded >= 0], strict=True)}
        assert len(pairs) == (C if "hidden" in independent else 0)


def test_the_total_is_the_weighted_sum_and_grows_in(model):
    regularizers = [Constant("a", 2.0, 5.0), Constant("b", 0.5, 8.0)]
    rows = make_rows()
    terms = build_regularizer_terms(regularizers, model, rows)
    batch = rows[torch.arange(10)]
    for progress, growth in ((0.0, 0.0), (0.05, 0.5), (0.1, 1.0), (0.9, 1.0)):
        log_proba = model.property_log_proba(batch.x)
        losses, total = terms(batch, log_proba, progress)
        assert {name: loss.item() for name, loss in losses.items()} == {"a": 5, "b": 8}
        assert total.item() == pytest.approx(growth * (2 * 5 + 0.5 * 8))
    assert regularizers[0].graphs[0] is regularizers[1].graphs[0]


def test_regularizers_see_predictions_at_a_temperature(model):
    """The log-odds of any two classes are a third of the model's."""
    regularizer = Constant("a", 1.0, 1.0)
    rows = make_rows()
    batch = rows[torch.arange(10)]
    (logits,) = log_proba = model.property_log_proba(batch.x)
    build_regularizer_terms([regularizer], model, rows)(batch, log_proba, 0.5)
    for (predicted,) in regularizer.seen[0]:
        torch.testing.assert_close(predicted.exp().sum(1), torch.ones(10))
        odds = predicted[:, :1] - predicted
        torch.testing.assert_close(odds, (logits[:, :1] - logits) / 3)


@pytest.mark.parametrize("training", [True, False])
def test_moved_rows_change_no_running_mean_of_batch_normalisation(model, training):
    model.head = nn.Sequential(nn.BatchNorm1d(D), nn.Linear(D, C)).train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    regularizer, rows = Constant("a", 1.0, 1.0), make_rows()
    batch = rows[torch.arange(10)]
    log_proba = [torch.zeros(10, C)]
    build_regularizer_terms([regularizer], model, rows)(batch, log_proba, 0.5)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    # It normalises by the batch in training, else by its running means.
    expected = torch.log_softmax(model.property_log_proba(batch.x)[0] / 3, dim=1)
    torch.testing.assert_close(regularizer.seen[0][0][0], expected)
    assert model.head[0].track_running_stats


def test_with_nothing_to_infer_there_is_no_regularizer(model):
    regularizer = Constant("a", 1.0, 1.0)
    rows = make_rows(N)
    terms = build_regularizer_terms([regularizer], model, rows)
    assert not terms
    assert terms.rows is rows
    assert regularizer.graphs == []


def test_without_discrete_properties_there_is_no_regularizer(model):
    X = np.zeros((N, D), dtype=np.float32)
    codes = np.empty((N, 0), dtype=np.int64)
    assert not build_regularizer_terms([Constant("a", 1.0, 1.0)], model, Rows(X, codes))


def test_seeds_of_clusters_count_as_labels(model):
    regularizer = Constant("a", 1.0, 1.0)
    rows = make_rows(0)
    terms = build_regularizer_terms([regularizer], model, rows)
    seeded = terms.rows.codes[:, 0]
    assert {*seeded.tolist()} == {-1, 0, 1, 2}
    np.testing.assert_array_equal(regularizer.graphs[0].codes[:, 0], seeded)
    assert regularizer.graphs[0].labels[0] is not None
    # The rows of the caller stay unlabelled.
    assert (rows.codes == -1).all()
    labelled = make_rows(6)
    codes = build_regularizer_terms([regularizer], model, labelled).rows.codes
    torch.testing.assert_close(codes, labelled.codes)


def test_neighbours_in_the_propertys_latents_join_at_even_distances(model):
    regularizers = [Constant("a", 1.0, 1.0, n_rebuilds=2), Constant("b", 1.0, 1.0)]
    rows = make_rows()
    terms = build_regularizer_terms(regularizers, model, rows)
    built = []
    for epoch in range(10):
        terms.begin_epoch(epoch / 10)
        built.append(len(regularizers[0].graphs) - 1)
    assert built == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]  # from 1/3 and from 2/3
    assert len(regularizers[1].graphs) == 3
    first, second, third = regularizers[0].graphs
    latents = nearest_neighbour_weights(rows.values()[:, 1:3], 5)
    # Latents of an earlier rebuild are not kept: here both are the same.
    for joined in (second, third):
        np.testing.assert_allclose(
            joined.weights.toarray(), (first.weights + latents).toarray()
        )


def test_a_state_brings_back_averages_and_the_joined_graph(model):
    rows = make_rows()
    batch = rows[torch.arange(10)]
    log_proba = [values.detach() for values in model.property_log_proba(batch.x)]

    def begun():
        return build_regularizer_terms([Neighbours(n_rebuilds=2)], model, rows)

    terms, other = begun(), begun()
    for progress in (0.0, 0.4, 0.5):  # rebuilt once, at a third
        terms.begin_epoch(progress)
        terms(batch, log_proba, progress)
    # The latents are other ones by then, and those of the rebuild count.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Linear, "encode", refuse)
        other.load_state(terms.state())
        for each in (terms, other):
            each.begin_epoch(0.6)
    assert other.n_rebuilt == 1
    (value,), (expected,) = (
        each(batch, log_proba, 0.6)[0].values() for each in (other, terms)
    )
    assert torch.equal(value, expected)
    without = begun()
    without.begin_epoch(0.0)
    assert without(batch, log_proba, 0.6)[0]["neighbours"] != expected


@pytest.mark.parametrize("n_rebuilds", [0, 2])
def test_neighbours_in_latents_join_at_once_where_training_goes_on(model, n_rebuilds):
    regularizer = Constant("a", 1.0, 1.0, n_rebuilds=n_rebuilds)
    terms = build_regularizer_terms([regularizer], model, make_rows())
    for _ in range(3):
        terms.begin_epoch(1.0)
    assert len(regularizer.graphs) == 1 + bool(n_rebuilds)


def test_the_graph_is_built_by_the_settings_of_the_neighbours(model):
    rows = make_rows()
    regularizers = [VirtualAdversarial(), Neighbours(n_neighbors=2, alpha=0.5)]
    graph = build_regularizer_terms(regularizers, model, rows).graph
    expected = build_neighbour_graph(
        rows.values(), rows.codes.numpy(), [C], n_neighbors=2, alpha=0.5
    )
    np.testing.assert_array_equal(graph.weights.toarray(), expected.weights.toarray())
    np.testing.assert_array_equal(graph.labels[0].proba, expected.labels[0].proba)


def refuse(*args, **kwargs):
    raise AssertionError("nobody asked for it")


def test_only_what_a_regularizer_asks_for_is_computed(model, monkeypatch):
    """A graph, the space of steps, both, or for labelled rows nothing."""
    rows, where = make_rows(), "skfmvae.training.regularization"
    for moves_rows, needs_graph in ((0, 0), (0, 1), (1, 0), (1, 1)):
        regularizer = Constant("a", 1.0, 1.0)
        regularizer.moves_rows = moves_rows
        regularizer.needs_neighbour_graph = needs_graph
        with monkeypatch.context() as patch:
            if not needs_graph:
                patch.setattr(f"{where}.build_neighbour_graph", refuse)
            if not moves_rows:
                patch.setattr(f"{where}.measure_step_space", refuse)
            build_regularizer_terms([regularizer], model, rows)
        assert (regularizer.graphs[0] is not None) == needs_graph
        assert (regularizer.steps[0] is not None) == moves_rows
    monkeypatch.setattr(f"{where}.build_neighbour_graph", refuse)
    monkeypatch.setattr(f"{where}.measure_step_space", refuse)
    build_regularizer_terms([regularizer], model, make_rows(N))


@pytest.mark.parametrize("needs_graph", [False, True])
def test_steps_are_taken_where_neighbours_are_found(needs_graph):
    """Among whitened components, with or without a graph."""
    X = np.random.default_rng(0).normal(size=(80, 60)).astype(np.float32)
    rows = Rows(X, np.where(np.arange(80) < 6, np.arange(80) % C, -1)[:, None])
    regularizer = Constant("a", 1.0, 1.0)
    regularizer.moves_rows, regularizer.needs_neighbour_graph = True, needs_graph
    build_regularizer_terms([regularizer], Linear(), rows)
    expected = measure_step_space(X, 0.125)
    (steps,) = regularizer.steps
    assert steps.unit == pytest.approx(expected.unit, rel=1e-4)
    np.testing.assert_allclose(steps.axes, expected.axes, rtol=1e-4)


def test_features_of_the_user_draw_from_the_generators_of_the_fit(model):
    class Drawing(FunctionTransformer):
        def fit_transform(self, X, y=None):
            return X @ torch.randn(D, 2).numpy()

    rows, graphs = make_rows(), []
    before = torch.get_rng_state()
    for seed in (0, 0, 1):
        with seeded_draws(seed):
            terms = build_regularizer_terms(
                [Neighbours(features=Drawing())], model, rows
            )
        graphs.append(terms.graph.weights.toarray())
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(graphs[0], graphs[1])
    assert not np.array_equal(graphs[0], graphs[2])


@pytest.mark.parametrize("hold", [np.asarray, scipy.sparse.csr_array])
def test_features_and_distances_of_the_user_see_means_in_gaps(model, hold):
    complete = make_rows().values() + 5
    is_gap = np.random.default_rng(1).random((N, D)) < 0.3
    is_gap[:, 3] = True  # a column of nothing
    X = np.where(is_gap, np.float32(np.nan), complete)
    model.likelihood = LikelihoodWithGaps(Gaussian().build(X), True)
    seen = []

    class Seeing(FunctionTransformer):
        def fit_transform(self, X, y=None):
            seen.append(X)
            return X.toarray() if scipy.sparse.issparse(X) else X

    def distance(A, B):
        assert np.isfinite(A).all()
        return abs(A - B).sum(axis=1)

    if hold is not np.asarray:
        distance = None
    regularizer = Neighbours(features=Seeing(), distance=distance)
    rows = Rows(hold(X), make_rows().codes.numpy())
    build_regularizer_terms([regularizer], model, rows)
    [found] = seen
    assert scipy.sparse.issparse(found) == (hold is not np.asarray)
    found = found.toarray() if scipy.sparse.issparse(found) else found
    np.testing.assert_array_equal(found[~is_gap], complete[~is_gap])
    means = [complete[~gaps, j].mean() for j, gaps in enumerate(is_gap[:, :3].T)]
    for j, mean in enumerate([*means, 0.0]):
        np.testing.assert_allclose(found[is_gap[:, j], j], mean, rtol=1e-5)


def test_features_of_the_user_get_complete_rows_as_they_are(model):
    rows, seen = make_rows(), []

    class Seeing(FunctionTransformer):
        def fit_transform(self, X, y=None):
            seen.append(X)
            return X

    build_regularizer_terms([Neighbours(features=Seeing())], model, rows)
    assert np.shares_memory(seen[0], rows.values())


def test_of_many_rows_a_part_is_in_the_graph(model):
    """It has the graph that it would have on its own."""
    rows = make_rows(n_labelled=12)
    settings = [Neighbours(max_rows=20, n_rebuilds=1)]
    terms = build_regularizer_terms(settings, model, rows)
    part = terms.graph.rows
    assert len(part) == 20
    assert (rows.codes[part] >= 0).sum() == 10
    np.testing.assert_array_equal(terms.rows.codes, rows.codes)
    own = build_regularizer_terms(settings, model, rows.choose(torch.from_numpy(part)))
    assert own.graph.rows is None
    hidden = torch.zeros(N, 1, dtype=torch.bool)
    hidden[part[0]] = True
    of_both = [
        (terms, own),
        (terms.without(hidden, model), own.without(hidden[part], model)),
    ]
    for found, expected in of_both:
        for progress in (0.0, 0.7):  # when latents join
            for graph_terms in (found, expected):
                graph_terms.begin_epoch(progress)
            ensembles = [t.losses[settings[0]].ensembles for t in (found, expected)]
            for of_found, of_expected in zip(*ensembles, strict=True):
                np.testing.assert_array_equal(of_found.target, of_expected.target)
        np.testing.assert_array_equal(found.graph.codes, expected.graph.codes)


def test_seeds_of_a_part_are_known_among_all_rows(model):
    rows = make_rows(n_labelled=0)
    terms = build_regularizer_terms([Neighbours(max_rows=30)], model, rows)
    codes = torch.full((N, 1), -1)
    codes[terms.graph.rows] = torch.from_numpy(terms.graph.codes)
    assert (codes >= 0).any()
    torch.testing.assert_close(terms.rows.codes, codes)
    assert (rows.codes < 0).all()  # which are the caller's


def test_properties_are_taught_where_a_regularizer_has_a_weight(model):
    rows = make_rows()
    assert build_regularizer_terms([], model, rows).regularized == [False]
    for weight in (0.0, 1.0):
        terms = build_regularizer_terms([Constant("a", weight, 1.0)], model, rows)
        assert terms.regularized == [weight > 0]
