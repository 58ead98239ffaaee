"""Warnings as lines for the user."""

from __future__ import annotations

import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sklearn.exceptions import FitFailedWarning

__all__ = ["Notes", "collected_warnings", "print_warnings", "shorten_traceback"]


@dataclass
class Notes:
    """Lines for the user, each once, with how often it came.

    Parameters
    ----------
    warnings : list of str
        A line for each warning.
    failures : list of str
        A line for each error of a fit.
    """

    warnings: list[str]
    failures: list[str]


@contextmanager
def collected_warnings() -> Iterator[Notes]:
    """Collect warnings instead of showing them.

    Yields
    ------
    notes : Notes
        Filled at the end of the block. Warnings for developers are left out.
    """
    notes = Notes([], [])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # For those who write estimators, not for those who use them here.
        for ignored in (DeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", ignored)
        yield notes
    failures: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for warning in caught:
        text, category = str(warning.message), warning.category
        if issubclass(category, FitFailedWarning):
            failures[_without_split(text)] += 1
            continue
        if category is not UserWarning:
            text = f"{category.__name__}: {text}"
        others[text.partition("\n")[0]] += 1
    notes.warnings, notes.failures = _lines(others), _lines(failures)


def print_warnings(lines: Iterable[str]) -> None:
    """Print warnings on stderr.

    Parameters
    ----------
    lines : iterable of str
        A line for each.
    """
    for line in lines:
        print(f"skfmvae: warning: {line}", file=sys.stderr)


def shorten_traceback(message: str) -> str:
    """Return the first line and the error of a message that ends in a traceback.

    Parameters
    ----------
    message : str
        The message.

    Returns
    -------
    line : str
        The lines between are left out.
    """
    first, *_ = message.splitlines()
    errors = re.findall(r"^\w[\w.]*(?:Error|Exception|Interrupt)\b.*", message, re.M)
    return f"{first} {errors[-1] if errors else ''}".strip()


def _without_split(failure):
    """Return a failure in one line that does not depend on the split."""
    split = r" with \d+ labels, repeat \d+, fold \d+:"
    return shorten_traceback(re.sub(split, ":", failure, count=1))


def _lines(counts):
    return [text if n == 1 else f"{text} ({n} times)" for text, n in counts.items()]
