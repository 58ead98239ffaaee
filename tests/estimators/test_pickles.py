"""Pickles and copies of estimators: small, complete, and at home on any machine."""

import copy
import io
import pickle
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
import torch
from skorch.exceptions import SkorchTrainingImpossibleError
from torch import nn

from skfmvae.models import Model
from skfmvae.nn import MLP
from skfmvae.training import EarlyStopping, Rows


def through_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


COPIES = {
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "pickled twice": lambda estimator: pickle.loads(
        pickle.dumps(pickle.loads(pickle.dumps(estimator)))
    ),
    "deepcopy": copy.deepcopy,
    "joblib": through_joblib,
}
GPU = torch.device("cuda", 7)


@pytest.fixture(scope="module")
def fitted(make_estimator, partial_blobs):
    """A net of 100 kB, with held-out rows of 200 kB."""
    X, y = partial_blobs
    X, y = (np.tile(values, (100, 1)) for values in (X, y[:, None]))
    without_graph = {"neighbours": None, "adversarial": None}
    networks = dict.fromkeys(("encoder", "decoder"), MLP((128, 64)))
    return make_estimator(**networks, callbacks=[EarlyStopping()], **without_graph).fit(
        X, y[:, 0]
    )


def results(estimator, X):
    """Return all that an estimator makes of rows, and rows and labels that it draws."""
    methods = ("predict", "predict_proba", "transform", "score_samples")
    made = [getattr(estimator, method)(X) for method in methods]
    return [*made, *estimator.sample(5, random_state=0)]


@pytest.fixture(scope="module")
def expected(fitted, partial_blobs):
    return results(fitted, partial_blobs[0][:20])


@pytest.fixture(scope="module")
def expected_anew(make_estimator, fitted, partial_blobs):
    """Return what a fit with the same parameters to fewer rows makes of them."""
    anew = make_estimator(**fitted.get_params(deep=False)).fit(*partial_blobs)
    return anew.transform(partial_blobs[0])


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
def test_copies_predict_alike_and_can_be_fitted(
    fitted, expected, expected_anew, partial_blobs, duplicate
):
    X, y = partial_blobs
    twin = duplicate(fitted)
    for made, wanted in zip(results(twin, X[:20]), expected, strict=True):
        np.testing.assert_array_equal(made, wanted)
    assert twin.net_.history == fitted.net_.history
    assert twin.net_.module is twin.net_.module_
    assert twin.net_.module_ is not fitted.net_.module_
    np.testing.assert_array_equal(twin.fit(X, y).transform(X), expected_anew)


def test_pickles_hold_the_parameters_once(fitted):
    state = fitted.net_.module_.state_dict().values()
    tensors = [value for value in state if torch.is_tensor(value)]
    size = sum(tensor.nbytes for tensor in tensors)
    names = 600 * len(tensors)  # and what torch writes about each
    assert size < len(pickle.dumps(fitted)) < 1.1 * size + names + 20_000


def test_copies_leave_what_only_trains_behind(fitted, partial_blobs):
    X, y = partial_blobs
    assert fitted.net_.optimizer_ is not None
    twin = copy.deepcopy(fitted)
    assert twin.net_.optimizer_ is None
    assert twin.net_.train_split is None
    with pytest.raises(SkorchTrainingImpossibleError, match="cannot be used for train"):
        twin.net_.partial_fit(Rows(X, y[:, None]))


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
def test_what_was_fitted_on_a_gpu_predicts_without_one(
    make_estimator, partial_blobs, duplicate, monkeypatch
):
    """Tensors here are on the CPU, whatever the estimator believes."""
    X, y = partial_blobs
    estimator = make_estimator().fit(X, y)
    expected = estimator.predict_proba(X)
    estimator.device_ = estimator.net_.device = GPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    twin = duplicate(estimator)
    assert twin.device_ == twin.net_.device == torch.device("cpu")
    np.testing.assert_array_equal(twin.predict_proba(X), expected)
    assert estimator.device_ == estimator.net_.device == GPU


def test_what_is_pickled_has_moved_to_the_cpu(
    make_estimator, partial_blobs, monkeypatch
):
    X, y = partial_blobs
    estimator = make_estimator().fit(X, y)
    moved = []

    def cpu(module):
        moved.append(module)
        return module

    monkeypatch.setattr(nn.Module, "cpu", cpu)
    estimator.net_.__getstate__()
    assert not moved, "it is there already"
    on_gpu = [SimpleNamespace(device=GPU)]
    monkeypatch.setattr(Model, "buffers", lambda self: iter(on_gpu))
    state = estimator.net_.__getstate__()
    assert [state["module_"]] == moved
    assert moved[0] is not estimator.net_.module_, "the net itself stays where it is"
    assert state["module"] is None


def test_a_fitted_estimator_with_augmentation_can_be_pickled(make_estimator):
    X = np.random.default_rng(0).random((40, 16), dtype=np.float32)
    model = make_estimator(augmentation="image", max_epochs=1).fit(X, np.arange(40) % 2)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
