"""The columns of `y`, each of labels or of a quantity."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from skfmvae._utils.missing import missing_entries
from skfmvae.ensemble.per_property import final_estimator
from skfmvae.models import GraphicalModel
from skfmvae.targets import (
    Columns,
    PartialLabelEncoder,
    columns_of,
    default_names,
    is_quantity,
)

__all__ = ["Targets", "read_targets", "takes_quantities"]


class Targets(NamedTuple):
    """The columns of `y`, each of labels or of a quantity.

    Parameters
    ----------
    names : list of str or None
        Names of the columns; None where neither `y` nor an estimator has names.
    columns : list of ndarray of shape (n_samples,)
        Their values.
    codes : int64 ndarray of shape (n_samples, n_columns)
        Encoded labels; 0 for any known value of a quantity and -1 for a missing entry.
    quantities : dict of str to list of int
        The positions of the columns of each quantity.
    """

    names: list[str] | None
    columns: list[np.ndarray]
    codes: np.ndarray
    quantities: dict[str, list[int]]

    @property
    def labels(self) -> list[int]:
        """The positions of the columns of labels."""
        taken = {k for positions in self.quantities.values() for k in positions}
        return [k for k in range(len(self.columns)) if k not in taken]

    @property
    def scored(self) -> list[int]:
        """The columns that a mean score is over: labels if there are any."""
        return self.labels or list(range(len(self.columns)))

    @property
    def properties(self) -> dict[str, list[int]]:
        """The positions of the columns of each property, labels and quantities."""
        shown = _shown(self.names, len(self.columns))
        found = {shown[k]: [k] for k in self.labels} | self.quantities
        return dict(sorted(found.items(), key=lambda item: item[1]))

    def rows(self, index: np.ndarray) -> Targets:
        """Return some of the rows.

        Parameters
        ----------
        index : int ndarray
            Positions of the rows.

        Returns
        -------
        targets : Targets
            The targets of these rows.
        """
        columns = [column[index] for column in self.columns]
        return self._replace(columns=columns, codes=self.codes[index])


def read_targets(y: Any, *estimators: Any) -> Targets:
    """Return the columns of `y`, each of labels or of a quantity.

    A column is a quantity if it is one in an estimator's graphical model, or if its
    values are numbers of which any is fractional.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_columns), or Targets
        Partial labels and quantities, marked as for the estimators.
    *estimators : estimator
        Fitted or not. They also name the columns of a `y` without names.

    Returns
    -------
    targets : Targets
        The columns with their encoded labels.

    Raises
    ------
    ValueError
        If a column holds neither labels nor a quantity.
    """
    if isinstance(y, Targets):
        return y
    names, columns, _ = columns_of(y)
    models = [final_estimator(estimator) for estimator in estimators]
    if names is None:
        names = _names_of(len(columns), models)
    quantities: dict[str, list[int]] = {}
    for graph in filter(None, map(_graph, models)):
        quantities |= _declared(graph, names or [], len(columns))
    shown = _shown(names, len(columns))
    declared = {k for positions in quantities.values() for k in positions}
    for k, column in enumerate(columns):
        if k not in declared and is_quantity(column):
            quantities[shown[k]] = [k]
    targets = Targets(names, columns, _unlabelled(columns), quantities)
    known = np.stack([~missing_entries(column) for column in columns], axis=1)
    of_labels = [k for k in targets.labels if known[:, k].any()]
    targets.codes[known] = 0
    if of_labels:
        part = [columns[k] for k in of_labels]
        labels = Columns([shown[k] for k in of_labels], part, min(len(part), 2))
        codes = PartialLabelEncoder().fit(labels).transform(labels)
        targets.codes[:, of_labels] = codes
    return targets


def takes_quantities(estimator: Any) -> bool:
    """Return whether an estimator's graphical model has quantities as properties.

    Parameters
    ----------
    estimator : object
        A pipeline or a search stands for its final estimator.

    Returns
    -------
    bool
        False without a graphical model.
    """
    graph = _graph(final_estimator(estimator))
    return graph is not None and bool(graph.continuous)


def _graph(model: Any) -> GraphicalModel | None:
    graph = getattr(model, "graphical_model", None)
    return graph if isinstance(graph, GraphicalModel) else None


def _names_of(n_columns: int, models: list[Any]) -> list[str] | None:
    """Return an estimator's names for the columns of a `y` without names."""
    for model in models:
        graph = _graph(model)
        order = getattr(getattr(model, "quantities_", None), "order", [])
        for names in (
            order or [column for _, column in graph.columns()] if graph else [],
            list(getattr(model, "property_names_", []))[:n_columns],
        ):
            if len(names) == n_columns:
                return names
    return None


def _declared(graph, names, n_columns):
    """Return the columns of the continuous properties of a graphical model."""
    order = [column for _, column in graph.columns()]
    if len(order) == n_columns and not set(order) & set(names):
        names = order  # the order of a y without names
    return {
        v: [names.index(column) for column in spec.column_names(v)]
        for v, spec in graph.continuous.items()
        if set(spec.column_names(v)) <= set(names)
    }


def _shown(names: list[str] | None, n_columns: int) -> list[str]:
    return names or default_names(n_columns)


def _unlabelled(columns: list[np.ndarray]) -> np.ndarray:
    return np.full((len(columns[0]), len(columns)), -1, dtype=np.int64)
