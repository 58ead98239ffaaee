"""Fitted estimators as files of tensors, which hold no code."""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import is_dataclass
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet

from skfmvae._utils.packing import Packer
from skfmvae._utils.tensor_files import InvalidFileError, read_tensors, write_tensors

from .judging import Judgement
from .restoring import example_of, restored, state_of
from .rows import RowsMixin

__all__ = ["SavingMixin", "load_estimator"]

FORMAT = 1  # of files; those of a higher one are refused
PACKAGES = ("skfmvae", "torch", "numpy", "scikit-learn")
# Rooms whose public classes are settings and fitted parts of an estimator.
ROOMS = (
    "columns",
    "estimators",
    "images",
    "models",
    "nn",
    "regularizers",
    "targets",
    "training",
)
# Parameters without which a fitted estimator predicts what it did.
ONLY_FOR_FITS = (
    "adversarial",
    "augmentation",
    "callbacks",
    "categorical_features",
    "checkpoint",
    "covariates",
    "neighbours",
    "objective",
    "optimizer",
)
# Attributes of an estimator that are saved in their own way, or not: rows.
APART = ("net_", "device_", "reservoir_")


class SavingMixin(RowsMixin):
    """Save fitted estimators to files, and load them."""

    def save(self, path: Any) -> None:
        """Save the fitted estimator to one file, without any code.

        The file is in the format of safetensors: tensors, and in the header JSON with
        the class, the parameters and the fitted attributes. It is written beside `path`
        and then put in its place, so that an earlier file stays if writing fails.

        Parameters
        ----------
        path : str or path-like
            Of the file. By convention it ends with ".safetensors".

        Raises
        ------
        ValueError
            When the state of a network of your own holds anything but tensors.
        OSError
            When the file cannot be written.

        See Also
        --------
        skfmvae.persistence.load : Load an estimator of any class.

        Notes
        -----
        Functions, and objects of other packages, are saved by name alone, see
        `load`.
        """
        check_is_fitted(self)
        own: Any = type(self)
        packer = Packer(_classes(own))
        about = {"format": FORMAT, "versions": _versions()}
        about["estimator"] = packer.pack_object(self, "", without=APART)
        about["net"] = {
            "max_epochs": self.net_.max_epochs,
            "n_complete_epochs": self.net_.n_complete_epochs_,
        }
        history = json.dumps(packer.pack(list(self.net_.history), "history"))
        about["foreign"] = packer.foreign
        arrays = packer.arrays | {"history": np.frombuffer(history.encode(), np.uint8)}
        tensors = {n: torch.from_numpy(np.array(a)) for n, a in arrays.items()}
        tensors |= state_of(self._model) | example_of(self)
        write_tensors(path, tensors, about)

    @classmethod
    def load(cls, path: Any, **params: Any):
        """Load an estimator of this class that was saved.

        Nothing that the file holds is run: there is no pickle in it, and classes are
        those of this package alone. Predictions are those of the estimator that was
        saved, to the bit on the same machine.

        Parameters
        ----------
        path : str or path-like
            Of a file that `save` has written.
        **params : dict
            Parameters in place of those of the file, also of settings, such as
            ``neighbours__distance``. Networks and likelihoods of your own have to be
            given, as the file holds no code: ``encoder=make_encoder``. What only
            training needs has its default where it is not given, and a warning names
            it.

        Returns
        -------
        estimator : object
            Fitted, on the device that its parameter `device` asks for, or on the CPU
            where there is no such device. `fit` and `partial_fit` go on as with any
            fitted estimator; rows that `partial_fit` has kept are not in the file.

        Raises
        ------
        skfmvae.persistence.InvalidFileError
            When the file is damaged, was made by a newer version, or holds an
            estimator of another class. It is a ValueError.
        ValueError
            When a parameter that the file cannot hold is not given.
        OSError
            When there is no such file.

        Warns
        -----
        UserWarning
            When parameters that only training needs have their defaults, because the
            file cannot hold what they were.
        """
        estimator = load_estimator(path, params, cls)
        if not isinstance(estimator, cls):
            name = type(estimator).__name__
            raise InvalidFileError(
                f"{path} holds a {name} and no {cls.__name__}; load it with "
                f"{name}.load, or with skfmvae.persistence.load."
            )
        return estimator


def load_estimator(
    path: Any, params: Mapping[str, Any], cls: type | None = None
) -> Any:
    """Load an estimator of any class, see `SavingMixin.load`.

    Parameters
    ----------
    path : str or path-like
        Of the file.
    params : dict of str to object
        Parameters in place of those of the file.
    cls : type or None, default=None
        A class that may be in the file beside those of the package.

    Returns
    -------
    estimator : BaseVAE
        Fitted.

    Raises
    ------
    InvalidFileError
        When the file does not hold one.
    ValueError
        When a parameter that the file cannot hold is not given.
    """
    data = Path(path).read_bytes()
    try:
        tensors, about = read_tensors(data)
        _check_format(about)
        lacking = _lacking(about, _classes(cls), params)
        if not lacking:
            estimator = restored(tensors, about, _classes(cls), params)
    except Exception as error:  # whatever content that nobody saved brings about
        raise InvalidFileError(f"{path} cannot be loaded: {error}") from error
    if lacking:
        raise ValueError(
            f"{path} was saved with {', '.join(f'{k}={v}' for k, v in lacking.items())}"
            ", which no file can hold. Give it again: load(path, "
            f"{', '.join(f'{name}=...' for name in lacking)})."
        )
    lost = [place for place in about["foreign"] if not _is_given(place, params)]
    if lost:
        warnings.warn(
            f"{path} could not hold {', '.join(lost)}, which only training needs and "
            "which are at their defaults now. Give them to load, by the names of "
            "set_params, to train again in the same way.",
            UserWarning,
            stacklevel=3,
        )
    return estimator


@cache
def _classes(cls: Any) -> dict[str, type]:
    """Return the classes of objects that files may hold, and `cls`, by name."""
    rooms = [import_module(f"skfmvae.{room}") for room in ROOMS]
    public = [getattr(room, name) for room in rooms for name in room.__all__]
    found = [item for item in public if _is_of_data(item)]
    found += [Judgement, *filter(None, [cls])]
    return {item.__name__: item for item in found}


def _is_of_data(item: Any) -> bool:
    """Return whether an object is a class of settings, or of what was learned."""
    if not isinstance(item, type) or inspect.isabstract(item):
        return False
    if issubclass(item, NeuralNet):  # which is code and data
        return False
    is_plain = (
        item.__module__.startswith("skfmvae.targets.") and item.__base__ is object
    )
    return is_plain or is_dataclass(item) or issubclass(item, BaseEstimator)


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _check_format(about: Mapping[str, Any]) -> None:
    number, version = about["format"], about["versions"].get("skfmvae")
    if type(number) is not int or number < 1:
        raise ValueError(f"its format is {number!r}, which is none")
    if number > FORMAT:
        raise ValueError(
            f"skfmvae {version} saved it in format {number}, and this version reads "
            f"formats up to {FORMAT}; update skfmvae"
        )


def _parameter(place: str) -> str:
    """Return the parameter from which what stood at a place comes."""
    name, *rest = place.split(".")
    return "__".join([name.rstrip("_"), *rest])


def _is_given(place: str, params: Mapping[str, Any]) -> bool:
    """Return whether parameters replace what stood at a place, or what holds it."""
    name = _parameter(place)
    return any(name == given or name.startswith(f"{given}__") for given in params)


def _lacking(
    about: Mapping[str, Any], classes: Mapping[str, type], params: Mapping[str, Any]
) -> dict[str, str]:
    """Return what is missing that predictions need, by the parameter that it was."""
    known = _class_of(about, classes)().get_params(deep=False)
    lacking = {}
    for place, what in about["foreign"].items():
        name = _parameter(place).partition("__")[0]
        is_needed = name in known and name not in ONLY_FOR_FITS
        if is_needed and not _is_given(place, params):
            lacking[name] = what
    return lacking


def _class_of(about: Mapping[str, Any], classes: Mapping[str, type]) -> Any:
    name = about["estimator"]["type"]
    if not issubclass(classes.get(name, object), SavingMixin):
        raise ValueError(f"it holds {name!r}, which is no estimator of skfmvae")
    return classes[name]
