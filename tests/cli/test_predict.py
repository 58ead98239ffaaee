"""Predictions, from a file to a file."""

import numpy as np
import pandas as pd
import pytest

from skfmvae import SemiSupervisedVAE
from skfmvae.cli.model_file import SavedModel, load_model
from skfmvae.cli.predict import predictions
from skfmvae.models.graphical_model import Continuous, Discrete, GraphicalModel, Latent


@pytest.fixture
def new(shop, tmp_path):
    """Rows without targets, in other columns' order, and the table itself."""
    table = pd.read_csv(shop[0], dtype=str, keep_default_na=False)
    path = tmp_path / "new.csv"
    table[["since", "no", "code", "paid", "rate", "price"]].to_csv(path, index=False)
    return path


def test_predictions_are_those_of_the_estimator(shop, new, tmp_path, done):
    out = tmp_path / "out.csv"
    printed = done("predict", shop[1], new, "--keep", "no", "--out", out)
    found = pd.read_csv(out)
    assert found["row"].tolist() == list(range(1, 81))
    assert found["no"].tolist() == [f"{i:04d}x" for i in range(80)]
    assert found.columns.tolist() == [
        *("row", "no"),
        *("group", "group_probability", "group=guest", "group=vip"),
        *("level", "level_probability", "level=1", "level=2"),
        "unusual",
    ]
    # The rows of the fit, which alternate between two kinds.
    assert (found["group"] == np.resize(["vip", "guest"], 80)).mean() > 0.9
    assert (found["level"] == np.resize([2, 1], 80)).mean() > 0.9
    likely = np.where(found["group"] == "vip", found["group=vip"], found["group=guest"])
    np.testing.assert_array_equal(found["group_probability"], likely)
    np.testing.assert_allclose(found["level=1"] + found["level=2"], 1, atol=2e-6)
    assert printed.out.splitlines()[-1] == str(out)
    assert f"vip: {(found['group'] == 'vip').sum()}" in printed.out
    assert "not used" not in printed.err


def test_rows_are_read_one_by_one_as_together(shop, new, tmp_path, done):
    """Notations and kinds are those of the fit, however few the fields are."""
    together = tmp_path / "all.csv"
    done("predict", shop[1], new, "--out", together)
    expected = pd.read_csv(together)
    header, *rows = new.read_text().splitlines(keepends=True)
    for i in (0, 3, 4, 9):
        one = tmp_path / "one.csv"
        one.write_text(header + rows[i])
        done("predict", shop[1], one, "--out", tmp_path / "p.csv")
        found = pd.read_csv(tmp_path / "p.csv").assign(row=i + 1)
        pd.testing.assert_frame_equal(
            found, expected.iloc[[i]].reset_index(drop=True), check_dtype=False
        )


def test_unusual_rows_are_marked(shop, new, tmp_path, done):
    table = pd.read_csv(new, dtype=str, keep_default_na=False)[:4]
    table.loc[1, "price"] = "$99,000"
    table.loc[2] = ""
    table.to_csv(tmp_path / "odd.csv", index=False)
    done("predict", shop[1], tmp_path / "odd.csv", "--out", tmp_path / "p.csv")
    unusual = pd.read_csv(tmp_path / "p.csv")["unusual"]
    assert unusual.tolist() == [False, True, False, False]


def test_fields_that_the_fit_did_not_see_are_missing(shop, new, tmp_path, done):
    table = pd.read_csv(new, dtype=str, keep_default_na=False)[:3]
    blank = table.assign(code="", price="")
    strange = table.assign(code="999z", price="cheap", extra=1)
    for name, rows in {"blank": blank, "strange": strange}.items():
        rows.to_csv(tmp_path / f"{name}.csv", index=False)
        printed = done(
            "predict",
            shop[1],
            tmp_path / f"{name}.csv",
            "--out",
            tmp_path / f"{name}.tsv",
        )
    (warning, unused) = printed.err.splitlines()
    assert "6 fields of 'strange.csv'" in warning
    assert "'price' ('cheap': 3), 'code' ('999z': 3)" in warning
    assert unused == "not used: 'no', 'extra'"
    assert (tmp_path / "blank.tsv").read_text() == (
        tmp_path / "strange.tsv"
    ).read_text()


def test_other_formats(blobs, csv, tmp_path, done):
    pytest.importorskip("pyarrow")
    model = tmp_path / "m.safetensors"
    x = blobs[[*"abcd"]].to_numpy()
    kind = blobs["kind"].fillna(-1).astype(int)
    np.savez(tmp_path / "fit.npz", x=x, kind=kind)
    np.savez(tmp_path / "new.npz", note=np.zeros(3), x=x)
    fit = [tmp_path / "fit.npz", "--target", "kind", "--epochs", 2, "--quiet"]
    done("fit", *fit, "--out", model)
    done("predict", model, tmp_path / "new.npz", "--out", tmp_path / "p.parquet")
    found = pd.read_parquet(tmp_path / "p.parquet")
    estimator = load_model(model).estimator
    names = [f"x_{i}" for i in range(4)]
    proba = estimator.predict_proba(pd.DataFrame(x, columns=names))
    np.testing.assert_allclose(found[[f"kind={i}" for i in range(3)]], proba, atol=1e-6)
    table = pd.DataFrame(x, columns=names)
    table.to_parquet(tmp_path / "new.parquet")
    done("predict", model, tmp_path / "new.parquet", "--out", tmp_path / "q.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "q.parquet"), found)


def test_quantities_have_intervals(blobs):
    graph = GraphicalModel({"kind": Discrete(3), "mass": Continuous(), "z": Latent(2)})
    X = blobs[["a", "c"]]
    y = pd.DataFrame({"mass": blobs["b"], "kind": blobs["kind"].fillna(-1).astype(int)})
    estimator = SemiSupervisedVAE(graphical_model=graph, max_epochs=3, random_state=0)
    estimator.fit(X, y)
    found = predictions(SavedModel(estimator, {}), X)
    assert found.columns.tolist()[-3:] == ["mass", "mass_low", "mass_high"]
    low, high = estimator.property_interval(X, coverage=0.9)["mass"]
    np.testing.assert_array_equal(
        found[["mass_low", "mass_high"]], np.hstack([low, high])
    )
    inside = (found["mass_low"] < blobs["b"]) & (blobs["b"] < found["mass_high"])
    assert 0.8 < inside.mean() < 1


def test_errors(shop, new, tmp_path, failed):
    out = ["--out", tmp_path / "p.csv"]
    table = pd.read_csv(new, dtype=str, keep_default_na=False)
    table[["no", "price"]].to_csv(tmp_path / "less.csv", index=False)
    line = failed("predict", shop[1], tmp_path / "less.csv", *out)
    assert "'rate', 'since', 'code', 'paid'" in line
    assert "--keep" in failed("predict", shop[1], new, "--keep", "nr", *out)
    table.rename(columns={"no": "level"}).to_csv(tmp_path / "level.csv", index=False)
    line = failed("predict", shop[1], tmp_path / "level.csv", "--keep", "level", *out)
    assert "'level' is also a column of the predictions" in line
    table.assign(price="inf").to_csv(tmp_path / "inf.csv", index=False)
    assert "infinity" in failed("predict", shop[1], tmp_path / "inf.csv", *out)
    assert "no file" in failed("predict", shop[1], tmp_path / "absent.csv", *out)
    assert "no file" in failed("predict", tmp_path / "absent.safetensors", new, *out)
    assert "would be lost" in failed("predict", shop[1], new, "--out", new)
    assert not (tmp_path / "p.csv").exists()
