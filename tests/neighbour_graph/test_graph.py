import dataclasses
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs
from sklearn.metrics.pairwise import paired_euclidean_distances
from sklearn.preprocessing import FunctionTransformer

from skfmvae.neighbour_graph import build_neighbour_graph
from skfmvae.neighbour_graph.components import principal_space
from skfmvae.neighbour_graph.edges import nearest_neighbour_weights
from skfmvae.neighbour_graph.propagation import default_alpha, label_probabilities
from skfmvae.neighbour_graph.reliability import judge_by_hidden_labels
from skfmvae.neighbour_graph.search import nearest_rows

FIRST_COLUMN = FunctionTransformer(lambda X: X[:, :1])
IMPORT_ALL = """
import pkgutil, sys
from importlib import import_module
import skfmvae.neighbour_graph as room
for module in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
    import_module(module.name)
print(sorted({"torch", "skorch"} & set(sys.modules)))
"""


def test_importing_the_room_imports_no_torch():
    command = [sys.executable, "-c", IMPORT_ALL]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def make_points(n=40, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)


def unlabelled(n=40, n_properties=1):
    return np.full((n, n_properties), -1)


def test_a_graph_is_frozen():
    graph = build_neighbour_graph(make_points(), unlabelled(), [2])
    with pytest.raises(dataclasses.FrozenInstanceError):
        graph.weights = None


def test_each_property_is_propagated_on_the_one_graph():
    X, codes = make_points(), unlabelled(n_properties=3)
    codes[:6, 0] = [0, 1, 0, 1, 0, 1]
    codes[10:13, 2] = [0, 1, 2]
    together = build_neighbour_graph(X, codes, [2, 4, 3], n_neighbors=4)
    expected = nearest_neighbour_weights(X, 4)
    np.testing.assert_array_equal(together.weights.toarray(), expected.toarray())
    assert together.labels[1] is None
    for k, n in ((0, 2), (2, 3)):
        alone = build_neighbour_graph(X, codes[:, [k]], [n], n_neighbors=4)
        ours, theirs = together.labels[k], alone.labels[0]
        np.testing.assert_array_equal(ours.proba, theirs.proba)
        np.testing.assert_array_equal(ours.class_prior, theirs.class_prior)


def test_alpha_is_the_default_of_each_property_unless_it_is_given():
    X, codes = make_points(), unlabelled(n_properties=2)
    codes[:4, 0] = codes[:16, 1] = 0
    codes[4:8, 0] = codes[16:32, 1] = 1
    graph = build_neighbour_graph(X, codes, [2, 2])
    given = build_neighbour_graph(X, codes, [2, 2], alpha=0.5)
    assert [labels.alpha for labels in given.labels] == [0.5, 0.5]
    for column, labels in zip(codes.T, graph.labels, strict=True):
        assert labels.alpha == default_alpha(column)
        expected = label_probabilities(
            graph.weights, column, labels.alpha, labels.class_prior
        )
        np.testing.assert_array_equal(labels.proba, expected)


def test_each_property_is_as_reliable_as_its_hidden_labels_say(label_evenly):
    X, y = load_digits(return_X_y=True)
    coin = np.random.default_rng(0).integers(2, size=len(y))
    codes = np.stack([label_evenly(y, 5), label_evenly(coin, 25)], axis=1)
    graph = build_neighbour_graph(X / 16, codes, [10, 2])
    for column, labels in zip(codes.T, graph.labels, strict=True):
        hidden = judge_by_hidden_labels(
            graph.weights,
            X / 16,
            column,
            column >= 0,
            labels.alpha,
            labels.class_prior,
        )
        assert labels.reliability == hidden.reliability
    digit, coin = (labels.reliability for labels in graph.labels)
    assert digit > 0.95
    assert coin < 0.9


@pytest.mark.parametrize(("features", "expected"), [(None, 0.0), (FIRST_COLUMN, 1.0)])
def test_what_cannot_be_judged_is_relied_on_only_if_the_user_vouches(
    features, expected
):
    codes = unlabelled()
    codes[:3, 0] = [0, 1, 2]
    graph = build_neighbour_graph(make_points(), codes, [3], features=features)
    assert graph.labels[0].hidden is None
    assert graph.labels[0].reliability == expected


def test_clusters_have_no_other_teacher():
    X, _ = make_blobs(120, centers=3, random_state=0)
    graph = build_neighbour_graph(X, unlabelled(120), [3])
    assert graph.labels[0].reliability == 1.0


def test_hidden_labels_have_no_part_in_what_is_propagated(label_evenly):
    X, y = make_blobs(120, centers=3, cluster_std=4.0, random_state=0)
    codes = label_evenly(y, 6)[:, None]
    hidden = (codes >= 0) & (np.arange(120)[:, None] % 2 == 0)
    graph = build_neighbour_graph(X, codes, [3])
    without, labels = graph.without(hidden), graph.labels[0]
    np.testing.assert_array_equal(without.codes, np.where(hidden, -1, codes))
    expected = label_probabilities(
        graph.weights, without.codes[:, 0], labels.alpha, labels.class_prior
    )
    np.testing.assert_array_equal(without.labels[0].proba, expected)
    assert without.labels[0].reliability == labels.reliability


def test_seeds_of_clusters_count_as_labels():
    X, y = make_blobs(120, centers=3, cluster_std=0.3, random_state=0)
    codes = np.where((np.arange(120) < 30) & (y < 2), y, -1)[:, None]
    graph = build_neighbour_graph(X, codes, [3])
    seeds = graph.codes != codes
    assert (graph.codes[seeds] == 2).all()
    assert seeds.sum() == 10
    np.testing.assert_array_equal(graph.labels[0].proba.argmax(axis=1), y)
    # But they judge nothing: they were assumed, not seen.
    np.testing.assert_array_equal(graph.labels[0].hidden.codes, codes[codes >= 0])


def test_a_handful_of_rows_has_fewer_neighbours():
    codes = np.array([[0], [1], [-1]])
    graph = build_neighbour_graph(make_points(3), codes, [2])
    assert graph.weights.shape == (3, 3)
    np.testing.assert_allclose(graph.labels[0].proba.sum(1), 1)


def test_steps_are_measured_among_the_whitened_rows():
    X = np.random.default_rng(0).normal(size=(80, 60)).astype(np.float32)
    graph = build_neighbour_graph(X, unlabelled(80), [2])
    assert graph.whitening == 0.125
    space = principal_space(X)
    nearest = nearest_rows(space.whitened(0.125), 1).data
    assert graph.steps.unit == pytest.approx(np.median(nearest), rel=1e-4)
    np.testing.assert_array_equal(graph.steps.axes, space.axes(0.125))


@pytest.mark.parametrize(
    "settings",
    [{"features": FIRST_COLUMN}, {"distance": paired_euclidean_distances}],
    ids=["features", "distance"],
)
def test_by_features_or_a_distance_nothing_is_whitened(settings):
    X = np.random.default_rng(0).normal(size=(80, 60)).astype(np.float32)
    graph = build_neighbour_graph(X, unlabelled(80), [2], **settings)
    assert graph.whitening == 0.0
    assert graph.steps is None


def test_distances_are_taken_on_one_scale_and_features_of_the_rows():
    X, comparable, codes = make_points(seed=0), make_points(seed=1), unlabelled()
    plain = build_neighbour_graph(X, codes, [2], comparable=comparable)
    expected = nearest_neighbour_weights(comparable, 5)
    np.testing.assert_array_equal(plain.weights.toarray(), expected.toarray())
    by_features = build_neighbour_graph(
        X, codes, [2], comparable=comparable, features=FIRST_COLUMN, n_neighbors=3
    )
    expected = nearest_neighbour_weights(X[:, :1], 3)
    np.testing.assert_array_equal(by_features.weights.toarray(), expected.toarray())


def test_a_joined_graph_propagates_over_both_kinds_of_edges():
    X, Z = make_points(seed=0), make_points(seed=1)
    codes = unlabelled(n_properties=2)
    codes[:6, 0] = [0, 1, 2, 0, 1, 0]
    graph = build_neighbour_graph(X, codes, [3, 2], n_neighbors=3, alpha=0.9)
    before = graph.labels[0].proba.copy()
    joined = graph.joined(Z)
    both = nearest_neighbour_weights(X, 3) + nearest_neighbour_weights(Z, 3)
    np.testing.assert_array_equal(joined.weights.toarray(), both.toarray())
    class_prior = graph.labels[0].class_prior
    expected = label_probabilities(both, codes[:, 0], 0.9, class_prior)
    np.testing.assert_allclose(joined.labels[0].proba, expected)
    assert joined.labels[0].class_prior is class_prior
    assert joined.labels[0].reliability == graph.labels[0].reliability
    assert joined.labels[1] is None
    # The graph itself stays.
    np.testing.assert_array_equal(graph.labels[0].proba, before)
    assert not np.allclose(before, expected)


def test_latents_are_searched_as_rows_are(monkeypatch):
    searched = []

    def search(X, n_neighbors, exact_up_to):
        searched.append((X, n_neighbors, exact_up_to))
        return nearest_rows(X, n_neighbors, exact_up_to)

    monkeypatch.setattr("skfmvae.neighbour_graph.edges.nearest_rows", search)
    X, Z = make_points(seed=0), make_points(seed=1)
    settings = {"n_neighbors": 3, "exact_up_to": 50}
    build_neighbour_graph(X, unlabelled(), [2], **settings).joined(Z)
    assert searched == [(X, 3, 50), (Z, 3, 50)]


FITTED_ROWS: list[int] = []


class Noted(FunctionTransformer):
    """Leaves rows as they are, and a note of how many there were."""

    def fit_transform(self, X, y=None):
        FITTED_ROWS.append(len(X))
        return super().fit_transform(X)


def test_what_cannot_be_pickled_cannot_be_cached(tmp_path):
    with pytest.raises(ValueError, match=r"memory='.*' .* features=FunctionTrans"):
        build_neighbour_graph(
            make_points(),
            unlabelled(),
            [2],
            features=FunctionTransformer(lambda X: X[:, :1]),
            memory=str(tmp_path),
        )


def test_neighbours_are_cached_for_other_labels_of_the_same_rows(tmp_path):
    X, calls = make_points(), FITTED_ROWS
    calls.clear()

    def graph(X, codes, **settings):
        return build_neighbour_graph(X, codes, [2], features=Noted(), **settings)

    codes = np.where(np.arange(40) < 10, np.arange(40) % 2, -1)[:, None]
    first = graph(X, codes, memory=str(tmp_path))
    again = graph(X, codes[::-1], memory=joblib.Memory(str(tmp_path), verbose=0))
    assert calls == [40]
    for found, labels in ((first, codes), (again, codes[::-1])):
        expected = graph(X, labels)
        assert (found.weights != expected.weights).nnz == 0
        np.testing.assert_array_equal(found.labels[0].proba, expected.labels[0].proba)
    calls.clear()
    graph(X + 1, codes, memory=str(tmp_path))
    graph(X, codes, n_neighbors=4, memory=str(tmp_path))
    assert calls == [40, 40]


def test_a_given_class_prior_stands_in_for_the_estimate():
    """Except without labels, where it is open which cluster is which class."""
    X, y = make_blobs(120, centers=3, cluster_std=0.3, random_state=0)
    X, codes = X.astype(np.float32), unlabelled(120, 3)
    codes[:12, 0] = y[:12]
    codes[:12, 1] = y[:12] % 2
    priors = [np.array([0.2, 0.3, 0.5]), None, np.array([0.9, 0.1])]
    graph = build_neighbour_graph(X, codes, [3, 2, 2], class_prior=priors)
    given, *others = graph.labels
    np.testing.assert_array_equal(given.class_prior, priors[0])
    expected = label_probabilities(
        graph.weights, codes[:, 0], default_alpha(codes[:, 0]), priors[0]
    )
    np.testing.assert_array_equal(given.proba, expected)
    estimated = build_neighbour_graph(X, codes, [3, 2, 2])
    for ours, theirs in zip(others, estimated.labels[1:], strict=True):
        np.testing.assert_array_equal(ours.class_prior, theirs.class_prior)


def test_a_given_class_prior_finds_the_rare_digits(label_evenly):
    """Ten classes of 10 to 1 rows, of each of which two have a label."""
    X, y = load_digits(return_X_y=True)
    kept = np.concatenate(
        [np.flatnonzero(y == c)[:n] for c, n in enumerate(range(170, 0, -17))]
    )
    X, y = X[kept] / 16, y[kept]
    true = np.bincount(y) / len(y)
    errors = {True: [], False: []}
    for seed in range(3):
        codes = label_evenly(y, 2, seed)[:, None]
        for known in errors:
            class_prior = [true] if known else None
            graph = build_neighbour_graph(X, codes, [10], class_prior=class_prior)
            errors[known].append(np.mean(graph.labels[0].proba.argmax(1) != y))
    assert np.mean(errors[True]) < 0.06 < 0.09 < np.mean(errors[False])


def test_whitening_that_labels_choose_is_that_of_the_graph():
    """Four objects under strong lights, which are in other directions."""
    rng = np.random.default_rng(0)
    y = np.arange(400) % 4
    X = rng.normal(scale=0.05, size=(400, 60))
    X[:, :3] += rng.normal(scale=5, size=(400, 3))
    X[:, -4:] += np.eye(4)[y]
    codes = np.where(np.arange(400) < 40, y, -1)[:, None]
    graph = build_neighbour_graph(X, codes, [4])
    plain = build_neighbour_graph(X, codes, [4], features=FunctionTransformer())
    assert graph.whitening == 0.75
    assert np.mean(plain.labels[0].proba.argmax(axis=1) != y) > 0.4
    assert np.mean(graph.labels[0].proba.argmax(axis=1) != y) < 0.05
