"""Names of likelihoods, and the settings that they stand for."""

from __future__ import annotations

from typing import Any

from .base import Likelihood
from .bernoulli import Bernoulli, BernoulliModule
from .blocks import first_outside
from .categorical import Categorical
from .counts import NegativeBinomial, Poisson
from .gaussian import Gaussian

__all__ = ["LIKELIHOODS", "resolve_likelihood"]

LIKELIHOODS: dict[str, type[Likelihood]] = {
    "bernoulli": Bernoulli,
    "gaussian": Gaussian,
    "categorical": Categorical,
    "poisson": Poisson,
    "negative_binomial": NegativeBinomial,
}


def resolve_likelihood(spec: Any, X: Any) -> Likelihood:
    """Return the settings of a likelihood that is given by name or by settings.

    Parameters
    ----------
    spec : str or Likelihood
        Settings, which are returned unchanged, or a name: "bernoulli", "gaussian",
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
        return Gaussian() if first_outside(X, unit.in_support) else Bernoulli()
    if isinstance(spec, str) and spec in LIKELIHOODS:
        return LIKELIHOODS[spec]()
    raise ValueError(
        f"likelihood={spec!r} is not allowed; choose one of {['auto', *LIKELIHOODS]} "
        "or an object such as Gaussian()."
    )
