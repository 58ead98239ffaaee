"""What a fit depends on, so that only the same one goes on from a checkpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from hashlib import blake2b
from importlib.metadata import version
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skfmvae._utils.large import RowView, blocks
from skfmvae.training import CheckpointFolder, opened_folder

from .settings import settings_of

__all__ = ["fit_description", "resumable"]

# Of the device that which was found is compared.
NOT_COMPARED = ("checkpoint", "device", "verbose")


def resumable(
    estimator, X, codes, quantities, sample_weight, random_state, earlier=None
) -> AbstractContextManager[CheckpointFolder | None]:
    """Return a block in which a fit goes on from its checkpoint, if it has one.

    Parameters
    ----------
    estimator : BaseVAE
        Its parameters are checked, and it knows its likelihood, device and targets.
    X : float32 ndarray or CSR matrix of shape (n, D)
        The rows.
    codes : int64 ndarray of shape (n, K)
        Classes of every property, -1 for unknown.
    quantities : float32 ndarray of shape (n, Q) or None
        Values of continuous properties.
    sample_weight : ndarray of shape (n,) or None
        Weights of the rows.
    random_state : RandomState
        Of the fit, which takes up its state at the start of the killed fit, if any.
    earlier : ModelNet or None, default=None
        That a warm start goes on from.

    Returns
    -------
    block : context manager
        It gives the folder, or None without a checkpoint.

    Raises
    ------
    ValueError
        On entering it, when the folder holds another fit, or serves one that runs.
    """
    settings = settings_of(estimator, "checkpoint")
    if settings is None:
        return nullcontext()
    about = fit_description(estimator, X, codes, quantities, sample_weight)
    about["device"] = str(estimator.device_)
    about["the model before"] = _digest(*_tensors(earlier))
    return opened_folder(settings, about, random_state)


def fit_description(estimator, X, codes, quantities, sample_weight) -> dict[str, str]:
    """Return what the result of a fit depends on, but for the device.

    Parameters
    ----------
    estimator : BaseVAE
    X : float32 ndarray or CSR matrix of shape (n, D)
    codes : int64 ndarray of shape (n, K)
    quantities : float32 ndarray of shape (n, Q) or None
    sample_weight : ndarray of shape (n,) or None
        As for `resumable`.

    Returns
    -------
    description : dict of str to str
        Short texts and digests, by name.
    """
    return {
        **{package: version(package) for package in ("torch", "skfmvae")},
        "estimator": type(estimator).__name__,
        **dict(_parameters(estimator, "")),
        "X": _digest(X, estimator.likelihood_),
        "y": _digest(codes, quantities, estimator.n_components_),
        "sample_weight": _digest(sample_weight),
    }


def _tensors(net) -> list[np.ndarray | None]:
    """Return the tensors of a net's model; None stands for no net."""
    if net is None:
        return [None]
    return [tensor.cpu().numpy() for tensor in net.module_.state_dict().values()]


def _parameters(owner, prefix) -> Iterator[tuple[str, str]]:
    """Yield the name and a description of each parameter, those of settings too."""
    for name, value in owner.get_params(deep=False).items():
        if not prefix and name in NOT_COMPARED:
            continue
        if not prefix:
            value = settings_of(owner, name)
        if hasattr(value, "get_params") and not isinstance(value, type):
            yield prefix + name, type(value).__name__
            yield from _parameters(value, f"{prefix}{name}__")
        else:
            yield prefix + name, _described(value)


def _described(value: Any) -> str:
    """Return a text that is the same in each process, and short."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        return _digest(value)
    if isinstance(value, Mapping):
        items = (f"{key!r}: {_described(item)}" for key, item in value.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_described, value))}]"
    if isinstance(value, partial):
        return _described([value.func, value.args, value.keywords])
    if hasattr(value, "__qualname__"):  # a class or a function
        return f"{value.__module__}.{value.__qualname__}"
    if hasattr(value, "get_params"):
        try:
            parameters = value.get_params(deep=False)
        except (AttributeError, RuntimeError):  # of a callback that is not scikit-like
            return type(value).__qualname__
        items = (f"{name}={_described(item)}" for name, item in parameters.items())
        return f"{type(value).__qualname__}({', '.join(items)})"
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _digest(*parts: Any) -> str:
    """Return a digest of arrays and of what else there is, after the first's shape."""
    digest = blake2b(digest_size=8)
    for part in parts:
        arrays = [part.data, part.indices, part.indptr] if issparse(part) else [part]
        for array in arrays:
            if not isinstance(array, (np.ndarray, RowView)):
                digest.update(_described(array).encode())
                continue
            digest.update(f"{array.dtype} {array.shape}".encode())
            if isinstance(array, np.ndarray):
                array = np.atleast_1d(array)
            for block in blocks(array):
                values = np.ascontiguousarray(array[block]).reshape(-1)
                digest.update(values.view(np.uint8).data)
    first = parts[0]
    return f"{getattr(first, 'shape', '')} {digest.hexdigest()}".strip()
