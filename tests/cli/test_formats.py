"""Columns of another file, read and written as those of the fit."""

import pathlib

import numpy as np
import pandas as pd
import pytest

from skfmvae.cli.errors import InputError
from skfmvae.cli.features import as_features
from skfmvae.cli.formats import Format, notations_of, read_rows
from skfmvae.cli.notation import Notation
from skfmvae.cli.tables import read_columns, read_table
from skfmvae.columns import ColumnEncoder

# Columns of a file of the fit, fields of another file, and the entries they stand for.
COLUMNS = [
    (["1,200", "950", "3,000"], ["1,200", "", "5"], [1200, None, 5]),
    (["1.200,5", "950", "3,7"], ["1,200", "x", "?"], [1.2, None, None]),
    (["12%", "0.5", "0.7"], ["12%", "12%", "50"], [0.12, 0.12, 50]),
    (["0", "1", "1"], ["1", "2", ""], [1, None, None]),
    (["3", "4", "7"], ["", "", ""], [None, None, None]),
    (["007", "12a", "007"], ["12a", "007", "7"], ["12a", "007", None]),
    (["true", "FALSE", "true"], ["False", "TRUE", "maybe"], [False, True, None]),
    (
        ["2024-02-29", "2024-03-01", "2024-01-01"],
        ["2023-01-01 10:30", "soon", ""],
        [pd.Timestamp("2023-01-01 10:30"), None, None],
    ),
]


def write(path, **columns):
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


@pytest.mark.filterwarnings("ignore:column 'it':UserWarning")
@pytest.mark.filterwarnings("ignore:. fields of:UserWarning")
@pytest.mark.parametrize(("fields", "others", "entries"), COLUMNS)
def test_another_file_is_read_as_the_file_of_the_fit(tmp_path, fields, others, entries):
    first = write(tmp_path / "fit.csv", it=fields, y=[0, 1, 1])
    second = write(tmp_path / "new.csv", other=1, it=others)
    table, _ = read_table(first, ["y"])
    X = as_features(table, first.name)
    encoder = ColumnEncoder().fit(X)
    notations = notations_of(table)
    formats = {
        column.name: Format(column, notations.get(column.name, Notation()))
        for column in encoder.columns
    }
    new = read_rows(read_columns(second, formats), formats, second)
    assert new.columns.tolist() == ["it"]
    found = [None if pd.isna(entry) else entry for entry in new["it"]]
    assert found == entries
    # The encoder of the fit takes them.
    missing = np.isnan(encoder.transform(new)[:, 0].astype(float))
    assert missing.tolist() == [entry is None for entry in entries]


def test_fields_that_are_not_understood_are_named_once():
    encoder = ColumnEncoder().fit(pd.DataFrame({"n": [1.5, 2], "k": ["a", "b"]}))
    formats = {c.name: Format(c, Notation()) for c in encoder.columns}
    table = pd.DataFrame({"n": ["1", "x", "?"], "k": ["c", "c", "b"]})
    with pytest.warns(UserWarning, match="3 fields") as caught:
        read_rows(table, formats, pathlib.Path("new.csv"))
    (message,) = (str(warning.message) for warning in caught)
    assert message.endswith("by column: 'n' ('x': 1), 'k' ('c': 2).")


def test_missing_columns_are_named():
    encoder = ColumnEncoder().fit(pd.DataFrame({"width": [1], "mass": [2], "k": [1]}))
    formats = {c.name: Format(c, Notation()) for c in encoder.columns}
    path = pathlib.Path("new.csv")
    with pytest.raises(InputError, match="'wdith'|did you mean"):
        read_rows(pd.DataFrame({"wdith": [1], "mass": [1], "k": [1]}), formats, path)
    with pytest.raises(InputError, match="no columns 'width', 'mass', which"):
        read_rows(pd.DataFrame({"k": [1], "l": [2]}), formats, path)
    with pytest.raises(InputError, match="not separated by commas"):
        read_rows(pd.DataFrame({"width;mass;k": ["1;2;3"]}), formats, path)


@pytest.mark.parametrize(
    "values",
    [
        [1.25, None, 3.0],
        [True, None, False],
        pd.to_datetime(["2024-01-01 10:30:00", None, "2024-01-02 00:00:00"]),
        pd.to_datetime(["2024-01-01", None, "2024-01-03"]),
        ["a", None, "b"],
        pd.Categorical([1, None, 2]),
    ],
)
def test_what_is_written_can_be_read(values):
    column = pd.Series(values, name="it")
    encoder = ColumnEncoder().fit(column.to_frame())
    form = Format(encoder.columns[0], Notation())
    fields = form.write(column)
    assert fields.isna().tolist() == [False, True, False]
    assert all(isinstance(field, str) for field in fields.dropna())
    back, unread = form.read(fields)
    assert not unread
    np.testing.assert_array_equal(
        encoder.transform(back.to_frame()), encoder.transform(column.to_frame())
    )


def test_notations_of_numbers_of_any_kind():
    table = pd.DataFrame(
        {
            "text": ["1,200", "x1"],
            "price": ["$1,200.50", "$3"],
            "whole": [1.0, 2.0],
            "float": [1.25, 3],
            "long": [1 / 3, 1],
            "truth": [True, False],
        }
    )
    found = notations_of(table)
    decimals = {name: notation.decimals for name, notation in found.items()}
    assert decimals == {"price": 2, "whole": 0, "float": 2, "long": None}
    assert found["price"].unit == "$"
