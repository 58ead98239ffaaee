"""What `fit` and `predict` accept, and errors that say what to do about the rest."""

from __future__ import annotations

import os

import numpy as np
import scipy.sparse
import torch

from skfmvae._utils.compat import check_sample_weight
from skfmvae._utils.distributed import n_processes
from skfmvae._utils.large import blocks
from skfmvae._utils.missing import masked_as_nan

__all__ = [
    "check_counted",
    "check_device",
    "check_finite",
    "check_object",
    "check_weights",
]


def check_object(name, settings):
    """Raise an error where settings are a class rather than an object of it."""
    if isinstance(settings, type):
        raise ValueError(
            f"{name}={settings.__name__} is a class; give an object of it, such as "
            f"{name}={settings.__name__}()."
        )


def check_device(device):
    """Return the torch device that `device` asks for."""
    if device == "auto":
        if not torch.cuda.is_available():
            return torch.device("cpu")
        # torchrun starts a process for each GPU of a machine, and numbers them so.
        number = os.environ.get("LOCAL_RANK") if n_processes() > 1 else None
        return torch.device("cuda" if number is None else f"cuda:{number}")
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device={device!r} cannot be used here ({error}). Use 'cpu', or 'auto' "
            "for a GPU where there is one."
        ) from error


def check_weights(sample_weight, X):
    """Return the weights of the rows, scaled to a mean of one."""
    n_dims = np.asarray(sample_weight).ndim
    if n_dims > 1:  # scikit-learn before 1.8 does not say what came
        raise ValueError(
            "sample_weight should be a 1D array, a weight for each row; got a "
            f"{n_dims}D array."
        )
    weight = check_sample_weight(
        masked_as_nan(sample_weight), X, dtype=np.float64, ensure_non_negative=True
    )
    if not weight.sum() > 0:
        raise ValueError("sample_weight is zero everywhere; give some row a weight.")
    return weight / weight.mean()


def check_counted(known, weight):
    """Return which entries of `y` count: known ones, on rows that have a weight."""
    if not known.any():
        raise ValueError("y has no labelled entry to score; pass y=None instead.")
    counted = known & (weight > 0)[:, None]
    if not counted.any():
        raise ValueError(
            "sample_weight is zero on every labelled row of y; give one of them a "
            "weight."
        )
    return counted


def check_finite(X, feature_names):
    """Raise an error that says where the first value that float32 lacks stands."""
    values = X.data if scipy.sparse.issparse(X) else X
    if values.dtype.kind in "biu" or all(_in_range(values[b]) for b in blocks(values)):
        return
    if scipy.sparse.issparse(X):
        X = X.tocoo()
        entry = np.flatnonzero(~_is_float32(X.data))[0]
        row, column, value = X.row[entry], X.col[entry], X.data[entry]
    else:
        row = next(i for i, values in enumerate(X) if not _is_float32(values).all())
        column = np.flatnonzero(~_is_float32(X[row]))[0]
        value = X[row, column]
    name = f" ({feature_names[column]!r})" if feature_names is not None else ""
    raise ValueError(
        f"Input X contains infinity or a value too large for float32, {value}: row "
        f"{row}, column {column}{name}. Scale the column, or mark the entry as missing "
        "by NaN."
    )


def _in_range(values):
    """Return whether float32 has all values; NaN, for what is missing, does not count.

    The extremes take no memory.
    """
    extremes = [f.reduce(values, axis=None, initial=0.0) for f in (np.fmin, np.fmax)]
    return bool(_is_float32(np.array(extremes)).all())


def _is_float32(values):
    """Return which values float32 has, NaN among them."""
    return ~(np.abs(values) > np.finfo(np.float32).max)
