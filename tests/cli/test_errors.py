"""Errors of options and files: one line each, with a remedy."""

import sys

import numpy as np
import pytest

from skfmvae.cli import main

GOOD = {
    "--target": "kind",
    "--budgets": "10",
    "--estimators": "GaussianNB",
    "--cv": "3",
}


@pytest.fixture
def error_of(capsys, tmp_path):
    """Return the line that a study which cannot run prints on stderr."""

    def run(data, out=tmp_path / "out", **changes):
        options = GOOD | {f"--{k.replace('_', '-')}": v for k, v in changes.items()}
        given = [part for pair in options.items() if pair[1] for part in pair]
        code = main(["study", str(data), *given, "--out", str(out), "--quiet"])
        printed = capsys.readouterr()
        assert code == 2
        assert not printed.out
        line, *more = printed.err.strip().split("\n")
        assert not more
        assert line.startswith("skfmvae: error: ")
        return line

    return run


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": None}, ["--target", "required", "--help"]),
        ({"target": "knid"}, ["--target", "'knid'", "did you mean 'kind'?"]),
        ({"target": "zzzz"}, ["'zzzz'", "it has 'a', 'b', 'c', 'd', 'kind'."]),
        ({"target": "kind,kind"}, ["--target", "'kind' twice"]),
        ({"target": "kind,"}, ["--target", "empty name"]),
        ({"target": "a"}, ["Unknown label type: continuous", "'a'"]),
        ({"drop": "e"}, ["--drop", "'e'"]),
        ({"drop": "kind"}, ["--drop", "'kind'", "--target"]),
        ({"drop": "a,b,c,d"}, ["no feature", "--drop"]),
        ({"groups": "e"}, ["--groups", "'e'"]),
        ({"groups": "kind"}, ["--groups", "'kind'"]),
        ({"budgets": "10,many"}, ["--budgets", "'many'", "at least 1"]),
        ({"budgets": "0"}, ["--budgets", "'0'", "at least 1"]),
        ({"budgets": "10,5000"}, ["--budgets", "5000", "'kind'", "lower it"]),
        ({"budgets": "5,05"}, ["--budgets", "all different"]),
        ({"estimators": "LabelSpredding"}, ["--estimators", "LabelSpreading"]),
        ({"estimators": "zzz"}, ["--estimators", "'zzz'", "name a class"]),
        ({"estimators": "StackingClassifier"}, ["needs estimators", "Python"]),
        ({"estimators": "SelfTrainingClassifier"}, ["needs estimator"]),
        ({"estimators": "MultinomialNB"}, ["every fit failed", "Negative values"]),
        ({"cv": "1"}, ["--cv", "'1'", "at least 2"]),
        ({"cv": "500"}, ["--cv", "500", "have a label"]),
        ({"repeats": "no"}, ["--repeats", "'no'"]),
        ({"scoring": "acuracy"}, ["--scoring", "'acuracy'"]),
        ({"strategy": "best"}, ["--strategy", "'best'", "balanced"]),
        ({"seed": "-1"}, ["--seed", "'-1'"]),
        ({"jobs": "0"}, ["--jobs", "'0'"]),
        ({"target_score": "high"}, ["--target-score", "'high'"]),
        ({"bugdets": "3"}, ["--bugdets"]),
    ],
    ids=str,
)
def test_options(csv, error_of, changes, words):
    line = error_of(csv, **changes)
    assert all(word in line for word in words), line


def npz(**arrays):
    return lambda path: np.savez(path, **arrays)


def text(content, encoding="utf-8"):
    return lambda path: path.write_text(content, encoding=encoding)


ROWS = "".join(f"{i},{i % 2},{i % 3}\n" for i in (3, 1, 4, 2, 6, 5))
TEXTS = "".join(f"{i % 7},{i % 2},t{i}\n" for i in range(40))
DAYS = "".join(f"{i % 7},{i % 2},{i}.1.2024\n" for i in range(1, 29))


@pytest.mark.parametrize(
    ("name", "write", "words"),
    [
        ("absent.csv", lambda path: None, ["no file", "absent.csv"]),
        ("data.xlsx", text("a"), ["data.xlsx", ".csv", ".parquet", ".npz"]),
        ("folder.csv", lambda path: path.mkdir(), ["folder.csv", "cannot be read"]),
        ("none.csv", text(""), ["none.csv", "No columns"]),
        ("head.csv", text("a,kind\n"), ["head.csv", "no rows"]),
        ("semi.csv", text("a;kind\n1;2\n"), ["'kind'", "not separated by commas"]),
        ("long.csv", text("a,kind\n1,0,3\n2,1,4\n"), ["long.csv", "more fields"]),
        ("torn.csv", text("a,kind\n1,0\n2,1,4\n"), ["torn.csv", "cannot be read"]),
        ("old.csv", text("a,kind\né,1\n", "latin-1"), ["old.csv", "utf-8"]),
        ("two.csv", text("kind,kind,x\n" + ROWS), ["two columns", "'kind'", "rename"]),
        ("blank.csv", text("a,kind\n1,\n2,-1\n"), ["'kind'", "no label"]),
        ("one.csv", text("a,kind\n1,yes\n2,yes\n3,\n"), ["one value", "'yes'"]),
        ("id.csv", text("a,kind,id\n" + TEXTS), ["'id'", "40 different", "--drop id"]),
        (
            "day.csv",
            text("a,kind,day\n" + DAYS),
            ["'day'", "dates", "2024-05-31", "--drop day"],
        ),
        ("inf.csv", text("a,kind\n1,0\ninf,1\n"), ["'a'", "infinity", "--drop a"]),
        ("bad.parquet", text("no"), ["bad.parquet", "cannot be read"]),
        ("bad.npz", text("no"), ["bad.npz", "numpy.savez"]),
        ("less.npz", npz(x=np.ones(3)), ["--target", "'kind'", "'x'"]),
        ("wide.npz", npz(kind=np.ones((3, 2)), x=np.ones(3)), ["'kind'", "(3, 2)"]),
        (
            "object.npz",
            npz(kind=np.arange(2), x=np.array([{}, None], dtype=object)),
            ["object.npz", "allow_pickle=False", "array 'x'", "text or numbers"],
        ),
        (
            "time.npz",
            npz(kind=np.arange(2), t=np.array([b"x", b"y"])),
            ["'t'", "bytes", "--drop t"],
        ),
        (
            "complex.npz",
            npz(kind=np.arange(2), z=np.array([1j, 2])),
            ["'z'", "complex", "--drop z"],
        ),
    ],
)
def test_files(tmp_path, error_of, name, write, words):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    write(tmp_path / name)
    line = error_of(tmp_path / name)
    assert all(word in line for word in words), line


def test_groups_with_blanks(blobs, tmp_path, error_of):
    blobs.assign(batch=blobs["kind"]).to_csv(tmp_path / "data.csv", index=False)
    line = error_of(tmp_path / "data.csv", groups="batch")
    n_blank = blobs["kind"].isna().sum()
    assert f"'batch' of 'data.csv' is blank on {n_blank} rows" in line


def test_out_is_a_file(csv, tmp_path, error_of):
    (tmp_path / "out").write_text("")
    line = error_of(csv)
    assert "--out" in line
    assert "name a folder" in line


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b", "x" * 300])
@pytest.mark.parametrize("option", ["--out", "--cache"])
def test_folders_that_no_disk_can_have(csv, tmp_path, error_of, option, name):
    folders = {"out": tmp_path / "out"} | {option.strip("-"): tmp_path / name}
    line = error_of(csv, **{k: v if k == "out" else str(v) for k, v in folders.items()})
    assert line.startswith(f"skfmvae: error: {option}: {str(tmp_path / name)!r}: ")
    assert line.endswith("; name a folder to write to.")


@pytest.mark.parametrize("package", ["jinja2", "matplotlib", "pandas", "pyarrow"])
def test_missing_packages(monkeypatch, tmp_path, error_of, package):
    monkeypatch.setitem(sys.modules, package, None)
    line = error_of(tmp_path / "data.parquet")
    remedy = f'{package} is not installed; pip install "skfmvae[study]" brings it.'
    assert line.endswith(remedy)
