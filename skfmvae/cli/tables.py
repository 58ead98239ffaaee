"""Features and targets from files."""

from __future__ import annotations

import difflib
import math
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import InputError
from .fields import typed
from .readers import check_unique, read_file
from .targets import as_labels

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["check_columns", "read_columns", "read_table"]


def read_table(
    path: Path, targets: Sequence[str], drop: Collection[str] = ()
) -> tuple[DataFrame, DataFrame]:
    """Read features and targets.

    Parameters
    ----------
    path : Path
        A CSV, Parquet or NPZ file.
    targets : sequence of str
        Columns, or arrays, with a label on some rows.
    drop : collection of str, default=()
        Columns, or arrays, to leave out.

    Returns
    -------
    X : DataFrame of shape (n_samples, n_features)
        All other columns. Arrays of more than one dimension are flattened.
    y : DataFrame of shape (n_samples, n_targets)
        Partial labels, as `as_labels` returns them.

    Raises
    ------
    InputError
        If the file cannot be read for any reason, if it lacks a column, or if a target
        cannot be used.

    Warns
    -----
    UserWarning
        If rows of CSV have fewer fields than the first; if an array of NPZ has another
        number of rows, and is left out; and where `as_labels` warns.

    Notes
    -----
    Columns of CSV have the type that all their fields have. Empty fields are missing,
    and so are those that a row lacks at its end. Blanks around names are ignored. No
    code in a file is run.
    """
    import pandas as pd

    both = sorted(set(targets) & set(drop))
    if both:
        raise InputError(f"--drop names {both[0]!r}, which --target asks for.")
    content = read_file(path, drop)
    check_columns(content.names, targets, "--target", path)
    check_columns(content.names, drop, "--drop", path)
    if content.kind == "arrays":
        table = _as_columns(content.columns, targets, path)
    else:
        table = content.columns.drop(columns=list(drop))
    if content.kind == "text":
        table = pd.DataFrame({name: typed(table[name]) for name in table})
    _check_rows(table, path)
    y = {name: as_labels(table[name], path.name) for name in targets}
    return table.drop(columns=list(targets)), pd.DataFrame(y)


def read_columns(path: Path, wanted: Collection[str]) -> DataFrame:
    """Read the columns of a file whose types another file has decided.

    Parameters
    ----------
    path : Path
        A CSV, Parquet or NPZ file.
    wanted : collection of str
        Names of columns. Of NPZ only arrays that have some of them are read.

    Returns
    -------
    table : DataFrame of shape (n_samples, n_columns)
        All columns, wanted or not. Those of CSV are text, and empty fields missing.

    Raises
    ------
    InputError
        If the file cannot be read for any reason, or has no rows.
    """
    content = read_file(path)
    table = content.columns
    if content.kind == "arrays":
        table = _with_columns(content.columns, set(wanted), path)
    _check_rows(table, path)
    return table


def check_columns(
    names: Collection[str], wanted: Collection[str], option: str, path: Path
) -> None:
    """Check that a table has the columns that an option names.

    Parameters
    ----------
    names : collection of str
        The columns of the table.
    wanted : collection of str
        The columns that the option names.
    option : str
        The option.
    path : Path
        The file.

    Raises
    ------
    InputError
        If the table lacks one of them.
    """
    known = list(names)
    for name in wanted:
        if name in known:
            continue
        if len(known) == 1 and any(mark in known[0] for mark in ",;\t|"):
            separator = "tabs" if ".tsv" in path.suffixes else "commas"
            remedy = f"its columns are not separated by {separator}; they should be."
        elif near := difflib.get_close_matches(name, known, n=3):
            remedy = f"did you mean {' or '.join(map(repr, near))}?"
        else:
            more = f", and {len(known) - 10} more" if len(known) > 10 else ""
            remedy = f"it has {', '.join(map(repr, known[:10])) or 'none'}{more}."
        raise InputError(f"{option}: {path.name!r} has no column {name!r}; {remedy}")


def _check_rows(table, path):
    if not len(table):
        raise InputError(f"{path.name!r} has no rows.")


def _as_columns(arrays, targets, path):
    """Return the arrays with as many rows as the first target, as columns."""
    n_rows = len(np.atleast_1d(arrays[targets[0]]))
    kept = {}
    for name, array in arrays.items():
        _check_array(name, array, path)
        if name in targets:
            if array.shape not in {(n_rows,), (n_rows, 1)}:
                raise InputError(
                    f"--target: the array {name!r} has the shape {array.shape}; give "
                    f"one of shape ({n_rows},) for each target."
                )
            array = array.ravel()
        elif not array.ndim or len(array) != n_rows:
            warnings.warn(
                f"array {name!r} has the shape {array.shape}, and {targets[0]!r} has "
                f"{n_rows} rows; it is left out.",
                UserWarning,
                stacklevel=3,
            )
            continue
        kept[name] = array
    return _flattened(kept, path)


def _with_columns(arrays, wanted, path):
    """Return the arrays that have wanted columns, as columns."""
    kept = {}
    for name, array in arrays.items():
        shape = getattr(array, "shape", ())
        if shape and wanted & set(_names_of(name, shape)):
            _check_array(name, array, path)
            kept[name] = array
    shapes = {name: array.shape for name, array in kept.items()}
    if len({shape[0] for shape in shapes.values()}) > 1:
        raise InputError(
            f"arrays of {path.name!r} have different numbers of rows: {shapes}."
        )
    return _flattened(kept, path)


def _check_array(name, array, path):
    if not isinstance(array, np.ndarray) or array.dtype.kind == "V":
        raise InputError(
            f"{name!r} of {path.name!r} is no array of numbers or text, but of "
            "records or raw bytes; leave it out with --drop, or save its fields."
        )


def _names_of(name, shape):
    """Return the names of the columns of an array."""
    return [name] if len(shape) == 1 else [f"{name}_{i}" for i in range(_width(shape))]


def _width(shape):
    return math.prod(shape[1:])


def _flattened(arrays: Mapping[str, np.ndarray], path) -> DataFrame:
    """Return arrays of as many rows as columns."""
    import pandas as pd

    tables = [
        pd.DataFrame(
            array.reshape(len(array), _width(array.shape)),
            columns=_names_of(name, array.shape),
        )
        for name, array in arrays.items()
    ]
    table = pd.concat(tables, axis=1) if tables else pd.DataFrame()
    check_unique(table.columns.tolist(), path)
    return table
