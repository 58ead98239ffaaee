"""Tables in Markdown, with where they come from, printed and kept in a page.

A table stands in a section of its own: a heading, a line with the command, commit,
date, machine and spread, and the table. With ``--save`` a benchmark replaces the
section that has the heading, so that figures are never typed.
"""

import argparse
import os
import platform
import shlex
import subprocess
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
DECISIONS = ROOT / "docs" / "decisions"


def add_save(parser):
    """Let a command line say whether its tables are kept, and in which page."""
    parser.add_argument(
        "--save",
        nargs="?",
        const=True,
        metavar="PAGE",
        help="replace the table in this page, by default in the one that it stands in",
    )


def report(heading, columns, rows, spread, save=None, page=RESULTS):
    """Print a table, and keep it in a page.

    Parameters
    ----------
    heading : str
        Of the section.
    columns : sequence of str
        Heads of the columns.
    rows : iterable of sequence of str
        Cells of each row.
    spread : str
        The seeds, draws or splits, and what stands in brackets.
    save : str, Path, True or None
        Page to keep the table in; True for the one that it stands in.
    page : Path
        Page that the table stands in.
    """
    body = f"{provenance(spread)}\n\n{markdown_table(columns, rows)}"
    print(f"\n## {heading}\n{body}", flush=True)
    if save is not None:
        page = page if save is True else Path(save)
        text = page.read_text(encoding="utf-8") if page.exists() else ""
        page.write_text(replace_section(text, heading, body), encoding="utf-8")


def provenance(spread):
    """Return the line that says where figures come from."""
    return f"`{command()}` - commit {commit()}, {date.today()}, {machine()}, {spread}."


def command():
    """Return the command line of this process, without what it saves."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    add_save(parser)
    _, arguments = parser.parse_known_args()
    words = ["python", f"benchmarks/{Path(sys.argv[0]).name}", *arguments]
    if threads := os.environ.get("OMP_NUM_THREADS"):
        words.insert(0, f"OMP_NUM_THREADS={threads}")
    return shlex.join(words)


def commit():
    """Return the short hash of the commit that is measured."""
    git = ["git", "-C", ROOT, "rev-parse", "--short", "HEAD"]
    return subprocess.check_output(git, text=True).strip()


def machine():
    """Describe what the figures are measured on."""
    return (
        f"{os.cpu_count()} cores {platform.machine()}, Python "
        f"{platform.python_version()}, torch {version('torch')}, scikit-learn "
        f"{version('scikit-learn')}"
    )


def markdown_table(columns, rows):
    """Return a table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def replace_section(text, heading, body):
    """Return the text of a page with the section of a heading replaced.

    A section ends where the next heading of any level begins. One that is missing comes
    last.
    """
    section = [f"## {heading}", *body.rstrip().split("\n"), ""]
    lines = text.rstrip("\n").split("\n") if text else []
    if section[0] in lines:
        start = lines.index(section[0])
        after = (n for n in range(start + 1, len(lines)) if lines[n].startswith("#"))
        end = next(after, len(lines))
        lines[start:end] = section
    else:
        lines += ["", *section] if lines else section
    return "\n".join(lines).rstrip("\n") + "\n"


def mean_and_deviation(figures, forms):
    """Return the mean of every column over rows, and its deviation, as cells.

    Parameters
    ----------
    figures : array-like of shape (n_draws, n_figures)
    forms : sequence of str
        Formats of each figure, such as ".1f".
    """
    return [
        f"{mean:{form}} ({deviation:{form}})"
        for mean, deviation, form in zip(
            np.mean(figures, axis=0), np.std(figures, axis=0), forms, strict=True
        )
    ]
