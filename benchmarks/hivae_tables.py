"""Tables that HI-VAE published, which of their entries to hide, and errors of filling.

Nazábal, Olmos, Ghahramani, Valera 2020, "Handling incomplete heterogeneous data using
VAEs". Some entries are truly missing: nobody knows them, and no error counts them.
"""

from dataclasses import dataclass, replace

import numpy as np
from common import DATA_FOLDER

NAMES = ("breast", "wine", "adult", "default_credit")
WITH_HIDDEN_CLASSES = ("breast", "wine", "default_credit")  # their last column


@dataclass(frozen=True)
class HivaeTable:
    """A table as it was published.

    Parameters
    ----------
    rows : ndarray of shape (n, D)
        Numbers, and codes of categories; NaN where an entry is truly missing.
    kinds : tuple of D str
        "real", "pos", "count", "cat" or "ordinal".
    n_values : int ndarray of shape (D,)
        Of columns of codes, the number of codes; 0 of others.
    masks : dict of str to bool ndarray of shape (n, D)
        Entries to hide, by name: "missing_20_1" hides 20 %, "missing_1050_1" 10 % of
        all columns but the last, and half of that.
    """

    rows: np.ndarray
    kinds: tuple
    n_values: np.ndarray
    masks: dict

    def some_rows(self, most, seed):
        """Return the table with at most so many rows, drawn by a seed."""
        if len(self.rows) <= most:
            return self
        kept = np.random.default_rng(seed).permutation(len(self.rows))[:most]
        masks = {name: mask[kept] for name, mask in self.masks.items()}
        return replace(self, rows=self.rows[kept], masks=masks)

    def with_gaps(self, hidden):
        """Return the rows with NaN where entries are hidden."""
        return np.where(hidden, np.nan, self.rows)


def read(name):
    """Return a table, of which entries that are truly missing are NaN."""
    with np.load(DATA_FOLDER / "hivae" / f"{name}.npz") as data:
        rows = data["data"]
        absent = unpack(data["truly_missing"], rows.shape)
        masks = {
            key: unpack(data[key], rows.shape)
            for key in data.files
            if key.startswith("missing_")
        }
        return HivaeTable(
            np.where(absent, np.nan, rows),
            tuple(data["kind"].tolist()),
            data["n_values"],
            masks,
        )


def unpack(bits, shape):
    """Return the mask that packed bits hold, row after row."""
    return np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape).astype(bool)


def column_errors(table, filled, hidden):
    """Return the error of each column over its hidden entries that are known.

    Of categories it is the share that is wrong; of ordinals the mean distance over the
    number of values; of others the root mean squared error over the column's range.

    Parameters
    ----------
    table : HivaeTable
    filled : ndarray of shape (n, D)
        Rows without a gap.
    hidden : bool ndarray of shape (n, D)

    Returns
    -------
    ndarray of shape (D,)
        NaN of a column without such an entry.
    """
    errors = np.full(len(table.kinds), np.nan)
    counted = hidden & ~np.isnan(table.rows)
    for column, kind in enumerate(table.kinds):
        here = counted[:, column]
        if not here.any():
            continue
        truth = table.rows[:, column]
        shift = filled[here, column] - truth[here]
        if kind == "cat":
            errors[column] = np.mean(shift != 0)
        elif kind == "ordinal":
            errors[column] = np.mean(np.abs(shift)) / table.n_values[column]
        else:
            spread = np.nanmax(truth) - np.nanmin(truth)
            errors[column] = np.sqrt(np.mean(shift**2)) / spread
    return errors


def mean_error(table, filled, hidden):
    """Return the mean of `column_errors` over columns that have one."""
    return float(np.nanmean(column_errors(table, filled, hidden)))
