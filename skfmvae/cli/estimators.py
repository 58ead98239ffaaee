"""Classifiers by the names of their classes."""

from __future__ import annotations

import difflib
import inspect
import warnings
from collections.abc import Sequence
from typing import Any

from sklearn.pipeline import make_pipeline
from sklearn.utils import all_estimators

import skfmvae
from skfmvae.columns import ColumnVectorizer
from skfmvae.ensemble import PartialLabelStacking

from .errors import InputError

__all__ = ["OURS", "make_estimators"]


# What a study compares where no estimator is named.
OURS = [PartialLabelStacking.__name__, *skfmvae.__all__]


def make_estimators(names: Sequence[str]) -> dict[str, Any]:
    """Make classifiers by name.

    Parameters
    ----------
    names : sequence of str
        Classes of this package, or of scikit-learn.

    Returns
    -------
    estimators : dict of str to classifier
        Unfitted, at their defaults; those of scikit-learn in a pipeline, after
        :class:`~skfmvae.columns.ColumnVectorizer`.

    Raises
    ------
    InputError
        If there is no class of a name, or the class needs arguments.

    Examples
    --------
    >>> from skfmvae.cli.estimators import make_estimators
    >>> made = make_estimators(["FactorialMixtureVAE", "LabelSpreading"])
    >>> made["FactorialMixtureVAE"], made["LabelSpreading"][-1]
    (FactorialMixtureVAE(), LabelSpreading())
    """
    return {name: _make(name) for name in names}


def _make(name):
    if name in skfmvae.__all__:
        return getattr(skfmvae, name)()
    if name == PartialLabelStacking.__name__:
        return PartialLabelStacking()
    with warnings.catch_warnings():
        # Listing deprecated classes warns of them.
        warnings.simplefilter("ignore", FutureWarning)
        classes = dict(all_estimators("classifier"))
    if name not in classes:
        known = {known.lower(): known for known in (*OURS, *classes)}
        near = difflib.get_close_matches(name.lower(), known, n=3)
        meant = f"did you mean {' or '.join(known[key] for key in near)}?"
        remedy = "name a class of this package or a classifier of scikit-learn's."
        raise InputError(
            f"--estimators: there is no {name!r}; {meant if near else remedy}"
        )
    parameters = inspect.signature(classes[name]).parameters.values()
    needed = [p.name for p in parameters if p.default is p.empty]
    # The only one that refuses its defaults, at `fit`.
    if name == "SelfTrainingClassifier":
        needed = ["estimator"]
    if needed:
        raise InputError(
            f"--estimators: {name} needs {' and '.join(needed)}; use "
            "skfmvae.model_selection.label_efficiency_curve in Python for it."
        )
    return make_pipeline(ColumnVectorizer(), classes[name]())
