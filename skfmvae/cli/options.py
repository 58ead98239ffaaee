"""What options of several commands share: their types, and whole options."""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .fields import one_line

__all__ = [
    "add_data",
    "add_drop",
    "add_model",
    "add_out",
    "add_quiet",
    "add_seed",
    "add_target",
    "list_of",
    "names",
    "number",
    "whole",
]

LARGEST_SEED = 2**32 - 1


# Types --------------------------------------------------------------------------------


def names(text: str) -> list[str]:
    """Split at commas outside quotes.

    Parameters
    ----------
    text : str
        Names with a comma between them.

    Returns
    -------
    names : list of str
        All different, with single spaces.

    Raises
    ------
    ArgumentTypeError
        If a name is empty or comes twice.
    """
    row = next(csv.reader([one_line(text)], skipinitialspace=True), [])
    found = [one_line(name) for name in row]
    if not all(found) or not found:
        raise argparse.ArgumentTypeError(
            f"{text!r} has an empty name; give names with a comma between them."
        )
    repeated = sorted({name for name in found if found.count(name) > 1})
    if repeated:
        raise argparse.ArgumentTypeError(f"names {repeated[0]!r} twice; once will do.")
    return found


def list_of(convert: Callable) -> Callable[[str], list]:
    """Return a type of several values with commas between them.

    Parameters
    ----------
    convert : callable
        The type of one value.

    Returns
    -------
    convert : callable
        From text to a list.
    """
    return lambda text: [convert(name) for name in names(text)]


def whole(low: int, high: float = math.inf) -> Callable[[str], int]:
    """Return a type of whole numbers.

    Parameters
    ----------
    low : int
        The smallest number that is allowed.
    high : float, default=inf
        The largest one.

    Returns
    -------
    convert : callable
        From text to a number.
    """
    span = f"of at least {low}" if high == math.inf else f"from {low} to {high}"

    def convert(text):
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"{text!r} should be a whole number {span}."
            )
        return value

    return convert


def number(text: str) -> float:
    """Return a finite number.

    Parameters
    ----------
    text : str
        As Python writes it.

    Returns
    -------
    number : float
        The number.

    Raises
    ------
    ArgumentTypeError
        If it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} should be a number.")
    return value


# Options ------------------------------------------------------------------------------


def add_data(parser: Any, what: str = "a CSV, Parquet or NPZ file") -> None:
    """Add the file to read.

    Parameters
    ----------
    parser : ArgumentParser or group of arguments
        To add it to.
    what : str, default="a CSV, Parquet or NPZ file"
        The help.
    """
    parser.add_argument("data", type=Path, help=what)


def add_model(parser: Any) -> None:
    """Add the file of a model.

    Parameters
    ----------
    parser : ArgumentParser or group of arguments
        To add it to.
    """
    parser.add_argument("model", type=Path, help="the file that skfmvae fit wrote")


def add_target(parser: Any) -> None:
    """Add the names of the targets.

    Parameters
    ----------
    parser : ArgumentParser or group of arguments
        To add it to.
    """
    parser.add_argument(
        "--target",
        required=True,
        type=names,
        metavar="NAME[,NAME...]",
        help="what to predict: columns with a label on some rows, or arrays",
    )


def add_drop(parser: Any) -> None:
    """Add the names of columns to leave out.

    Parameters
    ----------
    parser : ArgumentParser or group of arguments
        To add it to.
    """
    parser.add_argument(
        "--drop",
        default=[],
        type=names,
        metavar="NAME[,NAME...]",
        help="columns that are no features, such as an id",
    )


def add_seed(parser: Any, what: str) -> None:
    """Add the seed.

    Parameters
    ----------
    parser : ArgumentParser or group of arguments
        To add it to.
    what : str
        What is random.
    """
    parser.add_argument(
        "--seed",
        default=0,
        type=whole(0, LARGEST_SEED),
        metavar="N",
        help=f"seed of {what} (default: %(default)s)",
    )


def add_out(parser: Any, what: str) -> None:
    """Add the file to write.

    Parameters
    ----------
    parser : ArgumentParser or group of arguments
        To add it to.
    what : str
        What goes there.
    """
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="FILE",
        help=f"file for {what}, which is replaced if it exists",
    )


def add_quiet(parser: Any) -> None:
    """Add the option that leaves out the progress.

    Parameters
    ----------
    parser : ArgumentParser or group of arguments
        To add it to.
    """
    parser.add_argument("--quiet", action="store_true", help="show no progress")
