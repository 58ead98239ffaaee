"""Networks without the batch normalisations that a linear layer can take over."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["fold_norms"]


@torch.no_grad()
def fold_norms(model: nn.Module) -> nn.Module:
    """Multiply batch normalisations into the linear layers before them, in place.

    In predictions they are linear maps, yet each takes as long as the activation after
    it, and its second derivative far longer.

    Parameters
    ----------
    model : Module
        Any model of rows, which is not trained any more.

    Returns
    -------
    model : Module
        The same one, which predicts as before.
    """
    for network in model.modules():
        if type(network) is nn.Sequential:
            for i in range(len(network) - 1):
                folded = _folded(network[i], network[i + 1])
                if folded is not None:
                    network[i], network[i + 1] = folded, nn.Identity()
    return model


def _folded(linear: nn.Module, norm: nn.Module) -> nn.Linear | None:
    """Return both layers as one, None where they are no such pair."""
    if type(linear) is not nn.Linear or type(norm) is not nn.BatchNorm1d:
        return None
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None or not norm.affine:
        return None
    # Hooks may compute weights anew.
    if norm.num_features != linear.out_features or linear._forward_pre_hooks:
        return None
    scale = norm.weight / (variance + norm.eps).sqrt()
    bias = 0.0 if linear.bias is None else linear.bias
    folded = nn.Linear(linear.in_features, linear.out_features, device="meta")
    folded.weight = nn.Parameter(scale[:, None] * linear.weight)
    folded.bias = nn.Parameter(norm.bias + scale * (bias - mean))
    return folded.train(linear.training)
