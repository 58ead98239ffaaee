"""Seeds of an estimator that are None."""

from typing import Any

import numpy as np
from sklearn.base import clone

__all__ = ["seeded_clone", "unseeded"]


def seeded_clone(estimator: Any, random_state: np.random.RandomState) -> Any:
    """Return an unfitted copy of an estimator, with a seed wherever it had none.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.
    random_state : RandomState
        That draws the seeds.

    Returns
    -------
    estimator : estimator
        Every `random_state` that was None is a number.
    """
    copy = clone(estimator)
    largest = np.iinfo(np.int32).max
    seeds = {name: int(random_state.randint(largest)) for name in unseeded(copy)}
    return copy.set_params(**seeds)


def unseeded(estimator) -> list[str]:
    """Return the names of all parameters `random_state` that are None, sorted.

    Parameters
    ----------
    estimator : estimator
        The parameters of its parts, such as the steps of a pipeline, are included.

    Returns
    -------
    names : list of str
        Names of nested parameters as in `get_params`, such as "pca__random_state".
    """
    return sorted(
        name
        for name, value in estimator.get_params().items()
        if value is None and name.split("__")[-1] == "random_state"
    )
