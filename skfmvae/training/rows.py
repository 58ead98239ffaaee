"""Rows on their way to the model: whole batches, cut by index."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator

import numpy as np
import scipy.sparse
import torch
from torch import Tensor
from torch.utils.data import Dataset

from skfmvae._utils.distributed import Share, n_processes, shared
from skfmvae._utils.random import draws_apart, generator_for, redirected_draws
from skfmvae.models.base import Batch, Labels

__all__ = ["BatchIterator", "Rows"]


class Rows(Dataset):
    """Rows with their partial labels and weights.

    Parameters
    ----------
    X : float32 ndarray, RowView or CSR matrix of shape (n, D)
        Dense, C-contiguous rows are shared with the tensor, never copied.
    codes : int64 ndarray of shape (n, K)
        Property values, -1 where unlabelled.
    sample_weight : ndarray of shape (n,) or None, default=None
        Weights of mean one; None weighs every row alike.
    device : str or torch.device, default="cpu"
        Where batches come out. Dense rows move there as a whole when they take less
        than half of its free memory.
    quantities : float32 ndarray of shape (n, Q) or None, default=None
        Values of continuous properties, NaN where unknown; None for no such property.
    """

    def __init__(self, X, codes, sample_weight=None, device="cpu", quantities=None):
        self.device = torch.device(device)
        self.chosen = None
        self.x = _as_tensor(X) if isinstance(X, np.ndarray) else X
        self.codes = torch.from_numpy(codes)
        if quantities is None:
            quantities = np.empty((len(codes), 0), dtype=np.float32)
        self.quantities = torch.from_numpy(quantities)
        if sample_weight is None:
            sample_weight = np.ones(len(codes), dtype=np.float32)
        self.weight = torch.from_numpy(np.asarray(sample_weight, dtype=np.float32))
        if _fits(self.x, self.device):
            self.x = self.x.to(self.device)
        self.codes = self.codes.to(self.device)
        self.quantities = self.quantities.to(self.device)
        self.weight = self.weight.to(self.device)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, index) -> Batch:
        """Return the rows numbered by an int64 CPU tensor."""
        here = index.to(self.device)
        values = self._values(index if self.chosen is None else self.chosen[index])
        labels = Labels(self.codes[here], self.quantities[here])
        return Batch(values, labels, self.weight[here], here)

    @property
    def all_known(self) -> bool:
        """Whether every discrete property is known on every row."""
        return bool((self.codes >= 0).all())

    def known(self) -> Tensor:
        """Return which property is known on which row, (n, K + Q), on the CPU."""
        known = torch.cat([self.codes >= 0, ~self.quantities.isnan()], dim=1)
        return known.cpu()

    def choose(self, index: Tensor) -> Rows:
        """Return some of the rows, renumbered; the values stay shared."""
        rows = copy.copy(self)
        rows.chosen = index if self.chosen is None else self.chosen[index]
        rows.codes = self.codes[index.to(self.device)]
        rows.quantities = self.quantities[index.to(self.device)]
        rows.weight = self.weight[index.to(self.device)]
        return rows

    def with_codes(self, codes: Tensor, index: np.ndarray | None = None) -> Rows:
        """Return the same rows with other property values, of some of them or all."""
        rows = copy.copy(self)
        codes = codes.to(self.device)
        if index is None:
            rows.codes = codes
        elif not torch.equal(codes, self.codes[index]):
            rows.codes = self.codes.clone()
            rows.codes[index] = codes
        return rows

    def without(self, hidden: Tensor) -> Rows:
        """Return the same rows without some of what is known, as in `known`."""
        hidden = hidden.to(self.device)
        n_properties = self.codes.shape[1]
        rows = self.with_codes(self.codes.masked_fill(hidden[:, :n_properties], -1))
        rows.quantities = self.quantities.masked_fill(
            hidden[:, n_properties:], torch.nan
        )
        return rows

    def without_labels(self) -> Rows:
        """Return the same rows with nothing known of their properties."""
        return self.without(self.known())

    def values(self):
        """Return all values, shared where possible, else an ndarray or a CSR matrix."""
        values = self.x.cpu().numpy() if torch.is_tensor(self.x) else self.x
        if self.chosen is not None:
            values = values[self.chosen.numpy()]
        return values if scipy.sparse.issparse(values) else np.asarray(values)

    def _values(self, index: Tensor) -> Tensor:
        if not torch.is_tensor(self.x):
            values = self.x[index.numpy()]
            if scipy.sparse.issparse(values):
                values = values.toarray()
            return torch.from_numpy(values).to(self.device)
        return self.x.index_select(0, index.to(self.x.device)).to(self.device)


class BatchIterator:
    """Batches of all rows in turn, with labelled rows mixed into each.

    An epoch visits every row once; `labelled_batch_size` makes each batch hold about
    that many labelled rows, shared evenly among the properties that have labels, by
    adding draws (with replacement) where too few come of themselves. A row's weight
    is one over its expected number of visits, so averages over the data stay what
    they were.

    Parameters
    ----------
    rows : Rows
    batch_size : int
        Rows per batch before labelled ones are added. Batches differ by at most one
        row, so that none is too small for batch normalisation.
    labelled_batch_size : int, default=0
    shuffle : bool, default=False
    augmentation : callable or None, default=None
        What changes the values (n, D) of each batch before it is learned from.

    Raises
    ------
    ValueError
        When processes share batches that have too few rows for each to have one.
    """

    def __init__(
        self,
        rows,
        batch_size,
        labelled_batch_size=0,
        shuffle=False,
        augmentation=None,
    ):
        self.rows = rows
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.augmentation = augmentation
        extra = _extra_draws(rows.known(), batch_size, labelled_batch_size)
        self.n_extra = sum(count for count, _ in extra)
        self._extra = extra
        self._weight = rows.weight.clone()
        smallest = len(rows) // len(self)
        if smallest < n_processes():
            raise ValueError(
                f"batch_size={batch_size} makes batches of {smallest} of {len(rows)} "
                f"rows, too few for each of {n_processes()} processes to have one; "
                "start fewer processes."
            )
        if extra:
            visits = torch.ones(len(rows))
            for count, labelled in extra:
                visits[labelled] += len(self) * count / len(labelled)
            self._weight *= (visits.mean() / visits).to(rows.device)

    def __len__(self) -> int:
        return max(1, len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        n_rows, n_batches = len(self.rows), len(self)
        generator = generator_for(torch.device("cpu"))
        order = torch.arange(n_rows)
        if self.shuffle:
            order = torch.randperm(n_rows, generator=generator)
        drawn = [
            labelled[
                torch.randint(len(labelled), (n_batches, count), generator=generator)
            ]
            for count, labelled in self._extra
        ]
        for number, index in enumerate(order.tensor_split(n_batches)):
            index = torch.cat([index, *(draws[number] for draws in drawn)])
            share = None
            if n_processes() > 1:
                share = Share.of_batch(len(index))
                index = share.of(index)
            batch = self.rows[index]
            with shared(share):
                x = self._augmented(batch.x)
            yield batch._replace(x=x, weight=self._weight[batch.number], share=share)

    def _augmented(self, x):
        if self.augmentation is None:
            return x
        with draws_apart(), redirected_draws():
            augmented = self.augmentation(x)
        if augmented.shape != x.shape:
            raise ValueError(
                f"augmentation={self.augmentation!r} returned rows of shape "
                f"{tuple(augmented.shape)} of rows of shape {tuple(x.shape)}; it must "
                "keep the shape."
            )
        return augmented


def _extra_draws(known, batch_size, labelled_batch_size):
    """List ``(draws per batch, labelled rows)`` of the properties short of labels.

    Properties that are known on the same rows share them.
    """
    distinct = {column.numpy().tobytes(): column for column in known.T}.values()
    labelled = [column.nonzero().squeeze(1) for column in distinct if column.any()]
    extra = []
    for index in labelled:
        wanted = labelled_batch_size / len(labelled)
        of_themselves = batch_size * len(index) / len(known)
        if (count := round(wanted - of_themselves)) > 0:
            extra.append((count, index))
    return extra


def _as_tensor(X):
    if X.flags.writeable:
        return torch.from_numpy(X)
    with warnings.catch_warnings():
        # Nobody writes to the tensor, so a read-only memory map is fine.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(X)


def _fits(x, device):
    if device.type != "cuda" or not torch.is_tensor(x):
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return x.nbytes < free / 2
