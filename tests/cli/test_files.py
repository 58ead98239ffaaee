"""The files of a report, which are replaced all at once."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from skfmvae.cli import main


def test_the_figures_are_svg_and_png(csv, tmp_path, study):
    study(csv, tmp_path)
    root = ElementTree.parse(tmp_path / "curve.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    png = (tmp_path / "curve.png").read_bytes()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")


def files_in(folder):
    """Return the files in a folder and their content."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


FAILURES = {
    "an error of the disk": (OSError(28, "No space left on device"), 2),
    "an interrupt": (KeyboardInterrupt(), 130),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("writer", ["draw", "as_svg", "make_html"])
def test_a_report_that_fails_leaves_the_one_before(
    monkeypatch, csv, tmp_path, study, writer, failure
):
    (tmp_path / "mine.txt").write_text("stays")
    study(csv, tmp_path)
    before = files_in(tmp_path)
    error, code = FAILURES[failure]

    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(f"skfmvae.cli.files.{writer}", fail)
    options = f"--target kind --budgets 20 --cv 2 --estimators SVC --out {tmp_path}"
    assert main(["study", str(csv), *options.split(), "--quiet"]) == code
    assert files_in(tmp_path) == before
    folders = [path.name for path in tmp_path.iterdir() if path.is_dir()]
    assert folders == ["cache"]
    monkeypatch.undo()
    # The other study is cached by now. It replaces all files but mine.
    assert main(["study", str(csv), *options.split(), "--quiet"]) == 0
    after = files_in(tmp_path)
    assert [name for name in before if before[name] == after.get(name)] == ["mine.txt"]
    assert after.keys() == before.keys()


def test_files_of_two_studies_never_stand_side_by_side(
    monkeypatch, csv, tmp_path, study
):
    study(csv, tmp_path / "other", "--cv", "2")
    study(csv, tmp_path / "out")
    old, new = files_in(tmp_path / "out"), files_in(tmp_path / "other")
    seen = []

    def watched(method):
        def call(path, *args, **kwargs):
            done = method(path, *args, **kwargs)
            seen.append(files_in(tmp_path / "out"))
            return done

        return call

    for name in ("unlink", "replace"):
        monkeypatch.setattr(Path, name, watched(getattr(Path, name)))
    study(csv, tmp_path / "out", "--cv", "2", "--cache", tmp_path / "other" / "cache")
    # The page states the command, which differs.
    page = "report.html"
    for moment in seen:
        is_old = [moment[name] == old[name] for name in moment if name != page]
        assert all(is_old) or not any(is_old)
        assert page not in moment or len(moment) == 4
    assert len(seen) == 8
    assert {**seen[-1], page: None} == {**new, page: None}
