"""Tables of results: frames where pandas is installed, dicts of arrays elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

__all__ = ["Table", "as_table"]

# A DataFrame, or a dict of str to ndarray: both give a column by its name.
Table: TypeAlias = Any


def as_table(columns: Mapping[str, Sequence[Any]]) -> Table:
    """Return columns as a table.

    Parameters
    ----------
    columns : dict of str to sequence
        The columns, of one length.

    Returns
    -------
    table : DataFrame, or dict of str to ndarray
        A dict where pandas is not installed.
    """
    try:
        from pandas import DataFrame
    except ImportError:
        return {name: np.array(column) for name, column in columns.items()}
    return DataFrame(dict(columns))
