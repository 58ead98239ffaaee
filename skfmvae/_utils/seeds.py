"""Seeds of an estimator that are None."""

__all__ = ["unseeded"]


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
