"""Partially specified graphical models, as in Siddharth et al. (2017)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Normal, kl_divergence
from torch.utils.checkpoint import checkpoint

from skfmvae._utils.distributed import Share, n_processes
from skfmvae._utils.random import draw_normal, repeatable_draws
from skfmvae.nn import Branches

from .base import Evaluation, ImportanceSample, Labels, Model, Term
from .draws import N_EVEN_DRAWS, even_draws, relaxed_draw
from .graphical_model import GraphicalModel
from .graphical_prior import GraphicalPrior
from .joint_assignments import JointAssignments
from .latents import diagonal_normal
from .marginalization import every_value, one_hot, sum_and_sample
from .variables import Variables

__all__ = ["SemiSupervised"]

# Assignments whose decoder states are kept in memory together; more are decoded again
# for their gradient, chunk by chunk: docs/decisions/027-sum-and-sample.md.
LARGEST_CHUNK = 8192

# From a variable's name, its distribution and the assignments to values, (M, n).
DrawGaussian = Callable[[str, Normal, "JointAssignments"], Tensor]
DrawDiscrete = Callable[[str, Tensor, "JointAssignments"], Tensor]
# From a variable's name and assignments to the parameters of its q in each.
Outputs = Callable[[str, "JointAssignments"], Tensor]


class SemiSupervised(Model):
    """Rows generated from named variables, some of which are observed on some rows.

    Parameters
    ----------
    graph : GraphicalModel
        The variables and what depends on what; every discrete variable has its number
        of values. Codes and quantities come in the order of its variables.
    build_recognition : callable
        From the numbers of columns of the parents and of the outputs of every variable,
        in the order of the graph, to :class:`~skfmvae.nn.Branches`.
    build_decoder : callable
        From the number of columns of the rows' parents to a network with
        ``likelihood.n_outputs`` outputs.
    likelihood : Module
        The likelihood ``p(x | parents)``, see :mod:`skfmvae.nn`.
    n_inputs : int
        Number of columns of the data.
    label_weight : float
        Weight ``alpha`` of the classification term, in units of `n_inputs`.
    inference : Inference
        How the objective is estimated, see :mod:`skfmvae.estimators`.
    """

    def __init__(
        self,
        graph: GraphicalModel,
        build_recognition: Callable[[Sequence[int], Sequence[int]], Branches],
        build_decoder: Callable[[int], nn.Module],
        likelihood: Any,
        *,
        n_inputs: int,
        label_weight: float,
        inference: Any,
    ):
        super().__init__()
        self.graph = graph
        self.likelihood = likelihood
        self.n_inputs = n_inputs
        self.label_weight = label_weight
        self.inference = inference
        self.marginalization = inference.resolved(graph)

        self.variables = Variables(graph)
        self.n_components = self.variables.n_components
        self.latent_blocks = self.variables.blocks
        self.recognition_order = graph.order("recognition")
        self.number = {name: i for i, name in enumerate(graph.variables)}
        self.recognition = build_recognition(
            [
                self.variables.n_columns(graph.parents(v, "recognition"))
                for v in graph.variables
            ],
            [self.variables.n_parameters(v) for v in graph.variables],
        )
        self._seen = graph.parents("x")
        self._last_seen = max(self._seen, key=self.recognition_order.index)
        self.decoder = build_decoder(self.variables.n_columns(self._seen))
        self.prior = GraphicalPrior(graph, self.variables)
        # A prior has a closed-form divergence if it says nothing that is recognised
        # from the variable itself.
        self.has_closed_form = {
            v: not any(
                v in graph.ancestors(parent, "recognition")
                for parent in graph.parents(v)
            )
            for v in graph.variables
        }
        # What predictions of properties depend on, and in which order.
        self.read_by_properties = set().union(
            *(graph.ancestors(p, "recognition") for p in self.variables.properties)
        )
        predicted = self.read_by_properties | set(self.variables.properties)
        self.prediction_order = [v for v in self.recognition_order if v in predicted]
        self.draws: Tensor
        self.register_buffer(
            "draws", even_draws(self.n_latents, N_EVEN_DRAWS), persistent=False
        )

    @property
    def independent_properties(self) -> list[str]:
        ancestors = {
            v: self.graph.ancestors(v, "generative") for v in self.variables.properties
        }
        return [
            v
            for v in self.n_components
            if not ancestors[v] and all(v not in above for above in ancestors.values())
        ]

    # The objective (section 3 of the paper) -----------------------------------------

    def terms(self, x: Tensor, labels: Labels) -> Evaluation:
        outputs = self._outputs(x)
        assignments, gains = self._recognise(
            outputs,
            labels,
            x,
            n_particles=self.inference.n_particles,
            gaussian=lambda name, posterior, assignments: draw_normal(
                posterior, assignments.share
            ),
            discrete=self._relaxed if self.marginalization == "gumbel" else None,
        )
        known = {
            v: self.variables.is_known(v, labels) for v in self.variables.properties
        }
        weight = torch.ones_like(x[:, 0])
        if known:
            labelled = torch.stack(list(known.values())).any(0)
            weight = torch.where(labelled, self.inference.supervised_weight, weight)

        bound = (
            self._elbo if self.inference.bound == "elbo" else self._importance_weighted
        )
        terms = {
            name: replace(term, value=weight * term.value)
            for name, term in bound(assignments, gains, known).items()
        }
        for v in self.variables.properties:
            terms[f"label_{v}"] = Term(
                weight * gains[v], self.label_weight * self.n_inputs, rows=known[v]
            )
        return Evaluation(terms, self._predict(outputs, len(x))[0])

    def _elbo(
        self,
        assignments: JointAssignments,
        gains: Mapping[str, Tensor],
        known: Mapping[str, Tensor],
    ) -> dict[str, Term]:
        """Return the terms of ``J_u``, or of ``J_s`` less ``alpha ln q(y | x)``.

        Assignments of a row are weighed by ``q(y | x, parents)`` of what is observed on
        it, normalised.
        """
        log_share = assignments.log_weight + assignments.log_known
        if gains:
            log_share = (
                log_share - torch.stack([*gains.values()]).sum(0)[assignments.row]
            )
        kls = {v: self._kl(v, assignments, known) for v in self.graph.variables}
        columns = torch.stack([assignments.log_likelihood, *kls.values()], dim=1)
        # Shares add up to one, so a baseline of each row, the value of its likeliest
        # assignment, changes the variance of gradients alone.
        log_proba = sum(
            assignments.log_proba.values(), start=torch.zeros_like(log_share)
        )
        baseline = columns.detach()[assignments.argmax_over_rows(log_proba.detach())]
        means = baseline + assignments.mean_over_rows(
            columns - baseline[assignments.row], log_share
        )
        terms = {"log_likelihood": Term(means[:, 0], in_bound=True)}
        for v, kl in zip(kls, means[:, 1:].unbind(1), strict=True):
            # What is observed is no draw from q, so its ln q is not to be paid for.
            kl = kl - gains[v] if v in gains else kl
            terms[f"kl_{v}"] = Term(kl, -1.0, is_kl=True)
        return terms

    def _importance_weighted(
        self,
        assignments: JointAssignments,
        gains: Mapping[str, Tensor],
        known: Mapping[str, Tensor],
    ) -> dict[str, Term]:
        """Return ``ln mean_s`` of what each draw of the Gaussians bounds.

        Of a draw this is the sum over values, weighed as they are recognised, of
        ``ln p(x, y, z) / q(y, z | x)``: by Jensen's inequality its exponential is no
        more than ``p(x)`` in expectation, so the whole is a bound, the lower bound
        itself for one draw.
        """
        log_ratio = assignments.log_likelihood + assignments.log_known
        for v in self.graph.variables:
            log_ratio = log_ratio - self._log_ratio(v, assignments)
        share = (assignments.log_weight + math.log(self.inference.n_particles)).exp()
        of_draws = log_ratio.new_zeros(assignments.n_rows * self.inference.n_particles)
        of_draws = of_draws.index_add(0, assignments.particle, share * log_ratio)
        bound = torch.logsumexp(of_draws.view(assignments.n_rows, -1), dim=1)
        return {
            "bound": Term(bound - math.log(self.inference.n_particles), in_bound=True)
        }

    def _kl(
        self, v: str, assignments: JointAssignments, known: Mapping[str, Tensor]
    ) -> Tensor:
        """Return ``ln q(v) - ln p(v)`` of assignments, in closed form if possible."""
        if v in assignments.log_proba or not self.has_closed_form[v]:
            return self._log_ratio(v, assignments)
        prior = self.prior.gaussian(v, assignments.values)
        kl = kl_divergence(assignments.posterior(v), prior).sum(1)
        if v not in known:
            return kl
        return torch.where(
            known[v][assignments.row], self._log_ratio(v, assignments), kl
        )

    def _log_ratio(self, v: str, assignments: JointAssignments) -> Tensor:
        """Return ``ln q(v) - ln p(v)`` of the value in each assignment."""
        return assignments.log_q(v) - self.prior.log_prob(v, assignments.values)

    # Recognition --------------------------------------------------------------------

    def _outputs(self, x: Tensor) -> Outputs:
        """Encode rows; return the function to a variable's parameters."""
        features = self.recognition.read(self.likelihood.features(x))

        @cache
        def of_rows(i: int) -> Tensor:
            return self.recognition(i, features[i], None)

        def output(v: str, assignments: JointAssignments) -> Tensor:
            i, parents = self.number[v], self.graph.parents(v, "recognition")
            if not parents:
                return of_rows(i).index_select(0, assignments.row)
            values = self.variables.as_inputs(assignments.values, parents)
            # Its gradient is a plain sum, which that of plain indexing is not.
            read = features[i].index_select(0, assignments.row)
            return self.recognition(i, read, values)

        return output

    def _recognise(
        self,
        outputs: Outputs,
        labels: Labels,
        x: Tensor | None,
        *,
        n_particles: int,
        gaussian: DrawGaussian,
        discrete: DrawDiscrete | None,
    ) -> tuple[JointAssignments, dict[str, Tensor]]:
        """Assign all variables in the order of recognition, observed ones as observed.

        The likelihood of rows `x` is computed as soon as their parents are assigned,
        before later variables multiply the assignments.

        Returns
        -------
        assignments : JointAssignments
            Of every variable. Without `discrete` each value of an unobserved discrete
            one has assignments of its own.
        gains : dict of str to Tensor of shape (n,)
            ``ln q`` of each property given the rows and what was observed before, zero
            where it is not observed. They add up to ``ln q(y | x)``.
        """
        assignments = JointAssignments.begin(len(labels.codes), n_particles, self.draws)
        gains, evidence = {}, self.draws.new_zeros(assignments.n_rows)
        for v in self.recognition_order:
            output = outputs(v, assignments)
            if v in self.n_components:
                assignments = self._assign_discrete(
                    v, output, assignments, labels, discrete
                )
            else:
                assignments = self._assign_gaussian(
                    v, output, assignments, labels, gaussian
                )
            if v == self._last_seen and x is not None:
                log_likelihood = self._log_likelihood(x, assignments)
                assignments = replace(assignments, log_likelihood=log_likelihood)
            if v in self.variables.properties:
                before, evidence = evidence, assignments.evidence()
                gains[v] = evidence - before
        return assignments, gains

    def _assign_discrete(
        self,
        v: str,
        output: Tensor,
        assignments: JointAssignments,
        labels: Labels,
        draw: DrawDiscrete | None,
    ) -> JointAssignments:
        log_proba = torch.log_softmax(output, dim=1)
        code = self.variables.code(v, labels)[assignments.row]
        known = code >= 0
        if draw is None:
            draws = self.training and self.marginalization == "sum-and-sample"
            choose = sum_and_sample if draws else every_value
            index, code, log_share, share = choose(
                log_proba.detach(), code, assignments.share
            )
            assignments, known = assignments.select(index, share), known[index]
            log_q = log_proba[index, code]
            value = one_hot(code, log_proba.shape[1]).to(log_q)
            # Its share is what it stands for, its gradient its own.
            of_value = log_share + torch.where(known, 0.0, log_q - log_q.detach())
        else:
            given = one_hot(code, log_proba.shape[1]).to(log_proba)
            value = draw(v, log_proba, assignments)
            value = torch.where(known[:, None], given, value)
            log_q = (value * log_proba).sum(1)
            of_value = torch.zeros_like(log_q)
        return replace(
            assignments,
            log_weight=assignments.log_weight + of_value,
            log_known=assignments.log_known + torch.where(known, log_q, 0.0),
            values=assignments.values | {v: value},
            log_proba=assignments.log_proba | {v: log_q},
        )

    def _assign_gaussian(
        self,
        v: str,
        output: Tensor,
        assignments: JointAssignments,
        labels: Labels,
        draw: DrawGaussian,
    ) -> JointAssignments:
        posterior = diagonal_normal(output)
        value = draw(v, posterior, assignments)
        moments = torch.stack([posterior.mean, posterior.stddev])
        log_known = assignments.log_known
        if v in self.variables.quantities:
            given = self.variables.quantity(v, labels)[assignments.row]
            known = ~given[:, 0].isnan()
            value = torch.where(known[:, None], given.to(value.dtype), value)
            log_q = posterior.log_prob(value).sum(1)
            log_known = log_known + torch.where(known, log_q, 0.0)
        return replace(
            assignments,
            log_known=log_known,
            values=assignments.values | {v: value},
            gaussians=assignments.gaussians | {v: moments},
        )

    def _log_likelihood(self, x: Tensor, assignments: JointAssignments) -> Tensor:
        """Return ``ln p(x | parents)`` in each assignment."""

        def of_some(z: Tensor, row: Tensor) -> Tensor:
            return self.likelihood(self.decoder(z)).log_prob(x[row])

        z = self.variables.as_inputs(assignments.values, self._seen)
        chunks = [_chunks(of_all, assignments.share) for of_all in (z, assignments.row)]
        if len(chunks[0]) == 1 or not torch.is_grad_enabled():
            return of_some(z, assignments.row)
        return torch.cat(
            [
                checkpoint(of_some, *chunk, use_reentrant=False, **repeatable_draws())
                for chunk in zip(*chunks, strict=True)
            ]
        )

    def _relaxed(
        self, v: str, log_proba: Tensor, assignments: JointAssignments
    ) -> Tensor:
        temperature = self.inference.temperature
        return relaxed_draw(log_proba, temperature, assignments.share)

    # Prediction ---------------------------------------------------------------------

    @property
    def property_blocks(self) -> dict[str, slice]:
        return {v: self.latent_blocks[v] for v in self.n_components}

    def property_log_proba(self, x: Tensor) -> list[Tensor]:
        outputs = self._outputs(x)
        if self.inference.prediction == "joint" and not self.training:
            return self._predict_jointly(x, outputs)
        return self._predict(outputs, x.shape[0])[0]

    def quantity_distribution(self, x: Tensor) -> Normal:
        return self._predict(self._outputs(x), len(x))[1]

    def encode(self, x: Tensor) -> Normal:
        """Return means and deviations of all variables, given the means of others."""
        assignments, _ = self._recognise(
            self._outputs(x),
            self.variables.nothing_known(len(x), self.draws),
            None,
            n_particles=1,
            gaussian=_mean_of_gaussian,
            discrete=_mean_of_discrete,
        )
        means = self.variables.beside(assignments.values)
        stddevs = []
        for v in self.latent_blocks:
            if v in assignments.gaussians:
                stddevs.append(assignments.gaussians[v][1])
            else:
                proba = assignments.values[v]
                stddevs.append((proba * (1 - proba)).clamp_min(1e-12).sqrt())
        return Normal(means, torch.cat(stddevs, dim=1), validate_args=False)

    def _predict(self, outputs: Outputs, n: int) -> tuple[list[Tensor], Normal]:
        """Return the log-probabilities and the moments of all properties.

        What they depend on is summed over where it is discrete, and drawn, alike for
        all rows, where it is Gaussian.
        """
        nothing = self.variables.nothing_known(n, self.draws)
        draws_matter = not self.read_by_properties <= set(self.n_components)
        assignments = JointAssignments.begin(
            n, N_EVEN_DRAWS if draws_matter else 1, self.draws
        )
        log_proba: dict[str, Tensor] = {}
        means: dict[str, Tensor] = {}
        variances: dict[str, Tensor] = {}
        for v in self.prediction_order:
            output = outputs(v, assignments)
            if v in self.n_components:
                joint = (
                    torch.log_softmax(output, dim=1) + assignments.log_weight[:, None]
                )
                log_proba[v] = assignments.log_sum_over_rows(joint)
            elif v in self.variables.quantities:
                posterior, share = diagonal_normal(output), assignments.log_weight
                means[v] = assignments.mean_over_rows(posterior.mean, share)
                between = (posterior.mean - means[v][assignments.row]).square()
                variances[v] = assignments.mean_over_rows(
                    posterior.variance + between, share
                )
            if v not in self.read_by_properties:
                continue
            if v in self.n_components:
                relaxed = self.marginalization == "gumbel"
                soft = _mean_of_discrete if relaxed else None
                assignments = self._assign_discrete(
                    v, output, assignments, nothing, soft
                )
            else:
                noise = self.draws[assignments.particle % N_EVEN_DRAWS]
                draw = partial(self._gaussian_draw, noise)
                assignments = self._assign_gaussian(
                    v, output, assignments, nothing, draw
                )
        none = self.draws.new_empty(n, 0)
        return [log_proba[v] for v in self.n_components], Normal(
            torch.cat([none, *(means[v] for v in self.variables.quantities)], dim=1),
            torch.cat(
                [none, *(variances[v] for v in self.variables.quantities)], dim=1
            ).sqrt(),
            validate_args=False,
        )

    def _predict_jointly(self, x: Tensor, outputs: Outputs) -> list[Tensor]:
        """Return log-probabilities by how well each value explains the rows, too.

        Those of all combinations of values are ``q(y | x)`` times the lower bound on
        ``p(x, y)`` at the means of the Gaussians, normalised.
        """
        assignments, _ = self._recognise(
            outputs,
            self.variables.nothing_known(len(x), self.draws),
            x,
            n_particles=1,
            gaussian=_mean_of_gaussian,
            discrete=None,
        )
        score = assignments.log_likelihood + assignments.log_weight
        for v in self.latent_blocks:
            if v in self.n_components:
                score = score + self.prior.log_prob(v, assignments.values)
            else:
                score = score - self._kl(v, assignments, {})
        score = score - assignments.log_sum_over_rows(score)[assignments.row]
        log_proba = []
        for v in self.n_components:
            value = assignments.values[
                v
            ].log()  # 0 for its own value, else minus infinity
            log_proba.append(assignments.log_sum_over_rows(score[:, None] + value))
        return log_proba

    def importance_sampler(self, x: Tensor) -> Callable[[Tensor], ImportanceSample]:
        outputs, nothing = (
            self._outputs(x),
            self.variables.nothing_known(len(x), self.draws),
        )

        def weighted(noise: Tensor) -> ImportanceSample:
            epsilon = noise.flatten(0, 1)  # assignments of a row follow each other
            assignments, _ = self._recognise(
                outputs,
                nothing,
                x,
                n_particles=noise.shape[1],
                gaussian=partial(self._gaussian_draw, epsilon),
                discrete=partial(self._discrete_draw, epsilon),
            )
            log_ratio = assignments.log_likelihood
            for v in self.latent_blocks:
                log_ratio = log_ratio - self._log_ratio(v, assignments)
            z = self.variables.beside(assignments.values)
            return ImportanceSample(
                z.view(*noise.shape[:2], -1), log_ratio.view(len(x), -1)
            )

        return weighted

    def _gaussian_draw(
        self, noise: Tensor, v: str, posterior: Normal, assignments: JointAssignments
    ) -> Tensor:
        """Return the draw that standard normal noise (M, L) stands for."""
        return posterior.mean + posterior.stddev * noise[..., self.latent_blocks[v]]

    def _discrete_draw(
        self, noise: Tensor, v: str, log_proba: Tensor, assignments: JointAssignments
    ) -> Tensor:
        """Likewise: the largest of log-probabilities with Gumbel noise is a draw."""
        uniform = Normal(0.0, 1.0).cdf(noise[:, self.latent_blocks[v]])
        gumbel = -(-uniform.clamp(1e-6, 1 - 1e-6).log()).log()
        code = (log_proba + gumbel).argmax(dim=1)
        return one_hot(code, log_proba.shape[1]).to(log_proba)

    # Generation ---------------------------------------------------------------------

    def decode(self, z: Tensor) -> Distribution:
        values = self.variables.apart(z)
        return self.likelihood(
            self.decoder(self.variables.as_inputs(values, self._seen))
        )

    def expectation(self, z: Tensor) -> Tensor:
        return self.likelihood.expectation(self.decode(z))

    def log_prior(self, z: Tensor) -> Tensor:
        values = self.variables.apart(z)
        return sum(
            (self.prior.log_prob(v, values) for v in values),
            start=torch.zeros_like(z[:, 0]),
        )

    def sample_latents(self, labels: Labels) -> tuple[Tensor, Labels]:
        return self.prior.sample(labels)

    def intervene(self, x: Tensor, labels: Labels) -> Tensor:
        before = self.variables.apart(self.encode(x).mean)
        return self.variables.beside(self.prior.intervene(before, labels))


def _chunks(of_all: Tensor, share: Share | None) -> Sequence[Tensor]:
    """Cut assignments into chunks: as many on all processes, which wait for another."""
    if share is None:
        return of_all.split(LARGEST_CHUNK)
    n = math.ceil(share.total / n_processes() / LARGEST_CHUNK)
    return of_all.tensor_split(n)


def _mean_of_discrete(
    v: str, log_proba: Tensor, assignments: JointAssignments
) -> Tensor:
    return log_proba.exp()


def _mean_of_gaussian(
    v: str, posterior: Normal, assignments: JointAssignments
) -> Tensor:
    return posterior.mean
