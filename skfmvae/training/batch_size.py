"""How many rows a batch holds, and how many of them are labelled."""

from __future__ import annotations

from numbers import Integral

from sklearn.base import BaseEstimator

from skfmvae._utils.compat import Interval

__all__ = ["BatchSize"]


class BatchSize(BaseEstimator):
    """Numbers of rows in a batch.

    Parameters
    ----------
    rows : int, default=128
        Rows per batch before labelled ones are added.
    labelled : int, default=32
        Labelled rows that every batch shall hold, shared by the labelled properties.
        Their weights make up for being drawn more often.

    Examples
    --------
    >>> from skfmvae import FactorialMixtureVAE
    >>> from skfmvae.training import BatchSize
    >>> FactorialMixtureVAE(batch_size=BatchSize(256, labelled=64)).batch_size
    BatchSize(labelled=64, rows=256)
    """

    _parameter_constraints: dict = {
        "rows": [Interval(Integral, 2, None, closed="left")],
        "labelled": [Interval(Integral, 0, None, closed="left")],
    }

    # Defaults of 128 and 32: docs/decisions/021-batch-size.md.
    def __init__(self, rows: int = 128, labelled: int = 32):
        self.rows = rows
        self.labelled = labelled
