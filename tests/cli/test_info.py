"""What a model was fitted to."""


def test_what_is_printed(shop, done):
    lines = done("info", shop[1]).out.splitlines()
    assert lines[:3] == [
        "FactorialMixtureVAE, fitted to 80 rows",
        "target group: guest, vip",
        "target level: 1, 2",
    ]
    assert lines[4].split() == ["column", "kind", "missing", "likelihood"]
    assert [line.split()[:2] for line in lines[5:]] == [
        ["price", "real"],
        ["rate", "real"],
        ["since", "dates"],
        ["code", "binary"],
        ["paid", "binary"],
    ]


def test_damaged_files(tmp_path, failed):
    path = tmp_path / "m.safetensors"
    path.write_text("no model")
    assert "give a file that skfmvae fit wrote" in failed("info", path)
