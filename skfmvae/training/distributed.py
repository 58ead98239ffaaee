"""What the processes that share a fit have in common: weights and gradients.

``torch.nn.parallel.DistributedDataParallel`` would do this for a module with one
``forward``. A step here calls several methods of a model, uses its networks more than
once, takes gradients on the way that are no gradients of parameters (adversarial
steps), and leaves parameters out in some phases. The sum after a step needs no hooks.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import nn

from skfmvae._utils.distributed import (
    all_reduced,
    clear_errors,
    current_share,
    n_processes,
)

__all__ = ["equal_weights", "sum_gradients"]


@torch.no_grad()
def equal_weights(model: nn.Module) -> None:
    """Give the model of each process the parameters and buffers of the first one.

    Parameters
    ----------
    model : Module
        Networks of users may draw their initial weights otherwise than from a seed.
    """
    if n_processes() > 1:
        with clear_errors():
            for tensor in [*model.parameters(), *model.buffers()]:
                whole = tensor.detach().contiguous()
                dist.broadcast(whole, src=0)
                tensor.copy_(whole)


@torch.no_grad()
def sum_gradients(model: nn.Module) -> None:
    """Add up the gradients of a step over the processes, all in one piece.

    Losses divide by the numbers of rows of all processes, so there is no mean to take.

    Parameters
    ----------
    model : Module
        A parameter without a gradient on any process is left without one.
    """
    if current_share() is None:
        return
    parameters = [p for p in model.parameters() if p.requires_grad]
    has_one = torch.tensor([float(p.grad is not None) for p in parameters])
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    total = all_reduced(
        torch.cat([has_one.to(gradients[0]), *(g.flatten() for g in gradients)])
    )
    has_one, *sums = total.split([len(gradients), *(g.numel() for g in gradients)])
    for i, parameter in enumerate(parameters):
        if has_one[i] > 0:
            # In place: optimisers want the gradient's layout to be the parameter's.
            parameter.grad = gradients[i].copy_(sums[i].view_as(parameter))
