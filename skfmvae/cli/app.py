"""The program: it runs a command and turns errors into exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .commands import after_interrupt
from .errors import InputError

__all__ = ["main"]

USAGE_ERROR = 2
INTERRUPTED = 130  # the code that shells use


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str or None, default=None
        The arguments; None stands for those of the process.

    Returns
    -------
    exit_code : int
        0 after success, 2 if the arguments or a file cannot be used, 130 after an
        interrupt. A line on stderr gives the reason of each but 0.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    try:
        # Imported here because an interrupt may come in the seconds that it takes.
        from .arguments import parse

        options = parse(argv)
        options.run(options)
    except InputError as error:
        # Messages of other packages may have several lines.
        print(f"skfmvae: error: {' '.join(str(error).split())}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print(f"\nskfmvae: interrupted; {after_interrupt(argv)}", file=sys.stderr)
        return INTERRUPTED
    return 0
