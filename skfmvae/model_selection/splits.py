"""Splits of partly labelled rows; all test rows have labels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_random_state, indexable

from skfmvae._utils.checks import check_whole
from skfmvae._utils.missing import missing_entries
from skfmvae.targets import as_array

from .targets import read_targets

__all__ = ["PartialLabelKFold", "PartialLabelShuffleSplit"]

# Bounds on the time for labels that one pass leaves uneven.
N_SWAPS = 200
N_UNEVEN = 20  # labels to try a swap for, those furthest off
N_KINDS = 200  # kinds of items of a part to try


class _PartialLabelSplitter(BaseCrossValidator):
    """Splits whose test rows have a label; rows without one are training rows.

    All known values of a quantity count as one label.
    """

    # As in scikit-learn's GroupsConsumerMixin: groups are passed on if given.
    __metadata_request__split = {"groups": True}

    n_splits: int

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Generate the positions of training and test rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows; only their number is used.
        y : array-like of shape (n_samples,) or (n_samples, n_properties), default=None
            Partial labels, marked as for the estimators; required. A column of numbers
            of which any is fractional holds a quantity.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group are never on both sides of a split; an unlabelled row in a
            group of test rows is left out. Every row must have a group.

        Yields
        ------
        train : int64 ndarray
            Labelled rows that are no test rows, and unlabelled rows.
        test : int64 ndarray
            Rows with a label or a known quantity of at least one property.

        Raises
        ------
        ValueError
            If there are no labels, or too few labelled rows or groups of them, or if
            the group of a row is missing.
        """
        X, y, groups = indexable(X, y, groups)
        if y is None:
            raise ValueError("y is None; give partial labels to split by.")
        codes = read_targets(y).codes
        labelled = (codes >= 0).any(axis=1)
        group = np.arange(len(codes)) if groups is None else _numbered(groups)
        items, item = np.unique(group[labelled], return_inverse=True)
        counts = _count(codes[labelled], item, len(items))
        for is_tested in self._tests(counts, np.bincount(item)):
            tested = np.zeros(len(codes), dtype=bool)  # by group
            tested[items[is_tested]] = True
            tested = tested[group]
            yield np.flatnonzero(~tested), np.flatnonzero(tested & labelled)

    @abstractmethod
    def _tests(
        self, counts: sparse.csr_array, sizes: np.ndarray
    ) -> Iterator[np.ndarray]:
        """Yield which labelled items, rows or groups of rows, are test items.

        Parameters
        ----------
        counts : csr_array of shape (n_items, n_labels)
            Number of rows of each item with each label.
        sizes : int ndarray of shape (n_items,)
            Number of labelled rows of each item.

        Yields
        ------
        is_tested : bool ndarray of shape (n_items,)
        """

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits.

        Parameters
        ----------
        X, y, groups : object, default=None
            Ignored; for compatibility with scikit-learn.

        Returns
        -------
        n_splits : int
            The parameter.
        """
        return self.n_splits


class PartialLabelKFold(_PartialLabelSplitter):
    """Folds of the labelled rows; unlabelled rows are training rows in every split.

    Every class of every property is spread evenly over the folds, as far as rows with
    several labels, and groups, allow. The numbers of rows of two folds differ by at
    most one, or with groups by at most the size of the largest group. A row of which
    only a quantity is known counts as labelled.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds.
    shuffle : bool, default=False
        Whether to deal the rows in a random order rather than their own.
    random_state : int, RandomState instance or None, default=None
        Seed of the order.

    References
    ----------
    K. Sechidis, G. Tsoumakas, I. Vlahavas (2011). On the Stratification of Multi-label
    Data. Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.model_selection import PartialLabelKFold
    >>> y = np.array([0, -1, 1, 0, -1, 1])
    >>> for train, test in PartialLabelKFold(2).split(np.zeros((6, 1)), y):
    ...     print(train, test)
    [1 3 4 5] [0 2]
    [0 1 2 4] [3 5]
    """

    def __init__(
        self, n_splits: int = 5, *, shuffle: bool = False, random_state: Any = None
    ):
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state

    def _tests(self, counts, sizes):
        check_whole("n_splits", self.n_splits, 2)
        n = len(sizes)
        if n < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits}, but only {n} rows or groups have a label; "
                "ask for as many splits at most."
            )
        order = np.arange(n)
        if self.shuffle:
            check_random_state(self.random_state).shuffle(order)
        quota = np.full(self.n_splits, sizes.sum() // self.n_splits)
        part = np.empty(n, dtype=int)
        part[order] = _deal(counts[order], sizes[order], quota)
        for fold in range(self.n_splits):
            yield part == fold


class PartialLabelShuffleSplit(_PartialLabelSplitter):
    """Random splits of the labelled rows; unlabelled rows are always training rows.

    Every class of every property is split in the same proportion, as far as rows with
    several labels, and groups, allow. A row of which only a quantity is known counts as
    labelled.

    Parameters
    ----------
    n_splits : int, default=10
        Number of splits.
    test_size : float or int, default=0.2
        Share or number of the labelled rows, or of the groups with such rows, to test
        on. A share is rounded, to at least one test and one training item.
    random_state : int, RandomState instance or None, default=None
        Seed of the splits.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.model_selection import PartialLabelShuffleSplit
    >>> y = np.array([0, -1, 1, 0, -1, 1])
    >>> splits = PartialLabelShuffleSplit(1, test_size=0.5, random_state=0)
    >>> [(train, test)] = splits.split(np.zeros((6, 1)), y)
    >>> sorted(y[test].tolist())
    [0, 1]
    """

    def __init__(
        self,
        n_splits: int = 10,
        *,
        test_size: float | int = 0.2,
        random_state: Any = None,
    ):
        self.n_splits = n_splits
        self.test_size = test_size
        self.random_state = random_state

    def _tests(self, counts, sizes):
        check_whole("n_splits", self.n_splits, 1)
        (n, n_labels), size = counts.shape, self.test_size
        share = size / n if isinstance(size, Integral) else size
        if not isinstance(size, Real) or not 0 < share < 1:
            raise ValueError(
                f"test_size={size!r} should be a share between 0 and 1, or a number "
                f"below that of the labelled rows or groups, which is {n}."
            )
        if n < 2:
            raise ValueError(
                f"only {n} rows or groups have a label, which cannot both be tested "
                "and trained on; label more."
            )
        n_test = min(max(round(share * n), 1), n - 1)
        random_state = check_random_state(self.random_state)
        for _ in range(self.n_splits):
            order = random_state.permutation(n)
            # Labels are shuffled too, so that rounding favours no label.
            mixed = counts[order][:, random_state.permutation(n_labels)]
            part = np.empty(n, dtype=int)
            part[order] = _deal(
                mixed, np.ones(n, dtype=int), np.array([n_test, n - n_test])
            )
            yield part == 0


def _numbered(groups):
    """Return a number for each row's group, the same for equal groups."""
    values = np.array(as_array(groups), dtype=object)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(
            f"groups has shape {values.shape}; give one group for each row."
        )
    missing = np.flatnonzero(missing_entries(values))
    if len(missing):
        raise ValueError(
            f"groups holds {values[missing[0]]} in row {missing[0]}; give every row "
            "its group, and a group of its own to one that belongs to none."
        )
    number: dict[Any, int] = {}
    return np.array([number.setdefault(v, len(number)) for v in values.tolist()])


def _count(codes, item, n_items):
    """Return the rows of each item with each label that several items have."""
    n_values = codes.max(axis=0, initial=-1) + 1
    row, column = np.nonzero(codes >= 0)
    label = (np.cumsum(n_values) - n_values)[column] + codes[row, column]
    shape = (n_items, int(n_values.sum()))
    counts = sparse.csr_array(
        (np.ones(len(row), dtype=int), (item[row], label)), shape=shape
    )
    counts.sum_duplicates()
    # A label of one item cannot be spread, and there may be as many such as rows.
    return counts[:, np.bincount(counts.indices, minlength=shape[1]) > 1]


def _deal(counts: sparse.csr_array, sizes: np.ndarray, quota: np.ndarray) -> np.ndarray:
    """Return a part for each item, so that each part gets its share of every label.

    Each part gets its share, rounded down, of the items with the same labels. The
    others follow one by one, those with the rarest label first (Sechidis et al. 2011)
    and large ones first among them. An item goes to the part that most lessens the sum
    of squares of what labels lack of their shares. The number of rows counts as one
    more label, so that rounding errors do not add up.

    Parameters
    ----------
    counts : csr_array of shape (n_items, n_labels)
        Number of rows of each item, a row or a group of rows, with each label.
    sizes : int ndarray of shape (n_items,)
        The size of each item.
    quota : int ndarray of shape (n_parts,)
        The size of each part, in proportion to its share. Where all parts are full,
        the smallest ones exceed it. No part stays empty.

    Returns
    -------
    part : int ndarray of shape (n_items,)
    """
    counts = sparse.csr_array(sparse.hstack([counts, sizes[:, None]]))
    counts.sort_indices()
    kinds = _alike(counts)
    n_items = np.array([len(items) for items in kinds])
    counts = counts[[items[0] for items in kinds]]
    sizes = sizes[[items[0] for items in kinds]]
    given, turns, lacking = _round(counts, sizes, n_items, quota)
    _swap(counts, sizes, given, lacking, quota.sum())
    part = np.empty(n_items.sum(), dtype=int)
    for items, turn, number in zip(kinds, turns, given, strict=True):
        to = np.repeat(turn, number[turn])
        if len(to) > 1:
            # In turns, so that neighbouring items are spread too.
            lap = np.concatenate([np.arange(n) for n in number[turn]])
            to = to[np.argsort(lap, kind="stable")]
        part[items] = to
    return part


def _round(counts, sizes, n_items, quota):
    """Return how many items of each kind go to each part.

    All numbers are whole, in units of a share of the total, so that ties are exact.

    Parameters
    ----------
    counts : csr_array of shape (n_kinds, n_labels)
        Number of rows of an item of each kind with each label; the last is its size.
    sizes, n_items : int ndarray of shape (n_kinds,)
        Size and number of these items.
    quota : int ndarray of shape (n_parts,)
        As for `_deal`.

    Returns
    -------
    given : int ndarray of shape (n_kinds, n_parts)
        The numbers.
    turns : int ndarray of shape (n_kinds, n_parts)
        The order in which parts take items of the kind.
    lacking : int ndarray of shape (n_labels, n_parts)
        By how much each part lacks each label.
    """
    total = quota.sum()
    given, rest = np.divmod(n_items[:, None] * quota, total)
    turns = np.empty_like(given)
    lacking = np.zeros((counts.shape[1], len(quota)), dtype=int)
    room = quota - sizes @ given
    n_given = given.sum(axis=0)
    n_left, n_empty = n_items.sum() - n_given.sum(), np.count_nonzero(n_given == 0)
    for i in _rarest_first(counts, n_items):
        own = slice(counts.indptr[i], counts.indptr[i + 1])
        labels, count = counts.indices[own], counts.data[own]
        lack = lacking[labels] + count[:, None] * rest[i]
        gain = count @ lack
        turns[i] = np.argsort(-gain, kind="stable")
        for _ in range(rest[i].sum() // total):
            if n_left > n_empty:
                fits = np.flatnonzero(room >= min(sizes[i], room.max()))
            else:
                fits = np.flatnonzero(n_given == 0)
            to = fits[gain[fits].argmax()]
            n_empty -= n_given[to] == 0
            n_left -= 1
            given[i, to] += 1
            n_given[to] += 1
            room[to] -= sizes[i]
            lack[:, to] -= count * total
            gain[to] -= count @ count * total
        lacking[labels] = lack
    return given, turns, lacking


def _swap(counts, sizes, given, lacking, total):
    """Swap items of equal size between parts while a label is off its share by one.

    It changes the `given` and `lacking` of `_round` in place, and ends where no swap
    lessens the sum of squares.
    """
    by_label = counts.tocsc()
    for _ in range(N_SWAPS):
        off = np.abs(lacking).max(axis=1)
        n_uneven = min(np.count_nonzero(off >= total), N_UNEVEN)
        for label in np.argsort(-off, kind="stable")[:n_uneven]:
            to, source = lacking[label].argmax(), lacking[label].argmin()
            own = slice(by_label.indptr[label], by_label.indptr[label + 1])
            lacks = np.ones(len(given), dtype=bool)
            lacks[by_label.indices[own]] = False
            gives = np.flatnonzero(~lacks & (given[:, source] > 0))[:N_KINDS]
            takes = np.flatnonzero(lacks & (given[:, to] > 0))[:N_KINDS]
            if not (len(gives) and len(takes)):
                continue
            wanted = lacking[:, source] - lacking[:, to]
            a, b = counts[gives], counts[takes]
            squares = [(c * c).sum(axis=1) for c in (a, b)]
            loss = np.add.outer(
                a @ wanted + total * squares[0], total * squares[1] - b @ wanted
            )
            loss -= 2 * total * (a @ b.T).toarray()
            loss[sizes[gives][:, None] != sizes[takes]] = 0
            i, j = np.unravel_index(loss.argmin(), loss.shape)
            if loss[i, j] < 0:
                break
        else:
            return
        moved = total * (a[[i]] - b[[j]]).toarray()[0]
        lacking[:, to] -= moved
        lacking[:, source] += moved
        for kind, start, end in ((gives[i], source, to), (takes[j], to, source)):
            given[kind, start] -= 1
            given[kind, end] += 1


def _alike(counts):
    """Return the positions of the items that have the same labels, kind by kind."""
    kinds: dict[tuple[bytes, bytes], list[int]] = {}
    for i, (start, stop) in enumerate(pairwise(counts.indptr)):
        own = slice(start, stop)
        key = counts.indices[own].tobytes(), counts.data[own].tobytes()
        kinds.setdefault(key, []).append(i)
    return list(kinds.values())


def _rarest_first(counts, n_items):
    """Return the order of kinds by their rarest label, then from large to small."""
    rarity = (counts > 0).T @ n_items * counts.shape[1]
    rarity += np.arange(len(rarity))  # breaks ties between equally rare labels
    rarest = np.minimum.reduceat(rarity[counts.indices], counts.indptr[:-1])
    return np.lexsort((-counts.sum(axis=1), rarest))
