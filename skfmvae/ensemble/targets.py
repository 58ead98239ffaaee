"""The labels that members of an ensemble are fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np

from skfmvae.targets import PartialLabelEncoder, columns_of, is_quantity

__all__ = ["read_labels"]


def read_labels(y: Any) -> tuple[Any, PartialLabelEncoder]:
    """Return partial labels in a form in which more of them can be hidden.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_properties)
        Partial labels, marked as for the estimators of this package.

    Returns
    -------
    y : ndarray, Series or DataFrame of shape (n_samples,) or (n_samples, n_properties)
        The same labels, of one dimension where there is one property.
    labels : PartialLabelEncoder
        Fitted to them.

    Raises
    ------
    ValueError
        If there is no `y`, if a column holds a quantity or if it has no label.
    """
    if y is None:
        raise ValueError(
            "PartialLabelStacking requires y to be passed, but the target y is None: "
            "members are weighted by labels. Label some rows, or fit one of "
            "skfmvae's estimators, which find classes without labels."
        )
    columns = columns_of(y)
    names = columns.names or range(len(columns.columns))
    for name, column in zip(names, columns.columns, strict=True):
        if is_quantity(column):
            raise ValueError(
                f"Unknown label type: continuous. Column {name!r} of y holds a "
                "quantity, and PartialLabelStacking pools probabilities of classes. "
                "Leave the column out; a SemiSupervisedVAE of its own can predict it."
            )
    labels = PartialLabelEncoder().fit(columns)
    for name, classes in zip(labels.property_names, labels.classes, strict=True):
        if not len(classes):
            raise ValueError(
                f"property {name!r} of y has no label, and PartialLabelStacking "
                "weighs its members by labels. Label some rows or leave the column "
                "out; skfmvae's estimators find classes without labels."
            )
    labels.warn(columns)
    return _maskable(y, columns.columns), labels


def _maskable(y: Any, columns: list[np.ndarray]) -> Any:
    """Return `y` as an array or of pandas, without a dimension of length one."""
    if hasattr(y, "iloc"):
        return y if y.ndim == 1 or len(columns) > 1 else y.iloc[:, 0]
    if len(columns) == 1:
        return columns[0]
    if len({column.dtype for column in columns}) > 1:
        columns = [column.astype(object) for column in columns]
    return np.stack(columns, axis=1)
