"""FactorialMixtureVAE: one Gaussian mixture per property."""

from __future__ import annotations

import os
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

from sklearn.base import BaseEstimator, clone

from skfmvae._utils.compat import Interval, StrOptions
from skfmvae.models import FactorialMixture
from skfmvae.nn import build_network
from skfmvae.regularizers import Neighbours, VirtualAdversarial
from skfmvae.training import BatchSize, Checkpoint, Objective

from .base import BaseVAE
from .settings import settings_of

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
        Rows that the prior covariance counts as; None stands for the subspace's size
        plus two.
    covariance_prior : float or None, default=None
        Inverse scale of the Wishart prior, times the identity; None stands for the
        degrees of freedom, so that components have unit variance a priori.
    warmup : float or None, default=None
        Share of training before the mixtures start, from the latents' class means
        where there are labels and by k-means++ elsewhere. None stands for 0.05 for
        properties that regularizers bear on, and for 0.2 for others: class means and
        clusters need latents that are in place, which regularizers bring about sooner.
        Mixtures start with an epoch, at the latest the last one.
    delay : float, default=10.0
        See `forgetting_rate`.
    forgetting_rate : float, default=0.6
        Step ``t`` of the mixtures has size ``(t + delay) ** -forgetting_rate``; in
        (0.5, 1] for the steps to converge (Hoffman et al. 2013).
    property_resampling, style_resampling : float, default=0.0
        Share of the rows of a batch of which a property, or the style, is resampled
        before decoding: a property from the component of its row, the style from its
        prior. Turn them on, 0.4 and 0.6 to begin with, where generated rows matter: the
        decoder then learns to take a property from its own subspace alone. The share
        falls linearly to 0 by the end of training; nothing is resampled before the
        mixtures start.

    Examples
    --------
    >>> from skfmvae.estimators import Mixture
    >>> Mixture(covariance_type="full")
    Mixture(covariance_type='full')
    """

    _parameter_constraints: dict = {
        "covariance_type": [StrOptions({"full", "diag", "spherical"})],
        "weight_concentration_prior": [
            None,
            Interval(Real, 0, None, closed="neither"),
        ],
        "mean_precision_prior": [None, Interval(Real, 0, None, closed="neither")],
        "degrees_of_freedom_prior": [None, Interval(Real, 0, None, closed="neither")],
        "covariance_prior": [None, Interval(Real, 0, None, closed="neither")],
        "warmup": [None, Interval(Real, 0, 1, closed="both")],
        "delay": [Interval(Real, 0, None, closed="left")],
        "forgetting_rate": [Interval(Real, 0.5, 1, closed="right")],
        "property_resampling": [Interval(Real, 0, 1, closed="both")],
        "style_resampling": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        covariance_type: str = "diag",
        weight_concentration_prior: float | None = None,
        mean_precision_prior: float | None = None,
        degrees_of_freedom_prior: float | None = None,
        covariance_prior: float | None = None,
        warmup: float | None = None,
        delay: float = 10.0,
        forgetting_rate: float = 0.6,
        property_resampling: float = 0.0,
        style_resampling: float = 0.0,
    ):
        self.covariance_type = covariance_type
        self.weight_concentration_prior = weight_concentration_prior
        self.mean_precision_prior = mean_precision_prior
        self.degrees_of_freedom_prior = degrees_of_freedom_prior
        self.covariance_prior = covariance_prior
        self.warmup = warmup
        self.delay = delay
        self.forgetting_rate = forgetting_rate
        self.property_resampling = property_resampling
        self.style_resampling = style_resampling

    def priors(self, n_features: int) -> dict[str, Any]:
        """Return the priors of the mixture of a subspace.

        Parameters
        ----------
        n_features : int
            Size of the subspace.

        Returns
        -------
        priors : dict
            Keyword arguments of
            :class:`~skfmvae.mixture.VariationalGaussianMixture`.
        """
        # Two more than scikit-learn's, so that an empty component has a variance.
        degrees_of_freedom = self.degrees_of_freedom_prior or n_features + 2
        return {
            "covariance_type": self.covariance_type,
            "weight_concentration_prior": self.weight_concentration_prior,
            "mean_precision_prior": self.mean_precision_prior,
            "degrees_of_freedom_prior": degrees_of_freedom,
            "covariance_prior": self.covariance_prior or float(degrees_of_freedom),
        }


class FactorialMixtureVAE(BaseVAE):
    r"""Variational autoencoder whose prior has one Gaussian mixture per property.

    The latent space is a product of subspaces, one per property, and a style block::

        a_k ~ Categorical(pi_k)     z_k | a_k = c ~ N(mu_kc, Lambda_kc^-1)
        s ~ N(0, I)                 x ~ p(x | z_1, ..., z_K, s)

    A label pins the component of its row; any subset of the properties may be missing
    on any row. Properties without a label are *discovered*. The mixtures have
    Dirichlet and Normal-Wishart posteriors, learned by stochastic variational
    inference; the networks follow the gradient of, per row,

    .. math::
        E_q \ln p(x|z,s) - KL(q(s|x) \| N(0,I))
        + \sum_k H(q(z_k|x)) + \ln \sum_c \exp(\ell_{kc} + E \ln \pi_{kc})

    where for an observed property the sum over ``c`` is its one observed term, plus a
    classification term.

    Parameters
    ----------
    property_components : int, dict of str to int or None, default=None
        Number of components of every property, or by name. At least the number of
        classes seen, which is what None stands for, or 10 where a property has no
        label; more leaves room for unlabelled classes.
    n_discovered : int, default=0
        Number of properties to discover beside those of `y`; without any label at
        least one.
    property_dim : int, default=10
        Dimensions of each property's subspace.
    style_dim : int, default=10
        Dimensions of the style block, which holds what no property says; 0 for none.
    mixture : Mixture or None, default=None
        Priors and learning of the mixtures; None stands for ``Mixture()``.
    encoder : {"mlp", "conv"}, MLP, Conv or callable, default="mlp"
        Network from rows to posteriors: a name, settings from :mod:`skfmvae.nn`, or
        a function of ``(n_inputs, n_outputs)`` that returns a ``torch.nn.Module``.
    decoder : {"mlp", "conv"}, MLP, Conv or callable, default="mlp"
        Network from latents to the parameters of the likelihood, likewise.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Columns of `X` that hold categories: those of text and of a dtype of categories,
        none, or the columns of these names or numbers or of a mask.
    covariates : array-like of str, bool or int, or None, default=None
        Columns of `X`, by names, a mask or numbers, that are given rather than
        modelled, such as a batch or an instrument: encoder and decoder know them, so
        that latents need not.
    likelihood : str, Likelihood or dict, default="auto"
        ``p(x | z)``: "bernoulli", "censored_gaussian", "gaussian", "log_normal",
        "nonparanormal", "categorical", "ordinal", "poisson", "negative_binomial", or
        settings from :mod:`skfmvae.nn`, for all columns or in a dict by name or number
        of the column. "auto" is chosen by the kind of each column, see `columns_`,
        where some hold more than numbers; for numbers alone it is Gaussian, but for
        values in [0, 1] of which many are 0 or 1: Bernoulli from two thirds on, and a
        censored Gaussian from a tenth.
    objective : Objective or None, default=None
        Weight of the classification term, warm-up and free bits of the divergences;
        None stands for ``Objective()``.
    optimizer : {"adamw", "adam", "sgd"} or callable, default="adamw"
        A name, or a class of ``torch.optim``.
    lr : float, default=1e-2
        Highest learning rate of a one-cycle schedule. To use another schedule, name
        its callback "lr_schedule"; ``("lr_schedule", None)`` keeps `lr` constant.
    batch_size : int or BatchSize, default=128
        Rows per batch before labelled ones are added; ``BatchSize`` also says how many
        of these every batch shall hold, 32 by default.
    augmentation : {"image"}, ImageAugmentation, callable or None, default=None
        Random changes of the rows of each batch while training: a name, settings from
        :mod:`skfmvae.images`, or a function from a tensor of rows to one like it, with
        NaN where an entry is missing.
    max_epochs : int or None, default=None
        Passes over the rows. None takes fewer over more rows, as the root of their
        number grows: 25 for 1,500, 13 for 6,000, 4 for 60,000; but at least 100 steps.
    calibrate : bool, default=True
        Whether probabilities and deviations are made as certain as labels show that are
        hidden from two more fits of half the length; they take as long as the fit.
    neighbours : {"graph"}, Neighbours or None, default="graph"
        Regularizer: rows are classed as their nearest neighbours.
    adversarial : {"virtual"}, VirtualAdversarial or None, default="virtual"
        Regularizer: the worst small step changes no prediction.
    callbacks : list or None, default=None
        Callbacks of skorch, as it takes them, and
        :class:`~skfmvae.training.EarlyStopping`.
    checkpoint : str, path, Checkpoint or None, default=None
        A folder in which `fit` keeps its state: called again with the same data and
        parameters after it was killed or interrupted, it goes on from there, see
        :class:`~skfmvae.training.Checkpoint`.
    device : str or torch.device, default="auto"
        Where to compute; "auto" stands for a GPU where there is one.
    random_state : int, RandomState instance or None, default=None
        Seed of initial weights, batches and draws.
    warm_start : bool, default=False
        Whether `fit` goes on from the model of the fit before, see `fit`.
    verbose : int, default=0
        1 shows a progress bar, 2 skorch's table of epochs.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or list of ndarray
        The values of every property of `y`, in the order of `predict_proba`.
    property_names_ : list of str
        Names of the properties of `y`, then of the discovered ones.
    n_components_ : dict of str to int
        Number of components of every property.
    columns_ : ColumnEncoder
        What the columns of `X` hold, see :class:`~skfmvae.columns.ColumnEncoder`.
    covariate_columns_ : list of int
        Positions of the covariates in `X`.
    exposure_column_ : int or None
        Position of the exposure of counts, where a column holds it.
    missing_rate_ : ndarray of shape (n_features,)
        The share of missing entries in each column of `X`.
    likelihood_ : Likelihood
        The likelihood that was used.
    net_ : skorch.NeuralNet
        The trained net; ``net_.history`` holds every term of the objective and
        ``net_.module_`` the model. Pickles and copies of the estimator have it
        without its optimizer, of which each call of `partial_fit` and each warm start
        takes a new one.
    judgement_ : Judgement
        What hidden labels say: how reliable neighbours are, temperatures, scores.
    hidden_proba_ : list of ndarray of shape (n_samples, n_values)
        Probabilities of the labels of `fit` by fits that did not see them.
    reservoir_ : Reservoir
        The rows that `partial_fit` keeps; there after `partial_fit` alone.
    n_samples_fit_ : int
        Number of rows seen by `fit`, and by `partial_fit` since.
    n_iter_ : int
        Number of epochs that ran since the model began.
    device_ : torch.device
        Where the model is.
    origin_ : float64 ndarray of shape (`n_features_in_`,) or None
        What is subtracted from columns that lie far from zero for their spread, so that
        float32 holds their values; None where there is none.
    targets_ : TargetEncoder
        Properties and their values, and the codes that stand for them.
    n_features_in_ : int
        Number of columns seen by `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where `X` had string names.

    See Also
    --------
    sklearn.mixture.BayesianGaussianMixture : One mixture, on the rows themselves.
    sklearn.semi_supervised.LabelSpreading : Labels spread over a graph of the rows.

    Notes
    -----
    The cost grows with the sum of the numbers of components, not with their product,
    and a combination of values that no row shows can still be sampled.

    References
    ----------
    U. Paquet, S. Ghaisas, O. Tieleman (2018). A Factorial Mixture Prior for
    Compositional Deep Generative Models. https://arxiv.org/abs/1812.07480.

    D. Kingma, D. Rezende, S. Mohamed, M. Welling (2014). Semi-supervised Learning with
    Deep Generative Models. https://arxiv.org/abs/1406.5298.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_blobs
    >>> from skfmvae import FactorialMixtureVAE
    >>> X, y = make_blobs(200, centers=3, n_features=5, random_state=0)
    >>> y_partial = np.where(np.arange(200) < 12, y, -1)
    >>> estimator = FactorialMixtureVAE(max_epochs=50, random_state=0)
    >>> estimator.fit(X, y_partial).predict(X[:5]).tolist() == y[:5].tolist()
    True
    >>> estimator.predict_proba(X).shape
    (200, 3)
    >>> X_new, y_new = estimator.sample(2, {"property_0": 1}, random_state=0)
    >>> y_new.tolist()
    [1, 1]
    """

    _parameter_constraints: dict = {
        **BaseVAE._parameter_constraints,
        "property_dim": [Interval(Integral, 1, None, closed="left")],
        "style_dim": [Interval(Integral, 0, None, closed="left")],
        "mixture": [None, Mixture],
    }

    _defaults = {**BaseVAE._defaults, "mixture": {None: Mixture}}

    def __init__(
        self,
        property_components: int | dict[str, int] | None = None,
        n_discovered: int = 0,
        property_dim: int = 10,
        style_dim: int = 10,
        mixture: Mixture | None = None,
        encoder: str | Any | Callable = "mlp",
        decoder: str | Any | Callable = "mlp",
        categorical_features: Any = "from_dtype",
        covariates: Any = None,
        likelihood: str | Any = "auto",
        objective: Objective | None = None,
        optimizer: str | Callable = "adamw",
        lr: float = 1e-2,
        batch_size: int | BatchSize = 128,
        augmentation: str | Any | Callable | None = None,
        max_epochs: int | None = None,
        calibrate: bool = True,
        neighbours: str | Neighbours | None = "graph",
        adversarial: str | VirtualAdversarial | None = "virtual",
        callbacks: list | None = None,
        checkpoint: str | os.PathLike | Checkpoint | None = None,
        device: str = "auto",
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
    ):
        self.property_components = property_components
        self.n_discovered = n_discovered
        self.property_dim = property_dim
        self.style_dim = style_dim
        self.mixture = mixture
        self.encoder = encoder
        self.decoder = decoder
        self.categorical_features = categorical_features
        self.covariates = covariates
        self.likelihood = likelihood
        self.objective = objective
        self.optimizer = optimizer
        self.lr = lr
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.max_epochs = max_epochs
        self.calibrate = calibrate
        self.neighbours = neighbours
        self.adversarial = adversarial
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.device = device
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    def _build_model(self, n_features, likelihood, n_components):
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
            label_weight=settings_of(self, "objective").label_weight,
            mixture=clone(settings_of(self, "mixture")),
        )
