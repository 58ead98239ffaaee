"""What is in a file: fields of text, the columns of a frame, or arrays."""

from __future__ import annotations

import csv
import warnings
import zipfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .errors import InputError
from .fields import one_line

__all__ = [
    "PARQUET",
    "SEPARATORS",
    "Content",
    "check_unique",
    "kind_of_file",
    "read_file",
]

SEPARATORS = {".csv": ",", ".tsv": "\t"}
PARQUET = {".parquet", ".pq"}
COMPRESSED = {".gz", ".bz2", ".xz", ".zst", ".zip"}
LONGEST_FIELD = 2**31 - 1  # characters; the module csv has a limit, pandas has none
LONGEST_REASON = 300  # characters; some libraries quote much of the file


class Content(NamedTuple):
    """What is in a file.

    Parameters
    ----------
    kind : {"text", "frame", "arrays"}
        Fields of text, the columns of a frame, or arrays.
    names : list of str
        Of all columns or arrays, also of those left out.
    columns : DataFrame or dict of str to ndarray
        By name. Empty fields of text are missing.
    """

    kind: str
    names: list[str]
    columns: Any


def kind_of_file(path: Path) -> str:
    """Return the ending that says what is in a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ending : str
        In lower case, without that of a compressed file; "" where there is none.

    Examples
    --------
    >>> from pathlib import Path
    >>> from skfmvae.cli.readers import kind_of_file
    >>> kind_of_file(Path("data.CSV.gz"))
    '.csv'
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def read_file(path: Path, drop: Collection[str] = ()) -> Content:
    """Read all columns of a file, or all arrays.

    Parameters
    ----------
    path : Path
        A CSV, Parquet or NPZ file.
    drop : collection of str, default=()
        Arrays to leave out, which may hold what cannot be read.

    Returns
    -------
    content : Content
        What is in it. No code in the file is run.

    Raises
    ------
    InputError
        If the file cannot be read for any reason, or two columns have one name.

    Warns
    -----
    UserWarning
        If rows of CSV have fewer fields than the first.
    """
    kind = kind_of_file(path)
    if kind == ".npz":
        content = Content("arrays", *_read(_read_npz, path, drop))
    elif kind in SEPARATORS:
        content = Content("text", *_read(_read_csv, path, SEPARATORS[kind]))
    elif kind in PARQUET:
        content = Content("frame", *_read(_read_parquet, path))
    else:
        raise InputError(
            f"{path.name!r} ends in none of .csv, .tsv, .parquet, .pq and .npz; "
            "convert or rename it."
        )
    check_unique(content.names, path)
    if content.kind != "arrays":
        content.columns.columns = content.names
    return content


def check_unique(names: list[str], path: Path) -> None:
    """Check that no two columns of a file have one name.

    Parameters
    ----------
    names : list of str
        Of the columns.
    path : Path
        The file.

    Raises
    ------
    InputError
        If two have.
    """
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(
            f"{path.name!r} has two columns named {repeated[0]!r}; rename one."
        )


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
