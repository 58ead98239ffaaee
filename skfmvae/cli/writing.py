"""Tables to files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from .errors import InputError
from .readers import PARQUET, SEPARATORS, kind_of_file

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["TABLES", "check_out", "write_file", "write_table"]

# Endings of files that tables are written to.
TABLES = {*SEPARATORS, *PARQUET}


def check_out(path: Path, endings: Iterable[str], inputs: Iterable[Path]) -> None:
    """Check that a file can be written, before anything is computed.

    Parameters
    ----------
    path : Path
        The file.
    endings : iterable of str
        What its name may end in, compression aside.
    inputs : iterable of Path
        Files that it may not replace.

    Raises
    ------
    InputError
        If its name ends otherwise, if there is no such folder, or if it is one of the
        inputs.
    """
    endings = sorted(endings)
    if kind_of_file(path) not in endings:
        raise InputError(
            f"--out: {path.name!r} should end in {' or '.join(endings)}; rename it."
        )
    try:
        with suppress(FileNotFoundError):
            path.stat()  # raises what the methods below keep to themselves
        if path.is_dir():
            raise InputError(f"--out: {str(path)!r} is a folder; name a file in it.")
        if not path.parent.is_dir():
            raise InputError(
                f"--out: there is no folder {str(path.parent)!r}; make it first, or "
                "name a file elsewhere."
            )
        same = [file for file in inputs if file.exists() and path.exists()]
        if any(path.samefile(file) for file in same):
            raise InputError(
                f"--out: {str(path)!r} is the file to read, which would be lost; name "
                "another one."
            )
    # A path with characters such as null is a ValueError.
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", error)
        raise InputError(f"--out: {str(path)!r}: {reason}.") from error


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file that is there as a whole, or not at all.

    Parameters
    ----------
    path : Path
        The file, which is replaced if it exists.
    write : callable
        Writes to the path that it is given.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    try:
        # Within the folder, because moving files to another disk takes time.
        with TemporaryDirectory(prefix=".skfmvae-", dir=path.parent) as unfinished:
            written = Path(unfinished, path.name)
            write(written)
            written.replace(path)
    except (OSError, ImportError) as error:
        raise InputError(f"--out: {str(path)!r} cannot be written: {error}") from error


def write_table(table: DataFrame, path: Path) -> None:
    """Write a table to a file.

    Parameters
    ----------
    table : DataFrame
        The table.
    path : Path
        CSV or Parquet; for CSV missing entries are empty fields.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    kind = kind_of_file(path)
    if kind in PARQUET:
        write_file(path, lambda file: table.to_parquet(file, index=False))
    else:
        separator = SEPARATORS[kind]
        write_file(path, lambda file: table.to_csv(file, sep=separator, index=False))
