"""Objects as JSON and arrays, and back without running what a file names."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch

from .annotations import check_attributes

__all__ = ["Foreign", "Packer", "Unpacker"]

# Dtypes that a file of tensors has; arrays of others are lists of their values.
OF_TENSORS = frozenset({"?", "i1", "i2", "i4", "i8", "u1", "f4", "f8"})
# Bytes of an array of texts: its dtype may have room for more than they need.
LARGEST_TEXTS = 2**26


class Foreign(Exception):
    """An object that nothing but code can make again.

    Parameters
    ----------
    value : object
        It.
    """

    def __init__(self, value: Any):
        kind = value if inspect.isroutine(value) or isinstance(value, type) else None
        kind = type(value) if kind is None else kind
        module = getattr(kind, "__module__", None) or "?"
        super().__init__(f"{module}.{getattr(kind, '__qualname__', repr(kind))}")


class Packer:
    """Turn objects into JSON, and their arrays into named ones.

    Parameters
    ----------
    classes : dict of str to type
        The classes of objects that can be packed, by name.

    Attributes
    ----------
    arrays : dict of str to ndarray
        What was packed beside JSON; names are paths to where arrays stood.
    foreign : dict of str to str
        Paths to parts of objects that are left out, as code alone can make them again,
        and what they are.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae._utils.packing import Packer, Unpacker
    >>> packer = Packer({})
    >>> node = packer.pack((1, np.array(["a", "b"])), "pair")
    >>> Unpacker({}, packer.arrays).unpack(node)
    (1, array(['a', 'b'], dtype='<U1'))
    """

    def __init__(self, classes: Mapping[str, type]):
        self.names = {cls: name for name, cls in classes.items()}
        self.arrays: dict[str, np.ndarray] = {}
        self.foreign: dict[str, str] = {}

    def pack(self, value: Any, path: str) -> Any:
        """Return an object as JSON.

        Parameters
        ----------
        value : object
            The object.
        path : str
            Where it stands.

        Returns
        -------
        node : object
            Of dict, list, str, int, float, bool and None alone.

        Raises
        ------
        Foreign
            If the object, or an item of it, is of none of the classes.
        """
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            if math.isfinite(value):
                return value
            return {"type": "float", "value": str(value)}
        if type(value) in (list, tuple):
            items = [self.pack(v, f"{path}.{i}") for i, v in enumerate(value)]
            return items if type(value) is list else {"type": "tuple", "items": items}
        if type(value) is dict:
            items = [
                [self.pack(key, f"{path}.keys"), self.pack(v, f"{path}.{key}")]
                for key, v in value.items()
            ]
            return {"type": "dict", "items": items}
        if isinstance(value, np.ndarray | np.generic):
            return self._pack_array(value, path)
        if isinstance(value, slice):
            items = [value.start, value.stop, value.step]
            return {"type": "slice", "items": [self.pack(v, path) for v in items]}
        if isinstance(value, torch.device):
            return {"type": "device", "name": str(value)}
        if isinstance(value, np.random.RandomState):
            state = self.pack(value.get_state(), f"{path}.state")
            return {"type": "RandomState", "state": state}
        if type(value) in self.names:
            return self.pack_object(value, path)
        raise Foreign(value)

    def _pack_array(self, value: Any, path: str) -> dict[str, Any]:
        array = np.asarray(value)
        if array.dtype.kind not in "biufUO" or type(value) is np.ma.MaskedArray:
            raise Foreign(value)
        node = {"type": "array" if isinstance(value, np.ndarray) else "scalar"}
        if node["type"] == "array" and array.dtype.str.lstrip("<|=") in OF_TENSORS:
            while path in self.arrays:
                path += "_"
            self.arrays[path] = array
            return node | {"name": path}
        flat = array.ravel().tolist()
        values = [self.pack(v, f"{path}.{i}") for i, v in enumerate(flat)]
        shape = list(array.shape)
        return node | {"dtype": array.dtype.str, "shape": shape, "values": values}

    def pack_object(
        self, value: Any, path: str, without: Collection[str] = ()
    ) -> dict[str, Any]:
        """Return what the constructor takes, and what is in the object beside.

        Parameters
        ----------
        value : object
            Of one of the classes.
        path : str
            Where it stands.
        without : collection of str, default=()
            Names of attributes that are left out.

        Returns
        -------
        node : dict
            As of `pack`.
        """
        names = _parameters(type(value))
        node: dict[str, Any] = {"type": self.names[type(value)]}
        node |= {"params": {}, "state": {}}
        for name, part in sorted(vars(value).items()):
            if name in without:
                continue
            place = f"{path}.{name}" if path else name
            before = dict(self.arrays), dict(self.foreign)
            try:
                packed = self.pack(part, place)
            except Foreign as error:
                self.arrays, self.foreign = before
                self.foreign[place] = str(error)
            else:
                node["params" if name in names else "state"][name] = packed
        return node


class Unpacker:
    """Make objects again from what a :class:`Packer` returned.

    Nothing is imported or called by a name of the file but the constructors of the
    classes given here.

    Parameters
    ----------
    classes : dict of str to type
        As for the packer.
    arrays : dict of str to ndarray
        Those of the packer.

    Attributes
    ----------
    used : set of str
        Names of the arrays that were taken.
    """

    def __init__(self, classes: Mapping[str, type], arrays: Mapping[str, np.ndarray]):
        self.classes = classes
        self.arrays = arrays
        self.used: set[str] = set()

    def unpack(self, node: Any) -> Any:
        """Return the object that JSON stands for.

        Parameters
        ----------
        node : object
            As `Packer.pack` returned it.

        Returns
        -------
        value : object
            Equal to what was packed.

        Raises
        ------
        ValueError
            If it stands for none.
        """
        if isinstance(node, list):
            return [self.unpack(item) for item in node]
        if not isinstance(node, dict):
            return node
        kind = node.get("type")
        if isinstance(kind, str) and kind in self.classes:
            return self._object(node)
        makers: dict[Any, Callable[..., Any]] = {
            "float": self._float,
            "tuple": self._tuple,
            "dict": self._dict,
            "array": self._array,
            "scalar": self._scalar,
            "slice": self._slice,
            "device": self._device,
            "RandomState": self._random_state,
        }
        if not isinstance(kind, str) or kind not in makers:
            raise ValueError(f"it has something of the unknown type {kind!r}")
        return makers[kind](**{key: v for key, v in node.items() if key != "type"})

    def _float(self, value: Any) -> float:
        if value not in ("nan", "inf", "-inf"):
            raise ValueError(f"{value!r} is no float")
        return float(value)

    def _tuple(self, items: Any) -> tuple[Any, ...]:
        return tuple(self.unpack(list(items)))

    def _dict(self, items: Any) -> dict[Any, Any]:
        return {self.unpack(key): self.unpack(v) for key, v in items}

    def _slice(self, items: Any) -> slice:
        start, stop, step = items
        return slice(start, stop, step)

    def _device(self, name: Any) -> torch.device:
        return torch.device(name)

    def _random_state(self, state: Any) -> np.random.RandomState:
        random_state = np.random.RandomState()
        random_state.set_state(self.unpack(state))
        return random_state

    def _scalar(self, **node: Any) -> Any:
        return self._array(**node)[()]

    def _array(
        self,
        name: str | None = None,
        dtype: str | None = None,
        shape: Any = None,
        values: Any = None,
    ) -> np.ndarray:
        if name is not None:
            if name not in self.arrays:
                raise ValueError(f"it lacks the tensor {name!r}")
            self.used.add(name)
            return self.arrays[name].copy()
        kind = np.dtype(str(dtype))
        found = self.unpack(list(values))
        if not all(v is None or type(v) in (bool, int, float, str) for v in found):
            raise ValueError("an array holds more than numbers and texts")
        if kind.kind not in "biufUO" or kind.itemsize * len(found) > LARGEST_TEXTS:
            raise ValueError(f"{dtype!r} is no dtype of {len(found)} values")
        array = np.empty(len(found), dtype=kind)
        array[:] = found
        return array.reshape([int(n) for n in shape])

    def _object(self, node: dict[str, Any]) -> Any:
        cls = self.classes[node["type"]]
        unknown = node["params"].keys() - _parameters(cls)
        if unknown:
            raise ValueError(f"{node['type']} has no parameter {min(unknown)!r}")
        value = cls(**{name: self.unpack(v) for name, v in node["params"].items()})
        for name, state in node["state"].items():
            object.__setattr__(value, name, self.unpack(state))
        check_attributes(value)
        return value


def _parameters(cls: type) -> set[str]:
    """Return the names of what a constructor takes."""
    return set(inspect.signature(cls).parameters)
