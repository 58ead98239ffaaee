"""The regularizers, through the face of every estimator."""

import sys
import types

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import load_iris, load_wine
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from skfmvae.datasets import mask_labels
from skfmvae.regularizers import Neighbours, VirtualAdversarial
from skfmvae.training import BatchSize

ON = {"neighbours": "graph", "adversarial": "virtual"}
REGULARIZERS = tuple(ON)
OFF = dict.fromkeys(ON)
LONG = {"batch_size": 15, "max_epochs": 25}


def regularizer_terms(estimator):
    return {
        name for name in REGULARIZERS if f"train_{name}" in estimator.net_.history[-1]
    }


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    # All columns say the same, for the classes to be as far apart once standardised.
    centres = 6 * np.tile(np.eye(3), 2)
    X = (centres[y] + rng.normal(size=(90, 6))).astype(np.float32)
    return X, y


def partly(y, n):
    return np.where(np.arange(len(y)) < n, y, -1)


def test_each_regularizer_is_recorded_and_can_be_off(make_estimator, rows):
    X, y = rows
    on = make_estimator(**ON).fit(X, partly(y, 12))
    assert regularizer_terms(on) == set(REGULARIZERS)
    for name in REGULARIZERS:
        some = make_estimator(**(ON | {name: None})).fit(X, partly(y, 12))
        assert regularizer_terms(some) == set(REGULARIZERS) - {name}
    assert regularizer_terms(make_estimator(**OFF).fit(X, partly(y, 12))) == set()


def test_without_neighbours_there_is_neither_a_graph_nor_a_seed(
    make_estimator, rows, monkeypatch
):
    X, y = rows
    seen = []

    class Note(Callback):
        def on_batch_begin(self, net, batch, **kwargs):
            seen.append(batch.labels.codes)

    def refuse(*args, **kwargs):
        raise AssertionError("a graph is built")

    monkeypatch.setattr("skfmvae.training.regularization.build_neighbour_graph", refuse)
    # Of three components one is unnamed, for which a graph would give seeds.
    model = make_estimator(
        neighbours=None,
        property_components=3,
        batch_size=BatchSize(labelled=0),
        callbacks=[Note()],
    ).fit(X, np.where(y == 2, -1, partly(y, 12)))
    n_labels = 3 * sum((codes >= 0).sum().item() for codes in seen) / model.n_iter_
    assert n_labels == 3 * 8
    assert model.net_.history[-1, "train_adversarial"] > 0


def test_neighbours_do_not_depend_on_the_units_of_columns(make_learner):
    """Wine's columns range from tenths to a thousand."""
    X, y = load_wine(return_X_y=True)
    partial = mask_labels(y, 9, random_state=0)
    settings = {"likelihood": "gaussian", "max_epochs": 30}
    raw = make_learner(**settings).fit(X, partial)
    Z = StandardScaler().fit_transform(X)
    scaled = make_learner(**settings).fit(Z, partial)
    unlabelled = partial == -1
    accuracy = np.mean(raw.predict(X)[unlabelled] == y[unlabelled])
    assert accuracy > 0.9
    assert accuracy == pytest.approx(
        np.mean(scaled.predict(Z)[unlabelled] == y[unlabelled]), abs=0.02
    )


def test_where_all_is_labelled_regularizers_are_silent(make_estimator, rows):
    X, y = rows
    on, off = (make_estimator(**kw).fit(X, y) for kw in (ON, OFF))
    assert regularizer_terms(on) == set()
    np.testing.assert_array_equal(on.predict_proba(X), off.predict_proba(X))


@pytest.mark.parametrize("name", REGULARIZERS)
def test_without_labels_rows_are_clustered_as_they_lie(make_learner, rows, name):
    X, y = rows
    settings = LONG | OFF | {"neighbours": "graph"} | {name: ON[name]}
    model = make_learner(property_components=3, **settings).fit(X)
    assert regularizer_terms(model) == {"neighbours", name}
    assert adjusted_rand_score(y, model.predict(X)) == 1.0


def test_an_unlabelled_class_is_found_as_a_spare_component(make_learner, rows):
    X, y = rows
    partial = np.where((np.arange(90) < 30) & (y != 1), y, -1)
    settings = LONG | OFF | {"neighbours": "graph"}
    model = make_learner(property_components=3, **settings).fit(X, partial)
    # The spare one is called by the number after the last.
    np.testing.assert_array_equal(model.predict(X), np.where(y == 1, 3, y))


def test_a_word_stands_for_the_default_object(make_estimator, rows):
    X, y = rows
    words = make_estimator(**ON).fit(X, partly(y, 12))
    objects = make_estimator(
        neighbours=Neighbours(), adversarial=VirtualAdversarial()
    ).fit(X, partly(y, 12))
    np.testing.assert_array_equal(words.predict_proba(X), objects.predict_proba(X))


def test_grid_search_reaches_their_settings(make_estimator, rows):
    X, y = rows
    search = GridSearchCV(
        make_estimator(neighbours=Neighbours()),
        {"neighbours__n_neighbors": [2, 40]},
        cv=KFold(2, shuffle=True, random_state=0),
        scoring=lambda estimator, X, y: estimator.score(X),
        error_score="raise",
    ).fit(X, partly(y, 45))
    assert len(set(search.cv_results_["mean_test_score"])) == 2


def test_several_properties_with_labels_on_different_rows(make_learner, rows):
    X, y = rows
    side = (X[:, 4] > 0).astype(int)
    both = np.column_stack([partly(y, 15), np.where(np.arange(90) >= 60, side, -1)])
    estimator = make_learner(max_epochs=50, **ON).fit(X, both)
    assert regularizer_terms(estimator) == set(REGULARIZERS)
    assert (estimator.predict(X)[:, 0] == y).mean() > 0.9


def test_sparse_rows_learn_like_dense_ones(make_estimator, rows):
    X, y = rows
    dense = make_estimator(**ON).fit(X, partly(y, 12))
    sparse = make_estimator(**ON).fit(scipy.sparse.csr_matrix(X), partly(y, 12))
    np.testing.assert_allclose(
        dense.predict_proba(X), sparse.predict_proba(X), atol=1e-3
    )


def test_neighbours_that_are_searched_for_approximately(
    make_learner, rows, monkeypatch
):
    """In place of the library, which takes long to compile, by an exact search."""
    n_searched = []

    class Searched:
        def __init__(self, X, n_neighbors, **settings):
            n_searched.append(len(X))
            search = NearestNeighbors(n_neighbors=n_neighbors).fit(X)
            self.neighbor_graph = search.kneighbors(X)[::-1]

    library = types.ModuleType("pynndescent")
    library.NNDescent = Searched
    monkeypatch.setitem(sys.modules, "pynndescent", library)
    X, y = rows
    estimator, again = (
        make_learner(
            neighbours=Neighbours(exact_up_to=50, n_rebuilds=2), max_epochs=50
        ).fit(X, partly(y, 12))
        for _ in range(2)
    )
    assert n_searched == [90] * 6
    assert (estimator.predict(X) == y).mean() > 0.9
    np.testing.assert_array_equal(estimator.predict_proba(X), again.predict_proba(X))


def test_neighbours_by_a_distance_of_ones_own(make_learner, rows):
    X, y = rows
    asked = []

    def distance(A, B):
        asked.append(len(A))
        return np.abs(A - B).sum(axis=1)

    neighbours = Neighbours(distance=distance, n_candidates=8)
    estimator = make_learner(neighbours=neighbours, max_epochs=50)
    assert (estimator.fit(X, partly(y, 12)).predict(X) == y).mean() > 0.9
    assert asked == [90 * 8]
    neighbours.set_params(n_neighbors=9)
    with pytest.raises(ValueError, match="n_candidates=8 should be .* n_neighbors=9"):
        estimator.fit(X, partly(y, 12))


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        ([0.5, 0.5], r"class_prior of 'property_0' should be 3 positive numbers .* 1"),
        ([0.5, 0.3, 0.1], r"one for each value; got \[0.5, 0.3, 0.1\]"),
        ({"property_0": [1.0, 0.0, 0.0]}, "should be 3 positive numbers"),
        ({"property_0": {"a": 0.5, "b": 0.5}}, r"for each value; got \{'a': 0.5"),
        ({"digit": [0.2, 0.3, 0.5]}, r"unknown properties \['digit'\]; .*'property_0'"),
    ],
)
def test_class_priors_must_be_those_of_a_property(make_learner, rows, prior, message):
    X, y = rows
    estimator = make_learner(neighbours=Neighbours(class_prior=prior))
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, partly(y, 12))


def test_class_priors_of_several_properties_have_names(make_learner, rows):
    X, y = rows
    estimator = make_learner(neighbours=Neighbours(class_prior=[0.2, 0.3, 0.5]))
    both = np.stack([partly(y, 12), partly(y, 30)], axis=1)
    with pytest.raises(ValueError, match=r"\['property_0', .* belongs; give a dict"):
        estimator.fit(X, both)


def test_class_priors_decide_where_labels_say_little(make_learner):
    """A blob between two labels goes to the class that should be large."""
    rng = np.random.default_rng(0)
    centres = np.repeat([-4.0, 0.0, 4.0], 40)
    X = rng.normal(size=(120, 3)).astype(np.float32)
    X[:, 0] = centres + X[:, 0] / 2
    y = np.full(120, -1)
    y[:5], y[-5:] = 0, 1
    large = {}
    for prior in ([2 / 3, 1 / 3], [1 / 3, 2 / 3]):
        neighbours = Neighbours(class_prior={"property_0": prior})
        settings = {"batch_size": 60, "max_epochs": 50}
        estimator = make_learner(neighbours=neighbours, **settings).fit(X, y)
        large[prior[0] > 0.5] = np.mean(estimator.predict(X[40:80]) == 0)
    assert large[True] > 0.8
    assert large[False] < 0.2


def test_a_single_row_of_a_class(make_estimator, rows):
    X, y = rows
    few = np.full(90, -1)
    few[:3] = y[:3]
    few[5] = 7
    estimator = make_estimator(**ON).fit(X, few)
    np.testing.assert_array_equal(estimator.classes_, [0, 1, 2, 7])
    assert np.isfinite(estimator.predict_proba(X)).all()


def test_categories_take_no_noise(make_estimator):
    X = np.random.default_rng(0).integers(0, 3, (60, 5)).astype(np.float32)
    y = partly(X[:, 0].astype(int), 20)
    estimator = make_estimator(likelihood="categorical", **ON).fit(X, y)
    assert regularizer_terms(estimator) == {"neighbours"}


def test_tabular_rows_after_a_scaler(make_learner):
    X, y = load_iris(return_X_y=True)
    partial = np.full(150, -1)
    rng = np.random.default_rng(0)
    for c in range(3):
        rows = rng.choice(np.flatnonzero(y == c), 4, replace=False)
        partial[rows] = c
    learner = make_learner(encoder="mlp", decoder="mlp", batch_size=150, max_epochs=50)
    pipeline = make_pipeline(StandardScaler(), learner)
    error = {}
    for name, settings in (("on", ON), ("off", OFF)):
        step = pipeline.steps[-1][0]
        pipeline.set_params(**{f"{step}__{k}": v for k, v in settings.items()})
        pipeline.fit(X, partial)
        error[name] = 1 - pipeline.score(X, y)
    assert error["on"] <= error["off"] + 3.5 / 150  # three rows
    assert error["on"] < 0.1
