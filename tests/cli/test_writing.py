"""Tables to files."""

from pathlib import Path

import pandas as pd
import pytest

from skfmvae.cli.errors import InputError
from skfmvae.cli.writing import TABLES, check_out, write_file, write_table


def test_files_that_can_be_written(tmp_path):
    there = tmp_path / "there.csv"
    there.write_text("")
    for name in ("new.csv", "new.tsv.gz", "new.parquet", "there.csv"):
        check_out(tmp_path / name, TABLES, [tmp_path / "in.csv"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("out.xlsx", "'out.xlsx' should end in .csv or .parquet"),
        ("out", "should end in"),
        ("folder.csv", "is a folder; name a file in it"),
        ("nowhere/out.csv", "there is no folder"),
        ("in.csv", "the file to read, which would be lost"),
        ("folder.csv/../in.csv", "the file to read"),
        ("x" * 300 + ".csv", "too long"),
        ("a\0b.csv", "null"),
    ],
)
def test_files_that_cannot(tmp_path, name, words):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "in.csv").write_text("")
    with pytest.raises(InputError, match=f"^--out: .*{words}"):
        check_out(tmp_path / name, TABLES, [tmp_path / "in.csv", Path("absent.csv")])


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz", "a.pq"])
def test_tables_come_back(tmp_path, name):
    if name.endswith("pq"):
        pytest.importorskip("pyarrow")
    table = pd.DataFrame({"a, b": [1.5, None], "c": ["x\ny", 'say "z"']})
    write_table(table, tmp_path / name)
    if name.endswith("pq"):
        found = pd.read_parquet(tmp_path / name)
    else:
        found = pd.read_csv(tmp_path / name, sep="\t" if "tsv" in name else ",")
    pd.testing.assert_frame_equal(found, table, check_dtype=False)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_that_fails_leaves_the_one_before(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("before")

    def fail(file):
        file.write_text("half")
        raise OSError("the disk is full")

    with pytest.raises(InputError, match="out.csv.*the disk is full"):
        write_file(path, fail)
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]
