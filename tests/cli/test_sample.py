"""Generated rows in files."""

import numpy as np
import pandas as pd
import pytest

from skfmvae.cli.model_file import load_model


def test_rows_look_like_the_table(shop, tmp_path, done):
    out = tmp_path / "rows.csv"
    printed = done("sample", shop[1], "-n", 30, "--out", out)
    assert printed.out == f"{out}\n"
    rows = pd.read_csv(out, dtype=str, keep_default_na=False)
    assert rows.columns.tolist() == [
        *("price", "rate", "since", "code", "paid"),
        *("group", "level"),
    ]
    assert len(rows) == 30
    assert rows["price"].str.fullmatch(r"\d+").all()
    assert rows["rate"].str.fullmatch(r"-?\d+,\d").all()
    assert rows["since"].str.fullmatch(r"20\d\d-\d\d-\d\d").all()
    assert set(rows["code"]) <= {"007a", "012a"}
    # The model that wrote them takes them, without a warning.
    assert not done("predict", shop[1], out, "--out", tmp_path / "p.csv").err


def test_targets_are_set(shop, tmp_path, done):
    out = tmp_path / "rows.parquet"
    pytest.importorskip("pyarrow")
    choices = ["--set", "group=vip", "--set", "level=1", "--seed", 3, "-n", 5]
    done("sample", shop[1], *choices, "--out", out)
    rows = pd.read_parquet(out)
    assert rows["group"].tolist() == ["vip"] * 5
    assert rows["level"].tolist() == [1] * 5
    X, _ = load_model(shop[1]).estimator.sample(5, {"group": "vip", "level": 1}, 3)
    np.testing.assert_array_equal(rows["price"], X["price"])


def test_the_seed_decides(shop, tmp_path, done):
    for name, seed in {"a": 0, "b": 0, "c": 1}.items():
        done("sample", shop[1], "--seed", seed, "--out", tmp_path / f"{name}.csv")
    a, b, c = ((tmp_path / f"{name}.csv").read_text() for name in "abc")
    assert a == b != c


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--set group=vpi", "'group' has no value 'vpi'; did you mean 'vip'"),
        ("--set level=7", "'level' has no value '7'; it has '1', '2'."),
        ("--set size=7", "there is no target 'size'; the model has group, level"),
        ("--set group", "'group' sets no target; write TARGET=VALUE"),
        ("--set level=1 --set level=2", "sets 'level' twice"),
        ("-n 0", "-n: '0'"),
        ("-n 99999999", "from 1 to 1048575"),
    ],
)
def test_errors(shop, tmp_path, failed, options, words):
    out = tmp_path / "rows.csv"
    assert words in failed("sample", shop[1], *options.split(), "--out", out)
    assert not out.exists()


def test_the_model_is_not_replaced(shop, failed):
    assert "should end in" in failed("sample", shop[1], "--out", shop[1])
