"""Variational Bayes Gaussian mixture: Normal-Wishart x Dirichlet, in plain torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

__all__ = ["Statistics", "VariationalGaussianMixture"]

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, eq=False)
class Statistics:
    """Sufficient statistics of rows, with moments about the mixture's current means.

    They are sums over rows of weight ``w_i``, responsibility ``r_ic``, mean ``m_i`` and
    variance ``s_i^2``. The statistics of other rows can be added, also across machines,
    until the next `natural_step` changes the means ``m_c``. Moments about zero would
    lose digits to cancellation in float32, and more where products are TF32 or
    bfloat16.

    Attributes
    ----------
    count : Tensor of shape (n_subspaces, n_components)
        ``sum_i w_i r_ic``.
    first : Tensor of shape (n_subspaces, n_components, n_features)
        ``sum_i w_i r_ic (m_i - m_c)``.
    second : Tensor of the shape of the mixture's `scale_inv`
        ``sum_i w_i r_ic [(m_i - m_c)(m_i - m_c)' + diag s_i^2]``: the matrix if
        ``"full"``, its diagonal if ``"diag"``, the diagonal's mean if ``"spherical"``.
    """

    count: Tensor
    first: Tensor
    second: Tensor

    def __add__(self, other: Statistics) -> Statistics:
        return Statistics(
            self.count + other.count,
            self.first + other.first,
            self.second + other.second,
        )

    def __mul__(self, factor: float) -> Statistics:
        return Statistics(
            self.count * factor, self.first * factor, self.second * factor
        )

    __rmul__ = __mul__


class VariationalGaussianMixture(nn.Module):
    """Gaussian mixtures with a Bayesian posterior, one in each of several subspaces.

    Each subspace has its own mixture; all are of the same shape::

        pi ~ Dirichlet(alpha0)     (mu_c, Lambda_c) ~ NormalWishart(m0, beta0, W0, nu0)
        a ~ Categorical(pi)        z | a = c ~ N(mu_c, Lambda_c^-1)

    The posterior is ``Dirichlet(alpha) prod_c NormalWishart(m_c, beta_c, W_c, nu_c)``,
    held in buffers that `natural_step` updates and that have no gradient. It starts at
    the prior, where all components are equal: begin with a step of rate 1 from unequal
    responsibilities.

    Methods take points, means and variances of shape (n, n_subspaces, n_features) and
    components as int64 of shape (n, n_subspaces). Values per component are of shape
    (n, n_subspaces, n_components), in nats.

    Parameters
    ----------
    n_subspaces, n_components, n_features : int
        Number of mixtures, of components and of dimensions in each.
    covariance_type : {"full", "diag", "spherical"}, default="diag"
        Shape of a component's covariance.
    weight_concentration_prior : float, default=None
        ``alpha0``; ``1 / n_components`` if None.
    mean_precision_prior : float, default=None
        ``beta0``; 1 if None.
    mean_prior : float or array-like of shape ([n_subspaces,] n_features), default=None
        ``m0``; 0 if None.
    degrees_of_freedom_prior : float, default=None
        ``nu0``, above ``n_features - 1``; `n_features` if None.
    covariance_prior : float or array-like of shape ([n_subspaces,] ...), default=None
        ``W0^-1``: a matrix if ``"full"``, its diagonal if ``"diag"``, a number if
        ``"spherical"``. A float stands for a multiple of the identity; 1 if None.
    dtype : torch.dtype, default=None
        Type of the buffers; torch's default if None.

    Attributes
    ----------
    weight_concentration, mean_precision, degrees_of_freedom : Tensor
        ``alpha``, ``beta`` and ``nu``, each of shape (n_subspaces, n_components).
    means : Tensor of shape (n_subspaces, n_components, n_features)
        ``m``.
    scale_inv : Tensor of shape (n_subspaces, n_components, ...)
        ``W^-1``, laid out like `covariance_prior`.

    Raises
    ------
    ValueError
        If a parameter is outside its range or has the wrong shape.

    Notes
    -----
    For ``"diag"`` and ``"spherical"`` the posterior is a Wishart over full matrices
    whose scale is restricted to a diagonal, or to a multiple of the identity. With
    ``V`` the ``W^-1`` and ``n`` the ``nu`` of the unrestricted optimum, ``W`` is in the
    bound by ``(n / 2) ln |W| - (nu / 2) tr(V W)`` alone. At ``nu = n`` this is largest
    where ``W^-1`` is the diagonal of ``V``, or that diagonal's mean, and the other
    parameters do not change. In the Fisher metric at a diagonal ``W`` the excluded
    directions are orthogonal to the others, so that the natural gradient is restricted
    in the same way. Therefore all types have the same formulas, as in scikit-learn's
    ``BayesianGaussianMixture``.

    References
    ----------
    C. Bishop (2006), Pattern Recognition and Machine Learning, section 10.2.
    M. Hoffman, D. Blei, C. Wang, J. Paisley (2013), Stochastic variational inference,
    https://arxiv.org/abs/1206.7051.
    U. Paquet, S. Ghaisas, O. Tieleman (2018), https://arxiv.org/abs/1812.07480.

    Examples
    --------
    >>> import torch
    >>> from skfmvae.mixture import VariationalGaussianMixture
    >>> z = torch.tensor([-5.0, -4.0, 4.0, 5.0]).reshape(4, 1, 1)
    >>> mixture = VariationalGaussianMixture(1, n_components=2, n_features=1)
    >>> start = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> mixture.natural_step(mixture.statistics(z, None, start[:, None]), rate=1.0)
    >>> log_joint = mixture.expected_log_density(z) + mixture.expected_log_weights()
    >>> log_joint.argmax(dim=-1).flatten().tolist()
    [0, 0, 1, 1]
    """

    weight_concentration: Tensor
    mean_precision: Tensor
    means: Tensor
    degrees_of_freedom: Tensor
    scale_inv: Tensor
    mean_prior: Tensor
    scale_inv_prior: Tensor
    _log_weights: Tensor
    _log_normaliser: Tensor
    _scale_root: Tensor
    _precision: Tensor

    def __init__(
        self,
        n_subspaces: int,
        n_components: int,
        n_features: int,
        *,
        covariance_type: str = "diag",
        weight_concentration_prior: float | None = None,
        mean_precision_prior: float | None = None,
        mean_prior: ArrayLike | Tensor | None = None,
        degrees_of_freedom_prior: float | None = None,
        covariance_prior: ArrayLike | Tensor | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.n_subspaces = _above(0, n_subspaces, "n_subspaces")
        self.n_components = _above(0, n_components, "n_components")
        self.n_features = _above(0, n_features, "n_features")
        layouts = {
            "full": (n_features, n_features),
            "diag": (n_features,),
            "spherical": (),
        }
        if covariance_type not in layouts:
            raise ValueError(
                f"covariance_type must be one of {list(layouts)}, "
                f"got {covariance_type!r}."
            )
        self.covariance_type = covariance_type
        self.weight_concentration_prior = _above(
            0,
            _default(weight_concentration_prior, 1 / n_components),
            "weight_concentration_prior",
        )
        self.mean_precision_prior = _above(
            0, _default(mean_precision_prior, 1.0), "mean_precision_prior"
        )
        self.degrees_of_freedom_prior = _above(
            n_features - 1,
            _default(degrees_of_freedom_prior, float(n_features)),
            "degrees_of_freedom_prior",
        )
        dtype = torch.get_default_dtype() if dtype is None else dtype
        mean = _per_subspace(
            _default(mean_prior, 0.0), (n_subspaces, n_features), dtype, "mean_prior"
        )
        scale = _per_subspace(
            _default(covariance_prior, 1.0),
            (n_subspaces, *layouts[covariance_type]),
            dtype,
            "covariance_prior",
        )
        matrix = scale if covariance_type == "full" else scale.reshape(-1, 1, 1)
        failed = torch.linalg.cholesky_ex(matrix).info.any()
        if failed or not matrix.allclose(matrix.mT):
            raise ValueError(
                "covariance_prior must be symmetric and positive definite, "
                f"got {covariance_prior!r}."
            )
        self._register_posterior(mean, scale)

    def _register_posterior(self, mean: Tensor, scale: Tensor) -> None:
        """Register the buffers of the prior, and those of a posterior equal to it."""
        # An axis of length one for the components, which share the prior.
        self.register_buffer("mean_prior", mean.unsqueeze(1))
        self.register_buffer("scale_inv_prior", scale.unsqueeze(1))
        one = mean.new_ones(self.n_subspaces, self.n_components)
        for name in ("weight_concentration", "mean_precision", "degrees_of_freedom"):
            self.register_buffer(name, one * getattr(self, f"{name}_prior"))
        each = [0] * self.n_components
        self.register_buffer("means", self.mean_prior[:, each])
        self.register_buffer("scale_inv", self.scale_inv_prior[:, each])
        for name in ("_log_weights", "_log_normaliser", "_scale_root", "_precision"):
            self.register_buffer(name, None, persistent=False)
        self._derive()

    def _derive(self) -> None:
        """Compute what expected densities need, once for all rows and batches."""
        d = self.n_features
        self._log_weights = _expected_log_weights(self.weight_concentration)
        self._scale_root = self._root(self.scale_inv)
        self._precision = self._inverse_diagonal(self._scale_root)
        self._log_normaliser = 0.5 * (
            _multivariate_digamma(self.degrees_of_freedom / 2, d)
            - self._log_det(self._scale_root)
            - d * math.log(math.pi)  # d ln 2 pi less the d ln 2 of E ln |Lambda|
            - d / self.mean_precision
        )

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        self._derive()

    @property
    def weights(self) -> Tensor:
        """``E pi``, of shape (n_subspaces, n_components)."""
        return self.weight_concentration / self.weight_concentration.sum(-1, True)

    @property
    def covariances(self) -> Tensor:
        """``W^-1 / nu``, in the shape of `scale_inv`."""
        layout = (1,) * (self.scale_inv.ndim - 2)
        return self.scale_inv / self.degrees_of_freedom.unflatten(1, (-1, *layout))

    def expected_log_weights(self) -> Tensor:
        """Return ``E ln pi``, of shape (n_subspaces, n_components)."""
        return self._log_weights

    def expected_log_density(
        self, mean: Tensor, variance: Tensor | None = None
    ) -> Tensor:
        """Return ``E ln N(z | mu_c, Lambda_c^-1)`` under ``q(z)`` and the posterior.

        ``q(z) = N(mean, diag variance)``; a variance of None stands for zero. Added to
        `expected_log_weights` it gives the logits of the optimal responsibilities
        (Bishop 2006, eq. 10.46). Differentiable in both arguments.
        """
        distance = self._squared_distance(mean, self._scale_root)
        if variance is not None:
            distance = distance + (variance.unsqueeze(2) * self._precision).sum(-1)
        return self._log_normaliser - 0.5 * self.degrees_of_freedom * distance

    @torch.no_grad()
    def statistics(
        self,
        mean: Tensor,
        variance: Tensor | None,
        responsibilities: Tensor,
        sample_weight: Tensor | None = None,
    ) -> Statistics:
        """Return the statistics of rows with ``q(z) = N(mean, diag variance)``.

        A variance of None stands for zero, `sample_weight` of shape (n,) for ones.
        """
        full = self.covariance_type == "full"
        weights = responsibilities.to(self.means)
        if sample_weight is not None:
            weights = weights * sample_weight.to(self.means)[:, None, None]
        difference = self._difference(mean.to(self.means))
        # The root of the weight on both sides gives a sum of squares, never negative.
        half = weights.sqrt().unsqueeze(-1) * difference
        second = torch.einsum(
            "ngci,ngcj->gcij" if full else "ngci,ngci->gci", half, half
        )
        if variance is not None:
            spread = torch.einsum("ngc,ngi->gci", weights, variance.to(self.means))
            second = second + (spread.diag_embed() if full else spread)
        return Statistics(
            count=weights.sum(0),
            first=torch.einsum("ngc,ngci->gci", weights, difference),
            second=second.mean(-1) if self.covariance_type == "spherical" else second,
        )

    @torch.no_grad()
    def natural_step(self, statistics: Statistics, rate: float) -> None:
        """Move the posterior along the natural gradient of the bound, in place.

        ``eta <- (1 - rate) eta + rate (eta0 + T)`` for the natural parameters ``(alpha;
        beta m, beta, W^-1 + beta m m', nu)`` and statistics ``T`` of, or scaled to, the
        whole data set (Hoffman et al. 2013). Rate 1 is the update of variational Bayes;
        rates outside (0, 1] raise ValueError.
        """
        if not 0 < rate <= 1:
            raise ValueError(f"rate must be in (0, 1], got {rate}.")
        keep, count, beta0 = 1 - rate, statistics.count, self.mean_precision_prior
        beta = keep * self.mean_precision + rate * (beta0 + count)
        to_prior = self.mean_prior - self.means
        pull = rate * (statistics.first + beta0 * to_prior)
        shift = pull / beta.unsqueeze(-1)  # of the means
        # The scatter of each part about the new mean (parallel axes): the same W^-1 as
        # when beta m m' is subtracted at the end, without cancellation.
        move = self.mean_precision.unsqueeze(-1) * shift
        old = self.scale_inv + self._product(move, shift)
        prior = self._product(to_prior - shift, to_prior - shift)
        moment = 2 * statistics.first - count.unsqueeze(-1) * shift
        data = statistics.second - self._product(moment, shift)
        # Rounding aside, this is a symmetric matrix or sums of squares.
        if self.covariance_type == "full":
            data = 0.5 * (data + data.mT)
        else:
            data = data.clamp_min(0)
        new = self.scale_inv_prior + beta0 * prior + data
        self.scale_inv.copy_(keep * old + rate * new)
        self.means.add_(shift)
        self.mean_precision.copy_(beta)
        self.degrees_of_freedom.mul_(keep).add_(
            rate * (self.degrees_of_freedom_prior + count)
        )
        self.weight_concentration.mul_(keep).add_(
            rate * (self.weight_concentration_prior + count)
        )
        self._derive()

    def kl_divergence(self) -> Tensor:
        """Return the exact divergence of the posterior from the prior, per subspace.

        It is that of the whole data set: divide it by the number of rows for a bound
        per row.
        """
        d, alpha, nu = (
            self.n_features,
            self.weight_concentration,
            self.degrees_of_freedom,
        )
        alpha0 = torch.full_like(alpha, self.weight_concentration_prior)
        nu0 = torch.full_like(nu, self.degrees_of_freedom_prior)
        root, root0 = self._root(self.scale_inv), self._root(self.scale_inv_prior)

        weights = ((alpha - alpha0) * _expected_log_weights(alpha)).sum(-1)
        weights = weights - _log_beta(alpha) + _log_beta(alpha0)

        ratio = self.mean_precision_prior / self.mean_precision
        distance = self._squared_distance(self.mean_prior.transpose(0, 1), root)[0]
        means = d * (ratio - 1 - ratio.log())
        means = 0.5 * (means + self.mean_precision_prior * nu * distance)

        # tr(W0^-1 W) = |L^-1 L0|^2; `_whiten` takes the columns of L0 as rows.
        columns = root0 if self.covariance_type == "full" else root0.diag_embed()
        trace = self._whiten(root, columns.movedim(-1, 0)).square().sum((0, -1))
        precisions = 0.5 * (
            nu0 * (self._log_det(root) - self._log_det(root0))
            + nu * (trace - d)
            + (nu - nu0) * _multivariate_digamma(nu / 2, d)
        )
        precisions = precisions - torch.special.multigammaln(nu / 2, d)
        precisions = precisions + torch.special.multigammaln(nu0 / 2, d)
        return weights + (means + precisions).sum(-1)

    def log_predictive_components(self, z: Tensor) -> Tensor:
        """Return the posterior predictive log-density of every component.

        A Student-t of ``nu + 1 - d`` degrees of freedom, location ``m`` and scale
        ``(beta + 1) / (beta (nu + 1 - d)) W^-1`` (Bishop 2006, eq. 10.82).
        """
        d, nu, root = (
            self.n_features,
            self.degrees_of_freedom,
            self._root(self.scale_inv),
        )
        inflation = 1 + 1 / self.mean_precision
        distance = self._squared_distance(z, root) / inflation
        # Two terms of size nu ln nu nearly cancel: float32 has too few digits.
        wide = nu if nu.device.type == "mps" else nu.double()
        gammas = ((wide + 1) / 2).lgamma() - ((wide + 1 - d) / 2).lgamma()
        log_volume = d * (math.pi * inflation).log() + self._log_det(root)
        return gammas.to(nu) - 0.5 * (log_volume + (nu + 1) * distance.log1p())

    def log_predictive(self, z: Tensor) -> Tensor:
        """Return the mixture's predictive log-density, of shape (n, n_subspaces)."""
        return (self.weights.log() + self.log_predictive_components(z)).logsumexp(-1)

    @torch.no_grad()
    def sample_components(
        self, n: int, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw `n` components in every subspace with probabilities `weights`."""
        return torch.multinomial(
            self.weights, n, replacement=True, generator=generator
        ).T

    @torch.no_grad()
    def sample(
        self, components: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw a point from the predictive Student-t of each given component."""
        mean = self._select(self.means, components)
        normal = torch.empty_like(mean).normal_(generator=generator)
        shape = (self.degrees_of_freedom + 1 - self.n_features) / 2
        # torch.distributions.Gamma calls this too, but without a generator.
        gamma = torch._standard_gamma(self._select(shape, components), generator)
        inflation = self._select(1 + 1 / self.mean_precision, components)
        factor = inflation / (2 * gamma.clamp_min(torch.finfo(gamma.dtype).tiny))
        root = self._select(self._root(self.scale_inv), components)
        return mean + self._colour(root, factor.sqrt().unsqueeze(-1) * normal)

    def transport(self, z: Tensor, source: Tensor, target: Tensor) -> Tensor:
        """Move points from component to component, keeping standardised residuals.

        ``m_t + L_t L_s^-1 (z - m_s)``, with ``L`` the Cholesky factor of `covariances`.
        """
        root = self._root(self.covariances)
        root_s, root_t = self._select(root, source), self._select(root, target)
        residual = z - self._select(self.means, source)
        if self.covariance_type == "full":
            residual = torch.linalg.solve_triangular(
                root_s, residual.unsqueeze(-1), upper=False
            ).squeeze(-1)
        else:
            residual = residual / root_s
        return self._select(self.means, target) + self._colour(root_t, residual)

    def _select(self, parameter: Tensor, components: Tensor) -> Tensor:
        """Pick each point's component: (n, n_subspaces, ...)."""
        subspaces = torch.arange(self.n_subspaces, device=components.device)
        return parameter[subspaces, components]

    def _difference(self, points: Tensor) -> Tensor:
        """Points minus means; squares of it do not cancel as expanded ones would."""
        size = (self.n_subspaces, self.n_features)
        if points.shape[1:] != size:
            raise ValueError(
                f"points must have shape (n, n_subspaces, n_features) = (n, {size[0]}, "
                f"{size[1]}), got {tuple(points.shape)}."
            )
        return points.unsqueeze(2) - self.means

    # The types differ in layout alone. A root is the Cholesky factor L of a W^-1; for
    # the two diagonal types it is the diagonal of the factor, of n_features entries.

    def _root(self, matrix: Tensor) -> Tensor:
        if self.covariance_type == "full":
            return torch.linalg.cholesky(matrix)
        if self.covariance_type == "spherical":
            matrix = matrix.unsqueeze(-1).expand(-1, -1, self.n_features)
        return matrix.sqrt()

    def _product(self, x: Tensor, y: Tensor) -> Tensor:
        """Symmetric part of ``x y'``, laid out as a ``W^-1``."""
        if self.covariance_type == "full":
            outer = x.unsqueeze(-1) * y.unsqueeze(-2)
            return 0.5 * (outer + outer.mT)
        return x * y if self.covariance_type == "diag" else (x * y).mean(-1)

    def _colour(self, root: Tensor, x: Tensor) -> Tensor:
        """``L x``, a root for every point."""
        if self.covariance_type == "full":
            return (root @ x.unsqueeze(-1)).squeeze(-1)
        return root * x

    def _whiten(self, root: Tensor, x: Tensor) -> Tensor:
        """``L^-1 x`` for `x` of shape (n, n_subspaces, n_components, n_features)."""
        if self.covariance_type == "full":  # one solve for all rows of a component
            rows = torch.linalg.solve_triangular(root, x.movedim(0, -1), upper=False)
            return rows.movedim(-1, 0)
        return x / root

    def _squared_distance(self, points: Tensor, root: Tensor) -> Tensor:
        """``(z - m)' W (z - m)``."""
        return self._whiten(root, self._difference(points)).square().sum(-1)

    def _inverse_diagonal(self, root: Tensor) -> Tensor:
        """Diagonal of ``W``."""
        if self.covariance_type == "full":
            return torch.cholesky_inverse(root).diagonal(dim1=-2, dim2=-1)
        return root.square().reciprocal()

    def _log_det(self, root: Tensor) -> Tensor:
        """``ln |W^-1|``."""
        full = self.covariance_type == "full"
        diagonal = root.diagonal(dim1=-2, dim2=-1) if full else root
        return 2 * diagonal.log().sum(-1)


def _multivariate_digamma(x: Tensor, d: int) -> Tensor:
    """Sum over ``i = 1..d`` of ``psi(x + (1 - i) / 2)``."""
    steps = torch.arange(d, device=x.device, dtype=x.dtype) / 2
    return (x.unsqueeze(-1) - steps).digamma().sum(-1)


def _expected_log_weights(alpha: Tensor) -> Tensor:
    """``E ln pi`` under a Dirichlet."""
    return alpha.digamma() - alpha.sum(-1, keepdim=True).digamma()


def _log_beta(alpha: Tensor) -> Tensor:
    """Logarithm of the Dirichlet's normaliser."""
    return alpha.lgamma().sum(-1) - alpha.sum(-1).lgamma()


def _default(value: Any, default: Any) -> Any:
    return default if value is None else value


def _above(bound: float, value: Number, name: str) -> Number:
    if not bound < value < math.inf:
        raise ValueError(f"{name} must be finite and above {bound}, got {value!r}.")
    return value


def _per_subspace(
    value: ArrayLike | Tensor, shape: tuple[int, ...], dtype: torch.dtype, name: str
) -> Tensor:
    """Repeat a prior of shape (), `shape[1:]` or `shape` for every subspace."""
    # A copy, since torch warns of arrays that are read-only.
    array = value if isinstance(value, Tensor) else np.array(value)
    tensor = torch.as_tensor(array, dtype=dtype)
    if tensor.shape not in ((), shape[1:], shape) or not tensor.isfinite().all():
        raise ValueError(
            f"{name} must be a float or an array of shape {shape[1:]} or {shape}, all "
            f"finite; got shape {tuple(tensor.shape)}: {value!r}."
        )
    if tensor.ndim == 0 and len(shape) == 3:
        tensor = tensor * torch.eye(shape[-1], dtype=dtype)
    return tensor.expand(shape).clone()
