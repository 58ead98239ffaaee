"""k-means++ against its probabilities, and its iterations against scikit-learn."""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs

from skfmvae.models import kmeans_plusplus


def generator(seed):
    return torch.Generator().manual_seed(seed)


def three_blobs():
    return torch.as_tensor(make_blobs(200, centers=3, random_state=0)[0])


def test_seeding_finds_well_separated_clusters():
    g = generator(0)
    centres = 1e4 * torch.tensor([[0.0, 0], [1, 0], [0, 1], [1, 1], [3, 3]])
    points = (centres[:, None] + torch.randn(5, 30, 2, generator=g)).flatten(0, 1)
    for seed in range(30):
        fixed = centres[[4, 1]] + 3.0
        found = kmeans_plusplus(points, 5, fixed, generator=generator(seed))
        assert torch.equal(found[:2], fixed)
        nearest = torch.cdist(found, centres).argmin(1)
        assert sorted(nearest.tolist()) == [0, 1, 2, 3, 4]
        found = kmeans_plusplus(points, 5, n_iter=3, generator=generator(seed))
        nearest = torch.cdist(found, centres).argmin(1)
        means = points.unflatten(0, (5, 30)).mean(1)[nearest]
        torch.testing.assert_close(found, means)
        assert sorted(nearest.tolist()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("fixed", [None, [[1.0], [2.0]]])
def test_seeding_probabilities_are_squared_distances(fixed):
    x = np.array([0.0, 1.0, 3.0, 7.0])
    points = torch.tensor(x).unsqueeze(1)
    g, n_draws, counts = generator(0), 2000, np.zeros((4, 4))
    if fixed is None:  # pairs of new centres: the first of them is uniform
        squares = (x[:, None] - x) ** 2
        probs = squares / squares.sum(1, keepdims=True) / 4
    else:  # one new centre beside two given ones
        squares = np.array([1.0, 0.0, 1.0, 25.0])
        probs = np.zeros((4, 4))
        probs[3] = squares / squares.sum()
        fixed = torch.tensor(fixed)
    n_clusters = 2 if fixed is None else 3
    for _ in range(n_draws):
        found = kmeans_plusplus(points, n_clusters, fixed, generator=g)[-2:, 0]
        row = 3 if fixed is not None else np.flatnonzero(x == found[0].item())[0]
        counts[row, x == found[1].item()] += 1
    possible = probs > 0
    assert counts[~possible].sum() == 0
    assert counts.sum() == n_draws
    expected = n_draws * probs[possible]
    assert stats.chisquare(counts[possible], expected).pvalue > 0.01


def test_iterations_are_lloyd():
    points = three_blobs().float()
    start = kmeans_plusplus(points, 5, generator=generator(1))
    found = kmeans_plusplus(points, 5, n_iter=100, generator=generator(1))
    theirs = KMeans(5, init=start.numpy(), n_init=1, tol=0).fit(points.numpy())
    np.testing.assert_allclose(found, theirs.cluster_centers_, atol=1e-4)
    assert (start - found).abs().max() > 0.1


def test_iterations_leave_fixed_and_lonely_centres_alone():
    points = three_blobs()
    fixed = torch.tensor([[1.0, 1.0], [1e6, 1e6]], dtype=points.dtype)
    found = kmeans_plusplus(points, 4, fixed, n_iter=50, generator=generator(0))
    assert torch.equal(found[:2], fixed)
    nearest = torch.cdist(points, found).argmin(1)
    for c in (2, 3):
        torch.testing.assert_close(found[c], points[nearest == c].mean(0))

    pair = torch.tensor([[0.0], [1.0]])
    found = kmeans_plusplus(pair, 3, n_iter=5, generator=generator(0))
    assert found.isfinite().all()


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_more_clusters_than_distinct_points(scale):
    """Every distinct point is taken, and the rest lie near but apart."""
    points = scale * torch.tensor([[0.0, 5.0], [0.0, 5.0], [8.0, 5.0]])
    found = kmeans_plusplus(points, 7, generator=generator(0))
    assert len(found.unique(dim=0)) == 7
    distances = torch.cdist(found, points).min(1).values
    assert distances.max() < 0.2
    assert (torch.cdist(points, found).min(1).values == 0).all()


def test_seeding_says_what_is_wrong():
    points = torch.zeros(3, 2)
    with pytest.raises(ValueError, match="n_clusters=1, 2 fixed"):
        kmeans_plusplus(points, 1, points[:2])
    with pytest.raises(ValueError, match="n_clusters=0"):
        kmeans_plusplus(points, 0)
    with pytest.raises(ValueError, match="and 0 points"):
        kmeans_plusplus(points[:0], 2)
