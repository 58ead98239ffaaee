"""Export what predicts targets for programs without Python."""

from __future__ import annotations

import argparse

from skfmvae.persistence import export_onnx

from .features import listed
from .installed import check_installed
from .model_file import load_model
from .options import add_model, add_out
from .writing import check_out, write_file

__all__ = ["add_options", "run"]

ONNX = ".onnx"  # the ending of the name of a file
MOST_CATEGORIES = 5  # of a column in a line
MIDNIGHT = "T00:00:00.000000"

EXPORT_DESCRIPTION = """\
Writes what predicts the targets to a file in the format ONNX, which other programs run
without Python.
"""

EXPORT_DETAILS = """\
Of a model's two directions it is the one from rows to targets. It takes rows of numbers
and gives the probabilities of the classes of each target, as skfmvae predict does. What
is printed says which number stands for what; missing entries are NaN.

It needs pip install "skfmvae[onnx]".

example:
  skfmvae export model.safetensors --out model.onnx
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options and the help of the command.

    Parameters
    ----------
    parser : ArgumentParser
        To add them to.
    """
    parser.description, parser.epilog = EXPORT_DESCRIPTION, EXPORT_DETAILS
    add_model(parser)
    add_out(parser, "the graph, ending in .onnx")


def run(options: argparse.Namespace) -> None:
    """Write the file, and print what goes in and comes out.

    Parameters
    ----------
    options : Namespace
        What `parse` returned.

    Raises
    ------
    InputError
        If a file cannot be used, or a library is missing.
    """
    check_installed("onnx", "onnxscript", files=[])
    check_out(options.out, [ONNX], [options.model])
    model = load_model(options.model)
    write_file(options.out, lambda path: export_onnx(model.estimator, path))
    print(f"{options.out}\n\nin, as the columns of X:")
    for column in model.estimator.columns_.columns:
        print(f"  {column.name}: {_meaning(column)}")
    print("out, as probabilities:")
    for name, classes in model.targets.items():
        print(f"  {name}: {listed(list(map(str, classes)), MOST_CATEGORIES)}")


def _meaning(column) -> str:
    """Return what the numbers of a column mean."""
    if column.categories is not None:
        codes = [f"{code} = {value}" for code, value in enumerate(column.categories)]
        return listed(codes, MOST_CATEGORIES)
    if column.holds == "dates":
        return f"days since {column.origin.removesuffix(MIDNIGHT)}"
    return "days" if column.holds == "durations" else "the number"
