"""A factorial mixture prior, as in Paquet, Ghaisas and Tieleman (2018)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Normal, kl_divergence

from skfmvae._utils.distributed import gathered, n_of_all, own_rows, summed
from skfmvae._utils.random import draw_normal, generator_for
from skfmvae.mixture import Statistics, VariationalGaussianMixture

from .base import (
    Evaluation,
    Labels,
    Model,
    Term,
)
from .kmeans import kmeans_plusplus
from .latents import diagonal_normal, free_name, side_by_side

__all__ = ["FactorialMixture"]

# Starts of k-means, of which the tightest is taken:
# docs/decisions/019-mixture-warmup.md.
N_STARTS = 10
# Shares of training before a mixture starts: class means and clusters need latents
# that are in place, which regularizers bring about sooner. Tuned on digits and MNIST
# alone: docs/decisions/019-mixture-warmup.md.
WARMUP, REGULARIZED_WARMUP = 0.2, 0.05


class Latents(NamedTuple):
    """What the mixtures learn from: one batch, without gradient."""

    posterior: Normal
    responsibilities: list[Tensor]


class FactorialMixture(Model):
    """One Gaussian mixture for each property, side by side, and a style block.

    Every property ``k`` owns a subspace with a mixture of ``C_k`` components, one for
    each of its values; a known value pins the component. Mixtures with equally many
    components are computed together.

    Parameters
    ----------
    encoder, decoder : Module
        Networks from ``likelihood.n_inputs`` to ``2 L`` and from ``L`` to
        ``likelihood.n_outputs`` values, where ``L = K * property_dim + style_dim``.
    likelihood : Module
        The likelihood ``p(x | z)``, see :mod:`skfmvae.nn`.
    n_inputs : int
        Number of columns of the data.
    n_components : dict of str to int
        Number of components of every property.
    property_dim, style_dim : int
        Sizes of each property's subspace and of the style block.
    label_weight : float
        Weight of the classification term, in units of `n_inputs`.
    mixture : Mixture
        Priors and learning of the mixtures, see :mod:`skfmvae.estimators`.
    """

    training_state = ("mixture_step", "started", "starts", "resampling")

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        likelihood: Any,
        *,
        n_inputs: int,
        n_components: Mapping[str, int],
        property_dim: int,
        style_dim: int,
        label_weight: float,
        mixture: Any,
    ):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.likelihood = likelihood
        self.n_inputs = n_inputs
        self.label_weight = label_weight
        self.mixture = mixture
        self.property_dim = property_dim
        self.style_name = free_name("style", n_components)
        self.latent_blocks = side_by_side(
            dict.fromkeys(n_components, property_dim) | {self.style_name: style_dim}
        )
        self.style = self.latent_blocks[self.style_name]
        self.n_components = dict(n_components)
        self.property_names = list(n_components)
        self.subspaces = _equal_sizes(list(n_components.values()))
        priors = mixture.priors(property_dim)
        self.mixtures = nn.ModuleList(
            VariationalGaussianMixture(len(members), size, property_dim, **priors)
            for size, members in self.subspaces.items()
        )
        # Steps of the mixtures since one was set from the latents; -1: not yet.
        self.mixture_step = -1
        self.started = [False] * len(n_components)
        self.begin_training(self.started)
        self.resampling = 0.0  # what is left of the shares of rows to resample

    @property
    def property_blocks(self) -> dict[str, slice]:
        return {name: self.latent_blocks[name] for name in self.property_names}

    @property
    def has_started(self) -> bool:
        return all(self.started)

    # The objective (section 3 of the paper) -----------------------------------------

    def terms(self, x: Tensor, labels: Labels) -> Evaluation:
        posterior = self.encode(x)
        z = draw_normal(posterior)
        log_joint = self._log_joint(posterior.mean, posterior.variance)
        entropy = self._properties(posterior.entropy()).sum(-1)
        style = self.style

        log_proba, responsibilities = [], []
        for k, joint in enumerate(log_joint):
            log_proba.append(torch.log_softmax(joint, dim=1))
            responsibilities.append(
                _pin(log_proba[k].detach().exp(), labels.codes[:, k])
            )
        if self.training and self.resampling:
            z = self._resampled(z, responsibilities)
        terms = {"log_likelihood": Term(self.decode(z).log_prob(x), in_bound=True)}
        if style.stop > style.start:
            mean, scale = posterior.mean[:, style], posterior.stddev[:, style]
            q = Normal(mean, scale, validate_args=False)
            kl = kl_divergence(q, Normal(0.0, 1.0)).sum(-1)
            # At full weight from the start: what a property can say, style should not.
            terms[f"kl_{self.style_name}"] = Term(
                kl, -1.0, is_kl=True, is_annealed=False
            )
        for k, name in enumerate(self.property_names):
            code, joint = labels.codes[:, k], log_joint[k]
            known = code >= 0
            evidence = torch.logsumexp(joint, dim=1)
            pinned = joint.gather(1, code.clamp_min(0)[:, None]).squeeze(1)
            kl = -entropy[:, k] - torch.where(known, pinned, evidence)
            terms[f"kl_{name}"] = Term(kl, weight=-1.0, is_kl=True)
            terms[f"label_{name}"] = Term(
                pinned - evidence, self.label_weight * self.n_inputs, rows=known
            )
        latents = Latents(
            Normal(
                posterior.mean.detach(), posterior.stddev.detach(), validate_args=False
            ),
            responsibilities,
        )
        return Evaluation(terms, log_proba, latents)

    def _resampled(self, z: Tensor, responsibilities: Sequence[Tensor]) -> Tensor:
        """Resample blocks: properties from their components, style from its prior.

        What the encoder says of a property in another block is lost then, so the
        decoder learns to take each property from its own block, as `sample` needs.
        """
        generator = generator_for(z.device)

        def chosen(n_blocks: int, share: float) -> Tensor:
            uniform = z.new_empty(n_of_all(len(z)), n_blocks, 1)
            return own_rows(uniform.uniform_(generator=generator)) < share

        points = self._properties(z)
        drawn = torch.empty_like(points)
        for mixture, members in self._groups():
            codes = torch.cat(
                [
                    gathered(responsibilities[k]).multinomial(1, generator=generator)
                    for k in members
                ],
                dim=1,
            )
            drawn[:, members] = own_rows(mixture.sample(codes, generator))
        share = self.resampling * self.mixture.property_resampling
        points = torch.where(chosen(points.shape[1], share), drawn, points)
        style = z[:, self.style]
        replaced = chosen(1, self.resampling * self.mixture.style_resampling)[:, 0]
        drawn = style.new_empty(n_of_all(len(style)), style.shape[1])
        drawn = own_rows(drawn.normal_(generator=generator))
        style = torch.where(replaced, drawn, style)
        return torch.cat([points.flatten(1), style], dim=1)

    def encode(self, x: Tensor) -> Normal:
        return diagonal_normal(self.encoder(self.likelihood.features(x)))

    def decode(self, z: Tensor) -> Distribution:
        return self.likelihood(self.decoder(z))

    def expectation(self, z: Tensor) -> Tensor:
        return self.likelihood.expectation(self.decode(z))

    def property_log_proba(self, x: Tensor) -> list[Tensor]:
        posterior = self.encode(x)
        log_joint = self._log_joint(posterior.mean, posterior.variance)
        return [torch.log_softmax(joint, dim=1) for joint in log_joint]

    def log_prior(self, z: Tensor) -> Tensor:
        style = Normal(0.0, 1.0).log_prob(z[:, self.style]).sum(-1)
        points = self._properties(z)
        return style + sum(
            mixture.log_predictive(points[:, members]).sum(-1)
            for mixture, members in self._groups()
        )

    # The mixtures' side (section 4 of the paper) ------------------------------------

    def begin_training(self, regularized: Sequence[bool]) -> None:
        if self.mixture.warmup is None:
            self.starts = [REGULARIZED_WARMUP if r else WARMUP for r in regularized]
        else:
            self.starts = [self.mixture.warmup] * len(regularized)

    def begin_epoch(
        self,
        progress: float,
        n_samples: int,
        subsample: Callable[[], tuple[Tensor, Tensor, Tensor]],
        is_last: bool = False,
    ) -> None:
        due = [
            started or progress >= start or is_last
            for started, start in zip(self.started, self.starts, strict=True)
        ]
        if due != self.started:
            self._set_mixtures(n_samples, *subsample(), due)
        most = max(self.mixture.property_resampling, self.mixture.style_resampling)
        resamples = most > 0 and self.mixture_step >= 0
        self.resampling = 1 - progress if resamples else 0.0

    def update_globals(
        self, latents: Latents, sample_weight: Tensor, n_samples: int
    ) -> None:
        if self.mixture_step < 0:
            return
        self.mixture_step += 1
        rate = (self.mixture_step + self.mixture.delay) ** -self.mixture.forgetting_rate
        self._step_mixtures(
            latents.posterior, latents.responsibilities, sample_weight, n_samples, rate
        )

    @torch.no_grad()
    def global_kl(self) -> float:
        return sum(
            mixture.kl_divergence().sum().item() for mixture, _ in self._groups()
        )

    @torch.no_grad()
    def _set_mixtures(
        self,
        n_samples: int,
        x: Tensor,
        codes: Tensor,
        weight: Tensor,
        due: list[bool],
    ) -> None:
        """Start from class means where there are labels, else from k-means.

        Mixtures that have started continue; those that are not due yet stay uniform.
        """
        was_training = self.training
        posterior = self.eval().encode(x)
        log_joint = self._log_joint(posterior.mean, posterior.variance)
        self.train(was_training)
        points = self._properties(posterior.mean)
        responsibilities = []
        for k, n_components in enumerate(self.n_components.values()):
            if self.started[k]:
                r = _pin(torch.softmax(log_joint[k], dim=1), codes[:, k])
            elif due[k]:
                r = _starting_responsibilities(
                    points[:, k], codes[:, k], weight, n_components
                )
            else:
                r = torch.full_like(log_joint[k], 1 / n_components)
            responsibilities.append(r)
        self._step_mixtures(posterior, responsibilities, weight, n_samples, rate=1.0)
        self.mixture_step = 0
        self.started = due

    @torch.no_grad()
    def _step_mixtures(
        self,
        posterior: Normal,
        responsibilities: list[Tensor],
        weight: Tensor,
        n_samples: int,
        rate: float,
    ) -> None:
        mean = self._properties(posterior.mean)
        variance = self._properties(posterior.variance)
        for mixture, members in self._groups():
            statistics = mixture.statistics(
                mean[:, members],
                variance[:, members],
                torch.stack([responsibilities[k] for k in members], dim=1),
                weight,
            )
            sums = summed(statistics.count, statistics.first, statistics.second)
            scale = n_samples / n_of_all(len(weight))
            mixture.natural_step(Statistics(*sums) * scale, rate)

    # Generation ---------------------------------------------------------------------

    def sample_latents(self, labels: Labels) -> tuple[Tensor, Labels]:
        codes = labels.codes.clone()
        like = next(self.mixtures.buffers())
        generator = generator_for(like.device)
        z = like.new_empty(len(codes), self.n_latents).normal_(generator=generator)
        points = self._properties(z)
        for mixture, members in self._groups():
            drawn = mixture.sample_components(len(codes), generator)
            known = codes[:, members]
            codes[:, members] = torch.where(known >= 0, known, drawn)
            points[:, members] = mixture.sample(codes[:, members], generator)
        return z, labels._replace(codes=codes)

    def intervene(self, x: Tensor, labels: Labels) -> Tensor:
        posterior = self.encode(x)
        z = posterior.mean.clone()
        points = self._properties(z)
        log_joint = self._log_joint(posterior.mean, posterior.variance)
        current = torch.stack([joint.argmax(dim=1) for joint in log_joint], dim=1)
        wanted = torch.where(labels.codes >= 0, labels.codes, current)
        for mixture, members in self._groups():
            points[:, members] = mixture.transport(
                points[:, members], current[:, members], wanted[:, members]
            )
        return z

    # Shapes -------------------------------------------------------------------------

    def _groups(self) -> Iterator[tuple[Any, list[int]]]:
        return zip(self.mixtures, self.subspaces.values(), strict=True)

    def _properties(self, z: Tensor) -> Tensor:
        """View the properties' part of ``z`` as (n, K, property_dim)."""
        n_properties = len(self.property_names)
        flat = z[:, : n_properties * self.property_dim]
        return flat.unflatten(1, (n_properties, self.property_dim))

    def _log_joint(self, mean: Tensor, variance: Tensor) -> list[Tensor]:
        """Return ``ell_kc + E ln pi_kc``, one (n, C_k) tensor per property."""
        mean, variance = self._properties(mean), self._properties(variance)
        joint: list[Tensor] = [mean] * len(self.property_names)
        for mixture, members in self._groups():
            group = mixture.expected_log_weights() + mixture.expected_log_density(
                mean[:, members], variance[:, members]
            )
            for k, values in zip(members, group.unbind(dim=1), strict=True):
                joint[k] = values
        return joint


def _equal_sizes(sizes: Sequence[int]) -> dict[int, list[int]]:
    """Group the properties by their number of components."""
    groups: dict[int, list[int]] = {}
    for k, size in enumerate(sizes):
        groups.setdefault(size, []).append(k)
    return groups


def _pin(responsibilities: Tensor, code: Tensor) -> Tensor:
    """Replace the rows whose component is known by one-hot ones."""
    one_hot = nn.functional.one_hot(code.clamp_min(0), responsibilities.shape[1])
    return torch.where((code >= 0)[:, None], one_hot.float(), responsibilities)


def _starting_responsibilities(
    points: Tensor, code: Tensor, weight: Tensor, n_components: int
) -> Tensor:
    """Give each row to the nearest class mean or, without labels, k-means centre."""
    known = code >= 0
    one_hot = nn.functional.one_hot(code[known], n_components).to(points.dtype)
    one_hot = one_hot * weight[known, None]
    count = one_hot.sum(0)
    centres = (one_hot.T @ points[known]) / count.where(count > 0, 1.0)[:, None]
    labelled, spare = (count > 0).nonzero()[:, 0], (count == 0).nonzero()[:, 0]
    generator = generator_for(points.device)
    starts = [
        kmeans_plusplus(
            points, n_components, centres[labelled], n_iter=10, generator=generator
        )
        for _ in range(N_STARTS)
    ]
    best = min(starts, key=lambda start: torch.cdist(points, start).amin(1).norm())
    centres[spare] = best[len(labelled) :]
    nearest = torch.cdist(points, centres).argmin(dim=1)
    nearest = torch.where(known, code, nearest)
    return nn.functional.one_hot(nearest, n_components).to(points.dtype)
