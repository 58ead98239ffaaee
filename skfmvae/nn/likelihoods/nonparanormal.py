"""Likelihood of numbers of any distribution, through their normal scores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from scipy.special import ndtr, ndtri
from torch import Tensor, distributions

from skfmvae._utils.checks import FARTHEST

from .base import NO_SHAPE, Likelihood, LikelihoodModule, over_columns
from .gaussian import MIN_SCALE, GaussianModule

__all__ = ["Nonparanormal", "NonparanormalModule"]

# Knots of a column: a step of its distribution function between two of them is at most
# about the error of the function at the median if 16,000 rows estimate it, 1 / 255.
N_KNOTS = 255
# The share of rows from which on a value has a probability, not a density.
ATOM = 0.01
# Rows between two knots: the logarithm of a spacing of m rows is off by ln m - psi(m),
# 0.1 nats for m = 5.
ROWS_OF_A_KNOT = 5
# What a value with a probability leaves to the values on either side, in rows: none of
# them is drawn in practice, and none is impossible.
LEFT = 0.01
MOST_VALUES = 2**24  # that knots are learned from: 64 MB
N_NODES = 64  # of an expectation: an error of 1/128 of a jump at most
PAST = float(np.finfo(np.float32).max)  # what stands for knots that a column lacks


class Nonparanormal(Likelihood):
    """Numbers of any distribution, whose normal scores have normal noise.

    The normal score of a value is the standard normal quantile of its rank among the
    training rows. The decoder gives the mean of a score, its deviation is learned for
    each column, and a score that is drawn goes back through the quantiles of the
    training rows, of which there are at most 255 for each column, with straight lines
    between them (Liu, Lafferty, Wasserman 2009,
    https://jmlr.org/papers/v10/liu09a.html). So margins of generated rows are those of
    the training rows: with their skew and their ends, and with values that many rows
    share.

    Notes
    -----
    A value that a hundredth of the training rows shares (and at least two do) is an
    interval of scores: its likelihood is a probability. Other values have a density in
    the data's own units, and the likelihood of a row is the product of both. Sums over
    the former and integrals over the latter make one. Beyond the training rows scores
    rise by one for each standard deviation of the column, but draws and expectations
    stay within the range of the training rows.

    Networks see the mean score of the training rows with a value, with straight lines
    between them. Distances between rows are those of a :class:`Gaussian`, since scores
    close the gaps between clusters. Quantiles of many rows are those of some at equal
    steps.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import Nonparanormal
    >>> X = np.random.default_rng(0).exponential(size=(100, 2)).round(1)
    >>> Nonparanormal().build(X).n_outputs
    2
    """

    allows_shifts = True

    def build(self, X: Any) -> LikelihoodModule:
        """Build the module; see `Likelihood.build`."""
        module = NonparanormalModule(X.shape[1])
        module.check_support(X)
        module.fit_columns(X)
        n_rows = max(MOST_VALUES // max(X.shape[1], 1), N_KNOTS)
        some = X[:: 1 + (X.shape[0] - 1) // n_rows]
        some = some.toarray() if issparse(some) else np.asarray(some)
        for j, column in enumerate(some.T.astype(np.float32)):
            module.set_knots(j, column[~np.isnan(column)])
        return module


class NonparanormalModule(GaussianModule):
    """Decoder outputs are means of normal scores.

    Knots are points ``(score, value)``, in ascending order. Two knots of one value are
    the ends of its interval of scores.
    """

    name = "Nonparanormal"

    values: Tensor  # of knots, (D, N_KNOTS)
    scores: Tensor
    seen: Tensor  # scores that networks see
    slopes: Tensor  # of values over scores, before each knot and after the last

    def __init__(self, n_columns: int):
        super().__init__(n_columns, learn_scale=True, min_scale=MIN_SCALE)
        nothing = torch.full((n_columns, N_KNOTS), PAST)
        for name in ("values", "scores", "seen"):
            self.register_buffer(name, nothing.clone())
        self.register_buffer("slopes", torch.ones(n_columns, N_KNOTS + 1))

    def set_knots(self, j: int, column: np.ndarray) -> None:
        """Set the knots of a column to quantiles of values (n,), none of them NaN."""
        knots = _Knots(column if len(column) else np.zeros(1, dtype=np.float32))
        n = len(knots.values)
        steps = np.diff(knots.values.astype(np.float64)) / np.diff(knots.scores)
        self.slopes[j] = self.std[j]
        self.slopes[j, 1:n] = torch.as_tensor(steps)
        self.values[j, :n] = torch.as_tensor(knots.values)
        self.scores[j, :n] = torch.as_tensor(knots.scores)
        self.seen[j, :n] = torch.as_tensor(knots.seen)

    @property
    def scale(self) -> Tensor:
        """Standard deviation of the noise on the scores of every column, shape (D,)."""
        return super().scale / self.std

    def features(self, x: Tensor) -> Tensor:
        return self._seen(x).clamp(-FARTHEST, FARTHEST)

    def _seen(self, x: Tensor) -> Tensor:
        """Follow straight lines through what networks see of knots."""
        after = _n_up_to(self.values, x)
        value, score = (
            [_of_column(knots, at) for at in (after - 1, after)]
            for knots in (self.values, self.seen)
        )
        between = (after > 0) & (after < N_KNOTS) & (value[1] < PAST)
        run = torch.where(between, value[1] - value[0], self.std)
        rise = torch.where(between, score[1] - score[0], 1)
        return score[0] + (x - value[0]) * (rise / run)

    def forward(self, h: Tensor) -> distributions.Distribution:
        return over_columns(_Nonparanormal(h, self.scale, self))

    def quantiles(self, scores: Tensor) -> Tensor:
        """Return the values (..., D) of scores, within the range of the knots."""
        after = _n_up_to(self.scores, scores)
        step = scores - _of_column(self.scores, after - 1)
        value = _of_column(self.values, after - 1)
        value = value + step * _of_column(self.slopes, after)
        last = (self.values < PAST).sum(1, keepdim=True) - 1
        return value.clamp(self.values[:, 0], self.values.gather(1, last)[:, 0])

    def intervals(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return what values (..., D) are in scores.

        Returns
        -------
        is_atom : bool Tensor of shape (..., D)
            Whether a value has a probability.
        low, high : Tensor of shape (..., D)
            The ends of its interval then, and else its score, twice.
        slope : Tensor of shape (..., D)
            Of the value over its score; zero for an interval.
        """
        after = _n_up_to(self.values, x)
        value = _of_column(self.values, after - 1)
        before = _of_column(self.slopes, after - 1)
        is_atom = (x.float() == value.float()) & (before == 0) & (after > 1)
        slope = torch.where(is_atom, 0, _of_column(self.slopes, after))
        end = _of_column(self.scores, after - 1)
        score = (x - value) / torch.where(is_atom, 1, slope)
        score = end + score.clamp(-FARTHEST, FARTHEST)
        low = torch.where(is_atom, _of_column(self.scores, after - 2), score)
        return is_atom, low, torch.where(is_atom, end, score), slope


class _Knots:
    """Quantiles of a column.

    Parameters
    ----------
    column : float32 ndarray of shape (n,)
        At least one value.
    """

    def __init__(self, column: np.ndarray):
        known, counts = np.unique(column, return_counts=True)
        is_atom = counts >= max(ATOM * len(column), 2)
        below = counts.cumsum() - counts
        kept = is_atom | _thinned(counts, is_atom)
        first, last = below.astype(float), (below + counts).astype(float)
        middle = (first + last) / 2
        first = np.where(is_atom, first + LEFT, middle)
        last = np.where(is_atom, last - LEFT, middle)
        ends = np.stack([first, last])[:, kept]
        scores = ndtri(ends / len(column))
        seen = np.where(is_atom[kept], _mean_score(*scores), scores[0])
        twice = 1 + is_atom[kept]
        starts = twice.cumsum() - twice
        self.values = np.repeat(known[kept], twice)
        self.seen = np.repeat(seen, twice)
        self.scores = np.repeat(scores[1], twice)
        self.scores[starts] = scores[0]


def _thinned(counts: np.ndarray, is_atom: np.ndarray) -> np.ndarray:
    """Return which values have a knot: the ends, and some at equal shares of rows."""
    rest = np.flatnonzero(~is_atom)
    room = N_KNOTS - 2 * int(is_atom.sum())
    kept = np.zeros(len(counts), dtype=bool)
    if len(rest):
        rank = counts[rest].cumsum()
        n = int(np.clip(rank[-1] // ROWS_OF_A_KNOT, min(room, 2), room))
        at = np.linspace(rank[0], rank[-1], n)
        kept[rest[np.searchsorted(rank, at)]] = True
    return kept


def _mean_score(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the means of a standard normal between two ends, which may be equal."""
    density = (np.exp(-(ends**2) / 2) / math.sqrt(2 * math.pi) for ends in (low, high))
    with np.errstate(invalid="ignore"):
        return (next(density) - next(density)) / (ndtr(high) - ndtr(low))


def _n_up_to(knots: Tensor, x: Tensor) -> Tensor:
    """Return how many knots of each column (D, K) are no larger than values (..., D).

    They are compared in float32, in which knots and rows are.
    """
    x = x.detach().float().movedim(-1, 0)
    knots = knots.float()
    if torch.compiler.is_compiling():  # an export cannot search
        return (knots <= x.movedim(0, -1)[..., None]).sum(-1)
    found = torch.searchsorted(
        knots, x.reshape(len(knots), -1).contiguous(), right=True
    )
    return found.reshape(x.shape).movedim(0, -1)


def _of_column(table: Tensor, index: Tensor) -> Tensor:
    """Return the entry of each column's row of a table (D, K) for indices (..., D)."""
    columns = torch.arange(len(table), device=table.device)
    return table[columns, index.clamp(0, table.shape[1] - 1)]


class _Nonparanormal(distributions.Distribution):
    """Numbers of which the normal scores have a normal distribution."""

    arg_constraints: dict = {}

    def __init__(self, mean: Tensor, scale: Tensor, module: NonparanormalModule):
        super().__init__(mean.shape, validate_args=False)
        self.of_scores = distributions.Normal(mean, scale, validate_args=False)
        self.module = module

    def log_prob(self, value: Tensor) -> Tensor:
        is_atom, low, high, slope = self.module.intervals(value)
        loc, scale = self.of_scores.loc, self.of_scores.scale
        low, high = (low - loc) / scale, (high - loc) / scale
        jacobian = torch.where(is_atom, 1, slope).log() + scale.log()
        density = _log_density(low) - jacobian
        # Ends that are apart keep gradients of what is not used finite.
        low, high = torch.where(is_atom, low, -1), torch.where(is_atom, high, 1)
        return torch.where(is_atom, _log_probability(low, high), density)

    def sample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        return self.module.quantiles(self.of_scores.sample(sample_shape))

    @property
    def mean(self) -> Tensor:
        nodes = ndtri((np.arange(N_NODES) + 0.5) / N_NODES)
        nodes /= nodes.std()
        loc, scale = self.of_scores.loc, self.of_scores.scale
        total = torch.zeros_like(loc)
        for node in nodes.tolist():
            total = total + self.module.quantiles(loc + node * scale)
        return total / N_NODES


def _log_density(x: Tensor) -> Tensor:
    return -x.square() / 2 - math.log(2 * math.pi) / 2


def _log_probability(low: Tensor, high: Tensor) -> Tensor:
    """Return the log-probability of standard normal intervals, in either tail.

    Above zero it is that of the reflected interval. Below, with the upper end ``b``,
    the probability is the density at ``b`` times the integral of
    ``exp(b u - u**2 / 2)`` from 0 to the width, a difference of two ratios of Mills.
    """
    is_above = low + high > 0
    low, high = torch.where(is_above, -high, low), torch.where(is_above, -low, high)
    is_tail = high < 0
    end = torch.where(is_tail, high, 0)
    width = torch.where(is_tail, high - low, 1)
    tail = _mills(-end) - (end * width - width.square() / 2).exp() * _mills(width - end)
    tiny = torch.finfo(low.dtype).tiny
    in_tail = tail.clamp_min(tiny).log() + _log_density(end)
    low, high = torch.where(is_tail, -1, low), torch.where(is_tail, 1, high)
    inside = torch.special.ndtr(high) - torch.special.ndtr(low)
    return torch.where(is_tail, in_tail, inside.clamp_min(tiny).log())


def _mills(x: Tensor) -> Tensor:
    """Return the probability above x, from 0 on, over the standard normal density."""
    return math.sqrt(math.pi / 2) * torch.special.erfcx(x / math.sqrt(2))
