"""Draws that several models share: even ones, relaxed ones, resampled ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Normal

from skfmvae._utils.distributed import Share, n_of_all, own_rows
from skfmvae._utils.random import draw_normal, generator_for

__all__ = [
    "N_CANDIDATES",
    "N_EVEN_DRAWS",
    "draw_normal",
    "even_draws",
    "relaxed_draw",
    "resample",
]

# Draws over which predictions are averaged, the same for all rows, so that a row's
# prediction depends on no other row. No trial of their number is recorded.
N_EVEN_DRAWS = 64

# Candidates of which one is resampled: a value of probability 0.05 is missing among
# them once in 700 times, since 0.95 ** 128 = 0.0014.
N_CANDIDATES = 128


def even_draws(n_dims: int, n_draws: int) -> Tensor:
    """Return standard normal draws that lie more evenly than random ones."""
    engine = torch.quasirandom.SobolEngine(n_dims, scramble=True, seed=0)
    return Normal(0.0, 1.0).icdf(engine.draw(n_draws).clamp(1e-6, 1 - 1e-6))


def relaxed_draw(
    log_proba: Tensor, temperature: float, share: Share | None = None
) -> Tensor:
    """Draw from the Concrete relaxation (Maddison et al. 2017, section 3.1).

    A share says which draws these are, if not those for the rows of the batch.
    """
    generator = generator_for(log_proba.device)
    waiting = log_proba.new_empty(n_of_all(len(log_proba), share), log_proba.shape[1])
    gumbel = -own_rows(waiting.exponential_(generator=generator), share).log()
    return torch.softmax((log_proba + gumbel) / temperature, dim=1)


def resample(log_weight: Tensor) -> Tensor:
    """Draw a candidate of each row by its weight.

    Sampling importance resampling (Rubin 1988).

    Parameters
    ----------
    log_weight : Tensor of shape (n, n_candidates)
        Logarithms of the weights, up to a constant of the row.

    Returns
    -------
    index : int64 Tensor of shape (n,)
        The chosen candidates.
    """
    share = torch.softmax(log_weight, dim=1)
    return share.multinomial(1, generator=generator_for(share.device))[:, 0]
