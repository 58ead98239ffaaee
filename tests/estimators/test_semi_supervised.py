"""What only SemiSupervisedVAE can do: quantities, and graphical models of any shape."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_regressor
from sklearn.datasets import load_digits
from sklearn.metrics import get_scorer, r2_score
from sklearn.model_selection import GridSearchCV

from skfmvae import SemiSupervisedVAE
from skfmvae.datasets import LIT_OBJECTS_COLUMNS, make_lit_objects, mask_labels
from skfmvae.estimators import Inference
from skfmvae.models import (
    Continuous,
    Discrete,
    GraphicalModel,
    Latent,
)
from skfmvae.nn import MLP

GRAPH = GraphicalModel(
    {"kind": Discrete(), "position": Continuous(2, columns=("across", "along"))},
)
GROUPS = {"kind": [0], "position": [1, 2]}
SMALL = {
    "encoder": MLP(hidden=(32,)),
    "decoder": MLP(hidden=(32,)),
    "batch_size": 100,
    "lr": 5e-3,
    "max_epochs": 60,
    "calibrate": False,
    "neighbours": None,
    "adversarial": None,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def rows():
    """Return rows that are linear in a kind and a position, targets, partial ones."""
    rng = np.random.default_rng(0)
    kind, position = np.arange(400) % 3, rng.normal([5.0, -30.0], [2.0, 10.0], (400, 2))
    y = np.column_stack([kind, position])
    loadings = rng.normal(size=(2, 8))
    X = 3 * np.eye(3, 8)[kind] + ((position - [5, -30]) / [2, 10]) @ loadings
    X = X + rng.normal(scale=0.1, size=X.shape)
    partial = mask_labels(
        y, fraction=0.3, stratify=None, per_property=GROUPS, random_state=0
    )
    return X.astype(np.float32), y, partial


@pytest.fixture(scope="module")
def fitted(rows):
    X, _, partial = rows
    settings = SMALL | {"adversarial": "virtual"}
    return SemiSupervisedVAE(GRAPH, **settings).fit(X, partial)


def test_both_kinds_of_properties_are_predicted(fitted, rows):
    X, y, partial = rows
    found = fitted.predict(X)
    assert found.shape == y.shape
    assert np.mean(found[:, 0] == y[:, 0]) > 0.97
    for j in (1, 2):
        assert np.corrcoef(found[:, j], y[:, j])[0, 1] > 0.97
    assert fitted.predict_proba(X).shape == (400, 3)
    assert list(fitted.property_proba(X)) == ["kind"]
    # Quantities do not count beside labels.
    known = ~np.isnan(partial[:, 0])
    assert fitted.score(X, partial) == np.mean(found[known, 0] == y[known, 0])


def test_standard_deviations_tell_the_size_of_errors(fitted, rows):
    X, y, _ = rows
    mean, std = fitted.property_distribution(X)["position"]
    np.testing.assert_allclose(mean, fitted.predict(X)[:, 1:], rtol=1e-6)
    assert mean.shape == std.shape == (400, 2)
    deviation = (y[:, 1:] - mean) / std
    assert (np.sqrt((deviation**2).mean(axis=0)) < 3).all()
    assert (std < y[:, 1:].std(axis=0)).all()


def test_quantities_can_be_asked_for(fitted, rows):
    X, y, _ = rows
    new, values = fitted.sample(300, {"position": [7.0, -20.0]}, random_state=0)
    np.testing.assert_allclose(values[:, 1:], np.tile([7.0, -20.0], (300, 1)))
    assert len(np.unique(values[:, 0])) == 3
    np.testing.assert_allclose(
        fitted.predict(new)[:, 1:].mean(axis=0), [7.0, -20.0], atol=1.5
    )
    wanted = np.column_stack([np.linspace(3, 7, 400), np.linspace(-40, -20, 400)])
    changed = fitted.predict(fitted.intervene(X, {"position": wanted}))
    for j in (0, 1):
        assert np.corrcoef(changed[:, j + 1], wanted[:, j])[0, 1] > 0.95
    assert np.mean(changed[:, 0] == y[:, 0]) > 0.9


def test_frames_name_their_columns(rows):
    """In whatever order: what is known is matched by name, and comes back in order."""
    X, _, partial = rows
    names, order = ["kind", "across", "along"], ["along", "kind", "across"]
    frame = pd.DataFrame(partial, columns=names)
    settings = SMALL | {"max_epochs": 10}
    plain, same, turned = (
        SemiSupervisedVAE(GRAPH, **settings).fit(X, targets).predict(X)
        for targets in (partial, frame, frame[order])
    )
    np.testing.assert_array_equal(same, plain)
    np.testing.assert_array_equal(turned, plain[:, [2, 0, 1]])


def test_words_beside_numbers(rows):
    X, y, partial = rows
    words = np.array(["ant", "bee", "cat"], dtype=object)
    kind = [None if np.isnan(k) else words[int(k)] for k in partial[:, 0]]
    frame = pd.DataFrame({"kind": kind, "across": partial[:, 1], "along": y[:, 2]})
    frame["along"] = frame["along"].where(frame["across"].notna())
    model = SemiSupervisedVAE(GRAPH, **SMALL).fit(X, frame)
    found = model.predict(X)
    assert found.dtype == object
    assert np.mean(found[:, 0] == words[y[:, 0].astype(int)]) > 0.97


def test_quantities_alone(rows):
    X, y, partial = rows
    graph = GraphicalModel({"across": Continuous(), "style": Latent(4)})
    model = SemiSupervisedVAE(graph, **SMALL).fit(X, partial[:, 1])
    found = model.predict(X)
    assert found.shape == (400,)
    residual = np.mean((found - y[:, 1]) ** 2) / y[:, 1].var()
    assert model.score(X, y[:, 1]) == pytest.approx(1 - residual, rel=1e-4)
    assert model.score(X, y[:, 1]) > 0.9
    with pytest.raises(ValueError, match="no discrete property.*property_distribution"):
        model.predict_proba(X)


def test_quantities_alone_are_scored_by_name(rows):
    X, y, _ = rows
    graph = GraphicalModel({"across": Continuous(), "style": Latent(4)})
    model = SemiSupervisedVAE(graph, **SMALL)
    assert is_regressor(model)
    assert not hasattr(model.fit(X, y[:, 1]), "classes_")
    weight = [1.0, 3.0] * 200
    found, score = model.predict(X), model.score(X, y[:, 1], weight)
    assert score == pytest.approx(r2_score(y[:, 1], found, sample_weight=weight))
    named = get_scorer("r2")(model, X, y[:, 1])
    assert named == pytest.approx(model.score(X, y[:, 1]), rel=1e-4)


def test_weights_of_scored_quantities(rows):
    X, y, _ = rows
    graph = GraphicalModel(
        {"across": Continuous(), "along": Continuous(), "style": Latent(4)}
    )
    model = SemiSupervisedVAE(graph, **SMALL | {"max_epochs": 2}).fit(X, y[:, 1:])
    weight = np.arange(400) % 3
    some = weight > 0
    found = model.score(X, y[:, 1:], sample_weight=weight)
    assert found == pytest.approx(model.score(X[some], y[some, 1:], weight[some]))
    # A column that is known on rows without weight alone does not count.
    partial = y[:, 1:].copy()
    partial[some, 0] = np.nan
    expected = r2_score(partial[:, 1], model.predict(X)[:, 1], sample_weight=weight)
    found = model.score(X, partial, sample_weight=weight)
    assert found == pytest.approx(expected, rel=1e-4)
    for wrong, message in [
        (-weight, "egative"),
        (np.where(some, np.nan, 1), "sample_weight contains NaN"),
        (np.zeros(400), "zero"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.score(X, y[:, 1:], sample_weight=wrong)
    partial[some] = np.nan
    with pytest.raises(ValueError, match="sample_weight is zero on every labelled row"):
        model.score(X, partial, sample_weight=weight)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_rows_whose_quantities_are_not_chosen(fitted, rows, missing):
    X, _, _ = rows
    wanted = {"position": [[7.0, -20.0], [missing, missing]] * 200}
    _, values = fitted.sample(400, wanted, random_state=0)
    np.testing.assert_allclose(values[0::2, 1:], np.tile([7.0, -20.0], (200, 1)))
    assert np.isfinite(values[1::2, 1:].astype(float)).all()
    assert len(np.unique(values[1::2, 1])) == 200
    changed = fitted.intervene(X, wanted)
    everywhere = fitted.intervene(X, {"position": [7.0, -20.0]})
    np.testing.assert_array_equal(changed[0::2], everywhere[0::2])
    np.testing.assert_array_equal(changed[1::2], fitted.intervene(X, {})[1::2])


def test_masked_quantities_are_unknown(rows):
    X, _, partial = rows
    settings = SMALL | {"max_epochs": 2}
    masked = np.ma.masked_invalid(partial)
    plain = SemiSupervisedVAE(GRAPH, **settings).fit(X, partial)
    found = SemiSupervisedVAE(GRAPH, **settings).fit(X, masked)
    np.testing.assert_array_equal(
        found.predict(X).astype(float), plain.predict(X).astype(float)
    )
    assert found.score(X, masked) == plain.score(X, partial)


@pytest.mark.parametrize("variable", [Discrete(), Continuous()], ids=["label", "value"])
def test_a_column_that_no_variable_is_named_like(rows, variable):
    """Though it is the only column, and the only property."""
    X, y, _ = rows
    model = SemiSupervisedVAE(
        GraphicalModel({"kind": variable}), **SMALL | {"max_epochs": 1}
    )
    species = pd.Series(y[:, 0], name="species")
    for named in (species, species.to_frame()):
        with pytest.raises(ValueError, match=r"\['species'\].*\['kind'\].*rename"):
            model.fit(X, named)
    for same in (y[:, 0], species.rename(None), species.rename("kind")):
        model.fit(X, same)
    with pytest.raises(ValueError, match=r"\['species'\].*\['kind'\].*rename"):
        model.score(X, species)


def test_a_graph_without_properties_takes_no_targets(rows):
    X, y, _ = rows
    model = SemiSupervisedVAE(
        GraphicalModel({"style": Latent(2)}), **SMALL | {"max_epochs": 1}
    )
    with pytest.raises(ValueError, match=r"\['style'\].*Discrete\(\).*y=None"):
        model.fit(X, y[:, 0])
    model.fit(X)


def test_a_quantity_is_no_doubtful_class(rows):
    X, y, _ = rows
    y = np.column_stack([np.where(y[:, 0], 1, -1), np.arange(400) - 200, np.ones(400)])
    model = SemiSupervisedVAE(GRAPH, **SMALL | {"max_epochs": 1})
    with pytest.warns(UserWarning, match="'kind'.*one class only, 1") as caught:
        model.fit(X, y)
    assert len(caught) == 1


def test_a_column_that_is_called_like_the_rows(rows):
    X, y, _ = rows
    with pytest.raises(ValueError, match="column named 'x'.*rename"):
        SemiSupervisedVAE(**SMALL).fit(X, pd.Series(y[:, 0].astype(int), name="x"))


def test_a_graph_without_labels_discovers(rows):
    X, _, _ = rows
    graph = GraphicalModel(
        {"kind": Discrete(3), "position": Continuous(), "style": Latent(2)}
    )
    model = SemiSupervisedVAE(graph, **SMALL).fit(X)
    assert model.property_names_ == ["kind"]
    assert set(model.predict(X)) <= {0, 1, 2}


GRAPHS = {
    "read from a latent": GraphicalModel(
        {"kind": Discrete(), "z": Latent(4)},
        generative={"x": ["z"], "z": ["kind"]},
        recognition={"kind": ["z"]},
    ),
    "a leaf": GraphicalModel(
        {"kind": Discrete(), "z": Latent(4)},
        generative={"x": ["z"], "kind": ["z"]},
    ),
    "a chain": GraphicalModel(
        {"kind": Discrete(), "coarse": Discrete(2), "z": Latent(4)},
        generative={"kind": ["coarse"], "x": ["kind", "z"]},
        recognition={"coarse": ["kind"], "z": ["kind"]},
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize(
    "inference",
    [Inference(), Inference(marginalization="gumbel"), Inference(n_particles=3)],
    ids=["sum", "gumbel", "particles"],
)
def test_any_acyclic_graph_learns(rows, name, inference):
    X, y, partial = rows
    settings = SMALL | {"lr": 1e-2, "max_epochs": 30}
    model = SemiSupervisedVAE(GRAPHS[name], inference=inference, **settings)
    model.fit(X, pd.Series(partial[:, 0], name="kind"))
    assert np.mean(model.property_proba(X)["kind"].argmax(1) == y[:, 0]) > 0.9
    X_new, _ = model.sample(300, {"kind": 1}, random_state=0)
    assert np.mean(model.property_proba(X_new)["kind"].argmax(1) == 1) > 0.8
    assert np.isfinite(model.score_samples(X[:20], 5)).all()


@pytest.mark.parametrize(
    ("graph", "y", "message"),
    [
        (
            GraphicalModel({"a": Discrete(), "b": Discrete()}, recognition={"a": "b"}),
            None,
            "recognition.*'a'",
        ),
        (
            GraphicalModel(
                {"a": Discrete(), "b": Discrete()},
                recognition={"a": ["b"], "b": ["a"]},
            ),
            None,
            "circle.*'?a",
        ),
        (GraphicalModel({"a": Discrete()}, generative={"x": ["c"]}), None, "'c'"),
        (
            GraphicalModel({"a": Discrete()}),
            pd.DataFrame({"b": [1, 2] * 200}),
            r"\['b'\]",
        ),
        (GraphicalModel({"a": Discrete()}), np.ones((400, 2)), "2 columns"),
        (GraphicalModel({"a": Discrete(), "b": Discrete()}), None, "'a' is unknown"),
        (GraphicalModel({"a": Discrete(2)}), np.arange(400) % 3, "'a'.*3 classes"),
        (GraphicalModel({"a": Continuous()}), np.array(["u", "v"] * 200), "'a'"),
    ],
)
def test_graphs_that_cannot_be_fitted(rows, graph, y, message):
    with pytest.raises(ValueError, match=message):
        SemiSupervisedVAE(graph, **SMALL).fit(rows[0], y)


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"position": 1.0}, "'position'.*shape"),
        ({"position": [np.nan, 1.0]}, "'position'.*NaN"),
        ({"elsewhere": 1.0}, "elsewhere"),
        ({"kind": 17}, "17"),
    ],
)
def test_properties_that_cannot_be_asked_for(fitted, rows, properties, message):
    with pytest.raises(ValueError, match=message):
        fitted.sample(3, properties)
    with pytest.raises(ValueError, match=message):
        fitted.intervene(rows[0], properties)


def test_too_many_combinations_are_refused(rows):
    X, y, _ = rows
    inference = Inference(marginalization="enumerate")
    model = SemiSupervisedVAE(n_discovered=4, inference=inference, **SMALL)
    with pytest.raises(ValueError, match="30000 combinations.*gumbel"):
        model.fit(X, y[:, 0])
    model.set_params(inference__marginalization="auto").fit(X[:100], y[:100, 0])
    model.set_params(inference__prediction="joint")
    with pytest.raises(ValueError, match="prediction='joint'"):
        model.fit(X, y[:, 0])


def test_a_logarithm_of_draws_is_refused_as_a_bound(rows):
    X, y, _ = rows
    inference = Inference(marginalization="sum-and-sample", bound="iwae")
    model = SemiSupervisedVAE(inference=inference, **(SMALL | {"max_epochs": 1}))
    with pytest.raises(ValueError, match="sum-and-sample.*iwae.*use 'enumerate'"):
        model.fit(X, y[:, 0])
    model.set_params(inference__marginalization="auto").fit(X, y[:, 0])
    assert model.net_.module_.marginalization == "enumerate"


def test_grid_search_reaches_inference(rows):
    X, y, _ = rows
    model = SemiSupervisedVAE(inference=Inference(), **(SMALL | {"max_epochs": 2}))
    grid = {"inference__n_particles": [1, 2], "inference__bound": ["elbo", "iwae"]}
    search = GridSearchCV(model, grid, cv=2).fit(X, y[:, 0])
    assert set(search.best_params_) == set(grid)
    assert clone(SemiSupervisedVAE(GRAPH)).graphical_model == GRAPH


def test_joint_predictions_are_more_accurate_without_regularizers():
    X, y = (part[:900] for part in load_digits(return_X_y=True))
    scores = {"recognition": 0.0, "joint": 0.0}
    for seed in range(2):
        partial = mask_labels(y, 50, random_state=seed)
        for prediction in scores:
            model = SemiSupervisedVAE(
                inference=Inference(prediction=prediction),
                neighbours=None,
                adversarial=None,
                calibrate=False,
                random_state=seed,
            )
            scores[prediction] += model.fit(X / 16, partial).score(X / 16, y) / 2
    assert scores["recognition"] > 0.85
    assert scores["joint"] > scores["recognition"]


def test_relit_objects_are_those_of_the_light_asked_for():
    X, y = make_lit_objects(1500, random_state=0)
    groups = {"identity": [0], "light": [1, 2, 3]}
    partial = mask_labels(
        y, fraction=0.3, stratify=None, per_property=groups, random_state=0
    )
    light = Continuous(3, columns=LIT_OBJECTS_COLUMNS[1:])
    graph = GraphicalModel({"identity": Discrete(), "light": light})
    settings = {"neighbours": None, "adversarial": None, "calibrate": False}
    model = SemiSupervisedVAE(graph, max_epochs=15, random_state=0, **settings)
    model.fit(X, pd.DataFrame(partial, columns=LIT_OBJECTS_COLUMNS))
    new = make_lit_objects(1500, random_state=1)[1][:, 1:]
    truth, _ = make_lit_objects(identity=y[:, 0], light=new)
    relit = model.intervene(X, {"light": new})
    closer = ((relit - truth) ** 2).mean(1) < ((X - truth) ** 2).mean(1)
    assert closer.mean() > 0.95


@pytest.mark.parametrize("name", ["digit", None])
def test_the_first_latents_have_the_name_of_a_series(blobs, name):
    X, y = blobs
    model = SemiSupervisedVAE(**SMALL | {"max_epochs": 1})
    model.fit(X, pd.Series(y, name=name))
    assert model.get_feature_names_out()[0] == f"{name or 'property_0'}_0"
