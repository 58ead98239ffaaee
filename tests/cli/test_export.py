"""What predicts, for other programs."""

import pandas as pd
import pytest

from skfmvae.cli import installed
from skfmvae.persistence import load


def test_what_is_exported_predicts_the_same(shop, tmp_path, done):
    onnxruntime = pytest.importorskip("onnxruntime")
    out = tmp_path / "model.onnx"
    printed = done("export", shop[1], "--out", out).out.splitlines()
    assert printed[0] == str(out)
    assert printed[-2:] == ["  group: guest, vip", "  level: 1, 2"]
    assert "  code: 0 = 007a, 1 = 012a" in printed
    [since] = [line for line in printed if line.startswith("  since: days since 2")]
    estimator = load(shop[1])
    assert pd.Timestamp(since.split()[-1]) == pd.Timestamp(
        estimator.columns_.columns[2].origin
    )
    X = estimator.sample(20, random_state=0)[0]
    numbers = estimator.columns_.transform(X)
    if estimator.origin_ is None:
        numbers = numbers.astype("float32")
    graph = onnxruntime.InferenceSession(out)
    found = graph.run(None, {"X": numbers})
    for proba, expected in zip(found, estimator.predict_proba(X), strict=True):
        assert abs(proba - expected).max() < 1e-5


def test_a_name_that_is_none_of_a_graph(shop, tmp_path, failed):
    message = failed("export", shop[1], "--out", tmp_path / "model.csv")
    assert "'model.csv' should end in .onnx" in message


def test_what_is_missing_is_named(shop, tmp_path, failed, monkeypatch):
    def lacking(name):
        if name == "onnxscript":
            raise ModuleNotFoundError

    monkeypatch.setattr(installed, "import_module", lacking)
    message = failed("export", shop[1], "--out", tmp_path / "model.onnx")
    assert "onnxscript is not installed" in message
    assert "skfmvae[onnx]" in message
    assert not (tmp_path / "model.onnx").exists()
