"""Estimators made again from what a file holds of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state
from skorch.history import History
from torch import Tensor, nn

from skfmvae._utils.allocation import bounded
from skfmvae._utils.packing import Unpacker
from skfmvae.nn import resolve_likelihood

from .checks import check_device
from .guards import plain_torch, seeded
from .settings import check_settings
from .training import build_net

__all__ = ["example_of", "restored", "state_of"]

# Arrays that are no attributes.
OWN = {"history", "example.row", "example.outputs", "example.read"}
# By how much the outputs of a loaded model may differ, relative and absolute: more than
# rounding on another machine, and less than exchanged weights.
TOLERANCE = 0.01
# Elements that any model may take, and operations for each of its tensors: far above
# those of the models here, and a moment's work.
SPARE, OPERATIONS = 2**20, 200


def state_of(model: nn.Module) -> dict[str, Tensor]:
    """Return copies of the state of a model.

    Parameters
    ----------
    model : Module
        On any device.

    Returns
    -------
    state : dict of str to Tensor
        On the CPU, by the names of `state_dict` after "model.".

    Raises
    ------
    ValueError
        If the state holds anything but tensors.
    """
    state = model.state_dict()
    wrong = [name for name, value in state.items() if not isinstance(value, Tensor)]
    if wrong:
        raise ValueError(
            f"The model has the state {wrong[0]!r} of {type(state[wrong[0]]).__name__};"
            " only tensors can be saved, so make it a buffer."
        )
    return {
        f"model.{name}": value.detach().cpu().contiguous().clone()
        for name, value in state.items()
    }


def example_of(estimator: Any) -> dict[str, Tensor]:
    """Return a row, and what the estimator and its model make of it.

    Parameters
    ----------
    estimator : BaseVAE
        Fitted.

    Returns
    -------
    example : dict of str to Tensor
        The row; the same once it was written as a user has rows, and read again, where
        the library for that is installed; and outputs of the model.
    """
    model = estimator._model
    row = model.likelihood.example().detach().cpu().float().clone()

    def outputs(x: Tensor) -> list[Tensor]:
        posterior = model.encode(x)
        z = posterior.mean
        logs = [model.log_prior(z), model.decode(z).log_prob(x)]
        return [z, posterior.stddev, torch.stack(logs, dim=1)]

    rows = row[None].numpy()
    made = [*estimator._property_proba(rows), *estimator._map_rows(outputs, rows)]
    example = {
        "row": row,
        "outputs": torch.from_numpy(np.hstack(made)[0].astype(np.float64)),
    }
    with suppress(ImportError):
        estimator.predict(estimator._as_given(rows))
        read = estimator._check_X(estimator._as_given(rows))
        example["read"] = torch.tensor(np.asarray(read)[0])
    return {f"example.{name}": value for name, value in example.items()}


def restored(
    tensors: Mapping[str, Tensor],
    about: Mapping[str, Any],
    classes: Mapping[str, type],
    params: Mapping[str, Any],
) -> Any:
    """Return the estimator that was saved.

    Parameters
    ----------
    tensors, about : dict
        What was saved.
    classes : dict of str to type
        Those that objects may have, by name.
    params : dict of str to object
        Parameters in place of those that were saved.

    Returns
    -------
    estimator : BaseVAE
        Fitted.

    Raises
    ------
    ValueError
        If what was saved does not fit together. Values that nobody has saved raise
        other errors, too.
    """
    state = {
        name.removeprefix("model."): tensor
        for name, tensor in tensors.items()
        if name.startswith("model.")
    }
    arrays = {n: t.numpy() for n, t in tensors.items() if not n.startswith("model.")}
    unpacker = Unpacker(classes, arrays)
    node = about["estimator"]
    for name in params:
        node["params"].pop(name, None)
    if any(place.startswith("likelihood_") for place in about["foreign"]):
        node["state"].pop("likelihood_", None)
    estimator = unpacker.unpack(node).set_params(**params)
    history = json.loads(arrays["history"].tobytes())
    history = History(unpacker.unpack(history))
    given = {*params, *(f"{name}_" for name in params)}
    unused = {
        n for n in arrays.keys() - unpacker.used if n.partition(".")[0] not in given
    }
    unused -= OWN
    if unused:
        raise ValueError(f"it has the tensor {min(unused)!r}, which belongs nowhere")
    estimator._validate_params()
    check_settings(estimator)
    _rebuild(estimator, state, arrays["example.row"], about["net"], history)
    for name, made in example_of(estimator).items():
        saved = tensors.get(name, made)
        if made.shape != saved.shape or not torch.allclose(
            made, saved.to(made), rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True
        ):
            raise ValueError(
                "it makes something else of a row than what was saved did; tensors, or "
                "what networks are made of, were exchanged"
            )
    return estimator


def _rebuild(
    estimator: Any,
    state: Mapping[str, Tensor],
    row: np.ndarray,
    about: Mapping[str, Any],
    history: History,
) -> None:
    """Give an estimator its model and net."""
    try:
        estimator.device_ = check_device(estimator.device)
    except ValueError:
        estimator.device_ = check_device("cpu")
    if row.shape != (estimator.n_features_in_,) or row.dtype != np.float32:
        raise ValueError("its example is no row of its data")
    rows = row[None].copy()
    if not hasattr(estimator, "likelihood_"):
        estimator.likelihood_ = resolve_likelihood(
            estimator.likelihood, rows, estimator.columns_.columns
        )
    n_elements = sum(tensor.numel() for tensor in state.values())
    limits = bounded(SPARE + 4 * n_elements, OPERATIONS * (len(state) + 10))
    with plain_torch(estimator.device_), seeded(check_random_state(0)), limits:
        model = estimator._untrained_model(rows)
    _load_state(model, state)
    with plain_torch(estimator.device_):
        net = build_net(estimator, model, max_epochs=about["max_epochs"]).initialize()
    net.history_ = history
    net.n_complete_epochs_, net.interrupted_ = about["n_complete_epochs"], False
    net.module_.eval()
    net.__setstate__(net.__getstate__())  # without what only trains
    estimator.net_ = net


def _load_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Give a model its state, which has to be one of a model like it."""
    own = model.state_dict()
    if own.keys() != state.keys():
        name = min(own.keys() ^ state.keys())
        verb = "lacks" if name in own else "has, beyond its model,"
        raise ValueError(f"it {verb} the tensor 'model.{name}'")
    for name, value in state.items():
        expected, found = ((tuple(t.shape), t.dtype) for t in (own[name], value))
        if expected != found:
            raise ValueError(f"'model.{name}' is {found}, but {expected} in its model")
        if not value.isfinite().all():
            raise ValueError(f"'model.{name}' is not finite")
    model.load_state_dict(dict(state))
