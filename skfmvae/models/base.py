"""The protocol between a probabilistic model and everything that uses one.

The trainer and the scikit-learn face know a model only through :class:`Model`, so
a new model is one new file here and one thin estimator.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Normal

from skfmvae._utils.distributed import Share
from skfmvae._utils.random import generator_for
from skfmvae.nn import LikelihoodModule

from .draws import even_draws
from .proposal import DECODED_AT_ONCE, N_PROPOSAL_DRAWS, refined_proposal

__all__ = ["Batch", "Evaluation", "ImportanceSample", "Labels", "Model", "Term"]


class Labels(NamedTuple):
    """What is known of the properties of some rows.

    Attributes
    ----------
    codes : int64 Tensor of shape (n, K)
        Values of the discrete properties, -1 for unknown.
    quantities : float Tensor of shape (n, Q)
        Standardised values of the continuous properties, side by side, NaN for
        unknown; without columns for models of discrete properties alone.
    """

    codes: Tensor
    quantities: Tensor


class Batch(NamedTuple):
    """Some rows of the training data.

    Attributes
    ----------
    x : Tensor of shape (n, D)
        The rows.
    labels : Labels
        What is known of their properties.
    weight : Tensor of shape (n,)
        Their weights.
    number : int64 Tensor of shape (n,)
        Their positions in the training data.
    share : Share or None, default=None
        Which rows of the batch these are, where several processes share it.
    """

    x: Tensor
    labels: Labels
    weight: Tensor
    number: Tensor
    share: Share | None = None


@dataclass(frozen=True)
class Term:
    """One named part of an objective that is maximised.

    Attributes
    ----------
    value : Tensor of shape (n,)
        The term of every row, in nats.
    weight : float, default=1.0
        Its weight in the objective; a divergence has a negative one.
    rows : bool Tensor of shape (n,) or None, default=None
        The rows over which the term is averaged; None means all of them.
    is_kl : bool, default=False
        Whether it is a divergence, to which KL warm-up and free bits apply.
    is_annealed : bool, default=True
        Whether KL warm-up may take it below full weight. A block that would otherwise
        take over what another one is meant to say answers no.
    in_bound : bool, default=False
        Whether the bound on ``ln p(x)`` adds the term up; divergences it subtracts.
    """

    value: Tensor
    weight: float = 1.0
    rows: Tensor | None = None
    is_kl: bool = False
    is_annealed: bool = True
    in_bound: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is no row to average over."""
        return self.rows is not None and not bool(self.rows.any())


class Evaluation(NamedTuple):
    """What a model has to say of a batch while it is trained.

    Attributes
    ----------
    terms : dict of str to Term
        The terms of the objective.
    log_proba : list of Tensor
        As `Model.property_log_proba` of the rows, computed on the way.
    latents : object, default=None
        What `Model.update_globals` learns from.
    """

    terms: dict[str, Term]
    log_proba: list[Tensor]
    latents: Any = None


class ImportanceSample(NamedTuple):
    """Draws of the latents of some rows from ``q(z | x)``.

    Attributes
    ----------
    z : Tensor of shape (n, S, L)
    log_weight : Tensor of shape (n, S)
        ``ln p(x, z) / q(z | x)``, in nats.
    """

    z: Tensor
    log_weight: Tensor


class Model(nn.Module, ABC):
    """A latent variable model of rows with partly observed properties.

    Throughout, ``x`` is an ``(n, D)`` tensor of rows, ``labels`` what is known of their
    properties, and ``z`` an ``(n, L)`` tensor that holds every latent block side by
    side.

    Attributes
    ----------
    latent_blocks : dict of str to slice
        The columns of ``z`` that belong to each block, in order.
    n_inputs : int
        The number of columns ``D``. Training divides the objective by it, so that
        weights and learning rates mean the same for narrow and for wide data.
    n_components : dict of str to int
        Number of values of every discrete property, in the order of their codes.
    likelihood : LikelihoodModule
        The likelihood ``p(x | z)``.
    training_state : tuple of str
        Names of the attributes that training changes and that are no tensors, but
        numbers, truth values or lists of one of these. `state_dict` holds them, too.
    consistency_temperature : float
        Temperature at which regularizers compare predictions with their targets. Above
        1, targets and the predictions that match them stay away from 0 and 1.
    """

    # Targets are never certain. Predictions that match them would not be either, and
    # the components of a mixture would lie so near that their samples are alike. At 3
    # predictions are uncertain enough long before components overlap. Tuned on digits
    # alone: docs/decisions/014-temperature.md.
    consistency_temperature: float = 3.0

    training_state: tuple[str, ...] = ()
    latent_blocks: Mapping[str, slice]
    n_inputs: int
    n_components: Mapping[str, int]
    likelihood: LikelihoodModule

    @property
    def n_latents(self) -> int:
        """The size ``L`` of the latent vector."""
        return max(block.stop for block in self.latent_blocks.values())

    @property
    def property_blocks(self) -> Mapping[str, slice]:
        """The columns of ``z`` that speak of one property alone, by its name."""
        return {}

    @property
    def has_started(self) -> bool:
        """Whether the model has begun to learn all that it is to learn."""
        return True

    @property
    def independent_properties(self) -> list[str]:
        """Names of the discrete properties that the prior joins with no other one."""
        return list(self.n_components)

    @abstractmethod
    def terms(self, x: Tensor, labels: Labels) -> Evaluation:
        """Return the objective's terms of a batch, with what they came from."""

    @abstractmethod
    def encode(self, x: Tensor) -> Normal:
        """Return the posterior ``q(z | x)`` over every latent block."""

    @abstractmethod
    def property_log_proba(self, x: Tensor) -> list[Tensor]:
        """Return one ``(n, C_k)`` tensor of log-probabilities per discrete property."""

    def quantity_distribution(self, x: Tensor) -> Normal:
        """Return means and deviations of the continuous properties, each (n, Q)."""
        none = x.new_empty(len(x), 0)
        return Normal(none, none, validate_args=False)

    @abstractmethod
    def decode(self, z: Tensor) -> Distribution:
        """Return ``p(x | z)``."""

    @abstractmethod
    def expectation(self, z: Tensor) -> Tensor:
        """Return the ``(n, D)`` row that ``z`` is expected to give."""

    def draw(self, z: Tensor) -> Tensor:
        """Draw an ``(n, D)`` row from ``p(x | z)`` for each ``z``."""
        return self.decode(z).sample()

    @abstractmethod
    def sample_latents(self, labels: Labels) -> tuple[Tensor, Labels]:
        """Draw ``(z, labels)`` from the prior given the properties in `labels`.

        Unknown properties are drawn too; the labels that come back are complete.
        """

    @abstractmethod
    def intervene(self, x: Tensor, labels: Labels) -> Tensor:
        """Return the ``z`` of the rows with the properties in `labels` imposed.

        Whatever else the rows say stays: a property is left alone where it is unknown
        in `labels`, or has the value that the row has already.
        """

    @abstractmethod
    def log_prior(self, z: Tensor) -> Tensor:
        """Return ``ln p(z)``, shape (n,), in nats."""

    def get_extra_state(self) -> Tensor:
        """Return what `state_dict` holds beside parameters and buffers.

        Returns
        -------
        state : float64 Tensor of shape (n,)
            The numbers of `training_state`, one after the other.
        """
        values = [getattr(self, name) for name in self.training_state]
        numbers = [n for v in values for n in (v if isinstance(v, list) else [v])]
        return torch.tensor(numbers, dtype=torch.float64)

    def set_extra_state(self, state: Tensor) -> None:
        """Take what `get_extra_state` has returned, as `load_state_dict` does.

        Parameters
        ----------
        state : float64 Tensor of shape (n,)

        Raises
        ------
        ValueError
            If the state is of another size, and so of another model.
        """
        if state.shape != self.get_extra_state().shape:
            raise ValueError(
                f"{type(self).__name__} keeps {list(self.training_state)}; a state of "
                f"shape {tuple(state.shape)} does not hold these."
            )
        numbers = iter(state.tolist())
        for name in self.training_state:
            now = getattr(self, name)
            is_list = isinstance(now, list)
            kinds = [type(value) for value in (now if is_list else [now])]
            values = [kind(next(numbers)) for kind in kinds]
            setattr(self, name, values if is_list else values[0])

    def log_marginal(self, x: Tensor, noise: Tensor) -> Tensor:
        """Return an importance-weighted lower bound on ``ln p(x)``, shape (n,).

        Burda et al. (2016), equation 8, with draws from a proposal that is fitted to
        each row, see `refined_proposal`.

        Parameters
        ----------
        x : Tensor of shape (n, D)
        noise : Tensor of shape (S, L)
            Standard normal draws, shared by all rows so that the value of a row does
            not depend on its neighbours.
        """
        return self.log_weights(x, noise).logsumexp(dim=1) - math.log(len(noise))

    @torch.no_grad()
    def log_weights(self, x: Tensor, noise: Tensor) -> Tensor:
        """Return ``ln p(x, z) / q(z)`` of all draws in `log_marginal`, shape (n, S).

        They do not depend on each other: some of them are the weights of a bound of
        fewer draws.
        """
        sampler = self.importance_sampler(x)

        def weigh(noise: Tensor) -> Tensor:
            return sampler(noise).log_weight

        half = even_draws(noise.shape[1], N_PROPOSAL_DRAWS // 2).to(noise)
        proposal = refined_proposal(weigh, len(x), torch.cat([half, -half]))
        drawn = []
        for some in noise.split(max(1, DECODED_AT_ONCE // len(x))):
            draws = proposal.place(some)
            log_q = -0.5 * some.square().sum(1) + proposal.log_det()[:, None]
            drawn.append(weigh(draws) - 0.5 * draws.square().sum(2) - log_q)
        return torch.cat(drawn, dim=1)

    def importance_sampler(self, x: Tensor) -> Callable[[Tensor], ImportanceSample]:
        """Encode rows; return the function from noise to weighted draws of latents.

        The function takes draws of noise, shape (n, S, L), and returns the ``z`` that
        they stand for with ``ln p(x, z) / q(z | x)``. It is standard normal noise that
        stands for draws from ``q(z | x)``.
        """
        posterior = self.encode(x)
        mean, stddev = posterior.mean[:, None], posterior.stddev[:, None]
        log_det = (stddev.log() + 0.5 * math.log(2 * math.pi)).sum(2)

        def weighted(noise: Tensor) -> ImportanceSample:
            z = mean + stddev * noise
            flat = z.flatten(0, 1)
            rows = x.repeat_interleave(noise.shape[1], dim=0)
            log_joint = self.decode(flat).log_prob(rows) + self.log_prior(flat)
            log_q = -0.5 * noise.square().sum(2) - log_det
            return ImportanceSample(z, log_joint.view(len(x), -1) - log_q)

        return weighted

    @torch.no_grad()
    def fill(self, x: Tensor, noise: Tensor) -> Tensor:
        """Return the expected rows (n, D) given what is observed of them.

        Numbers have the mean and categories the most probable value under
        ``p(x_j | z)``, averaged over draws from ``q(z | x)`` with the weights
        ``p(x, z) / q(z | x)`` (Mattei and Frellsen 2019, section 3).

        Parameters
        ----------
        x : Tensor of shape (n, D)
            Rows with NaN where an entry is missing.
        noise : Tensor of shape (S, L)
            Standard normal draws, shared by all rows.
        """
        z, log_weight = self.importance_sampler(x)(noise.expand(len(x), -1, -1))
        weight = torch.softmax(log_weight, dim=1)
        decoded = self.decode(z.flatten(0, 1))
        with self.likelihood.given(x):
            return self.likelihood.weighted_expectation(decoded, weight)

    @torch.no_grad()
    def draw_filled(self, x: Tensor, noise: Tensor, n_draws: int) -> Tensor:
        """Draw whole rows (n_draws, n, D) given what is observed of them.

        Latents are resampled by the weights of `fill`, and values drawn from
        ``p(x | z)`` (sampling importance resampling; Mattei and Frellsen 2019,
        section 3).
        """
        z, log_weight = self.importance_sampler(x)(noise.expand(len(x), -1, -1))
        chosen = torch.softmax(log_weight, dim=1).multinomial(
            n_draws, replacement=True, generator=generator_for(x.device)
        )
        rows = torch.arange(len(x), device=x.device)
        with self.likelihood.given(x):
            drawn = [self.draw(z[rows, c]) for c in chosen.unbind(1)]
        return torch.stack(drawn)

    def global_kl(self) -> float:
        """Return the divergence of the global parameters from their prior, in nats.

        It belongs to the bound of the whole data set, and no gradient depends on it.
        """
        return 0.0

    def begin_training(self, regularized: Sequence[bool]) -> None:
        """Prepare for training.

        `regularized` says for each discrete property whether regularizers bear on its
        unlabelled rows.
        """

    def begin_epoch(
        self,
        progress: float,
        n_samples: int,
        subsample: Callable[[], tuple[Tensor, Tensor, Tensor]],
        is_last: bool = False,
    ) -> None:
        """Prepare for an epoch; `progress` is the share of training that is done.

        `subsample` draws a sample of the rows and returns their values, codes and
        weights. It holds the labelled rows, or a random part of them where they are
        many, and random others. Whatever is still to begin has to begin with the epoch
        that `is_last`.
        """

    def update_globals(
        self, latents: Any, sample_weight: Tensor, n_samples: int
    ) -> None:
        """Learn what gradients do not, after each step of the optimiser.

        `latents` is the `Evaluation.latents` of the batch, `sample_weight` the weight
        of each of its rows and `n_samples` the size of the whole data set.
        """
