"""FactorialMixtureVAE: one Gaussian mixture per property."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skfmvae._compat import Interval
from skfmvae.models import FactorialMixture
from skfmvae.nn import build_network
from skfmvae.training import KL, EarlyStopping

from ._base import BaseVAE

__all__ = ["FactorialMixtureVAE", "Mixture"]


class Mixture(BaseEstimator):
    """The mixtures of a :class:`FactorialMixtureVAE` and how they are learned.

    Priors are named and meant as in :class:`sklearn.mixture.BayesianGaussianMixture`.

    Parameters
    ----------
    covariance_type : {"full", "diag", "spherical"}, default="diag"
        Shape of each component's covariance.
    weight_concentration_prior : float or None, default=None
        Concentration of the Dirichlet prior; None stands for ``1 / n_components``.
    mean_precision_prior : float or None, default=None
        Rows that the prior mean, zero, counts as; None stands for 1.
    degrees_of_freedom_prior : float or None, default=None
        Rows that the prior covariance counts as; None stands for the subspace's size.
    covariance_prior : float or None, default=None
        Inverse scale of the Wishart prior, times the identity; None stands for the
        degrees of freedom, so that components have unit variance a priori.
    warmup : float, default=0.05
        Share of training before the mixtures start, from the latents' class means
        where there are labels and by k-means++ elsewhere.
    delay, forgetting_rate : float, default=10.0 and 0.6
        Step ``t`` of the mixtures has size ``(t + delay) ** -forgetting_rate``.

    Examples
    --------
    >>> from skfmvae.estimators import Mixture
    >>> Mixture(covariance_type="full")
    Mixture(covariance_type='full')
    """

    def __init__(
        self,
        covariance_type: str = "diag",
        weight_concentration_prior: float | None = None,
        mean_precision_prior: float | None = None,
        degrees_of_freedom_prior: float | None = None,
        covariance_prior: float | None = None,
        warmup: float = 0.05,
        delay: float = 10.0,
        forgetting_rate: float = 0.6,
    ):
        self.covariance_type = covariance_type
        self.weight_concentration_prior = weight_concentration_prior
        self.mean_precision_prior = mean_precision_prior
        self.degrees_of_freedom_prior = degrees_of_freedom_prior
        self.covariance_prior = covariance_prior
        self.warmup = warmup
        self.delay = delay
        self.forgetting_rate = forgetting_rate

    def priors(self, n_features: int) -> dict[str, Any]:
        """Return the arguments of the variational mixture of a subspace."""
        degrees_of_freedom = self.degrees_of_freedom_prior or n_features
        return {
            "covariance_type": self.covariance_type,
            "weight_concentration_prior": self.weight_concentration_prior,
            "mean_precision_prior": self.mean_precision_prior,
            "degrees_of_freedom_prior": degrees_of_freedom,
            "covariance_prior": self.covariance_prior or float(degrees_of_freedom),
        }


class FactorialMixtureVAE(BaseVAE):
    """Placeholder."""

    _parameter_constraints: dict = {
        **BaseVAE._parameter_constraints,
        "property_dim": [Interval(Integral, 1, None, closed="left")],
        "style_dim": [Interval(Integral, 0, None, closed="left")],
        "mixture": [None, Mixture],
        "label_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_components: int | dict[str, int] | None = None,
        n_discovered: int = 0,
        discovered_components: int = 10,
        property_dim: int = 10,
        style_dim: int = 10,
        mixture: Mixture | None = None,
        encoder: str | Any | Callable = "mlp",
        decoder: str | Any | Callable = "mlp",
        likelihood: str | Any = "auto",
        label_weight: float = 1.0,
        kl: KL | None = None,
        optimizer: str | Callable = "adamw",
        lr: float = 3e-3,
        batch_size: int = 128,
        labelled_batch_size: int = 32,
        max_epochs: int = 100,
        early_stopping: EarlyStopping | None = None,
        callbacks: list | None = None,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ):
        self.n_components = n_components
        self.n_discovered = n_discovered
        self.discovered_components = discovered_components
        self.property_dim = property_dim
        self.style_dim = style_dim
        self.mixture = mixture
        self.encoder = encoder
        self.decoder = decoder
        self.likelihood = likelihood
        self.label_weight = label_weight
        self.kl = kl
        self.optimizer = optimizer
        self.lr = lr
        self.batch_size = batch_size
        self.labelled_batch_size = labelled_batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _build_model(self, n_features, likelihood, n_components):
        mixture = Mixture() if self.mixture is None else self.mixture
        n_latents = len(n_components) * self.property_dim + self.style_dim
        return FactorialMixture(
            build_network(
                self.encoder, "encoder", likelihood.n_inputs, 2 * n_latents, n_features
            ),
            build_network(
                self.decoder, "decoder", n_latents, likelihood.n_outputs, n_features
            ),
            likelihood,
            n_inputs=n_features,
            n_components=n_components,
            property_dim=self.property_dim,
            style_dim=self.style_dim,
            mixture=mixture.priors(self.property_dim),
            label_weight=self.label_weight,
            warmup=mixture.warmup,
            delay=mixture.delay,
            forgetting_rate=mixture.forgetting_rate,
        )
