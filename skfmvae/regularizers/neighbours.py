"""Neighbour smoothness: a row has the classes of the rows around it."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from skfmvae._utils.compat import HasMethods, Interval
from skfmvae._utils.distributed import gathered
from skfmvae.models.base import Batch
from skfmvae.neighbour_graph import NeighbourGraph, PropagatedLabels, StepSpace
from skfmvae.neighbour_graph.adjacency import transition_matrix
from skfmvae.neighbour_graph.edges import N_CANDIDATES
from skfmvae.neighbour_graph.search import EXACT_UP_TO
from skfmvae.neighbour_graph.subsample import MOST_ROWS

from .base import (
    Predict,
    Regularizer,
    RegularizerLoss,
    cross_entropy,
    property_weights,
    unlabelled_shares,
    weighted_mean,
)
from .class_prior import DistributionAlignment, ExpectationRegularization

__all__ = ["Neighbours", "TemporalEnsemble"]

# Share of the propagated probabilities in a target, the rest being the neighbours'
# average predictions. Tuned on digits alone: docs/decisions/011-latent-neighbours.md.
PROPAGATED_SHARE = 0.3
# Power to which a target is raised: the sharpening of MixMatch (Berthelot et al. 2019)
# at its temperature of a half.
SHARPNESS = 2.0
# Share of a new prediction in the running average of a row, which so holds about five
# predictions: fewer are noisier, more lag behind. Laine and Aila (2017) take 0.4; no
# trial is recorded.
ENSEMBLE_RATE = 0.2


class Neighbours(Regularizer):
    """Smoothness over the graph of nearest neighbours.

    Before training, labels are propagated over the graph, with borders between classes
    where few edges cross them, see
    :func:`~skfmvae.neighbour_graph.propagation.label_probabilities`. During training, a
    running average of the class probabilities of every row follows the model (a
    temporal ensemble, Laine and Aila 2017), and the loss of an unlabelled row is the
    cross-entropy from this target, computed at the start of each epoch, to its
    predicted probabilities::

        (0.7 * weighted mean of the neighbours' averages + 0.3 * propagated) ** 2

    Some rows stand for labelled ones where labels are missing altogether. If a property
    has components without a label, rows are clustered on the graph, and ten rows of
    each cluster without labels stand for labelled ones, see
    :func:`~skfmvae.neighbour_graph.clusters.seed_clusters`. Without any label the first
    property is treated in the same way. A property without a label beside labelled ones
    is discovered, and up to a hundred rows of each of its values stand for labelled
    ones, see :func:`~skfmvae.neighbour_graph.discovery.discover`.

    Rows that lie near each other need not be alike in a property. Before training, a
    fifth of its labels at a time is hidden and predicted on the graph, and by a
    logistic regression on the same rows that sees the labelled ones alone. The loss
    counts as far as the graph is known to predict better, or to hardly err, see
    :class:`~skfmvae.neighbour_graph.reliability.HiddenLabels`. Where no label can be
    hidden, as with one of each class, it counts for neighbours by your `features` or
    `distance` alone. As far as it does not count, the mean prediction is held to at
    least half of each class prior instead, by its divergence (as Mann and McCallum 2007
    do), so that not all rows become one class. The loss is weighted by the share of
    unlabelled rows.

    Parameters
    ----------
    weight : float, default=3.0
        Weight of the loss, in units of the classification term. Raise it where the
        graph errs less than a fit without it, as for images with `features`; lower it
        where the graph errs more.
    n_neighbors : int, default=5
        Neighbours of each row. Raise it where rows lie sparsely and noise decides which
        rows are nearest; lower it where classes have small groups.
    alpha : float or None, default=None
        How far labels spread, in (0, 1). None stands for
        ``1 - 0.15 max(sqrt(share of rows with a label), labels per class / 150)``, but
        no less than 0.85. Lower it where labelled rows stand for small groups of their
        own; raise it where groups of a class have no label.
    n_rebuilds : int, default=2
        How often, at even distances over the training, neighbours in the latent space
        of the properties join those among the rows, and labels are propagated again. 0
        saves the time for it, and is right where `features` give better neighbours than
        latents do, as on images with few labels.
    features : transformer or None, default=None
        Neighbours are nearest in these features of the rows, found by its
        ``fit_transform``: for images for instance
        ``make_pipeline(OrientedGradients(), PCA(100))``, see
        :class:`skfmvae.images.OrientedGradients`. None takes the rows themselves,
        their columns on the scale that the likelihood gives them (standardised for a
        :class:`~skfmvae.nn.Gaussian`, unless they share a unit; logarithms of one plus
        a count; categories one-hot; values in [0, 1] unchanged). Of more than 50
        columns it takes the first 50 principal components, whitened as far as hidden
        labels show to be right, see
        :func:`~skfmvae.neighbour_graph.whitening.choose_whitening`. Missing entries of
        the rows have the means of their columns, also for `distance`.
    distance : callable or None, default=None
        A finer distance, which finds the neighbours among the `n_candidates` nearest
        rows. It takes two arrays of equal shape and returns the distance of each pair
        of rows, as :class:`skfmvae.images.ImageDistortion` does. None keeps to the
        distance of the features.
    n_candidates : int, default=40
        Nearest rows that `distance` is computed to, at least `n_neighbors`. Lower it to
        save time, which grows with it; raise it where the features are crude. It has no
        effect without `distance`.
    exact_up_to : int, default=100_000
        Rows of the graph up to which neighbours are searched exactly, in time that
        grows with the square of the rows. Beyond, they are found approximately if
        pynndescent is installed (``pip install "skfmvae[neighbours]"``), else exactly,
        with a warning.
    max_rows : int, default=100_000
        Rows of the graph. Of more rows it has the labelled ones, up to half of the
        number, and a random part of the others, for which those that are left out have
        no loss: see :func:`~skfmvae.neighbour_graph.subsample.rows_of_graph`. Raise it
        where classes have small groups that a part of the rows does not show, with
        pynndescent installed.
    class_prior : array-like, dict of str to array-like or None, default=None
        The share of the rows that belongs to each class, in the order of `classes_`
        (spare components last), where you know it: for the only property, or by the
        names of properties. What is not given is estimated, see
        :func:`~skfmvae.neighbour_graph.class_prior.estimate_class_prior`, and from few
        labels badly where classes are unequal. It has no effect on a property without
        labels.
    memory : str, joblib.Memory or None, default=None
        A folder in which the neighbours of rows are cached, as a `Pipeline` caches its
        fitted transformers. Later fits to the same rows, with other labels or settings,
        as in a search, read them, unless other labels choose another whitening. A
        `distance` of your own is known by its name: empty the folder after changing it.
        joblib keeps pickles there, and loading a pickle can run any code: use a folder
        that nobody else can write to.

    References
    ----------
    D. Zhou et al. (2004). Learning with Local and Global Consistency.

    C. Garcia-Cardona et al. (2014). Multiclass Data Segmentation Using Diffuse
    Interface Methods on Graphs. https://arxiv.org/abs/1302.3913.

    Y. Luo et al. (2018). Smooth Neighbors on Teacher Graphs for Semi-supervised
    Learning. https://arxiv.org/abs/1711.00258.

    S. Laine and T. Aila (2017). Temporal Ensembling for Semi-Supervised Learning.
    https://arxiv.org/abs/1610.02242.

    G. Mann and A. McCallum (2007). Simple, Robust, Scalable Semi-supervised Learning
    via Expectation Regularization.

    A. Iscen et al. (2019). Label Propagation for Deep Semi-supervised Learning.
    https://arxiv.org/abs/1904.04717.

    Examples
    --------
    >>> from skfmvae.regularizers import Neighbours
    >>> Neighbours(n_neighbors=10)
    Neighbours(n_neighbors=10)
    """

    name = "neighbours"
    moves_rows = False
    needs_neighbour_graph = True

    _parameter_constraints: dict = {
        "weight": [Interval(Real, 0, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "alpha": [None, Interval(Real, 0, 1, closed="neither")],
        "n_rebuilds": [Interval(Integral, 0, None, closed="left")],
        "features": [None, HasMethods("fit_transform")],
        "distance": [None, callable],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "exact_up_to": [Interval(Integral, 0, None, closed="left")],
        "max_rows": [Interval(Integral, 2, None, closed="left")],
        "class_prior": [None, dict, "array-like"],
        "memory": [None, str, HasMethods("cache")],
    }

    # Where the defaults come from: docs/decisions/004-number-of-neighbours.md,
    # 007-label-spread.md, 011-latent-neighbours.md and 015-regularizers.md.
    def __init__(
        self,
        weight: float = 3.0,
        n_neighbors: int = 5,
        alpha: float | None = None,
        n_rebuilds: int = 2,
        features: Any = None,
        distance: Any = None,
        n_candidates: int = N_CANDIDATES,
        exact_up_to: int = EXACT_UP_TO,
        max_rows: int = MOST_ROWS,
        class_prior: Any = None,
        memory: Any = None,
    ):
        self.weight = weight
        self.n_neighbors = n_neighbors
        self.alpha = alpha
        self.n_rebuilds = n_rebuilds
        self.features = features
        self.distance = distance
        self.n_candidates = n_candidates
        self.exact_up_to = exact_up_to
        self.max_rows = max_rows
        self.class_prior = class_prior
        self.memory = memory

    def neighbour_graph_settings(self, n_values: Mapping[str, int]) -> dict[str, Any]:
        """Return how the neighbour graph should be built; see `Regularizer`."""
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
            "class_prior": self._class_priors(n_values),
            "memory": self.memory,
        }

    def _class_priors(self, n_values):
        """Return the class prior of each property, None where it is not given."""
        given = self.class_prior
        if given is None:
            return [None] * len(n_values)
        if not isinstance(given, Mapping):
            if len(n_values) > 1:
                raise ValueError(
                    f"Neighbours: class_prior={given!r} does not say to which of "
                    f"the properties {list(n_values)} it belongs; give a dict by name."
                )
            given = dict.fromkeys(n_values, given)
        unknown = sorted(given.keys() - n_values.keys())
        if unknown:
            raise ValueError(
                f"Neighbours: class_prior names the unknown properties {unknown}; the "
                f"properties are {list(n_values)}."
            )
        return [
            _checked_prior(name, given[name], n) if name in given else None
            for name, n in n_values.items()
        ]

    def begin(
        self, graph: NeighbourGraph | None, steps: StepSpace | None, codes: Tensor
    ) -> RegularizerLoss:
        """Return the loss for the training rows; see `Regularizer.begin`."""
        assert graph is not None
        return _NeighboursLoss(graph, codes)


class _NeighboursLoss(RegularizerLoss):
    """Targets where neighbours are reliable, mean predictions where they are not."""

    def __init__(self, graph: NeighbourGraph, codes: Tensor):
        transition = transition_matrix(graph.weights)
        weights, unlabelled = property_weights(graph, codes), unlabelled_shares(codes)
        position = None
        if graph.rows is not None:
            position = codes.new_full((len(codes),), -1)
            position[graph.rows] = torch.arange(len(graph.rows), device=codes.device)
        self.ensembles: list[TemporalEnsemble] = []
        self.expectations: list[ExpectationRegularization] = []
        self.parts = []
        for k, labels in enumerate(graph.labels):
            if labels is None:
                continue
            if weights[k] > 0:
                ensemble = TemporalEnsemble(
                    transition, labels, graph.of_graph(codes[:, k]), position
                )
                self.ensembles.append(ensemble)
                self.parts.append((k, weights[k], ensemble.loss))
            weight = unlabelled[k] * (1 - labels.reliability)
            if weight > 0 and (labels.class_prior > 0).all():
                class_prior = _as_tensor(labels.class_prior, codes.device)
                expectation = ExpectationRegularization(class_prior)
                self.expectations.append(expectation)
                self.parts.append((k, weight, expectation.loss))

    def begin_epoch(self) -> None:
        for ensemble in self.ensembles:
            ensemble.begin_epoch()

    @property
    def memory(self) -> list[Tensor]:
        averages = [m for ensemble in self.ensembles for m in ensemble.memory]
        return averages + [expectation.mean for expectation in self.expectations]

    def __call__(
        self, predict: Predict, batch: Batch, log_proba: list[Tensor]
    ) -> Tensor:
        total = torch.zeros_like(batch.weight[0])
        for k, weight, part in self.parts:
            total = total + weight * part(batch, batch.labels.codes[:, k], log_proba[k])
        return total


def _checked_prior(name, class_prior, n_values):
    """Return the class prior of a property as an array, if it is one."""
    try:
        values = np.asarray(class_prior, dtype=float)
    except (TypeError, ValueError):
        values = np.empty(0)
    right = values.shape == (n_values,) and (values > 0).all()
    if not right or not np.isclose(values.sum(), 1, atol=1e-3):
        raise ValueError(
            f"Neighbours: class_prior of {name!r} should be {n_values} positive "
            f"numbers that add up to 1, one for each value; got {class_prior!r}."
        )
    return values / values.sum()


def _as_tensor(values, device) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32, device=device)


class TemporalEnsemble:
    """Running averages of the class probabilities of one property, for all rows.

    The targets of an epoch are those of the averages at its beginning: a product with
    the graph for all rows takes less time than one for each batch.

    A class without labels has no prior. Nothing then tells the rows of that class from
    others before training, so that averages start at equal probabilities, predictions
    are not aligned and the propagated probabilities are no part of the targets.

    Parameters
    ----------
    transition : CSR matrix of shape (n, n)
        Takes the weighted mean over the neighbours of each row.
    labels : PropagatedLabels
        What the labels of the property say of all rows.
    codes : int64 Tensor of shape (n,)
        Classes of the property on all rows, -1 for unknown.
    position : int64 Tensor of shape (n_training_rows,) or None, default=None
        Where each training row stands among these rows, -1 for those that have no loss;
        None where they are the training rows.
    """

    def __init__(
        self,
        transition,
        labels: PropagatedLabels,
        codes: Tensor,
        position: Tensor | None = None,
    ):
        self.transition = transition
        self.position = position
        self.propagated = _as_tensor(labels.proba, codes.device)
        self.align: DistributionAlignment | None = None
        if (labels.class_prior > 0).all():
            class_prior = _as_tensor(labels.class_prior, codes.device)
            self.align = DistributionAlignment(class_prior)
            self.propagated_share = PROPAGATED_SHARE
            self.average = self.propagated.clone()
        else:
            n_classes = len(labels.class_prior)
            self.propagated_share = 0.0
            self.average = torch.full_like(self.propagated, 1 / n_classes)
        known = codes >= 0
        self.average[known] = one_hot(codes[known], self.average.shape[1]).float()

    @property
    def memory(self) -> list[Tensor]:
        """The running averages, as `RegularizerLoss.memory`."""
        return [self.average] + ([] if self.align is None else [self.align.mean])

    def begin_epoch(self) -> None:
        """Bring the targets of all rows up to date."""
        around = _as_tensor(
            self.transition @ self.average.cpu().numpy(), self.average.device
        )
        share = self.propagated_share
        target = ((1 - share) * around + share * self.propagated) ** SHARPNESS
        self.target = target / target.sum(1, keepdim=True).clamp_min(1e-12)

    def loss(self, batch: Batch, codes: Tensor, log_proba: Tensor) -> Tensor:
        """Return the mean cross-entropy of the unlabelled rows of a batch.

        Their averages then move towards the predictions.

        Parameters
        ----------
        batch : Batch
        codes : int64 Tensor of shape (n,)
            Classes of the property on the batch, -1 for unknown.
        log_proba : Tensor of shape (n, n_classes)
            Predictions for the batch.

        Returns
        -------
        loss : Tensor
            A scalar in nats.
        """
        unlabelled = codes < 0
        proba = log_proba.detach().exp()
        if self.align is not None:
            proba = self.align(proba, batch.weight)
        number = batch.number if self.position is None else self.position[batch.number]
        rate = ENSEMBLE_RATE * unlabelled[:, None]
        average = torch.lerp(self.average[number], proba, rate.to(proba))
        of_all, average = gathered(number), gathered(average)
        self.average[of_all[of_all >= 0]] = average[of_all >= 0]
        loss = cross_entropy(self.target[number], log_proba)
        return weighted_mean(unlabelled & (number >= 0), batch.weight, loss)
