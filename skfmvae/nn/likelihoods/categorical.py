"""Likelihood of categories without an order."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor, distributions

from skfmvae._utils.checks import refuse

from .base import Likelihood, LikelihoodModule, over_columns
from .blocks import check_values, largest_of_columns
from .counts import is_count

__all__ = ["Categorical", "CategoricalModule", "CodesModule", "numbers_of_codes"]


class Categorical(Likelihood):
    """Categories without an order, encoded as 0, 1, 2, ...

    Parameters
    ----------
    n_categories : int, array-like of shape (n_columns,) or None, default=None
        Number of categories of all columns, or of each. None takes the largest value
        of the training rows plus one for all columns.

    Notes
    -----
    Networks have one input and one output per category and column: those of all columns
    for the first category, then for the second, and so on. For images with equally many
    categories in all columns these are whole channels, as for
    :class:`~skfmvae.nn.Conv`. The expectation is the most probable category.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import Categorical
    >>> X = np.array([[0.0, 2.0], [1.0, 1.0]])
    >>> Categorical().build(X).n_outputs
    6
    >>> Categorical(n_categories=[2, 3]).build(X).n_outputs
    5
    """

    allows_steps = False  # there is nothing between two categories

    def __init__(self, n_categories: Any = None):
        self.n_categories = n_categories

    def build(self, X: Any) -> LikelihoodModule:
        """Build the module; see `Likelihood.build`."""
        sizes = numbers_of_codes(self, X)
        if self.n_categories is None:
            sizes[:] = sizes.max(initial=2)
        module = CategoricalModule(sizes)
        module.check_support(X)
        return module


def numbers_of_codes(likelihood: Any, X: Any) -> np.ndarray:
    """Return how many codes 0, 1, 2, ... each column has, at least two.

    Parameters
    ----------
    likelihood : Categorical or Ordinal
        Its `n_categories` are checked, and taken where given.
    X : ndarray or CSR matrix of shape (n_samples, n_columns)
        The training rows, in codes.

    Returns
    -------
    sizes : int64 ndarray of shape (n_columns,)

    Raises
    ------
    ValueError
        If `n_categories` is not allowed, or without it a value is no code.
    """
    given, name = likelihood.n_categories, type(likelihood).__name__
    if given is None:
        support, remedy = "0, 1, 2, ...", "encode the columns with OrdinalEncoder"
        check_values(X, is_count, name, support, remedy)
        return np.maximum(largest_of_columns(X).astype(np.int64) + 1, 2)
    sizes = np.asarray(given)
    if sizes.shape not in {(), (X.shape[1],)} or not all(
        isinstance(size, Integral) and int(size) >= 2
        for size in sizes.astype(object).flat
    ):
        remedy = (
            "choose a whole number from 2, one for each of the columns, or None to "
            "take them from the data"
        )
        refuse(likelihood, "n_categories", given, remedy)
    return np.broadcast_to(sizes, X.shape[1]).astype(np.int64)


class CodesModule(LikelihoodModule):
    """Module of columns whose values are 0, 1, 2, ..., up to a number of their own.

    Parameters
    ----------
    sizes : int ndarray of shape (n_columns,)
        Number of codes of each column.
    """

    def __init__(self, sizes: np.ndarray):
        super().__init__(len(sizes))
        self.sizes = sizes

    def moved(self, x: Tensor, step: Tensor) -> Tensor:
        return x  # there is nothing between two codes

    def example(self) -> Tensor:
        return torch.as_tensor(self.sizes - 1).to(self.placeholder)

    def in_support(self, values: np.ndarray) -> np.ndarray:
        # Stored values of a sparse matrix come without their columns.
        n_codes = self.sizes if values.ndim == 2 else self.sizes.max(initial=2)
        return is_count(values) & (values < n_codes)

    def check_support(self, X: Any) -> None:
        is_ragged = len(set(self.sizes)) > 1
        super().check_support(X.toarray() if is_ragged and issparse(X) else X)


class CategoricalModule(CodesModule):
    """Decoder outputs are logits, those of all columns for each category in turn.

    Parameters
    ----------
    sizes : int ndarray of shape (n_columns,)
        Number of categories of each column.
    """

    name = "Categorical"

    feature_categories: Tensor
    position: Tensor
    is_category: Tensor

    def __init__(self, sizes: np.ndarray):
        super().__init__(sizes)
        most = int(sizes.max(initial=2))
        is_category = torch.arange(most)[:, None] < torch.as_tensor(sizes)
        categories, columns = is_category.nonzero().unbind(1)
        self.n_inputs = self.n_outputs = len(columns)
        self.feature_columns = columns
        # Where the logits of a column stand; those of no category stand anywhere.
        position = torch.zeros(most, len(sizes), dtype=torch.int64)
        position[categories, columns] = torch.arange(len(columns))
        self.register_buffer("feature_categories", categories, persistent=False)
        self.register_buffer("position", position, persistent=False)
        self.register_buffer("is_category", is_category, persistent=False)
        largest = str(sizes[0] - 1) if len(set(sizes)) == 1 else "n_categories - 1"
        self.support = f"0, 1, ..., {largest}"
        self.remedy = "encode the columns with OrdinalEncoder, or raise n_categories"

    def features(self, x: Tensor) -> Tensor:
        return (x[:, self.feature_columns] == self.feature_categories).to(x.dtype)

    def forward(self, h: Tensor) -> distributions.Distribution:
        logits = h[:, self.position].masked_fill(~self.is_category, -torch.inf)
        logits = logits.transpose(1, 2)
        return over_columns(
            distributions.Categorical(logits=logits, validate_args=False)
        )

    def comparable(self, X: Any) -> Any:
        return self.features(torch.as_tensor(X.toarray() if issparse(X) else X)).numpy()

    def expectation(self, distribution: distributions.Distribution) -> Tensor:
        logits = distribution.base_dist.logits  # type: ignore[attr-defined]
        return logits.argmax(-1).to(logits.dtype)

    def weighted_expectation(
        self, distribution: distributions.Distribution, weight: Tensor
    ) -> Tensor:
        proba = distribution.base_dist.probs  # type: ignore[attr-defined]
        proba = proba.view(*weight.shape, *proba.shape[1:])
        return torch.einsum("ns,nsdc->ndc", weight, proba).argmax(-1).to(proba)
