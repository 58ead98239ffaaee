"""Neighbour smoothness: rows should be classed as the rows around them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skfmvae._utils.compat import HasMethods, Interval
from skfmvae.models.base import Batch
from skfmvae.neighbour_graph.edges import N_CANDIDATES
from skfmvae.neighbour_graph.graph import NeighbourGraph
from skfmvae.neighbour_graph.propagation import neighbour_mean
from skfmvae.neighbour_graph.search import EXACT_UP_TO

from .base import (
    Alignment,
    Predict,
    Regularizer,
    RegularizerLoss,
    cross_entropy,
    mean_over,
)

__all__ = ["Neighbours"]

# By which factor the mean prediction of a class may fall short of its share, and how
# slowly the mean over batches moves.
LARGEST_LACK, MEAN_DECAY = 2.0, 0.97


class Neighbours(Regularizer):
    """Smoothness over the graph of nearest neighbours.

    Labels are propagated over the graph, and the borders between classes settled where
    few edges cross them, see
    :func:`~skfmvae.neighbour_graph.propagation.label_probabilities`. While training, a
    memory of every row's class probabilities follows the model, and the cross-entropy
    from a target to the model's probabilities of an unlabelled row is minimised::

        ((1 - anchor) mean of the neighbours' memory + anchor propagated) ** sharpness

    Where a property has components that nobody labelled, rows are clustered on the
    graph, and ten of each cluster without labels stand for labelled ones, see
    :func:`~skfmvae.neighbour_graph.clusters.seed_clusters`. So they do for the first of
    all properties where there is no label at all. Beside labelled properties, up to a
    hundred rows stand for labels of each value of one that nobody labelled, see
    :func:`~skfmvae.neighbour_graph.discovery.discover`.

    Rows that lie near each other need not be alike in a property. Before training, a
    fifth of its labels at a time is hidden and looked for on the graph; where they are
    found badly (a kappa of 0.6 or less, see
    :func:`~skfmvae.neighbour_graph.propagation.agreement`), the mean prediction is held
    to no less than half of each class share instead, by its divergence (as Mann and
    McCallum 2007 do), so that not all rows become one class. From 0.8 on the term
    counts in full, and in between in part. All is in proportion to the share of
    unlabelled rows.

    Parameters
    ----------
    weight : float, default=3.0
        Weight of the term, in units of the classification term.
    n_neighbors : int, default=5
        Neighbours of each row.
    alpha : float or None, default=None
        How far labels spread, in (0, 1); None stands for
        ``1 - 0.15 max(sqrt(share of rows with a label), labels per class / 150)``, but
        no less than 0.85.
    anchor : float, default=0.3
        Share of the propagated probabilities in the target.
    sharpness : float, default=2.0
        Power to which the target is raised before it is normalised.
    memory_rate : float, default=0.2
        How far the memory of a row moves each time it is drawn.
    n_rebuilds : int, default=2
        How often, at even distances over the training, neighbours in the latent space
        of the properties join those among the rows, and labels are propagated anew.
    features : transformer or None, default=None
        Neighbours are nearest in these features of the rows, found by its
        ``fit_transform``: for images for instance
        ``make_pipeline(OrientedGradients(), PCA(100))``, see
        :class:`skfmvae.images.OrientedGradients`. None takes the rows themselves,
        their columns on the scale that the likelihood gives them (standardised for a
        :class:`~skfmvae.nn.Gaussian`, unless they share a unit; logarithms of one plus
        a count; categories one-hot; values in [0, 1] unchanged). Of more than 50
        columns it takes the first 50 principal components, partly whitened as far as
        hidden labels ask for it, see
        :func:`~skfmvae.neighbour_graph.whitening.choose_whitening`.
    distance : callable or None, default=None
        Neighbours are, of the `n_candidates` nearest rows, those nearest by this
        function of two arrays of as many rows, such as
        :class:`skfmvae.images.ImageDistortion`. Its time grows with the number of
        rows times `n_candidates`. None keeps to the distance of the features.
    n_candidates : int, default=40
        At least `n_neighbors`; of no matter without `distance`.
    exact_up_to : int, default=100_000
        Rows up to which neighbours are searched exactly, in time that grows with the
        square of the rows. Beyond, they are found approximately, if pynndescent is
        installed (``pip install "skfmvae[neighbours]"``), else exactly, with a warning.
    class_prior : array-like, dict of str to array-like or None, default=None
        Which share of the rows belongs to each class, in the order of `classes_` (spare
        components last), where you know it: for the only property, or by the names of
        properties. What is not given is estimated, see
        :func:`~skfmvae.neighbour_graph.class_prior.estimate_class_prior`, and from few
        labels badly where classes are unequal. A property without any label has none.
    memory : str, joblib.Memory or None, default=None
        A folder where the neighbours of rows are kept, as a `Pipeline` keeps what it
        fitted: later fits to the same rows, with other labels or settings, as in a
        search, do not look for them again, but where other labels choose another
        whitening. A `distance` of your own is known by its name: empty the
        folder after changing it. joblib keeps pickles there, and loading a pickle can
        run any code: use a folder that nobody else can write to.

    References
    ----------
    D. Zhou et al. (2004). Learning with Local and Global Consistency.

    C. Garcia-Cardona et al. (2014). Multiclass Data Segmentation Using Diffuse
    Interface Methods on Graphs. https://arxiv.org/abs/1302.3913.

    Y. Luo et al. (2018). Smooth Neighbors on Teacher Graphs for Semi-supervised
    Learning. https://arxiv.org/abs/1711.00258.

    G. Mann and A. McCallum (2007). Simple, Robust, Scalable Semi-supervised Learning
    via Expectation Regularization.

    A. Iscen et al. (2019). Label Propagation for Deep Semi-supervised Learning.
    https://arxiv.org/abs/1904.04717.

    Examples
    --------
    >>> from skfmvae.training import Neighbours
    >>> Neighbours(n_neighbors=10)
    Neighbours(n_neighbors=10)
    """

    name = "neighbours"
    moves_rows = False
    needs_graph = True

    _parameter_constraints: dict = {
        "weight": [Interval(Real, 0, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "alpha": [None, Interval(Real, 0, 1, closed="neither")],
        "anchor": [Interval(Real, 0, 1, closed="both")],
        "sharpness": [Interval(Real, 0, None, closed="neither")],
        "memory_rate": [Interval(Real, 0, 1, closed="both")],
        "n_rebuilds": [Interval(Integral, 0, None, closed="left")],
        "features": [None, HasMethods("fit_transform")],
        "distance": [None, callable],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "exact_up_to": [Interval(Integral, 0, None, closed="left")],
        "class_prior": [None, dict, "array-like"],
        "memory": [None, str, HasMethods("cache")],
    }

    def __init__(
        self,
        weight: float = 3.0,
        n_neighbors: int = 5,
        alpha: float | None = None,
        anchor: float = 0.3,
        sharpness: float = 2.0,
        memory_rate: float = 0.2,
        n_rebuilds: int = 2,
        features: Any = None,
        distance: Any = None,
        n_candidates: int = N_CANDIDATES,
        exact_up_to: int = EXACT_UP_TO,
        class_prior: Any = None,
        memory: Any = None,
    ):
        self.weight = weight
        self.n_neighbors = n_neighbors
        self.alpha = alpha
        self.anchor = anchor
        self.sharpness = sharpness
        self.memory_rate = memory_rate
        self.n_rebuilds = n_rebuilds
        self.features = features
        self.distance = distance
        self.n_candidates = n_candidates
        self.exact_up_to = exact_up_to
        self.class_prior = class_prior
        self.memory = memory

    def graph_settings(self, n_values: Mapping[str, int]) -> dict[str, Any]:
        """Return how the graph should be built; see `Regularizer.graph_settings`."""
        if self.distance is not None and self.n_candidates < self.n_neighbors:
            raise ValueError(
                f"Neighbours: n_candidates={self.n_candidates} should be at least "
                f"n_neighbors={self.n_neighbors}."
            )
        return {
            "n_neighbors": self.n_neighbors,
            "alpha": self.alpha,
            "features": self.features,
            "distance": self.distance,
            "n_candidates": self.n_candidates,
            "exact_up_to": self.exact_up_to,
            "class_prior": self._class_shares(n_values),
            "memory": self.memory,
        }

    def _class_shares(self, n_values):
        """Return the shares of each property, None where they are not given."""
        given = self.class_prior
        if given is not None and not isinstance(given, Mapping):
            if len(n_values) > 1:
                raise ValueError(
                    f"Neighbours: class_prior={given!r} does not tell of which of "
                    f"the properties {list(n_values)} it speaks; give a dict by name."
                )
            given = dict.fromkeys(n_values, given)
        unknown = sorted((given or {}).keys() - n_values.keys())
        if unknown:
            raise ValueError(
                f"Neighbours: class_prior names the unknown properties {unknown}; the "
                f"properties are {list(n_values)}."
            )
        return [
            _checked_shares(name, given[name], n) if given and name in given else None
            for name, n in n_values.items()
        ]

    def begin(self, graph: NeighbourGraph, codes: Tensor) -> RegularizerLoss:
        """Return the term for the training rows; see `Regularizer.begin`."""
        mean = neighbour_mean(graph.weights)
        parts = []
        for k, shares in enumerate(graph.shares):
            trust, unlabelled = graph.trust[k], graph.unlabelled[k]
            if shares is None or unlabelled == 0:
                continue
            if graph.reach[k] > 0:
                memory = _Memory(self, mean, graph.propagated[k], shares, codes[:, k])
                parts.append((k, graph.reach[k], memory.loss))
            if trust < 1 and (shares > 0).all():
                level = _Shares(shares, codes.device)
                parts.append((k, unlabelled * (1 - trust), level.loss))

        def loss(predict: Predict, batch: Batch, log_proba: list[Tensor]) -> Tensor:
            total = torch.zeros_like(batch.weight[0])
            for k, weight, part in parts:
                total = total + weight * part(
                    batch, batch.labels.codes[:, k], log_proba[k]
                )
            return total

        return loss


def _checked_shares(name, shares, n_values):
    """Return shares of the classes of a property, if they are such."""
    try:
        values = np.asarray(shares, dtype=float)
    except (TypeError, ValueError):
        values = np.empty(0)
    right = values.shape == (n_values,) and (values > 0).all()
    if not right or not np.isclose(values.sum(), 1, atol=1e-3):
        raise ValueError(
            f"Neighbours: class_prior of {name!r} should be {n_values} positive "
            f"numbers that add up to 1, one for each value; got {shares!r}."
        )
    return values / values.sum()


class _Shares:
    """How far classes are from having their shares, but for a factor of two.

    Shares are estimated from neighbours, which are not trusted here: to hold the mean
    prediction to them costs accuracy (3 and 7 points on two colours of digits whose
    neighbours are like in shape). What they are good for is that no class vanishes.
    """

    def __init__(self, shares, device):
        self.shares = torch.as_tensor(shares, dtype=torch.float32, device=device)
        self.mean = self.shares.clone()

    def loss(self, batch, code, log_proba):
        weight = batch.weight * (code < 0)
        mean = (weight[:, None] * log_proba.exp()).sum(0) / weight.sum().clamp_min(
            1e-12
        )
        if weight.any():
            self.mean.lerp_(mean.detach(), 1 - MEAN_DECAY)
        # The running mean, as few rows of many classes are never shared evenly, with
        # the slope of this batch.
        mean = self.mean + mean - mean.detach()
        lack = (self.shares / mean.clamp_min(1e-6)).log() - math.log(LARGEST_LACK)
        return (self.shares * lack.clamp_min(0.0)).sum()


class _Memory:
    """Remembered class probabilities of one property."""

    def __init__(self, settings, mean, propagated, shares, code):
        self.settings = settings
        self.mean = mean
        n_classes = len(shares)
        propagated = torch.as_tensor(propagated, dtype=torch.float32)
        self.knows_all = bool((shares > 0).all())
        known = (code >= 0).cpu()
        self.align: Alignment | None = None
        if self.knows_all:
            shares = torch.as_tensor(shares, dtype=torch.float32, device=code.device)
            self.align = Alignment(shares)
            self.anchor = settings.anchor
            self.values = propagated.clone()
        else:
            self.anchor = 0.0
            self.values = torch.full((len(known), n_classes), 1 / n_classes)
        self.propagated = propagated
        one_hot = torch.nn.functional.one_hot(code.cpu()[known], n_classes)
        self.values[known] = one_hot.float()

    def loss(self, batch, code, log_proba):
        unlabelled = code < 0
        proba = log_proba.detach().exp()
        if self.align is not None:
            proba = self.align(proba, batch.weight)
        rows = batch.number.cpu()
        target = self._target(rows).to(log_proba)
        self._remember(rows[unlabelled.cpu()], proba[unlabelled].cpu())
        return mean_over(unlabelled, batch.weight, cross_entropy(target, log_proba))

    def _target(self, rows):
        around = torch.from_numpy(self.mean[rows.numpy()] @ self.values.numpy())
        blend = (1 - self.anchor) * around + self.anchor * self.propagated[rows]
        sharp = blend**self.settings.sharpness
        return sharp / sharp.sum(1, keepdim=True).clamp_min(1e-12)

    def _remember(self, rows, proba):
        rate = self.settings.memory_rate
        self.values[rows] = (1 - rate) * self.values[rows] + rate * proba
