"""Tables from files: features, and targets with blanks."""

from __future__ import annotations

import difflib
import warnings
import zipfile
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skfmvae._compat import parse_version

from .errors import InputError

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["read_table"]

TEXT = {".csv": ",", ".tsv": "\t"}
PARQUET = {".parquet", ".pq"}
COMPRESSED = {".gz", ".bz2", ".xz", ".zst", ".zip"}


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
        Partial labels as the estimators take them; numbers are whole where they can be.

    Raises
    ------
    InputError
        If the file cannot be read, has no such columns, or no labels in one of them.

    Warns
    -----
    UserWarning
        If an array of NPZ has another number of rows, and is left out.
    """
    if not path.exists():
        raise InputError(f"there is no file {str(path)!r}; check the path.")
    both = sorted(set(targets) & set(drop))
    if both:
        raise InputError(f"--drop names {both[0]!r}, which --target asks for.")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    kind = suffixes[-1] if suffixes else ""
    try:
        if kind == ".npz":
            table = _read_npz(path, targets, drop)
        elif kind in PARQUET:
            table = _read_parquet(path)
        elif kind in TEXT:
            table = _read_csv(path, TEXT[kind])
        else:
            raise InputError(
                f"{path.name!r} ends in none of .csv, .tsv, .parquet, .pq and .npz; "
                "convert or rename it."
            )
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{str(path)!r} cannot be read: {error}") from error
    if kind != ".npz":
        check_columns(table, targets, "--target", path)
        check_columns(table, drop, "--drop", path)
        table = table.drop(columns=list(drop))
    if not len(table):
        raise InputError(f"{path.name!r} has no rows.")
    X, y = table.drop(columns=list(targets)), table[list(targets)].copy()
    for name in targets:
        y[name] = _labels(y[name], path)
    return X, y


def check_columns(
    names: Collection[str], wanted: Collection[str], option: str, path: Path
) -> None:
    """Check that a table has what an option names.

    Parameters
    ----------
    names : collection of str
        What there is.
    wanted : collection of str
        What there should be.
    option : str
        That asks for it.
    path : Path
        The file.

    Raises
    ------
    InputError
        If it has not.
    """
    known = list(names)
    for name in wanted:
        if name in known:
            continue
        if len(known) == 1 and any(mark in known[0] for mark in ";\t|"):
            remedy = "its columns are not separated by commas, which they should be."
        elif near := difflib.get_close_matches(name, known, n=3):
            remedy = f"did you mean {' or '.join(map(repr, near))}?"
        else:
            more = f", and {len(known) - 10} more" if len(known) > 10 else ""
            remedy = f"it has {', '.join(map(repr, known[:10]))}{more}."
        raise InputError(f"{option}: {path.name!r} has no column {name!r}; {remedy}")


def _read_csv(path, separator):
    import pandas as pd

    settings = {"sep": separator, "skipinitialspace": True, "index_col": False}
    if parse_version(pd.__version__) < parse_version("3.1"):
        # Later ones read numbers to the last bit, and deprecate saying so.
        settings["float_precision"] = "round_trip"
    # Two columns of one name would get two names, and one of them be a feature.
    head = pd.read_csv(path, header=None, nrows=1, dtype=str, **settings)
    _check_names(head.iloc[0].dropna().tolist(), path)
    with warnings.catch_warnings():
        # Of rows with more fields than there are names, which would be cut.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(path, low_memory=False, **settings)
        except pd.errors.ParserWarning as error:
            raise ValueError("it has rows with more fields than the first.") from error


def _read_parquet(path):
    import pandas as pd

    table = pd.read_parquet(path, engine="pyarrow").reset_index(drop=True)
    table.columns = table.columns.map(str)
    _check_names(table.columns.tolist(), path)
    return table


def _check_names(names, path):
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(
            f"{path.name!r} has two columns named {repeated[0]!r}; rename one."
        )


def _read_npz(path, targets, drop):
    """Return all arrays that have a row for each of the first target's, as columns."""
    import pandas as pd

    if not zipfile.is_zipfile(path):
        raise ValueError("it is not an NPZ file, as numpy.savez writes it.")
    # Objects could run code as they are loaded.
    with np.load(path, allow_pickle=False) as archive:
        check_columns(archive.files, targets, "--target", path)
        check_columns(archive.files, drop, "--drop", path)
        names = [name for name in archive.files if name not in drop]
        arrays = {name: archive[name] for name in names}
    n_rows = len(np.atleast_1d(arrays[targets[0]]))
    tables = []
    for name, array in arrays.items():
        if name in targets:
            if array.shape not in {(n_rows,), (n_rows, 1)}:
                raise InputError(
                    f"--target: the array {name!r} has the shape {array.shape}; give "
                    f"one of shape ({n_rows},) for each target."
                )
        elif not array.ndim or len(array) != n_rows:
            warnings.warn(
                f"array {name!r} has the shape {array.shape}, and {targets[0]!r} has "
                f"{n_rows} rows; it is left out.",
                UserWarning,
                stacklevel=3,
            )
            continue
        flat = array.reshape(n_rows, -1)
        one = array.ndim == 1 or name in targets
        columns = [name] if one else [f"{name}_{i}" for i in range(flat.shape[1])]
        tables.append(pd.DataFrame(flat, columns=columns))
    table = pd.concat(tables, axis=1)
    _check_names(table.columns.tolist(), path)
    return table


def _labels(column, path):
    """Return a target with numbers that are whole where they can be."""
    from pandas.api import types

    if types.is_bool_dtype(column.dtype) or types.is_integer_dtype(column.dtype):
        labels = column.astype(object) if column.hasnans else column
        known = labels.notna() & (labels != -1)
    elif types.is_float_dtype(column.dtype):
        labels = column.astype(float).fillna(-1)
        known = labels != -1
        # Else it is not for classifiers, which they tell themselves.
        if (labels == np.floor(labels)).all() and np.isfinite(labels).all():
            labels = labels.astype(np.int64)
    else:
        labels = column.astype(object).where(column.notna(), None)
        labels = labels.map(lambda v: (v.strip() or None) if isinstance(v, str) else v)
        labels = labels.mask(labels == "-1", None)
        known = labels.notna()
    if not known.any():
        raise InputError(
            f"--target: column {column.name!r} of {path.name!r} has no label; give "
            "some rows one, or name another column."
        )
    # As text, for what has no hash.
    if labels[known].astype(str).nunique() == 1:
        raise InputError(
            f"--target: column {column.name!r} of {path.name!r} has one value only, "
            f"{str(labels[known].iloc[0])!r}; label rows with another, or name another "
            "column."
        )
    return labels
