"""A fitted model in a file, with what the command line has to know beside it."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .formats import Format
from .notation import Notation

__all__ = ["MODEL", "SavedModel", "load_model", "save_model"]

MODEL = ".safetensors"  # the ending of the name of a file


@dataclass(frozen=True)
class SavedModel:
    """A fitted estimator, and what the table was like that it was fitted to.

    Parameters
    ----------
    estimator : BaseVAE
        Fitted to a frame.
    notations : dict of str to Notation, default={}
        How columns of numbers are written.
    low_score : float or None, default=None
        Rows with a lower score are unlike those of the table; None where it is unknown.
    """

    estimator: Any
    notations: Mapping[str, Notation]
    low_score: float | None = None

    @property
    def formats(self) -> dict[str, Format]:
        """How each column is read and written, by name."""
        columns = self.estimator.columns_.columns
        return {
            column.name: Format(column, self.notations.get(column.name, Notation()))
            for column in columns
        }

    @property
    def targets(self) -> dict[str, list[Any]]:
        """The classes of each target, by name."""
        labels = self.estimator.targets_.labels
        names = labels.property_names[: labels.n_outputs]
        return dict(zip(names, (v.tolist() for v in labels.values), strict=False))

    @property
    def quantities(self) -> list[str]:
        """Names of the targets that are quantities."""
        return list(self.estimator.targets_.quantities.blocks)

    @property
    def columns_of_y(self) -> list[str]:
        """Names of the columns that `predict` and `sample` of the estimator return."""
        return self.estimator.targets_.quantities.order or list(self.targets)


def save_model(model: SavedModel, path: Path) -> None:
    """Write a model to a file.

    Parameters
    ----------
    model : SavedModel
        The model.
    path : Path
        The file.
    """
    path.write_bytes(pickle.dumps(model))


def load_model(path: Path) -> SavedModel:
    """Read a model from a file.

    Parameters
    ----------
    path : Path
        What `save_model` wrote, or the method `save` of an estimator.

    Returns
    -------
    model : SavedModel
        The model.

    Raises
    ------
    InputError
        If there is no such file, if it is damaged, or if the model was fitted to an
        array, whose columns have no names.
    """
    return pickle.loads(path.read_bytes())
