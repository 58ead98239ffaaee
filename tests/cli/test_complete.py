"""Tables that are completed, from a file to a file."""

import csv as csv_module

import numpy as np
import pandas as pd
import pytest

from skfmvae.cli.complete import completed
from skfmvae.cli.formats import read_rows
from skfmvae.cli.model_file import load_model
from skfmvae.cli.tables import read_columns

BLANKS = {"", "?"}


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv_module.DictReader(file))


@pytest.fixture
def result(shop, tmp_path, done):
    """The rows before and after, and what was printed."""
    out = tmp_path / "out.csv"
    printed = done("complete", shop[1], shop[0], "--out", out)
    return rows_of(shop[0]), rows_of(out), printed


def test_only_what_is_blank_changes(result):
    before, after, _ = result
    assert len(before) == len(after) == 80
    assert list(after[0]) == [
        *before[0],
        *("group_probability", "level_probability", "filled"),
    ]
    for old, new in zip(before, after, strict=True):
        blank = [name for name, field in old.items() if field in BLANKS]
        assert new["filled"] == "; ".join(blank)
        for name, field in old.items():
            if name in blank:
                assert new[name] not in BLANKS
            else:
                assert new[name] == field
        for name in ("group", "level"):
            assert (new[f"{name}_probability"] != "") == (name in blank)


def test_what_is_filled_is_written_as_the_column_is(result):
    before, after, _ = result
    patterns = {
        "price": r"\d+",
        "rate": r"\d+,\d",
        "since": r"2024-\d\d-\d\d",
        "code": "007a|012a",
        "paid": "TRUE|FALSE",
        "group": "vip|guest",
        "level": "1|2",
    }
    for name, pattern in patterns.items():
        filled = [
            new[name]
            for old, new in zip(before, after, strict=True)
            if old[name] in BLANKS
        ]
        assert filled
        assert pd.Series(filled).str.fullmatch(pattern).all(), name


def test_labels_are_those_of_the_prediction(shop, result):
    before, after, printed = result
    model = load_model(shop[1])
    X = read_rows(read_columns(shop[0], model.formats), model.formats, shop[0])
    likely = model.estimator.property_proba(X)["group"]
    for i, (old, new) in enumerate(zip(before, after, strict=True)):
        if old["group"] == "":
            assert new["group"] == ["guest", "vip"][likely[i].argmax()]
            assert float(new["group_probability"]) == pytest.approx(
                likely[i].max(), abs=1e-6
            )
    n_blank = sum(old["group"] == "" for old in before)
    assert f"group: {n_blank} labels filled" in printed.out
    assert "'price' ('?': 1); if they are values" in printed.err


def test_a_completed_table_has_nothing_to_fill(shop, result, tmp_path, done):
    _, after, _ = result
    columns = [name for name in after[0] if "_prob" not in name and name != "filled"]
    again = tmp_path / "again.csv"
    pd.DataFrame(after)[columns].to_csv(again, index=False)
    printed = done("complete", shop[1], again, "--out", tmp_path / "twice.csv")
    assert printed.out.startswith("nothing was blank\n")
    twice = pd.DataFrame(rows_of(tmp_path / "twice.csv"))
    pd.testing.assert_frame_equal(twice[columns], pd.DataFrame(after)[columns])


def test_values_that_the_model_does_not_know_stay(shop, tmp_path, done):
    table = pd.DataFrame(rows_of(shop[0]))
    table.loc[[0, 2], ["price", "code"]] = [["dear", "999z"], ["", "007a"]]
    path = tmp_path / "odd.csv"
    table.to_csv(path, index=False)
    done("complete", shop[1], path, "--out", tmp_path / "out.csv")
    first, _, third, *_ = rows_of(tmp_path / "out.csv")
    assert (first["price"], first["code"]) == ("dear", "999z")
    assert third["price"].isdigit()


def test_frames_keep_their_dtypes(shop):
    pytest.importorskip("pyarrow")
    model = load_model(shop[1])
    table = pd.DataFrame(
        {
            "price": pd.Series([4100, None], dtype="Int64"),
            "rate": [None, 0.5],
            "since": pd.to_datetime([None, "2024-01-22"]),
            "code": pd.Categorical(["007a", None]),
            "paid": pd.Series([None, False], dtype="boolean"),
            "level": pd.Series([-1, 2], dtype="int64"),
            "note": ["a", None],
        }
    )
    X = read_rows(table, model.formats, None)
    done = completed(model, table, X)
    assert done["filled"].tolist() == ["rate; since; paid; level", "price; code"]
    for name in table:
        # Categories may be more.
        assert done[name].dtype.name == table[name].dtype.name, name
    assert done["level"].tolist() == [2, 2]
    assert np.isnan(done["level_probability"][1])
    assert done["note"].isna().tolist() == [False, True]
    assert bool(done["paid"][0])


def test_errors(shop, result, tmp_path, failed):
    out = tmp_path / "out.csv"
    line = failed("complete", shop[1], out, "--out", tmp_path / "again.csv")
    assert "has a column 'group_probability'" in line
    assert "would be lost" in failed("complete", shop[1], shop[0], "--out", shop[0])
    line = failed("complete", shop[1], tmp_path / "a.npz", "--out", out)
    assert "ends in none of .csv, .parquet, .pq, .tsv" in line
    line = failed("complete", shop[1], shop[0], "--out", tmp_path / "a.parquet")
    assert "should end in .csv or .tsv" in line
