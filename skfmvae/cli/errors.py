"""The one kind of error that the command line shows without a traceback."""

from __future__ import annotations

__all__ = ["InputError"]


class InputError(Exception):
    """An option or the file cannot be used.

    Parameters
    ----------
    message : str
        What is wrong, where, and what to do about it.
    """

    def __init__(self, message: str):
        super().__init__(message)
