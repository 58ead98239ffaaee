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
from .blocks import check_values
from .counts import is_count

__all__ = ["Categorical", "CategoricalModule"]


class Categorical(Likelihood):
    """Categories without an order, encoded as 0, 1, 2, ..., as many in all columns.

    Parameters
    ----------
    n_categories : int or None, default=None
        Number of categories. None takes the largest value of the training rows plus
        one.

    Notes
    -----
    Networks have one input and one output per category and column, in the order
    ``(n, n_categories, D)`` of flat rows. For images these are whole channels, as for
    :class:`~skfmvae.nn.Conv`. The expectation is the most probable category.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import Categorical
    >>> likelihood = Categorical().build(np.array([[0.0, 2.0], [1.0, 1.0]]))
    >>> likelihood.n_categories, likelihood.n_outputs
    (3, 6)
    """

    allows_steps = False  # there is nothing between two categories

    def __init__(self, n_categories: int | None = None):
        self.n_categories = n_categories

    def build(self, X: Any) -> LikelihoodModule:
        """Build the module; see `Likelihood.build`."""
        given = self.n_categories
        if given is not None and (not isinstance(given, Integral) or int(given) < 2):
            remedy = "choose a whole number from 2, or None to take it from the data"
            refuse(self, "n_categories", given, remedy)
        if given is None:
            support, remedy = "0, 1, 2, ...", "encode the columns with OrdinalEncoder"
            check_values(X, is_count, CategoricalModule.name, support, remedy)
        module = CategoricalModule(X.shape[1], int(given or max(X.max() + 1, 2)))
        module.check_support(X)
        return module


class CategoricalModule(LikelihoodModule):
    """Decoder outputs are logits, those of all columns for each category in turn."""

    name = "Categorical"

    def __init__(self, n_columns: int, n_categories: int):
        super().__init__(n_columns, n_values=n_categories)
        self.n_categories = n_categories
        self.support = f"0, 1, ..., {n_categories - 1}"
        self.remedy = "encode the columns with OrdinalEncoder, or raise n_categories"

    def features(self, x: Tensor) -> Tensor:
        categories = torch.arange(self.n_categories, device=x.device)
        return (x.unsqueeze(1) == categories[:, None]).to(x.dtype).flatten(1)

    def forward(self, h: Tensor) -> distributions.Distribution:
        logits = h.unflatten(1, (self.n_categories, self.n_columns)).transpose(1, 2)
        return over_columns(
            distributions.Categorical(logits=logits, validate_args=False)
        )

    def comparable(self, X: Any) -> Any:
        return self.features(torch.as_tensor(X.toarray() if issparse(X) else X)).numpy()

    def expectation(self, distribution: distributions.Distribution) -> Tensor:
        logits = distribution.base_dist.logits  # type: ignore[attr-defined]
        return logits.argmax(-1).to(logits.dtype)

    def in_support(self, values: np.ndarray) -> np.ndarray:
        return is_count(values) & (values < self.n_categories)
