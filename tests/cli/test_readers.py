"""What is in a file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skfmvae.cli.errors import InputError
from skfmvae.cli.readers import check_unique, kind_of_file, read_file


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv", ".csv"),
        ("a.b.TSV.GZ", ".tsv"),
        ("a.parquet", ".parquet"),
        ("csv", ""),
        ("a.gz", ""),
    ],
)
def test_kinds_of_files(name, kind):
    assert kind_of_file(Path(name)) == kind


def test_fields_of_text_keep_all_characters(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text('code , "a, b"\n007,1200.50\n"x ""y""",\n', encoding="utf-8")
    content = read_file(path)
    assert content.kind == "text"
    assert content.names == ["code", "a, b"]
    assert content.columns["code"].tolist() == ["007", 'x "y"']
    assert content.columns["a, b"].tolist()[0] == "1200.50"
    assert content.columns["a, b"].isna().tolist() == [False, True]


def test_arrays_and_frames(tmp_path):
    np.savez(tmp_path / "data.npz", x=np.eye(2), t=np.array([{}], dtype=object))
    content = read_file(tmp_path / "data.npz", drop=["t"])
    assert (content.kind, content.names) == ("arrays", ["x", "t"])
    np.testing.assert_array_equal(content.columns["x"], np.eye(2))
    pytest.importorskip("pyarrow")
    pd.DataFrame({"whole": [1, None]}, dtype="Int64").to_parquet(tmp_path / "a.pq")
    content = read_file(tmp_path / "a.pq")
    assert content.kind == "frame"
    assert content.columns["whole"].dtype == "Int64"


def test_names_are_unique():
    check_unique(["a", "b"], Path("data.csv"))
    with pytest.raises(InputError, match="'data.csv' has two columns named 'b'"):
        check_unique(["b", "a", "b"], Path("data.csv"))
