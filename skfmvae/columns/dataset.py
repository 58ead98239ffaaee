"""Datasets of PyArrow: files of Parquet on disk, read a column or a block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = [
    "checked_dataset",
    "dataset_batches",
    "dataset_column",
    "is_dataset",
    "without_rows",
]

# Values of a batch, and so of about 30 MB once they are numbers and text.
BATCH_SIZE = 2**19


def is_dataset(X: Any) -> bool:
    """Return whether X is a ``pyarrow.dataset.Dataset``.

    Parameters
    ----------
    X : object
        Of any type.

    Returns
    -------
    bool
        Whether it has the methods of one.
    """
    return all(hasattr(X, name) for name in ("schema", "to_batches", "get_fragments"))


def without_rows(X: Any) -> Any:
    """Return X, or in place of a dataset an empty table with its columns.

    Parameters
    ----------
    X : object
        Of any type.

    Returns
    -------
    X : object
        Whose names of columns scikit-learn knows.
    """
    return X.schema.empty_table() if is_dataset(X) else X


def checked_dataset(X: Any) -> Any:
    """Return a dataset whose files can be read as one table.

    Parameters
    ----------
    X : pyarrow.dataset.Dataset
        The dataset.

    Returns
    -------
    X : pyarrow.dataset.Dataset
        The same.

    Raises
    ------
    ValueError
        If it has no columns, if files have other columns than the first one, or if a
        column of a file cannot be cast to that of the dataset without a loss.
    """
    names = X.schema.names
    if not names:
        raise ValueError(
            "X is a dataset without columns; does its folder hold files of Parquet?"
        )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"X is a dataset with two columns of the name {twice!r}.")
    first = None
    for fragment in X.get_fragments():
        schema = fragment.physical_schema
        first = (fragment, schema) if first is None else first
        _check_names(X, first, fragment, schema)
        for field in schema:
            wanted = X.schema.get_field_index(field.name)
            if wanted >= 0:
                _check_type(fragment, field, X.schema.field(wanted).type)
    return X


def dataset_column(X: Any, name: str) -> Any:
    """Return a column of a dataset in memory.

    Parameters
    ----------
    X : pyarrow.dataset.Dataset
        The dataset.
    name : str
        Of the column.

    Returns
    -------
    column : pyarrow.Table
        With one dictionary of categories for all files.
    """
    return X.to_table(columns=[name]).unify_dictionaries()


def dataset_batches(X: Any) -> Iterator[Any]:
    """Yield the rows of a dataset, some at a time.

    Parameters
    ----------
    X : pyarrow.dataset.Dataset
        The dataset.

    Yields
    ------
    rows : pyarrow.Table
        Of up to half a million values, in the order of the files.
    """
    import pyarrow
    from pyarrow.dataset import ParquetFileFormat, ParquetFragmentScanOptions

    n_rows = max(BATCH_SIZE // len(X.schema.names), 1)
    settings = {"batch_size": n_rows, "batch_readahead": 1, "fragment_readahead": 1}
    if isinstance(getattr(X, "format", None), ParquetFileFormat):
        # By default whole files are in memory before their first row is seen.
        settings["fragment_scan_options"] = ParquetFragmentScanOptions(
            use_buffered_stream=True, pre_buffer=False
        )
    for batch in X.to_batches(**settings):
        if len(batch):
            yield pyarrow.Table.from_batches([batch])


def _check_names(X, first, fragment, schema):
    """Raise an error where files have different columns, which PyArrow would fill."""
    lacking = sorted(set(first[1].names) ^ set(schema.names))
    if lacking:
        has, has_not = fragment, first[0]
        if lacking[0] in first[1].names:
            has, has_not = has_not, has
        raise ValueError(
            f"The files of X have different columns: {lacking[0]!r} is in "
            f"{_name(has)} and not in {_name(has_not)}. Write all files with the same "
            "columns."
        )


def _check_type(fragment, field, wanted):
    """Raise an error where a column of a file does not fit that of the dataset."""
    if not _can_cast(field.type, wanted):
        raise ValueError(
            f"The files of X differ in their types: {field.name!r} is {field.type} in "
            f"{_name(fragment)}, and {wanted} in the dataset. Write all files with one "
            "type, or name one that fits all: pyarrow.dataset.dataset(folder, "
            "schema=...)."
        )


def _can_cast(found, wanted):
    """Return whether PyArrow casts all values of one type to another."""
    from pyarrow import types

    both = [t.value_type if types.is_dictionary(t) else t for t in (found, wanted)]
    if both[0] == both[1] or types.is_null(found):
        return True
    if all(types.is_integer(t) or types.is_floating(t) for t in both):
        return np.can_cast(*(t.to_pandas_dtype() for t in both))
    text = {"string", "large_string"}
    return {*map(str, both)} == text or all(map(types.is_timestamp, both))


def _name(fragment):
    return repr(getattr(fragment, "path", "a part in memory"))
