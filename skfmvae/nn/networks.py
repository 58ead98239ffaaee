"""From what a user names as a network to torch modules, checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from sklearn.base import clone
from torch import Tensor, nn

from skfmvae._utils.random import forked_draws, redirected_draws
from skfmvae.images import image_shape_of

from .branches import Branches, linear_branches
from .conv import Conv
from .mlp import MLP
from .precision import in_precision

__all__ = ["NETWORKS", "build_branches", "build_network", "build_stages"]

NETWORKS: dict[str, type[MLP | Conv]] = {"mlp": MLP, "conv": Conv}


def build_branches(
    spec: Any,
    n_inputs: int,
    n_parents: Sequence[int],
    n_outputs: Sequence[int],
    n_columns: int | None = None,
) -> Branches:
    """Build encoders that read the same rows, and each its own parents beside.

    Parameters
    ----------
    spec : {"mlp", "conv"}, MLP, Conv or callable
        As for :func:`build_network`; a callable builds one network for the outputs of
        all branches, to which parents add linearly.
    n_inputs : int
        Number of columns that go in.
    n_parents, n_outputs : sequence of int
        Number of columns of the parents and of the output of each branch.
    n_columns : int or None, default=None
        As for :func:`build_network`.

    Returns
    -------
    Branches

    Raises
    ------
    ValueError
        As for :func:`build_network`.

    Examples
    --------
    >>> import torch
    >>> from skfmvae.nn import MLP, build_branches
    >>> branches = build_branches(MLP(), 64, n_parents=[0, 10], n_outputs=[10, 4])
    >>> digit, style = branches.read(torch.zeros(5, 64))
    >>> branches(1, style, torch.zeros(5, 10)).shape
    torch.Size([5, 4])
    """
    settings = _resolve(spec, n_columns)
    if hasattr(settings, "build_branches") and not isinstance(settings, type):
        return settings.build_branches(n_inputs, n_parents, n_outputs)
    trunk = build_network(settings, "encoder", n_inputs, sum(n_outputs), n_columns)
    return linear_branches(trunk, n_parents, n_outputs)


def build_network(
    spec: Any, role: str, n_inputs: int, n_outputs: int, n_columns: int | None = None
) -> nn.Module:
    """Build an encoder or a decoder and check what comes out of it.

    Parameters
    ----------
    spec : {"mlp", "conv"}, MLP, Conv or callable
        The name of a default network, settings with ``build_encoder`` and
        ``build_decoder``, or a factory ``f(n_inputs, n_outputs)`` of modules.
    role : {"encoder", "decoder"}
        What to build.
    n_inputs, n_outputs : int
        Number of columns that go in and come out.
    n_columns : int or None, default=None
        Number of columns of the data, from which :class:`Conv` infers a missing
        `image_shape`. Needed where a network has several values per pixel.

    Returns
    -------
    Module
        Maps (n, n_inputs) to (n, n_outputs).

    Raises
    ------
    ValueError
        If `spec` is none of the above, its settings are not allowed, or the network
        does not give the shape that it should.

    Examples
    --------
    >>> import torch
    >>> from skfmvae.nn import build_network
    >>> network = build_network(torch.nn.Linear, "decoder", n_inputs=2, n_outputs=8)
    >>> network(torch.zeros(5, 2)).shape
    torch.Size([5, 8])
    """
    network = _factory(spec, role, n_columns)(n_inputs, n_outputs)
    if not isinstance(network, nn.Module):
        raise ValueError(
            f"{role}={spec!r} gave a {type(network).__name__}; it must give a "
            "torch.nn.Module."
        )
    _check_output(network, role, n_inputs, n_outputs)
    return network


def build_stages(
    spec: Any, role: str, n_inputs: int, n_outputs: int, n_columns: int | None = None
) -> list[nn.Module]:
    """Build the network of :func:`build_network`, one module for each hidden state.

    Parameters
    ----------
    spec : {"mlp", "conv"}, MLP, Conv or callable
        As for :func:`build_network`; a callable gives a single stage.
    role : {"encoder", "decoder"}
        What to build.
    n_inputs, n_outputs : int
        Number of columns that go in and come out.
    n_columns : int or None, default=None
        As for :func:`build_network`.

    Returns
    -------
    stages : list of Module
        One after the other they map (n, n_inputs) to (n, n_outputs).

    Raises
    ------
    ValueError
        As for :func:`build_network`.

    Examples
    --------
    >>> from skfmvae.nn import MLP, build_stages
    >>> len(build_stages(MLP(hidden=(32, 16)), "encoder", 64, 10))
    3
    """
    settings = _resolve(spec, n_columns)
    stages = getattr(settings, f"{role}_stages", None)
    if stages is None or isinstance(spec, type):
        return [build_network(spec, role, n_inputs, n_outputs, n_columns)]
    return [
        in_precision(nn.Sequential(*layers), settings.precision)
        for layers in stages(n_inputs, n_outputs)
    ]


def _factory(
    spec: Any, role: str, n_columns: int | None
) -> Callable[[int, int], nn.Module]:
    spec = _resolve(spec, n_columns)
    build = getattr(spec, f"build_{role}", None)
    if build is not None and not isinstance(spec, type):
        return build
    if callable(spec) and build is None and not isinstance(spec, nn.Module):
        return spec
    raise ValueError(
        f"{role}={spec!r} is not allowed; choose one of {sorted(NETWORKS)}, an object "
        "such as MLP(), or a function of (n_inputs, n_outputs) that returns a new "
        "torch.nn.Module."
    )


def _resolve(spec: Any, n_columns: int | None) -> Any:
    """Return the settings that a name stands for, with the shape of the images."""
    if isinstance(spec, str) and spec in NETWORKS:
        spec = NETWORKS[spec]()
    if isinstance(spec, Conv) and spec.image_shape is None and n_columns is not None:
        image_shape = image_shape_of("Conv", None, n_columns)
        spec = clone(spec).set_params(image_shape=image_shape)
    return spec


def _check_output(network: nn.Module, role: str, n_inputs: int, n_outputs: int) -> None:
    """Send two rows of zeros through `network` and leave no trace of it."""
    was_training = {module: module.training for module in network.modules()}
    reference = next(network.parameters(), torch.empty(0))
    rows = torch.zeros(2, n_inputs, dtype=reference.dtype, device=reference.device)
    network.eval()
    try:
        with torch.no_grad(), forked_draws(), redirected_draws():
            output = network(rows)
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"{role}: the network failed on rows of shape {tuple(rows.shape)}; it "
            f"must take {n_inputs} columns and give {n_outputs}."
        ) from error
    finally:
        for module, training in was_training.items():
            module.training = training
    found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    if found != (2, n_outputs):
        raise ValueError(
            f"{role}: from rows of shape {tuple(rows.shape)} the network gives {found}"
            f" where {(2, n_outputs)} is expected; end it with {n_outputs} columns."
        )
