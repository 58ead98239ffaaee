import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator

from skfmvae._utils.packing import Foreign, Packer, Unpacker


class Settings(BaseEstimator):
    def __init__(self, size=3, inner=None):
        self.size = size
        self.inner = inner


@dataclass(frozen=True)
class Point:
    x: float
    name: str = "origin"


CLASSES = {"Settings": Settings, "Point": Point}


def through_json(value):
    packer = Packer(CLASSES)
    node = json.loads(json.dumps(packer.pack(value, "here"), allow_nan=False))
    unpacker = Unpacker(CLASSES, packer.arrays)
    made = unpacker.unpack(node)
    assert unpacker.used == packer.arrays.keys()
    return made


def assert_equal(one, other):
    assert type(one) is type(other)
    if isinstance(one, np.ndarray | np.generic):
        np.testing.assert_array_equal(one, other, strict=True)
        assert one.dtype.str == other.dtype.str
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_equal(a, b)
    else:
        assert one == other


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -(2**80),
        0.1 + 0.2,
        "ü\n\x00",
        [1, [2.0, "a"], (True, None)],
        {},
        {1: "a", "b": (2,), (3, 4): [5], None: 6, False: 7},
        slice(3, None),
        np.arange(6.0).reshape(2, 3).T,
        np.array(3.5),
        np.zeros((0, 4), np.float32),
        np.array([True, False]),
        np.array([2**63 + 1], np.uint64),
        np.array([1.5, np.nan, -np.inf], np.float16),
        np.array([1, 2], ">i4"),
        np.array([["a", ""], ["long", "\0b"]], "<U9"),
        np.array([None, "a", 1, 2.5, True], object),
        np.array([np.nan, np.inf], object),
        np.arange(9)[::-2],
        np.float32(0.1),
        np.int8(-3),
        np.str_("a"),
        np.bool_(True),
        torch.device("cuda", 1),
        Point(2.5),
        [Point(np.float64(1.0), "p")],
    ],
    ids=repr,
)
def test_values_come_back(value):
    if isinstance(value, np.ndarray) and value.dtype == object:
        made = through_json(value)
        assert [repr(v) for v in made] == [repr(v) for v in value]
    else:
        assert_equal(through_json(value), value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_floats_that_json_lacks(value):
    assert repr(through_json(value)) == repr(value)


def test_settings_hold_settings_and_what_was_learned():
    settings = Settings(inner=Settings(size=(1, 2)))
    settings.learned_ = np.arange(3)
    made = through_json({"a": settings})["a"]
    assert repr(made) == repr(settings)
    np.testing.assert_array_equal(made.learned_, settings.learned_)


def test_random_states_go_on_where_they_were():
    state = np.random.RandomState(3)
    state.normal(size=3)  # which leaves one for later
    made = through_json(state)
    np.testing.assert_array_equal(made.normal(size=5), state.normal(size=5))


@pytest.mark.parametrize(
    "value", [len, Settings, object(), {1}, b"a", 1j, np.array([1j]), [lambda: 0]]
)
def test_what_code_alone_can_make_is_refused(value):
    with pytest.raises(Foreign, match="."):
        Packer(CLASSES).pack(value, "here")


def test_parameters_that_are_left_out_have_their_defaults():
    """And what was packed before it turned out leaves no array behind."""
    packer = Packer(CLASSES)
    value = Settings(size=[np.arange(3), len], inner=Settings(inner=np.arange(2)))
    node = packer.pack(value, "est")
    assert packer.foreign == {"est.size": "builtins.len"}
    assert list(packer.arrays) == ["est.inner.inner"]
    made = Unpacker(CLASSES, packer.arrays).unpack(node)
    assert made.size == 3
    np.testing.assert_array_equal(made.inner.inner, np.arange(2))


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"type": "os.system"}, "unknown type 'os.system'"),
        ({"type": ["list"]}, "unknown type"),
        ({}, "unknown type None"),
        ({"type": "float", "value": "1e3"}, "no float"),
        ({"type": "array", "name": "nowhere"}, "lacks the tensor 'nowhere'"),
        ({"type": "Settings", "params": {"colour": 1}, "state": {}}, "'colour'"),
        ({"type": "Point", "params": {"x": "1"}, "state": {}}, "Point has x='1'"),
        (
            {"type": "array", "dtype": "<U100000000", "shape": [1], "values": ["a"]},
            "no dtype of 1 values",
        ),
        (
            {"type": "array", "dtype": "V9", "shape": [1], "values": ["a"]},
            "no dtype",
        ),
        (
            {"type": "array", "dtype": "O", "shape": [1], "values": [[1]]},
            "more than numbers and texts",
        ),
        (
            {"type": "array", "dtype": "<f8", "shape": [10**12], "values": [1.0]},
            "cannot reshape",
        ),
    ],
)
def test_what_stands_for_nothing_is_refused(node, words):
    with pytest.raises(ValueError, match=words):
        Unpacker(CLASSES, {}).unpack(node)
