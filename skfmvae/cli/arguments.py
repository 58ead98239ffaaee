"""The arguments of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import skfmvae

from .commands import COMMANDS
from .errors import InputError

__all__ = ["make_parser", "parse"]


class _Parser(argparse.ArgumentParser):
    """A parser that raises its errors."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see {self.prog} --help)")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line.

    Returns
    -------
    parser : ArgumentParser
        It raises its errors as `InputError`. What it returns has `run`, the function
        that runs the command with these options.
    """
    parser = _Parser(prog="skfmvae", description=skfmvae.__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    for name, command in COMMANDS.items():
        module = import_module(f".{name}", __package__)
        page = commands.add_parser(
            name,
            help=command.summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_options(page)
        page.set_defaults(run=module.run)
    return parser


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse arguments.

    Parameters
    ----------
    arguments : sequence of str
        Of the command line.

    Returns
    -------
    options : Namespace
        The options of a command, its `run`, and the `arguments` themselves.

    Raises
    ------
    InputError
        If they cannot be used.
    """
    return make_parser().parse_args(
        arguments, argparse.Namespace(arguments=list(arguments))
    )
