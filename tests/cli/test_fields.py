"""Fields of text as numbers, truth values and missing entries."""

import numpy as np
import pandas as pd
import pytest

from skfmvae.cli.fields import (
    missing_marks,
    one_line,
    read_dates,
    stripped,
    typed,
)


def test_names_have_single_spaces():
    assert one_line(" kind\u00a0 of\n\tthing ") == "kind of thing"


def test_fields_of_blanks_are_missing():
    text = stripped(pd.Series([" a b ", "\u00a0", "", None], dtype=object))
    assert text.isna().tolist() == [False, True, True, True]
    assert text[0] == "a b"


@pytest.mark.parametrize(
    ("fields", "dtype", "values"),
    [
        (["3", " -1 ", "+2"], "int64", [3, -1, 2]),
        (["3", None, "  "], "Int64", [3, pd.NA, pd.NA]),
        (["3", None, str(2**53 + 1)], "Int64", [3, pd.NA, 2**53 + 1]),
        (["1.5", "2", ".5"], "float64", [1.5, 2.0, 0.5]),
        (["1e3", None, "2."], "Float64", [1000.0, pd.NA, 2.0]),
        (["TRUE", "false"], "bool", [True, False]),
        (["true", None], "boolean", [True, pd.NA]),
        # Other fields, and numbers that would lose digits, keep all characters.
        (["007", "12"], "object", ["007", "12"]),
        (["1", str(2**63)], "object", ["1", str(2**63)]),
        (["1", "nan"], "object", ["1", "nan"]),
        (["1_000", "2"], "object", ["1_000", "2"]),
        (["yes", " no "], "object", ["yes", "no"]),
    ],
)
def test_columns_have_the_type_of_all_their_fields(fields, dtype, values):
    column = typed(pd.Series(fields, name="it", dtype=object))
    expected = pd.Series(values, name="it", dtype=dtype)
    pd.testing.assert_series_equal(column, expected)


def test_floats_are_those_of_python():
    rng = np.random.default_rng(0)
    values = rng.normal(size=500) * 10.0 ** rng.integers(-300, 300, size=500)
    column = typed(pd.Series(map(repr, values.tolist())))
    np.testing.assert_array_equal(column, values)


@pytest.mark.parametrize(
    "fields",
    [
        ["2024-02-29", "1999-12-31"],
        ["2024-02-29 10:30", "2024-02-29T10:30:05.25"],
        ["2024-02-29T10:30:00+02:00", "2024-02-29T10:30:00Z"],
    ],
)
def test_dates_are_those_of_numpy(fields):
    found = read_dates({**dict.fromkeys(fields, 10), "n/a": 50, "soon": 2})
    assert found.keys() == set(fields)
    for field, time in found.items():
        naive = field.removesuffix("Z").removesuffix("+02:00")
        shift = np.timedelta64(2 if "+02:00" in field else 0, "h")
        assert time.to_datetime64() == np.datetime64(naive) - shift


@pytest.mark.parametrize(
    "fields",
    [["31.12.2024"], ["5/6/24"], ["2024-02-30"], ["2024"], ["2024-05-01", "soon"], []],
)
def test_other_fields_are_no_dates(fields):
    assert read_dates(dict.fromkeys(fields, 1)) == {}


def test_marks_of_missing_entries():
    marks = "n/a N/A NA NULL null nan NaN None - -- . ? missing Unknown #N/A #DIV/0!"
    marks += " n.d. ND tbd TBA"
    marks = {*marks.split(), "Not available", "not\u00a0 applicable", "No data"}
    words = {"a", "no", "not", "0", "-1", "Nancy", "naked", "no pain", "not sick"}
    assert missing_marks(marks | words) == marks
    assert missing_marks(["+", "-", "?"]) == {"?"}
