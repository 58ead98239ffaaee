"""A likelihood for each column of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.base import clone
from torch import Tensor, distributions, nn

from skfmvae._utils.large import columns_of

from .base import NO_SHAPE, Likelihood, LikelihoodModule, column_log_prob
from .blocks import OutsideSupport
from .categorical import numbers_of_codes

__all__ = ["Columns", "ColumnsModule"]


class Columns(Likelihood):
    """A likelihood for each column; given the latents, columns are independent.

    Estimators make it of a dict, or of the kinds of columns.

    Parameters
    ----------
    by_column : dict of str or int to Likelihood
        The likelihood of every column of the rows, in their order.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.nn import Categorical, Columns, Gaussian
    >>> X = np.array([[0.3, 2.0], [-1.0, 1.0]])
    >>> Columns({"height": Gaussian(), "colour": Categorical()}).build(X).n_outputs
    4
    """

    def __init__(self, by_column: Mapping[Any, Likelihood]):
        self.by_column = by_column

    @property
    def allows_steps(self) -> bool:  # type: ignore[override]
        """Whether some column has a row that is moved by a small step."""
        return any(of.allows_steps for of in self.by_column.values())

    @property
    def allows_shifts(self) -> list[bool]:  # type: ignore[override]
        """Which columns have units without a zero of their own."""
        return [bool(of.allows_shifts) for of in self.by_column.values()]

    def build(self, X: Any) -> LikelihoodModule:
        """Build the module; see `Likelihood.build`.

        Columns whose settings differ in the number of categories alone, or not at all,
        are one module. These columns are copied while it is built, unless `X` is large.
        """
        alike: dict[str, list[int]] = {}
        settings = list(self.by_column.values())
        for j, likelihood in enumerate(settings):
            alike.setdefault(repr(_without_sizes(likelihood)), []).append(j)
        labels, parts = list(self.by_column), []
        for columns in alike.values():
            with _columns_named(columns, labels):
                part = _joined([settings[j] for j in columns], columns_of(X, columns))
            parts.append((part, columns))
        return parts[0][0] if len(parts) == 1 else ColumnsModule(parts, labels)


@contextmanager
def _columns_named(columns: Sequence[int], labels: Sequence[Any]) -> Iterator[None]:
    """Make errors on some columns of a matrix speak of the matrix."""
    try:
        yield
    except OutsideSupport as error:
        raise error.among(columns, labels) from None


def _without_sizes(likelihood: Likelihood) -> Likelihood:
    """Return settings without numbers of categories, which modules have by column."""
    if not hasattr(likelihood, "n_categories"):
        return likelihood
    return clone(likelihood).set_params(n_categories=None)


def _joined(settings: list[Likelihood], X: Any) -> LikelihoodModule:
    """Build the module of columns whose settings are alike."""
    if not hasattr(settings[0], "n_categories"):
        return settings[0].build(X)
    sizes = [
        numbers_of_codes(of, columns_of(X, [j]))[0] for j, of in enumerate(settings)
    ]
    return clone(settings[0]).set_params(n_categories=sizes).build(X)


class ColumnsModule(LikelihoodModule):
    """Network inputs and outputs are those of the parts, in the order of the columns.

    Parameters
    ----------
    parts : list of (LikelihoodModule, list of int)
        Modules, and the columns that each is for; every column is in one part.
    labels : sequence of str or int
        Names of the columns, for messages, or their numbers.
    """

    name = "Columns"
    support = "the values that the likelihoods of the columns allow"
    remedy = "choose other likelihoods for them"

    order: Tensor
    back: Tensor
    column_order: Tensor
    parts: Any  # ModuleList of LikelihoodModule, whose methods it does not know

    def __init__(
        self, parts: list[tuple[LikelihoodModule, list[int]]], labels: Sequence[Any]
    ):
        columns = torch.tensor([j for _, chosen in parts for j in chosen])
        super().__init__(len(columns))
        self.labels = labels
        self.parts = nn.ModuleList(module for module, _ in parts)
        self.chosen = [torch.tensor(chosen) for _, chosen in parts]
        of_features = torch.cat(
            [
                chosen[module.feature_columns]
                for (module, _), chosen in zip(parts, self.chosen, strict=True)
            ]
        )
        order = of_features.argsort(stable=True)
        self.n_inputs = self.n_outputs = len(order)
        self.feature_columns = of_features[order]
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("back", order.argsort(), persistent=False)
        self.register_buffer("column_order", columns.argsort(), persistent=False)
        placeholders = [module.placeholder for module, _ in parts]
        self.placeholder = torch.cat(placeholders)[self.column_order]

    def features(self, x: Tensor) -> Tensor:
        parts = zip(self.parts, self._apart(x), strict=True)
        features = [module.features(own) for module, own in parts]
        return torch.cat(features, dim=1)[:, self.order]

    def comparable(self, X: Any) -> Any:
        X = X.toarray() if issparse(X) else X
        rows = [
            module.comparable(X[:, chosen.numpy()])
            for module, chosen in zip(self.parts, self.chosen, strict=True)
        ]
        return np.concatenate(rows, axis=1)[:, self.order.cpu().numpy()]

    def moved(self, x: Tensor, step: Tensor) -> Tensor:
        parts = zip(self.parts, self._apart(x), self._split(step), strict=True)
        moved = [module.moved(own, own_step) for module, own, own_step in parts]
        return torch.cat(moved, dim=1)[:, self.column_order]

    def forward(
        self, h: Tensor, exposure: Tensor | None = None
    ) -> distributions.Distribution:
        parts = [
            module(own, exposure) if module.takes_exposure else module(own)
            for module, own in zip(self.parts, self._split(h), strict=True)
        ]
        return _OfParts(parts, self)

    def expectation(self, distribution: distributions.Distribution) -> Tensor:
        parts = zip(self.parts, distribution.parts, strict=True)  # type: ignore[attr-defined]
        values = [module.expectation(own) for module, own in parts]
        return torch.cat(values, dim=1)[:, self.column_order]

    def weighted_expectation(
        self, distribution: distributions.Distribution, weight: Tensor
    ) -> Tensor:
        parts = zip(self.parts, distribution.parts, strict=True)  # type: ignore[attr-defined]
        values = [module.weighted_expectation(own, weight) for module, own in parts]
        return torch.cat(values, dim=1)[:, self.column_order]

    def example(self) -> Tensor:
        rows = [module.example() for module in self.parts]
        return torch.cat(rows)[self.column_order]

    def in_support(self, values: np.ndarray) -> np.ndarray:
        parts = zip(self.parts, self.chosen, strict=True)
        inside: np.ndarray = np.empty(values.shape, dtype=bool)
        for module, chosen in parts:
            inside[:, chosen] = module.in_support(values[:, chosen])
        return inside

    def check_support(self, X: Any) -> None:
        for module, chosen in zip(self.parts, self.chosen, strict=True):
            with _columns_named(chosen.tolist(), self.labels):
                module.check_support(columns_of(X, chosen.numpy()))

    def _apart(self, x: Tensor) -> list[Tensor]:
        """Return the columns (n, D) of each part."""
        return [x[:, chosen.to(x.device)] for chosen in self.chosen]

    def _split(self, values: Tensor) -> tuple[Tensor, ...]:
        """Return what stands in the order of `features` for each part."""
        sizes = [module.n_inputs for module in self.parts]
        return values[:, self.back].split(sizes, dim=1)


class _OfParts(distributions.Distribution):
    """Rows of independent columns that have different distributions."""

    arg_constraints: dict = {}

    def __init__(self, parts: list[distributions.Distribution], module: ColumnsModule):
        shape = torch.Size([module.n_columns])
        super().__init__(parts[0].batch_shape, shape, validate_args=False)
        self.parts = parts
        self.module = module

    def column_log_prob(self, value: Tensor) -> Tensor:
        parts = zip(self.parts, self.module._apart(value), strict=True)
        of_parts = [column_log_prob(own, x) for own, x in parts]
        return torch.cat(of_parts, dim=1)[:, self.module.column_order]

    def log_prob(self, value: Tensor) -> Tensor:
        return self.column_log_prob(value).sum(-1)

    def sample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        drawn = [own.sample(sample_shape) for own in self.parts]
        return torch.cat(drawn, dim=-1)[..., self.module.column_order]
