"""Targets as partial labels."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest

from skfmvae.cli.errors import InputError
from skfmvae.cli.targets import as_labels
from skfmvae.targets import PartialLabelEncoder


def column(values, dtype=None):
    return pd.Series(values, name="kind", dtype=dtype)


def labelled(column):
    """Return the rows that are labelled for the estimators, and the classes."""
    encoder = PartialLabelEncoder().fit(as_labels(column, "data.csv"))
    encoded = encoder.transform(as_labels(column, "data.csv")).ravel()
    return (encoded >= 0).tolist(), encoder.classes[0].tolist()


@pytest.mark.parametrize(
    ("values", "known", "classes"),
    [
        ([3, -1, 7], [1, 0, 1], [3, 7]),
        ([3.0, None, -1.0, 7.0], [1, 0, 0, 1], [3, 7]),
        (column([3, None, 7], "Int64"), [1, 0, 1], [3, 7]),
        (column([2**53, None, 2**53 + 1], "Int64"), [1, 0, 1], [2**53, 2**53 + 1]),
        (["007", "07", " ", None, "7", "-1"], [1, 1, 0, 0, 1, 0], ["007", "07", "7"]),
        (["+", "-", None], [1, 1, 0], ["+", "-"]),
        (column([True, None, False], "boolean"), [1, 0, 1], [False, True]),
        (column(["a", None, "b"], "category"), [1, 0, 1], ["a", "b"]),
        (column([4, None, 2], "category"), [1, 0, 1], [2, 4]),
    ],
)
def test_only_blanks_and_minus_one_are_unlabelled(values, known, classes):
    assert labelled(column(values)) == (list(map(bool, known)), classes)


@pytest.mark.parametrize("word", ["None", "NA", "n/a", "nan", "NULL", "?", "unknown"])
def test_words_for_missing_are_classes_with_a_warning(word):
    values = column([word, "x", None, word])
    message = f"'kind' of 'data.csv'.*{re.escape(word)}' .2.*leave the fields empty"
    with pytest.warns(UserWarning, match=message):
        labels = as_labels(values, "data.csv")
    assert labels.tolist() == [word, "x", None, word]


@pytest.mark.parametrize("values", [[-1, 0, 1], [-1.0, 0.0, 1.0], ["-1", "0", "1"]])
def test_signs_may_be_classes(values):
    message = "-1 on 1 rows.* unlabelled; if -1 is a class, write another value"
    with pytest.warns(UserWarning, match=message):
        as_labels(column(values), "data.csv")
    # With blanks or other classes, -1 is unlabelled without a warning.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        as_labels(column([*values, None]), "data.csv")
        as_labels(column([*values, type(values[0])(2)]), "data.csv")


@pytest.mark.parametrize("classes", [["-2", "-3"], ["-2", "3"], ["-2", "0"]])
def test_negative_numbers_as_text_beside_minus_one(classes):
    message = "-1 on 2 rows.* unlabelled; if -1 is a class, write another value"
    for more in ([], [None]):
        with pytest.warns(UserWarning, match=message):
            as_labels(column([*classes, "-1", "-1", *more]), "data.csv")


def test_two_signs_are_one_class():
    with pytest.raises(InputError, match="one value only, '1'.*-1 marks them as unlab"):
        as_labels(column([-1, 1, -1, 1]), "data.csv")


@pytest.mark.parametrize(
    "values",
    [
        [0.5, 1.0, None, 2.0],
        ["0,5", "1,0", "2,0"],
        ["$1.50", "$2", "$3"],
        [*["1.5", "2", "3"] * 5, "?"],
        [np.inf, 1.0],
    ],
)
def test_quantities_are_refused(values):
    message = "--target: column 'kind' of 'data.csv' holds a quantity.*bin it"
    with pytest.raises(InputError, match=message):
        as_labels(column(values), "data.csv")


@pytest.mark.parametrize(
    ("n_classes", "n_labels", "is_kept"),
    [
        (101, 5000, {int: False, str: True}),
        (100, 5000, {int: True, str: True}),
        (1001, 5000, {int: False, str: False}),
        (51, 100, {int: False, str: False}),
        (50, 100, {int: True, str: True}),
        (10, 10, {int: True, str: True}),
        (11, 11, {int: False, str: False}),
    ],
)
def test_too_many_classes_are_refused(n_classes, n_labels, is_kept):
    numbers = np.arange(n_labels) % n_classes
    words = [f"w{number}" for number in numbers]
    for values, kind in ((numbers, int), (numbers.astype(float), int), (words, str)):
        if is_kept[kind]:
            assert len(set(as_labels(column(values), "data.csv"))) == n_classes
            continue
        message = f"holds {n_classes} different .*, in {n_labels} labels; "
        with pytest.raises(InputError, match=message):
            as_labels(column(values), "data.csv")


@pytest.mark.parametrize(
    "values",
    [
        pd.to_datetime(["2024-01-01", "2024-01-02"]),
        [b"a", b"b"],
        [[1], [2]],
        [np.ones(1), np.ones(2)],
        [1j, 2j],
    ],
    ids=["dates", "bytes", "lists", "arrays", "complex"],
)
def test_types_that_are_no_labels(values):
    with pytest.raises(InputError, match="--target: column 'kind' .* holds .* values"):
        as_labels(column(values), "data.csv")
