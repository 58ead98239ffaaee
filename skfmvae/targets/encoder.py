"""All that `y` says: encoded labels and standardised quantities, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .declared import with_new_classes
from .labels import PartialLabelEncoder
from .quantities import QuantityEncoder

__all__ = ["TargetEncoder"]


class TargetEncoder:
    """Encode the discrete and the continuous columns of `y`, and put them together.

    Parameters
    ----------
    labels : PartialLabelEncoder
        Fitted to the discrete columns.
    quantities : QuantityEncoder or None, default=None
        Fitted to the continuous columns; None where no column is continuous.

    Examples
    --------
    >>> from skfmvae.targets import PartialLabelEncoder, TargetEncoder
    >>> targets = TargetEncoder(PartialLabelEncoder().fit(["cat", None, "dog"]))
    >>> codes, quantities = targets.transform(["dog", "cat"], n_samples=2)
    >>> codes.tolist(), quantities.shape
    ([[1], [0]], (2, 0))
    >>> targets.inverse(codes, quantities).tolist()
    ['dog', 'cat']
    """

    def __init__(
        self, labels: PartialLabelEncoder, quantities: QuantityEncoder | None = None
    ):
        self.labels = labels
        self.quantities = quantities or QuantityEncoder({}).fit(None)

    def transform(
        self, y: Any, n_samples: int, *, unknown: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Encode partial targets.

        Parameters
        ----------
        y : None or array-like of shape (n_samples,) or (n_samples, n_columns)
            Partial targets.
        n_samples : int
            Number of rows where `y` is None.
        unknown : int or None, default=None
            Code of a class that `fit` never saw; None refuses it.

        Returns
        -------
        codes : int64 ndarray of shape (n_samples, n_properties)
            Encoded labels, -1 where unlabelled.
        quantities : float32 ndarray of shape (n_samples, n_quantities)
            Standardised quantities, NaN where missing.

        Raises
        ------
        ValueError
            If `y` has other columns than at `fit`, or values that do not belong there.
        """
        labels = self.quantities.rest(y)
        codes = self.labels.transform(labels, n_samples, unknown=unknown)
        return codes, self.quantities.transform(y, n_samples)

    def extended(self, y: Any) -> TargetEncoder:
        """Return an encoder that has components for the classes of further targets.

        Parameters
        ----------
        y : None or array-like of shape (n_samples,) or (n_samples, n_columns)
            Partial targets of the same columns.

        Returns
        -------
        targets : TargetEncoder
            With the same codes for the classes that are known.

        Raises
        ------
        ValueError
            If `y` has other columns, or more new classes than there is room for.
        """
        labels = with_new_classes(self.labels, self.quantities.rest(y))
        return TargetEncoder(labels, self.quantities)

    def inverse(self, codes: np.ndarray, quantities: np.ndarray) -> np.ndarray:
        """Return rows of `y` as `fit` got them.

        Parameters
        ----------
        codes : int64 ndarray of shape (n_samples, n_outputs)
            Encoded labels of the discrete columns of `y`.
        quantities : float ndarray of shape (n_samples, n_quantities)
            Standardised quantities.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_columns)
            The values, in the order of the columns of `y`.
        """
        labels = self.labels.inverse(codes) if codes.shape[1] else None
        return self.quantities.join(labels, quantities)

    def values_of(
        self, properties: Mapping[str, Any], n_samples: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Encode chosen properties of generated rows.

        Parameters
        ----------
        properties : dict of str to value or array-like of shape (n_samples,)
            Values by property name, one for all rows or one for each.
        n_samples : int
            Number of rows.

        Returns
        -------
        codes : int64 ndarray of shape (n_samples, n_properties)
            Encoded labels, -1 where nothing is chosen.
        quantities : float32 ndarray of shape (n_samples, n_quantities)
            Standardised quantities, NaN where nothing is chosen.

        Raises
        ------
        ValueError
            If a property or a value is unknown.
        """
        discrete = {
            name: value
            for name, value in properties.items()
            if name not in self.quantities.blocks
        }
        quantities = self.quantities.values_of(properties, n_samples)
        return self.labels.codes_of(discrete, n_samples), quantities
