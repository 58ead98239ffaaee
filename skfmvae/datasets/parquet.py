"""Tables that stay on disk."""

from __future__ import annotations

from os import PathLike
from typing import Any

import narwhals.stable.v2 as nw

__all__ = ["open_parquet"]


def open_parquet(
    folder: str | PathLike[str] | Any, target: str | list[str] | None = None
) -> tuple[Any, Any]:
    """Open files of Parquet as rows that stay on disk and targets in memory.

    Parameters
    ----------
    folder : str, path or pyarrow.dataset.Dataset
        A folder of files with the same columns, a file, or a dataset of PyArrow. Rows
        are in the order of the names of the files.
    target : str, list of str or None, default=None
        The column or the columns of targets, which the rows go without.

    Returns
    -------
    X : pyarrow.dataset.Dataset
        The other columns, for `fit`, `predict` and all else that takes rows.
    y : narwhals.Series, narwhals.DataFrame or None
        The targets, with their names: a series for one name, a frame for a list; a
        missing entry marks an unlabelled row. ``y.to_pandas()`` makes it one of pandas.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    ValueError
        If `target` names a column that is not there.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import pyarrow
    >>> from pyarrow.parquet import write_table
    >>> from skfmvae.datasets import open_parquet
    >>> with TemporaryDirectory() as folder:
    ...     for part in range(2):
    ...         rows = pyarrow.table({"size": [0.5, 1.5], "kind": ["a", None]})
    ...         write_table(rows, Path(folder) / f"{part}.parquet")
    ...     X, y = open_parquet(folder, target="kind")
    >>> X.schema.names, y.to_list()
    (['size'], ['a', None, 'a', None])
    """
    try:
        import pyarrow.dataset
    except ImportError as error:
        raise ImportError(
            "open_parquet needs pyarrow; pip install pyarrow installs it."
        ) from error
    X: Any = folder
    if not isinstance(folder, pyarrow.dataset.Dataset):
        X = pyarrow.dataset.dataset(folder)
    if target is None:
        return X, None
    names = [target] if isinstance(target, str) else list(target)
    schema = X.schema
    for name in names:
        if name not in schema.names:
            raise ValueError(
                f"target={target!r}: {name!r} is none of the columns {schema.names}."
            )
        schema = schema.remove(schema.get_field_index(name))
    y = nw.from_native(X.to_table(columns=names), eager_only=True)
    return X.replace_schema(schema), y[target] if isinstance(target, str) else y
