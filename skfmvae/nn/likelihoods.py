"""Likelihoods ``p(x | z)``: settings, and the modules that they build for the data."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler
from sklearn.utils import gen_batches
from torch import Tensor, distributions, nn
from torch.nn import functional

from skfmvae._utils.checks import FARTHEST

__all__ = [
    "LIKELIHOODS",
    "Bernoulli",
    "Categorical",
    "Gaussian",
    "Likelihood",
    "LikelihoodModule",
    "NegativeBinomial",
    "Poisson",
    "column_origin",
    "resolve_likelihood",
]

# Standard deviations between a column and zero that cost ten of float32's 24 bits.
FAR = 1000.0
BLOCK_SIZE = 2**20  # values of the data that are looked at together
LARGEST_COUNT = 1e38  # above it log1p of older versions of torch is infinite
SMALLEST_RATE = 1e-6  # of a count, relative to the mean of its column
SMALLEST_DISPERSION = 1e-4  # above it float32 still tells apart what lgamma gives


class Likelihood(BaseEstimator, ABC):
    """Settings of a likelihood, from which `build` makes the module for some data."""

    @abstractmethod
    def build(self, X: Any) -> LikelihoodModule:
        """Build the module for the rows of `X`.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, n_columns)
            The training rows. Their column statistics are taken block by block;
            `X` is never copied as a whole.

        Returns
        -------
        LikelihoodModule

        Raises
        ------
        ValueError
            If a setting is not allowed or a value cannot occur under the likelihood.
        """


class LikelihoodModule(nn.Module, ABC):
    """Turns the decoder's outputs into ``p(x | z)``, and rows into network inputs.

    Parameters
    ----------
    n_columns : int
        Number of columns ``D`` of the data.
    n_values : int, default=1
        Number of values that networks see and give per column.

    Attributes
    ----------
    n_inputs : int
        Number of columns of ``features(x)``.
    n_outputs : int
        Number of columns that ``forward`` takes from the decoder.

    Notes
    -----
    What is taken from the data lies in buffers of fixed shape, so a module that was
    built for a single row of zeros becomes any other through ``load_state_dict``.
    """

    name: str
    support: str
    remedy: str

    def __init__(self, n_columns: int, n_values: int = 1):
        super().__init__()
        self.n_columns = n_columns
        self.n_inputs = self.n_outputs = n_values * n_columns

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """Return rows (n, D) as networks should see them, (n, n_inputs)."""

    @abstractmethod
    def forward(self, h: Tensor) -> distributions.Distribution:
        """Return ``p(x | z)`` for decoder outputs (n, n_outputs).

        Its batch shape is (n,) and its event shape (D,), so ``log_prob`` gives nats
        per row.
        """

    @abstractmethod
    def in_support(self, values: np.ndarray) -> np.ndarray:
        """Tell for each value whether it can occur; zero always can."""

    def expectation(self, distribution: distributions.Distribution) -> Tensor:
        """Return the row (n, D) that a distribution from `forward` expects."""
        return distribution.mean

    def comparable(self, X: Any) -> Any:
        """Return rows whose columns are on one scale, for distances between rows.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, n_columns)

        Returns
        -------
        rows : ndarray or CSR matrix of shape (n_samples, L)
            `X` itself where its columns are on one scale.
        """
        return X

    def moved(self, x: Tensor, step: Tensor) -> Tensor:
        """Return rows (n, D) after steps (n, D) in the columns of `comparable`."""
        return x + step

    def check_support(self, X: Any) -> None:
        """Check that every value of `X` can occur under the likelihood.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, n_columns)

        Raises
        ------
        ValueError
            If one cannot; the message says which and where.
        """
        _check_values(X, self.in_support, self.name, self.support, self.remedy)


class Bernoulli(Likelihood):
    """Values in [0, 1], each the probability of a one.

    Notes
    -----
    Values strictly between 0 and 1 are allowed: the log-likelihood is then that of
    black and white rows, averaged over the rows that such shades stand for.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import Bernoulli
    >>> likelihood = Bernoulli().build(np.zeros((3, 4), dtype=np.float32))
    >>> likelihood.n_outputs
    4
    """

    def build(self, X: Any) -> LikelihoodModule:
        """Build the module; see `Likelihood.build`."""
        module = BernoulliModule(X.shape[1])
        module.check_support(X)
        return module


class BernoulliModule(LikelihoodModule):
    """Decoder outputs are log-odds."""

    name = "Bernoulli"
    support = "[0, 1]"
    remedy = "scale the columns with MinMaxScaler, or use likelihood='gaussian'"

    def features(self, x: Tensor) -> Tensor:
        return x.clamp(-FARTHEST, FARTHEST)

    def forward(self, h: Tensor) -> distributions.Distribution:
        return _over_columns(_Bernoulli(logits=h, validate_args=False))

    def in_support(self, values: np.ndarray) -> np.ndarray:
        return (values >= 0) & (values <= 1)


class _Bernoulli(distributions.Bernoulli):
    def log_prob(self, value: Tensor) -> Tensor:
        # a third of the time of torch's, which takes a logarithm of both outcomes
        return value * self.logits - functional.softplus(self.logits)


class Gaussian(Likelihood):
    """Real values with independent normal noise on every column.

    The density is in the data's own units; networks work on standardised columns:
    ``x_j ~ N(mean_j + std_j h_j, scale_j²)``, where ``mean_j`` and ``std_j`` are those
    of the training rows (``std_j = 1`` for a constant column). Distances between rows
    are taken between standardised columns, too, but where columns share a unit, they
    are divided by one standard deviation, the root mean square of theirs. Those of a
    sparse matrix do, and where most columns have one range, as pixels and indicators
    have, all columns within this range.

    Parameters
    ----------
    learn_scale : bool, default=True
        Whether each column's ``scale_j = std_j (exp(s_j) + min_scale)`` is learned,
        starting with ``s_j = 0``.
    scale : float or array-like of shape (n_columns,), default=1.0
        The fixed scale in the data's own units, where it is not learned.
    min_scale : float, default=0.01
        The smallest scale that can be learned, as a share of ``std_j``.

    Notes
    -----
    With a learned scale the bound itself balances reconstruction against the
    divergences of the latents (Rybkin et al. 2021, https://arxiv.org/abs/2006.13202).

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import Gaussian
    >>> likelihood = Gaussian().build(np.eye(3, dtype=np.float32))
    >>> sorted(name for name, parameter in likelihood.named_parameters())
    ['log_scale']
    """

    def __init__(
        self, learn_scale: bool = True, scale: Any = 1.0, min_scale: float = 0.01
    ):
        self.learn_scale = learn_scale
        self.scale = scale
        self.min_scale = min_scale

    def build(self, X: Any) -> LikelihoodModule:
        """Build the module; see `Likelihood.build`."""
        n_columns = X.shape[1]
        if not isinstance(self.min_scale, Real) or not 0 < float(self.min_scale) < 1:
            raise ValueError(
                f"Gaussian: min_scale={self.min_scale!r} is not allowed; choose a "
                "number between 0 and 1."
            )
        scale = np.asarray(self.scale, dtype=np.float32)
        positive = np.isfinite(scale).all() and (scale > 0).all()
        if not positive or scale.shape not in {(), (n_columns,)}:
            raise ValueError(
                f"Gaussian: scale={self.scale!r} is not allowed; give one positive "
                f"number, or one for each of the {n_columns} columns."
            )
        module = GaussianModule(n_columns, self.learn_scale, float(self.min_scale))
        module.check_support(X)
        mean, std = _column_statistics(X)
        module.mean[:] = torch.as_tensor(mean)
        module.std[:] = torch.as_tensor(std)
        module.unit[:] = torch.as_tensor(_units(X, std))
        module.fixed_scale[:] = torch.as_tensor(scale)
        return module


class GaussianModule(LikelihoodModule):
    """Decoder outputs are locations in standardised columns."""

    name = "Gaussian"
    support = "the finite numbers"
    remedy = "remove or impute the value"

    mean: Tensor
    std: Tensor
    unit: Tensor  # a distance of one, in each column
    fixed_scale: Tensor
    log_scale: Tensor | None

    def __init__(self, n_columns: int, learn_scale: bool, min_scale: float):
        super().__init__(n_columns)
        self.min_scale = min_scale
        self.register_buffer("mean", torch.zeros(n_columns))
        self.register_buffer("std", torch.ones(n_columns))
        self.register_buffer("unit", torch.ones(n_columns))
        self.register_buffer("fixed_scale", torch.ones(n_columns))
        log_scale = nn.Parameter(torch.zeros(n_columns)) if learn_scale else None
        self.register_parameter("log_scale", log_scale)

    @property
    def scale(self) -> Tensor:
        """Standard deviation of the noise on every column, shape (D,)."""
        if self.log_scale is None:
            return self.fixed_scale
        return self.std * (self.log_scale.exp() + self.min_scale)

    def features(self, x: Tensor) -> Tensor:
        return ((x - self.mean) / self.std).clamp(-FARTHEST, FARTHEST)

    def comparable(self, X: Any) -> Any:
        mean, unit = self.mean.cpu().numpy(), self.unit.cpu().numpy()
        return X.multiply(1 / unit).tocsr() if issparse(X) else (X - mean) / unit

    def moved(self, x: Tensor, step: Tensor) -> Tensor:
        return x + self.unit * step

    def forward(self, h: Tensor) -> distributions.Distribution:
        location = self.mean + self.std * h
        return _over_columns(_Normal(location, self.scale, validate_args=False))

    def in_support(self, values: np.ndarray) -> np.ndarray:
        return np.isfinite(values)


class _Normal(distributions.Normal):
    def log_prob(self, value: Tensor) -> Tensor:
        # torch's squares the scale first, which leaves float32 below 1e-19 or so
        residual = (value - self.loc) / self.scale
        return -residual.square() / 2 - self.scale.log() - math.log(2 * math.pi) / 2


class Categorical(Likelihood):
    """Integer codes 0, 1, 2, ... without an order, equally many in all columns.

    Parameters
    ----------
    n_categories : int or None, default=None
        Number of codes. None takes the largest code of the training rows plus one.

    Notes
    -----
    Networks see and give one value per code and column, laid out code by code:
    ``(n, n_categories, D)`` as flat rows. For images these are whole channels, as
    :class:`~skfmvae.nn.Conv` has them. The expectation is the most probable code.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import Categorical
    >>> likelihood = Categorical().build(np.array([[0.0, 2.0], [1.0, 1.0]]))
    >>> likelihood.n_categories, likelihood.n_outputs
    (3, 6)
    """

    def __init__(self, n_categories: int | None = None):
        self.n_categories = n_categories

    def build(self, X: Any) -> LikelihoodModule:
        """Build the module; see `Likelihood.build`."""
        given = self.n_categories
        if given is not None and (not isinstance(given, Integral) or int(given) < 2):
            raise ValueError(
                f"Categorical: n_categories={given!r} is not allowed; choose a whole "
                "number from 2, or None to take it from the data."
            )
        if given is None:
            support, remedy = "0, 1, 2, ...", "code the columns with OrdinalEncoder"
            _check_values(X, _is_count, CategoricalModule.name, support, remedy)
        module = CategoricalModule(X.shape[1], int(given or max(X.max() + 1, 2)))
        module.check_support(X)
        return module


class CategoricalModule(LikelihoodModule):
    """Decoder outputs are logits, laid out code by code."""

    name = "Categorical"

    def __init__(self, n_columns: int, n_categories: int):
        super().__init__(n_columns, n_values=n_categories)
        self.n_categories = n_categories
        self.support = f"0, 1, ..., {n_categories - 1}"
        self.remedy = "code the columns with OrdinalEncoder, or raise n_categories"

    def features(self, x: Tensor) -> Tensor:
        codes = torch.arange(self.n_categories, device=x.device)
        return (x.unsqueeze(1) == codes[:, None]).to(x.dtype).flatten(1)

    def forward(self, h: Tensor) -> distributions.Distribution:
        logits = h.unflatten(1, (self.n_categories, self.n_columns)).transpose(1, 2)
        return _over_columns(
            distributions.Categorical(logits=logits, validate_args=False)
        )

    def comparable(self, X: Any) -> Any:
        return self.features(torch.as_tensor(X.toarray() if issparse(X) else X)).numpy()

    def expectation(self, distribution: distributions.Distribution) -> Tensor:
        logits = distribution.base_dist.logits  # type: ignore[attr-defined]
        return logits.argmax(-1).to(logits.dtype)

    def in_support(self, values: np.ndarray) -> np.ndarray:
        return _is_count(values) & (values < self.n_categories)


class Poisson(Likelihood):
    """Counts whose variance is their mean.

    The rate is ``mean_j (softplus(h_j + c) + 1e-6)``, where ``mean_j`` is the mean of
    the column in the training rows and ``c`` makes it the rate at ``h_j = 0``. It
    falls like an exponential and rises like a line, so it cannot overflow.

    See Also
    --------
    NegativeBinomial : Counts that vary more.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import Poisson
    >>> likelihood = Poisson().build(np.array([[0.0, 2.0], [1.0, 40.0]]))
    >>> likelihood.n_outputs
    2
    """

    def build(self, X: Any) -> LikelihoodModule:
        """Build the module; see `Likelihood.build`."""
        return PoissonModule(X.shape[1]).fit_columns(X)


class NegativeBinomial(Likelihood):
    """Counts with variance ``mean + dispersion mean²``.

    The mean is that of :class:`Poisson`. The dispersion ``exp(a_j) + 1e-4``, the
    inverse of the number of successes in the usual form, is learned for each column
    and starts with ``a_j = 0``.

    See Also
    --------
    Poisson : The limit of no dispersion.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import NegativeBinomial
    >>> likelihood = NegativeBinomial().build(np.array([[0.0, 2.0], [1.0, 40.0]]))
    >>> sorted(name for name, parameter in likelihood.named_parameters())
    ['log_dispersion']
    """

    def build(self, X: Any) -> LikelihoodModule:
        """Build the module; see `Likelihood.build`."""
        return NegativeBinomialModule(X.shape[1]).fit_columns(X)


class CountModule(LikelihoodModule):
    """What likelihoods of counts share: log1p features and the expected count."""

    support = "the counts 0, 1, 2, ..."
    remedy = "use likelihood='gaussian' for values that are no counts"

    mean: Tensor
    log1p_mean: Tensor

    def __init__(self, n_columns: int):
        super().__init__(n_columns)
        self.register_buffer("mean", torch.ones(n_columns))
        self.register_buffer("log1p_mean", torch.zeros(n_columns))

    def fit_columns(self, X: Any) -> CountModule:
        """Check `X` and take its column means."""
        self.check_support(X)
        # a column without any count is given one in all rows
        mean = np.maximum(_column_statistics(X)[0], 1 / X.shape[0])
        self.mean[:] = torch.as_tensor(mean)
        self.log1p_mean[:] = torch.as_tensor(_column_statistics(X, _log1p)[0])
        return self

    def features(self, x: Tensor) -> Tensor:
        # not divided by the standard deviation: that would blow up rare counts
        return self._log1p(x) - self.log1p_mean

    def comparable(self, X: Any) -> Any:
        return _log1p(X)

    def moved(self, x: Tensor, step: Tensor) -> Tensor:
        return (self._log1p(x) + step).expm1().clamp_min(0)

    def in_support(self, values: np.ndarray) -> np.ndarray:
        return _is_count(values)

    def _log1p(self, x: Tensor) -> Tensor:
        return x.clamp(0, LARGEST_COUNT).log1p()

    def _expected_count(self, h: Tensor) -> Tensor:
        one_at_zero = functional.softplus(h + math.log(math.e - 1))
        return self.mean * (one_at_zero + SMALLEST_RATE)


class PoissonModule(CountModule):
    """Decoder outputs become rates, see :class:`Poisson`."""

    name = "Poisson"

    def forward(self, h: Tensor) -> distributions.Distribution:
        rate = self._expected_count(h)
        return _over_columns(distributions.Poisson(rate, validate_args=False))


class NegativeBinomialModule(CountModule):
    """Decoder outputs become means, see :class:`NegativeBinomial`."""

    name = "NegativeBinomial"

    def __init__(self, n_columns: int):
        super().__init__(n_columns)
        self.log_dispersion = nn.Parameter(torch.zeros(n_columns))

    @property
    def dispersion(self) -> Tensor:
        """What is left of the variance over the squared mean, shape (D,)."""
        return self.log_dispersion.exp() + SMALLEST_DISPERSION

    def forward(self, h: Tensor) -> distributions.Distribution:
        logits = (self.dispersion * self._expected_count(h)).log()
        return _over_columns(
            distributions.NegativeBinomial(
                1 / self.dispersion, logits=logits, validate_args=False
            )
        )


LIKELIHOODS: dict[str, type[Likelihood]] = {
    "bernoulli": Bernoulli,
    "gaussian": Gaussian,
    "categorical": Categorical,
    "poisson": Poisson,
    "negative_binomial": NegativeBinomial,
}


def column_origin(likelihood: Likelihood, X: Any) -> np.ndarray | None:
    """Return where columns are measured from, so that float32 holds their values.

    Parameters
    ----------
    likelihood : Likelihood
        Of which only a Gaussian has columns that may be moved.
    X : ndarray or CSR matrix of shape (n_samples, n_columns)
        The training rows, before they are rounded to float32.

    Returns
    -------
    origin : float64 ndarray of shape (n_columns,) or None
        The means of columns that lie far from zero for their spread, 0 for others; None
        where there is no such column, or where `X` is in float32 already.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import Gaussian, column_origin
    >>> column_origin(Gaussian(), np.array([[1e9, 0.0], [1e9 + 2, 1.0]])).tolist()
    [1000000001.0, 0.0]
    """
    if not isinstance(likelihood, Gaussian) or issparse(X) or X.dtype == np.float32:
        return None
    mean, std = _column_statistics(X)
    far = np.abs(mean) > FAR * std
    return np.where(far, mean, 0.0) if far.any() else None


def resolve_likelihood(spec: Any, X: Any) -> Likelihood:
    """Return the settings that `spec` stands for.

    Parameters
    ----------
    spec : str or Likelihood
        Settings, which come back as they are, or a name: "bernoulli", "gaussian",
        "categorical", "poisson" or "negative_binomial" for the default settings,
        "auto" for Bernoulli where all values of `X` are in [0, 1] and for Gaussian
        elsewhere.
    X : ndarray or CSR matrix of shape (n_samples, n_columns)
        The training rows.

    Returns
    -------
    Likelihood

    Raises
    ------
    ValueError
        If `spec` is neither.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import resolve_likelihood
    >>> resolve_likelihood("auto", np.array([[0.0, 0.5]]))
    Bernoulli()
    """
    if hasattr(spec, "build") and not isinstance(spec, type):
        return spec
    if spec == "auto":
        unit = BernoulliModule(X.shape[1])
        return Gaussian() if _first_outside(X, unit.in_support) else Bernoulli()
    if isinstance(spec, str) and spec in LIKELIHOODS:
        return LIKELIHOODS[spec]()
    raise ValueError(
        f"likelihood={spec!r} is not allowed; choose one of {['auto', *LIKELIHOODS]} "
        "or an object such as Gaussian()."
    )


def _over_columns(columns: distributions.Distribution) -> distributions.Distribution:
    return distributions.Independent(columns, 1, validate_args=False)


def _is_count(values: np.ndarray) -> np.ndarray:
    return np.isfinite(values) & (values >= 0) & (values == np.floor(values))


def _log1p(X: Any) -> Any:
    return X.log1p() if issparse(X) else np.log1p(X)


def _column_statistics(
    X: Any, transform: Callable[[Any], Any] = lambda block: block
) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns' means and standard deviations, 1 where constant."""
    scaler = StandardScaler(with_mean=not issparse(X))
    for rows in _blocks(X):
        scaler.partial_fit(transform(X[rows]))
    return scaler.mean_, scaler.scale_


def _units(X: Any, std: np.ndarray) -> np.ndarray:
    """Return a distance of one in each column, see :class:`Gaussian`."""
    scaler = MaxAbsScaler() if issparse(X) else MinMaxScaler()
    for rows in _blocks(X):
        scaler.partial_fit(X[rows])
    if issparse(X):
        shares, varies = np.full(len(std), True), scaler.max_abs_ > 0
    else:
        low, high = scaler.data_min_, scaler.data_max_
        varies = low < high
        ranges, counts = np.unique(
            np.stack([low, high])[:, varies], axis=1, return_counts=True
        )
        if not varies.any() or counts.max() <= varies.sum() / 2:
            return std
        lowest, highest = ranges[:, counts.argmax()]
        shares = (low >= lowest) & (high <= highest)
    if not (shares & varies).any():
        return std
    common = np.sqrt(np.mean(std[shares & varies] ** 2))
    return np.where(shares, common, std)


def _check_values(
    X: Any,
    in_support: Callable[[np.ndarray], np.ndarray],
    name: str,
    support: str,
    remedy: str,
) -> None:
    outside = _first_outside(X, in_support)
    if outside is not None:
        row, column = outside
        raise ValueError(
            f"{name} likelihood: the value {X[row, column]} in row {row}, column "
            f"{column} is not in {support}; {remedy}."
        )


def _first_outside(
    X: Any, in_support: Callable[[np.ndarray], np.ndarray]
) -> tuple[int, int] | None:
    """Return row and column of the first value outside the support, if any."""
    values = X.data if issparse(X) else X  # zeros that are not stored can occur
    for block in _blocks(values):
        inside = in_support(values[block])
        if inside.all():
            continue
        first, *column = np.argwhere(~inside)[0]
        position = block.start + int(first)
        if not issparse(X):
            return position, int(column[0])
        row = np.searchsorted(X.indptr, position, side="right") - 1
        return int(row), int(X.indices[position])
    return None


def _blocks(values: Any) -> Iterator[slice]:
    """Yield slices of rows that hold about `BLOCK_SIZE` values; none of no rows."""
    n_rows, *rest = values.shape
    if not n_rows:
        return iter(())
    return gen_batches(n_rows, max(BLOCK_SIZE // max(math.prod(rest), 1), 1))
