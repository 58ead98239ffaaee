"""Tables of benchmarks: how they are kept, and what the page of results holds."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
DECISIONS = ROOT / "docs" / "decisions"
PAGES = [RESULTS, *sorted(DECISIONS.glob("[0-9]*.md"))]
PROVENANCE = re.compile(
    r"^`.*python benchmarks/(\w+\.py).*` - "
    r"commits? [0-9a-f]{7}.*, 2\d{3}-\d\d-\d\d.*, .+\.$",
    re.MULTILINE,
)

PAGE = """# Results

## Digits
old

| a |
|---|
| 1 |

## MNIST
kept
"""


@pytest.fixture
def report(monkeypatch):
    spec = importlib.util.spec_from_file_location(
        "report", ROOT / "benchmarks" / "report.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "commit", lambda: "abc1234")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return module


def test_section_is_replaced_and_others_are_kept(report):
    replaced = report.replace_section(PAGE, "Digits", "new\n\n| b |\n|---|\n")
    assert replaced == (
        "# Results\n\n## Digits\nnew\n\n| b |\n|---|\n\n## MNIST\nkept\n"
    )


def test_last_section_is_replaced(report):
    assert report.replace_section(PAGE, "MNIST", "new") == PAGE.replace("kept", "new")


def test_missing_section_comes_last(report):
    added = report.replace_section(PAGE, "Digi", "new")
    assert added == PAGE + "\n## Digi\nnew\n"
    assert report.replace_section("", "Digits", "new") == "## Digits\nnew\n"


@pytest.mark.parametrize("where", [[], ["page.md"]])
def test_table_is_saved_with_its_provenance(
    report, monkeypatch, tmp_path, capsys, where
):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    monkeypatch.chdir(tmp_path)
    command = ["benchmarks/digits.py", "--only", "a b", "--save", *where, "--jobs", "1"]
    monkeypatch.setattr("sys.argv", command)
    save = where[0] if where else True
    report.report("Digits", ["x", "y"], [["1", "2"]], "3 seeds", save, page)
    section = page.read_text().partition("## MNIST")[0]
    assert section.endswith("| x | y |\n| --- | --- |\n| 1 | 2 |\n\n")
    [line] = [line for line in section.split("\n") if line.startswith("`")]
    assert line.startswith(
        "`OMP_NUM_THREADS=1 python benchmarks/digits.py --only 'a b' --jobs 1` - "
        "commit abc1234, "
    )
    assert line.endswith(", 3 seeds.")
    assert PROVENANCE.match(line)
    assert section.partition("## ")[2].rstrip() in capsys.readouterr().out


def test_table_is_kept_in_no_page_unless_asked(report, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["benchmarks/digits.py"])
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    report.report("Digits", ["x"], [["1"]], "3 seeds", None, page)
    assert page.read_text() == PAGE


def sections(page):
    """Return {heading: text} of a page."""
    parts = re.split(r"^## (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_results_are_short():
    assert len(RESULTS.read_text(encoding="utf-8").splitlines()) <= 250


def test_every_table_of_results_says_where_it_comes_from():
    _, *tables = sections(RESULTS).items()
    assert len(tables) > 15
    for heading, text in tables:
        [script] = PROVENANCE.findall(text)
        source = (ROOT / "benchmarks" / script).read_text(encoding="utf-8")
        assert heading in source, f"{script} does not write {heading!r}"


def test_links_of_results_lead_somewhere():
    text = RESULTS.read_text(encoding="utf-8")
    anchors = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in sections(RESULTS)
    }
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    for link in links:
        found = link[1:] in anchors if link[0] == "#" else (RESULTS.parent / link)
        assert found is True or (found and found.exists()), link


def test_benchmarks_write_the_tables_that_stand_in_decisions():
    found = [
        (page.name, heading, *PROVENANCE.findall(text))
        for page in PAGES[1:]
        for heading, text in sections(page).items()
        if PROVENANCE.search(text)
    ]
    assert found
    for page, heading, script in found:
        source = (ROOT / "benchmarks" / script).read_text(encoding="utf-8")
        assert heading in source, f"{script} does not write {heading!r} of {page}"
        assert Path(page).stem in source, f"{script} does not name {page}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_saving_a_table_again_loses_no_text(page):
    for heading, text in sections(page).items():
        if PROVENANCE.search(text):
            line, table = text.strip().split("\n\n")
            assert PROVENANCE.fullmatch(line), heading
            assert all(row.startswith("| ") for row in table.split("\n")), heading
