"""The one kind of error that the command line shows without a traceback."""

from __future__ import annotations

__all__ = ["InputError"]


class InputError(Exception):
    """What was asked for, or the file, cannot be used; the message says what to do."""
