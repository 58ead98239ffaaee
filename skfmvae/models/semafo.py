"""A controllable, hierarchical prior, as in Ngo et al. (2022)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Normal, kl_divergence
from torch.nn import functional

from skfmvae._utils.distributed import n_of_all, own_rows
from skfmvae._utils.random import draw_normal, generator_for
from skfmvae.nn import Level

from .base import (
    Evaluation,
    ImportanceSample,
    Labels,
    Model,
    Term,
)
from .draws import N_CANDIDATES, N_EVEN_DRAWS, even_draws, relaxed_draw, resample
from .label_networks import GroupedNetworks, dense
from .latents import diagonal_normal, side_by_side

__all__ = ["Semafo"]

# The least standard deviations of priors: of a level (appendix of the paper), and of
# z0, whose scale nothing else fixes. No trial of the second is recorded.
LEVEL_FLOOR, FLOOR = math.exp(-7), 0.1
# Even draws over which the predictions that regularizers see are averaged; what they
# miss, many batches make up for. docs/decisions/036-leaner-steps.md.
N_TRAINING_DRAWS = 8

# From a level's name, the state of the decoder before it and the level to latents.
Choose = Callable[[str, Tensor, Level], Tensor]


class Semafo(Model):
    """Two autoencoders, of rows and of labels, joined by a learned prior.

    A latent ``u`` of the labels decides where the latents of the rows lie: ``z0``,
    from which the labels are predicted, and one for each level of the decoder.

    Parameters
    ----------
    encoder, decoder : sequence of Module
        Networks from ``likelihood.n_inputs`` to ``2 * latent_dim`` values and from
        `latent_dim` to ``likelihood.n_outputs``, as stages one after the other.
    levels : dict of int to Level
        By the stage of the decoder that they follow, counted from 1.
    likelihood : Module
        The likelihood ``p(x | z)``, see :mod:`skfmvae.nn`.
    n_inputs : int
        Number of columns of the data.
    n_components : dict of str to int
        Number of values of every property.
    latent_dim : int
        Dimensions of ``z0``.
    label_autoencoder : LabelAutoencoder
        The networks between labels and ``u``, see :mod:`skfmvae.estimators`.
    objective : SemafoObjective
        The weights of the objective, see :mod:`skfmvae.estimators`.
    """

    training_state = ("progress", "waits")

    def __init__(
        self,
        encoder: Sequence[nn.Module],
        decoder: Sequence[nn.Module],
        levels: Mapping[int, Level],
        likelihood: Any,
        *,
        n_inputs: int,
        n_components: Mapping[str, int],
        latent_dim: int,
        label_autoencoder: Any,
        objective: Any,
    ):
        super().__init__()
        self.encoder = nn.ModuleList(encoder)
        self.decoder = nn.ModuleList(decoder)
        self.likelihood = likelihood
        self.n_inputs = n_inputs
        self.n_components = dict(n_components)
        self.temperature = label_autoencoder.temperature
        self.objective = objective
        self.sizes = list(n_components.values())
        n_codes = sum(self.sizes)

        self.classifier = nn.Linear(latent_dim, n_codes)
        hidden, prior_hidden = label_autoencoder.hidden, label_autoencoder.prior_hidden
        groups = self.sizes if label_autoencoder.separate else [n_codes]
        self.label_encoder = GroupedNetworks(groups, hidden, n_parts=2)
        self.label_decoder = GroupedNetworks(groups, hidden, n_parts=1)
        self.prior = dense(n_codes, prior_hidden, 2 * latent_dim)
        names = {stage: f"z{i}" for i, stage in enumerate(levels, start=1)}
        self.level_names = [names.get(i + 1) for i in range(len(self.decoder))]
        by_name = {names[stage]: level for stage, level in levels.items()}
        sizes = {name: level.n_latents for name, level in by_name.items()}
        self.levels: Mapping[str, Level] = nn.ModuleDict(by_name)  # type: ignore[assignment]
        self.level_priors = nn.ModuleDict(
            {
                name: dense(n_codes, prior_hidden, 2 * size)
                for name, size in sizes.items()
            }
        )
        self.latent_blocks = side_by_side({"u": n_codes, "z0": latent_dim} | sizes)
        self.draws: Tensor
        draws = even_draws(latent_dim, N_EVEN_DRAWS)
        self.register_buffer("draws", draws, persistent=False)
        self.progress = 1.0
        self.waits = False  # whether rows without a label do not count yet

    @property
    def has_started(self) -> bool:
        return not self.waits

    # The objective (section 3 of the paper) -----------------------------------------

    def terms(self, x: Tensor, labels: Labels) -> Evaluation:
        known, weights = labels.codes >= 0, self.objective
        states = self._states(x)
        posterior = diagonal_normal(states[-1])
        z0 = draw_normal(posterior)
        log_q = self._log_softmax(self.classifier(z0))
        y = self._labels(log_q, labels.codes)
        q_u = diagonal_normal(self.label_encoder(y))
        u = draw_normal(q_u)
        log_y = (y * torch.cat(self._log_softmax(self.label_decoder(u)), dim=1)).sum(1)
        kls = {
            "z0": self._kl_z0(posterior, z0, u, known.all(1)),
            "u": kl_divergence(q_u, Normal(0.0, 1.0)).sum(1),
        }
        # A draw of its own, so that no level relies on the one that z0 depends on.
        u = draw_normal(q_u)

        def recognise(name: str, h: Tensor, level: Level) -> Tensor:
            q = _softplus_normal(level.posterior(h, self._mirrored(states, name)))
            kls[name] = kl_divergence(q, self._level_prior(name, h, level, u)).sum(1)
            return draw_normal(q)

        likelihood = self.likelihood(self._walk(z0, recognise)).log_prob(x)
        entropy = torch.stack([-(p.exp() * p).sum(1) for p in log_q], dim=1)
        entropy = torch.where(known, 0.0, entropy).sum(1)
        waits = self.training and self.waits
        labelled = known.any(1)
        terms = self._terms_of_rows(
            "labelled",
            labelled,
            likelihood,
            log_y,
            kls,
            weights.gamma_s,
            weights.beta_s,
        )
        gamma, beta = (0.0, 0.0) if waits else (weights.gamma_u, weights.beta_u)
        terms |= self._terms_of_rows(
            "unlabelled", ~labelled, likelihood, log_y, kls, gamma, beta
        )
        weight = 0.0 if waits else self._unit  # c_H = 1, as the author has it
        terms["entropy"] = Term(entropy, weight, ~known.all(1), in_bound=True)
        label_weight = self._unit * weights.gamma_s * weights.gamma_y
        label_weight = label_weight + weights.label_weight * self.n_inputs
        for k, (name, log_proba) in enumerate(
            zip(self.n_components, log_q, strict=True)
        ):
            code = labels.codes[:, k].clamp_min(0)[:, None]
            of_label = log_proba.gather(1, code)[:, 0]
            terms[f"label_{name}"] = Term(of_label, label_weight, known[:, k])
        if weights.transitive:
            weight = 0.0 if waits else self._unit * self._transitive_weight()
            terms["transitive"] = Term(self._transitive(labels), weight)
        return Evaluation(terms, self._predict(posterior))

    @property
    def _unit(self) -> float:
        """Factor that makes weights as large as those of the other models.

        One learning rate then suits all models.
        """
        return 1 / max(self.objective.gamma_s, self.objective.gamma_u, 1e-6)

    def _terms_of_rows(
        self,
        which: str,
        rows: Tensor,
        likelihood: Tensor,
        log_y: Tensor,
        kls: Mapping[str, Tensor],
        gamma: float,
        beta: float,
    ) -> dict[str, Term]:
        """Return the likelihoods and divergences of labelled or unlabelled rows."""
        gamma, beta = self._unit * gamma, self._unit * beta
        relative = dict.fromkeys(self.levels, self.objective.beta_levels)
        relative["u"] = self.objective.beta_label
        log_labels = Term(log_y, gamma * self.objective.gamma_y, rows, in_bound=True)
        terms = {
            f"log_likelihood_{which}": Term(likelihood, gamma, rows, in_bound=True),
            f"log_labels_{which}": log_labels,
        }
        for name, kl in kls.items():
            weight = -beta * relative.get(name, 1.0)
            terms[f"kl_{name}_{which}"] = Term(kl, weight, rows, is_kl=True)
        return terms

    def begin_epoch(
        self,
        progress: float,
        n_samples: int,
        subsample: Callable[[], tuple[Tensor, Tensor, Tensor]],
        is_last: bool = False,
    ) -> None:
        in_labelled_phase = progress < self.objective.labelled_phase and not is_last
        self.waits = in_labelled_phase and bool((subsample()[1] >= 0).any())
        self.progress = progress

    def _kl_z0(
        self, posterior: Normal, z0: Tensor, u: Tensor, is_closed: Tensor
    ) -> Tensor:
        """Return ``ln q(z0 | x) - ln p(z0 | u)``, in closed form where `u` is no draw.

        Where labels are predicted from ``z0``, ``u`` depends on it, and the divergence
        is estimated from their draw.
        """
        prior = self._prior(u)
        closed = kl_divergence(posterior, prior).sum(1)
        sampled = -posterior.entropy().sum(1) - prior.log_prob(z0).sum(1)
        return torch.where(is_closed, closed, sampled)

    def _transitive_weight(self) -> float:
        start, end = self.objective.transitive, self.objective.transitive_end
        phase = self.objective.transitive_phase
        progress = self.progress if self.training else 1.0  # the same in every epoch
        if progress < phase:
            return 0.0
        share = (progress - phase) / (1 - phase)
        return start if end is None else start + share * (end - start)

    def _transitive(self, labels: Labels) -> Tensor:
        """Return ``ln q`` of the labels from which rows were generated.

        A bound on the mutual information between labels and generated rows; unobserved
        properties are drawn evenly, so that all combinations are generated.
        """
        n = n_of_all(len(labels.codes))
        drawn = labels.codes.new_empty(n, len(self.sizes))
        generator = generator_for(drawn.device)
        for column, size in zip(drawn.T, self.sizes, strict=True):
            column.random_(size, generator=generator)
        known = labels.codes >= 0
        y = self._one_hot(torch.where(known, labels.codes, own_rows(drawn)))
        u = draw_normal(diagonal_normal(self.label_encoder(y)))
        x = self.expectation(self._sample_given(u))
        z0 = draw_normal(diagonal_normal(self._states(x)[-1]))
        log_q = torch.cat(self._log_softmax(self.classifier(z0)), dim=1)
        return (y * log_q).sum(1)

    # Labels -------------------------------------------------------------------------

    def _log_softmax(self, logits: Tensor) -> list[Tensor]:
        """Return log-probabilities of each property, (..., C_k)."""
        return [
            torch.log_softmax(part, dim=-1) for part in logits.split(self.sizes, dim=-1)
        ]

    def _labels(self, log_proba: list[Tensor], codes: Tensor) -> Tensor:
        """Return one-hot codes side by side, relaxed draws for unobserved ones."""
        columns = []
        for k, log_q in enumerate(log_proba):
            code = codes[:, k]
            given = functional.one_hot(code.clamp_min(0), log_q.shape[1]).to(log_q)
            drawn = relaxed_draw(log_q, self.temperature)
            columns.append(torch.where((code >= 0)[:, None], given, drawn))
        return torch.cat(columns, dim=1)

    def _one_hot(self, codes: Tensor) -> Tensor:
        columns = [
            functional.one_hot(code, size)
            for code, size in zip(codes.T, self.sizes, strict=True)
        ]
        return torch.cat(columns, dim=1).to(self.draws.dtype)

    def property_log_proba(self, x: Tensor) -> list[Tensor]:
        return self._predict(diagonal_normal(self._states(x)[-1]))

    def _predict(self, posterior: Normal) -> list[Tensor]:
        """Return ``ln`` of the mean of ``q(y | z0)`` over the posterior of ``z0``."""
        draws = self.draws[:N_TRAINING_DRAWS] if self.training else self.draws
        z0 = posterior.mean[:, None] + posterior.stddev[:, None] * draws
        return [
            torch.logsumexp(log_q, dim=1) - math.log(len(draws))
            for log_q in self._log_softmax(self.classifier(z0))
        ]

    # Up and down the levels ---------------------------------------------------------

    def _states(self, x: Tensor) -> list[Tensor]:
        """Return what each stage of the encoder gives."""
        states, h = [], self.likelihood.features(x)
        for stage in self.encoder:
            h = stage(h)
            states.append(h)
        return states

    def _mirrored(self, states: list[Tensor], name: str) -> Tensor:
        """Return the state of the encoder that faces a level of the decoder."""
        return states[len(states) - 2 - self.level_names.index(name)]

    def _walk(self, z0: Tensor, choose: Choose) -> Tensor:
        """Return what the decoder gives, with the latents chosen at each level."""
        h = z0
        for stage, name in zip(self.decoder, self.level_names, strict=True):
            h = stage(h)
            if name is not None:
                level = self.levels[name]
                h = level.join(choose(name, h, level), h)
        return h

    def _prior(self, u: Tensor) -> Normal:
        return _softplus_normal(self.prior(u), FLOOR)

    def _level_prior(self, name: str, h: Tensor, level: Level, u: Tensor) -> Normal:
        """Return ``p(z_l | z_<l, u)``."""
        return _softplus_normal(level.prior(h) + self.level_priors[name](u))

    def _place(self, z: Tensor, place: Callable[[str, Normal], Tensor]) -> Tensor:
        """Return latents, those of each level where `place` puts them in its prior."""
        u = z[:, self.latent_blocks["u"]]
        placed = {"u": u, "z0": place("z0", self._prior(u))}

        def choose(name: str, h: Tensor, level: Level) -> Tensor:
            placed[name] = place(name, self._level_prior(name, h, level, u))
            return placed[name]

        if self.levels:
            self._walk(placed["z0"], choose)
        return torch.cat([placed[name] for name in self.latent_blocks], dim=1)

    def residuals(self, z: Tensor) -> Tensor:
        """Return where latents lie in their priors, in standard deviations.

        Parameters
        ----------
        z : Tensor of shape (n, L)

        Returns
        -------
        residuals : Tensor of shape (n, L)
            Standard normal for rows drawn from the model; ``u`` is its own.
        """
        residuals = {"u": z[:, self.latent_blocks["u"]]}

        def stay(name: str, prior: Normal) -> Tensor:
            value = z[:, self.latent_blocks[name]]
            residuals[name] = (value - prior.mean) / prior.stddev
            return value

        self._place(z, stay)
        return torch.cat([residuals[name] for name in self.latent_blocks], dim=1)

    def from_residuals(
        self, residuals: Tensor, fixed: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """Return the latents that lie so in their priors; the inverse of `residuals`.

        Parameters
        ----------
        residuals : Tensor of shape (n, L)
        fixed : dict of str to Tensor, default=None
            Latents of blocks that are placed without regard to their residuals.

        Returns
        -------
        z : Tensor of shape (n, L)
        """
        fixed = fixed or {}

        def place(name: str, prior: Normal) -> Tensor:
            if name in fixed:
                return fixed[name]
            return prior.mean + prior.stddev * residuals[:, self.latent_blocks[name]]

        return self._place(residuals, place)

    def encode(self, x: Tensor) -> Normal:
        """Return the posterior of each block, given the means of those before it."""
        states = self._states(x)
        posteriors = {"z0": diagonal_normal(states[-1])}
        proba = torch.cat(self._predict(posteriors["z0"]), dim=1).exp()
        posteriors["u"] = diagonal_normal(self.label_encoder(proba))

        def recognise(name: str, h: Tensor, level: Level) -> Tensor:
            output = level.posterior(h, self._mirrored(states, name))
            posteriors[name] = _softplus_normal(output)
            return posteriors[name].mean

        if self.levels:
            self._walk(posteriors["z0"].mean, recognise)
        in_order = [posteriors[name] for name in self.latent_blocks]
        return Normal(
            torch.cat([q.mean for q in in_order], dim=1),
            torch.cat([q.stddev for q in in_order], dim=1),
            validate_args=False,
        )

    def decode(self, z: Tensor) -> Distribution:
        return self.likelihood(
            self._walk(
                z[:, self.latent_blocks["z0"]],
                lambda name, h, level: z[:, self.latent_blocks[name]],
            )
        )

    def expectation(self, z: Tensor) -> Tensor:
        return self.likelihood.expectation(self.decode(z))

    def log_prior(self, z: Tensor) -> Tensor:
        """Return ``ln p(u) p(z0 | u) prod_l p(z_l | z_<l, u)``."""
        u = z[:, self.latent_blocks["u"]]
        log_p = [Normal(0.0, 1.0).log_prob(u).sum(1)]

        def stay(name: str, prior: Normal) -> Tensor:
            value = z[:, self.latent_blocks[name]]
            log_p.append(prior.log_prob(value).sum(1))
            return value

        self._place(z, stay)
        return torch.stack(log_p).sum(0)

    def importance_sampler(self, x: Tensor) -> Callable[[Tensor], ImportanceSample]:
        states = self._states(x)

        def weighted(noise: Tensor) -> ImportanceSample:
            rows, *repeated = (
                values.repeat_interleave(noise.shape[1], dim=0)
                for values in (x, *states)
            )
            z, log_weight = self._weighted(rows, repeated, noise.flatten(0, 1))
            return ImportanceSample(
                z.view(*noise.shape[:2], -1), log_weight.view(len(x), -1)
            )

        return weighted

    def _weighted(
        self, x: Tensor, states: list[Tensor], noise: Tensor
    ) -> ImportanceSample:
        """Return one draw of a row, level by level, and ``ln p(x, z) / q(z | x)``.

        ``u`` is proposed from the probabilities that ``z0`` gives.
        """
        drawn: dict[str, Tensor] = {}
        log_q = [Normal(0.0, 1.0).log_prob(noise).sum(1)]

        def draw(name: str, q: Normal) -> Tensor:
            drawn[name] = q.mean + q.stddev * noise[..., self.latent_blocks[name]]
            log_q.append(-q.stddev.log().sum(1))
            return drawn[name]

        def recognise(name: str, h: Tensor, level: Level) -> Tensor:
            output = level.posterior(h, self._mirrored(states, name))
            return draw(name, _softplus_normal(output))

        z0 = draw("z0", diagonal_normal(states[-1]))
        proba = torch.cat(self._log_softmax(self.classifier(z0)), dim=1).exp()
        draw("u", diagonal_normal(self.label_encoder(proba)))
        likelihood = self.likelihood(self._walk(z0, recognise)).log_prob(x)
        z = torch.cat([drawn[name] for name in self.latent_blocks], dim=1)
        log_weight = likelihood + self.log_prior(z) - torch.stack(log_q).sum(0)
        return ImportanceSample(z, log_weight)

    # Control ------------------------------------------------------------------------

    def sample_latents(self, labels: Labels) -> tuple[Tensor, Labels]:
        """Draw labels, then ``u`` to suit them, then every level from its prior."""
        codes = self._completed(labels.codes)
        # A draw from the prior of u may lie between labels; what encodes them does not.
        u = draw_normal(diagonal_normal(self.label_encoder(self._one_hot(codes))))
        return self._sample_given(u), labels._replace(codes=codes)

    def _completed(self, codes: Tensor) -> Tensor:
        """Draw unknown properties to suit the known ones of a row.

        A candidate for ``u`` is resampled by how likely it makes what is known.
        """
        known = codes >= 0
        if known.all():
            return codes
        n, n_candidates = len(codes), N_CANDIDATES if known.any() else 1
        generator = generator_for(codes.device)
        u = self.draws.new_empty(n, n_candidates, sum(self.sizes))
        u.normal_(generator=generator)
        log_y = self._log_softmax(self.label_decoder(u))
        fit = torch.zeros_like(u[..., 0])
        for k, log_p in enumerate(log_y):
            index = codes[:, k].clamp_min(0)[:, None, None]
            of_code = log_p.gather(2, index.expand(-1, n_candidates, 1))[..., 0]
            fit = fit + torch.where(known[:, k, None], of_code, 0.0)
        chosen = resample(fit)
        row = torch.arange(n, device=codes.device)
        drawn = [
            log_p[row, chosen].exp().multinomial(1, generator=generator)[:, 0]
            for log_p in log_y
        ]
        return torch.where(known, codes, torch.stack(drawn, dim=1))

    def _sample_given(self, u: Tensor) -> Tensor:
        """Draw every level from its prior."""
        n_rest = self.n_latents - u.shape[1]
        rest = u.new_empty(len(u), n_rest).normal_(generator=generator_for(u.device))
        return self.from_residuals(torch.cat([u, rest], dim=1))

    def intervene(
        self, x: Tensor, labels: Labels, levels: Sequence[str] | None = None
    ) -> Tensor:
        """Impose properties; latents keep where they lie in their priors.

        Parameters
        ----------
        x : Tensor of shape (n, D)
        labels : Labels
            The values to impose, -1 elsewhere.
        levels : sequence of str or None, default=None
            Blocks that follow their priors; the others keep their latents. None means
            all of them.

        Returns
        -------
        z : Tensor of shape (n, L)
        """
        z, before = self.locate(x)
        after = torch.where(labels.codes >= 0, labels.codes, before)
        fixed = {
            name: z[:, block]
            for name, block in self.latent_blocks.items()
            if levels is not None and name not in levels
        }
        residuals = self.residuals(z)
        residuals[:, self.latent_blocks["u"]] = self._mean_u(after)
        changed = self.from_residuals(residuals, fixed)
        return torch.where((before == after).all(1)[:, None], z, changed)

    def locate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the latents of rows, with ``u`` of the labels that are recognised.

        Parameters
        ----------
        x : Tensor of shape (n, D)

        Returns
        -------
        z : Tensor of shape (n, L)
        codes : int64 Tensor of shape (n, K)
            The labels.
        """
        z = self.encode(x).mean.clone()
        proba = self.property_log_proba(x)
        codes = torch.stack([p.argmax(dim=1) for p in proba], dim=1)
        z[:, self.latent_blocks["u"]] = self._mean_u(codes)
        return z, codes

    def expect(self, codes: Tensor) -> Tensor:
        """Return the latents (n, L) in the middle of the priors, given labels (n, K).

        Unknown labels are drawn to suit the known ones.
        """
        codes = self._completed(codes)
        residuals = self.draws.new_zeros(len(codes), self.n_latents)
        residuals[:, self.latent_blocks["u"]] = self._mean_u(codes)
        return self.from_residuals(residuals)

    def prior_stddev(self, z: Tensor) -> Tensor:
        """Return the deviations of the priors in which latents lie, (n, L)."""
        stddevs = {"u": torch.ones_like(z[:, self.latent_blocks["u"]])}

        def stay(name: str, prior: Normal) -> Tensor:
            stddevs[name] = prior.stddev
            return z[:, self.latent_blocks[name]]

        self._place(z, stay)
        return torch.cat([stddevs[name] for name in self.latent_blocks], dim=1)

    def _mean_u(self, codes: Tensor) -> Tensor:
        """Return the mean of ``q(u | y)`` for complete labels."""
        return diagonal_normal(self.label_encoder(self._one_hot(codes))).mean


def _softplus_normal(output: Tensor, floor: float = LEVEL_FLOOR) -> Normal:
    mean, scale = output.chunk(2, dim=1)
    return Normal(mean, functional.softplus(scale) + floor, validate_args=False)
