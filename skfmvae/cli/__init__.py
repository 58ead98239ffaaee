"""The command line: studies of how many labels are needed, from a file to a report."""

from .app import main

__all__ = ["main"]
