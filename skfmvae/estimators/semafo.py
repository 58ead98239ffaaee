"""The estimator on top of :mod:`skfmvae.models.semafo`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skfmvae._utils.checks import check_sizes
from skfmvae._utils.compat import Interval
from skfmvae._utils.random import redirected_draws
from skfmvae._utils.types import MatrixLike
from skfmvae.models import Semafo
from skfmvae.nn import build_levels, build_stages
from skfmvae.regularizers import Neighbours, VirtualAdversarial
from skfmvae.training import BatchSize, Checkpoint

from .base import BaseVAE
from .guards import plain_torch, seeded
from .semafo_settings import LabelAutoencoder, Levels, SemafoObjective
from .settings import settings_of

__all__ = ["SemafoVAE"]


class SemafoVAE(BaseVAE):
    r"""Variational autoencoder whose prior is learned from an autoencoder of labels.

    Labels are encoded to a latent ``u`` and decoded from it. The priors of a row's
    latents depend on ``u``: those of ``z0``, from which a linear layer predicts the
    labels, and, with `levels`, those of one more latent at each chosen depth of the
    decoder. Labels reach a row through these priors alone. To change a property is to
    move latents to the same position in their prior under another value, at all levels
    or at some. A row with labels ``y`` contributes

    .. math::
        \gamma [\ln p(x|z) + \gamma_y \ln p(y|u)] - \beta [\ln q(z|x) - \ln p(z|u)
        + KL(q(u|y) || p(u))]

    and ``gamma gamma_y ln q(y | z0)``; where labels are missing they are drawn,
    relaxed, from ``q(y | z0)``, whose entropy is added. Rows with a label and rows
    without are averaged apart.

    Parameters
    ----------
    property_components : int, dict of str to int or None, default=None
        Number of values of every property, or by name. At least the number of classes
        seen, which is what None stands for, or 10 where a property has no label; more
        leaves room for unlabelled classes.
    n_discovered : int, default=0
        Number of properties to discover beside those of `y`; without any label at
        least one.
    latent_dim : int, default=32
        Dimensions of ``z0``.
    levels : sequence of int or Levels, default=()
        Hidden stages of the decoder after which a level of latents joins, counted from
        1, or :class:`~skfmvae.estimators.Levels` with more settings.
    label_autoencoder : LabelAutoencoder or None, default=None
        Networks of the labels; None stands for ``LabelAutoencoder()``.
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
    objective : SemafoObjective or None, default=None
        Weights of the terms, warm-up and free bits of the divergences; None stands
        for ``SemafoObjective()``.
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
        Number of values of every discrete property.
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
    FactorialMixtureVAE : A Gaussian mixture for each property.
    SemiSupervisedVAE : A graph of properties, continuous ones too.

    References
    ----------
    H. H. Ngo et al. (2022). https://arxiv.org/abs/2203.05074.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_blobs
    >>> from skfmvae import SemafoVAE
    >>> X, y = make_blobs(200, centers=3, n_features=5, random_state=0)
    >>> y_partial = np.where(np.arange(200) < 12, y, -1)
    >>> estimator = SemafoVAE(max_epochs=50, random_state=0)
    >>> estimator.fit(X, y_partial).predict(X[:5]).tolist() == y[:5].tolist()
    True
    >>> X_new, y_new = estimator.sample(2, {"property_0": 1}, random_state=0)
    >>> y_new.tolist()
    [1, 1]
    """

    _parameter_constraints: dict = {
        **BaseVAE._parameter_constraints,
        "latent_dim": [Interval(Integral, 1, None, closed="left")],
        "levels": ["array-like", Levels],
        "label_autoencoder": [None, LabelAutoencoder],
        "objective": [None, SemafoObjective],
    }

    _defaults = {
        **BaseVAE._defaults,
        "levels": {(): Levels},
        "label_autoencoder": {None: LabelAutoencoder},
        "objective": {None: SemafoObjective},
    }

    def __init__(
        self,
        property_components: int | dict[str, int] | None = None,
        n_discovered: int = 0,
        latent_dim: int = 32,
        levels: Sequence[int] | Levels = (),
        label_autoencoder: LabelAutoencoder | None = None,
        encoder: str | Any | Callable = "mlp",
        decoder: str | Any | Callable = "mlp",
        categorical_features: Any = "from_dtype",
        covariates: Any = None,
        likelihood: str | Any = "auto",
        objective: SemafoObjective | None = None,
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
        self.latent_dim = latent_dim
        self.levels = levels
        self.label_autoencoder = label_autoencoder
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
        levels = self.levels if isinstance(self.levels, Levels) else Levels(self.levels)
        labels = settings_of(self, "label_autoencoder")
        for parameter in ("hidden", "prior_hidden"):
            check_sizes(labels, parameter, example="(256,)")
        build = partial(build_stages, n_columns=n_features)
        encoder = build(
            self.encoder, "encoder", likelihood.n_inputs, 2 * self.latent_dim
        )
        decoder = build(self.decoder, "decoder", self.latent_dim, likelihood.n_outputs)
        return Semafo(
            encoder,
            decoder,
            build_levels(
                encoder,
                decoder,
                likelihood.n_inputs,
                self.latent_dim,
                dict.fromkeys(levels.stages, levels.n_dims),
            ),
            likelihood,
            n_inputs=n_features,
            n_components=n_components,
            latent_dim=self.latent_dim,
            label_autoencoder=clone(labels),
            objective=clone(settings_of(self, "objective")),
        )

    def intervene(
        self,
        X: MatrixLike,
        properties: Mapping[str, Any],
        covariates: Mapping[Any, Any] | None = None,
        level: int | Sequence[int] | None = None,
    ) -> np.ndarray:
        """Return the rows with some properties changed and the rest kept.

        Latents keep their position in their prior, in standard deviations, while the
        prior moves from the recognised properties to the new ones.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The rows.
        properties : dict of str to value or array-like of shape (n_samples,)
            New values by property name, one for all rows or one each.
        covariates : dict of str or int to value or array-like of shape (n_samples,), \
                default=None
            New values of covariates by column, likewise; others keep theirs.
        level : int, sequence of int or None, default=None
            The levels that follow: 0 for ``z0``, 1 for the first of `levels`, and so
            on; the others keep their latents. None means all.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features)
            Decoded expectations.

        Raises
        ------
        ValueError
            When a property, a value or a level is unknown.
        """
        check_is_fitted(self)
        chosen = None if level is None else self._level_names(level)
        return self._intervene(
            X, properties, partial(self._model.intervene, levels=chosen), covariates
        )

    def traverse(
        self,
        X: MatrixLike | None = None,
        *,
        properties: Mapping[str, Any] | None = None,
        level: int = 0,
        dims: int | Sequence[int] = 5,
        n_steps: int = 7,
        width: float = 2.0,
        random_state: Any = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return rows as one latent of a level moves through its prior.

        Deeper levels keep where they lie in their own priors, and so follow.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features), default=None
            Rows to start from, or else
        properties : dict of str to value or array-like of shape (n_samples,), \
                default=None
            Properties of the rows to start from, which then lie in the middle of their
            priors; those that are not named are drawn to suit the others.
        level : int, default=0
            Where to move: 0 for ``z0``, 1 for the first of `levels`, and so on.
        dims : int or sequence of int, default=5
            The dimensions to move, or how many of them, the widest priors first; all
            of them where there are no more.
        n_steps : int, default=7
            Number of steps, evenly spaced; at least two.
        width : float, default=2.0
            How far to go to either side of the prior's mean, in standard deviations.
        random_state : int, RandomState instance or None, default=None
            Seed of the properties that are drawn.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_dims, n_steps, n_features)
            Decoded expectations.
        dims : int ndarray of shape (n_dims,)
            The dimensions that moved.

        Raises
        ------
        ValueError
            When not one of `X` and `properties` is given, or a level, dimension,
            property or value is unknown.
        """
        check_is_fitted(self)
        if (X is None) == (properties is None):
            raise ValueError("Pass either X or properties to start from.")
        if n_steps < 2:
            raise ValueError(f"n_steps={n_steps!r} should be at least 2.")
        if np.ndim(level):
            raise ValueError(f"level={level!r} should be one level.")
        name = self._level_names(level)[0]
        block = self._model.latent_blocks[name]
        with plain_torch(self.device_), torch.no_grad():
            z = self._starts(X, properties, random_state)
            n_dims = block.stop - block.start
            if isinstance(dims, (int, np.integer)):
                scale = self._model.prior_stddev(z)[:, block].mean(0)
                chosen = scale.argsort(descending=True)[: max(dims, 0)].tolist()
            else:
                chosen = list(dims)
            if not chosen or not set(chosen) <= set(range(n_dims)):
                raise ValueError(
                    f"dims={dims!r}: level {level} has dimensions 0 to {n_dims - 1}; "
                    "name some of them, or give a number of at least 1."
                )
            residuals = self._model.residuals(z)
            steps = torch.linspace(-width, width, n_steps, device=z.device)

            def moved(d, step):
                there = residuals.clone()
                there[:, block.start + d] = step
                z = self._model.from_residuals(there)
                return self.inverse_transform(z.cpu().numpy())

            rows = [[moved(d, step) for step in steps] for d in chosen]
        return np.moveaxis(np.array(rows), 2, 0), np.asarray(chosen)

    def _starts(self, X, properties, random_state):
        """Return the latents of the rows to start from."""
        if X is not None:
            X = self._check_X(X)
            z = self._map_rows(lambda x: [self._model.locate(x)[0]], X)[0]
            return torch.from_numpy(z).to(self.device_)
        sizes = {np.shape(value)[0] for value in properties.values() if np.ndim(value)}
        codes, _ = self.targets_.values_of(properties, max(sizes, default=1))
        with seeded(check_random_state(random_state)), redirected_draws():
            return self._model.expect(torch.from_numpy(codes).to(self.device_))

    @property
    def _model(self) -> Semafo:
        return self.net_.module_

    def _level_names(self, level):
        names = list(self._model.latent_blocks)[1:]
        chosen = np.ravel(level).tolist()
        if not chosen or not set(chosen) <= set(range(len(names))):
            raise ValueError(
                f"level={level!r}: there are levels 0 to {len(names) - 1}; the "
                "parameter levels gives more."
            )
        return [names[i] for i in chosen]
