"""Which values of an unobserved discrete variable to go on with."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skfmvae._utils.distributed import Share, n_of_all, own_rows
from skfmvae._utils.random import generator_for

__all__ = ["every_value", "one_hot", "sum_and_sample"]

# Probability below which a value, unless it is the likeliest, is not summed over but
# may be drawn for the rest of its kind. A smaller rest than this is drawn now and then,
# with this share. Tuned on MNIST alone: docs/decisions/027-sum-and-sample.md.
UNLIKELY = 0.2

# The number of assignments is a multiple of this: products in bfloat16 are planned anew
# for each shape, which takes longer than the products.
ROUND_NUMBER = 32

# Assignments, the value of each, and ln of the share of its assignment that it stands
# for; last, which of those of all processes they are.
Chosen = tuple[Tensor, Tensor, Tensor, Share | None]


def every_value(log_proba: Tensor, code: Tensor, those: Share | None = None) -> Chosen:
    """Choose the observed value of each assignment, or all values where there is none.

    Parameters
    ----------
    log_proba : Tensor of shape (M, C)
        ``ln q`` of each value in each assignment, without a gradient.
    code : int64 Tensor of shape (M,)
        The observed values, -1 for none.
    those : Share or None, default=None
        Which of the assignments of all processes these are, if processes share them.

    Returns
    -------
    index, code : int64 Tensor of shape (N,)
        The assignments, and a value of each to go on with.
    log_share : Tensor of shape (N,)
        ``ln`` of the share of its assignment that each stands for: all of it for what
        is observed, else its probability.
    those : Share or None
        Which of all these N are.
    """
    unknown = (code < 0)[:, None]
    chosen = unknown | one_hot(code, log_proba.shape[1])
    return _taken(chosen, torch.where(unknown, log_proba, 0.0), those)


def sum_and_sample(
    log_proba: Tensor, code: Tensor, those: Share | None = None
) -> Chosen:
    """Choose likely values, and at times one of the others to stand for all of them.

    After Liu et al. (2019), who always draw one of the others.

    Parameters
    ----------
    log_proba : Tensor of shape (M, C)
        As for :func:`every_value`.
    code : int64 Tensor of shape (M,)
    those : Share or None, default=None
        Likewise.

    Returns
    -------
    index, code, log_share : Tensor of shape (N,)
    those : Share or None
        As for :func:`every_value`. The shares of an assignment add up to one, and those
        of its values are their probabilities on average.
    """
    n_values = log_proba.shape[1]
    unknown = (code < 0)[:, None]
    likeliest = one_hot(log_proba.argmax(dim=1), n_values)
    unlikely = unknown & ~likeliest & (log_proba < math.log(UNLIKELY))
    likely = ~unlikely & (unknown | one_hot(code, n_values))
    rest = torch.where(unlikely, log_proba.exp(), 0.0)
    total = rest.sum(dim=1, keepdim=True)
    share = total.clamp_min(UNLIKELY)
    generator = generator_for(rest.device)
    n = n_of_all(len(rest), those)
    uniform = rest.new_empty(n, 1).uniform_(generator=generator)
    is_drawn = own_rows(uniform, those) * share < total
    waiting = rest.new_empty(n, n_values).exponential_(generator=generator)
    race = rest / own_rows(waiting, those)
    drawn = is_drawn & one_hot(race.argmax(dim=1), n_values)
    others = (1 - torch.where(is_drawn, share, 0.0)) / (1 - total)
    log_share = torch.where(unknown, log_proba, 0.0) + others.log()
    log_share = torch.where(unlikely, share.log(), log_share)
    return _filled_up(*_taken(likely | drawn, log_share, those))


def one_hot(code: Tensor, n_values: int) -> Tensor:
    """Return which value each code names, bool (M, n_values); none by -1."""
    return code[:, None] == torch.arange(n_values, device=code.device)


def _taken(chosen: Tensor, log_share: Tensor, those: Share | None) -> Chosen:
    index, code = chosen.nonzero(as_tuple=True)
    if those is not None:
        those = those.chosen(index, code, chosen.shape[1])
    return index, code, log_share[index, code], those


def _filled_up(
    index: Tensor, code: Tensor, log_share: Tensor, those: Share | None
) -> Chosen:
    """Take the first assignments twice, at half of their shares, to a round number."""
    n = n_of_all(len(index), those)
    n_more = min(-n % ROUND_NUMBER, n)
    if those is not None:
        n_more, those = those.with_first(n_more)
    log_share[:n_more] -= math.log(2)
    index, code, log_share = (
        torch.cat([t, t[:n_more]]) for t in (index, code, log_share)
    )
    return index, code, log_share, those
