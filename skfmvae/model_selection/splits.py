"""Splits of partly labelled rows, in which all rows that are scored have labels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_random_state, indexable
from sklearn.utils.validation import column_or_1d

from skfmvae._checks import check_whole
from skfmvae.labels import PartialLabelEncoder, columns_of

__all__ = ["PartialLabelKFold", "PartialLabelShuffleSplit"]


class _PartialLabelSplitter(BaseCrossValidator):
    """Splits whose test rows have a label; rows without one are there to train on."""

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
            Partial labels, marked as for the estimators; they must be given.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group are never on both sides of a split; an unlabelled row
            whose group is tested is left out.

        Yields
        ------
        train : int64 ndarray
            Labelled rows that are not tested, and unlabelled ones.
        test : int64 ndarray
            Rows with a label of one property or more.

        Raises
        ------
        ValueError
            If there are no labels, or too few labelled rows or groups of them.
        """
        X, y, groups = indexable(X, y, groups)
        if y is None:
            raise ValueError("y is None; give partial labels to split by.")
        columns = columns_of(y)
        codes = PartialLabelEncoder().fit(columns).transform(columns)
        labelled = (codes >= 0).any(axis=1)
        if groups is None:
            group = np.arange(len(codes))
        else:
            _, group = np.unique(column_or_1d(groups), return_inverse=True)
        items, item = np.unique(group[labelled], return_inverse=True)
        sizes = np.maximum(codes.max(axis=0) + 1, 1)
        counts = np.zeros((len(items), sizes.sum()))
        for k, start in enumerate(np.cumsum(sizes) - sizes):
            code = codes[labelled, k]
            known = code >= 0
            np.add.at(counts, (item[known], start + code[known]), 1)
        for is_tested in self._tests(counts):
            tested = np.isin(group, items[is_tested])
            yield np.flatnonzero(~tested), np.flatnonzero(tested & labelled)

    @abstractmethod
    def _tests(self, counts: np.ndarray) -> Iterator[np.ndarray]:
        """Yield which labelled items are tested, given their counts of each label."""

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
    several labels, and groups, allow.

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

    def _tests(self, counts):
        check_whole("n_splits", self.n_splits, 2)
        if len(counts) < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits}, but only {len(counts)} rows or groups have "
                "a label; ask for as many splits at most."
            )
        order = np.arange(len(counts))
        if self.shuffle:
            check_random_state(self.random_state).shuffle(order)
        part = np.empty(len(counts), dtype=int)
        part[order] = _deal(counts[order], np.full(self.n_splits, 1 / self.n_splits))
        for fold in range(self.n_splits):
            yield part == fold


class PartialLabelShuffleSplit(_PartialLabelSplitter):
    """Random splits of the labelled rows; unlabelled rows are always trained on.

    Every value of every property is split alike, as far as rows with several labels,
    and groups, allow.

    Parameters
    ----------
    n_splits : int, default=10
        Number of splits.
    test_size : float or int, default=0.2
        Share or number of the labelled rows, or of the groups with one, to test; met
        but for a row or two, as labels are split alike.
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

    def _tests(self, counts):
        check_whole("n_splits", self.n_splits, 1)
        n, size = len(counts), self.test_size
        share = size / n if isinstance(size, Integral) else size
        if not isinstance(size, Real) or not 0 < share < 1:
            raise ValueError(
                f"test_size={size!r} should be a share between 0 and 1, or a number "
                f"below that of the labelled rows or groups, which is {n}."
            )
        random_state = check_random_state(self.random_state)
        for _ in range(self.n_splits):
            order = random_state.permutation(n)
            part = np.empty(n, dtype=int)
            part[order] = _deal(counts[order], np.array([share, 1 - share]))
            yield part == 0


def _deal(counts: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Deal items to parts, so that each part gets its share of every label.

    The rarest label goes first; an item goes to the part that still wants most of its
    label, then most labels of any kind (Sechidis et al. 2011, algorithm 1).

    Parameters
    ----------
    counts : ndarray of shape (n_items, n_labels)
        How often an item, a row or a group of them, has each label.
    shares : ndarray of shape (n_parts,)
        Sum to one.

    Returns
    -------
    part : int ndarray of shape (n_items,)
    """
    wanted = shares[:, None] * counts.sum(axis=0)
    part = np.full(len(counts), -1)
    left = (counts > 0).sum(axis=0)
    while left.any():
        label = np.where(left > 0, left, np.inf).argmin()
        items = np.flatnonzero((part < 0) & (counts[:, label] > 0))
        # Large groups first, while there is room to make up for them.
        for item in items[np.argsort(-counts[items, label], kind="stable")]:
            # Rounded, so that what is wanted alike is.
            rank = np.round([wanted[:, label], wanted.sum(axis=1)], 6)
            part[item] = np.lexsort((-np.arange(len(shares)), rank[1], rank[0]))[-1]
            wanted[part[item]] -= counts[item]
            left -= counts[item] > 0
    return part
