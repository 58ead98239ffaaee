"""Rows as people have them, to numbers and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import validate_data

from skfmvae._utils.large import empty_rows, release

from .choice import chosen_columns, named_columns
from .coding import another_content, decoded, encoded, fitted, warn_of_unseen
from .dataset import (
    checked_dataset,
    dataset_batches,
    dataset_column,
    is_dataset,
    without_rows,
)
from .reading import Table, columns_of_numbers, read
from .text import check_text
from .writing import write_array, write_frame

__all__ = ["UNSEEN", "ColumnEncoder"]

UNSEEN = r"\d+ entries of X are categories that fit did not see"  # a warning


class ColumnEncoder(BaseEstimator):
    """Encode the columns of X as numbers, and write numbers as such columns again.

    Columns of numbers stay as they are, categories become codes, dates and durations
    numbers of days, and missing entries NaN. An array of numbers and a sparse matrix
    pass untouched.

    Parameters
    ----------
    categorical_features : "from_dtype", None, or array-like, default="from_dtype"
        Columns that hold categories, as in scikit-learn's gradient boosting:

        - "from_dtype": those of text and of a dtype of categories;
        - None: no column;
        - names of columns, a mask of booleans, or indices: these, and no other.
    few_rows : bool, default=False
        Whether rows may be few of a table: text that differs on nearly all of them is
        no reason to refuse a column, and zeros and ones may be other numbers elsewhere.

    Attributes
    ----------
    columns : tuple of Column or None
        What the columns hold; None where X is plain numbers.
    is_frame : bool
        Whether `fit` saw a frame.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where `fit` saw a frame and all are strings.
    n_features_in_ : int
        Number of columns, where they are known.

    Examples
    --------
    >>> import numpy as np
    >>> from skfmvae.columns import ColumnEncoder
    >>> X = np.array([["Lyon", 3.5], ["Nice", None], [None, 4.0]], dtype=object)
    >>> encoder = ColumnEncoder().fit(X)
    >>> [(column.name, column.kind) for column in encoder.columns]
    [('column 0', 'binary'), ('column 1', 'real')]
    >>> encoder.transform(X).tolist()
    [[0.0, 3.5], [1.0, nan], [nan, 4.0]]
    >>> encoder.inverse([[0.9, 3.7]]).tolist()
    [['Nice', 3.7]]
    """

    def __init__(
        self, categorical_features: Any = "from_dtype", *, few_rows: bool = False
    ):
        self.categorical_features = categorical_features
        self.few_rows = few_rows

    def fit(self, X: Any) -> ColumnEncoder:
        """Learn what the columns of X hold.

        Parameters
        ----------
        X : frame, dataset, array-like or sparse matrix of shape (n_samples, n_features)
            A frame of pandas, polars, PyArrow or another library that narwhals knows,
            or a ``pyarrow.dataset.Dataset``, of which one column at a time is in
            memory.

        Returns
        -------
        self : ColumnEncoder
            Fitted.

        Raises
        ------
        TypeError
            If an entry is neither a number nor a string, or a frame is not in memory.
        ValueError
            If a column holds text that is no category, numbers beside strings,
            infinity, or what cannot be a feature; if two have one name; if files of a
            dataset differ in their columns; or if `categorical_features` does not fit
            X.
        """
        if is_dataset(X):
            return self._fit_dataset(checked_dataset(X))
        table = read(X)
        if not isinstance(table, Table) and self._chooses():
            table = columns_of_numbers(table)
        self.columns = None
        self.is_frame = isinstance(table, Table) and table.backend is not None
        if not isinstance(table, Table):
            return self
        chosen = chosen_columns(self.categorical_features, table)
        is_plain = all(column.holds == "numbers" for column in table.columns)
        if is_plain and not self.is_frame and not chosen.any():
            return self
        if isinstance(self.categorical_features, str):  # and so the user chose none
            for raw in table.columns:
                if raw.holds == "text":
                    check_text(raw.name, raw.known, few_rows=self.few_rows)
        self.columns = tuple(
            fitted(raw, is_category=is_category)
            for raw, is_category in zip(table.columns, chosen, strict=True)
        )
        if self.few_rows:
            self.columns = tuple(map(_of_any_numbers, self.columns))
        self.labels, self.backend = table.labels, table.backend
        self.n_features_in_ = len(self.columns)
        if self.is_frame:
            validate_data(self, X, skip_check_array=True)
        return self

    def transform(self, X: Any) -> Any:
        """Encode rows.

        Parameters
        ----------
        X : frame, dataset, array-like or sparse matrix of shape (n_samples, n_features)
            With the columns that `fit` saw.

        Returns
        -------
        values : ndarray of shape (n_samples, n_features)
            Numbers, and codes of categories, with NaN for missing entries: float64, or
            float32 where every column is. The argument itself for plain numbers. Of a
            dataset a map of a temporary file, which vanishes with the array.

        Raises
        ------
        TypeError
            If an entry is neither a number nor a string.
        ValueError
            If columns have other names or another number than at `fit`, if one holds
            something else than at `fit`, or infinity.

        Warns
        -----
        UserWarning
            If there are categories that `fit` did not see; they count as missing.
        """
        unseen: dict[str, list[Any]] = {}
        if is_dataset(X):
            values = self._encoded_dataset(checked_dataset(X), unseen)
            warn_of_unseen(unseen)
            return values
        table = read(X)
        if self.columns is None:
            return self._plain(X, table)
        if isinstance(table, Table) and table.backend is not None:
            validate_data(self, X, reset=False, skip_check_array=True)
        elif not isinstance(table, Table):
            table = columns_of_numbers(table)
        if len(table.columns) != len(self.columns):
            raise ValueError(
                f"X has {len(table.columns)} features, but ColumnEncoder is expecting "
                f"{len(self.columns)} features as input."
            )
        values = self._encoded(table, unseen)
        warn_of_unseen(unseen)
        return values

    def code(self, position: int, values: Any) -> np.ndarray:
        """Encode values of one column.

        Parameters
        ----------
        position : int
            Of the column.
        values : object or array-like of shape (n_samples,)
            As `X` holds them.

        Returns
        -------
        codes : float64 ndarray of the shape of `values`
            Numbers as they are, and codes of categories.

        Raises
        ------
        ValueError
            If a value is no category of the column.
        """
        values = np.asarray(values, dtype=object)
        column = None if self.columns is None else self.columns[position]
        if column is None or column.categories is None:
            return values.astype(np.float64)
        code_of = {value: code for code, value in enumerate(column.categories.tolist())}
        unknown = [value for value in values.flat if value not in code_of]
        if unknown:
            raise ValueError(
                f"{unknown[0]!r} is no category of {column.name!r}; those of fit are "
                f"{list(code_of)}."
            )
        codes = [code_of[value] for value in values.flat]
        return np.array(codes, dtype=np.float64).reshape(values.shape)

    def inverse(self, values: Any) -> Any:
        """Write numbers as the columns that `fit` saw.

        Parameters
        ----------
        values : array-like of shape (n_samples, n_features)
            As `transform` returns them, or near: a category is that of the nearest
            code, integers are rounded and clipped to the range of their dtype.

        Returns
        -------
        X : frame or ndarray of shape (n_samples, n_features)
            A frame of the library that `fit` saw, with the same names and dtypes, or an
            array. Where a dtype has no missing value and one is needed, integers and
            booleans of pandas become nullable ones, and arrays those of floats or
            objects.
        """
        if self.columns is None:
            return values
        values = np.asarray(values)
        entries = [
            decoded(column, numbers.astype(np.float64))
            for column, numbers in zip(self.columns, values.T, strict=True)
        ]
        if self.backend is not None:
            return write_frame(self.columns, entries, self.labels, self.backend)
        return write_array(self.columns, entries)

    def _encoded(self, table, unseen):
        assert self.columns is not None
        values = [
            encoded(column, raw, unseen)
            for column, raw in zip(self.columns, table.columns, strict=True)
        ]
        return np.column_stack(values)

    def _fit_dataset(self, X):
        """Learn what the columns of a dataset hold, by encoders of single columns."""
        names = X.schema.names
        choices = [self.categorical_features] * len(names)
        if self._chooses():
            chosen = named_columns(self.categorical_features, names, len(names))
            choices = [[is_category] for is_category in chosen]
        single = [
            clone(self)
            .set_params(categorical_features=choice)
            .fit(dataset_column(X, name))
            for name, choice in zip(names, choices, strict=True)
        ]
        self.columns = tuple(column for own in single for column in own.columns or ())
        self.is_frame, self.backend = True, "pyarrow"
        self.labels, self.n_features_in_ = names, len(names)
        validate_data(self, without_rows(X), skip_check_array=True)
        return self

    def _encoded_dataset(self, X, unseen):
        """Return the numbers of a dataset, written to disk block by block."""
        if self.columns is None:
            raise ValueError("X is a dataset, but fit got an array; give as at fit.")
        empty = without_rows(X)
        validate_data(self, empty, reset=False, skip_check_array=True)
        is_single = all(str(field.type) == "float" for field in X.schema)
        dtype = np.float32 if is_single else np.float64
        shape = X.count_rows(), len(self.columns)
        values, start = empty_rows(shape, dtype, on_disk=True), 0
        for table in dataset_batches(X):
            stop = start + len(table)
            values[start:stop] = self._encoded(read(table), unseen)
            release(values)
            start = stop
        return values

    def _chooses(self):
        """Return whether the user chose columns."""
        choice = self.categorical_features
        return choice is not None and not isinstance(choice, str)

    def _plain(self, X, table):
        """Return X for an encoder of plain numbers."""
        if not isinstance(table, Table):
            return table
        if table.backend is not None:
            return X
        wrong = next(c for c in table.columns if c.holds != "numbers")
        raise another_content(wrong.name, "numbers", wrong)


def _of_any_numbers(column):
    """Return a column of zeros and ones as one of numbers."""
    is_binary = column.kind == "binary" and column.categories is None
    return replace(column, kind="real") if is_binary else column
