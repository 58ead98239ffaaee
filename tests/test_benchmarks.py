"""Benchmarks: how tables are kept, what results hold, and figures of a comparison."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

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


def load(name):
    """Return a benchmark as a module."""
    path = ROOT / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def report(monkeypatch):
    module = load("report")
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


@pytest.fixture
def tables(monkeypatch):
    """Return the comparison on tables, whose every table is a small one with gaps."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = load("tables")
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [20, 10])
    frame = pd.DataFrame({"number": y + rng.normal(size=30), "letter": [*"aab" * 10]})
    frame.loc[0, "number"] = np.nan
    monkeypatch.setattr(module, "columns_and_classes", lambda name: (frame, y))
    return module


# Accuracies, then log losses, of two draws of the reference and of another method.
FITS = {
    ("A", 1): ((0.50, 0.60), (0.45, 0.55), (0.6, 0.6), (0.6, 0.6)),
    ("A", 5): ((0.80, 0.80), (0.70, 0.78), (0.4, 0.4), (1.4, 0.2)),
    ("B", 1): ((0.50, 0.50), (0.49, 0.49), (1.4, 1.4), (1.0, 2.0)),
    ("B", 5): ((0.50, 0.50), (0.60, 0.62), (1.0, 1.0), (0.9, 0.9)),
}


def lines_of_fits():
    """Return the lines of fits, of which A has two classes and B has four."""
    return pd.DataFrame(
        {
            "table": table,
            "n_labels": n_labels,
            "draw": draw,
            "method": method,
            "n_classes": {"A": 2, "B": 4}[table],
            "accuracy": figures[n][draw],
            "log_loss": figures[n + 2][draw],
            "calibration": 0.1 + 0.1 * n,
            "seconds": 1.0 + 2 * n,
        }
        for (table, n_labels), figures in FITS.items()
        for draw in range(2)
        for n, method in enumerate(("logistic regression", "kNN"))
    )


def test_summary_of_tables_worked_out_by_hand(tables):
    figures = tables.summary(lines_of_fits())
    # In points, kNN gains -5 and -1 with one label, -6 and 11 with five. The first is
    # below; -6 has a standard error of 4, and -1 is less than two points.
    expected = {
        "gain_1": (0, -3),
        "gain_5": (0, 2.5),
        "gain": (0, -0.25),
        "below": (0, 1),
        "rank": (1.25, 1.75),
        "no_higher_loss": (1, 0.5),
        "excess": (1.4 - np.log(4), 1.5 - np.log(4)),
        "loss": (0.85, 0.95),
        "calibration": (0.1, 0.2),
        "seconds": (1, 3),
    }
    assert set(figures) == set(expected)
    for name, values in expected.items():
        found = figures.loc[["logistic regression", "kNN"], name]
        assert_allclose(found, values, atol=1e-12, err_msg=name)


def test_only_complete_cells_of_tables_are_kept(tables):
    lines = lines_of_fits()
    tasks = [*lines[tables.KEY].itertuples(index=False, name=None)]
    lost = ("A", 5, 1, "kNN")
    lines = lines.drop(index=tasks.index(lost))
    assert tables.missing(tasks, lines) == [lost]
    kept = tables.complete(tasks, lines)
    assert set(zip(kept["table"], kept["n_labels"], strict=True)) == (
        set(FITS) - {("A", 5)}
    )
    # What is not asked for is left out, and leaves no cell incomplete.
    alone = [task for task in tasks if task[3] != "kNN"]
    assert len(tables.complete(alone, lines)) == 8


def test_scores_of_tables_agree_with_scikit_learn(tables):
    rng = np.random.default_rng(0)
    y, proba = rng.integers(3, size=50), rng.dirichlet(np.ones(3), size=50)
    found = tables.scores(y, proba.argmax(axis=1), proba)
    assert found["log_loss"] == pytest.approx(log_loss(y, proba))
    assert found["accuracy"] == np.mean(proba.argmax(axis=1) == y)


def test_scores_of_impossible_and_of_missing_probabilities(tables):
    proba = np.array([[0, 1], [np.nan, np.nan]], dtype=np.float32)
    found = tables.scores(np.array([0, 1]), np.array([1, 0]), proba)
    assert found["log_loss"] == pytest.approx((15 * np.log(10) + np.log(2)) / 2)


def test_labels_of_tables_are_as_many_as_there_are(tables):
    y = np.repeat([0, 1], [20, 3])
    few, more = (tables.hide_labels(y, n_labels, draw=0) for n_labels in (2, 5))
    assert_array_equal(np.bincount(few + 1), [19, 2, 2])
    assert_array_equal(np.bincount(more + 1), [15, 5, 3])
    assert_array_equal(more[few >= 0], few[few >= 0])


def test_columns_of_tables_are_learned_of_training_rows(tables):
    frame, y = tables.columns_and_classes("any")
    X, _, X_test, _ = tables.split("any", 0, most_rows=15)
    assert X.shape == (15, 3)
    assert_allclose(X.mean(axis=0), 0, atol=1e-6)
    assert_allclose(X.std(axis=0), 1, atol=1e-6)
    rows = np.arange(30)
    _, test = train_test_split(rows, test_size=0.3, stratify=y, random_state=0)
    frame.loc[test[0], ["number", "letter"]] = 1e6, "unknown"
    X_same, _, X_new, _ = tables.split("any", 0, most_rows=15)
    assert_array_equal(X_same, X)
    assert_array_equal(X_new[1:], X_test[1:])
    assert X_new[0, 0] > 1e5


def test_fits_to_tables_go_on_where_they_stopped(
    tables, report, monkeypatch, tmp_path, capsys
):
    path = tmp_path / "lines.jsonl"
    monkeypatch.setattr(tables, "report", report.report)
    command = ["tables.py", "--held-out", "--only-tables", "heart", "--draws", "2"]
    command += ["--budgets", "1", "5", "--only-methods", "kNN", "--jobs", "1"]
    command += ["--lines", str(path)]
    monkeypatch.setattr("sys.argv", command)
    tables.main()
    whole, printed = path.read_text(), capsys.readouterr().out
    lines = [json.loads(line) for line in whole.splitlines()]
    assert len({tuple(line[name] for name in tables.KEY) for line in lines}) == 8
    assert {line["draw"] for line in lines} == {1000, 1001}
    assert "2 draws of held-out rows, 2 of 2 cells complete" in printed

    path.write_text("".join(whole.splitlines(keepends=True)[:-1]))
    monkeypatch.setattr(tables, "run", lambda *task: lines[-1])
    tables.main()
    assert path.read_text() == whole
    tables.forget(path, ["kNN"])
    kept = tables.read_lines(path)
    assert list(kept["method"]) == 4 * ["logistic regression"]


def test_settings_are_confirmed_on_tables_that_they_were_not_chosen_on(tables):
    assert len({*tables.CHOSEN_ON, *tables.CONFIRMED_ON}) == 18


def test_figures_over_draws_worked_out_by_hand(report):
    cells = report.mean_and_deviation([[1, 0.5], [3, 0.5]], (".1f", ".2f"))
    assert cells == ["2.0 (1.0)", "0.50 (0.00)"]


@pytest.fixture
def intervals(monkeypatch):
    """Return the benchmark of intervals, with a table of two quantities."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = load("intervals")
    rng = np.random.default_rng(0)
    X, y = 5 + 3 * rng.normal(size=(200, 4)), 10 * rng.normal(size=(200, 2))
    monkeypatch.setitem(module.DATA, "two", lambda draw: (X, y))
    return module


def test_quantities_are_known_on_a_share_of_the_training_rows(intervals):
    X, y, X_test, y_test = intervals.split("two", 0)
    assert (X.shape, X_test.shape) == ((140, 4), (60, 4))
    assert_array_equal(np.isnan(y).sum(axis=0), 2 * [140 - 42])
    assert_array_equal(np.isnan(y[:, 0]), np.isnan(y[:, 1]))
    assert not np.isnan(y_test).any()
    assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    assert_allclose(X.std(axis=0), 1)
    all_rows, all_y = intervals.DATA["two"](0)
    train, test = train_test_split(np.arange(200), test_size=0.3, random_state=0)
    assert_array_equal(y_test, all_y[test])
    own = all_rows[train]
    assert_allclose(X_test, (all_rows[test] - own.mean(axis=0)) / own.std(axis=0))


def test_alcohol_is_no_column_of_the_wines(intervals):
    X, y = intervals.wine(0)
    assert X.shape == (178, 12)
    assert not np.isclose(X, y[:, None]).all(axis=0).any()


def test_figures_of_intervals_agree_with_those_of_a_gaussian(intervals):
    y = 3 * np.random.default_rng(0).normal(size=(20_000, 2))
    interval = tuple(np.full_like(y, side * 3 * 1.6448536) for side in (-1, 1))
    # The standard error of the share is 0.0015, that of a deviation half a hundredth.
    assert intervals.share_inside(interval, y) == pytest.approx(0.9, abs=0.005)
    assert intervals.mean_width(interval, y) == pytest.approx(2 * 1.645, rel=0.02)


def test_components_of_cells_do_not_tell_how_much_of_a_cell_was_read(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = load("cells")
    rng = np.random.default_rng(0)
    counts = csr_matrix(rng.poisson(2, size=(80, 60)).astype(np.float32))
    found = module.components(counts)
    assert_allclose(np.cov(found.T), np.diag(found.var(axis=0, ddof=1)), atol=1e-4)
    twice = csr_matrix(counts.multiply(rng.integers(1, 4, size=(80, 1))))
    assert_allclose(module.components(twice), found, atol=1e-4)
