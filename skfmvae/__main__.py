"""The command line: ``python -m skfmvae --help``."""

import sys

from skfmvae.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
