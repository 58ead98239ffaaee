"""Texts of warnings about classes that are rarely meant."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from .classes import HINT_CONTINUOUS, distinct_values, labelled_values

__all__ = ["doubtful_classes", "doubtful_marks"]

# More numbers than this, each the label of fewer rows than this, are rarely classes.
# scikit-learn warns where a class has fewer than two labels on average.
MANY_CLASSES, FEW_LABELS = 50, 10

RECODE = (
    "-1 marks unlabelled entries; if it is a class, recode the column, for instance to "
    "0 and 1 or to strings."
)


def doubtful_classes(
    classes: Sequence[Any], column: np.ndarray, name: str
) -> str | None:
    """Return a warning about the classes of a column at `fit`, if they are doubtful.

    Parameters
    ----------
    classes : sequence of bool, int, float or str
        The distinct labels of the column, sorted.
    column : ndarray of shape (n_samples,)
        Partial labels.
    name : str
        Name of the property, for errors.

    Returns
    -------
    message : str or None
        None where nothing is doubtful.
    """
    if not classes:
        return None
    is_number = isinstance(classes[0], Real) and not isinstance(classes[0], bool)
    n_labelled = int(labelled_values(column, name)[0].sum())
    n_classes = len(classes)
    if n_classes == 1:
        remedy = RECODE if _has_marks(column) else "Label rows of other classes too."
        return f"has labels of one class only, {classes[0]!r}. {remedy}"
    # The first condition is that of scikit-learn's check_classification_targets.
    is_many = n_labelled > 20 and n_classes > round(0.5 * n_labelled)
    is_many |= n_classes > MANY_CLASSES and n_labelled < FEW_LABELS * n_classes
    if is_number and is_many:
        return (
            f"has {n_classes} classes on {n_labelled} labelled rows. {HINT_CONTINUOUS};"
            " if these are classes, write them as strings."
        )
    if is_number and _has_marks(column) and classes[0] < 0:
        return f"has the class {classes[0]!r} beside -1. {RECODE}"
    return None


def doubtful_marks(classes: Sequence[Any], column: np.ndarray, name: str) -> str | None:
    """Return a warning if 1 and -1 are scored where the classes are 0 and 1.

    Parameters
    ----------
    classes : sequence of bool, int, float or str
        The classes at `fit`.
    column : ndarray of shape (n_samples,)
        Partial labels to score by.
    name : str
        Name of the property, for errors.

    Returns
    -------
    message : str or None
        None where nothing is doubtful.
    """
    found = distinct_values(labelled_values(column, name)[1])[0].tolist()
    if found == [1] and classes == [0, 1] and _has_marks(column):
        return f"has {found[0]!r} and -1. {RECODE}"
    return None


def _has_marks(column: np.ndarray) -> bool:
    """Return whether the number -1 is in a column."""
    return any(isinstance(value, Real) and value == -1 for value in set(column))
