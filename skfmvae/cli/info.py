"""Show what a model in a file was fitted to."""

from __future__ import annotations

import argparse

from .describe import columns_in_words
from .features import listed
from .installed import check_installed
from .model_file import load_model
from .options import add_model

__all__ = ["add_options", "run"]

INFO_DETAILS = """\
It prints the kind of model, the targets and their classes, and the columns that the
model needs, with what it takes them for.

example:
  skfmvae info model.safetensors
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options and the help of the command.

    Parameters
    ----------
    parser : ArgumentParser
        To add them to.
    """
    parser.description = "Shows what a model was fitted to."
    parser.epilog = INFO_DETAILS
    add_model(parser)


def run(options: argparse.Namespace) -> None:
    """Print what a model was fitted to.

    Parameters
    ----------
    options : Namespace
        What `parse` returned.

    Raises
    ------
    InputError
        If the file cannot be used.
    """
    check_installed(files=[])
    model = load_model(options.model)
    estimator = model.estimator
    print(f"{type(estimator).__name__}, fitted to {estimator.n_samples_fit_} rows")
    for name, classes in model.targets.items():
        print(f"target {name}: {listed(list(map(str, classes)))}")
    for name in model.quantities:
        print(f"target {name}: a quantity")
    columns = estimator.columns_.columns
    print(
        f"\n{columns_in_words(columns, estimator.likelihood_, estimator.missing_rate_)}"
    )
