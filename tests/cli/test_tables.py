"""Tables from files, and their columns as features."""

import bz2
import gzip
import lzma
import re
import shlex
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from skfmvae.cli.arguments import make_parser
from skfmvae.cli.errors import InputError
from skfmvae.cli.features import as_features, on_features
from skfmvae.cli.tables import read_table
from skfmvae.targets import PartialLabelEncoder


def written(tmp_path, table):
    path = tmp_path / "data.csv"
    table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("labels", "codes", "values"),
    [
        ([3, None, -1, 7], [0, -1, -1, 1], [3, 7]),
        ([3, 3, 7, 7], [0, 0, 1, 1], [3, 7]),
        (["u", None, " v", "-1"], [0, -1, 1, -1], ["u", "v"]),
        ([True, None, False, True], [1, -1, 0, 1], [False, True]),
        ([True, True, False, True], [1, 1, 0, 1], [False, True]),
    ],
)
def test_targets_are_partial_labels(tmp_path, labels, codes, values):
    table = pd.DataFrame({"x": [1, 2, 3, 4], "y": pd.Series(labels, dtype=object)})
    X, y = read_table(written(tmp_path, table), ["y"])
    encoder = PartialLabelEncoder().fit(y["y"])
    assert encoder.transform(y["y"]).ravel().tolist() == codes
    # As they are shown, too: 3 is not 3.0.
    assert list(map(str, encoder.classes[0].tolist())) == list(map(str, values))
    assert X.columns.tolist() == ["x"]


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean", "string", "category"])
def test_targets_of_parquet_with_dtypes_of_pandas(tmp_path, dtype):
    pytest.importorskip("pyarrow")
    labels = pd.Series(
        ["a", None, "b"] if dtype in ("string", "category") else [0, None, 1]
    )
    table = pd.DataFrame({"x": [1, 2, 3], "y": labels.astype(dtype)})
    table.to_parquet(tmp_path / "data.parquet")
    _, y = read_table(tmp_path / "data.parquet", ["y"])
    codes = PartialLabelEncoder().fit(y["y"]).transform(y["y"])
    assert codes.ravel().tolist() == [0, -1, 1]


def test_numbers_are_read_to_the_last_bit(tmp_path):
    values = np.random.default_rng(0).normal(size=200)
    path = written(tmp_path, pd.DataFrame({"x": values, "y": np.arange(200) % 2}))
    np.testing.assert_array_equal(read_table(path, ["y"])[0]["x"], values)


def text_file(tmp_path, content, name="data.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


ROWS = "".join(f"{i * i},{'uvw'[i % 3]}\n" for i in range(30))


@pytest.mark.parametrize(
    "header",
    ["x,y ", " x,y", '"x", "y "', "\ufeffx,y", '\ufeff"x",y', "x,y\r", 'x,"\ny"'],
)
def test_blanks_around_names_do_not_count(tmp_path, header):
    path = text_file(tmp_path, f"{header}\n{ROWS}")
    options = "study d --budgets 1 --estimators SVC --out o --target".split()
    for asked in ("y", "y ", '"y "'):
        targets = make_parser().parse_args([*options, asked]).target
        X, y = read_table(path, targets)
        assert (X.columns.tolist(), y.columns.tolist()) == (["x"], ["y"])


def test_names_with_blanks_within(tmp_path):
    path = text_file(tmp_path, f'x,"kind  of\nthing"\n{ROWS}')
    options = "study d --budgets 1 --estimators SVC --out o --target".split()
    for asked in ("kind of thing", "kind  of\nthing"):
        parsed = make_parser().parse_args([*options, asked, "--groups", asked])
        assert [parsed.groups] == parsed.target
        assert read_table(path, parsed.target)[1].columns.tolist() == parsed.target


@pytest.mark.parametrize("header", ["y,y", "y ,y", '" y",y'])
def test_names_that_differ_by_blanks_alone(tmp_path, header):
    path = text_file(tmp_path, f"{header}\n{ROWS}")
    with pytest.raises(InputError, match="two columns named 'y'; rename one"):
        read_table(path, ["y"])


def test_columns_without_a_name(tmp_path):
    path = text_file(tmp_path, "".join(f"{i},{i}\n" for i in ("y", 1, 2, 3)))
    path.write_text(path.read_text().replace("y,y", " ,y"))
    X, _ = read_table(path, ["y"])
    assert X.columns.tolist() == ["Unnamed: 0"]


def test_line_ends_of_all_kinds(tmp_path):
    path = text_file(tmp_path, b"x,y\r\n1,a\n2,b\r3,a\r\n\n4,b")
    X, y = read_table(path, ["y"])
    assert X["x"].tolist() == [1, 2, 3, 4]
    assert y["y"].tolist() == ["a", "b", "a", "b"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x;y\n1;a\n", "no column 'y'; its columns are not separated by commas"),
        ("x;y\n1,5;a\n", "more fields than the first.*by commas"),
        ("x,y\n1,é\n".encode("cp1252"), "utf-8.*save it in UTF-8"),
        ("x,y\n1,é\n".encode("utf-16"), "utf-8.*save it in UTF-8"),
        ('x,y\n1,"a\n2,b\n', "quotes come in pairs"),
    ],
)
def test_csv_of_other_kinds(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read_table(text_file(tmp_path, content), ["y"])


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz", ".zip"])
@pytest.mark.parametrize(
    ("separator", "kind", "end"), [(",", ".csv", "\n"), ("\t", ".tsv", "\r\n")]
)
def test_rows_that_lack_fields(tmp_path, suffix, separator, kind, end):
    rows = [["x", "a, b", "y"], *([str(i * i), "", "uv"[i % 2]] for i in range(9))]
    # Empty fields and lines are no lack, nor are marks within quotes.
    rows[2:5] = [["1", ' "s, \t"" t"', ""], ["", "", ""], ["  "]]
    whole = [separator.join(f'"{f}"' if ", b" in f else f for f in row) for row in rows]
    torn = [*whole[:6], "7", *whole[6:], f'8{separator} "p, \tq"']
    for lines in (whole, torn):
        path = tmp_path / f"data{kind}{suffix}"
        compress(end.join(["\ufeff" + lines[0], *lines[1:], ""]).encode(), path)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _, y = read_table(path, ["y"])
        expected = f"2 rows of {path.name!r} have fewer than the 3 fields .* line 7;"
        assert len(caught) == (lines is torn)
        assert all(re.match(expected, str(warning.message)) for warning in caught)
        assert y["y"].isna().sum() == 2 * (lines is torn) + 2


def compress(content, path):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data", content)
        return
    openers = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    with openers.get(path.suffix, open)(path, "wb") as file:
        file.write(content)


def test_long_fields_are_read(tmp_path):
    path = text_file(tmp_path, f"x,y\n{'1' * 200_000},a\n2,b\n")
    assert len(read_table(path, ["y"])[0]["x"][0]) == 200_000


MARKS = ["?", "-", "--", ".", "n/a", "N/A", "NA", "NULL", "nan", "None", "missing"]
MARKS += ["unknown", "#N/A", "#DIV/0!", "err"]


@pytest.mark.parametrize("mark", MARKS)
def test_marks_among_numbers_are_gaps(tmp_path, mark):
    numbers = np.random.default_rng(0).normal(size=300).round(1)
    fields = [mark if i in (7, 70) else str(n) for i, n in enumerate(numbers)]
    table = pd.DataFrame({"pulse": fields, "y": np.arange(300) % 2})
    X, _ = read_table(written(tmp_path, table), ["y"])
    with pytest.warns(UserWarning, match="missing") as caught:
        X = as_features(X, "data.csv")
    message = (
        f"2 fields of 'data.csv' are taken for missing, by column: 'pulse' ({mark!r}"
    )
    assert [str(w.message).partition(": 2")[0] for w in caught] == [message]
    assert np.flatnonzero(X["pulse"].isna()).tolist() == [7, 70]
    np.testing.assert_array_equal(X["pulse"].dropna(), np.delete(numbers, [7, 70]))


def test_one_warning_counts_the_gaps_of_all_columns():
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
def test_gaps_without_a_mark_are_counted(tmp_path, name):
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


def test_gaps_with_and_without_a_mark():
    table = pd.DataFrame({"x": [*map(str, range(50)), "?", "  ", None]})
    with pytest.warns(UserWarning, match=r"^3 fields .*'x' \('\?': 1, empty: 2\)"):
        assert as_features(table, "data.npz")["x"].isna().sum() == 3


def test_signs_are_text():
    table = pd.DataFrame({"sign": ["+", "-", None], "x": 0.0})
    with pytest.warns(UserWarning, match=r"^1 fields .*: 'sign' \(empty: 1\)"):
        X = as_features(table, "data.csv")
    assert X["sign"].tolist()[:2] == ["+", "-"]


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
def test_numbers_in_other_notations(tmp_path, fields, first):
    table = pd.DataFrame({"x": fields * 9})
    table["y"] = np.arange(len(table)) % 3
    X, _ = read_table(written(tmp_path, table), ["y"])
    message = f"'x' .* is read as numbers, such as {re.escape(first)}"
    with pytest.warns(UserWarning, match=message):
        X = as_features(X, "data.csv")
    assert X["x"].dtype == float
    assert X["x"].notna().all()


def test_numbers_with_units_stay_text_with_a_warning():
    table = pd.DataFrame({"mass": [f"{i} kg" for i in np.arange(60) % 20], "x": 0.0})
    with pytest.warns(
        UserWarning, match="'mass' .* taken for text.*'0 kg'.*--drop mass"
    ):
        assert as_features(table, "data.csv")["mass"].dtype == object


def test_the_example_of_what_begins_as_a_number_does():
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


def test_truth_values_are_numbers_and_other_words_are_not(tmp_path):
    table = pd.DataFrame({"t": ["TRUE", "false", "True", None], "w": ["yes", "no"] * 2})
    X, y = read_table(written(tmp_path, table.assign(y=["true", "FALSE"] * 2)), ["y"])
    with pytest.warns(UserWarning, match=r"^1 fields .*: 't' \(empty: 1\)"):
        X = as_features(X, "data.csv")
    assert X["t"].tolist()[:3] == [1, 0, 1]
    assert X["w"].tolist() == ["yes", "no"] * 2
    assert y["y"].tolist() == [True, False] * 2


def test_columns_of_marks_alone_are_empty():
    table = pd.DataFrame({"x": [0.0, 1.0], "gone": ["?", "NA"]})
    with (
        pytest.warns(UserWarning, match="'gone' of 'data.csv' is empty"),
        pytest.warns(UserWarning, match=re.escape("'gone' ('?': 1, 'NA': 1)")),
    ):
        assert as_features(table, "data.csv").columns.tolist() == ["x"]


def test_names_with_a_comma_can_be_dropped(tmp_path):
    options = "study d --target y --budgets 1 --estimators SVC --out o --drop".split()
    drop = make_parser().parse_args([*options, 'id,"width, in mm"']).drop
    table = pd.DataFrame({"id": [1, 2], "width, in mm": [3, 4], "x": 0, "y": [0, 1]})
    X, _ = read_table(written(tmp_path, table), ["y"], drop)
    assert X.columns.tolist() == ["x"]


def test_arrays_are_flattened_or_dropped(tmp_path):
    image = np.arange(24.0).reshape(2, 3, 4)
    path = tmp_path / "data.npz"
    objects = np.array([{}, None], dtype=object)
    np.savez(path, image=image, size=[5, 6], y=[[0], [1]], why=objects)
    X, y = read_table(path, ["y"], ["why"])
    assert X.columns.tolist() == [*(f"image_{i}" for i in range(12)), "size"]
    np.testing.assert_array_equal(X.iloc[:, :12], image.reshape(2, -1))
    assert y["y"].tolist() == [0, 1]


def test_kinds_of_features():
    table = pd.DataFrame(
        {
            "whole": [1, 2, 2],
            "gaps": pd.array([1, None, 2], dtype="Int64"),
            "yes_or_no": pd.Series([True, None, False], dtype=object),
            "word": ["u", None, "v"],
            "dose": pd.Categorical(["low", "high", None]),
            "level": pd.Categorical([2, 1, None]),
        }
    )
    with pytest.warns(UserWarning, match="taken for missing") as caught:
        X = as_features(table, "data.csv")
    (message,) = (str(warning.message) for warning in caught)
    gaps = [f"'{name}' (empty: 1)" for name in table.columns.drop("whole")]
    assert message == (
        f"5 fields of 'data.csv' are taken for missing, by column: {', '.join(gaps)}."
    )
    assert X.dtypes.map(str).tolist() == ["float64"] * 3 + ["object"] * 3
    assert np.isnan(X["gaps"][1])
    assert X["yes_or_no"].tolist()[::2] == [1, 0]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([np.nan] * 20, "'it' of 'data.csv' is empty; it is left out"),
        (np.arange(5, 25), "'it' of 'data.csv' numbers the rows.*--drop it"),
    ],
)
def test_columns_that_are_suspicious(column, message):
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


def test_nothing_leaks_from_rows_not_fitted_to():
    X = pd.DataFrame({"n": [0.0, 2.0, np.nan, 1e6], "word": ["u", "v", np.nan, "w"]})
    with pytest.warns(UserWarning, match="2 fields"):
        X = as_features(X, "data.csv")
    model = on_features(DummyClassifier(), X).fit(X[:3], [0, 1, 0])
    found = model[0].transform(X)
    # By hand: mean 1, also in the gap; standard deviation of 0, 2 and 1 is sqrt(2/3).
    scale = np.sqrt(2 / 3)
    np.testing.assert_allclose(
        found[:, 0], [-1 / scale, 1 / scale, 0, (1e6 - 1) / scale]
    )
    # A word that was not there is none of those that were.
    np.testing.assert_array_equal(found[:, 1:], [*np.eye(3), np.zeros(3)])


def test_columns_that_are_empty_on_the_rows_of_a_fit():
    X = pd.DataFrame({"n": [np.nan, np.nan, 3.0], "word": [np.nan, np.nan, "u"]})
    with pytest.warns(UserWarning, match="4 fields"):
        X = as_features(X, "data.csv")
    model = on_features(LogisticRegression(), X).fit(X[:2], [0, 1])
    assert np.isfinite(model.predict_proba(X)).all()
