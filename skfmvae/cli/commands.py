"""The commands: their names, what they are for, and what an interrupt leaves."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COMMANDS", "Command", "after_interrupt"]


@dataclass(frozen=True)
class Command:
    """A command; the module of its name has its options and runs it.

    Parameters
    ----------
    summary : str
        What it is for, in a few words.
    after_interrupt : str, default="nothing was written."
        What an interrupt leaves.
    """

    summary: str
    after_interrupt: str = "nothing was written."


# In the order of the help. Nothing is imported here, because an interrupt may come
# while packages are imported.
COMMANDS = {
    "study": Command(
        "how many labels are needed", "the same command continues where it stopped."
    ),
    "fit": Command("fit a model to a table in a file"),
    "predict": Command("predict the targets of new rows"),
    "complete": Command("fill the blank labels and entries of a table"),
    "sample": Command("generate rows, with chosen targets where wanted"),
    "info": Command("show what a model was fitted to"),
}


def after_interrupt(arguments: list[str]) -> str:
    """Return what an interrupt leaves.

    Parameters
    ----------
    arguments : list of str
        Of the command line.

    Returns
    -------
    sentence : str
        That of the command that the first argument names.
    """
    command = COMMANDS.get(arguments[0]) if arguments else None
    return command.after_interrupt if command else "nothing was done."
