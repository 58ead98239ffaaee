"""Fitted estimators in files that hold no code, and as graphs for other programs."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skfmvae._utils.tensor_files import InvalidFileError
from skfmvae.estimators import BaseVAE
from skfmvae.estimators.saving import load_estimator

__all__ = ["InvalidFileError", "export_onnx", "load"]


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


def export_onnx(estimator: BaseVAE, path: Any) -> None:
    """Export what predicts probabilities to a file in the format ONNX.

    Programs without Python, PyTorch and this package can run it. The graph takes rows
    as the input "X", of shape (n_samples, n_features) for any number of them, and gives
    an output for each discrete property, by its name and of shape
    (n_samples, n_values): its probabilities, in float64 and divided by the temperature
    that hidden labels have calibrated.

    Parameters
    ----------
    estimator : BaseVAE
        Fitted.
    path : str or path-like
        Of the file, which is replaced.

    Raises
    ------
    ImportError
        Where onnx or onnxscript is missing; install ``skfmvae[onnx]``.
    ValueError
        When the estimator has no discrete property.

    Notes
    -----
    Rows are numbers as ``estimator.columns_.transform(X)`` returns them, NaN where an
    entry is missing: float32, or float64 where the estimator has an `origin_`. A row
    with nothing observed is not exchanged for the prior, as `predict_proba` does.
    """
    check_is_fitted(estimator)
    if not estimator.property_names_:
        raise ValueError("The estimator has no discrete property to export.")
    graph = _Probabilities(estimator).eval()
    dtype = torch.float32 if estimator.origin_ is None else torch.float64
    # More than one row: sizes of one are taken for fixed.
    rows = torch.zeros(2, estimator.n_features_in_, dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's, of itself
        torch.onnx.export(
            graph,
            (rows,),
            path,
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim.AUTO},),
            external_data=False,
            input_names=["X"],
            output_names=estimator.property_names_,
            verbose=False,
        )


class _Probabilities(nn.Module):
    """From rows to the calibrated probabilities of each property."""

    origin: Tensor | None

    def __init__(self, estimator: BaseVAE):
        super().__init__()
        self.model = copy.deepcopy(estimator.net_.module_).cpu()
        self.temperatures = list(estimator.judgement_.temperature.values())
        shift = estimator.origin_
        origin = None if shift is None else torch.from_numpy(shift)
        self.register_buffer("origin", origin)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return one tensor (n, C_k) for each property."""
        if self.origin is not None:
            x = (x - self.origin).float()
        log_proba = self.model.property_log_proba(x)
        return tuple(
            torch.softmax(values.double() / temperature, dim=1)
            for values, temperature in zip(log_proba, self.temperatures, strict=True)
        )
