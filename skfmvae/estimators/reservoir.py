"""Rows of a stream that are kept, and as how many rows each of them counts."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from skfmvae.columns import chosen_rows, stacked_rows

__all__ = ["Reservoir", "StreamedRows", "kept_rows"]


@dataclass(frozen=True, eq=False)
class StreamedRows:
    """Some rows of a stream, with all that is known of them.

    Parameters
    ----------
    X : frame, ndarray or CSR matrix of shape (n_samples, n_features)
        As they came.
    codes : int64 ndarray of shape (n_samples, K)
        Classes of the discrete properties, -1 for unknown.
    quantities : float64 ndarray of shape (n_samples, Q)
        Continuous properties in their own units, NaN for unknown.
    weight : float64 ndarray of shape (n_samples,)
        Sample weights.
    predicted : float64 ndarray of shape (n_samples, P)
        What a model said of the properties before it saw the row; NaN where none did.
    n_taught : int64 ndarray of shape (n_samples,)
        Rows with a label that this model had seen.
    """

    X: Any
    codes: np.ndarray
    quantities: np.ndarray
    weight: np.ndarray
    predicted: np.ndarray
    n_taught: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def is_labelled(self) -> np.ndarray:
        """Return which rows have a label or a quantity, bool of shape (n_samples,)."""
        return (self.codes >= 0).any(axis=1) | ~np.isnan(self.quantities).all(axis=1)

    def choose(self, index: np.ndarray) -> StreamedRows:
        """Return copies of some rows.

        Parameters
        ----------
        index : int64 ndarray of shape (n_chosen,)
            Their positions.

        Returns
        -------
        rows : StreamedRows
            In that order.
        """
        others = {f.name: getattr(self, f.name)[index] for f in fields(self)[1:]}
        return StreamedRows(chosen_rows(self.X, index), **others)

    def followed_by(self, other: StreamedRows) -> StreamedRows:
        """Return these rows and then others.

        Parameters
        ----------
        other : StreamedRows
            With the same columns.

        Returns
        -------
        rows : StreamedRows
            All of them.
        """
        others = {
            f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)])
            for f in fields(self)[1:]
        }
        return StreamedRows(stacked_rows(self.X, other.X), **others)


def kept_rows(is_labelled: np.ndarray, key: np.ndarray, capacity: int) -> np.ndarray:
    """Return which rows to keep: a uniform sample with labels, another of the others.

    All labelled rows are kept up to half of the capacity, and more where the others are
    few. Of rows that keep their keys, and some of which were dropped by this rule, what
    is kept stays a uniform sample: it never grows again.

    Parameters
    ----------
    is_labelled : bool ndarray of shape (n_samples,)
        Which rows have a label.
    key : float64 ndarray of shape (n_samples,)
        Independent uniform draws; the rows with the lowest ones are kept.
    capacity : int
        Number of rows to keep.

    Returns
    -------
    kept : int64 ndarray of shape (min(n_samples, capacity),)
        Positions, in their order.
    """
    labelled, others = np.flatnonzero(is_labelled), np.flatnonzero(~is_labelled)
    n_labelled = min(len(labelled), max(capacity // 2, capacity - len(others)))
    kept = [
        rows[np.argsort(key[rows], kind="stable")[:n]]
        for rows, n in ((labelled, n_labelled), (others, capacity - n_labelled))
    ]
    return np.sort(np.concatenate(kept))


@dataclass(frozen=True, eq=False)
class Reservoir:
    """What is kept of the rows that a stream has shown.

    Parameters
    ----------
    rows : StreamedRows or None
        Those kept; None before the first, when nothing can be drawn.
    keys : float64 ndarray of shape (n_kept,)
        Uniform draws, one for each row, of which the lowest were kept.
    n_seen : tuple of int
        Rows seen without and with a label.
    n_begun : int
        Rows from which the model was begun.
    has_all : bool
        Whether all rows that the model has seen are kept.
    seed : int or None
        Of the draws of the next part; None before the first.
    """

    rows: StreamedRows | None
    keys: np.ndarray
    n_seen: tuple[int, int]
    n_begun: int
    has_all: bool
    seed: int | None

    def __len__(self) -> int:
        return 0 if self.rows is None else len(self.rows)

    def joined(self, part: StreamedRows) -> StreamedRows:
        """Return the rows kept, followed by those of a part.

        Parameters
        ----------
        part : StreamedRows
            With the same columns.

        Returns
        -------
        rows : StreamedRows
            All of them.
        """
        return part if self.rows is None else self.rows.followed_by(part)

    def after(
        self, part: StreamedRows, capacity: int, random_state, **changes: Any
    ) -> Reservoir:
        """Return what is kept once a part has been seen.

        Parameters
        ----------
        part : StreamedRows
            With the same columns.
        capacity : int
            Most rows to keep.
        random_state : RandomState
            Of the choice.
        **changes : dict
            Other attributes.

        Returns
        -------
        reservoir : Reservoir
            A new one, with copies of rows.
        """
        rows, counts = self.joined(part), np.bincount(part.is_labelled, minlength=2)
        keys = np.concatenate([self.keys, random_state.uniform(size=len(part))])
        kept = kept_rows(rows.is_labelled, keys, capacity)
        return replace(
            self,
            rows=rows.choose(kept),
            keys=keys[kept],
            n_seen=tuple((np.array(self.n_seen) + counts).tolist()),
            has_all=self.has_all and len(kept) == len(rows),
            seed=int(random_state.randint(np.iinfo(np.int32).max)),
            **changes,
        )

    def draw(self, n: int, random_state) -> StreamedRows:
        """Draw some of the rows kept, weighted so that they stand for all rows seen.

        Parameters
        ----------
        n : int
            Their number, by the rule of `kept_rows`.
        random_state : RandomState
            Of the draw.

        Returns
        -------
        rows : StreamedRows
            At most `n`; those with and those without a label weigh as many rows as were
            seen of each.
        """
        assert self.rows is not None
        is_labelled = self.rows.is_labelled
        drawn = kept_rows(is_labelled, random_state.uniform(size=len(self)), n)
        kinds = is_labelled[drawn].astype(int)
        n_drawn = np.bincount(kinds, minlength=2)
        count = np.array(self.n_seen) / np.maximum(n_drawn, 1)
        rows = self.rows.choose(drawn)
        return replace(rows, weight=rows.weight * count[kinds])
