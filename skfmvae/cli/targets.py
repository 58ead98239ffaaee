"""Columns of a table as partial labels."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from .errors import InputError
from .fields import missing_marks, stripped
from .notation import read_numbers

if TYPE_CHECKING:
    from pandas import Series

__all__ = ["as_labels"]

LABEL_TYPES = {
    "string",
    "boolean",
    "integer",
    "floating",
    "mixed-integer-float",
    "decimal",
}
FEW_CLASSES = 10  # are plausible whatever the number of labels
MOST_NUMBER_CLASSES = 100  # more are a quantity
MOST_TEXT_CLASSES = 1000  # more are free text or an id
BINNED = "bin it, or write classes as words"


def as_labels(column: Series, source: str) -> Series:
    """Return a target as partial labels for the estimators.

    Parameters
    ----------
    column : Series of shape (n_samples,)
        Labels on some rows. Missing entries, blanks and -1 are unlabelled. The words
        ``None`` and ``NA`` are classes.
    source : str
        Name of the file, for messages.

    Returns
    -------
    labels : Series of shape (n_samples,)
        Whole numbers with -1 on unlabelled rows, or truth values or text with None.

    Raises
    ------
    InputError
        If there is no label or one class only, if the column is a quantity, if there
        are nearly as many classes as labels, or if values have another type.

    Warns
    -----
    UserWarning
        If a class is a word that may mark a missing label, or if -1 may be a class.
        `label_efficiency_curve` warns of whole numbers below -1.

    Examples
    --------
    >>> import pandas as pd
    >>> from skfmvae.cli.targets import as_labels
    >>> as_labels(pd.Series([1.0, None, 3.0]), "data.csv").tolist()
    [1, -1, 3]
    """
    import pandas as pd

    where = f"column {column.name!r} of {source!r}"
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object).infer_objects()
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "string":
        column = stripped(column)
    is_minus_one = column.isin([-1, "-1"])
    n_minus_one = int(is_minus_one.sum())
    unlabelled = column.isna() | is_minus_one
    known = column[~unlabelled]
    if known.empty:
        raise _no_target(where, "has no label", "give some rows one")
    if kind not in LABEL_TYPES:
        raise _no_target(where, f"holds {kind} values", "write classes as words")
    classes = known.astype(str).value_counts().to_dict()
    numbers = read_numbers(classes)
    _check_classes(classes, numbers, where)
    _warn_of_words(classes, where)
    # The three may be signs, such as those of opinions.
    are_signs = n_minus_one == unlabelled.sum() and set(numbers.values()) == {0, 1}
    # `label_efficiency_curve` warns of columns of numbers.
    is_text = kind == "string" and any(number < 0 for number in numbers.values())
    if n_minus_one and (are_signs or is_text):
        _warn(
            f"{where} is -1 on {n_minus_one} rows, which marks them as unlabelled; if "
            "-1 is a class, write another value for it."
        )
    if kind in {"string", "boolean"}:
        return column.astype(object).where(~unlabelled, None)
    # One by one, because floats would round large numbers beside missing entries.
    labels = [int(label) for label in column.astype(object).mask(unlabelled, -1)]
    return pd.Series(labels, index=column.index, name=column.name)


def _check_classes(classes, numbers, where):
    """Check that there are several classes and that they are not a quantity."""
    if len(classes) == 1:
        raise _no_target(
            where,
            f"has one value only, {next(iter(classes))!r}",
            "label rows with another one (-1 marks them as unlabelled)",
        )
    fraction = next((f for f, n in numbers.items() if not n.is_integer()), None)
    if fraction is not None:
        raise _no_target(
            where,
            f"holds a quantity, such as {fraction} (Unknown label type: continuous)",
            BINNED,
        )
    n_labels = sum(classes.values())
    most = MOST_NUMBER_CLASSES if numbers else MOST_TEXT_CLASSES
    if len(classes) > min(most, max(FEW_CLASSES, n_labels / 2)):
        kinds = "numbers, which may be a quantity or an id" if numbers else "texts"
        raise _no_target(
            where,
            f"holds {len(classes)} different {kinds}, in {n_labels} labels",
            BINNED if numbers else "merge those that mean the same",
        )


def _warn_of_words(classes, where):
    words = [f"{word!r} ({classes[word]})" for word in sorted(missing_marks(classes))]
    if words:
        _warn(
            f"{where} has labels that may mean that there is none: {', '.join(words)}. "
            "They are classes like any other; if they are not, leave the fields empty."
        )


def _no_target(where, why, remedy):
    return InputError(f"--target: {where} {why}; {remedy}, or name another column.")


def _warn(message):
    warnings.warn(message, UserWarning, stacklevel=4)
