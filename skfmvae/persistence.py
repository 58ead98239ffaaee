"""Fitted estimators in files that hold no code."""

from __future__ import annotations

from typing import Any

from skfmvae._utils.tensor_files import InvalidFileError
from skfmvae.estimators.saving import load_estimator

__all__ = ["InvalidFileError", "load"]


def load(path: Any, **params: Any) -> Any:
    """Load an estimator, of whatever class it is.

    Parameters
    ----------
    path : str or path-like
        Of a file that the method `save` of an estimator has written.
    **params : dict
        Parameters in place of those of the file, see
        :meth:`skfmvae.FactorialMixtureVAE.load`.

    Returns
    -------
    estimator : object
        Fitted.

    Raises
    ------
    InvalidFileError
        When the file is damaged, or was made by a newer version.
    ValueError
        When a parameter that the file cannot hold is not given.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn.datasets import make_blobs
    >>> from skfmvae import SemiSupervisedVAE
    >>> from skfmvae.persistence import load
    >>> X, y = make_blobs(100, n_features=4, random_state=0)
    >>> estimator = SemiSupervisedVAE(max_epochs=3, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     estimator.save(f"{folder}/blobs.safetensors")
    ...     loaded = load(f"{folder}/blobs.safetensors")
    >>> np.array_equal(loaded.predict_proba(X), estimator.predict_proba(X))
    True
    """
    return load_estimator(path, params)
