"""The estimator on top of :mod:`skfmvae.models.semi_supervised`."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any

from sklearn.base import BaseEstimator, clone
from sklearn.utils import RegressorTags

from skfmvae._utils.compat import Interval, StrOptions
from skfmvae.models import Discrete, GraphicalModel, Latent, SemiSupervised
from skfmvae.models.graphical_model import ROWS, Variable
from skfmvae.models.latents import free_name
from skfmvae.nn import build_branches, build_network
from skfmvae.regularizers import Neighbours, VirtualAdversarial
from skfmvae.targets import PartialLabelEncoder, QuantityEncoder, TargetEncoder
from skfmvae.training import BatchSize, Checkpoint, Objective

from .base import BaseVAE
from .settings import settings_of

__all__ = ["Inference", "SemiSupervisedVAE"]

# Combinations of unobserved values that "auto" sums over on a row, and those above
# which any sum is refused for its time and memory. No trial is recorded.
FEW_COMBINATIONS, MOST_COMBINATIONS = 128, 4096


class Inference(BaseEstimator):
    """How a :class:`SemiSupervisedVAE` bounds the likelihood of what is observed.

    Parameters
    ----------
    marginalization : {"auto", "enumerate", "sum-and-sample", "gumbel"}, default="auto"
        What becomes of unobserved discrete variables: "enumerate" sums over all
        combinations of their values. "sum-and-sample" sums over the likely values and,
        the more often the likelier they are, draws one of the others (after Liu et al.
        2019), which soon takes a fraction of the time. "gumbel" draws from a Concrete
        relaxation (Maddison et al. 2017). "auto" is "gumbel" for more than 128
        combinations, else "sum-and-sample" or, under the "iwae" bound, "enumerate".
    temperature : float, default=0.5
        Temperature of the relaxation; it nears a draw of values towards 0.
    n_particles : int, default=1
        Draws of the Gaussians per row and step.
    bound : {"elbo", "iwae"}, default="elbo"
        "elbo" averages over the draws; "iwae" weighs them by importance (Burda et al.
        2016), which is tighter with more draws. KL warm-up and free bits apply to
        "elbo" alone.
    supervised_weight : float, default=1.0
        Weight ``gamma`` of rows on which something is observed.
    prediction : {"recognition", "joint"}, default="recognition"
        Whether discrete properties are predicted by ``q(y | x)`` alone, or by its
        product with the bound on ``p(x, y)``, that is, also by how well each value
        explains the row. "joint" is more accurate without regularizers; it decodes
        every row once for each combination of values, and is refused where these are
        not summed over.

    Examples
    --------
    >>> from skfmvae.estimators import Inference
    >>> Inference(n_particles=5, bound="iwae")
    Inference(bound='iwae', n_particles=5)
    """

    _parameter_constraints: dict = {
        "marginalization": [
            StrOptions({"auto", "enumerate", "sum-and-sample", "gumbel"})
        ],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "n_particles": [Interval(Integral, 1, None, closed="left")],
        "bound": [StrOptions({"elbo", "iwae"})],
        "supervised_weight": [Interval(Real, 0, None, closed="left")],
        "prediction": [StrOptions({"recognition", "joint"})],
    }

    def __init__(
        self,
        marginalization: str = "auto",
        temperature: float = 0.5,
        n_particles: int = 1,
        bound: str = "elbo",
        supervised_weight: float = 1.0,
        prediction: str = "recognition",
    ):
        self.marginalization = marginalization
        self.temperature = temperature
        self.n_particles = n_particles
        self.bound = bound
        self.supervised_weight = supervised_weight
        self.prediction = prediction

    def resolved(self, graph: GraphicalModel) -> str:
        """Return the marginalization for a graph, which "auto" leaves open.

        Parameters
        ----------
        graph : GraphicalModel
            With the numbers of values.

        Returns
        -------
        marginalization : {"enumerate", "sum-and-sample", "gumbel"}
            Never "auto".

        Raises
        ------
        ValueError
            If there are too many combinations to sum over, or the bound does not
            allow what is drawn.
        """
        sizes = {v: spec.n_values or 0 for v, spec in graph.discrete.items()}
        n_combinations = math.prod(sizes.values())
        if self.marginalization == "auto":
            few = n_combinations <= FEW_COMBINATIONS
            exact = "sum-and-sample" if self.bound == "elbo" else "enumerate"
            marginalization = exact if few else "gumbel"
        else:
            marginalization = self.marginalization
        if marginalization == "sum-and-sample" and self.bound == "iwae":
            raise ValueError(
                "marginalization='sum-and-sample' is right on average, which bound="
                "'iwae', a logarithm of it, would not be; use 'enumerate' or 'auto'."
            )
        if marginalization == "gumbel" and self.prediction == "joint":
            raise ValueError(
                f"prediction='joint' would sum over {n_combinations} combinations of "
                f"{sizes}, which marginalization={self.marginalization!r} does not; "
                "use prediction='recognition'."
            )
        if marginalization != "gumbel" and n_combinations > MOST_COMBINATIONS:
            raise ValueError(
                f"marginalization={self.marginalization!r} would sum over "
                f"{n_combinations} combinations of {sizes} on a row, more than "
                f"{MOST_COMBINATIONS}; use 'gumbel' or 'auto'."
            )
        return marginalization


class SemiSupervisedVAE(BaseVAE):
    r"""Variational autoencoder over named variables that are observed on some rows.

    A graphical model names the variables, which are properties and latents. It says how
    rows ``x`` are generated from them, ``p(x | parents) prod_v p(v | parents)``, and
    how they are inferred from rows, ``prod_v q(v | x, parents)``. Without one, rows are
    generated from all properties of `y` and a style, and the style is inferred from the
    row and its properties, as in the model M2 of Kingma et al. (2014). Any subset of
    the properties may be missing on any row. With observed part ``y`` and unobserved
    part ``z``, a row contributes

    .. math::
        E_{q(z|x,y)} [\ln p(x,y,z) - \ln q(y,z|x)] + (1 + \alpha) \ln q(y|x)

    which without any label is the evidence lower bound. The prior of a discrete
    variable without parents is uniform.

    Parameters
    ----------
    graphical_model : GraphicalModel or None, default=None
        The variables and what depends on what, see
        :mod:`skfmvae.models.graphical_model`; None stands for the shape above, for
        whatever `y` holds.
    property_components : int, dict of str to int or None, default=None
        Number of values of every property, or by name. At least the number of classes
        seen, which is what None stands for, or 10 where a property has no label; more
        leaves room for unlabelled classes. A graphical model has its own numbers.
    n_discovered : int, default=0
        Number of properties to discover beside those of `y`; without any label at
        least one. A graphical model names its own.
    style_dim : int, default=10
        Dimensions of the style, which holds what no property says; 0 for none. A
        graphical model has its own latents.
    inference : Inference or None, default=None
        How the objective is estimated; None stands for ``Inference()``.
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
    graphical_model_ : GraphicalModel
        The graphical model in use, with the number of values of every discrete
        variable.
    n_features_in_ : int
        Number of columns seen by `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where `X` had string names.

    See Also
    --------
    FactorialMixtureVAE : A Gaussian mixture for each property.

    References
    ----------
    N. Siddharth, B. Paige, J.-W. van de Meent, A. Desmaison, N. Goodman, P. Kohli,
    F. Wood, P. Torr (2017). Learning Disentangled Representations with Semi-Supervised
    Deep Generative Models. https://arxiv.org/abs/1706.00400.

    D. Kingma, D. Rezende, S. Mohamed, M. Welling (2014). Semi-supervised Learning with
    Deep Generative Models. https://arxiv.org/abs/1406.5298.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_blobs
    >>> from skfmvae import SemiSupervisedVAE
    >>> X, y = make_blobs(200, centers=3, n_features=5, random_state=0)
    >>> y_partial = np.where(np.arange(200) < 12, y, -1)
    >>> estimator = SemiSupervisedVAE(max_epochs=50, random_state=0)
    >>> estimator.fit(X, y_partial).predict(X[:5]).tolist() == y[:5].tolist()
    True
    >>> X_new, y_new = estimator.sample(2, {"property_0": 1}, random_state=0)
    >>> y_new.tolist()
    [1, 1]
    """

    _parameter_constraints: dict = {
        **BaseVAE._parameter_constraints,
        "graphical_model": [None, GraphicalModel],
        "style_dim": [Interval(Integral, 0, None, closed="left")],
        "inference": [None, Inference],
    }

    _defaults = {**BaseVAE._defaults, "inference": {None: Inference}}

    def __init__(
        self,
        graphical_model: GraphicalModel | None = None,
        property_components: int | dict[str, int] | None = None,
        n_discovered: int = 0,
        style_dim: int = 10,
        inference: Inference | None = None,
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
        self.graphical_model = graphical_model
        self.property_components = property_components
        self.n_discovered = n_discovered
        self.style_dim = style_dim
        self.inference = inference
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

    def _fit_targets(self, y, declared=None):
        graph = self.graphical_model
        if graph is None:
            targets = super()._fit_targets(y, declared)
            if ROWS in targets.labels.property_names:
                raise ValueError(
                    f"y has a column named {ROWS!r}, which stands for the rows in the "
                    "graphical model; rename it."
                )
            return targets
        graph.check()
        columns = {v: spec.column_names(v) for v, spec in graph.continuous.items()}
        names = [column for _, column in graph.columns()]
        if y is not None and not names:
            raise ValueError(
                f"graphical_model: none of the variables {list(graph.variables)} is a "
                "property, so nothing stands for the columns of y; add a Discrete() or "
                "a Continuous(), or pass y=None."
            )
        quantities = QuantityEncoder(columns, names).fit(y)
        sizes = {v: spec.n_values for v, spec in graph.discrete.items()}
        labels = PartialLabelEncoder().fit(
            quantities.rest(y),
            {v: size for v, size in sizes.items() if size is not None},
            discovered_names=[v for v in sizes if v not in quantities.order],
            declared=declared,
        )
        labels.warn(quantities.rest(y))
        for v, classes in zip(labels.property_names, labels.classes, strict=True):
            if sizes[v] is None and not len(classes):
                raise ValueError(
                    f"graphical_model: the number of values of the variable {v!r} is "
                    "unknown, as y has no label of it; give Discrete(n_values=...)."
                )
        return TargetEncoder(labels, quantities)

    def _build_model(self, n_features, likelihood, n_components):
        self.graphical_model_ = self._with_sizes(n_components)
        return SemiSupervised(
            self.graphical_model_,
            partial(
                build_branches,
                self.encoder,
                likelihood.n_inputs,
                n_columns=n_features,
            ),
            partial(
                build_network,
                self.decoder,
                "decoder",
                n_outputs=likelihood.n_outputs,
                n_columns=n_features,
            ),
            likelihood,
            n_inputs=n_features,
            label_weight=settings_of(self, "objective").label_weight,
            inference=clone(settings_of(self, "inference")),
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        graph = self.graphical_model
        if isinstance(graph, GraphicalModel) and graph.continuous:
            if not graph.discrete:  # so that scorers do not look for classes
                tags.estimator_type = "regressor"
                tags.classifier_tags, tags.regressor_tags = None, RegressorTags()
        return tags

    def _with_sizes(self, n_components):
        """Return the graphical model with the sizes of all discrete variables."""
        discrete: dict[str, Variable]
        discrete = {v: Discrete(size) for v, size in n_components.items()}
        graph = self.graphical_model
        if graph is not None:
            variables = discrete | graph.continuous | graph.latents
            return replace(graph, variables=variables)
        name = free_name("style", discrete)
        style = {name: Latent(self.style_dim)} if self.style_dim else {}
        recognition = {v: list(discrete) for v in style}
        return GraphicalModel(discrete | style, recognition=recognition)
