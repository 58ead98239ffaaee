"""Fits, from a file to a file."""

import numpy as np
import pandas as pd
import pytest

from skfmvae import FactorialMixtureVAE
from skfmvae.cli.model_file import load_model

FAST = ["--epochs", "3"]


def test_the_model_is_that_of_python(blobs, csv, tmp_path, done):
    out = tmp_path / "m.safetensors"
    done(
        "fit", csv, "--target", "kind", "--seed", 3, "--drop", "d", *FAST, "--out", out
    )
    y = pd.Series(blobs["kind"].fillna(-1).astype(int), name="kind")
    X = blobs[["a", "b", "c"]]
    expected = FactorialMixtureVAE(max_epochs=3, random_state=3).fit(X, y)
    model = load_model(out)
    np.testing.assert_array_equal(
        model.estimator.predict_proba(X), expected.predict_proba(X)
    )
    assert model.targets == {"kind": [0, 1, 2]}


def test_what_is_printed(shop, tmp_path, done):
    data, _ = shop
    out = tmp_path / "m.safetensors"
    options = ["--target", "group,level", "--drop", "no", *FAST, "--out", out]
    printed = done("fit", data, *options)
    assert "shop.csv: 80 rows, 5 features\nlabels of group: 3" in printed.err
    assert "\nsince   dates" in printed.err
    assert "3/3" in printed.err  # the progress
    scores = printed.out.splitlines()[3:5]
    assert [line.split()[0] for line in scores] == ["group", "level"]
    assert f"skfmvae predict {out} NEW.csv" in printed.out
    quiet = done("fit", data, *options, "--quiet")
    assert quiet.out == printed.out
    assert all(line.startswith("skfmvae: warning") for line in quiet.err.splitlines())


def test_targets_with_few_labels_have_no_scores(blobs, tmp_path, done):
    kind = blobs["kind"].where(np.arange(120) < 0)
    kind[:2] = [0, 1]
    blobs.assign(kind=kind).to_csv(tmp_path / "few.csv", index=False)
    out = tmp_path / "m.safetensors"
    printed = done("fit", tmp_path / "few.csv", "--target", "kind", *FAST, "--out", out)
    assert "kind: there are too few labels to hide some" in printed.out
    assert "accuracy" not in printed.out


@pytest.mark.parametrize("name", ["SemafoVAE", "SemiSupervisedVAE"])
def test_other_kinds_of_models(csv, tmp_path, done, name):
    out = tmp_path / "m.safetensors"
    options = ["--target", "kind", "--estimator", name, "--epochs", 1, "--out", out]
    done("fit", csv, *options)
    assert type(load_model(out).estimator).__name__ == name


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"--target": "knid"}, "did you mean 'kind'"),
        ({"--target": "kind", "--drop": "kind"}, "--drop names 'kind'"),
        ({"--out": "m.pkl"}, "should end in .safetensors"),
        ({"--out": "nowhere/m.safetensors"}, "there is no folder"),
        ({"--epochs": "0"}, "--epochs"),
        ({"--estimator": "SVC"}, "--estimator"),
    ],
)
def test_errors(csv, tmp_path, failed, changes, words):
    options = {"--target": "kind", "--out": "m.safetensors"} | changes
    options["--out"] = tmp_path / options["--out"]
    line = failed("fit", csv, *(part for pair in options.items() for part in pair))
    assert words in line
    assert not list(tmp_path.iterdir())


def test_errors_of_the_estimator_are_one_line(tmp_path, failed):
    path = tmp_path / "one.csv"
    path.write_text("a,kind\n" + "1,x\n" * 30 + "2,y\n")
    out = tmp_path / "m.safetensors"
    # Such large numbers are beyond single precision.
    path.write_text("a,kind\n1e60,x\n2e60,y\n1e60,x\n")
    line = failed("fit", path, "--target", "kind", "--quiet", *FAST, "--out", out)
    assert "'one.csv'" in line
    assert not out.exists()
