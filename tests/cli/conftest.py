import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")


@pytest.fixture(scope="session")
def blobs():
    """Four columns of numbers and three kinds, labelled on most of 120 rows."""
    rng = np.random.default_rng(0)
    kind = np.arange(120) % 3
    table = pd.DataFrame(rng.normal(size=(120, 4)) + kind[:, None], columns=[*"abcd"])
    table["kind"] = pd.Series(kind).where(rng.random(120) < 0.7)
    return table


@pytest.fixture(scope="session")
def csv(blobs, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "blobs.csv"
    blobs.to_csv(path, index=False)
    return path


@pytest.fixture
def study(capsys):
    """Run a study that should succeed; return its output."""
    from skfmvae.cli import main

    def run(data, out, *more, target="kind", estimators="LogisticRegression"):
        options = ["--target", target, "--estimators", estimators, "--out", out]
        options += ["--budgets", "10,40", "--cv", "3", "--quiet", *more]
        assert main(["study", *map(str, [data, *options])]) == 0
        return capsys.readouterr()

    return run


@pytest.fixture
def done(capsys):
    """Run a command that should succeed; return its output."""
    from skfmvae.cli import main

    def run(*arguments):
        assert main(list(map(str, arguments))) == 0
        return capsys.readouterr()

    return run


@pytest.fixture
def failed(capsys):
    """Run a command that cannot run; return the line that it prints on stderr."""
    from skfmvae.cli import main

    def run(*arguments):
        code = main(list(map(str, arguments)))
        printed = capsys.readouterr()
        assert code == 2
        assert not printed.out
        line, *more = printed.err.strip().split("\n")
        assert not more
        assert line.startswith("skfmvae: error: ")
        return line

    return run


def shop_fields(n_rows):
    """A table of every kind of column as people write it, with gaps and two targets."""
    rng = np.random.default_rng(0)
    vip = np.arange(n_rows) % 2 == 0
    prices = np.where(vip, 4000, 900) + rng.integers(0, 500, n_rows)
    days = np.datetime64("2024-01-01") + np.where(vip, 200, 20) + np.arange(n_rows) % 9
    fields = {
        "no": [f"{i:04d}x" for i in range(n_rows)],
        "price": [f"${price:,}" for price in prices],
        "rate": [
            f"{rate:.1f}".replace(".", ",") for rate in vip * 3 + rng.random(n_rows)
        ],
        "since": days.astype(str).tolist(),
        "code": [f"{7 if v else 12:03d}a" for v in vip],
        "paid": ["TRUE" if v else "FALSE" for v in vip],
        "group": np.where(vip, "vip", "guest"),
        "level": [1 + int(v) for v in vip],
    }
    table = pd.DataFrame(fields).astype(str)
    for name in ("price", "rate", "since", "code", "paid"):
        table.loc[rng.random(n_rows) < 0.1, name] = ""
    for name in ("group", "level"):
        table.loc[rng.random(n_rows) < 0.5, name] = ""
    table.loc[3, "price"] = "?"
    return table


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    """The path of such a table, and of a model that was fitted to it."""
    from skfmvae.cli import main

    folder = tmp_path_factory.mktemp("shop")
    data, model = folder / "shop.csv", folder / "model.safetensors"
    shop_fields(80).to_csv(data, index=False)
    options = ["--target", "group,level", "--drop", "no", "--epochs", "20", "--quiet"]
    assert main(["fit", str(data), *options, "--out", str(model)]) == 0
    return data, model
