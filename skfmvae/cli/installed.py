"""Which libraries the commands need."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from .errors import InputError
from .readers import PARQUET, kind_of_file

__all__ = ["check_installed"]


def check_installed(*names: str, files: Iterable[Path]) -> None:
    """Check that the libraries for a command are installed.

    Parameters
    ----------
    *names : str
        Of libraries beside pandas.
    files : iterable of Path
        To read and to write; Parquet needs PyArrow.

    Raises
    ------
    InputError
        If one is not.
    """
    needed = ["pandas", *names]
    if any(kind_of_file(path) in PARQUET for path in files):
        needed.append("pyarrow")
    for name in needed:
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            raise InputError(
                f'{name} is not installed; pip install "skfmvae[study]" brings it.'
            ) from error
