"""Starting centres of clusters: k-means++ beside centres that are given."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["kmeans_plusplus"]


def kmeans_plusplus(
    points: Tensor,
    n_clusters: int,
    fixed: Tensor | None = None,
    *,
    n_iter: int = 0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return starting centres by k-means++, given some of them.

    Each new centre is a point drawn with probability proportional to its squared
    distance to the nearest centre so far. Once every point is a centre (duplicates, or
    fewer points than clusters) points are drawn with replacement, and moved by 1 % of
    the standard deviation (1e-3 where that is zero) so that no two centres are equal.

    Parameters
    ----------
    points : Tensor of shape (n, n_features)
        Points to choose from, at least one.
    n_clusters : int
        Number of centres, including those in `fixed`.
    fixed : Tensor of shape (n_fixed, n_features), default=None
        The first centres, such as the means of labelled classes.
    n_iter : int, default=0
        Number of Lloyd iterations that follow; fixed centres, and a centre that is
        nearest to no point, do not move.
    generator : torch.Generator, default=None
        Source of randomness; torch's own if None.

    Returns
    -------
    Tensor of shape (n_clusters, n_features)
        The centres, those in `fixed` first.

    Raises
    ------
    ValueError
        If there are no points, or fewer clusters than fixed centres.

    References
    ----------
    D. Arthur, S. Vassilvitskii (2007), k-means++: the advantages of careful seeding,
    http://ilpubs.stanford.edu:8090/778/.

    Examples
    --------
    >>> import torch
    >>> from skfmvae.models import kmeans_plusplus
    >>> points = torch.tensor([[0.0], [0.0], [9.0], [9.0]])
    >>> kmeans_plusplus(points, n_clusters=2).sort(dim=0).values.flatten().tolist()
    [0.0, 9.0]
    """
    fixed = points[:0] if fixed is None else fixed.to(points)
    if len(points) == 0 or n_clusters < max(1, len(fixed)):
        raise ValueError(
            "n_clusters must be at least 1 and the number of fixed centres, and points "
            f"must not be empty; got n_clusters={n_clusters}, {len(fixed)} fixed "
            f"centres and {len(points)} points."
        )
    centres = points.new_empty(n_clusters, points.shape[1])
    centres[: len(fixed)] = fixed
    nearest = torch.full_like(points[:, 0], math.inf)  # squared distance
    for centre in fixed:
        nearest = nearest.minimum((points - centre).square().sum(-1))
    for c in range(len(fixed), n_clusters):
        covered = not nearest.any()
        uniform = covered or c == 0
        probs = torch.ones_like(nearest) if uniform else nearest
        centres[c] = points[torch.multinomial(probs, 1, generator=generator)]
        if covered:
            spread = 0.01 * points.std(0, correction=0)
            jitter = torch.empty_like(spread).normal_(generator=generator)
            centres[c] += jitter * spread.where(spread > 0, 1e-3)
        nearest = nearest.minimum((points - centres[c]).square().sum(-1))
    for _ in range(n_iter):
        squares = (points.unsqueeze(1) - centres).square().sum(-1)
        members = functional.one_hot(squares.argmin(1), n_clusters).to(points)
        count = members.sum(0).unsqueeze(-1)
        update = (members.T @ points / count).where(count > 0, centres)
        centres[len(fixed) :] = update[len(fixed) :]
    return centres
