"""A fitted model in a file, with what the command line has to know beside it."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from skfmvae.persistence import load

from .errors import InputError
from .formats import Format
from .notation import Notation
from .writing import write_file

if TYPE_CHECKING:
    import numpy as np
    from pandas import DataFrame

__all__ = ["MODEL", "SavedModel", "load_model", "save_model"]

MODEL = ".safetensors"  # the ending of the name of a file


@dataclass(frozen=True)
class SavedModel:
    """A fitted estimator, and what the table was like that it was fitted to.

    Parameters
    ----------
    estimator : BaseVAE
        Fitted to a frame.
    notations : dict of str to Notation
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

    def filled(self, X: DataFrame) -> DataFrame:
        """Return rows with their missing entries filled.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_features)
            What `read_rows` returned.

        Returns
        -------
        X : DataFrame of shape (n_samples, n_features)
            With what is expected where an entry was missing.
        """
        return _as_pandas(self.estimator.impute(X))

    def sample(
        self, n_rows: int, properties: Mapping[str, Any], seed: int
    ) -> tuple[DataFrame, np.ndarray]:
        """Generate rows.

        Parameters
        ----------
        n_rows : int
            Number of rows.
        properties : dict of str to object
            Values of targets; others are drawn.
        seed : int
            Of the draws.

        Returns
        -------
        X : DataFrame of shape (n_rows, n_features)
            The features.
        y : ndarray of shape (n_rows, n_targets)
            The targets, see `columns_of_y`.
        """
        X, y = self.estimator.sample(n_rows, properties, seed)
        return _as_pandas(X), y.reshape(n_rows, -1)


def save_model(model: SavedModel, path: Path) -> None:
    """Write a model to a file.

    Parameters
    ----------
    model : SavedModel
        The model.
    path : Path
        The file.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    plain = asdict(Notation())
    estimator = copy.copy(model.estimator)
    # A fitted attribute like others, which the method `save` keeps.
    estimator.table_ = {
        "low_score": model.low_score,
        "notations": {
            name: {key: v for key, v in asdict(notation).items() if v != plain[key]}
            for name, notation in model.notations.items()
        },
    }
    write_file(path, estimator.save)


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
    try:
        if not path.exists():
            raise InputError(f"there is no file {str(path)!r}; check the path.")
        with warnings.catch_warnings():
            # Of settings that only training needs.
            warnings.simplefilter("ignore", UserWarning)
            estimator = load(path)
        table = getattr(estimator, "table_", {"notations": {}, "low_score": None})
        notations = {n: Notation(**fields) for n, fields in table["notations"].items()}
        low_score = table["low_score"]
        if low_score is not None:
            low_score = float(low_score)
        model = SavedModel(estimator, notations, low_score)
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{str(path)!r} cannot be read as a model: {reason}; give a file that "
            "skfmvae fit wrote."
        ) from error
    if not estimator.columns_.is_frame:
        raise InputError(
            f"the model in {path.name!r} was fitted to an array, whose columns have no "
            "names; fit it to a frame, or with skfmvae fit."
        )
    return model


def _as_pandas(frame):
    """Return a frame of any library as one of pandas."""
    import pandas as pd

    if isinstance(frame, pd.DataFrame):
        return frame
    return pd.DataFrame(nw.from_native(frame).to_dict(as_series=False))
