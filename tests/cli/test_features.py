"""Columns of a table as features."""

import datetime
import re
import shlex
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from skfmvae.cli.arguments import make_parser
from skfmvae.cli.errors import InputError
from skfmvae.cli.features import as_features
from skfmvae.cli.tables import read_table
from skfmvae.columns import ColumnEncoder

MARKS = ["?", "-", "--", ".", "n/a", "N/A", "NA", "NULL", "nan", "None", "missing"]


MARKS += ["unknown", "#N/A", "#DIV/0!", "err"]


@pytest.mark.parametrize("mark", MARKS)
def test_marks_among_numbers_are_missing_entries(mark):
    numbers = np.random.default_rng(0).normal(size=300).round(1)
    fields = [mark if i in (7, 70) else str(n) for i, n in enumerate(numbers)]
    with pytest.warns(UserWarning, match="missing") as caught:
        X = as_features(pd.DataFrame({"pulse": fields}), "data.csv")
    message = (
        f"2 fields of 'data.csv' are taken for missing, by column: 'pulse' ({mark!r}"
    )
    assert [str(w.message).partition(": 2")[0] for w in caught] == [message]
    assert np.flatnonzero(X["pulse"].isna()).tolist() == [7, 70]
    np.testing.assert_array_equal(X["pulse"].dropna(), np.delete(numbers, [7, 70]))


def test_one_warning_counts_the_missing_entries_of_all_columns():
    fields = [*"abcdefgh", *map(str, range(100))]
    table = pd.DataFrame({"odd": fields, "word": "u", "fine": 0.5})
    table.loc[:2, "word"] = ["NA", "?", "?"]
    with pytest.warns(UserWarning, match="missing") as caught:
        X = as_features(table, "data.csv")
    (message,) = (str(warning.message) for warning in caught)
    odd = ", ".join(f"{letter!r}: 1" for letter in "abcde")
    assert message.startswith("11 fields of 'data.csv'")
    assert f"'odd' ({odd}, and 3 more), 'word' ('?': 2, 'NA': 1)." in message
    assert X.isna().sum().tolist() == [8, 3, 0]


@pytest.mark.parametrize("name", ["data.csv", "data.npz", "data.parquet"])
def test_missing_entries_without_a_mark_are_counted(tmp_path, name):
    x = np.random.default_rng(0).normal(size=(30, 20))
    x[:, 0] = np.nan
    x[2:5, 1:] = np.nan
    table = pd.DataFrame(x).add_prefix("x_").assign(y=np.arange(30) % 2)
    path = tmp_path / name
    if name.endswith("npz"):
        np.savez(path, x=x, y=table["y"])
    elif name.endswith("csv"):
        table.to_csv(path, index=False)
    else:
        pytest.importorskip("pyarrow")
        table.to_parquet(path)
    with pytest.warns(UserWarning, match="empty") as caught:
        as_features(read_table(path, ["y"])[0], name)
    left_out, gaps = (str(warning.message) for warning in caught)
    assert left_out.startswith("column 'x_0'")
    columns = ", ".join(f"'x_{i}' (empty: 3)" for i in range(1, 11))
    assert gaps == (
        f"57 fields of {name!r} are taken for missing, by column: {columns}, and 9 "
        "more."
    )


def test_missing_entries_with_and_without_a_mark():
    table = pd.DataFrame({"x": [*map(str, range(50)), "?", "  ", None]})
    with pytest.warns(UserWarning, match=r"^3 fields .*'x' \('\?': 1, empty: 2\)"):
        assert as_features(table, "data.npz")["x"].isna().sum() == 3


def test_signs_are_text():
    table = pd.DataFrame({"sign": ["+", "-", None], "x": 0.0})
    with pytest.warns(UserWarning, match=r"^1 fields .*: 'sign' \(empty: 1\)"):
        X = as_features(table, "data.csv")
    assert X["sign"].tolist()[:2] == ["+", "-"]
    assert X["sign"].cat.categories.tolist() == ["+", "-"]


@pytest.mark.parametrize(
    ("fields", "first"),
    [
        (["1,200", "950", "2,000"], "'1,200' as 1200"),
        (["1.200,5", "0,1"], "'1.200,5' as 1200.5"),
        (["$5", "$7.5"], "'$5' as 5"),
        (["12%", "3%"], "'12%' as 12"),
        (["0071", "12"], "'0071' as 71"),
        (["5%", "0.05", "6%"], "'5%' as 0.05 and '0.05' as 0.05."),
        (["0.5", "12.5%", "1"], "'12.5%' as 0.125 and '0.5' as 0.5 and '1' as 1."),
        (["5%", "0", "6%"], "'5%' as 5 and '0' as 0."),
        (["1.234", "1,234"], "'1,234' as 1234 and '1.234' as 1.234."),
        (["1,5", "1.200,5", "7"], "'1,5' as 1.5 and '1.200,5' as 1200.5 and '7' as 7."),
    ],
)
def test_numbers_in_other_notations(fields, first):
    message = f"'x' .* is read as numbers, such as {re.escape(first)}"
    with pytest.warns(UserWarning, match=message):
        X = as_features(pd.DataFrame({"x": fields * 9}), "data.csv")
    assert X["x"].dtype == float
    assert X["x"].notna().all()


def test_numbers_with_units_stay_text_with_a_warning():
    table = pd.DataFrame({"mass": [f"{i} kg" for i in np.arange(60) % 20], "x": 0.0})
    with pytest.warns(
        UserWarning, match="'mass' .* taken for text.*'0 kg'.*--drop mass"
    ):
        assert as_features(table, "data.csv")["mass"].dtype == "category"


def test_the_example_begins_with_a_number():
    fields = ["lost", "3 kg", *(f"{i % 20} kg" for i in range(60))]
    message = r"most begin with a number \(such as '3 kg'\)"
    with pytest.warns(UserWarning, match=message):
        as_features(pd.DataFrame({"mass": fields, "x": 0.0}), "data.csv")


@pytest.mark.parametrize("mark", ["n.d.", "ND", "tbd", "not  available", "No data"])
def test_many_marks_leave_a_column_of_numbers(mark):
    fields = [mark if i % 7 == 0 else str(i / 8) for i in range(120)]
    with pytest.warns(UserWarning, match=rf"^18 fields .*\({mark!r}: 18\)"):
        X = as_features(pd.DataFrame({"level": fields}), "data.csv")
    assert X["level"].dropna().tolist() == [i / 8 for i in range(120) if i % 7]


def test_columns_of_marks_alone_are_empty():
    table = pd.DataFrame({"x": [0.0, 1.0], "gone": ["?", "NA"]})
    with (
        pytest.warns(UserWarning, match="'gone' of 'data.csv' is empty"),
        pytest.warns(UserWarning, match=re.escape("'gone' ('?': 1, 'NA': 1)")),
    ):
        assert as_features(table, "data.csv").columns.tolist() == ["x"]


def test_columns_stay_what_their_dtype_says():
    table = pd.DataFrame(
        {
            "whole": [1, 2, 2],
            "gaps": pd.array([1, None, 2], dtype="Int64"),
            "yes_or_no": pd.Series([True, None, False], dtype=object),
            "word": ["u", None, "v"],
            "dose": pd.Categorical(["low", "high", None], ["low", "high"], True),
            "level": pd.Categorical([2, 1, None]),
            "price": [Decimal("1.5"), None, Decimal("2.5")],
            "seen": [datetime.date(2024, 5, 1), None, datetime.date(2024, 5, 3)],
            "took": pd.to_timedelta([1, 2, None], "D"),
        }
    )
    with pytest.warns(UserWarning, match="taken for missing") as caught:
        X = as_features(table, "data.csv")
    (message,) = (str(warning.message) for warning in caught)
    gaps = [f"'{name}' (empty: 1)" for name in table.columns.drop("whole")]
    assert message == (
        f"8 fields of 'data.csv' are taken for missing, by column: {', '.join(gaps)}."
    )
    expected = table.assign(
        word=table["word"].astype("category"),
        price=[1.5, np.nan, 2.5],
        seen=pd.to_datetime(table["seen"]),
    )
    pd.testing.assert_frame_equal(X, expected)
    encoder = ColumnEncoder().fit(X)
    kinds = {column.name: column.holds for column in encoder.columns}
    assert kinds == {
        **dict.fromkeys(["whole", "gaps", "price"], "numbers"),
        **dict.fromkeys(["word", "dose", "level"], "categories"),
        **{"yes_or_no": "booleans", "seen": "dates", "took": "durations"},
    }


def test_dates_become_numbers_of_days():
    days = np.random.default_rng(0).integers(500, size=40)
    dates = pd.Timestamp("2023-03-01") + pd.to_timedelta(days, "D")
    fields = [*dates.strftime("%Y-%m-%d"), "?", "soon"]
    with (
        pytest.warns(UserWarning, match="'day' of .* is read as dates .*--drop day"),
        pytest.warns(UserWarning, match="2 fields of 'data.csv' are taken for missing"),
    ):
        X = as_features(pd.DataFrame({"day": fields}), "data.csv")
    values = ColumnEncoder().fit(X).transform(X)[:, 0]
    assert np.isnan(values).tolist() == [False] * 40 + [True] * 2
    np.testing.assert_array_equal(values[:40], days - days.min())


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([np.nan] * 20, "'it' of 'data.csv' is empty; it is left out"),
        (np.arange(5, 25), "'it' of 'data.csv' numbers the rows.*--drop it"),
    ],
)
def test_suspicious_columns(column, message):
    table = pd.DataFrame({"it": column, "x": np.arange(20) % 3})
    with pytest.warns(UserWarning, match=message):
        X = as_features(table, "data.csv")
    assert ("it" in X) == ("numbers" in message)


@pytest.mark.parametrize(("n_texts", "n_rows"), [(95, 100), (1001, 5000)])
def test_too_many_texts(n_texts, n_rows):
    names = [f"t{i}" for i in np.arange(n_rows) % n_texts]
    fewer = [f"t{i}" for i in np.arange(n_rows) % (n_texts - 10)]
    table = pd.DataFrame({"who": names, "x": 0.0})
    with pytest.raises(InputError, match=f"holds {n_texts} different .* --drop who"):
        as_features(table, "data.csv")
    assert as_features(table.assign(who=fewer), "data.csv").shape[1] == 2


@pytest.mark.parametrize("name", ["a", "a b", "a, b", 'a "b", c', "it's"])
def test_the_remedy_can_be_typed(name):
    with pytest.raises(InputError) as error:
        as_features(pd.DataFrame({name: [1.0, np.inf], "x": 0}), "data.csv")
    typed = shlex.split(str(error.value).partition("leave the column out: ")[2][:-1])
    options = "study d --target y --budgets 1 --estimators SVC --out o".split()
    assert make_parser().parse_args([*options, *typed]).drop == [name]
