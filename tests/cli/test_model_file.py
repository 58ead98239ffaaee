"""Models in files, with what the command line has to know beside them."""

import numpy as np
import pandas as pd
import pytest

from skfmvae import FactorialMixtureVAE, SemiSupervisedVAE
from skfmvae.cli.errors import InputError
from skfmvae.cli.model_file import SavedModel, load_model, save_model
from skfmvae.cli.notation import Notation
from skfmvae.models.graphical_model import Continuous, Discrete, GraphicalModel, Latent


def fitted(X, y, estimator=FactorialMixtureVAE, **params):
    settings = {"max_epochs": 2, "calibrate": False, "random_state": 0, **params}
    return estimator(**settings).fit(X, y)


def test_a_model_comes_back(blobs, tmp_path):
    X, y = blobs[["a", "b"]], pd.Series([0, 1] * 60, name="kind")
    notations = {"a": Notation(decimals=2), "b": Notation("", ".", "%", True, None)}
    saved = SavedModel(fitted(X, y), notations, -12.5)
    save_model(saved, tmp_path / "m.safetensors")
    assert not hasattr(saved.estimator, "table_")
    model = load_model(tmp_path / "m.safetensors")
    assert model.notations == notations
    assert model.low_score == -12.5
    assert model.targets == {"kind": [0, 1]}
    assert model.columns_of_y == ["kind"]
    assert model.quantities == []
    formats = model.formats
    assert (
        [form.column.name for form in formats.values()] == list(formats) == ["a", "b"]
    )
    assert formats["b"].notation.hundredths
    pd.testing.assert_frame_equal(model.filled(X), saved.estimator.impute(X))


def test_a_model_of_python_comes_back(blobs, tmp_path):
    X = blobs[["a", "b"]].mask(np.eye(120, 2) > 0)
    fitted(X, None).save(tmp_path / "m.safetensors")
    model = load_model(tmp_path / "m.safetensors")
    assert model.low_score is None
    assert model.formats["a"].notation == Notation()
    assert list(model.targets) == ["discovered_0"]


def test_frames_of_other_libraries_become_those_of_pandas(blobs, tmp_path):
    pl = pytest.importorskip("polars")
    X = blobs[["a", "b"]].mask(np.eye(120, 2) > 0)
    model = SavedModel(fitted(pl.DataFrame(X.to_dict("list")), None), {})
    filled = model.filled(X)
    assert isinstance(filled, pd.DataFrame)
    assert not filled.isna().any(axis=None)
    rows, _ = model.sample(3, {}, 0)
    assert isinstance(rows, pd.DataFrame)
    assert rows.columns.tolist() == ["a", "b"]


def test_quantities_are_targets(blobs):
    graph = GraphicalModel({"kind": Discrete(3), "mass": Continuous(), "z": Latent(2)})
    y = pd.DataFrame({"mass": blobs["b"], "kind": blobs["kind"].fillna(-1).astype(int)})
    estimator = fitted(blobs[["a", "c"]], y, SemiSupervisedVAE, graphical_model=graph)
    model = SavedModel(estimator, {})
    assert list(model.targets) == ["kind"]
    assert model.quantities == ["mass"]
    _, y_new = model.sample(4, {"mass": 2.0, "kind": 1}, 0)
    assert model.columns_of_y == ["mass", "kind"]
    np.testing.assert_allclose(y_new.astype(float), [[2, 1]] * 4, rtol=1e-5)


def test_files_that_hold_no_model(blobs, tmp_path):
    path = tmp_path / "m.safetensors"
    with pytest.raises(InputError, match=r"no file .*m\.safetensors"):
        load_model(path)
    with pytest.raises(InputError, match="cannot be read as a model: Is a directory"):
        load_model(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match="cannot be read as a model"):
        load_model(path)
    fitted(blobs[["a", "b"]].to_numpy(), None).save(path)
    with pytest.raises(InputError, match="an array, whose columns have no names"):
        load_model(path)


@pytest.mark.parametrize(
    "table",
    [
        3,
        {"notations": {}},
        {"notations": {"a": {"decimal": "x"}}, "low_score": 1.0},
        {"notations": {"a": {"size": 1}}, "low_score": 1.0},
        {"notations": ["a"], "low_score": 1.0},
        {"notations": {}, "low_score": "low"},
    ],
)
def test_damaged_notes(blobs, tmp_path, table):
    estimator = fitted(blobs[["a", "b"]], None)
    estimator.table_ = table
    estimator.save(tmp_path / "m.safetensors")
    with pytest.raises(InputError, match="cannot be read as a model"):
        load_model(tmp_path / "m.safetensors")
