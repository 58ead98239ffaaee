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
