"""Which seeds of an estimator are left open."""

__all__ = ["unseeded"]


def unseeded(estimator) -> list[str]:
    """Return the names of all parameters `random_state` that are None, sorted.

    Parameters
    ----------
    estimator : estimator
        Those of its parts, such as the steps of a pipeline, are among the names.

    Returns
    -------
    names : list of str
        Nested ones as in `get_params`, such as "pca__random_state".
    """
    return sorted(
        name
        for name, value in estimator.get_params().items()
        if value is None and name.split("__")[-1] == "random_state"
    )
