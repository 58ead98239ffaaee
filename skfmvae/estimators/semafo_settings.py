"""Settings that :class:`~skfmvae.SemafoVAE` alone takes."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real

from sklearn.base import BaseEstimator

from skfmvae._utils.compat import Interval
from skfmvae.training import BaseObjective

__all__ = ["LabelAutoencoder", "Levels", "SemafoObjective"]


class LabelAutoencoder(BaseEstimator):
    """How labels are encoded, and how they decide where rows are expected.

    Parameters
    ----------
    hidden : sequence of int, default=(128, 128)
        Hidden layers of ``q(u | y)`` and of ``p(y | u)``.
    prior_hidden : sequence of int, default=(128,)
        Hidden layers of ``p(z0 | u)`` and of the same for each level.
    temperature : float, default=0.5
        Temperature of the Concrete relaxation of unobserved labels (Maddison et al.
        2017); it nears a draw of values towards 0.
    separate : bool, default=False
        Whether every property has networks of its own, and as many dimensions of ``u``
        as it has values, in the order of the properties. Each dimension then speaks of
        one property; but what properties have to do with each other is not learned,
        so that `sample` draws those that are not asked for independently. The paper
        has one network for all.

    Examples
    --------
    >>> from skfmvae.estimators import LabelAutoencoder
    >>> LabelAutoencoder(hidden=(64,))
    LabelAutoencoder(hidden=(64,))
    """

    _parameter_constraints: dict = {
        "hidden": ["array-like"],
        "prior_hidden": ["array-like"],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "separate": ["boolean"],
    }

    def __init__(
        self,
        hidden: Sequence[int] = (128, 128),
        prior_hidden: Sequence[int] = (128,),
        temperature: float = 0.5,
        separate: bool = False,
    ):
        self.hidden = hidden
        self.prior_hidden = prior_hidden
        self.temperature = temperature
        self.separate = separate


class Levels(BaseEstimator):
    """Latents at depths of the decoder, each with a prior that the labels steer.

    Parameters
    ----------
    stages : sequence of int, default=()
        Hidden stages of the decoder after which a level joins, counted from 1: the
        hidden layers of :class:`~skfmvae.nn.MLP`; of :class:`~skfmvae.nn.Conv` the
        dense layer, the smallest image, and so on to the largest but one.
    n_dims : int, default=16
        Latents of a dense level, or at each of 2 x 2 places of an image.

    Examples
    --------
    >>> from skfmvae.estimators import Levels
    >>> Levels((1, 2), n_dims=8)
    Levels(n_dims=8, stages=(1, 2))
    """

    _parameter_constraints: dict = {
        "stages": ["array-like"],
        "n_dims": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, stages: Sequence[int] = (), n_dims: int = 16):
        self.stages = stages
        self.n_dims = n_dims


class SemafoObjective(BaseObjective):
    """Weights of the objective of :class:`SemafoVAE`, by their names in the paper.

    The defaults are the author's, but for `label_weight`. When to turn them (figures:
    `docs/decisions/029-semafo-weights.md`):

    - Generated rows are not what was asked for: raise `transitive` (0.1 to 2),
      `beta_u` (10) and `gamma_y` (100), or lower `beta_label` (0.1), by which draws of
      ``u`` for one label lie closer together. The author lets `transitive` begin after
      `transitive_phase` and fall to the half of it, `transitive_end`.
    - Predictions are worse than those of the labelled rows alone: raise
      `labelled_phase`, or lower `gamma_u`, by which rows without a label count less.
    - Levels stay unused, or keep what the labels should decide: lower or raise
      `beta_levels`.

    Parameters
    ----------
    gamma_s : float, default=1.0
        Weight of the likelihoods of rows with a label.
    gamma_u : float, default=10.0
        Weight of the likelihoods of rows without a label.
    gamma_y : float, default=10.0
        Weight of the likelihoods of labels, relative to those of rows.
    beta_s, beta_u : float, default=1.0
        Weights of the divergences of rows with a label, and of rows without.
    beta_label : float, default=1.0
        Weight of the divergence of ``u``, relative to that of ``z0``. The paper has
        none.
    beta_levels : float, default=1.0
        Weight of the divergences of levels, relative to that of ``z0``.
    labelled_phase : float, default=0.05
        Share of training at first, in whole epochs and not in the last, in which rows
        without a label do not count.
    transitive : float, default=0.0
        Weight of the label that is predicted for a row generated from it, a bound on
        the information that generated rows hold about their labels.
    transitive_end : float or None, default=None
        Weight to which that moves, linearly, by the end of training; None keeps it.
    transitive_phase : float, default=0.0
        Share of training at first, in whole epochs, without it.
    label_weight : float, default=1.0
        Weight of the classification term ``ln q(y | z0)``, in units of the number of
        columns, as in the other estimators. It is added to the paper's
        ``gamma_s gamma_y`` nats, which are few beside wide rows; the paper has 0.
    kl_warmup : float, default=0.8
        Share of training over which the weight of the divergences moves from `kl_start`
        to 1, linearly.
    kl_start : float, default=0.0
        The weight at first.
    free_bits : float, default=0.0
        Nats below which the batch mean of a divergence counts as this number.

    See Also
    --------
    skfmvae.training.Objective : What the other estimators take.

    Examples
    --------
    >>> from skfmvae.estimators import SemafoObjective
    >>> SemafoObjective(gamma_u=1.0)
    SemafoObjective(gamma_u=1.0)
    """

    _parameter_constraints: dict = {
        **BaseObjective._parameter_constraints,
        **dict.fromkeys(
            [
                "gamma_s",
                "gamma_u",
                "gamma_y",
                "beta_s",
                "beta_u",
                "beta_label",
                "beta_levels",
                "transitive",
            ],
            [Interval(Real, 0, None, closed="left")],
        ),
        "transitive_end": [None, Interval(Real, 0, None, closed="left")],
        "labelled_phase": [Interval(Real, 0, 1, closed="left")],
        "transitive_phase": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        gamma_s: float = 1.0,
        gamma_u: float = 10.0,
        gamma_y: float = 10.0,
        beta_s: float = 1.0,
        beta_u: float = 1.0,
        beta_label: float = 1.0,
        beta_levels: float = 1.0,
        labelled_phase: float = 0.05,
        transitive: float = 0.0,
        transitive_end: float | None = None,
        transitive_phase: float = 0.0,
        label_weight: float = 1.0,
        kl_warmup: float = 0.8,
        kl_start: float = 0.0,
        free_bits: float = 0.0,
    ):
        self.gamma_s = gamma_s
        self.gamma_u = gamma_u
        self.gamma_y = gamma_y
        self.beta_s = beta_s
        self.beta_u = beta_u
        self.beta_label = beta_label
        self.beta_levels = beta_levels
        self.labelled_phase = labelled_phase
        self.transitive = transitive
        self.transitive_end = transitive_end
        self.transitive_phase = transitive_phase
        self.label_weight = label_weight
        self.kl_warmup = kl_warmup
        self.kl_start = kl_start
        self.free_bits = free_bits
