"""The program: what was asked for is done, and what goes wrong becomes an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .errors import InputError

__all__ = ["main"]

USAGE_ERROR = 2
INTERRUPTED = 130  # as shells have it


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str or None, default=None
        The arguments; None takes those of the process.

    Returns
    -------
    exit_code : int
        0, or 2 where the arguments or the file cannot be used, for which there is one
        line on stderr, or 130 after an interrupt.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    try:
        # Only here, for it takes seconds, in which an interrupt may come.
        from .arguments import make_parser
        from .study import run_study

        run_study(make_parser().parse_args(argv), argv)
    except InputError as error:
        # One line, whatever a message of others looks like.
        print(f"skfmvae: error: {' '.join(str(error).split())}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        message = "interrupted; the same command goes on where it stopped."
        print(f"\nskfmvae: {message}", file=sys.stderr)
        return INTERRUPTED
    return 0
