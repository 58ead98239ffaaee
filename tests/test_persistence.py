"""Files that nobody saved, and files of earlier versions."""

import json
import resource
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch
from sklearn.datasets import load_digits

import skfmvae
from skfmvae._utils.allocation import TooLarge
from skfmvae._utils.tensor_files import _checksum, _serialized, read_tensors
from skfmvae.models import Continuous, GraphicalModel, Latent
from skfmvae.nn import MLP
from skfmvae.persistence import InvalidFileError, export_onnx, load

N = 40
RNG = np.random.default_rng(0)
LABELS = np.arange(N) % 3
ROWS = pd.DataFrame(
    {
        "a": RNG.normal(size=N) + LABELS,
        "b": RNG.integers(0, 9, N),
        "c": np.array(["u", "v", "w"])[LABELS],
    }
)
N_FILES = 500
BYTES = 2**29  # more than any file here may take while it is loaded


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return a fitted estimator, and the content of its file."""
    estimator = skfmvae.FactorialMixtureVAE(
        encoder=MLP((6,)),
        decoder=MLP((6,)),
        property_dim=2,
        style_dim=2,
        neighbours=None,
        max_epochs=2,
        random_state=0,
    )
    estimator.fit(ROWS, np.where(np.arange(N) < 30, LABELS, -1))
    path = tmp_path_factory.mktemp("saved") / "x.safetensors"
    estimator.save(path)
    return estimator, path.read_bytes()


def sealed(tensors, about):
    """Return the content of a file with a checksum that is right."""
    about = {key: value for key, value in about.items() if key != "checksum"}
    data = _serialized(tensors, about)
    return _serialized(tensors, about | {"checksum": _checksum(data)})


# Mutations: each takes the content of a file and a generator, and returns another.

VALUES = [None, True, -1, 0, 2, 10**9, 10**15, 0.5, 1e300, "", "x", "mlp", [], {}]
VALUES += [
    [[1]],
    {"type": "tuple", "items": [3] * 5},
    {"type": "dict", "items": [[1, 2]]},
    {"type": "float", "value": "nan"},
    {"type": "slice", "items": [0, 10**12, 1]},
    {"type": "device", "name": "cuda:9"},
    {"type": "os.system", "params": {"command": "true"}, "state": {}},
    {"type": "array", "dtype": "<U100000000", "shape": [1], "values": ["a"]},
    {"type": "array", "dtype": "<f8", "shape": [10**10], "values": [1.0]},
    {"type": "array", "name": "model.encoder.0.weight"},
    {"type": "MLP", "params": {"hidden": [10**6, 10**6]}, "state": {}},
    {"type": "MLP", "params": {"hidden": [1] * 50_000}, "state": {}},
    {"type": "SemafoVAE", "params": {"latent_dim": 10**9}, "state": {}},
]


def truncated(data, rng):
    return data[: rng.integers(len(data))]


def extended(data, rng):
    return data + rng.bytes(rng.integers(1, 99))


def flipped(data, rng):
    data = bytearray(data)
    for i in rng.integers(len(data), size=rng.integers(1, 4)):
        data[i] ^= 1 << rng.integers(8)
    return bytes(data)


def with_length(data, rng):
    """Return a file that says its header is of another length."""
    lengths = [0, 1, 100, len(data), 10**8, 2**40, 2**63, 2**64 - 1]
    length = lengths[rng.integers(len(lengths))]
    return length.to_bytes(8, "little") + data[8:]


def noise(data, rng):
    return rng.bytes(rng.integers(2000))


def exchanged(data, rng):
    """Exchange two tensors of the model; the checksum is of before."""
    tensors, about = read_tensors(data)
    one, other = rng.choice(sorted(tensors), 2, replace=False)
    tensors[one], tensors[other] = tensors[other], tensors[one]
    return _serialized(tensors, about)


def reshaped(data, rng):
    """Give tensors another shape, type or name, NaN, or nothing."""
    tensors, about = read_tensors(data)
    name = rng.choice([name for name in sorted(tensors) if tensors[name].numel()])
    value = tensors.pop(name)
    kind = rng.integers(6)
    if kind == 0:
        tensors[name] = torch.cat([value.flatten(), value.flatten()])
    elif kind == 1:
        tensors[name] = value.half()
    elif kind == 2:
        tensors[f"{name}_"] = value
    elif kind == 3:
        tensors[name] = torch.full(value.shape, torch.nan)
    elif kind == 4:
        tensors[name] = value[None].expand(3, *value.shape).clone()
    return sealed(tensors, about)


def edited(data, rng):
    """Put something else in place of a value of the JSON."""
    tensors, about = read_tensors(data)
    places = [p for p in leaves(about) if p and "categories" not in p]
    *above, last = places[rng.integers(len(places))]
    node = about
    for key in above:
        node = node[key]
    node[last] = VALUES[rng.integers(len(VALUES))]
    return sealed(tensors, about)


def leaves(node, path=()):
    """Yield where the nodes of JSON stand; a category may have another name."""
    if isinstance(node, dict | list):
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in items:
            yield from leaves(value, (*path, key))
    yield path


MUTATIONS = [truncated, extended, flipped, with_length, noise, exchanged, reshaped]
MUTATIONS += [edited] * 3


@contextmanager
def limited_memory():
    """Let the process take no more than some bytes beside what it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    most = pages * resource.getpagesize() + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_mutated_files_are_refused_or_predict_the_same(saved, tmp_path):
    estimator, data = saved
    expected = estimator.predict_proba(ROWS)
    path, outcomes = tmp_path / "x.safetensors", []
    for i in range(N_FILES):
        mutate = MUTATIONS[i % len(MUTATIONS)]
        path.write_bytes(mutate(data, np.random.default_rng(i)))
        refusal = None
        try:
            with limited_memory():
                found = load(path).predict_proba(ROWS)
        except InvalidFileError as error:
            refusal = error
        about = f"{mutate.__name__}, {i}: {refusal}"
        assert "allocate" not in about, about
        assert not isinstance(getattr(refusal, "__cause__", None), MemoryError), about
        if refusal is None:
            np.testing.assert_array_equal(found, expected, err_msg=about)
        outcomes.append((mutate.__name__, refusal is None))
    # Neither of the two is all that happens.
    assert outcomes.count(("edited", False)) > 50
    assert outcomes.count(("edited", True)) > 3
    assert ("flipped", True) not in outcomes


def test_damage_is_said(saved, tmp_path):
    _, data = saved
    path = tmp_path / "x.safetensors"
    tensors, about = read_tensors(data)
    newer = about | {"format": 2, "versions": {"skfmvae": "7.1"}}
    moved = bytearray(data)
    moved[-9] ^= 1
    name = "model.encoder.0.weight"
    weight = tensors[name]
    turned = weight.T.contiguous()
    for content, words in [
        (data[:-1], "no file of safetensors by skfmvae, or only a part"),
        (b"", "no file of safetensors"),
        (safetensors.torch.save({"a": weight}), "no file of safetensors by skfmvae"),
        (bytes(moved), "checksum is not that of its content"),
        (sealed(tensors, newer), "skfmvae 7.1 saved it in format 2, .* update skfmvae"),
        (
            sealed(tensors | {name: turned}, about),
            r"weight' is \(\(.*, but",
        ),
        (sealed(tensors | {name: weight * torch.nan}, about), "weight' is not finite"),
        (sealed(tensors | {name: weight + 1}, about), "makes something else of a row"),
        (
            sealed(tensors | {"model.x": turned}, about),
            "beyond .* 'model.x'",
        ),
        (sealed(tensors | {"x": turned}, about), "tensor 'x', which belongs nowhere"),
    ]:
        path.write_bytes(content)
        with pytest.raises(InvalidFileError, match=f"x.safetensors cannot .*{words}"):
            load(path)


def test_a_network_of_a_size_that_is_not_in_the_file_takes_no_memory(saved, tmp_path):
    _, data = saved
    tensors, about = read_tensors(data)
    about["estimator"]["params"]["encoder"]["params"]["hidden"] = [10**6, 10**6]
    path = tmp_path / "x.safetensors"
    path.write_bytes(sealed(tensors, about))
    with pytest.raises(InvalidFileError, match=r"elements, more than") as caught:
        load(path)
    assert isinstance(caught.value.__cause__, TooLarge)


def test_there_is_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nowhere")


def test_nothing_that_a_file_names_is_imported(saved, tmp_path):
    _, data = saved
    tensors, about = read_tensors(data)
    about["estimator"]["params"]["encoder"]["type"] = "antigravity.Net"
    (tmp_path / "x").write_bytes(sealed(tensors, about))
    with pytest.raises(InvalidFileError, match="unknown type 'antigravity.Net'"):
        load(tmp_path / "x")
    assert "antigravity" not in sys.modules


# Files of earlier versions ------------------------------------------------------------

DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize("name", skfmvae.__all__)
def test_files_of_version_0_1_stay_readable(name):
    """tests/data/make_files.py has written them, with what they predict."""
    expected = json.loads((DATA / "predictions_0.1.json").read_text())
    loaded = load(DATA / f"{name}_0.1.safetensors")
    X = pd.DataFrame(expected["rows"])
    assert type(loaded).__name__ == name
    proba = loaded.property_proba(X)
    for property_name, values in expected[name]["proba"].items():
        np.testing.assert_allclose(proba[property_name], values, atol=1e-4)
    assert loaded.predict(X).tolist() == expected[name]["predicted"]


# Graphs for other programs ------------------------------------------------------------


def assert_exported(estimator, X, path):
    """Check that ONNX Runtime predicts what the estimator does, for any rows."""
    onnxruntime = pytest.importorskip("onnxruntime")
    export_onnx(estimator, path)
    graph = onnxruntime.InferenceSession(path)
    expected = estimator.property_proba(X)
    assert [output.name for output in graph.get_outputs()] == list(expected)
    rows = estimator.columns_.transform(X)
    rows = rows.astype(np.float32 if estimator.origin_ is None else np.float64)
    for n in (1, 2, len(rows)):
        for found, proba in zip(
            graph.run(None, {"X": rows[:n]}), expected.values(), strict=True
        ):
            np.testing.assert_allclose(found, proba[:n], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("FactorialMixtureVAE", "digits"),
        ("SemafoVAE", "table"),
        ("SemiSupervisedVAE", "table"),
    ],
)
def test_other_programs_predict_the_same(name, of, tmp_path):
    """At a temperature other than 1."""
    if of == "digits":
        X, y = load_digits(return_X_y=True)
        X, y = X[:150] / 16, y[:150]
    else:
        X = 1e6 * np.arange(4) + RNG.normal(size=(N, 4)) + np.eye(4)[LABELS]
        y = np.stack([LABELS, np.arange(N) % 2], axis=1)
    estimator = getattr(skfmvae, name)(
        encoder=MLP((16,)),
        decoder=MLP((16,)),
        neighbours=None,
        max_epochs=3,
        random_state=0,
    ).fit(X, y)
    assert 1.0 not in estimator.judgement_.temperature.values()
    assert (estimator.origin_ is None) == (of == "digits")
    assert_exported(estimator, X, tmp_path / "x.onnx")


@pytest.mark.parametrize("likelihood", ["auto", "nonparanormal"])
def test_other_programs_know_missing_entries(likelihood, tmp_path):
    X = np.where(RNG.random((N, 4)) < 0.2, np.nan, RNG.normal(size=(N, 4)))
    X[:, 0] = LABELS
    estimator = skfmvae.FactorialMixtureVAE(
        likelihood=likelihood,
        neighbours=None,
        max_epochs=2,
        random_state=0,
        n_discovered=1,
    ).fit(X, LABELS)
    assert_exported(estimator, X, tmp_path / "x.onnx")


def test_there_has_to_be_a_discrete_property(tmp_path):
    graph = GraphicalModel({"size": Continuous(), "style": Latent(2)})
    estimator = skfmvae.SemiSupervisedVAE(graph, neighbours=None, max_epochs=1)
    estimator.fit(RNG.normal(size=(N, 3)), RNG.normal(size=N))
    with pytest.raises(ValueError, match="no discrete property"):
        export_onnx(estimator, tmp_path / "x.onnx")
