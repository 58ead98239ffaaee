"""The program: exit codes, interrupts, and what it prints."""

import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from sklearn.naive_bayes import GaussianNB

from skfmvae.cli import main

OPTIONS = "--target kind --budgets 9 --cv 2 --estimators GaussianNB --out".split()


def test_an_interrupt_has_its_own_code(monkeypatch, csv, tmp_path, capsys):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("skfmvae.cli.study.label_efficiency_curve", interrupted)
    options = "--target kind --budgets 9 --estimators SVC --out".split()
    assert main(["study", str(csv), *options, str(tmp_path)]) == 130
    assert "continues where it stopped" in capsys.readouterr().err


def test_an_interrupted_command_writes_nothing(monkeypatch, csv, tmp_path, capsys):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("skfmvae.FactorialMixtureVAE.fit", interrupted)
    options = ["--target", "kind", "--out", str(tmp_path / "m.safetensors")]
    assert main(["fit", str(csv), *options, "--quiet"]) == 130
    assert capsys.readouterr().err == "\nskfmvae: interrupted; nothing was written.\n"
    assert not list(tmp_path.iterdir())


def test_an_interrupted_fit_ends_the_study(monkeypatch, csv, tmp_path, capsys):
    assert main(["study", str(csv), *OPTIONS, str(tmp_path / "whole"), "--quiet"]) == 0
    n_fits = 0
    fit = GaussianNB.fit

    def interrupted(self, *args, **kwargs):
        nonlocal n_fits
        n_fits += 1
        if n_fits == 2:
            raise KeyboardInterrupt
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(GaussianNB, "fit", interrupted)
    out = tmp_path / "out"
    assert main(["study", str(csv), *OPTIONS, str(out)]) == 130
    assert "continues where it stopped" in capsys.readouterr().err
    # Only the finished fit is kept.
    assert [path.name for path in out.iterdir()] == ["cache"]
    assert len(list((out / "cache").iterdir())) == 1
    assert main(["study", str(csv), *OPTIONS, str(out)]) == 0
    assert n_fits == 3
    scores = [
        pd.read_csv(folder / "results.csv")["test_score"]
        for folder in (out, tmp_path / "whole")
    ]
    pd.testing.assert_series_equal(*scores)


# As from a terminal, even if the tests run in the background.
PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from skfmvae.cli import main
sys.exit(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_an_interrupt_by_signal(csv, tmp_path):
    command = [sys.executable, "-c", PROGRAM, "study", csv, *OPTIONS, tmp_path]
    program = subprocess.Popen([*command, "--repeats", "500"], stderr=subprocess.PIPE)
    with program:
        # Until the first fit has ended; hundreds are left.
        while not list(tmp_path.glob("cache/*.json")):
            assert program.poll() is None
            time.sleep(0.05)
        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=60)
    assert program.returncode == 130
    assert b"continues where it stopped" in errors
    assert b"Traceback" not in errors
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


# Code of `python -m skfmvae` and of the installed script.
PROGRAMS = {
    "module": "import runpy; runpy.run_module('skfmvae', run_name='__main__')",
    "script": "from skfmvae.cli import main; sys.exit(main())",
}


@pytest.mark.parametrize("package", ["numpy", "sklearn", "torch", "pandas"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_an_interrupt_while_packages_are_imported(csv, tmp_path, program, package):
    (tmp_path / f"{package}.py").write_text("raise KeyboardInterrupt")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {PROGRAMS[program]}"
    command = [sys.executable, "-c", code, "study", csv, *OPTIONS, tmp_path / "out"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 130
    (line,) = ended.stderr.split("\n")[1:-1]
    assert line.startswith("skfmvae: interrupted")


def test_our_own_errors_have_a_traceback(monkeypatch, csv, tmp_path):
    monkeypatch.setattr("skfmvae.cli.study.write_report", lambda *_: [].index(1))
    options = "--target kind --budgets 9 --cv 2 --quiet --estimators GaussianNB --out"
    with pytest.raises(ValueError, match="not in list"):
        main(["study", str(csv), *options.split(), str(tmp_path)])


def test_as_a_program(csv, tmp_path):
    command = [sys.executable, "-m", "skfmvae", "study", csv, "--target", "kind"]
    command += ["--budgets", "9", "--cv", "2", "--estimators", "GaussianNB", "--out"]
    done = subprocess.run([*command, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0
    assert "2/2" in done.stderr  # the progress
    assert done.stdout.splitlines()[-1] == str(tmp_path / "report.html")
    failed = subprocess.run([*command, csv], capture_output=True, text=True)
    assert failed.returncode == 2
    assert failed.stderr.startswith("skfmvae: error: --out")
    assert failed.stderr.count("\n") == 1
