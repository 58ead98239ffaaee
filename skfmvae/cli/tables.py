"""Features and targets from files."""

from __future__ import annotations

import csv
import difflib
import math
import warnings
import zipfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import InputError
from .fields import one_line, typed
from .targets import as_labels

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["PARQUET", "check_columns", "read_table"]

SEPARATORS = {".csv": ",", ".tsv": "\t"}
PARQUET = {".parquet", ".pq"}
COMPRESSED = {".gz", ".bz2", ".xz", ".zst", ".zip"}
LONGEST_FIELD = 2**31 - 1  # characters; the module csv has a limit, pandas has none
LONGEST_REASON = 300  # characters; some libraries quote much of the file


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
    table = _load(path, targets, drop)
    if not len(table):
        raise InputError(f"{path.name!r} has no rows.")
    y = {name: as_labels(table[name], path.name) for name in targets}
    return table.drop(columns=list(targets)), pd.DataFrame(y)


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


def _load(path, targets, drop):
    """Return the columns of a file without those to drop."""
    import pandas as pd

    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    kind = suffixes[-1] if suffixes else ""
    if kind == ".npz":
        names, arrays = _read(_read_npz, path, drop)
        _check_names(names, targets, drop, path)
        return _as_columns(arrays, targets, path)
    if kind in SEPARATORS:
        names, table = _read(_read_csv, path, SEPARATORS[kind])
    elif kind in PARQUET:
        names, table = _read(_read_parquet, path)
    else:
        raise InputError(
            f"{path.name!r} ends in none of .csv, .tsv, .parquet, .pq and .npz; "
            "convert or rename it."
        )
    _check_names(names, targets, drop, path)
    table.columns = names
    table = table.drop(columns=list(drop))
    if kind in SEPARATORS:
        table = pd.DataFrame({name: typed(table[name]) for name in table})
    return table


def _read(reader: Callable, path: Path, *arguments):
    """Call a reader and turn its errors into `InputError`."""
    try:
        if not path.exists():
            raise InputError(f"there is no file {str(path)!r}; check the path.")
        return reader(path, *arguments)
    except InputError:
        raise
    # A damaged file may lead a library to any error.
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        if isinstance(error, UnicodeError):
            reason = f"{error}; save it in UTF-8."
        elif isinstance(error, OSError | ValueError) and str(error):
            reason = str(error)
        if len(reason) > LONGEST_REASON:
            reason = f"{reason[:LONGEST_REASON]} ..."
        raise InputError(f"{str(path)!r} cannot be read: {reason}") from error


def _read_csv(path, separator):
    """Return the names of the columns, and their fields as text."""
    import pandas as pd

    try:
        rows = pd.read_csv(
            path,
            sep=separator,
            header=None,
            dtype=str,
            keep_default_na=False,
            na_values=[""],
            skipinitialspace=True,
        )
    except pd.errors.ParserError as error:
        raise ValueError(
            f"{str(error).strip()}. No row may have more fields than the first; they "
            "are separated by commas in .csv and by tabs in .tsv, and quotes come in "
            "pairs."
        ) from error
    _warn_of_short_rows(path, separator, rows.shape[1])
    names = [one_line(name) for name in rows.iloc[0].fillna("")]
    # The names that pandas gives.
    names = [name or f"Unnamed: {i}" for i, name in enumerate(names)]
    return names, rows.iloc[1:].reset_index(drop=True)


def _warn_of_short_rows(path, separator, n_fields):
    """Warn of rows that lack fields; pandas reads them as empty."""
    from pandas.io.common import get_handle  # decompresses as `read_csv` does

    csv.field_size_limit(LONGEST_FIELD)
    with get_handle(path, "r", encoding="utf-8-sig", compression="infer") as file:
        rows = csv.reader(file.handle, delimiter=separator, skipinitialspace=True)
        # Blank lines are no rows.
        short = [rows.line_num for row in rows if any(row) and len(row) < n_fields]
    if short:
        warnings.warn(
            f"{len(short)} rows of {path.name!r} have fewer than the {n_fields} fields "
            f"of the first, such as line {short[0]}; the missing ones are taken for "
            "empty fields at the end.",
            UserWarning,
            stacklevel=2,
        )


def _read_parquet(path):
    """Return the names of the columns, and the columns."""
    import pandas as pd

    # Floats would round large whole numbers in columns with missing entries.
    table = pd.read_parquet(path, engine="pyarrow", dtype_backend="numpy_nullable")
    table = table.reset_index(drop=True)
    return [one_line(str(name)) for name in table], table


def _read_npz(path, drop):
    """Return the names of all arrays, and the arrays without those to drop."""
    if not zipfile.is_zipfile(path):
        raise ValueError("it is not an NPZ file, as numpy.savez writes it.")
    # Loading objects could run code.
    with np.load(path, allow_pickle=False) as archive:
        names = {file: one_line(file) for file in archive.files}
        # Dropped arrays may hold objects.
        kept = {file: name for file, name in names.items() if name not in drop}
        arrays = {name: _array(archive, file, name) for file, name in kept.items()}
    return list(names.values()), arrays


def _array(archive, file, name):
    """Return an array of an archive; the error about objects names it."""
    try:
        return archive[file]
    except ValueError as error:
        if "Object arrays" not in str(error):
            raise
        remedy = "save it as text or numbers, or leave it out with --drop"
        raise ValueError(
            f"array {name!r} holds objects ({error}); {remedy}."
        ) from error


def _check_names(names, targets, drop, path):
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(
            f"{path.name!r} has two columns named {repeated[0]!r}; rename one."
        )
    check_columns(names, targets, "--target", path)
    check_columns(names, drop, "--drop", path)


def _as_columns(arrays, targets, path):
    """Return the arrays with as many rows as the first target, as columns."""
    import pandas as pd

    n_rows = len(np.atleast_1d(arrays[targets[0]]))
    tables = []
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind == "V":
            raise InputError(
                f"{name!r} of {path.name!r} is no array of numbers or text, but of "
                "records or raw bytes; leave it out with --drop, or save its fields."
            )
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
        flat = array.reshape(n_rows, math.prod(array.shape[1:]))
        one = array.ndim == 1 or name in targets
        columns = [name] if one else [f"{name}_{i}" for i in range(flat.shape[1])]
        tables.append(pd.DataFrame(flat, columns=columns))
    table = pd.concat(tables, axis=1)
    _check_names(table.columns.tolist(), targets, (), path)
    return table
