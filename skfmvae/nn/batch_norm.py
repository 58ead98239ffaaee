"""Batch normalisation by the rows of all processes that share a batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm

from skfmvae._utils.distributed import (
    all_gathered,
    all_reduced,
    current_share,
    n_processes,
)

__all__ = ["whole_batch_norms"]


@contextmanager
def whole_batch_norms(model: nn.Module) -> Iterator[None]:
    """Normalise by whole batches inside the block, where processes share them.

    ``torch.nn.SyncBatchNorm``, which a model may have, does so on GPUs alone.

    Parameters
    ----------
    model : Module
        Its batch normalisations are those of torch, and compute as before without a
        group.

    Yields
    ------
    None
    """
    layers = []
    if n_processes() > 1:
        layers = [
            layer
            for layer in model.modules()
            if isinstance(layer, _BatchNorm) and not isinstance(layer, nn.SyncBatchNorm)
        ]
    for layer in layers:
        vars(layer)["forward"] = partial(_forward, layer)
    try:
        yield
    finally:
        for layer in layers:
            del vars(layer)["forward"]


def _forward(layer: _BatchNorm, x: Tensor) -> Tensor:
    if not layer.training or current_share() is None:
        return type(layer).forward(layer, x)
    wide = x.to(torch.promote_types(x.dtype, torch.float32))  # as moments should be
    normed, mean, variance, n_rows = _Normed.apply(
        wide, layer.weight, layer.bias, layer.eps
    )
    running_mean, running_var = layer.running_mean, layer.running_var
    n_batches = layer.num_batches_tracked
    if layer.track_running_stats and running_mean is not None:
        assert running_var is not None
        assert n_batches is not None
        n_batches += 1
        # A momentum of None stands for the plain mean of all batches.
        rate = layer.momentum or 1 / n_batches.item()
        unbiased = variance * (n_rows / (n_rows - 1).clamp_min(1))
        running_mean.lerp_(mean.to(running_mean), rate)
        running_var.lerp_(unbiased.to(running_var), rate)
    return normed.to(x)


class _Normed(torch.autograd.Function):
    """Normalise by the moments of all rows, which have the gradients of all."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        # That of torch's own layer; `var_mean` takes several times as long.
        mean, variance = torch.batch_norm_update_stats(x, None, None, 0.0)
        n = mean.new_full((1,), x.numel() / len(mean))
        own = torch.cat([mean, variance, n])
        of_all = torch.stack(all_gathered(own, [len(own)] * n_processes()))
        means, variances, counts = of_all.split([len(mean), len(mean), 1], dim=1)
        share = counts / counts.sum()
        mean = (share * means).sum(0)
        # The variance within the parts, and that between them.
        variance = (share * (variances + (means - mean).square())).sum(0)
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.eps, ctx.n = eps, counts.sum()
        ctx.mark_non_differentiable(mean, variance, ctx.n)
        normed = nn.functional.batch_norm(x, mean, variance, weight, bias, eps=eps)
        return normed, mean, variance, ctx.n

    @staticmethod
    @once_differentiable
    def backward(  # type: ignore[override]
        ctx: Any, gradient: Tensor, *of_moments: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor | None, None]:
        x, weight, mean, variance = ctx.saved_tensors
        scale = (variance + ctx.eps).rsqrt()
        # As if the moments were fixed; with ones for a weight that there is not.
        weights = torch.ones_like(scale) if weight is None else weight
        of_x, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weights, mean, variance, None, None, False, ctx.eps, [True] * 3
        )
        # What each row adds through the moments is linear in it.
        through = all_reduced(torch.stack([of_weight, of_bias])) / ctx.n
        slope = -weights * scale.square() * through[0]
        level = -weights * scale * through[1] - slope * mean
        shape = [1, -1, *[1] * (x.dim() - 2)]
        of_x = of_x.addcmul_(x, slope.view(shape)).add_(level.view(shape))
        if weight is None:
            return of_x, None, None, None
        return of_x, of_weight, of_bias, None
