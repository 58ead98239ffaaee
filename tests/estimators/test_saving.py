"""Estimators in files: what is loaded does what was saved, whatever it learned."""

import copy
import warnings
from importlib import import_module

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from skorch import NeuralNet
from torch import nn

import skfmvae
from skfmvae._utils.tensor_files import InvalidFileError
from skfmvae.estimators import Levels, Mixture, SemafoObjective
from skfmvae.estimators.saving import ROOMS, _classes, _is_of_data
from skfmvae.models import Continuous, Discrete, GraphicalModel, Latent
from skfmvae.nn import (
    LIKELIHOODS,
    MLP,
    Categorical,
    Conv,
    Gaussian,
    NegativeBinomial,
    Ordinal,
    Poisson,
)
from skfmvae.regularizers import Neighbours, VirtualAdversarial
from skfmvae.training import BatchSize, EarlyStopping, EpochBar

N = 60
RNG = np.random.default_rng(0)
Y = np.where(np.arange(N) < 40, np.arange(N) % 3, -1)
NUMBERS = (RNG.normal(size=(N, 4)) + 2 * np.eye(4)[np.arange(N) % 3]).astype(np.float32)
COUNTS = RNG.poisson(3.0, size=(N, 5)).astype(float)
CODES = RNG.integers(0, [2, 3, 5, 4], size=(N, 4)).astype(float)


def with_gaps(X):
    return np.where(RNG.random(X.shape) < 0.2, np.nan, X)


def frame():
    days = pd.Timestamp("2024-03-01") + pd.to_timedelta(RNG.integers(0, 99, N), "D")
    sizes = pd.CategoricalDtype(["small", "middle", "large"], ordered=True)
    table = pd.DataFrame(
        {
            "height": RNG.normal(size=N),
            "price": RNG.lognormal(size=N).astype(np.float32),
            "children": RNG.integers(0, 90, N),
            "married": RNG.random(N) < 0.5,
            "town": RNG.choice(["Lyon", "Nice", "Metz"], N),
            "size": pd.Categorical(RNG.choice(sizes.categories, N), dtype=sizes),
            "code": pd.Categorical(RNG.integers(3, 7, N)),
            "day": days,
            "wait": pd.to_timedelta(RNG.integers(1, 500, N), "s"),
        }
    )
    return table.mask(RNG.random(table.shape) < 0.15)


FRAME = frame()
SMALL = FRAME[["height", "town", "married"]]
IMAGES = load_digits().data[:N]
TWO = np.stack([Y, np.where(np.arange(N) % 2, Y % 2, -1)], axis=1)

# By name: parameters, rows and labels.
CASES = {
    "booleans": (
        {},
        NUMBERS,
        np.array([None, True, False], object)[Y + 1 - 2 * (Y > 1)],
    ),
    "strings": ({}, NUMBERS, np.array(["a", "b", "long", None], object)[Y]),
    "wide strings": ({}, NUMBERS, np.array(["a", "b", "c"], "<U9")[np.abs(Y)]),
    "unsigned": ({}, NUMBERS, np.abs(Y).astype(np.uint16)),
    "two properties": ({}, NUMBERS, pd.DataFrame(TWO, columns=["kind", "side"])),
    "mixed properties": (
        {"property_components": {"a": 4}},
        NUMBERS,
        pd.DataFrame({"a": np.array(["x", "y", "z", None], object)[Y], "b": TWO[:, 1]}),
    ),
    "far from zero": ({}, NUMBERS.astype(float) + [1e9, 0, 0, 0], Y),
    "gaps": ({"likelihood": "gaussian"}, with_gaps(NUMBERS), Y),
    "frame": ({}, FRAME, Y),
    "polars": ({}, pl.from_pandas(SMALL), Y),
    "pyarrow": ({}, pa.Table.from_pandas(SMALL), Y),
    "objects": ({}, SMALL.astype(object).to_numpy(), Y),
    "named numbers": ({}, pd.DataFrame(NUMBERS, columns=list("abcd")), Y),
    "labels of columns": ({}, pd.DataFrame(NUMBERS, columns=[3, 1, 2, 0]), Y),
    "counts of texts": (
        {"likelihood": NegativeBinomial(exposure="auto")},
        scipy.sparse.csr_array(COUNTS),
        Y,
    ),
    "exposure in a column": (
        {"likelihood": Poisson(exposure=4)},
        COUNTS + np.arange(5) // 4,
        Y,
    ),
    "covariates": (
        {
            "covariates": [0, 2],
            "likelihood": dict(enumerate(["categorical", "gaussian", Ordinal()])),
        },
        with_gaps(np.hstack([CODES[:, :1], NUMBERS[:, :1], CODES[:, 2:]])),
        Y,
    ),
    "covariates of a frame": ({"covariates": ["town", "day"]}, FRAME, Y),
    "exposure of a frame": (
        {"covariates": ["town"], "likelihood": {"children": Poisson("wait")}},
        FRAME.drop(columns="wait").assign(wait=np.linspace(0.5, 3, N)),
        Y,
    ),
    "images": (
        {"encoder": Conv((4, 8), hidden=8), "decoder": Conv((4, 8), hidden=8)},
        IMAGES / 16,
        Y,
    ),
    "grey levels": ({"likelihood": Categorical()}, IMAGES // 4, Y),
    "ragged": ({"likelihood": Categorical([2, 3, 5, 6])}, CODES, Y),
    "fixed scale": (
        {"likelihood": Gaussian(learn_scale=False, scale=np.array([1, 2, 3, 4.0]))},
        NUMBERS,
        Y,
    ),
    "discovered": ({"n_discovered": 2, "property_components": 3}, NUMBERS, None),
    "discovered beside labels": ({"n_discovered": 1}, NUMBERS, Y),
    "without regularizers": (
        {"neighbours": None, "adversarial": None, "calibrate": True},
        NUMBERS,
        Y,
    ),
    "settings": (
        {
            "neighbours": Neighbours(n_neighbors=5),
            "adversarial": VirtualAdversarial(radius=0.5),
            "callbacks": [EarlyStopping(patience=2)],
            "encoder": MLP((8,), "tanh", norm="layer", dropout=0.1),
            "lr": np.float32(0.01),
            "device": torch.device("cpu"),
            "batch_size": BatchSize(20, labelled=5),
        },
        NUMBERS,
        Y,
    ),
}
ROWS_OF = {
    "bernoulli": RNG.random((N, 4)).round(),
    "continuous_bernoulli": RNG.random((N, 4)),
    "censored_gaussian": RNG.normal(0.5, 0.5, (N, 4)).clip(0, 1),
    "gaussian": NUMBERS,
    "log_normal": np.exp(NUMBERS),
    "nonparanormal": NUMBERS,
    "categorical": CODES,
    "ordinal": CODES,
    "poisson": COUNTS,
    "negative_binomial": COUNTS,
}
CASES |= {name: ({"likelihood": name}, ROWS_OF[name], Y) for name in LIKELIHOODS}


SMALL_FIT = {
    "encoder": MLP((8,)),
    "decoder": MLP((8,)),
    "max_epochs": 2,
    "batch_size": 20,
    "neighbours": None,
    "calibrate": False,
    "random_state": 0,
}
ESTIMATORS = [getattr(skfmvae, name) for name in skfmvae.__all__]
# What is learned of rows and labels is the same for all: each case has one of them.
SPREAD = [(name, ESTIMATORS[i % 3]) for i, name in enumerate(CASES)]


@pytest.fixture(scope="session")
def Estimator():
    """What follows is in the face that all share."""
    return skfmvae.FactorialMixtureVAE


def through_file(estimator, folder, **params):
    estimator.save(folder / "estimator.safetensors")
    return type(estimator).load(folder / "estimator.safetensors", **params)


def results(estimator, X):
    """Return all that an estimator makes of rows, by the names of its methods."""
    some = X[:9] if hasattr(X, "shape") else X
    names = estimator.property_names_
    wanted = {names[0]: estimator.targets_.labels.values[0][0]} if names else {}
    made = {
        name: getattr(estimator, name)(some)
        for name in (
            "predict",
            "property_proba",
            "property_distribution",
            "property_interval",
            "transform",
            "reconstruct",
            "score_samples",
            "impute",
        )
    }
    made["inverse_transform"] = estimator.inverse_transform(made["transform"])
    made["draws"] = estimator.impute(some, n_draws=2, random_state=0)
    made["sample"] = estimator.sample(5, random_state=0)
    made["intervene"] = estimator.intervene(some, wanted)
    if names:
        made["predict_proba"] = estimator.predict_proba(some)
    return made


def assert_same(one, other):
    """Check that two results are equal to the bit, and of the same kinds."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        one, other = list(one.values()), list(other.values())
    if isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    elif isinstance(one, pl.DataFrame | pa.Table):
        assert one.equals(other)
    else:
        np.testing.assert_array_equal(one, other, strict=True)


@pytest.mark.parametrize(("name", "cls"), SPREAD, ids=[name for name, _ in SPREAD])
def test_what_is_loaded_does_what_was_saved(tmp_path, name, cls):
    params, X, y = CASES[name]
    estimator = cls(**(SMALL_FIT | params)).fit(X, y)
    loaded = through_file(estimator, tmp_path)
    assert_same(results(loaded, X), results(estimator, X))
    assert repr(loaded) == repr(estimator)
    assert_same(
        [v for v in loaded.get_params().values() if isinstance(v, str | int | float)],
        [
            v
            for v in estimator.get_params().values()
            if isinstance(v, str | int | float)
        ],
    )
    assert vars(loaded).keys() == vars(estimator).keys()
    if estimator.property_names_:
        assert_same(loaded.classes_, estimator.classes_)
        assert_same(loaded.hidden_proba_, estimator.hidden_proba_)
    for attribute in (
        "missing_rate_",
        "n_iter_",
        "n_features_in_",
        "feature_names_in_",
    ):
        if hasattr(estimator, attribute):
            assert_same(getattr(loaded, attribute), getattr(estimator, attribute))
    assert loaded.net_.history == estimator.net_.history
    assert not loaded.net_.module_.training


# Models that one estimator alone has --------------------------------------------------

QUANTITIES = pd.DataFrame(
    {
        "kind": np.array(["x", "y", "z", None], object)[Y],
        "light_0": np.where(Y < 0, np.nan, Y * 10.0),
        "light_1": np.where(Y < 0, np.nan, Y - 0.5),
    }
)
GRAPH = GraphicalModel(
    {"kind": Discrete(4), "light": Continuous(2), "style": Latent(2)},
    generative={"light": ["kind"], "x": ["kind", "light", "style"]},
    recognition={"style": ["kind", "light"]},
)
OWN_CASES = {
    "graphical model": (
        skfmvae.SemiSupervisedVAE,
        ({"graphical_model": GRAPH, "calibrate": True}, NUMBERS, QUANTITIES),
    ),
    "quantities alone": (
        skfmvae.SemiSupervisedVAE,
        (
            {"graphical_model": GraphicalModel({"a": Continuous(), "z": Latent(2)})},
            NUMBERS,
            NUMBERS[:, 0] + 0.25,
        ),
    ),
    "levels": (
        skfmvae.SemafoVAE,
        (
            {
                "levels": Levels((1, 2), n_dims=3),
                "encoder": MLP((8, 6)),
                "decoder": MLP((8, 6)),
                "objective": SemafoObjective(labelled_phase=0.5),
            },
            NUMBERS,
            Y,
        ),
    ),
    "levels of images": (
        skfmvae.SemafoVAE,
        (
            {
                "levels": (1, 2),
                "encoder": Conv((4, 8), hidden=8, image_shape=(1, 8, 8)),
                "decoder": Conv((4, 8), hidden=8, image_shape=(1, 8, 8)),
            },
            IMAGES,
            Y,
        ),
    ),
    "full covariances": (
        skfmvae.FactorialMixtureVAE,
        ({"mixture": Mixture(covariance_type="full"), "style_dim": 0}, NUMBERS, TWO),
    ),
}


@pytest.mark.parametrize("name", OWN_CASES)
def test_models_of_one_estimator(tmp_path, name):
    cls, (params, X, y) = OWN_CASES[name]
    estimator = cls(**(SMALL_FIT | params)).fit(X, y)
    loaded = through_file(estimator, tmp_path)
    assert_same(results(loaded, X), results(estimator, X))
    assert repr(loaded) == repr(estimator)


def test_a_loaded_estimator_fits_like_the_saved_one(make_estimator, tmp_path):
    state = np.random.RandomState(7)
    estimator = make_estimator(random_state=state, max_epochs=2).fit(NUMBERS, Y)
    loaded = through_file(estimator, tmp_path)
    again = copy.deepcopy(clone(loaded).fit(NUMBERS, Y).predict_proba(NUMBERS))
    expected = clone(estimator).fit(NUMBERS, Y).predict_proba(NUMBERS)
    np.testing.assert_array_equal(again, expected)


def test_what_is_loaded_can_be_saved_again(make_estimator, tmp_path):
    estimator = make_estimator(max_epochs=2).fit(FRAME, Y)
    twice = through_file(through_file(estimator, tmp_path), tmp_path)
    assert_same(results(twice, FRAME), results(estimator, FRAME))


def test_equal_estimators_give_equal_files(make_estimator, tmp_path):
    for name in ("one", "other"):
        estimator = make_estimator(max_epochs=1).fit(NUMBERS, Y)
        for row in estimator.net_.history:
            row["dur"] = 1.0
        estimator.save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_output_of_transform_stays_a_frame(make_estimator, tmp_path):
    estimator = make_estimator(max_epochs=1).set_output(transform="pandas")
    loaded = through_file(estimator.fit(FRAME, Y), tmp_path)
    assert_same(loaded.transform(FRAME), estimator.transform(FRAME))


def test_an_estimator_has_to_be_fitted(make_estimator, tmp_path):
    with pytest.raises(NotFittedError):
        make_estimator().save(tmp_path / "x")
    assert not list(tmp_path.iterdir())


# What no file can hold ----------------------------------------------------------------


class Net(nn.Module):
    """A network of a user."""

    def __init__(self, n_inputs, n_outputs, activation=nn.ReLU):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_inputs, 6), activation(), nn.Linear(6, n_outputs)
        )

    def forward(self, x):
        return self.layers(x)


def another_net(n_inputs, n_outputs):
    return Net(n_inputs, n_outputs, nn.Tanh)


@pytest.fixture(scope="module")
def own_nets(make_estimator, tmp_path_factory):
    estimator = make_estimator(encoder=Net, decoder=Net, max_epochs=2)
    path = tmp_path_factory.mktemp("nets") / "own.safetensors"
    estimator.fit(NUMBERS, Y).save(path)
    return estimator, path


def test_networks_of_users_are_given_again(own_nets):
    estimator, path = own_nets
    with pytest.raises(ValueError, match=r"decoder=.*Net.*load\(path, decoder=\.\.\."):
        type(estimator).load(path)
    with pytest.raises(ValueError, match=r"no file can hold.*load\(path, encoder"):
        type(estimator).load(path, decoder=Net)
    loaded = type(estimator).load(path, encoder=Net, decoder=Net)
    assert_same(results(loaded, NUMBERS), results(estimator, NUMBERS))
    assert repr(loaded) == repr(estimator)


def test_other_networks_than_those_of_the_file_are_refused(own_nets):
    """Of other sizes, and of equal ones that compute something else."""
    estimator, path = own_nets
    with pytest.raises(InvalidFileError, match=r"tensor 'model\."):
        type(estimator).load(path, encoder=nn.Linear, decoder=Net)
    with pytest.raises(InvalidFileError, match="something else of a row"):
        type(estimator).load(path, encoder=another_net, decoder=Net)


class Halves(Gaussian):
    """A likelihood of a user."""


@pytest.mark.parametrize("likelihood", [Halves(), {0: Halves(), 1: "gaussian"}])
def test_likelihoods_of_users_are_given_again(make_estimator, tmp_path, likelihood):
    X = NUMBERS[:, :2]
    estimator = make_estimator(likelihood=likelihood, max_epochs=1).fit(X, Y)
    with pytest.raises(ValueError, match="likelihood=.*Halves.*likelihood="):
        through_file(estimator, tmp_path)
    loaded = through_file(estimator, tmp_path, likelihood=likelihood)
    assert_same(results(loaded, X), results(estimator, X))


def distance(a, b):
    return np.abs(a - b).sum(axis=-1)


def test_what_only_trains_has_its_default(make_estimator, tmp_path):
    estimator = make_estimator(
        max_epochs=1,
        optimizer=torch.optim.Adam,
        callbacks=[("bar", EpochBar())],
        augmentation=torch.nn.Identity(),
        neighbours=Neighbours(n_neighbors=4, distance=distance),
    ).fit(NUMBERS, Y)
    with pytest.warns(UserWarning, match="could not hold") as caught:
        loaded = through_file(estimator, tmp_path)
    (warning,) = caught
    for place in ("optimizer", "callbacks", "augmentation", "neighbours.distance"):
        assert place in str(warning.message)
    assert warning.filename == __file__
    assert loaded.optimizer == "adamw"
    assert loaded.neighbours.n_neighbors == 4
    assert loaded.neighbours.distance is Neighbours().distance
    assert_same(results(loaded, NUMBERS), results(estimator, NUMBERS))
    given = {"neighbours__distance": distance, "callbacks": [], "augmentation": None}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = through_file(estimator, tmp_path, optimizer="sgd", **given)
    assert loaded.neighbours.distance is distance
    assert loaded.optimizer == "sgd"


def test_parameters_in_place_of_those_of_the_file(make_estimator, tmp_path):
    likelihood = Gaussian(scale=np.ones(4), learn_scale=False)
    estimator = make_estimator(likelihood=likelihood, max_epochs=1).fit(NUMBERS, Y)
    changed = {"lr": 0.5, "max_epochs": 7, "likelihood": clone(likelihood)}
    loaded = through_file(estimator, tmp_path, **changed)
    assert (loaded.lr, loaded.max_epochs) == (0.5, 7)
    assert_same(results(loaded, NUMBERS), results(estimator, NUMBERS))


def test_a_network_with_a_state_that_is_no_tensor(make_estimator, tmp_path):
    class Odd(Net):
        def get_extra_state(self):
            return {"a": 1}

        def set_extra_state(self, state):
            pass

    estimator = make_estimator(encoder=Odd, max_epochs=1).fit(NUMBERS, Y)
    with pytest.raises(ValueError, match=r"_extra_state' of dict.*make it a buffer"):
        estimator.save(tmp_path / "x")


# Classes ------------------------------------------------------------------------------


def test_another_class_in_the_file(Estimator, make_estimator, tmp_path):
    make_estimator(max_epochs=1).fit(NUMBERS, Y).save(tmp_path / "x")
    (other, *_) = (cls for cls in ESTIMATORS if cls is not Estimator)
    expected = f"holds a {Estimator.__name__} and no {other.__name__}"
    with pytest.raises(InvalidFileError, match=expected):
        other.load(tmp_path / "x")


def test_subclasses_of_users_load_their_own_files(Estimator, tmp_path):
    class Mine(Estimator):
        pass

    estimator = Mine(**SMALL_FIT).fit(NUMBERS, Y)
    loaded = through_file(estimator, tmp_path)
    assert type(loaded) is Mine
    assert_same(results(loaded, NUMBERS), results(estimator, NUMBERS))
    with pytest.raises(InvalidFileError, match="'Mine', which is no estimator of skf"):
        Estimator.load(tmp_path / "estimator.safetensors")


def test_classes_of_files_have_names_of_their_own():
    """And none of them is a module, which would run what a file says."""
    found = _classes(None)
    assert {"MLP", "Column", "Judgement", "TargetEncoder", "Latent"} <= found.keys()
    for room in ROOMS:
        public = vars(import_module(f"skfmvae.{room}"))
        for name, cls in found.items():
            assert public.get(name, cls) is cls or not _is_of_data(public[name])
    assert not any(issubclass(cls, nn.Module | NeuralNet) for cls in found.values())


def test_a_device_that_is_not_there_gives_way_to_the_cpu(make_estimator, tmp_path):
    estimator = make_estimator(max_epochs=1).fit(NUMBERS, Y)
    loaded = through_file(estimator.set_params(device="cuda:7"), tmp_path)
    assert loaded.device == "cuda:7"
    assert loaded.device_ == torch.device("cpu")
    assert_same(results(loaded, NUMBERS), results(estimator, NUMBERS))
