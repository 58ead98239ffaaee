"""Splits of partly labelled rows, in which all rows that are scored have labels."""

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
from skfmvae.targets import as_array, missing_entries

from .targets import read_targets

__all__ = ["PartialLabelKFold", "PartialLabelShuffleSplit"]

# Bounds on the time that is spent on labels which one pass leaves uneven.
N_SWAPS = 200
N_UNEVEN = 20  # labels that are tried for a swap, those furthest off
N_ITEMS = 200  # kinds of them that are tried of a part


class _PartialLabelSplitter(BaseCrossValidator):
    """Splits whose test rows have a label; rows without one are there to train on.

    A known value of a quantity is a label too, which all values of it share.
    """

    # As scikit-learn's GroupsConsumerMixin has it: groups are passed on if given.
    __metadata_request__split = {"groups": True}

    n_splits: int

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Generate the positions of training and test rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows, of which only the number counts.
        y : array-like of shape (n_samples,) or (n_samples, n_properties), default=None
            Partial labels, marked as for the estimators; they must be given. A column
            of numbers of which any is fractional holds a quantity.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group are never on both sides of a split; an unlabelled row
            whose group is tested is left out. Every row must have one.

        Yields
        ------
        train : int64 ndarray
            Labelled rows that are not tested, and unlabelled ones.
        test : int64 ndarray
            Rows with a label or a known quantity of one property or more.

        Raises
        ------
        ValueError
            If there are no labels, or too few labelled rows or groups of them; if the
            group of a row is None, NaN or ``pd.NA``.
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
        """Yield which labelled items are tested, rows or groups of so many rows.

        Parameters
        ----------
        counts : csr_array of shape (n_items, n_labels)
            How often an item has each label.
        sizes : int ndarray of shape (n_items,)
            How many labelled rows it has.

        Yields
        ------
        is_tested : bool ndarray of shape (n_items,)
        """

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits.

        Parameters
        ----------
        X, y, groups : object, default=None
            Of no matter; as scikit-learn's splitters have them.

        Returns
        -------
        n_splits : int
            As it was given.
        """
        return self.n_splits


class PartialLabelKFold(_PartialLabelSplitter):
    """Folds of the labelled rows; unlabelled rows are trained on in every split.

    Every value of every property is spread evenly over the folds, as far as rows with
    several labels, and groups, allow. The numbers of rows of two folds differ by one at
    most, or with groups by the size of the largest. A row of which only a quantity is
    known is labelled too.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds.
    shuffle : bool, default=False
        Whether to deal the rows in a random order; else in theirs.
    random_state : int, RandomState instance or None, default=None
        Seed of that order.

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
    """Random splits of the labelled rows; unlabelled rows are always trained on.

    Every value of every property is split alike, as far as rows with several labels,
    and groups, allow. A row of which only a quantity is known is labelled too.

    Parameters
    ----------
    n_splits : int, default=10
        Number of splits.
    test_size : float or int, default=0.2
        Share or number of the labelled rows, or of the groups with one, to test. A
        share is rounded; at least one is tested, and one trained on.
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
            # Of labels too, for which of them are rounded up shall not be the same.
            mixed = counts[order][:, random_state.permutation(n_labels)]
            part = np.empty(n, dtype=int)
            part[order] = _deal(
                mixed, np.ones(n, dtype=int), np.array([n_test, n - n_test])
            )
            yield part == 0


def _numbered(groups):
    """Return a number for each row's group, the same for equal ones."""
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
    """Return how often each item has each label, of those that several items have."""
    n_values = codes.max(axis=0, initial=-1) + 1
    row, column = np.nonzero(codes >= 0)
    label = (np.cumsum(n_values) - n_values)[column] + codes[row, column]
    shape = (n_items, int(n_values.sum()))
    counts = sparse.csr_array(
        (np.ones(len(row), dtype=int), (item[row], label)), shape=shape
    )
    counts.sum_duplicates()
    # One item cannot be spread, and there may be as many such labels as rows.
    return counts[:, np.bincount(counts.indices, minlength=shape[1]) > 1]


def _deal(counts: sparse.csr_array, sizes: np.ndarray, quota: np.ndarray) -> np.ndarray:
    """Deal items to parts, so that each part gets its share of every label.

    Of the items that are alike, each part gets its share, rounded down, and the rest
    one by one: those with the rarest label first (Sechidis et al. 2011), large ones
    first among them, to the part that lessens the sum of squares of what labels lack of
    their shares up to there. The number of rows is one label more, so that rounding
    errors do not add up.

    Parameters
    ----------
    counts : csr_array of shape (n_items, n_labels)
        How often an item, a row or a group of them, has each label.
    sizes : int ndarray of shape (n_items,)
        The size of each item.
    quota : int ndarray of shape (n_parts,)
        The size of each part, in the ratio of its share. The smallest parts go beyond
        it where all are full. No part stays empty.

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
            # In turns, so that neighbours among the items are spread too.
            lap = np.concatenate([np.arange(n) for n in number[turn]])
            to = to[np.argsort(lap, kind="stable")]
        part[items] = to
    return part


def _round(counts, sizes, n_items, quota):
    """Return how many items of each kind go to each part.

    All numbers are whole, in units of a share of the total, so that what is equal is.

    Parameters
    ----------
    counts : csr_array of shape (n_kinds, n_labels)
        Of an item of each kind, the last of them its size.
    sizes, n_items : int ndarray of shape (n_kinds,)
        Size and number of these items.
    quota : int ndarray of shape (n_parts,)
        As for `_deal`.

    Returns
    -------
    given : int ndarray of shape (n_kinds, n_parts)
        The numbers.
    turns : int ndarray of shape (n_kinds, n_parts)
        The order in which parts want items of the kind.
    lacking : int ndarray of shape (n_labels, n_parts)
        What parts have too few of each label.
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
    """Swap items of a size between parts while a label is off its share by one or more.

    It changes `given` and `lacking`, which `_round` returned, and ends where no swap of
    the items that are tried lessens the sum of squares.
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
            gives = np.flatnonzero(~lacks & (given[:, source] > 0))[:N_ITEMS]
            takes = np.flatnonzero(lacks & (given[:, to] > 0))[:N_ITEMS]
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
    rarity += np.arange(len(rarity))  # for labels that are as rare
    rarest = np.minimum.reduceat(rarity[counts.indices], counts.indptr[:-1])
    return np.lexsort((-counts.sum(axis=1), rarest))
